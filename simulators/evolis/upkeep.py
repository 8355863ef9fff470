"""When the printer wants to be cleaned, by its own counters, and how it says so."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.counters import Counters
from simulators.evolis.firmware import Firmware

INF_CLEANING_MANDATORY = 0x00040000
INF_CLEANING = 0x00020000
INF_CLEAN_OUTWARRANTY = 0x00008000
INF_CLEANING_REQUIRED = 0x00000100
_LATE = INF_CLEANING_MANDATORY | INF_CLEANING_REQUIRED | INF_CLEAN_OUTWARRANTY

# `Scp` and what may follow it; True: the thorough one.
CYCLES = {
    (): False,
    ("a",): False,
    ("a card",): False,
    ("Adhesive card",): False,
    ("feeder",): False,
    ("t card",): True,
    ("T card",): True,
}


@dataclass(frozen=True, slots=True)
class Upkeep:
    counters: Counters
    firmware: Firmware

    @property
    def cards_since(self) -> int:
        """Cards since the last cleaning."""
        return max(0, self.counters.cards - self.counters.cleaned_at)

    @property
    def until_advised(self) -> int:
        """Cards still to come before the first threshold; below 0: too many came."""
        return self.firmware.clean_after - self.cards_since

    @property
    def advised(self) -> bool:
        return self.until_advised <= 0

    @property
    def bits(self) -> int:
        """Its share of the status's information word."""
        if not self.advised:
            return 0
        if self.until_advised + self.firmware.clean_within > 0:
            return INF_CLEANING
        return INF_CLEANING | _LATE

    def named(self) -> str:
        """The answer to `Rco;clean`."""
        counters = self.counters
        return (
            f"rem_advised:{self.until_advised}\n"
            f"mandatory:{self.firmware.clean_within}\n"
            f"last_periodic:{counters.cleaned_at}\n"
            f"periodic_global:{counters.cleanings}\n"
            f"advanced_global:{counters.thorough_cleanings}\n"
        )

    def numbered(self, parameters: tuple[str, ...]) -> str | None:
        """The answer to the older `Rco;…`; None: it is none of them."""
        firmware = self.firmware
        mandatory_after = firmware.clean_after + firmware.clean_within
        values = {
            ("c",): f"{self.counters.cards}",
            ("n",): f"{self.counters.cleanings}",
            ("clp",): f"{self.until_advised}",
            ("s", "1"): f"{firmware.clean_after} {mandatory_after} ",
            ("r",): f"{self.counters.cleaned_at + firmware.clean_after}",
            ("cnac",): f"{self.counters.thorough_cleanings}",
        }
        return values.get(parameters)
