"""What two observations of a printer prove about the card fed between them.

Pure functions of observations and capabilities. A value the printer does not give, or
gives for another head or ribbon, proves nothing: the fact is then silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocols.contract import Capabilities, CountsAt, Observation
from protocols.vocabulary import Reason, Severity, StateReason


class Moved(StrEnum):
    """What the counter of fed cards says."""

    ONE = "one"  # rose as expected
    NO = "no"  # did not rise, counts at feed, same power session: nothing was fed
    WRONG = "wrong"  # anything else that moved
    SILENT = "silent"


class Printed(StrEnum):
    """What the counters that follow the printing say."""

    COMPLETE = "complete"  # one that counts at the end moved as expected
    USED = "used"  # one that counts at the start moved as expected
    WRONG = "wrong"  # anything else that moved
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one attempt, as far as the printer can tell."""

    same_power: bool
    unbroken: bool
    moved: Moved
    printed: Printed

    @property
    def wrong(self) -> bool:
        """A counter moved in a way that no card of ours explains."""
        return self.moved is Moved.WRONG or self.printed is Printed.WRONG

    @property
    def witness(self) -> bool:
        """What a card needs to be called good: neither more nor less."""
        proof = self.moved is Moved.ONE or self.printed in (
            Printed.COMPLETE,
            Printed.USED,
        )
        return self.unbroken and self.moved is not Moved.NO and proof


# Errors about the next card: they do not touch the one that is under way, which stops
# a driver only where the driver says so.
_NEXT_CARD = frozenset(
    {
        StateReason.MEDIA_EMPTY,
        StateReason.MEDIA_NEEDED,
        StateReason.RIBBON_EMPTY,
        StateReason.OUTPUT_AREA_FULL,
        StateReason.REJECT_BIN_FULL,
    }
)


def errors_of(reasons: frozenset[Reason]) -> frozenset[Reason]:
    """Return those reasons that stop a printer."""
    return frozenset(one for one in reasons if one.severity is Severity.ERROR)


def facts(
    before: Observation, after: Observation, can: Capabilities, side_count: int
) -> Facts:
    """Compare what was seen before the feed with what is seen now.

    Only for observations between which the agent was never blind for longer than one
    longest card; a card printed on `side_count` sides was expected.
    """
    same_power = (
        before.canary is not None
        and before.canary == after.canary
        and not (after.status.restarted and not before.status.restarted)
    )
    faults = [
        one for one in errors_of(after.status.reasons) if one.keyword not in _NEXT_CARD
    ]
    return Facts(
        same_power=same_power,
        unbroken=same_power and not faults,
        moved=_moved(before, after, can, same_power),
        printed=_printed(before, after, can, side_count),
    )


def _moved(
    before: Observation, after: Observation, can: Capabilities, same_power: bool
) -> Moved:
    rise = _fed(before, after, can)
    if rise is None:
        return Moved.SILENT
    if rise == 1:
        return Moved.ONE
    if rise:
        return Moved.WRONG
    counts_at_feed = can.feed_counter is CountsAt.FEED
    return Moved.NO if counts_at_feed and same_power else Moved.SILENT


def _printed(
    before: Observation, after: Observation, can: Capabilities, side_count: int
) -> Printed:
    used = _ribbon_used(before, after, can)
    expected = _sets_expected(before, can, side_count)
    if used and used != expected:
        return Printed.WRONG
    at_end = can.ribbon_counter is CountsAt.END and used == expected
    fed_at_end = can.feed_counter is CountsAt.END and _fed(before, after, can) == 1
    if at_end or fed_at_end:
        return Printed.COMPLETE
    return Printed.USED if used == expected else Printed.SILENT


def _fed(before: Observation, after: Observation, can: Capabilities) -> int | None:
    if can.feed_counter is None or before.cards_fed is None or after.cards_fed is None:
        return None
    if before.identity.head_serial != after.identity.head_serial:
        return None  # the counter belongs to the head
    if before.cards_counter != after.cards_counter:
        return None  # another counter stands elsewhere
    return after.cards_fed - before.cards_fed


def _ribbon_used(
    before: Observation, after: Observation, can: Capabilities
) -> int | None:
    old, new = before.supplies, after.supplies
    if can.ribbon_counter is None or old.ribbon_serial != new.ribbon_serial:
        return None
    if old.ribbon_left is None or new.ribbon_left is None:
        return None
    return old.ribbon_left - new.ribbon_left


def _sets_expected(before: Observation, can: Capabilities, side_count: int) -> int:
    ribbon = can.ribbons.get(before.supplies.ribbon_kind)
    return side_count if ribbon is None else ribbon.sets_for(side_count)


def mismatch(
    before: Observation, after: Observation, can: Capabilities, side_count: int
) -> str | None:
    """Say where the printer's counters differ from one card on `side_count` sides."""
    found = []
    rise = _fed(before, after, can)
    if rise is not None and rise != 1:
        found.append(f"cards fed rose by {rise}, expected 1")
    used = _ribbon_used(before, after, can)
    expected = _sets_expected(before, can, side_count)
    if used is not None and used != expected:
        found.append(f"ribbon sets fell by {used}, expected {expected}")
    if before.supplies.ribbon_serial != after.supplies.ribbon_serial:
        found.append("another ribbon than at the feed")
    if before.identity.serial != after.identity.serial:
        found.append("another printer than at the feed")
    return "; ".join(found) or None
