"""Cleanings and self-tests, taken between two cards and closed by an event each.

What was begun and not closed is judged by the counters before any card starts.
"""

from __future__ import annotations

from typing import cast

import structlog

from agent.clock import Clock
from agent.contract.operation_events import Operation, OperationResult
from agent.journal.journal import Journal
from agent.journal.operations import OpenOperation
from agent.lifecycle import upkeep
from agent.lifecycle.facts import evidence_of
from agent.lifecycle.upkeep import TEST_FAILED
from agent.printer.aftermath import Patience
from agent.printer.upkeep import Upkeep
from agent.printer.watch import Watch
from protocols.contract import (
    Capabilities,
    CleanableDriver,
    CleaningDue,
    Driver,
    Observation,
)
from protocols.errors import DeviceError, PrinterError
from protocols.vocabulary import CardPosition, Reason

DETAIL_MAX = 200
OPERATION_MAX_S = 700.0  # a cleaning may take ten minutes
TEST_AGAIN_S, TEST_AGAIN_MAX_S = 60.0, 3600.0  # after one that failed
BEGIN_WITHIN_S = 600  # who laid a cleaning card ready is gone after that
RESTARTED = "the agent was restarted before it could begin; ask again"
TOO_LATE = f"it could not begin within {BEGIN_WITHIN_S // 60} minutes; ask again"
BROKEN_OFF = "it was broken off"

log = structlog.get_logger(__name__)


class Operations:
    """Carries out the one request that the journal may hold."""

    def __init__(
        self, journal: Journal, clock: Clock, watch: Watch, upkeep: Upkeep
    ) -> None:
        self._journal = journal
        self._upkeep = upkeep
        self._patience = Patience(TEST_AGAIN_S, TEST_AGAIN_MAX_S)
        self._clock = clock
        self._watch = watch
        self._old_no = journal.head().no  # requests up to it are of another process
        self._noticed: tuple[int, int] | None = None  # request, ms
        self._trouble = BROKEN_OFF
        self._answered = False

    def notice(self) -> OpenOperation | None:
        """Return what is asked for; its time runs from the first notice on."""
        asked = self._journal.operation()
        if asked is not None and (
            self._noticed is None or self._noticed[0] != asked.request
        ):
            self._noticed = (asked.request, self._clock.mono_ms())
        return asked

    def test_first(self, missing: frozenset[Reason]) -> bool:
        """Whether a self-test stands before the next card, and nothing else does."""
        return not missing - {TEST_FAILED} and self._upkeep.test_due()

    async def ask_test(self) -> bool:
        """Ask for a self-test; False: not yet again, after one that failed."""
        if not self._patience.due(self._clock.mono_ms()):
            return False
        return await self._journal.ask_operation(Operation.SELF_TEST)

    async def carry_out(self, driver: Driver, asked: OpenOperation) -> bool:
        """Do what is asked for, or close what was begun; False: the printer is at work.

        Raises:
            PrinterError: the driver is spent; what was begun is closed another time.
        """
        can = driver.capabilities
        if asked.begun:
            return await self._close(driver, asked)
        if asked.operation is Operation.CLEAN:
            why = self._why_not(asked, can)
            if why is not None:
                await self._end(asked, *why)
                return True
        status = await driver.status()
        if status.busy or status.session_foreign:
            return False
        if asked.operation is Operation.CLEAN:
            await self._clean(cast(CleanableDriver, driver), asked)
        else:
            await self._test(driver, asked)
        return True

    def _why_not(
        self, asked: OpenOperation, can: Capabilities
    ) -> tuple[OperationResult, str] | None:
        if not can.cleaning:
            text = f"{can.model} cannot be told to clean itself"
            return OperationResult.UNSUPPORTED, text
        if asked.request <= self._old_no:
            return OperationResult.INTERRUPTED, RESTARTED
        assert self._noticed is not None
        waited_ms = self._clock.mono_ms() - self._noticed[1]
        if waited_ms > BEGIN_WITHIN_S * 1000:
            return OperationResult.FAILED, TOO_LATE
        return None

    async def _close(self, driver: Driver, begun: OpenOperation) -> bool:
        """Close what was begun, by what the counters say now."""
        seen = await driver.observe()
        if seen.status.busy or seen.status.session_foreign:
            return False
        failed, broken = OperationResult.FAILED, OperationResult.INTERRUPTED
        result = failed if self._answered else broken
        if begun.operation is Operation.SELF_TEST:
            await self._end(begun, result, self._trouble)
        else:
            await self._judge(begun, seen, driver.capabilities, result, self._trouble)
        self._trouble, self._answered = BROKEN_OFF, False
        return True

    # Cleaning

    async def _clean(self, driver: CleanableDriver, asked: OpenOperation) -> None:
        can = driver.capabilities
        try:
            await driver.claim()
            before = await driver.observe()
        except PrinterError as error:
            await self._end(asked, OperationResult.FAILED, str(error))
            raise
        await self._watch.saw(before, can)  # what moved until now is no part of it
        if before.status.card is CardPosition.INSIDE:
            await driver.release()
            await self._end(asked, OperationResult.FAILED, "a card stands in the path")
            return
        expected = upkeep.expected_of_cleaning(can)
        evidence = evidence_of(before)
        await self._journal.begin_operation(asked.request, expected, evidence)
        log.info("operation_begun", operation=asked.operation, request=asked.request)
        begun = self._journal.operation()
        assert begun is not None
        try:
            await driver.maintenance.clean()
            after = await driver.observe()
        except PrinterError as error:
            self._trouble, self._answered = str(error), isinstance(error, DeviceError)
            raise
        await self._judge(begun, after, can, OperationResult.DONE, "")
        await driver.release()

    async def _judge(
        self,
        begun: OpenOperation,
        seen: Observation,
        can: Capabilities,
        result: OperationResult,
        detail: str,
    ) -> None:
        """Close a cleaning; a blank that went through with it is no part of it."""
        assert begun.evidence is not None
        assert begun.expected is not None
        after = evidence_of(seen)
        cards = upkeep.unexplained(begun.evidence, after, begun.expected, can)
        if cards:
            detail = f"the counter of fed cards moved by {cards} more than it explains"
        log.info("operation_ended", operation=begun.operation, result=result)
        await self._journal.end_operation(
            begun.request, result, detail[:DETAIL_MAX], after, unaccounted=cards
        )

    # Self-test

    async def _test(self, driver: Driver, asked: OpenOperation) -> None:
        can = driver.capabilities
        await self._journal.begin_operation(asked.request, upkeep.NOTHING)
        try:
            first = await driver.observe()
            await self._clock.sleep(can.settle_gap_s)
            second = await driver.observe()
            due = await _due(driver)
        except PrinterError as error:
            await self._end(asked, OperationResult.FAILED, str(error))
            raise
        tested = upkeep.judge(first, second, due, can)
        result = OperationResult.FAILED if tested.wrong else OperationResult.DONE
        await self._end(asked, result, tested.text)
        if not tested.wrong:
            self._patience.soon()
        await self._watch.saw(second, can)

    async def _end(
        self, asked: OpenOperation, result: OperationResult, detail: str
    ) -> None:
        text = detail[:DETAIL_MAX]
        log.info("operation_ended", operation=asked.operation, result=result, why=text)
        await self._journal.end_operation(asked.request, result, text)


async def _due(driver: Driver) -> CleaningDue | None:
    if not driver.capabilities.cleaning:
        return None
    return await cast(CleanableDriver, driver).maintenance.cleaning()
