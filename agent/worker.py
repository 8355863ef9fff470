"""One printer, one job at a time: lifecycle decides, journal writes, driver moves.

The only place that tries again. A driver that raised is closed and a new one opened;
an attempt that is found open is settled before anything else moves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import structlog

from agent.attempt import (
    SLACK_S,
    Attempt,
    Card,
    Finished,
    doubt_reasons,
    evidence_of,
)
from agent.clock import Clock, Executor
from agent.contract.events import Incident, IncidentRaised, Place, Stage
from agent.contract.messages import Outcome, RejectReason
from agent.health import Health
from agent.journal.journal import (
    Closing,
    JobView,
    Journal,
    JournalError,
    StorageFullError,
)
from agent.lifecycle import decide
from agent.lifecycle.facts import errors_of
from agent.lifecycle.recovery import recover, settled
from agent.watch import PrinterPicture, Watch, error
from agent.workshop import CannotPrintError, Workshop
from protocols.contract import Capabilities, Driver, Observation, PreparedCard
from protocols.errors import (
    DeviceError,
    PrinterError,
    RemoteProtocolError,
    TransportError,
)
from protocols.vocabulary import CardFate, CardPosition, Reason, StateReason

log = structlog.get_logger(__name__)

IDLE_S = 5.0  # between two looks at a printer that has nothing to do
WAITING_S = 1.0  # likewise, while a person or a supply is waited for
ROUND_MIN_S = 0.05  # from round to round: a flood of news is answered by few of them
RETRY_FIRST_S = 1.0  # doubled with each failure
RETRY_MAX_S = 15.0
ACKNOWLEDGE_S = 5.0  # between two acknowledgements of the same fault, doubled each time
ACKNOWLEDGE_MAX_S = 60.0
FEED_RETRY_MAX_S = 300.0  # a feed that keeps failing is doubled up to this
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
    ) -> None:
        """`executor` does the drawing and packing, some 100 ms a card."""
        self._journal = journal
        self._workshop = workshop
        self._clock = clock
        self._executor = executor
        self._health = health
        self._watch = Watch(journal)
        self._end = asyncio.Event()
        self._settled = False
        self._retry_s = RETRY_FIRST_S
        self._feed_retry_s = ACKNOWLEDGE_S
        self._blind_since_ms: int | None = clock.mono_ms()
        self._acknowledge_at_ms = 0
        self._feed_at_ms = 0
        self._round_at_ms = 0
        self._acknowledge_s = ACKNOWLEDGE_S
        self._was_doubtful = False
        self._spent = False

    @property
    def picture(self) -> PrinterPicture:
        """The printer as it was seen last."""
        return self._watch.picture

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
        """Watch until the printer is at rest; then decide an attempt found open."""
        can = driver.capabilities
        limit_ms = self._clock.mono_ms() + _limit_ms(can)
        seen, at_rest = await driver.observe(), False
        while True:
            self._blind_since_ms = None
            self._beat(can)
            await self._watch.saw(seen, can)
            late = self._clock.mono_ms() >= limit_ms
            if at_rest or late or self._end.is_set() or errors_of(seen.status.reasons):
                break
            await self._clock.sleep(can.settle_gap_s)
            before, seen = seen, await driver.observe()
            at_rest = settled(before, seen, can.settle_gap_s, can)
        if not self._end.is_set():
            await self._recover(seen if at_rest else None, can)
            await self._watch.saw(seen, can)
        return at_rest

    async def _recover(self, now: Observation | None, can: Capabilities) -> None:
        found = self._journal.open_attempt()
        if found is None:
            return
        outcome = recover(found.stage, found.before, now, can)
        incident = None
        if now is not None and now.identity.serial != found.before.printer_serial:
            incident = IncidentRaised(
                incident=Incident.PRINTER_CHANGED,
                detail="another printer answers than the one that was fed",
            )
        detail = f"found open at {found.stage}"
        if outcome is Outcome.UNTOUCHED:
            detail += "; the counter of fed cards stands, and no card is inside"
        closing = Closing(
            outcome,
            detail=detail,
            evidence=evidence_of(now) if now else None,
            incident=incident,
            reasons=doubt_reasons(),
        )
        await self._journal.close_attempt(found.job_id, found.attempt, closing)
        log.warning("attempt_recovered", job=found.job_id, outcome=outcome)

    # One round: look, choose, and print at most one card

    async def _round(self, driver: Driver) -> bool:
        """Return true when something was done, so that the next round is due now."""
        doubtful = self._journal.doubtful()
        if doubtful is not None:
            return await self._wait_for_answer(driver, doubtful)
        if self._was_doubtful:
            # A person has been at the machine: what they removed is acknowledged now.
            self._was_doubtful = False
            self._acknowledge_soon()
        can = driver.capabilities
        waiting = self._journal.waiting()
        if gone := decide.expired(waiting, self._journal.now()):
            await self._journal.abort(gone, RejectReason.EXPIRED)
            self._workshop.forget()
            return True
        choice = self._choose(can)
        missing = await self._look(driver, choice)
        if choice is None or missing:
            await self._acknowledge(driver)
            return False
        if self._clock.mono_ms() < self._feed_at_ms:
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
            self._acknowledge_soon()
        lacking: frozenset[Reason] = frozenset()
        if choice is not None and watch.supplies is not None:
            lacking = decide.ribbon_reasons(watch.supplies, can, choice.job)
        if status == before and not lacking:
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
        now_ms = self._clock.mono_ms()
        if free and now_ms >= self._acknowledge_at_ms:
            self._acknowledge_at_ms = now_ms + round(self._acknowledge_s * 1000)
            self._acknowledge_s = min(self._acknowledge_s * 2, ACKNOWLEDGE_MAX_S)
            await driver.clear_fault()

    def _acknowledge_soon(self) -> None:
        self._acknowledge_at_ms = 0
        self._acknowledge_s = ACKNOWLEDGE_S

    async def _wait_for_answer(self, driver: Driver, job: JobView) -> bool:
        self._was_doubtful = True
        self._settled = False
        if not job.reject_asked:
            await self._watch.saw(await driver.status(), driver.capabilities)
            return False
        reasons: frozenset[Reason] = frozenset()
        try:
            await self._reject(driver, job)
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
        book = self._journal.stock()
        missing = decide.obstacles(before, can, book, job) | self._watch.holds
        if missing or before.supplies.ribbon_kind != prepared.ribbon_kind:
            await driver.release()
            await self._watch.saw(before, can, missing)
            self._settled = False
            return False
        card = Card(job.job_id, choice.passed_over, prepared, before)
        finished = await self._finish(self._work(driver, card))
        if finished is None:
            return False
        self._learn(finished)
        if finished.seen is not None:
            await self._watch.saw(finished.seen, can)
        if finished.error is not None:
            raise finished.error
        self._spent = finished.outcome is not Outcome.GOOD
        return True

    async def _work(self, driver: Driver, card: Card) -> Finished:
        self._watch.working(True)
        try:
            attempt = Attempt(self._journal, driver, card, driver.capabilities)
            finished = await attempt.run()
        finally:
            self._watch.working(False)
        if finished.outcome is Outcome.GOOD:
            await driver.release()
        return finished

    async def _finish(self, work: Coroutine[None, None, Finished]) -> Finished | None:
        """Await the card; once the end is asked for, only so long. None: not done.

        Not done means that the attempt stays open, for the next start to settle.
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

    async def _hurry(self, card: asyncio.Future[Finished]) -> None:
        log.warning("card_finishing", limit_s=FINISH_CARD_S)
        await asyncio.wait({card}, timeout=FINISH_CARD_S)

    def _learn(self, finished: Finished) -> None:
        if finished.outcome is not Outcome.UNTOUCHED:
            self._feed_retry_s = ACKNOWLEDGE_S
            return
        self._feed_at_ms = self._clock.mono_ms() + round(self._feed_retry_s * 1000)
        self._feed_retry_s = min(self._feed_retry_s * 2, FEED_RETRY_MAX_S)

    async def _prepare(
        self, driver: Driver, job_id: str, ribbon_kind: str
    ) -> PreparedCard | None:
        """Make a card's panels before any blank moves; None: the job was given up."""
        sealed = await self._journal.spooled(job_id)
        assert sealed is not None
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
        """Say what is wrong, and wait before the next driver; nothing is lost."""
        self._settled = False
        version = self._journal.changed.version
        answered = isinstance(failure, DeviceError)
        if answered:
            log.warning("printer_refused", error=str(failure))
        elif isinstance(failure, PrinterError):
            log.warning("printer_lost", error=str(failure), again_s=self._retry_s)
        elif isinstance(failure, JournalError):
            log.critical("journal_failed", error=str(failure))
        else:
            log.error("worker_failed", exc_info=failure)
        try:
            if driver is not None and not answered:
                await self._give_up_waiting(driver.capabilities)
            await self._watch.trouble(_reasons_of(failure), blind=not answered)
        except JournalError as again:
            log.critical("journal_failed", error=str(again))
        await self._pause(self._retry_s, version if answered else None)
        self._retry_s = min(self._retry_s * 2, RETRY_MAX_S)

    async def _give_up_waiting(self, can: Capabilities) -> None:
        """An attempt is open and nobody answers: after a while a person must look."""
        now_ms = self._clock.mono_ms()
        if self._blind_since_ms is None:
            self._blind_since_ms = now_ms
        if now_ms - self._blind_since_ms >= _limit_ms(can):
            await self._recover(None, can)

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


def _limit_ms(can: Capabilities) -> int:
    return round((can.longest_card_s + SLACK_S) * 1000)


def _reasons_of(failure: Exception) -> frozenset[Reason]:
    if isinstance(failure, DeviceError):
        return failure.reasons
    if isinstance(failure, TransportError | RemoteProtocolError):
        return frozenset({error(StateReason.CONNECTING_TO_DEVICE)})
    if isinstance(failure, StorageFullError):
        return frozenset({error(StateReason.SPOOL_AREA_FULL)})
    return frozenset({error(StateReason.OTHER)})
