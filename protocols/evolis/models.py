"""The models of the family as they are fitted; what has no row is refused by name.

A row holds what sources prove of that model (EVO-14, 42, 51, 52); where they are silent
it has the weaker word: one side, no reject bin, more time for a card (EVO-55). What a
row promises to be fitted, the printer must confirm when it is opened (EVO-58).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.contract import Capabilities, CountsAt, Ribbon
from protocols.quirks import QUIRKS, Quirks
from protocols.vocabulary import Panel

FAMILY = "evolis"
ROW_DOTS = 648  # EVO-40
NARROW_ROW_DOTS, NARROW_RESOLUTION = 562, (300, 260)  # EVO-52

_YMCKO = (Panel.YELLOW, Panel.MAGENTA, Panel.CYAN, Panel.BLACK, Panel.OVERLAY)
_RIBBONS = {
    "YMCKO": Ribbon(_YMCKO),
    "YMCKOK": Ribbon(_YMCKO, back=(Panel.BLACK,)),  # EVO-57
    "KO": Ribbon((Panel.BLACK, Panel.OVERLAY)),
    "K": Ribbon((Panel.BLACK,)),  # EVO-56
}


@dataclass(frozen=True, slots=True)
class Model:
    """What the wire needs to know besides the capabilities that the agent sees."""

    reply: str  # what it calls itself, compared without regard to case    EVO-14
    colour_levels: int  # of the Y, M and C panels; K and O have 2   EVO-42, EVO-51
    row_dots: int  # of a panel, across the card
    resolution: tuple[int, int] | None  # dpi along and across; None: 300, not sent
    quirks: Quirks
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Fitted:
    """The parts that one printer of a model has and another may lack."""

    two_sided: bool
    reject_bin: bool

    def beyond(self, other: Fitted) -> bool:
        """Whether this has a part that `other` lacks."""
        return self.two_sided > other.two_sided or self.reject_bin > other.reject_bin

    def __str__(self) -> str:
        sides = "two-sided" if self.two_sided else "one-sided"
        return f"{sides} {'with' if self.reject_bin else 'without'} reject bin"


_EVERY_FITTING = [Fitted(two, bin_) for two in (True, False) for bin_ in (True, False)]


def _models(
    name: str, *, levels: int, narrow: bool = False, proven: bool = False
) -> Iterator[Model]:
    """One row for each fitting; `proven`: two sides, reject bin, speed are in a source.

    The plain name is what is proven, the others say in which they differ.
    """
    for fitted in _EVERY_FITTING:
        yield Model(
            reply=name.upper(),
            colour_levels=levels,
            row_dots=NARROW_ROW_DOTS if narrow else ROW_DOTS,
            resolution=NARROW_RESOLUTION if narrow else None,
            quirks=QUIRKS.of(FAMILY, name),
            capabilities=Capabilities(
                family=FAMILY,
                model=name + _difference(fitted, Fitted(proven, proven)),
                dpi=300,  # of the planes; `Model.resolution` is the panel's
                width_px=1016,  # EVO-40
                height_px=ROW_DOTS,
                two_sided=fitted.two_sided,
                reject_bin=fitted.reject_bin,
                ribbons=_RIBBONS,
                feed_counter=CountsAt.FEED,  # EVO-17
                ribbon_counter=CountsAt.START,  # EVO-16
                faults_latch=True,  # EVO-23
                cleaning=True,  # EVO-85
                cleaning_cards=0,  # guessed: EVO-93
                power_canary=True,  # EVO-21
                status_beside_job=True,  # EVO-06
                longest_card_s=90.0 if proven else 180.0,  # EVO-39, EVO-55
                settle_gap_s=2.0,
            ),
        )


def _difference(fitted: Fitted, plain: Fitted) -> str:
    sides, *rest = str(fitted).split()
    differs = [sides] if fitted.two_sided is not plain.two_sided else []
    differs += rest if fitted.reject_bin is not plain.reject_bin else []
    return "".join(f" {word}" for word in differs)


MODELS = {
    row.capabilities.model: row
    for rows in (
        _models("Primacy", levels=256, proven=True),
        _models("Primacy 2", levels=256),
        _models("Elypso", levels=256),
        _models("KC200", levels=256),
        _models("Zenius", levels=128),
        _models("Badgy200", levels=128, narrow=True),
    )
    for row in rows
}


def name_of(model: Model, fitted: Fitted) -> str:
    """How the same model is called where it is fitted so."""
    able = (
        (name, row.capabilities)
        for name, row in MODELS.items()
        if row.reply == model.reply
    )
    return next(
        name
        for name, can in able
        if (can.two_sided, can.reject_bin) == (fitted.two_sided, fitted.reject_bin)
    )


# EVO-15: `type` of a ribbon, as the vendor's program numbers them.
RIBBON_TYPES = {
    0: "YMCKO",
    1: "KO",
    3: "YMCKOS",
    4: "YMCKOK",
    13: "YMCKOO",
    100: "K",
}


def ribbon_type(kind: str) -> int:
    """The number of a kind that `prepare` has accepted."""
    return next(number for number, name in RIBBON_TYPES.items() if name == kind)
