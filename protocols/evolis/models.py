"""The models of the family, one row each; a model without a row is refused by name.

A row holds what sources prove of that model (EVO-14, 42, 51, 52); where they are silent
it has the weaker word: one side, no reject bin, more time for a card (EVO-55).
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.contract import Capabilities, CountsAt, Ribbon
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
    capabilities: Capabilities


def _model(
    name: str, *, levels: int, narrow: bool = False, proven: bool = False
) -> Model:
    """One row; `proven`: two sides, reject bin and speed stand in a source."""
    return Model(
        reply=name.upper(),
        colour_levels=levels,
        row_dots=NARROW_ROW_DOTS if narrow else ROW_DOTS,
        resolution=NARROW_RESOLUTION if narrow else None,
        capabilities=Capabilities(
            family=FAMILY,
            model=name,
            dpi=300,  # of the planes; `Model.resolution` is the panel's
            width_px=1016,  # EVO-40
            height_px=ROW_DOTS,
            two_sided=proven,
            reject_bin=proven,
            ribbons=_RIBBONS,
            feed_counter=CountsAt.FEED,  # EVO-17
            ribbon_counter=CountsAt.START,  # EVO-16
            faults_latch=True,  # EVO-23
            power_canary=True,  # EVO-21
            status_beside_job=True,  # EVO-06
            longest_card_s=90.0 if proven else 180.0,  # EVO-39, EVO-55
            settle_gap_s=2.0,
        ),
    )


MODELS = {
    row.capabilities.model: row
    for row in (
        _model("Primacy", levels=256, proven=True),
        _model("Primacy 2", levels=256),
        _model("Elypso", levels=256),
        _model("KC200", levels=256),
        _model("Zenius", levels=128),
        _model("Badgy200", levels=128, narrow=True),
    )
}

# EVO-15: `type` of a ribbon, as the vendor's program numbers them.
RIBBON_TYPES = {
    0: "YMCKO",
    1: "KO",
    3: "YMCKOS",
    4: "YMCKOK",
    13: "YMCKOO",
    100: "K",
}
