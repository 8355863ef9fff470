"""The worker and the real driver of a whole-job family, on a printer of paper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from agent.clock import InlineExecutor
from agent.contract.envelope import OpenedJob
from agent.contract.events import Found, Place
from agent.contract.messages import Job
from agent.health import Health
from agent.journal.journal import Journal, Resolution
from agent.lifecycle.duty import Rules
from agent.lifecycle.states import JobState
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from protocols.magicard.models import MODELS
from protocols.vocabulary import CardSide
from tests.agent import virtual_time
from tests.agent.paper_printer import make_job, opened
from tests.agent.virtual_time import LoopClock, elapse, run
from tests.protocols.magicard_paper import ERROR, NOT_FED, PaperPrinter, driver_of

LIMIT_S = 1200.0
NOW = virtual_time.START


def draw(job: Job, parts: object) -> dict[CardSide, Image.Image]:
    return {CardSide.FRONT: Image.new("RGB", (1011, 638), (9, 90, 200))}


class Station:
    """One journal and one printer; `process` is the worker of one process."""

    def __init__(self, journal: Journal, printer: PaperPrinter) -> None:
        self.journal = journal
        self.printer = printer
        self.known: dict[bytes, OpenedJob] = {}

    @classmethod
    async def make(cls, folder: Path, printer: PaperPrinter) -> Station:
        path = folder / "journal.db"
        station = cls(await Journal.open(path, LoopClock(), InlineExecutor()), printer)
        await station.journal.load_stock(3)
        one = opened(make_job(issued_at=NOW, expires_at=NOW + timedelta(days=30)))
        station.known[b"sealed J1"] = one
        await station.journal.accept(one, b"sealed J1")
        return station

    async def work_until(self, fact: Callable[[], object]) -> None:
        workshop = Workshop(
            make_driver=lambda: driver_of(self.printer),
            open_spooled=self.known.__getitem__,
            render=draw,
            forget=lambda: None,
        )
        upkeep = Upkeep(self.journal, Rules(), MODELS["Enduro"].capabilities)
        worker = Worker(
            self.journal, workshop, LoopClock(), InlineExecutor(), Health({}), upkeep
        )
        task = asyncio.ensure_future(worker.run())
        end_s = asyncio.get_running_loop().time() + LIMIT_S
        while not fact() and asyncio.get_running_loop().time() < end_s:
            await elapse(0.5)
        assert fact(), self.journal.jobs_open(9)
        worker.stop()
        await task

    @property
    def state(self) -> JobState:
        job = self.journal.job("J1")
        assert job is not None
        return job.state


def test_a_card_is_good_by_the_printers_own_count_over_one_link(tmp_path: Path) -> None:
    async def scene() -> None:
        printer = PaperPrinter()
        station = await Station.make(tmp_path, printer)
        await station.work_until(lambda: station.state is JobState.COMPLETED)
        book = station.journal.stock()
        assert (book[Place.HOPPER], book[Place.OUTPUT]) == (2, 1)
        assert printer.cards == 1205
        assert printer.said.count("job") == 1
        assert b"counter-mismatch" not in b"".join(station.journal.why("J1"))

    run(scene())


def test_a_card_that_the_printer_does_not_count_is_put_before_a_person(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        printer = PaperPrinter(counts=False)
        station = await Station.make(tmp_path, printer)
        await station.work_until(lambda: station.journal.doubtful())
        assert station.state is JobState.PROCESSING_STOPPED
        assert printer.said.count("job") == 1

    run(scene())


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_cable_pulled_in_a_job_is_not_printed_again_by_itself(
    tmp_path: Path, size: int
) -> None:
    """The new link cannot show that the power stayed: a person looks, then it goes."""

    async def scene() -> None:
        printer = PaperPrinter(unplugged_at=size)
        station = await Station.make(tmp_path, printer)
        await station.work_until(lambda: station.journal.doubtful())
        assert station.journal.stock()[Place.SUSPENSE] == 1
        assert "reset" in printer.said
        printer.unplugged_at = None
        found = Resolution(Found.HOPPER, None, "none of three is missing")
        await station.journal.resolve("J1", found)
        await station.work_until(lambda: station.state is JobState.COMPLETED)
        assert printer.cards == 1205
        assert station.journal.stock()[Place.HOPPER] == 2

    run(scene())


def test_a_fault_before_the_job_holds_it_back_and_moves_no_blank(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        printer = PaperPrinter(port=ERROR, fault=NOT_FED)
        station = await Station.make(tmp_path, printer)
        await station.work_until(
            lambda: "media-needed-error" in station.journal.faults()
        )
        assert station.state is JobState.PENDING
        assert "job" not in printer.said
        printer.port, printer.fault = 0x18, "OK\n00:00\n(c0300)"
        await station.work_until(lambda: station.state is JobState.COMPLETED)

    run(scene())
