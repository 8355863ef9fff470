"""What the office asks for to spare its printer, held against the journal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import ceil

from agent.contract.messages import Duty
from agent.journal.journal import Journal
from agent.lifecycle import duty
from agent.lifecycle.duty import Rest, Rules
from agent.lifecycle.upkeep import OVERDUE, TEST_FAILED, cleaning_overdue
from protocols.contract import Capabilities
from protocols.vocabulary import Reason, Severity, StateReason

FAR = timedelta(days=3650)  # what is later than this is no date to plan by


class Upkeep:
    """Says whether a card may start now, and when all of them will be done."""

    def __init__(self, journal: Journal, rules: Rules, can: Capabilities) -> None:
        self._journal = journal
        self._rules = rules
        self._can = can

    def rest(self, reasons: Iterable[Reason]) -> Rest | None:
        """Return why no new card may start now; `reasons`: what the printer says."""
        hot = any(
            one.keyword is StateReason.OVER_TEMPERATURE
            and one.severity is not Severity.REPORT
            for one in reasons
        )
        limits = self._rules.limits
        wanted = max(limits.cards_an_hour or 0, limits.rest_after or 0)
        return duty.rest(limits, self._journal.history(wanted), hot=hot)

    def holds(self, reasons: Iterable[Reason]) -> frozenset[Reason]:
        """Return what lets no new card start, until a person or a test has acted."""
        found: set[Reason] = set()
        if not self._rules.print_uncleaned and cleaning_overdue(reasons):
            found.add(OVERDUE)
        if self._journal.test_failed():
            found.add(TEST_FAILED)
        return frozenset(found)

    def test_due(self) -> bool:
        """Whether no card may start before the printer has passed a self-test."""
        if self._journal.test_failed():
            return True
        after_s = self._rules.test_after_s
        if after_s is None:
            return False
        idle_s = duty.idle_s(self._journal.last_use(), self._journal.moment())
        return idle_s is None or idle_s >= after_s

    def duty(self, reasons: Iterable[Reason]) -> Duty:
        """Return what a person should know of rests, and of the end."""
        journal, limits = self._journal, self._rules.limits
        history, rests = journal.history(duty.PACE_MAX + 1), self.rest(reasons)
        one_s = duty.card_s(history, self._can.longest_card_s)
        now = journal.now().at.replace(microsecond=0)
        run = self._rules.run_cards
        left = None if run is None else max(run - journal.completed_count(), 0)

        def end(count: int | None) -> datetime | None:
            if not count:
                return None
            seconds = duty.done_in_s(count, limits, one_s, rests)
            time = timedelta(seconds=ceil(seconds))
            return now + time if time < FAR else None

        wait_s = None if rests is None else rests.wait_s
        return Duty(
            rests_for=None if rests is None else str(rests.reason),
            rests_until=None
            if wait_s is None
            else now + timedelta(seconds=ceil(wait_s)),
            cards_a_day=int(duty.DAY_S / duty.interval_s(limits, one_s)),
            queue_ends_at=end(journal.queued_count()),
            run_left=left,
            run_ends_at=end(left),
        )
