"""The models of the family as they are fitted; what has no row is refused by name.

A row holds what sources prove of that model; where they are silent it has the weaker
word. What a row promises to be fitted, the printer must confirm when it is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from protocols.contract import Capabilities, CountsAt, Ribbon
from protocols.quirks import QUIRKS, Quirks
from protocols.vocabulary import Panel

FAMILY = "magicard"
LINE_DOTS = 672  # of the print head                                             MAG-30
CARD_DOTS = 642  # of them, across a card                                        MAG-30
HEAD_POSITION = 50  # where the printer says none                                MAG-36


class Layout(StrEnum):
    """How the dots of a line lie in its bytes; the value is the family's name."""

    KEE = "Rio"  # MAG-33
    KGE_ENDURO = "Enduro"  # MAG-34, MAG-35
    KGE_ALTO = "Alto"  # MAG-34, MAG-35


_YMCKO = (Panel.YELLOW, Panel.MAGENTA, Panel.CYAN, Panel.BLACK, Panel.OVERLAY)
_RIBBONS = {
    "YMCKO": Ribbon(_YMCKO),
    "YMCKOK": Ribbon(_YMCKO, back=(Panel.BLACK,)),
    "KO": Ribbon((Panel.BLACK, Panel.OVERLAY)),
    "K": Ribbon((Panel.BLACK,)),
}


@dataclass(frozen=True, slots=True)
class Model:
    """What the wire needs to know besides the capabilities that the agent sees."""

    name: str  # compared with what it calls itself, see `same_name`
    layout: Layout
    head_tags: tuple[str, ...]  # fields of the header that name the print head  MAG-23
    head_types: tuple[int, ...]  # what it may say of its head; empty: not compared
    quirks: Quirks
    capabilities: Capabilities

    @property
    def overcoat_right(self) -> int:
        """Where an overcoat of the whole card ends."""
        return self.quirks.overcoat_right or self.capabilities.width_px - 1


def _models(
    name: str, layout: Layout, tags: tuple[str, ...], *, lines: int = 1016
) -> Iterator[Model]:
    """A row for each fitting: with or without a flipper, a magnetic unit."""
    for two_sided, magnetic in product((False, True), repeat=2):
        yield Model(
            name=name,
            layout=layout,
            head_tags=tags,
            head_types=(0,) if layout is Layout.KGE_ENDURO else (),
            quirks=QUIRKS.of(FAMILY, name),
            capabilities=Capabilities(
                family=FAMILY,
                model=fitted_name(name, two_sided=two_sided, magnetic=magnetic),
                dpi=300,
                width_px=lines,
                height_px=CARD_DOTS,
                two_sided=two_sided,
                reject_bin=False,  # none that a host can send a card to         MAG-46
                ribbons=_RIBBONS,
                feed_counter=CountsAt.START,  # "printed": the weaker moment     MAG-43
                ribbon_counter=None,  # when a shot counts is in no source       MAG-44
                faults_latch=False,  # MAG-45
                power_canary=True,  # the link itself                            MAG-42
                status_beside_job=True,  # over USB                              MAG-04
                longest_card_s=180.0,  # no source: the weaker word
                settle_gap_s=2.0,  # MAG-05
                whole_job=True,  # MAG-40
                stripe=magnetic,  # MAG-27
            ),
        )


def fitted_name(name: str, *, two_sided: bool, magnetic: bool) -> str:
    """What a configuration calls a model that is fitted so (MAG-17)."""
    return name + " two-sided" * two_sided + " magnetic" * magnetic


MODELS = {
    row.capabilities.model: row
    for rows in (
        _models("Rio 2e", Layout.KEE, ("KEE", "RT2")),
        _models("Tango 2e", Layout.KEE, ("KEE", "RT2")),
        _models("Alto", Layout.KGE_ALTO, ("KGE",), lines=1000),
        _models("Opera", Layout.KGE_ALTO, ("KGE",), lines=1000),
        _models("Tempo", Layout.KGE_ALTO, ("KGE",), lines=1000),
        _models("Enduro", Layout.KGE_ENDURO, ("KGE2",)),
        _models("Enduro+", Layout.KGE_ENDURO, ("KGE2",)),
        _models("Pronto", Layout.KGE_ENDURO, ("KGE2",)),
        _models("Rio Pro", Layout.KGE_ENDURO, ("KGE2",)),
    )
    for row in rows
}


def same_name(model: Model, told: str) -> bool:
    """Whether a printer that calls itself `told` may be this model (MAG-47)."""
    return _letters(told).removeprefix("magicard") == _letters(model.name)


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9+]", "", name.casefold())


# What a film may be called, by the words for it in the job's header.            MAG-24
_FILMS = {"LC1": "YMCKO", "LC3": "K", "LC6": "KO", "LC8": "YMCKOK"}
_PANELS = re.compile(r"(?<![A-Z])(YMCKOK|YMCKO|KO|K)(?![A-Z])")


def ribbon_kind(film_name: str) -> str:
    """Return the ribbon's kind by the film's name, or that name itself (MAG-48)."""
    word = film_name.upper()
    for film, kind in _FILMS.items():
        if word.startswith(film):
            return kind
    found = _PANELS.search(word)
    return found[1] if found else film_name
