"""What differs between the firmwares of one model: settings, for sources do not say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Firmware:
    clean_after: int = 1000  # cards since the last cleaning, and one is advised
    clean_within: int = 400  # more cards, and one is mandatory
    names_counters: bool = True  # knows Rco;clean and Rco;card
    shows_status: bool = True  # ends its replies with the status before Pps;1
