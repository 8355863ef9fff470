"""Cleaning and self-test by the worker, on the emulated Evolis printer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NoReturn

from agent.clock import InlineExecutor, SystemClock
from agent.contract.events import Place
from agent.contract.operation_events import Operation, OperationResult
from agent.health import Health
from agent.journal.journal import Journal
from agent.journal.operations import EndedOperation
from agent.lifecycle.duty import Rules
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.maintenance import Maintenance
from protocols.evolis.models import MODELS
from protocols.transports.tcp import TcpTransport
from simulators.evolis.firmware import Firmware
from tests.agent.paper_printer import draw
from tests.simulators.emulator_world import World, living

MODEL = MODELS["Primacy"]
Ask = Callable[[Operation], Awaitable[EndedOperation]]


class Thief(Maintenance):
    """Takes a blank through the printer just before the cleaning begins."""

    world: World

    async def clean(self) -> None:
        await self.world.text("Sie")
        await super().clean()


class Station:
    """A worker beside an emulator, over a real socket."""

    def __init__(self, world: World, journal: Journal, *, thief: bool) -> None:
        self.world = world
        self.journal = journal
        self._thief = thief
        workshop = Workshop(self._driver, _nothing, draw, lambda: None)
        self.worker = Worker(
            journal,
            workshop,
            SystemClock(),
            InlineExecutor(),
            Health({}),
            Upkeep(journal, Rules(), MODEL.capabilities),
        )

    def _driver(self) -> EvolisDriver:
        link = TcpTransport("127.0.0.1", self.world.port)
        driver = EvolisDriver(MODEL, link, session_id=7)
        if self._thief:
            work = Thief(driver._guard, driver._counter)
            work.world = self.world
            driver.maintenance = work
        return driver

    async def do(self, operation: Operation) -> EndedOperation:
        await self.journal.ask_operation(operation)
        while self.journal.operation() is not None:
            await self.journal.changed.beyond(self.journal.changed.version)
        ended = self.journal.operation_ended()
        assert ended is not None
        return ended

    async def prepare(self) -> None:
        await self.world.do(do="hand", act="take-ribbon")
        await self.world.do(do="hand", act="cleaning-card")


def _nothing(_: bytes) -> NoReturn:
    raise AssertionError("no job is here")


def play(
    folder: Path,
    scene: Callable[[Station], Awaitable[None]],
    *,
    thief: bool = False,
    firmware: Firmware | None = None,
) -> None:
    async def whole() -> None:
        async with living(firmware=firmware or Firmware()) as world:
            journal = await Journal.open(
                folder / "journal.db", SystemClock(), InlineExecutor()
            )
            await journal.load_stock(5)
            station = Station(world, journal, thief=thief)
            work = asyncio.create_task(station.worker.run())
            try:
                async with asyncio.timeout(60):
                    await scene(station)
            finally:
                station.worker.stop()
                await work
                await journal.close()

    asyncio.run(whole())


async def incidents(journal: Journal) -> list[str]:
    lines = await journal.lines_after(0, 1_000, 2**20)
    return [line.decode() for _, line in lines if b'"incident-raised"' in line]


def test_a_cleaning_is_done_and_accounted_for(tmp_path: Path) -> None:
    async def scene(station: Station) -> None:
        await station.prepare()
        ended = await station.do(Operation.CLEAN)
        assert (ended.result, ended.detail) == (OperationResult.DONE, "")
        assert "periodic_global:1" in await station.world.text("Rco;clean")
        assert await incidents(station.journal) == []

    play(tmp_path, scene)


def test_a_blank_that_goes_through_with_it_is_missed(tmp_path: Path) -> None:
    async def scene(station: Station) -> None:
        await station.prepare()
        ended = await station.do(Operation.CLEAN)
        assert ended.result is OperationResult.DONE
        found = await incidents(station.journal)
        assert len(found) == 1
        assert "unaccounted-card" in found[0]
        assert station.journal.stock()[Place.SUSPENSE] == 1

    play(tmp_path, scene, thief=True)


def test_what_was_not_prepared_fails_and_may_be_asked_for_again(
    tmp_path: Path,
) -> None:
    async def scene(station: Station) -> None:
        ended = await station.do(Operation.CLEAN)
        assert ended.result is OperationResult.FAILED
        assert "refused Scp" in ended.detail
        await station.prepare()
        ended = await station.do(Operation.CLEAN)
        assert ended.result is OperationResult.DONE
        assert await incidents(station.journal) == []

    play(tmp_path, scene)


def test_a_self_test_moves_nothing_and_says_how_far_the_cleaning_is(
    tmp_path: Path,
) -> None:
    async def scene(station: Station) -> None:
        ended = await station.do(Operation.SELF_TEST)
        assert ended.result is OperationResult.DONE
        assert ended.detail.endswith("cleaning advised in 30 cards")
        truth = await station.world.do(do="truth")
        assert {card["place"] for card in truth["cards"]} <= {"hopper"}

    play(tmp_path, scene, firmware=Firmware(clean_after=30))
