"""What goes wrong, and when: a schedule by card, a seed, and faults struck by hand.

Knows no machine: it says which kinds are due at a moment of a card's way, and which
troubles of the link are there. The same seed and schedule always give the same run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class FaultKind(StrEnum):
    HOPPER_EMPTY = "hopper-empty"  # the stack hangs: blanks are there, none arrives
    FEED_FAILURE = "feed-failure"  # the roller slips; the sensor sees the stack
    DOUBLE_FEED = "double-feed"  # two blanks come at once
    JAM_PATH = "jam-path"
    JAM_EXIT = "jam-exit"  # on the way out
    STUCK_HALF_PRINTED = "stuck-half-printed"  # a motor stands still once
    COVER_OPEN = "cover-open"
    RIBBON_ENDED = "ribbon-ended"
    RIBBON_BROKEN = "ribbon-broken"
    WRONG_RIBBON = "wrong-ribbon"  # one that the machine does not know
    HEAD_HOT = "head-hot"
    OUTPUT_FULL = "output-full"
    REJECT_BIN_FULL = "reject-bin-full"
    MAGSTRIPE_WRITE = "magstripe-write"  # what was written cannot be read back
    COUNTER_RESET = "counter-reset"  # the counter of cards begins at 0 again
    COUNTER_JUMP = "counter-jump"  # it counts a thousand cards that nobody fed
    POWER_CUT = "power-cut"
    LINK_CUT = "link-cut"
    SLOW_LINK = "slow-link"
    SILENT = "silent"  # carries out what it is told, answers nothing
    GARBAGE = "garbage"  # likewise, and answers rubbish
    USB_STALL = "usb-stall"  # halts an endpoint, once
    USB_NAK = "usb-nak"  # takes nothing
    USB_PARTIAL = "usb-partial"  # takes a part of each transfer, then nothing of it


class Moment(StrEnum):
    """The point of a card's way at which a scheduled fault strikes."""

    PICK = "pick"  # about to take the card from the hopper
    RECEIVING = "receiving"  # in the middle of a panel's bytes
    PRESSING = "pressing"  # in the middle of pressing a panel on the card
    PRINT_BEGUN = "print-begun"  # as its first panel begins
    LEAVING = "leaving"  # about to be ejected or rejected
    ENCODING = "encoding"  # its magnetic stripe is being written


MOMENT_OF = {
    FaultKind.HOPPER_EMPTY: Moment.PICK,
    FaultKind.FEED_FAILURE: Moment.PICK,
    FaultKind.DOUBLE_FEED: Moment.PICK,
    FaultKind.WRONG_RIBBON: Moment.PICK,
    FaultKind.REJECT_BIN_FULL: Moment.PICK,
    FaultKind.COUNTER_RESET: Moment.PICK,
    FaultKind.COUNTER_JUMP: Moment.PICK,
    FaultKind.LINK_CUT: Moment.RECEIVING,
    FaultKind.SLOW_LINK: Moment.RECEIVING,
    FaultKind.USB_STALL: Moment.RECEIVING,
    FaultKind.USB_NAK: Moment.RECEIVING,
    FaultKind.USB_PARTIAL: Moment.RECEIVING,
    FaultKind.SILENT: Moment.PRINT_BEGUN,
    FaultKind.GARBAGE: Moment.PRINT_BEGUN,
    FaultKind.JAM_PATH: Moment.PRESSING,
    FaultKind.COVER_OPEN: Moment.PRESSING,
    FaultKind.RIBBON_ENDED: Moment.PRESSING,
    FaultKind.POWER_CUT: Moment.PRESSING,
    FaultKind.STUCK_HALF_PRINTED: Moment.PRESSING,
    FaultKind.RIBBON_BROKEN: Moment.PRESSING,
    FaultKind.HEAD_HOT: Moment.PRESSING,
    FaultKind.JAM_EXIT: Moment.LEAVING,
    FaultKind.OUTPUT_FULL: Moment.LEAVING,
    FaultKind.MAGSTRIPE_WRITE: Moment.ENCODING,
}

USB_KINDS = frozenset({FaultKind.USB_STALL, FaultKind.USB_NAK, FaultKind.USB_PARTIAL})
"""Troubles that only a USB port has."""

LINK_KINDS = USB_KINDS | {
    FaultKind.LINK_CUT,
    FaultKind.SLOW_LINK,
    FaultKind.SILENT,
    FaultKind.GARBAGE,
}

STANDING_KINDS = frozenset(
    {
        FaultKind.FEED_FAILURE,
        FaultKind.JAM_EXIT,
        FaultKind.STUCK_HALF_PRINTED,
        FaultKind.RIBBON_BROKEN,
        FaultKind.WRONG_RIBBON,
        FaultKind.HEAD_HOT,
        FaultKind.OUTPUT_FULL,
        FaultKind.REJECT_BIN_FULL,
        FaultKind.MAGSTRIPE_WRITE,
    }
)
"""Causes that the machine need only know to be there, until somebody removes them."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    kind: FaultKind
    card_no: int  # strikes at the card_no-th card taken from the hopper
    panel_index: int  # for PRESSING: the panel of the first side it strikes at


@dataclass(slots=True)
class Faults:
    seed: int = 0
    scheduled: list[Scheduled] = field(default_factory=list)
    on_link: set[FaultKind] = field(default_factory=set)
    random: Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def schedule(self, kind: FaultKind, card_no: int) -> None:
        """Let `kind` strike at the `card_no`-th card; where exactly, the seed says."""
        self.scheduled.append(Scheduled(kind, card_no, self.random.randrange(1, 4)))

    def take_due(
        self, moment: Moment, card_no: int | None, panel_index: int = 0
    ) -> FaultKind | None:
        """Return the next kind that strikes now, and strike it off the schedule."""
        for entry in self.scheduled:
            if (
                entry.card_no == card_no
                and MOMENT_OF[entry.kind] is moment
                and (moment is not Moment.PRESSING or panel_index >= entry.panel_index)
            ):
                self.scheduled.remove(entry)
                return entry.kind
        return None

    def rubbish(self) -> bytes:
        """A few bytes that are no answer of any printer."""
        return self.random.randbytes(self.random.randrange(1, 64))
