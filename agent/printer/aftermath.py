"""What is done about an attempt that stands open: settle, decide, carry out.

It may be of a process that died, or of a run of this one that an error ended; the same
table decides both. Nothing but looks goes to the printer until it is at rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from agent.clock import Clock, Executor
from agent.contract.events import Decision, IncidentRaised, Place
from agent.journal.journal import Closing, Journal, OpenAttempt
from agent.lifecycle.facts import errors_of, faults_of
from agent.lifecycle.recovery import MOVES, OUTCOMES, Finding, recover
from agent.lifecycle.states import JobState
from agent.printer.attempt import SLACK_S, Attempt, Card, Finished, doubt_reasons
from agent.printer.workshop import CannotPrintError, Workshop
from protocols.contract import Capabilities, Driver, Observation, PreparedCard
from protocols.vocabulary import CardPosition, Reason, Severity, StateReason

log = structlog.get_logger(__name__)

ACKNOWLEDGE_S = 5.0  # between two acknowledgements of the same fault, doubled each time
ACKNOWLEDGE_MAX_S = 60.0
_CONNECTING = Reason(StateReason.CONNECTING_TO_DEVICE, Severity.ERROR)
_COVER_OPEN = str(Reason(StateReason.COVER_OPEN, Severity.ERROR))


def limit_ms(can: Capabilities) -> int:
    """Return how long a printer may take to come to rest before a person is asked."""
    return round((can.longest_card_s + SLACK_S) * 1000)


class Patience:
    """When something is tried next: soon after news, then ever more seldom."""

    def __init__(
        self, first_s: float = ACKNOWLEDGE_S, max_s: float = ACKNOWLEDGE_MAX_S
    ) -> None:
        self._first_s = first_s
        self._max_s = max_s
        self._at_ms, self._pause_s = 0, first_s

    def soon(self) -> None:
        """Something has changed: somebody may have removed the cause."""
        self._at_ms, self._pause_s = 0, self._first_s

    def due(self, now_ms: int) -> bool:
        """Whether it is time; True counts as done."""
        if now_ms < self._at_ms:
            return False
        self._at_ms = now_ms + round(self._pause_s * 1000)
        self._pause_s = min(self._pause_s * 2, self._max_s)
        return True


@dataclass(slots=True)
class _Waiting:
    """What is known of the open attempt's printer since it was left alone."""

    since_ms: int
    blind_s: float | None  # the longest silence; None: another process knew
    faults: list[str] | None = None  # as seen first
    touched: bool = False  # they have changed since: somebody has been there


class Aftermath:
    """Looks after the one attempt of a printer that may stand open."""

    def __init__(
        self, journal: Journal, workshop: Workshop, clock: Clock, executor: Executor
    ) -> None:
        self._journal = journal
        self._workshop = workshop
        self._clock = clock
        self._executor = executor
        self._heard_ms: int | None = None
        self._waiting: _Waiting | None = None
        self._patience = Patience()

    def heard(self) -> None:
        """Take in that the printer has answered just now."""
        now_ms = self._clock.mono_ms()
        if self._heard_ms is not None and self._waiting is not None:
            silence_s = (now_ms - self._heard_ms) / 1000
            if self._waiting.blind_s is not None:
                self._waiting.blind_s = max(self._waiting.blind_s, silence_s)
        self._heard_ms = now_ms

    async def look(self, driver: Driver, seen: Observation) -> bool:
        """Take in a look at a printer; False: no attempt is open, none is waited for.

        A fault is written down before it is acknowledged: once it is gone, nobody
        could tell any more that it was there.
        """
        found = self._journal.open_attempt()
        if found is None:
            self._waiting = None
            self.heard()
            return False
        waiting = self._wait()
        self.heard()
        faults = faults_of(map(str, seen.status.reasons))
        if waiting.faults is None:
            waiting.faults = faults
        elif faults != waiting.faults and not waiting.touched:
            waiting.touched = True
            self._patience.soon()
        if faults and not found.begun.broken:
            detail = "a fault came up while the attempt stood open"
            await self._journal.interrupt(
                found.job_id, found.attempt, detail, tuple(faults)
            )
        await self._ask_when_late(found, seen.status.reasons, driver.capabilities)
        if faults and self._may_acknowledge(waiting, faults, seen):
            await driver.clear_fault()
        return True

    def _may_acknowledge(
        self, waiting: _Waiting, faults: list[str], seen: Observation
    ) -> bool:
        """With a card in the path only after somebody has been at the machine."""
        free = seen.status.card not in (CardPosition.INSIDE, CardPosition.EXIT)
        shut = _COVER_OPEN not in faults
        still = not (seen.status.busy or seen.status.session_foreign)
        allowed = shut and still and (free or waiting.touched)
        return allowed and self._patience.due(self._clock.mono_ms())

    async def unreachable(self, can: Capabilities) -> None:
        """Nobody answers: after a while a person must look, and still nothing is said
        of the card, for the printer may come back."""
        found = self._journal.open_attempt()
        if found is not None:
            self._wait()
            await self._ask_when_late(found, frozenset({_CONNECTING}), can)

    async def _ask_when_late(
        self, found: OpenAttempt, reasons: frozenset[Reason], can: Capabilities
    ) -> None:
        since_ms = self._clock.mono_ms() - self._wait().since_ms
        if since_ms >= limit_ms(can) and found.state is JobState.PROCESSING:
            told = doubt_reasons(frozenset(_errors(reasons)))
            await self._journal.stop_job(found.job_id, found.attempt, told)
            log.warning("card_not_settled", job=found.job_id, reasons=told)

    def _wait(self) -> _Waiting:
        if self._waiting is None:
            blind_s = None if self._heard_ms is None else 0.0
            self._waiting = _Waiting(self._clock.mono_ms(), blind_s)
            self._patience = Patience()
        return self._waiting

    async def carry_out(self, driver: Driver, seen: Observation) -> Finished | None:
        """Decide by what is `seen` of a settled printer, and do it; each step on disk
        before its motion. None: no attempt is open, or a person was faster."""
        found = self._journal.open_attempt()
        if found is None:
            return None
        can, blind_s = driver.capabilities, self._wait().blind_s
        finding = recover(found.begun, seen, can, blind_s)
        prepared = None
        if finding.verdict.decision is Decision.GO_ON:
            prepared = await self._remake(driver, found, seen)
            if prepared is None:
                finding = _not_the_same(finding, can)
        if not await self._write_down(found, finding):
            return None
        decision = finding.verdict.decision
        if decision not in MOVES:
            return Finished(OUTCOMES[decision], seen, None)
        self._waiting = None  # from here on it is a run like any other
        card = Card(found.job_id, prepared, found.begun)
        attempt = Attempt(self._journal, driver, card, self.heard)
        if decision is Decision.GO_ON:
            return await attempt.go_on(found.attempt)
        if decision is Decision.DELIVER:
            return await attempt.deliver(found.attempt)
        if errors_of(seen.status.reasons):
            await driver.clear_fault()  # one that stops no card yet refuses the motion
        return await attempt.reject(found.attempt)

    async def _write_down(self, found: OpenAttempt, finding: Finding) -> bool:
        verdict = finding.verdict
        closing = None
        if verdict.decision not in MOVES:
            closing = Closing(
                OUTCOMES[verdict.decision],
                detail=verdict.reason,
                evidence=finding.evidence,
                incident=_incident(finding),
                reasons=doubt_reasons(),
            )
        written = await self._journal.decide(
            found.job_id, found.attempt, finding, closing
        )
        log.warning(
            "attempt_decided",
            job=found.job_id,
            attempt=found.attempt,
            stage=found.stage,
            decision=verdict.decision,
            row=verdict.row,
            reason=verdict.reason,
        )
        return written

    async def _remake(
        self, driver: Driver, found: OpenAttempt, seen: Observation
    ) -> PreparedCard | None:
        """Make the card's panels anew; None unless they are the very same."""
        kind = seen.supplies.ribbon_kind
        sealed = await self._journal.spooled(found.job_id)
        if sealed is None or kind not in driver.capabilities.ribbons:
            return None
        pack = self._workshop.pack
        try:
            prepared = await self._executor.run(pack, driver, sealed, kind)
        except CannotPrintError:
            return None
        return prepared if prepared.digest == found.begun.digest else None


def _errors(reasons: frozenset[Reason]) -> list[Reason]:
    return [one for one in reasons if one.severity is Severity.ERROR]


def _not_the_same(finding: Finding, can: Capabilities) -> Finding:
    """Its panels cannot be made again as they were: the blank inside is given up."""
    reason = "ours and unmarked, but its panels cannot be made again as they were"
    decision = Decision.REJECT if can.reject_bin else Decision.UNKNOWN
    verdict = replace(finding.verdict, decision=decision, reason=reason)
    return replace(finding, verdict=verdict)


def _incident(finding: Finding) -> IncidentRaised | None:
    verdict = finding.verdict
    if verdict.incident is None:
        return None
    return IncidentRaised(
        incident=verdict.incident,
        detail=finding.detail or verdict.reason,
        place=Place.PATH if finding.evidence.card == CardPosition.INSIDE else None,
    )
