"""A printer that feeds and ejects by itself: its stages, its doubt, and its books."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from agent.contract.events import Found, Place
from agent.journal.errors import Refusal
from agent.journal.journal import Resolution
from agent.lifecycle.states import JobState
from protocols.errors import TransportError
from protocols.vocabulary import CardFate
from tests.agent.paper_printer import (
    WHOLE_JOB,
    CrashError,
    Fault,
    PaperMachine,
    PrinterErrors,
    Station,
    make_job,
    two_sided,
)
from tests.agent.test_worker import details, drive, kinds
from tests.agent.test_worker_crash import Death, MortalExecutor, answer_truly, is_still

STAGE_BEFORE = {"send_job": "sending", "send_last": "last", "finish_print": "sent"}


async def station_of(folder: Path, machine: PaperMachine | None = None) -> Station:
    station = await Station.make(folder, machine or PaperMachine(can=WHOLE_JOB))
    await station.stock(4)
    await station.send(make_job(sides=two_sided()))
    return station


def test_a_whole_job_becomes_one_good_card_and_the_books_say_so(tmp_path: Path) -> None:
    async def test() -> None:
        station = await station_of(tmp_path)
        await station.work_until(lambda: "release" in station.machine.steps)
        assert station.state() is JobState.COMPLETED
        station.check_books()
        book = station.journal.stock()
        assert (book[Place.HOPPER], book[Place.OUTPUT]) == (3, 1)
        stages = await details(station, "attempt-stage")
        assert [one["stage"] for one in stages] == ["sending", "last", "sent"]
        assert stages[0]["evidence"]
        assert stages[0]["expected"] == {"cards": 1, "sets": 2}
        assert (await kinds(station, "J1"))[1:4] == [
            "job-started",
            "attempt-stage",
            "stock-moved",
        ]
        assert not {"feed", "print_side", "deliver"} & set(station.machine.steps)

    drive(test)


def test_every_byte_of_a_whole_job_finds_its_stage_on_disk(tmp_path: Path) -> None:
    async def test() -> None:
        station = await station_of(tmp_path)
        seen: dict[str, str] = {}

        def hook(step: str) -> None:
            if step in STAGE_BEFORE:
                with sqlite3.connect(tmp_path / "journal.db") as witness:
                    (seen[step],) = witness.execute(
                        "SELECT stage FROM attempts"
                    ).fetchone()
                witness.close()

        station.machine.hook = hook
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert seen == STAGE_BEFORE

    drive(test)


CUT_AT = [
    # step, when, keeps the job, where the job goes, attempts
    ("send_job", "before", True, JobState.COMPLETED, 2),  # row 11: it dropped the job
    ("send_job", "after", True, JobState.COMPLETED, 2),
    ("send_last", "before", True, JobState.COMPLETED, 2),
    ("send_job", "after", False, JobState.COMPLETED, 2),  # row 8: rejected
    ("send_last", "before", False, JobState.PROCESSING_STOPPED, 1),  # row 13
    ("send_last", "after", False, JobState.PROCESSING_STOPPED, 1),
    ("finish_print", "before", False, JobState.COMPLETED, 1),  # row 12: good
    ("finish_print", "after", True, JobState.COMPLETED, 1),
]


@pytest.mark.parametrize(("step", "when", "keeps", "state", "attempts"), CUT_AT)
def test_a_link_cut_in_a_whole_job_is_decided_by_the_evidence(
    tmp_path: Path, step: str, when: str, keeps: bool, state: JobState, attempts: int
) -> None:
    async def test() -> None:
        machine = PaperMachine(can=WHOLE_JOB, keeps_job=keeps)
        station = await station_of(tmp_path, machine)
        machine.faults = [Fault(step, when, PrinterErrors.cut())]
        await station.work_until(lambda: station.state() is state)
        station.check_books()
        job = station.journal.job("J1")
        assert job is not None
        assert job.attempts == attempts
        good = [card for card in machine.output if card.good]
        assert len(good) == int(
            state is JobState.COMPLETED or (step, when) == ("send_last", "after")
        )
        assert len(machine.reject_bin) == job.spoiled

    drive(test)


def test_a_job_of_which_no_byte_was_sent_is_untouched_and_goes_again(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await station_of(tmp_path)
        refused = TransportError("busy", card=CardFate.UNTOUCHED)
        station.machine.faults = [Fault("send_job", "before", refused)]
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        closed = await details(station, "attempt-closed")
        assert [one["outcome"] for one in closed] == ["untouched", "good"]
        assert "attempt-decided" not in await kinds(station)
        station.check_books()

    drive(test)


def test_a_card_that_stays_inside_after_its_last_byte_is_not_called_good(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await station_of(tmp_path)
        machine = station.machine

        def hook(step: str) -> None:
            if step == "finish_print":
                machine.path = machine.output.pop()

        machine.hook = hook
        await station.work_until(lambda: station.journal.doubtful())
        station.check_books()
        assert not machine.reject_bin

    drive(test)


async def live_and_die(folder: Path, at: int, keeps: bool) -> tuple[Station, int, bool]:
    """Print one card until the process dies at its `at`-th point, if it has so many."""
    death = Death(folder, at)
    machine = PaperMachine(can=WHOLE_JOB, keeps_job=keeps, hook=lambda _: death.point())
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
    return station, death.count, died


@pytest.mark.parametrize("power", ["kept", "lost", "lost-and-flushed"])
@pytest.mark.parametrize("keeps", [True, False])
def test_wherever_the_process_dies_in_a_whole_job_no_second_good_card_is_made(
    tmp_path: Path, keeps: bool, power: str
) -> None:
    async def die_at(at: int) -> None:
        folder = tmp_path / f"{at}"
        folder.mkdir()
        old, _, died = await live_and_die(folder, at, keeps)
        assert died
        if power != "kept":
            old.machine.power_cycle(flush=power == "lost-and-flushed")
        station = await old.reopen(folder / "after")
        await station.work_until(lambda: is_still(station))
        station.check_books()
        if (job := station.journal.doubtful()) is not None:
            station.again()
            if job.stage != "sending":  # a card could be out: it must be counted
                not_counted = Resolution(Found.HOPPER, None, "nothing has moved")
                with pytest.raises(Refusal, match="how many cards lie in the hopper"):
                    await station.journal.resolve("J1", not_counted)
                assert station.journal.doubtful() == job
            await answer_truly(station)
            assert station.state() is JobState.COMPLETED
            station.check_books()
        good = [card for card in station.machine.output if card.good]
        assert len(good) == int(station.state() is JobState.COMPLETED)
        await station.journal.close()

    async def test() -> None:
        (tmp_path / "whole").mkdir()
        _, count, died = await live_and_die(tmp_path / "whole", 10**9, keeps)
        assert not died
        assert count >= 20
        for at in range(1, count + 1):
            await die_at(at)

    asyncio.run(test())
