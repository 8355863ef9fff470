"""The worker with the real journal and a printer on paper: books against truth."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import pytest

from agent.contract.events import Found, Place
from agent.journal import chain
from agent.journal.journal import Refusal, Resolution
from agent.lifecycle.states import JobState
from protocols.errors import DeviceError
from protocols.vocabulary import PrinterState, StateReason
from tests.agent.paper_printer import (
    CAN,
    START,
    Fault,
    PaperMachine,
    PrinterErrors,
    Station,
    error,
    make_job,
    two_sided,
)

MISMATCH = "x-stock-mismatch-error"


def drive(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


async def kinds(station: Station, job: str | None = None) -> list[str]:
    lines = await station.journal.lines_after(0, 9_999, 2**24)
    events = [chain.open_line(line, no)[1] for no, line in lines]
    return [
        msgspec.to_builtins(event.data)["kind"]
        for event in events
        if job is None or event.job == job
    ]


async def details(station: Station, kind: str) -> list[dict[str, object]]:
    lines = await station.journal.lines_after(0, 9_999, 2**24)
    found = [
        msgspec.to_builtins(chain.open_line(line, no)[1].data) for no, line in lines
    ]
    return [data for data in found if data["kind"] == kind]


def test_a_job_becomes_one_good_card_and_the_books_say_so(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        await station.send(make_job(sides=two_sided()))
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        book = station.journal.stock()
        assert (book[Place.HOPPER], book[Place.OUTPUT]) == (2, 1)
        assert await kinds(station, "J1") == [
            "job-accepted",
            "job-started",
            "attempt-stage",
            "attempt-stage",
            "stock-moved",
            "attempt-stage",
            "attempt-stage",
            "attempt-closed",
            "stock-moved",
            "job-completed",
        ]
        assert await station.journal.spooled("J1") is None
        assert station.worker.picture.state is PrinterState.IDLE

    drive(test)


def test_a_card_costs_five_commits_after_its_acceptance(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.again()
        await station.send(make_job("J2"))
        commits: list[int] = []

        def hook(step: str) -> None:
            if step in ("claim", "release"):
                commits.append(station.journal.changed.version)

        station.machine.hook = hook
        await station.work_until(lambda: len(commits) == 2)
        assert commits[1] - commits[0] == 5

    drive(test)


STAGE_BEFORE = {
    "feed": "feeding",
    "print_side": "sending",
    "finish_print": "sent",
    "deliver": "delivering",
    "reject": "delivering",
}


def test_every_motion_finds_its_stage_already_on_disk(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(9)
        seen: list[str] = []

        def hook(step: str) -> None:
            if step not in STAGE_BEFORE:
                return
            seen.append(step)
            with sqlite3.connect(tmp_path / "journal.db") as witness:
                query = "SELECT stage FROM attempts ORDER BY job_id DESC, attempt DESC"
                (stage,) = witness.execute(query).fetchone()
            witness.close()
            assert stage == STAGE_BEFORE[step]

        station.machine.hook = hook
        await station.send(make_job("J1", sides=two_sided()))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.again()
        station.machine.faults = [Fault("finish_print", "before", PrinterErrors.jam())]
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.journal.doubtful())
        station.again()
        inside = Resolution(Found.PRINTER, None, "seen through the window")
        await station.journal.resolve("J2", inside)
        await station.work_until(lambda: station.machine.reject_bin)
        assert set(seen) == set(STAGE_BEFORE)

    drive(test)


CUT_AT = [
    # step, when, attempts until the card is good: the table decides, nobody is asked
    ("feed", "before", 2),  # row 1: the counter stands
    ("feed", "after", 1),  # row 4: ours and unmarked, so it goes on
    ("print_side", "before", 2),  # row 8: rejected, for dye may be on it
    ("print_side", "after", 2),
    ("finish_print", "before", 1),  # row 7: printed to the end
    ("finish_print", "after", 1),
    ("deliver", "before", 1),  # row 15: delivered after all
    ("deliver", "after", 1),  # row 14: it has left
]


@pytest.mark.parametrize(("step", "when", "attempts"), CUT_AT)
def test_a_link_cut_at_any_step_is_decided_by_the_evidence(
    tmp_path: Path, step: str, when: str, attempts: int
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        station.machine.faults = [Fault(step, when, PrinterErrors.cut())]
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.check_books()
        job = station.journal.job("J1")
        assert job is not None
        assert job.attempts == attempts
        assert len(station.machine.output) == 1
        assert len(station.machine.reject_bin) == job.spoiled
        assert station.journal.stock()[Place.SUSPENSE] == 0

    drive(test)


MOVED = [
    (step, when)
    for step in ("feed", "print_side", "finish_print", "deliver")
    for when in ("before", "after")
    if (step, when) != ("feed", "before")
]


@pytest.mark.parametrize(("step", "when"), MOVED)
def test_a_jam_that_nobody_clears_is_put_before_a_person_and_stops_the_printer(
    tmp_path: Path, step: str, when: str
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        station.machine.faults = [Fault(step, when, PrinterErrors.jam())]
        await station.send(make_job("J1"))
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.journal.doubtful())
        station.check_books()
        assert station.state("J1") is JobState.PROCESSING_STOPPED
        assert "x-outcome-unknown-error" in station.worker.picture.reasons
        gone = station.machine.path is None
        assert station.journal.stock()[Place.SUSPENSE] == int(gone)
        # Nothing else is printed until a person has spoken.
        station.again()
        before = len(station.machine.output)
        await station.work_for(60)
        assert station.state("J2") is JobState.PENDING
        assert len(station.machine.output) == before

    drive(test)


def test_a_jam_before_the_feed_has_moved_nothing_and_goes_again(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        station.machine.faults = [Fault("feed", "before", PrinterErrors.jam())]
        await station.send(make_job())
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        assert station.machine.cards_fed == 1

    drive(test)


def open_and_shut(station: Station, times: list[float]) -> Callable[[str], None]:
    """A hand opens the cover at the first moment, and shuts it at the second."""

    def hook(_: str) -> None:
        now_s = station.clock.ms / 1000
        if station.machine.latched:
            times[:] = times or [now_s + 10, now_s + 20]
        if times:
            station.machine.cover_open = times[0] <= now_s < times[1]

    return hook


@pytest.mark.parametrize("step", ["print_side", "finish_print"])
def test_a_card_left_inside_when_its_jam_was_cleared_is_rejected_and_made_again(
    tmp_path: Path, step: str
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        station.machine.faults = [Fault(step, "before", PrinterErrors.jam())]
        station.machine.hook = open_and_shut(station, [])
        await station.send(make_job())
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        places = station.machine.places()
        assert (places[Place.OUTPUT], places[Place.REJECT_BIN]) == (1, 1)
        (decided,) = await details(station, "attempt-decided")
        assert (decided["decision"], decided["row"]) == ("reject", 8)
        assert not decided["unbroken"]

    drive(test)


def test_an_error_about_the_next_card_is_acknowledged_before_the_reject(
    tmp_path: Path,
) -> None:
    """A ribbon that ended keeps no printer from rest, but refuses the next motion."""

    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        ended = frozenset({error(StateReason.RIBBON_EMPTY)})
        failure = DeviceError("stopped", reasons=ended)
        station.machine.faults = [Fault("print_side", "before", failure)]
        await station.send(make_job())
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        steps = station.machine.steps
        assert "clear_fault" in steps[: steps.index("reject")]
        station.check_books()

    drive(test)


def test_a_job_stopped_for_an_absent_printer_goes_on_when_it_comes_back(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)

        def hook(step: str) -> None:
            if step == "finish_print":
                station.machine.reachable = False

        station.machine.hook = hook
        await station.send(make_job())
        await station.work_until(lambda: station.journal.doubtful())
        assert station.journal.stock()[Place.SUSPENSE] == 0
        assert "connecting-to-device-error" in station.worker.picture.reasons
        station.machine.hook = lambda _: None
        station.machine.reachable = True
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        assert len(station.machine.output) == 1
        assert not station.machine.reject_bin

    drive(test)


def test_a_person_may_answer_before_the_printer_can(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        assert station.journal.open_attempt() is not None
        station.machine.reject_bin.append(station.machine.take("path"))
        answer = station.thrown_out("cleared the jam")
        assert await station.journal.resolve("J1", answer) is JobState.PENDING
        assert station.journal.open_attempt() is None
        station.check_books()

    drive(test)


def test_cards_fed_behind_our_back_are_an_incident_and_printing_goes_on(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.again()
        station.machine.output.append(station.machine.take("hopper"))
        station.machine.cards_fed += 1
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        (incident,) = await details(station, "incident-raised")
        assert incident["incident"] == "unaccounted-card"
        book = station.journal.stock()
        assert (book[Place.SUSPENSE], book[Place.HOPPER]) == (1, 2)
        assert station.machine.places()[Place.HOPPER] == 2

    drive(test)


@pytest.mark.parametrize("jump", [-7, 1000])
def test_a_counter_that_no_card_explains_moves_no_blank(
    tmp_path: Path, jump: int
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path, PaperMachine(cards_fed=70))
        await station.stock(5)
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.again()
        station.machine.cards_fed += jump
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        (incident,) = await details(station, "incident-raised")
        assert incident["incident"] == "counter-mismatch"
        station.check_books()

    drive(test)


async def in_doubt(station: Station, step: str = "finish_print") -> None:
    station.machine.faults = [Fault(step, "before", PrinterErrors.jam())]
    await station.send(make_job("J1"))
    await station.work_until(lambda: station.journal.doubtful())
    station.again()


def test_a_jammed_card_put_into_the_bin_is_printed_again(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        card = station.machine.take("path")
        station.machine.reject_bin.append(card)
        answer = station.thrown_out("cleared the jam", "rina")
        assert await station.journal.resolve("J1", answer) is JobState.PENDING
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        book = station.journal.stock()
        assert (book[Place.OUTPUT], book[Place.REJECT_BIN], book[Place.HOPPER]) == (
            1,
            1,
            3,
        )
        assert station.worker.picture.reasons == []
        assert "clear_fault" in station.machine.steps

    drive(test)


def test_a_job_that_spoiled_its_blanks_is_held_and_the_next_one_printed(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        for _ in range(2):
            await in_doubt(station)
            station.machine.reject_bin.append(station.machine.take("path"))
            answer = station.thrown_out("jam")
            await station.journal.resolve("J1", answer)
        assert station.state() is JobState.PENDING_HELD
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        started = await details(station, "job-started")
        assert started[-1]["passed_over"] == ("J1 x-blanks-used",)
        station.check_books()

    drive(test)


def test_a_card_seen_inside_is_rejected_by_command_and_asked_for_again(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        await station.journal.resolve("J1", Resolution(Found.PRINTER, None, "seen"))
        await station.work_until(lambda: station.machine.reject_bin)
        assert station.state() is JobState.PROCESSING_STOPPED
        assert station.journal.stock()[Place.SUSPENSE] == 1
        station.again()
        answer = station.thrown_out("it lies there now")
        await station.journal.resolve("J1", answer)
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()

    drive(test)


def test_a_reject_that_jams_is_asked_about_again(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(5)
        await in_doubt(station)
        station.machine.faults = [Fault("reject", "before", PrinterErrors.jam())]
        await station.journal.resolve("J1", Resolution(Found.PRINTER, None, "seen"))
        await station.work_until(lambda: not station.machine.faults)
        job = station.journal.job("J1")
        assert job is not None
        assert job.in_doubt
        assert not job.reject_asked
        assert "media-jam-error" in job.reasons
        station.check_books()

    drive(test)


def test_a_good_card_found_at_the_output_completes_its_job(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(2)
        station.machine.faults = [Fault("deliver", "after", PrinterErrors.jam())]
        await station.send(make_job())
        await station.work_until(lambda: station.journal.doubtful())
        found = Resolution(Found.OUTPUT, good=True, reason="looked at it")
        assert await station.journal.resolve("J1", found) is JobState.COMPLETED
        station.check_books()
        with pytest.raises(Refusal, match="nothing is in doubt"):
            await station.journal.resolve("J1", found)

    drive(test)


def test_a_blank_that_is_not_found_ends_its_job(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(2)
        await in_doubt(station)
        station.machine.take("path")
        missing = Resolution(Found.MISSING, None, "gone")
        assert await station.journal.resolve("J1", missing) is JobState.ABORTED
        assert station.journal.stock()[Place.MISSING] == 1
        assert await station.journal.spooled("J1") is None
        station.check_books()

    drive(test)


def test_a_stolen_blank_is_one_incident_and_printing_goes_on_after_loading(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(1)
        station.machine.take("hopper")
        await station.send(make_job())
        await station.work_for(60)
        assert MISMATCH in station.worker.picture.reasons
        (incident,) = await details(station, "incident-raised")
        assert incident["incident"] == "stock-mismatch"
        assert (incident["place"], incident["book"], incident["seen"]) == (
            "hopper",
            1,
            0,
        )
        station.again()
        await station.stock(3)
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert station.worker.picture.reasons == []
        truth = station.machine.places()[Place.HOPPER]
        assert station.journal.stock()[Place.HOPPER] == truth + 1

    drive(test)


def test_blanks_nobody_told_of_are_not_fed(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        station.machine.load(3)
        await station.send(make_job())
        await station.work_for(60)
        assert station.worker.picture.reasons == [MISMATCH]
        assert "feed" not in station.machine.steps
        station.again()
        await station.journal.load_stock(3)
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()

    drive(test)


def test_an_empty_hopper_waits_for_blanks_and_is_no_incident(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(1)
        await station.send(make_job("J1"))
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.again()
        await station.work_for(30)
        assert station.worker.picture.reasons == ["media-empty-error"]
        assert "incident-raised" not in await kinds(station)
        station.again()
        await station.stock(1)
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)

    drive(test)


def test_a_feed_that_takes_no_blank_is_tried_again_ever_more_seldom(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        fault = Fault("feed", "before", PrinterErrors.no_feed())
        station.machine.faults = [
            Fault("feed", "before", PrinterErrors.no_feed()) for _ in range(99)
        ]
        await station.send(make_job())
        await station.work_for(3600)
        tries = station.machine.steps.count(fault.step)
        assert 5 <= tries <= 25
        station.check_books()
        assert station.journal.stock()[Place.SUSPENSE] == 0
        station.machine.faults = []
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        job = station.journal.job("J1")
        assert job is not None
        assert (job.attempts, job.spoiled) == (tries + 1, 0)

    drive(test)


def test_an_absent_printer_keeps_jobs_pending_and_is_said_once(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        station.machine.reachable = False
        await station.stock(3)
        await station.send(make_job())
        await station.work_for(600)
        assert station.worker.picture.reasons == ["connecting-to-device-error"]
        assert station.worker.picture.state is PrinterState.STOPPED
        assert (await kinds(station)).count("fault-raised") == 1
        # Back-off: 1, 2, 4, 8, 15, 15 … seconds.
        assert 35 <= station.machine.steps.count("open") <= 50
        station.machine.reachable = True
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert station.journal.faults() == frozenset()

    drive(test)


def test_a_strange_card_in_the_path_stops_the_printer(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        station.machine.load(1)
        station.machine.path = station.machine.hopper.pop()
        await station.send(make_job())
        await station.work_for(60)
        assert "x-foreign-card-error" in station.worker.picture.reasons
        assert "feed" not in station.machine.steps
        (incident,) = await details(station, "incident-raised")
        assert incident["incident"] == "foreign-card"

    drive(test)


def test_a_ribbon_with_too_few_sets_waits_for_another(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        station.machine.ribbon_left = 1
        await station.send(make_job(sides=two_sided()))
        await station.work_for(30)
        empty = f"{StateReason.RIBBON_EMPTY}-error"
        assert station.worker.picture.reasons == [empty]
        station.again()
        station.machine.ribbon_left, station.machine.ribbon_serial = 50, "R2"
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        ribbons = await details(station, "supply-ribbon")
        assert [one["serial"] for one in ribbons] == ["R1", "R2"]

    drive(test)


def test_a_job_for_another_ribbon_is_passed_over_with_its_reason(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        await station.send(make_job("J1", ribbon="KO"))
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        (started,) = await details(station, "job-started")
        assert started["passed_over"] == ("J1 x-wrong-ribbon",)
        station.again()
        await station.work_for(30)
        assert station.worker.picture.reasons == ["x-wrong-ribbon-error"]
        station.again()
        station.machine.ribbon = "KO"
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)

    drive(test)


def test_a_picture_that_cannot_be_drawn_moves_no_blank(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        await station.send(make_job(reason="bad"))
        await station.work_until(lambda: station.state() is JobState.ABORTED)
        assert "feed" not in station.machine.steps
        (aborted,) = await details(station, "job-aborted")
        assert aborted["reason"] == "image-bad: front: not a picture"
        assert await station.journal.spooled("J1") is None

    drive(test)


def test_a_job_expires_before_its_claim_only_while_the_clock_is_sure(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        soon = START.replace(minute=5)
        await station.send(make_job("J1", expires_at=soon))
        await station.send(make_job("J2", queue_no=2, expires_at=soon))
        station.clock.sure = False
        await station.work_for(600)
        assert station.state("J1") is JobState.PENDING
        station.clock.sure = True
        station.again()
        await station.work_until(lambda: station.state("J2") is JobState.ABORTED)
        reasons = [one["reason"] for one in await details(station, "job-aborted")]
        assert reasons == ["expired", "expired"]
        assert station.forgotten, "an expired job is not kept open in memory"

    drive(test)


def test_counters_that_disagree_are_an_incident_and_stop_the_card(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)

        def hook(step: str) -> None:
            if step == "finish_print":
                station.machine.cards_fed += 1  # somebody prints behind our back

        station.machine.hook = hook
        await station.send(make_job())
        await station.work_until(lambda: station.journal.doubtful())
        (incident,) = await details(station, "incident-raised")
        assert incident["incident"] == "counter-mismatch"
        assert incident["detail"] == "cards fed rose by 2, expected 1"
        assert not station.machine.output
        station.check_books()

    drive(test)


def test_a_printer_that_lost_its_power_in_mid_card_is_not_believed(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        cuts = [True]

        def hook(step: str) -> None:
            if step == "finish_print" and cuts:
                cuts.pop()
                station.machine.power_cycle()

        station.machine.hook = hook
        await station.send(make_job())
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert len(station.machine.reject_bin) == 1
        assert len(station.machine.output) == 1
        station.check_books()

    drive(test)


def test_a_job_whose_time_has_not_come_lets_others_pass(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        later = START.replace(minute=10)
        await station.send(make_job("J1", not_before=later))
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        assert station.state("J1") is JobState.PENDING
        station.again()
        await station.work_for(900)
        assert station.state("J1") is JobState.COMPLETED

    drive(test)


def test_a_hold_lets_no_card_start_until_it_is_lifted(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        station.worker.hold(StateReason.SECOND_AGENT, on=True)
        await station.send(make_job())
        await station.work_for(60)
        assert station.worker.picture.reasons == ["x-second-agent-error"]
        assert station.state() is JobState.PENDING
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)

    drive(test)


def test_a_fault_whose_cause_is_gone_is_acknowledged(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(3)
        cover = frozenset({error(StateReason.COVER_OPEN)})
        station.machine.latched = station.machine.cause = cover
        await station.send(make_job())
        await station.work_for(120)
        assert station.worker.picture.reasons == ["cover-open-error"]
        assert (await kinds(station)).count("fault-raised") == 1
        station.machine.cause = frozenset()
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        assert (await kinds(station)).count("fault-cleared") == 1

    drive(test)


def test_the_last_blank_of_the_hopper_makes_a_good_card(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path, PaperMachine(ribbon_left=1))
        await station.stock(1)
        await station.send(make_job())
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()
        assert CAN.ribbon_counter is not None

    drive(test)
