"""Cleaning and self-tests: what they should move, what they find, what they hold up.

Pure functions of two looks at a printer, and of what it says of its next cleaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.contract.events import Evidence, Expected
from agent.lifecycle.facts import evidence_of, faults_of, fed_since
from protocols.contract import Capabilities, CleaningDue, Observation
from protocols.vocabulary import CardPosition, Reason, Severity, StateReason

OVERDUE = Reason(StateReason.CLEANER_LIFE_OVER, Severity.ERROR)
TEST_FAILED = Reason(StateReason.SELF_TEST_FAILED, Severity.ERROR)

NOTHING = Expected(cards=0, sets=0)
"""What a self-test moves the counters by."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a self-test found; it passed where `wrong` is empty."""

    wrong: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def text(self) -> str:
        return "; ".join(self.wrong or self.found)


def cleaning_overdue(reasons: Iterable[Reason]) -> bool:
    """Whether the printer says that its cleaning is overdue."""
    return any(
        one.keyword is StateReason.CLEANER_LIFE_OVER
        and one.severity is not Severity.REPORT
        for one in reasons
    )


def expected_of_cleaning(can: Capabilities) -> Expected:
    """Return what a cleaning moves the counters by; its ribbon is out."""
    return Expected(cards=can.cleaning_cards, sets=0)


def unexplained(
    before: Evidence, after: Evidence, expected: Expected, can: Capabilities
) -> int:
    """Return how many cards were fed that the operation does not explain.

    Below 0 the counter fell, and is not to be believed. An operation that was broken
    off may have moved it by less than a whole one.
    """
    rise = fed_since(before, after, can) or 0
    return rise if rise < 0 else max(0, rise - expected.cards)


def judge(
    first: Observation,
    second: Observation,
    due: CleaningDue | None,
    can: Capabilities,
) -> Tested:
    """Say what two looks at an idle printer show; nothing was asked of it between."""
    status, identity, supplies = second.status, second.identity, second.supplies
    wrong = list(faults_of(str(one) for one in status.reasons))
    if evidence_of(first) != evidence_of(second) or first.status != status:
        wrong.append("two looks differ, though nothing was asked of it")
    if status.card is CardPosition.INSIDE:
        wrong.append("a card stands in the path")
    if can.feed_counter is not None and second.cards_fed is None:
        wrong.append("it does not say how many cards it has fed")
    kind = supplies.ribbon_kind
    if kind and kind not in can.ribbons:
        wrong.append(f"a ribbon of an unknown kind, {kind}")
    left = "" if supplies.ribbon_left is None else f", {supplies.ribbon_left} sets left"
    found = [
        f"serial {identity.serial}, firmware {identity.firmware}",
        f"ribbon {kind or 'none'}{left}",
        *_cleaning(due),
    ]
    return Tested(tuple(wrong), tuple(found))


def _cleaning(due: CleaningDue | None) -> list[str]:
    if due is None or due.until_advised is None:
        return []
    if due.until_overdue is not None and due.until_overdue < 0:
        return [f"cleaning overdue by {-due.until_overdue} cards"]
    if due.until_advised < 0:
        return [f"cleaning advised since {-due.until_advised} cards"]
    return [f"cleaning advised in {due.until_advised} cards"]
