"""The models of the family, one row each; a model without a row is refused by name."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.contract import Capabilities, CountsAt
from protocols.vocabulary import Panel

FAMILY = "evolis"


@dataclass(frozen=True, slots=True)
class Model:
    """What the wire needs to know besides the capabilities that the agent sees."""

    reply: str  # what it calls itself, compared without regard to case    EVO-14
    colour_levels: int  # of the Y, M and C panels; K and O have 2          EVO-42
    capabilities: Capabilities


MODELS = {
    row.capabilities.model: row
    for row in (
        Model(
            reply="PRIMACY",
            colour_levels=256,
            capabilities=Capabilities(
                family=FAMILY,
                model="Primacy",
                dpi=300,
                width_px=1016,  # EVO-40
                height_px=648,
                two_sided=True,
                reject_bin=True,
                ribbons={
                    "YMCKO": (
                        Panel.YELLOW,
                        Panel.MAGENTA,
                        Panel.CYAN,
                        Panel.BLACK,
                        Panel.OVERLAY,
                    ),
                },
                feed_counter=CountsAt.FEED,  # EVO-17
                ribbon_counter=CountsAt.START,  # EVO-16
                faults_latch=True,  # EVO-23
                power_canary=True,  # EVO-21
                status_beside_job=True,  # EVO-06
                longest_card_s=90.0,  # EVO-39
                settle_gap_s=2.0,
            ),
        ),
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
