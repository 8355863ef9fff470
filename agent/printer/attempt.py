"""One card: each stage on disk before its motion, and an honest word at the end.

What it cannot say an honest word about it leaves open, for `agent.printer.aftermath`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import cast

import structlog

from agent.contract.events import Evidence, Incident, IncidentRaised, Place, Stage
from agent.contract.messages import Outcome
from agent.journal.journal import Closing, Journal, Refusal
from agent.lifecycle.facts import (
    Begun,
    Facts,
    evidence_of,
    facts,
    faults_of,
    mismatch,
)
from agent.lifecycle.states import JobState
from protocols.contract import (
    Capabilities,
    Driver,
    Observation,
    PreparedCard,
    StepwiseDriver,
    WholeJobDriver,
)
from protocols.errors import DeviceError, PrinterError
from protocols.vocabulary import CardFate, CardPosition, Reason, Severity, StateReason

log = structlog.get_logger(__name__)

SLACK_S = 30.0  # over the longest card: then somebody must look
DETAIL_MAX = 200

_UNKNOWN = Reason(StateReason.OUTCOME_UNKNOWN, Severity.ERROR)
_ODD = (str(Reason(StateReason.OTHER, Severity.ERROR)),)
_INSIDE = (CardPosition.INSIDE, CardPosition.UNSENSED)


class _InDoubtError(Exception):
    """The printer raised nothing, and still the card is not proven.

    `reasons`: what happened breaks the chain of evidence for good.
    """

    def __init__(
        self, detail: str, seen: Observation | None, reasons: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.seen = seen
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Card:
    """A card that is made: what it is to bear, and what was written down of it."""

    job_id: str
    prepared: PreparedCard | None  # None: nothing more is printed on it
    begun: Begun


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended; `seen` is the last look, `error` what spent the driver.

    `outcome` None: the attempt stays open, and is to be settled and decided.
    """

    outcome: Outcome | None
    seen: Observation | None
    error: PrinterError | None


def doubt_reasons(more: frozenset[Reason] = frozenset()) -> tuple[str, ...]:
    """Return why a job is stopped whose card a person must find."""
    return tuple(sorted(str(one) for one in more | {_UNKNOWN}))


class Attempt:
    """Drives one card to its outcome: from its start, or from where it stands now.

    Used once. On return the outcome is on disk, or why there is none. A JournalError
    leaves the attempt open: a stage could not be made durable, so nothing moved.
    """

    def __init__(
        self,
        journal: Journal,
        driver: Driver,
        card: Card,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """`heard` is called whenever the printer has answered."""
        self._journal = journal
        self._driver = driver
        self._card = card
        self._can: Capabilities = driver.capabilities
        self._begun = card.begun
        self._heard = heard
        self._number = 0
        self._moved = True  # a blank may have, unless this run is at its first motion

    async def run(self, passed_over: tuple[str, ...]) -> Finished:
        """Begin a new attempt, the way that the printer makes its cards."""
        card = self._card
        assert card.prepared is not None
        try:
            self._number = await self._journal.begin(
                card.job_id, passed_over, card.begun
            )
        except Refusal as refusal:
            log.info("card_not_begun", job=card.job_id, reason=refusal.code)
            return Finished(Outcome.UNTOUCHED, None, None)
        way = self._send if self._can.whole_job else self._make
        return await self._through(way(card.prepared), Outcome.GOOD)

    async def go_on(self, number: int) -> Finished:
        """Print on the card inside, which bears no mark yet, and deliver it."""
        self._number = number
        card = self._card
        assert card.prepared is not None
        return await self._through(self._go_on(card.prepared), Outcome.GOOD)

    async def deliver(self, number: int) -> Finished:
        """Send the finished card inside to the output."""
        self._number = number
        return await self._through(self._take_and_deliver(), Outcome.GOOD)

    async def reject(self, number: int) -> Finished:
        """Send the card inside to the reject bin."""
        self._number = number
        return await self._through(self._reject(), Outcome.SPOILED)

    # The ways a card may go

    async def _make(self, prepared: PreparedCard) -> Observation:
        self._moved = False
        await self._stepwise.feed()
        self._moved = True
        self._heard()
        status = await self._driver.status()
        if status.card not in _INSIDE:
            raise _InDoubtError(f"fed, but the card is {status.card}", None)
        await self._advance(Stage.SENDING)
        return await self._print(prepared)

    async def _go_on(self, prepared: PreparedCard) -> Observation:
        seen = await self._take()
        await self._advance(Stage.SENDING, seen=seen)
        return await self._print(prepared)

    async def _print(self, prepared: PreparedCard) -> Observation:
        driver = self._stepwise
        for side, _ in prepared.sides:
            await driver.print_side(prepared, side)
            self._heard()
        await self._advance(Stage.SENT)
        await driver.finish_print()
        return await self._deliver(await self._look())

    async def _send(self, prepared: PreparedCard) -> Observation:
        """The printer feeds and ejects by itself, but not without the last bytes."""
        driver = cast(WholeJobDriver, self._driver)
        self._moved = False
        await driver.send_job(prepared)
        self._moved = True
        self._heard()
        await self._advance(Stage.LAST)
        await driver.send_last()
        self._heard()
        await self._advance(Stage.SENT)
        await driver.finish_print()
        left = await self._look()
        self._require_witness(left)
        if left.status.card is CardPosition.INSIDE:
            raise _InDoubtError("printed, but a card is inside", left, _ODD)
        return left

    async def _take_and_deliver(self) -> Observation:
        return await self._deliver(await self._take())

    async def _deliver(self, printed: Observation) -> Observation:
        self._require_witness(printed)
        await self._advance(Stage.DELIVERING, destination=Place.OUTPUT, seen=printed)
        await self._stepwise.deliver()
        left = await self._look()
        self._require_witness(left)
        if left.status.card is CardPosition.INSIDE:
            raise _InDoubtError("delivered, but a card is inside", left, _ODD)
        return left

    async def _reject(self) -> Observation:
        seen = await self._take()
        await self._advance(Stage.DELIVERING, destination=Place.REJECT_BIN, seen=seen)
        await self._driver.reject()
        left = await self._look()
        if left.status.card not in (CardPosition.NONE, CardPosition.UNSENSED):
            text = f"rejected, but the card is {left.status.card}"
            raise _InDoubtError(text, left, _ODD)
        return left

    async def _take(self) -> Observation:
        """Make the printer ours, with the card of before inside."""
        await self._driver.claim()
        seen = await self._look()
        if seen.status.card not in _INSIDE:
            raise _InDoubtError(f"claimed, and the card is {seen.status.card}", seen)
        return seen

    # What stands around them

    @property
    def _stepwise(self) -> StepwiseDriver:
        return cast(StepwiseDriver, self._driver)

    async def _through(
        self, way: Coroutine[None, None, Observation], outcome: Outcome
    ) -> Finished:
        limit_s = self._can.longest_card_s + SLACK_S
        try:
            async with asyncio.timeout(limit_s):
                seen = await way
        except _InDoubtError as doubt:
            return await self._interrupted(str(doubt), doubt.reasons, doubt.seen)
        except PrinterError as error:
            return await self._failed(error)
        except TimeoutError:
            return await self._interrupted(f"not done after {limit_s:g} s", (), None)
        await self._close(Closing(outcome, evidence=evidence_of(seen)), seen)
        return Finished(outcome, seen, None)

    async def _look(self) -> Observation:
        seen = await self._driver.observe()
        self._heard()
        return seen

    async def _advance(
        self,
        stage: Stage,
        *,
        destination: Place | None = None,
        seen: Observation | None = None,
    ) -> None:
        await self._journal.advance(
            self._card.job_id,
            self._number,
            stage,
            destination=destination,
            evidence=evidence_of(seen) if seen else None,
        )
        canary = seen.canary if seen else self._begun.canary
        self._begun = replace(
            self._begun, stage=stage, destination=destination, canary=canary
        )

    def _require_witness(self, seen: Observation) -> None:
        """Go on only while the printer's own evidence shows our card."""
        after = evidence_of(seen)
        if not self._facts(after).witness:
            odd = mismatch(self._begun, after, self._can)
            text = "the printer's evidence does not show this card"
            raise _InDoubtError(f"{text}: {odd}" if odd else text, seen)

    async def _failed(self, error: PrinterError) -> Finished:
        if not self._moved and error.card is CardFate.UNTOUCHED:
            outcome = Outcome.UNTOUCHED
            await self._close(Closing(outcome, str(error)[:DETAIL_MAX]), None)
            return Finished(outcome, None, error)
        reasons = error.reasons if isinstance(error, DeviceError) else frozenset()
        faults = tuple(sorted(map(str, reasons)))
        finished = await self._interrupted(str(error), faults, None)
        return replace(finished, error=error)

    async def _interrupted(
        self, detail: str, reasons: tuple[str, ...], seen: Observation | None
    ) -> Finished:
        job_id, text = self._card.job_id, detail[:DETAIL_MAX]
        if seen is not None:  # what is up now may be gone by the next look
            up = faults_of(map(str, seen.status.reasons))
            reasons = tuple(sorted({*reasons, *up}))
        await self._journal.interrupt(job_id, self._number, text, reasons)
        log.warning(
            "attempt_interrupted",
            job=job_id,
            attempt=self._number,
            stage=self._begun.stage,
            reasons=reasons,
            detail=text,
        )
        return Finished(None, seen, None)

    async def _close(self, closing: Closing, seen: Observation | None) -> None:
        job_id = self._card.job_id
        if seen is not None:
            closing = replace(closing, incident=self._odd(closing.outcome, seen))
        state = await self._journal.close_attempt(job_id, self._number, closing)
        told = log.info if state is JobState.COMPLETED else log.warning
        told(
            "attempt_closed",
            job=job_id,
            attempt=self._number,
            stage=self._begun.stage,
            outcome=closing.outcome,
            state=state,
            detail=closing.detail,
        )

    def _odd(self, outcome: Outcome, seen: Observation) -> IncidentRaised | None:
        """Check the counters after every card against what it should have moved."""
        after = evidence_of(seen)
        text = mismatch(self._begun, after, self._can)
        # A spoiled card may have used less than a whole one does, but never more.
        less = outcome is Outcome.SPOILED and not self._facts(after).wrong
        if not text or less:
            return None
        return IncidentRaised(incident=Incident.COUNTER_MISMATCH, detail=text)

    def _facts(self, after: Evidence) -> Facts:
        return facts(self._begun, after, self._can, 0.0)
