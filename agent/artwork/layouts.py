"""The layouts a job may name, and which fields and pictures each one wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL.Image import Image

from agent.artwork import e_ktp
from agent.artwork.errors import ArtworkError
from agent.contract.messages import LayoutSide, RejectReason
from protocols.vocabulary import CardSide

Draw = Callable[[CardSide, Mapping[str, str], Mapping[str, Image], bool], Image]
"""(side for errors, fields, pictures by role as RGBA, labels) -> RGB, card size."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Every field is required; `pictures` maps a picture's role to "required"."""

    fields: frozenset[str]
    pictures: Mapping[str, bool]
    draw: Draw


LAYOUTS: dict[str, Layout] = {
    "e-ktp": Layout(e_ktp.FIELDS, e_ktp.PICTURES, e_ktp.draw),
}


def by_name(side: CardSide, name: str) -> Layout:
    """Return a layout.

    Raises:
        ArtworkError: `layout-bad`, naming the layouts that exist.
    """
    if name not in LAYOUTS:
        known = ", ".join(sorted(LAYOUTS))
        raise _bad(side, f"unknown layout {name!r}, must be one of: {known}")
    return LAYOUTS[name]


def require_names(name: CardSide, layout: Layout, side: LayoutSide) -> None:
    """Check that all fields and pictures are there, and no others.

    Raises:
        ArtworkError: `layout-bad`, naming the fields or pictures.
    """
    required = {role for role, is_required in layout.pictures.items() if is_required}
    for kind, given, wanted, allowed in (
        ("field", side.fields.keys(), layout.fields, layout.fields),
        ("picture", side.parts.keys(), required, layout.pictures.keys()),
    ):
        if missing := wanted - given:
            raise _bad(name, f"missing {kind}: {_listed(missing)}")
        if unknown := given - allowed:
            raise _bad(name, f"unknown {kind}: {_listed(unknown)}")


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _bad(side: CardSide, detail: str) -> ArtworkError:
    return ArtworkError(RejectReason.LAYOUT_BAD, f"{side}: {detail}")
