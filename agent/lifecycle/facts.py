"""What two looks at a printer prove about the card fed between them.

Pure functions of evidence and capabilities. A value the printer does not give, or
gives for another head or ribbon, proves nothing: the fact is then silent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from agent.contract.events import Evidence, Expected, Place, Stage
from protocols.contract import Capabilities, CountsAt, Observation
from protocols.vocabulary import Reason, Severity, StateReason


class Moved(StrEnum):
    """What the counter of fed cards says."""

    ONE = "one"  # rose as expected
    NO = "no"  # did not rise, counts at feed, same power session: nothing was fed
    WRONG = "wrong"  # anything else that moved, or another counter denies it
    SILENT = "silent"


class Printed(StrEnum):
    """What the counters that follow the printing say."""

    COMPLETE = "complete"  # one that counts at the end moved as expected
    USED = "used"  # one that counts at the start moved as expected
    LESS = "less"  # one that moves with the print has not, or not all the way
    WRONG = "wrong"  # one moved further, or before any dye was sent
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Begun:
    """What was written down about an attempt up to now."""

    stage: Stage
    before: Evidence  # seen before anything moved
    expected: Expected
    destination: Place | None = None  # of `delivering`
    canary: str | None = None  # as it stood when the last evidence was written
    broken: bool = False  # a fault, a hand or a power cut was seen since
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one attempt, as far as the printer can tell."""

    same_printer: bool
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
        denied = self.moved is Moved.NO or self.printed is Printed.LESS
        return self.unbroken and proof and not (denied or self.wrong)


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
_NEXT_CARD_WORDS = frozenset(f"{one}-{Severity.ERROR}" for one in _NEXT_CARD)


def errors_of(reasons: frozenset[Reason]) -> frozenset[Reason]:
    """Return those reasons that stop a printer."""
    return frozenset(one for one in reasons if one.severity is Severity.ERROR)


def faults_of(reasons: Iterable[str]) -> list[str]:
    """Return those reasons, in their registered spelling, that touch a card inside."""
    return [
        one
        for one in sorted(reasons)
        if one.endswith(f"-{Severity.ERROR}") and one not in _NEXT_CARD_WORDS
    ]


def evidence_of(seen: Observation) -> Evidence:
    """Return what an observation proves, in the words of an event."""
    identity, supplies = seen.identity, seen.supplies
    return Evidence(
        card=seen.status.card,
        reasons=sorted(str(one) for one in seen.status.reasons),
        cards_fed=seen.cards_fed,
        cards_counter=seen.cards_counter,
        ribbon_left=supplies.ribbon_left,
        printer_serial=identity.serial or None,
        head_serial=identity.head_serial or None,
        ribbon_serial=supplies.ribbon_serial or None,
        canary=seen.canary,
        restarted=seen.status.restarted,
    )


def expected_of(seen: Observation, can: Capabilities, side_count: int) -> Expected:
    """Return what a card printed on `side_count` sides will move the counters by."""
    ribbon = can.ribbons.get(seen.supplies.ribbon_kind)
    sets = side_count if ribbon is None else ribbon.sets_for(side_count)
    return Expected(cards=1, sets=sets)


def facts(
    begun: Begun, after: Evidence, can: Capabilities, blind_s: float | None
) -> Facts:
    """Compare what was written down with what is seen now, of a printer at rest.

    `blind_s`: for how long nobody has looked; None when that is not known.
    """
    before = begun.before
    same_printer = before.printer_serial == after.printer_serial
    same_power = (
        begun.canary is not None
        and begun.canary == after.canary
        and not (after.restarted and not before.restarted)
    )
    short = blind_s is not None and blind_s <= can.longest_card_s
    # Nobody changes a ribbon or a head without reaching into the machine.
    same_parts = (before.head_serial, before.ribbon_serial) == (
        after.head_serial,
        after.ribbon_serial,
    )
    moved = _moved(begun, after, can, same_power=same_power)
    return Facts(
        same_printer=same_printer,
        same_power=same_power,
        unbroken=(
            same_printer
            and same_power
            and same_parts
            and not begun.broken
            and not faults_of(after.reasons)
            and (can.faults_latch or short)
        ),
        moved=moved,
        printed=_printed(begun, after, can),
    )


def mismatch(begun: Begun, after: Evidence, can: Capabilities) -> str:
    """Say where the counters differ from one whole card; empty where they do not."""
    before, expected, found = begun.before, begun.expected, []
    rise = _fed(before, after, can)
    if rise is not None and rise != expected.cards:
        found.append(f"cards fed rose by {rise}, expected {expected.cards}")
    used = _ribbon_used(before, after, can)
    if used is not None and used != expected.sets:
        found.append(f"ribbon sets fell by {used}, expected {expected.sets}")
    if before.ribbon_serial != after.ribbon_serial:
        found.append("another ribbon than at the feed")
    if before.printer_serial != after.printer_serial:
        found.append("another printer than at the feed")
    return "; ".join(found)


def fed_since(before: Evidence, after: Evidence, can: Capabilities) -> int | None:
    """Return by how much the counter of cards rose; None where it cannot say."""
    if before.printer_serial != after.printer_serial:
        return None
    return _fed(before, after, can)


def _moved(
    begun: Begun, after: Evidence, can: Capabilities, *, same_power: bool
) -> Moved:
    rise = _fed(begun.before, after, can)
    if rise is None:
        return Moved.SILENT
    if rise not in (0, begun.expected.cards):
        return Moved.WRONG
    if rise:
        return Moved.ONE
    if can.feed_counter is not CountsAt.FEED or not same_power:
        return Moved.SILENT
    # A ribbon that was used without a card: one of the two counters does not tell the
    # truth, so neither proves anything.
    return Moved.WRONG if _ribbon_used(begun.before, after, can) else Moved.NO


def _printed(begun: Begun, after: Evidence, can: Capabilities) -> Printed:
    counts = [
        (can.ribbon_counter, _ribbon_used(begun.before, after, can)),
        (can.feed_counter, _fed(begun.before, after, can)),
    ]
    wanted = [begun.expected.sets, begun.expected.cards]
    said = {
        _said(moment, count, whole, begun.stage, can)
        for (moment, count), whole in zip(counts, wanted, strict=True)
    }
    order = (Printed.WRONG, Printed.LESS, Printed.COMPLETE, Printed.USED)
    return next((one for one in order if one in said), Printed.SILENT)


def _said(
    moment: CountsAt | None,
    count: int | None,
    whole: int,
    stage: Stage,
    can: Capabilities,
) -> Printed:
    if moment in (None, CountsAt.FEED) or count is None:
        return Printed.SILENT
    # Before the first dye nothing of ours can move it; where the last bytes are held
    # back, nothing of ours can have ended.
    held = stage is Stage.SENDING and can.whole_job and moment is CountsAt.END
    most = 0 if stage is Stage.FEEDING or held else whole
    if not 0 <= count <= most:
        return Printed.WRONG
    if count < whole:
        return Printed.LESS
    return Printed.COMPLETE if moment is CountsAt.END else Printed.USED


def _fed(before: Evidence, after: Evidence, can: Capabilities) -> int | None:
    if can.feed_counter is None or before.cards_fed is None or after.cards_fed is None:
        return None
    if before.head_serial != after.head_serial:
        return None  # the counter belongs to the head
    if before.cards_counter != after.cards_counter:
        return None  # another counter stands elsewhere
    return after.cards_fed - before.cards_fed


def _ribbon_used(before: Evidence, after: Evidence, can: Capabilities) -> int | None:
    if can.ribbon_counter is None or before.ribbon_serial != after.ribbon_serial:
        return None
    if before.ribbon_left is None or after.ribbon_left is None:
        return None
    return before.ribbon_left - after.ribbon_left
