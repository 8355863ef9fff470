"""The process dies at every step of a card; a new one finds files, machine, person."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest

from agent.contract.events import Found, Place, Stage
from agent.journal.journal import Resolution, StorageFullError
from agent.lifecycle.states import JobState
from tests.agent.paper_printer import (
    CrashError,
    Fault,
    PaperMachine,
    PrinterErrors,
    Station,
    make_job,
    opened,
    two_sided,
)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Death:
    """Counts what could be the last thing a process does, and dies at one of them."""

    def __init__(self, folder: Path, at: int) -> None:
        self.folder = folder
        self.at = at
        self.count = 0
        self.armed = False

    def point(self) -> None:
        if not self.armed:
            return
        self.count += 1
        if self.count == self.at:
            self.armed = False
            after = self.folder / "after"
            after.mkdir()
            for name in ("journal.db", "journal.db-wal"):
                if (self.folder / name).exists():
                    shutil.copy(self.folder / name, after / name)
            raise CrashError


class MortalExecutor:
    """Does the journal's work inline; before and after each piece it may die."""

    def __init__(self, death: Death) -> None:
        self._death = death

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        self._death.point()
        result = work(*args)
        self._death.point()
        return result


async def live_and_die(folder: Path, at: int) -> tuple[Station, Death, bool]:
    """Print one card until the process dies at its `at`-th point, if it has so many."""
    death = Death(folder, at)
    machine = PaperMachine(hook=lambda _: death.point())
    station = await Station.make(folder, machine, MortalExecutor(death))
    await station.stock(4)
    await station.send(make_job(sides=two_sided()))
    death.armed = True
    died = False
    try:
        await station.work_until(lambda: "release" in machine.steps)
    except CrashError:
        died = True
    death.armed = False
    machine.hook = lambda _: None
    await station.journal.close()
    return station, death, died


async def answer_truly(station: Station) -> None:
    """Look where the card is, say so, until nothing is in doubt."""
    for _ in range(4):
        job = station.journal.doubtful()
        if job is None:
            return
        machine = station.machine
        if machine.path is not None:
            found = Resolution(Found.PRINTER, None, "seen inside")
        elif machine.output:
            good, count = machine.output[-1].good, len(machine.reject_bin)
            if not good:  # it is thrown into the bin, as the answer says
                machine.reject_bin.append(machine.output.pop())
                count += 1
            found = Resolution(Found.OUTPUT, good, "looked at it", bin_count=count)
        elif machine.reject_bin:
            found = station.thrown_out("it lies there")
        else:
            count = len(machine.hopper)
            found = Resolution(Found.HOPPER, None, "nothing has moved", bin_count=count)
        await station.journal.resolve("J1", found)
        await station.work_until(lambda: is_still(station))
        station.again()


def is_still(station: Station) -> bool:
    """Nothing goes on without a person: in doubt and not asked to reject, or ended."""
    job = station.journal.doubtful()
    if job is not None:
        return not job.reject_asked
    return station.state() is JobState.COMPLETED


async def count_points(folder: Path) -> int:
    folder.mkdir()
    _, death, died = await live_and_die(folder, 10**9)
    assert not died
    return death.count


@pytest.mark.parametrize("power", ["kept", "lost", "lost-and-flushed"])
def test_wherever_the_process_dies_there_is_one_card_and_no_blank_is_lost(
    tmp_path: Path, power: str
) -> None:
    async def die_at(at: int) -> tuple[bool, bool]:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        old, _, died = await live_and_die(folder, at)
        assert died
        if power != "kept":
            old.machine.power_cycle(flush=power == "lost-and-flushed")
        station = await old.reopen(folder / "after")
        if station.journal.job("J1") is None:
            raise AssertionError("an accepted job was lost")
        await station.work_until(lambda: is_still(station))
        station.check_books()
        asked = station.journal.doubtful() is not None
        station.again()
        await answer_truly(station)
        station.check_books()
        book = station.journal.stock()
        assert station.state() is JobState.COMPLETED
        assert len([card for card in station.machine.output if card.good]) == 1
        assert book[Place.SUSPENSE] == 0
        assert {place: book[place] for place in station.machine.places()} == (
            station.machine.places()
        )
        await station.journal.close()
        return asked, station.machine.steps.count("feed") > 1

    async def test() -> None:
        count = await count_points(tmp_path / "whole")
        results = [await die_at(at) for at in range(1, count + 1)]
        assert count >= 25
        # Whoever kept the power can be believed: then nobody is asked.
        assert any(asked for asked, _ in results) is (power != "kept")
        assert any(again for _, again in results)

    asyncio.run(test())


@pytest.mark.parametrize(
    ("step", "attempts"),
    [("feed", 1), ("print_side", 2), ("finish_print", 1), ("deliver", 1)],
)
def test_a_motion_whose_answer_died_with_the_process_is_decided_by_the_table(
    tmp_path: Path, step: str, attempts: int
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        station.machine.faults = [Fault(step, "after", CrashError())]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        job = restarted.journal.job("J1")
        assert job is not None
        assert (job.state, job.attempts) == (JobState.COMPLETED, attempts)
        assert len(restarted.machine.output) == 1
        restarted.check_books()

    asyncio.run(test())


def test_panels_that_cannot_be_made_again_as_they_were_cost_the_blank(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        station.machine.faults = [Fault("feed", "after", CrashError())]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        station.known[b"sealed J1"] = opened(make_job("J1-drawn-otherwise"))
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        assert restarted.state() is JobState.COMPLETED
        assert len(restarted.machine.reject_bin) == 1
        restarted.check_books()

    asyncio.run(test())


def test_a_fault_seen_before_the_process_died_is_not_forgotten(tmp_path: Path) -> None:
    """Acknowledged, then dead: the next process finds no fault, but the record."""

    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        jam = PrinterErrors.jam()
        station.machine.faults = [
            Fault("deliver", "after", jam),
            Fault("clear_fault", "before", CrashError()),
        ]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        station.machine.latched = frozenset()
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        assert restarted.state() is JobState.PROCESSING_STOPPED
        why = b"".join(restarted.journal.why("J1"))
        assert b'"row":16' in why
        restarted.check_books()

    asyncio.run(test())


def test_a_feed_that_never_began_is_proven_by_the_counter_and_goes_again(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        station.machine.faults = [Fault("feed", "before", CrashError())]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        found = station.journal.open_attempt()
        assert found is not None
        assert found.stage is Stage.FEEDING
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        assert restarted.state() is JobState.COMPLETED
        restarted.check_books()

    asyncio.run(test())


def test_a_printer_that_never_answers_again_leaves_the_card_to_a_person(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        station.machine.faults = [Fault("feed", "after", CrashError())]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        station.machine.reachable = False
        restarted = await station.restart()
        await restarted.work_for(100)
        assert restarted.state() is JobState.PROCESSING
        restarted.again()
        await restarted.work_until(lambda: restarted.journal.doubtful())
        assert "x-outcome-unknown-error" in restarted.worker.picture.reasons

    asyncio.run(test())


def test_another_printer_than_the_one_that_was_fed_is_an_incident(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        station.machine.faults = [Fault("feed", "before", CrashError())]
        with pytest.raises(CrashError):
            await station.work_until(lambda: False)
        station.machine.serial = "P2"
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        assert restarted.state() is JobState.PROCESSING_STOPPED
        assert b"printer-changed" in b"".join(restarted.journal.why("J1"))

    asyncio.run(test())


def test_cancelled_the_worker_finishes_the_card_in_the_path(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(4)
        await station.send(make_job())
        task = asyncio.ensure_future(station.worker.run())
        while "print_side" not in station.machine.steps:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert station.state() is JobState.COMPLETED
        assert station.machine.steps[-1] == "release"
        station.check_books()

    asyncio.run(test())


def test_stopped_the_worker_finishes_its_card_and_begins_no_other(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        station.machine.gate = asyncio.Event()
        await station.stock(4)
        await station.send(make_job("J1"))
        await station.send(make_job("J2", queue_no=2))
        task = asyncio.ensure_future(station.worker.run())
        while "finish_print" not in station.machine.steps:
            await asyncio.sleep(0)
        station.worker.stop()
        for _ in range(9):
            await asyncio.sleep(0)
        assert not task.done()
        station.machine.gate.set()
        await task
        assert station.state("J1") is JobState.COMPLETED
        assert station.state("J2") is JobState.PENDING

    asyncio.run(test())


def test_cancelled_twice_the_attempt_stays_open_and_the_next_start_decides(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        station.machine.gate = asyncio.Event()
        await station.stock(4)
        await station.send(make_job())
        task = asyncio.ensure_future(station.worker.run())
        while "finish_print" not in station.machine.steps:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        found = station.journal.open_attempt()
        assert found is not None
        assert found.stage is Stage.SENT
        station.machine.gate = None
        restarted = await station.restart()
        await restarted.work_until(lambda: is_still(restarted))
        assert restarted.state() is JobState.COMPLETED
        restarted.check_books()

    asyncio.run(test())


class FullDisk:
    """An executor on a disk that has no room from the claim of a card on."""

    def __init__(self) -> None:
        self.full = False

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        if self.full:
            raise StorageFullError("journal: database or disk is full")
        return work(*args)


def test_a_disk_that_refuses_a_stage_lets_no_card_move(tmp_path: Path) -> None:
    async def test() -> None:
        disk = FullDisk()
        machine = PaperMachine()
        station = await Station.make(tmp_path, machine, disk)
        await station.stock(4)
        await station.send(make_job())

        def hook(step: str) -> None:
            disk.full = disk.full or step == "claim"

        machine.hook = hook
        await station.work_for(60)
        assert "feed" not in machine.steps
        assert "spool-area-full-error" in station.worker.picture.reasons
        machine.hook, disk.full = lambda _: None, False
        assert await station.journal.mend()
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()

    asyncio.run(test())
