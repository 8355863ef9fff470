"""How a machine is built and set: its timing, when it counts, what power-up does."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulators.motions import Timing


class CountsAt(StrEnum):
    FEED = "feed"
    START = "start"
    END = "end"


class PowerUp(StrEnum):
    """What the machine does at power-up with a card in its path."""

    KEEP = "keep"
    HIDE = "hide"  # it stays where no sensor sees it
    FLUSH = "flush"  # it is thrown out to the output


@dataclass(frozen=True, slots=True)
class Build:
    """How this machine is built and set."""

    timing: Timing = field(default_factory=Timing)
    cards_count_at: CountsAt = CountsAt.FEED
    ribbon_counts_at: CountsAt = CountsAt.START
    power_up: PowerUp = PowerUp.KEEP
    has_flipper: bool = True
    has_reject_bin: bool = True
    loses_last_count: bool = False  # at a power cut with a card inside
