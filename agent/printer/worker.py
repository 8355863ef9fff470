"""One printer, one job at a time: lifecycle decides, journal writes, driver moves.

The only place that tries again. A driver that raised is closed and a new one opened;
an attempt that is found open is settled before anything else moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import structlog

from agent.clock import Clock, Executor
from agent.contract.events import Place, Stage
from agent.contract.messages import Outcome, RejectReason
from agent.health import Health
from agent.journal.errors import JournalDamagedError
from agent.journal.journal import (
    JobView,
    Journal,
    JournalError,
    Refusal,
    StorageError,
)
from agent.journal.operations import OpenOperation
from agent.journal.outage import word_of
from agent.lifecycle import decide
from agent.lifecycle.facts import Begun, errors_of, evidence_of, expected_of
from agent.lifecycle.recovery import settled
from agent.lifecycle.states import first_stage
from agent.printer.aftermath import Aftermath, Patience, limit_ms
from agent.printer.attempt import SLACK_S, Attempt, Card, Finished, doubt_reasons
from agent.printer.operations import OPERATION_MAX_S, Operations
from agent.printer.upkeep import Upkeep
from agent.printer.watch import PrinterPicture, Watch, error
from agent.printer.workshop import CannotPrintError, Workshop
from protocols.contract import Capabilities, Driver, Observation, PreparedCard
from protocols.errors import (
    DeviceError,
    PrinterError,
    RemoteProtocolError,
    TransportError,
)
from protocols.vocabulary import CardFate, CardPosition, Reason, StateReason

log = structlog.get_logger(__name__)

T = TypeVar("T")

IDLE_S = 5.0  # between two looks at a printer that has nothing to do
WAITING_S = 1.0  # likewise, while a person or a supply is waited for
ROUND_MIN_S = 0.05  # from round to round: a flood of news is answered by few of them
RETRY_FIRST_S = 1.0  # doubled with each failure
RETRY_MAX_S = 15.0
FEED_RETRY_FIRST_S = 5.0  # after a feed that took no blank, doubled each time
FEED_RETRY_MAX_S = 300.0
FINISH_CARD_S = 60.0  # what an orderly end grants the card in the path
REASON_MAX = 200


class Worker:
    """Prints what the journal holds, until `stop`. Run it as one task."""

    def __init__(
        self,
        journal: Journal,
        workshop: Workshop,
        clock: Clock,
        executor: Executor,
        health: Health,
        upkeep: Upkeep,
    ) -> None:
        """`executor` does the drawing and packing, some 100 ms a card."""
        self._journal = journal
        self._workshop = workshop
        self._clock = clock
        self._executor = executor
        self._health = health
        self._upkeep = upkeep
        self._watch = Watch(journal, upkeep)
        self._operations = Operations(journal, clock, self._watch, upkeep)
        self._aftermath = Aftermath(journal, workshop, clock, executor)
        self._end = asyncio.Event()
        self._settled = False
        self._retry_s = RETRY_FIRST_S
        self._feed_retry_s = FEED_RETRY_FIRST_S
        self._patience = Patience()
        self._feed_at_ms = 0
        self._round_at_ms = 0
        self._was_doubtful = False
        self._spent = False

    @property
    def picture(self) -> PrinterPicture:
        """The printer as it was seen last."""
        return self._watch.picture

    @property
    def reasons(self) -> frozenset[Reason]:
        """What the printer said last, and what is said of it."""
        return self._watch.reasons

    def hold(self, keyword: StateReason, *, on: bool) -> None:
        """Let no new card start for this reason, or let go of it."""
        self._watch.hold(keyword, on=on)
        self._journal.changed.move()

    def stop(self) -> None:
        """End `run` after the card in the path, and at once if there is none.

        The card is granted `FINISH_CARD_S`; then its attempt stays open, and the next
        start says so. The same holds when `run` is cancelled.
        """
        self._end.set()
        self._journal.changed.move()

    async def run(self) -> None:
        """Work until `stop`, or until cancelled."""
        while not self._end.is_set():
            driver: Driver | None = None
            try:
                if self._journal.stopped:  # a driver that failed with it stays closed
                    await self._watch.trouble(frozenset(), blind=True)
                    await self._pause(WAITING_S, None)
                    continue
                self._operations.notice()
                driver = self._workshop.make_driver()
                await self._session(driver)
            except Exception as failure:  # noqa: BLE001 - the one place for it
                await self._failed(failure, driver)
            finally:
                if driver is not None:
                    await driver.close()

    # One driver, from its opening to its first error

    async def _session(self, driver: Driver) -> None:
        self._spent = False
        self._beat(driver.capabilities)
        self._watch.known(await driver.open())
        self._settled = await self._settle(driver)
        self._retry_s = RETRY_FIRST_S
        while not (self._end.is_set() or self._spent):
            version = self._journal.changed.version
            self._beat(driver.capabilities)
            self._round_at_ms = self._clock.mono_ms()
            if not await self._round(driver):
                waits = bool(errors_of(self._watch.reasons))
                await self._pause(WAITING_S if waits else IDLE_S, version)

    async def _settle(self, driver: Driver) -> bool:
        """Watch until the printer is at rest; then decide an attempt that is open.

        While one is, only rest, a person's answer or the end of `run` ends the wait.
        """
        can = driver.capabilities
        until_ms = self._clock.mono_ms() + limit_ms(can)
        seen, at_rest = await driver.observe(), False
        while True:
            self._beat(can)
            waited_for = await self._aftermath.look(driver, seen)
            await self._watch.saw(seen, can)
            late = self._clock.mono_ms() >= until_ms
            given_up = late or errors_of(seen.status.reasons)
            if at_rest or self._end.is_set() or (given_up and not waited_for):
                break
            await self._clock.sleep(can.settle_gap_s)
            before, seen = seen, await driver.observe()
            at_rest = settled(before, seen, can.settle_gap_s, can)
        if at_rest and waited_for and not self._end.is_set():
            await self._decide(driver, seen)
        return at_rest

    async def _decide(self, driver: Driver, seen: Observation) -> None:
        """Let the table decide an open attempt of a settled printer."""
        finished = await self._finish(self._decided(driver, seen))
        if finished is not None:
            await self._take_in(driver, finished)

    async def _decided(self, driver: Driver, seen: Observation) -> Finished:
        self._watch.working(True)
        try:
            finished = await self._aftermath.carry_out(driver, seen)
        finally:
            self._watch.working(False)
        if finished is None:
            return Finished(None, seen, None)
        if finished.outcome in (Outcome.GOOD, Outcome.SPOILED):
            await driver.release()
        return finished

    # One round: look, choose, and print at most one card

    async def _round(self, driver: Driver) -> bool:
        """Return true when something was done, so that the next round is due now."""
        if self._journal.stopped:
            self._settled = False
            await self._watch.saw(await driver.status(), driver.capabilities)
            return False
        doubtful = self._journal.doubtful()
        if doubtful is not None:
            return await self._wait_for_answer(driver, doubtful)
        if self._was_doubtful:
            # A person has been at the machine: what they removed is acknowledged now.
            self._was_doubtful = False
            self._patience.soon()
        if asked := self._operations.notice():
            return await self._operate(driver, asked)
        can = driver.capabilities
        waiting = self._journal.waiting()
        if gone := decide.expired(waiting, self._journal.now()):
            await self._journal.abort(gone, RejectReason.EXPIRED)
            self._workshop.forget()
            return True
        choice = self._choose(can)
        missing = await self._look(driver, choice)
        if choice is not None and self._operations.test_first(missing):
            return await self._operations.ask_test()
        if choice is None or missing:
            await self._acknowledge(driver)
            return False
        resting = self._upkeep.rest(self._watch.reasons)
        if resting or self._clock.mono_ms() < self._feed_at_ms:
            return False
        if not self._settled:
            self._settled = await self._settle(driver)
            return self._settled
        return await self._print(driver, choice)

    def _choose(self, can: Capabilities) -> decide.Choice | None:
        supplies = self._watch.supplies
        kind = supplies.ribbon_kind if supplies else ""
        waiting, now = self._journal.waiting(), self._journal.now()
        return decide.choose(waiting, kind, can, now)

    async def _look(
        self, driver: Driver, choice: decide.Choice | None
    ) -> frozenset[Reason]:
        """Look at the printer; return what keeps the chosen job from starting."""
        can, watch = driver.capabilities, self._watch
        status = await driver.status()
        before = watch.status
        if before is None or status.reasons != before.reasons:
            self._patience.soon()
        lacking: frozenset[Reason] = frozenset()
        if choice is not None and watch.supplies is not None:
            lacking = decide.ribbon_reasons(watch.supplies, can, choice.job)
        if status == before and not (lacking or self._journal.hopper_short()):
            await watch.saw(status, can)
        else:
            seen = await driver.observe()
            status = seen.status
            if choice is not None:
                lacking = decide.ribbon_reasons(seen.supplies, can, choice.job)
            await watch.saw(seen, can, lacking)
        stopped = errors_of(watch.reasons)
        if stopped or status.busy or status.session_foreign:
            self._settled = False
        return stopped

    async def _acknowledge(self, driver: Driver) -> None:
        """Ask the printer to forget faults whose cause may be gone, now and then.

        Only with no card in its path: then nothing is at stake, and a fault whose
        cause is still there comes up again.
        """
        status = self._watch.status
        if status is None or not errors_of(status.reasons):
            return
        free = status.card not in (CardPosition.INSIDE, CardPosition.EXIT)
        if free and self._patience.due(self._clock.mono_ms()):
            await driver.clear_fault()

    async def _wait_for_answer(self, driver: Driver, job: JobView) -> bool:
        self._was_doubtful = True
        self._settled = False
        if not job.reject_asked:
            await self._watch.saw(await driver.status(), driver.capabilities)
            return False
        reasons: frozenset[Reason] = frozenset()
        try:
            await self._reject(driver, job)
        except Refusal as refusal:
            log.info("reject_not_needed", job=job.job_id, reason=refusal.code)
        except DeviceError as refused:
            reasons = refused.reasons
            raise
        finally:
            again = doubt_reasons(reasons)
            await self._journal.ask_again(job.job_id, job.attempts, again)
        return True

    async def _reject(self, driver: Driver, job: JobView) -> None:
        """Move the card that a person saw inside to the reject bin."""
        await driver.clear_fault()
        await driver.claim()
        seen = await driver.observe()
        if seen.status.card is CardPosition.INSIDE:
            await self._journal.advance(
                job.job_id,
                job.attempts,
                Stage.DELIVERING,
                destination=Place.REJECT_BIN,
                evidence=evidence_of(seen),
            )
            await driver.reject()
        await driver.release()

    # What is done between two cards

    async def _operate(self, driver: Driver, asked: OpenOperation) -> bool:
        """Do what is asked for, or close what was begun; False: not yet."""
        if not self._settled:
            self._settled = await self._settle(driver)
        if self._journal.open_attempt() is not None:
            return False
        self._health.beat("worker", OPERATION_MAX_S)
        self._watch.working(True)
        try:
            done = await self._finish(self._operations.carry_out(driver, asked))
        finally:
            self._watch.working(False)
            self._settled = False
        return bool(done)

    # One card

    async def _print(self, driver: Driver, choice: decide.Choice) -> bool:
        can, job = driver.capabilities, choice.job
        supplies = self._watch.supplies
        assert supplies is not None
        prepared = await self._prepare(driver, job.job_id, supplies.ribbon_kind)
        if prepared is None:
            return True
        await driver.claim()
        before = await driver.observe()
        if can.power_canary and before.canary is None:
            raise RemoteProtocolError(
                "the printer was claimed, but its power canary cannot be read",
                card=CardFate.UNTOUCHED,
            )
        await self._watch.count(before, can)
        book = self._journal.stock()
        missing = decide.obstacles(before, can, book, job) | self._watch.holds
        if missing or before.supplies.ribbon_kind != prepared.ribbon_kind:
            await driver.release()
            await self._watch.saw(before, can, missing)
            self._settled = False
            return False
        begun = Begun(
            stage=first_stage(whole_job=can.whole_job),
            before=evidence_of(before),
            expected=expected_of(before, can, job.side_count),
            canary=before.canary,
            digest=prepared.digest,
        )
        card = Card(job.job_id, prepared, begun)
        finished = await self._finish(self._work(driver, card, choice.passed_over))
        if finished is None:
            return False
        await self._take_in(driver, finished)
        return True

    async def _work(
        self, driver: Driver, card: Card, passed_over: tuple[str, ...]
    ) -> Finished:
        self._watch.working(True)
        try:
            attempt = Attempt(self._journal, driver, card, self._aftermath.heard)
            finished = await attempt.run(passed_over)
        finally:
            self._watch.working(False)
        if finished.outcome is Outcome.GOOD:
            await driver.release()
        return finished

    async def _take_in(self, driver: Driver, finished: Finished) -> None:
        """Go on after a card; with a new driver unless it went well."""
        self._learn(finished)
        if finished.seen is not None:
            await self._watch.saw(finished.seen, driver.capabilities)
        if finished.error is not None:
            raise finished.error
        self._spent = finished.outcome is not Outcome.GOOD

    async def _finish(self, work: Coroutine[None, None, T]) -> T | None:
        """Await the card; once the end is asked for, only so long. None: not done.

        Not done means that what was begun stays open, for the next start to settle.
        """
        card = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._end.wait())
        try:
            await asyncio.wait({card, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not card.done():
                await self._hurry(card)
        except asyncio.CancelledError:
            await self._hurry(card)
            raise
        finally:
            for task in (card, asked):
                task.cancel()
            await asyncio.wait({card, asked})
        return None if card.cancelled() else card.result()

    async def _hurry(self, card: asyncio.Future[T]) -> None:
        log.warning("card_finishing", limit_s=FINISH_CARD_S)
        await asyncio.wait({card}, timeout=FINISH_CARD_S)

    def _learn(self, finished: Finished) -> None:
        if finished.outcome is not Outcome.UNTOUCHED:
            self._feed_retry_s = FEED_RETRY_FIRST_S
            return
        self._feed_at_ms = self._clock.mono_ms() + round(self._feed_retry_s * 1000)
        self._feed_retry_s = min(self._feed_retry_s * 2, FEED_RETRY_MAX_S)

    async def _prepare(
        self, driver: Driver, job_id: str, ribbon_kind: str
    ) -> PreparedCard | None:
        """Make a card's panels before any blank moves; None: the job was given up."""
        sealed = await self._journal.spooled(job_id)
        if sealed is None:
            return None  # it was withdrawn since it was chosen
        pack = self._workshop.pack
        try:
            return await self._executor.run(pack, driver, sealed, ribbon_kind)
        except CannotPrintError as refused:
            reason = str(refused)
        log.error("job_aborted", job=job_id, reason=reason)
        await self._journal.abort([job_id], reason[:REASON_MAX])
        return None

    # When it cannot go on

    async def _failed(self, failure: Exception, driver: Driver | None) -> None:
        """Say what is wrong, and wait before the next driver; nothing is lost.

        Raises:
            JournalDamagedError: the daemon ends, and sets it aside.
        """
        if isinstance(failure, JournalDamagedError):
            raise failure
        self._settled = False
        version = self._journal.changed.version
        answered = isinstance(failure, DeviceError)
        if answered:
            log.warning("printer_refused", error=str(failure))
        elif isinstance(failure, PrinterError):
            log.warning("printer_lost", error=str(failure), again_s=self._retry_s)
        elif isinstance(failure, StorageError):
            log.error("worker_stopped", error=str(failure))
        elif isinstance(failure, JournalError):
            log.critical("journal_failed", error=str(failure))
        else:
            log.error("worker_failed", exc_info=failure)
        try:
            if driver is not None and not answered:
                await self._aftermath.unreachable(driver.capabilities)
            await self._watch.trouble(_reasons_of(failure), blind=not answered)
        except JournalError as again:
            log.critical("journal_failed", error=str(again))
        await self._pause(self._retry_s, version if answered else None)
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)

    async def _pause(self, seconds: float, version: int | None) -> None:
        """Wait; not longer than until the journal moves on from `version`."""
        self._health.beat("worker", seconds + 60)
        waits = [asyncio.ensure_future(self._clock.sleep(seconds))]
        if version is not None:
            waits.append(asyncio.ensure_future(self._moved(version)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)

    async def _moved(self, version: int) -> None:
        await self._journal.changed.beyond(version)
        if not self._end.is_set():
            since_s = (self._clock.mono_ms() - self._round_at_ms) / 1000
            if since_s < ROUND_MIN_S:
                await self._clock.sleep(ROUND_MIN_S - since_s)

    def _beat(self, can: Capabilities) -> None:
        self._health.beat("worker", can.longest_card_s + 2 * SLACK_S)


def _reasons_of(failure: Exception) -> frozenset[Reason]:
    if isinstance(failure, DeviceError):
        return failure.reasons
    if isinstance(failure, TransportError | RemoteProtocolError):
        return frozenset({error(StateReason.CONNECTING_TO_DEVICE)})
    if isinstance(failure, StorageError):
        return frozenset({error(word_of(failure))})
    return frozenset({error(StateReason.OTHER)})
