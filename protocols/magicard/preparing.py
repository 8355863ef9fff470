"""From planes to a card that is ready for the wire; CPU only, nothing is sent.

PURE: what cannot be printed is refused here, before a blank moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from protocols.contract import PreparedCard, Ribbon, SidePlanes
from protocols.errors import LocalProtocolError
from protocols.magicard.job import LETTERS
from protocols.magicard.models import Model
from protocols.magicard.raster import pack
from protocols.vocabulary import CardFate, CardSide, Panel

_BARE = [255] + [0] * 255  # by a dot of the overcoat: whether there is none


def prepare(
    model: Model, sides: Sequence[SidePlanes], ribbon_kind: str, margin: int
) -> PreparedCard:
    """Pack the planes of each side, front first; `margin`: `raster.margin_of`.

    An overcoat is no plane of this family: its entry is empty where it covers the
    card, and absent where it does not. Where it leaves out one rectangle, that is the
    entry: left, bottom, right and top, as the header spells them.

    Raises:
        LocalProtocolError: as `contract.Driver.prepare` says, or an overcoat of another
            shape.
    """
    able = model.capabilities
    ribbon = able.ribbons.get(ribbon_kind)
    if ribbon is None:
        known = ", ".join(able.ribbons)
        raise _impossible(f"ribbon {ribbon_kind!r}, expected one of: {known}")
    order = [planes.side for planes in sides]
    if order not in ([CardSide.FRONT], [CardSide.FRONT, CardSide.BACK]):
        raise _impossible(f"sides {order}, expected front, or front and back")
    if CardSide.BACK in order and not able.two_sided:
        raise _impossible(f"a {able.model} prints the front alone")
    packed = tuple(
        (planes.side, tuple(_packed(model, planes, ribbon, margin))) for planes in sides
    )
    digest = hashlib.sha256()
    for _, panels in packed:
        for _, dots in panels:
            digest.update(dots)
    return PreparedCard(packed, ribbon_kind, digest.hexdigest())


def _packed(
    model: Model, planes: SidePlanes, ribbon: Ribbon, margin: int
) -> Iterator[tuple[Panel, bytes]]:
    panels = ribbon.panels(planes.side)
    _check_planes(model, planes, panels)
    for panel in panels:
        plane = planes.planes[panel]
        if panel in LETTERS:
            turned = model.quirks.turned
            yield panel, pack(panel, plane, model.layout, margin, turned=turned)
            continue
        if plane.getbbox() is not None:
            yield panel, _hole(model, planes)


def _hole(model: Model, planes: SidePlanes) -> bytes:
    """What the overcoat leaves out; edges count from the card's, ends included."""
    plane = planes.planes[Panel.OVERLAY]
    bare = plane.point(_BARE)
    box = bare.getbbox()
    if box is None:
        return b""
    if bare.crop(box).getextrema()[0] == 0:
        raise _impossible(
            f"the overcoat of the {planes.side} has a shape of its own, expected all, "
            "nothing, or all but one rectangle"
        )
    left, top, right, bottom = box
    ends = model.overcoat_right if right == plane.width else right - 1
    lowest = plane.height - 1
    # Guessed: from which corner.                                              MAG-50
    edges = (left, lowest - (bottom - 1), ends, lowest - top)
    return ",".join(map(str, edges)).encode("ascii")


def _check_planes(model: Model, planes: SidePlanes, panels: tuple[Panel, ...]) -> None:
    if set(planes.planes) != set(panels):
        raise _impossible(
            f"planes {sorted(planes.planes)} for the {planes.side}, "
            f"expected {sorted(panels)}"
        )
    size = (model.capabilities.width_px, model.capabilities.height_px)
    for panel, plane in planes.planes.items():
        if plane.mode != "L" or plane.size != size:
            raise _impossible(
                f"plane {panel} of the {planes.side} is {plane.mode} "
                f"{plane.width} × {plane.height}, expected L {size[0]} × {size[1]}"
            )


def _impossible(message: str) -> LocalProtocolError:
    return LocalProtocolError(message, card=CardFate.UNTOUCHED)
