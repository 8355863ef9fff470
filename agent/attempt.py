"""One card: each stage on disk before its motion, and an honest word at the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from agent.contract.events import (
    Evidence,
    Incident,
    IncidentRaised,
    Place,
    Stage,
)
from agent.contract.messages import Outcome
from agent.journal.journal import Closing, Journal
from agent.lifecycle.facts import facts, mismatch
from agent.lifecycle.states import JobState
from protocols.contract import Capabilities, Driver, Observation, PreparedCard
from protocols.errors import DeviceError, PrinterError, TransportError
from protocols.vocabulary import CardFate, CardPosition, Reason, Severity, StateReason

log = structlog.get_logger(__name__)

SLACK_S = 30.0  # over the longest card: then somebody must look
DETAIL_MAX = 200

_UNKNOWN = Reason(StateReason.OUTCOME_UNKNOWN, Severity.ERROR)


class _InDoubtError(Exception):
    """The printer raised nothing, and still the card cannot be called good."""

    def __init__(
        self, detail: str, seen: Observation | None, incident: IncidentRaised | None
    ) -> None:
        super().__init__(detail)
        self.seen = seen
        self.incident = incident


@dataclass(frozen=True, slots=True)
class Card:
    """A card ready to be begun: nothing has moved for it yet."""

    job_id: str
    passed_over: tuple[str, ...]
    prepared: PreparedCard
    before: Observation  # after the claim, just before the feed


@dataclass(frozen=True, slots=True)
class Finished:
    """How an attempt ended; `seen` is the last look, `error` what spent the driver."""

    outcome: Outcome
    seen: Observation | None
    error: PrinterError | None


def evidence_of(seen: Observation) -> Evidence:
    """Return what an observation proves, in the words of an event."""
    identity, supplies = seen.identity, seen.supplies
    return Evidence(
        card=seen.status.card,
        reasons=sorted(str(one) for one in seen.status.reasons),
        cards_fed=seen.cards_fed,
        ribbon_left=supplies.ribbon_left,
        printer_serial=identity.serial or None,
        head_serial=identity.head_serial or None,
        ribbon_serial=supplies.ribbon_serial or None,
        canary=seen.canary,
    )


def doubt_reasons(more: frozenset[Reason] = frozenset()) -> tuple[str, ...]:
    """Return why a job is stopped whose card a person must find."""
    return tuple(sorted(str(one) for one in more | {_UNKNOWN}))


class Attempt:
    """Drives one card from the feed to its outcome; used once."""

    def __init__(
        self, journal: Journal, driver: Driver, card: Card, can: Capabilities
    ) -> None:
        self._journal = journal
        self._driver = driver
        self._card = card
        self._can = can
        self._stage = Stage.FEEDING
        self._number = 0

    async def run(self) -> Finished:
        """Make the card; on return its outcome is on disk.

        Raises:
            TransportError: the link failed in the feed. The attempt stays open, for
                the counters may still prove that nothing has moved.
            JournalError: a stage could not be made durable; the attempt stays open.
        """
        card = self._card
        self._number = await self._journal.begin(
            card.job_id,
            card.passed_over,
            card.prepared.digest,
            evidence_of(card.before),
        )
        limit_s = self._can.longest_card_s + SLACK_S
        try:
            async with asyncio.timeout(limit_s):
                seen = await self._motions()
        except _InDoubtError as doubt:
            await self._close_unknown(str(doubt), doubt.seen, doubt.incident)
            return Finished(Outcome.UNKNOWN, doubt.seen, None)
        except PrinterError as error:
            return await self._failed(error)
        except TimeoutError:
            await self._close_unknown(f"not done after {limit_s:g} s", None, None)
            return Finished(Outcome.UNKNOWN, None, None)
        await self._close_good(seen)
        return Finished(Outcome.GOOD, seen, None)

    async def _motions(self) -> Observation:
        driver, card = self._driver, self._card
        await driver.feed()
        status = await driver.status()
        if status.card not in (CardPosition.INSIDE, CardPosition.UNSENSED):
            raise _InDoubtError(f"fed, but the card is {status.card}", None, None)
        await self._advance(Stage.SENDING)
        for side, _ in card.prepared.sides:
            await driver.print_side(card.prepared, side)
        await self._advance(Stage.SENT)
        await driver.finish_print()
        printed = await driver.observe()
        self._require_witness(printed)
        await self._advance(
            Stage.DELIVERING, destination=Place.OUTPUT, evidence=evidence_of(printed)
        )
        await driver.deliver()
        left = await driver.observe()
        self._require_witness(left)
        if left.status.card is CardPosition.INSIDE:
            raise _InDoubtError("delivered, but a card is inside", left, None)
        return left

    async def _advance(
        self,
        stage: Stage,
        *,
        destination: Place | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        await self._journal.advance(
            self._card.job_id,
            self._number,
            stage,
            destination=destination,
            evidence=evidence,
        )
        self._stage = stage

    def _require_witness(self, seen: Observation) -> None:
        """Go on only while the printer's own evidence shows our card."""
        before, side_count = self._card.before, len(self._card.prepared.sides)
        if seen.identity.serial != before.identity.serial:
            incident = IncidentRaised(
                incident=Incident.PRINTER_CHANGED,
                detail="another printer answers than the one that was fed",
            )
            raise _InDoubtError("the printer was changed", seen, incident)
        found = facts(before, seen, self._can, side_count)
        if found.wrong or not found.witness:
            raise _InDoubtError(
                "the printer's evidence does not show this card", seen, self._odd(seen)
            )

    def _odd(self, seen: Observation) -> IncidentRaised | None:
        side_count = len(self._card.prepared.sides)
        text = mismatch(self._card.before, seen, self._can, side_count)
        if text is None:
            return None
        return IncidentRaised(incident=Incident.COUNTER_MISMATCH, detail=text)

    async def _failed(self, error: PrinterError) -> Finished:
        feeding = self._stage is Stage.FEEDING
        if feeding and error.card is CardFate.UNTOUCHED:
            outcome = Outcome.UNTOUCHED
            await self._close(Closing(outcome, str(error)[:DETAIL_MAX]))
            return Finished(outcome, None, error)
        if feeding and isinstance(error, TransportError):
            raise error
        reasons = error.reasons if isinstance(error, DeviceError) else frozenset()
        await self._close_unknown(str(error), None, None, reasons)
        return Finished(Outcome.UNKNOWN, None, error)

    async def _close_good(self, seen: Observation) -> None:
        evidence, incident = evidence_of(seen), self._odd(seen)
        await self._close(Closing(Outcome.GOOD, evidence=evidence, incident=incident))

    async def _close_unknown(
        self,
        detail: str,
        seen: Observation | None,
        incident: IncidentRaised | None,
        reasons: frozenset[Reason] = frozenset(),
    ) -> None:
        await self._close(
            Closing(
                Outcome.UNKNOWN,
                detail=detail[:DETAIL_MAX],
                evidence=evidence_of(seen) if seen else None,
                incident=incident,
                reasons=doubt_reasons(reasons),
            )
        )

    async def _close(self, closing: Closing) -> None:
        job_id = self._card.job_id
        state = await self._journal.close_attempt(job_id, self._number, closing)
        told = log.info if state is JobState.COMPLETED else log.warning
        told(
            "attempt_closed",
            job=job_id,
            attempt=self._number,
            stage=self._stage,
            outcome=closing.outcome,
            state=state,
            detail=closing.detail,
        )
