"""What the machine can be asked to do, what can stop it, and what happens meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulators.blanks import Blank, Mark, Side
from simulators.faults import FaultKind


class Stop(StrEnum):
    """Why a motion did not happen, or not to its end."""

    HOPPER_EMPTY = "hopper-empty"
    NO_CARD = "no-card"
    JAMMED = "jammed"
    COVER_OPEN = "cover-open"
    NO_RIBBON = "no-ribbon"
    WRONG_RIBBON = "wrong-ribbon"
    RIBBON_ENDED = "ribbon-ended"
    RIBBON_BROKEN = "ribbon-broken"
    FEED_FAILED = "feed-failed"
    STUCK = "stuck"
    HEAD_HOT = "head-hot"
    OUTPUT_FULL = "output-full"
    REJECT_BIN_FULL = "reject-bin-full"
    STRIPE_BAD = "stripe-bad"
    RIBBON_IN = "ribbon-in"  # where a cleaning card is to pass
    PATH_TAKEN = "path-taken"  # likewise, by another card
    NO_FLIPPER = "no-flipper"  # not fitted
    NO_REJECT_BIN = "no-reject-bin"  # likewise
    POWER_OFF = "power-off"
    RESET = "reset"


LATCHING = frozenset(
    {
        Stop.JAMMED,
        Stop.COVER_OPEN,
        Stop.NO_RIBBON,
        Stop.WRONG_RIBBON,
        Stop.RIBBON_ENDED,
        Stop.RIBBON_BROKEN,
        Stop.FEED_FAILED,
        Stop.STUCK,
        Stop.HEAD_HOT,
        Stop.OUTPUT_FULL,
        Stop.REJECT_BIN_FULL,
        Stop.STRIPE_BAD,
        Stop.NO_FLIPPER,
    }
)


class Motion(StrEnum):
    FEED = "feed"
    PRESS = "press"  # one panel of the ribbon on one side
    FLIP = "flip"
    EJECT = "eject"
    REJECT = "reject"
    WRITE_STRIPE = "write-stripe"
    READ_STRIPE = "read-stripe"
    CLEAN = "clean"  # several passes of a cleaning card
    WARM_UP = "warm-up"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long each motion takes, in seconds of the machine's own time."""

    feed_s: float = 2.5
    press_s: float = 4.0
    flip_s: float = 3.0
    eject_s: float = 2.0
    reject_s: float = 2.5
    warm_up_s: float = 5.0
    stripe_s: float = 3.0
    clean_s: float = 40.0  # five passes

    def of(self, motion: Motion) -> float:
        return {
            Motion.FEED: self.feed_s,
            Motion.PRESS: self.press_s,
            Motion.FLIP: self.flip_s,
            Motion.EJECT: self.eject_s,
            Motion.REJECT: self.reject_s,
            Motion.WRITE_STRIPE: self.stripe_s,
            Motion.READ_STRIPE: self.stripe_s,
            Motion.CLEAN: self.clean_s,
            Motion.WARM_UP: self.warm_up_s,
        }[motion]


@dataclass(slots=True, eq=False)
class Action:
    """A motion asked for. `done` with `stop` None: it was carried out."""

    motion: Motion
    side: Side = Side.FRONT
    panel: str = ""
    image_no: int = 0
    # of the magnetic stripe: to be written, or as they were read
    tracks: dict[str, str] = field(default_factory=dict)
    # of the first panel on a card: what each side is to have, where a job says it all
    due: dict[Side, tuple[str, ...]] = field(default_factory=dict)
    may_feed: bool = False  # takes a blank itself when the path is empty
    thorough: bool = False  # of a cleaning: of the head too
    remaining_s: float = 0.0
    strike_at_s: float | None = None  # what remains when `strike` comes
    strike: FaultKind | None = None
    begun: bool = False
    done: bool = False
    stop: Stop | None = None

    def end(self, stop: Stop | None) -> None:
        self.done = True
        self.stop = stop

    def plan_strike(self, kind: FaultKind) -> None:
        """Let `kind` strike at half of what remains."""
        self.strike = kind
        self.strike_at_s = self.remaining_s / 2

    @property
    def next_s(self) -> float:
        """Seconds until its end, or until something strikes."""
        if self.strike is not None and self.strike_at_s is not None:
            return max(0.0, self.remaining_s - self.strike_at_s)
        return max(0.0, self.remaining_s)


@dataclass(frozen=True, slots=True)
class Pressed:
    """A panel, or the share of it that got on the card, was pressed."""

    blank: Blank
    side: Side
    mark: Mark


@dataclass(frozen=True, slots=True)
class Left:
    """A card has left the path; its `place` says where to."""

    blank: Blank


Happening = Pressed | Left
