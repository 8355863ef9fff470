"""Cleaning and self-tests between two cards, on the printer of paper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.events import Evidence, Expected, Place
from agent.contract.operation_events import Operation, OperationResult
from agent.journal.errors import Refusal
from agent.journal.operations import EndedOperation
from agent.journal.verify import Verdict, verify
from agent.lifecycle.duty import Rules
from agent.lifecycle.ledger import Signers
from agent.lifecycle.states import JobState
from agent.lifecycle.upkeep import judge, unexplained
from protocols.contract import Observation
from protocols.vocabulary import Reason, Severity, StateReason
from tests.agent.paper_printer import (
    CAN,
    CrashError,
    Fault,
    PaperDriver,
    PaperDue,
    PaperMachine,
    PrinterErrors,
    Station,
    error,
    make_job,
)
from tests.agent.test_worker import details, kinds

SITI = Signers("siti")
CLEANABLE = replace(CAN, cleaning=True)
COUNTING = replace(CLEANABLE, cleaning_cards=1)
DIRTY = Reason(StateReason.CLEANER_LIFE_OVER, Severity.WARNING)
DAY_S = 86_400.0


def drive(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


async def cleaned(station: Station) -> EndedOperation:
    """Ask for a cleaning, let the worker do it, and return what became of it."""
    journal = station.journal
    await journal.ask_operation(Operation.CLEAN, SITI)
    await station.work_until(lambda: journal.operation() is None)
    station.again()
    ended = journal.operation_ended()
    assert ended is not None
    return ended


async def ready(folder: Path, machine: PaperMachine) -> Station:
    """A printer that has made a card, so that its counters are known."""
    station = await Station.make(folder, machine)
    await station.stock(5)
    await station.send(make_job("J0"))
    await station.work_until(lambda: station.state("J0") is JobState.COMPLETED)
    station.again()
    return station


# Cleaning.


@pytest.mark.parametrize("can", [CLEANABLE, COUNTING], ids=["uncounted", "counted"])
def test_a_cleaning_is_no_unaccounted_card(tmp_path: Path, can) -> None:
    async def test() -> None:
        station = await ready(tmp_path, PaperMachine(can=can, cleaning_card=True))
        ended = await cleaned(station)
        assert (ended.result, ended.detail) == (OperationResult.DONE, "")
        assert station.machine.cleanings == 1
        await station.work_for(60)
        assert await details(station, "incident-raised") == []
        begun = (await details(station, "operation-begun"))[0]
        assert begun["expected"] == {"cards": can.cleaning_cards, "sets": 0}
        assert station.machine.steps.index("claim") < station.machine.steps.index(
            "clean"
        )
        station.check_books()

    drive(test)


@pytest.mark.parametrize("can", [CLEANABLE, COUNTING], ids=["uncounted", "counted"])
def test_a_blank_that_a_cleaning_takes_is_missed_at_once(tmp_path: Path, can) -> None:
    async def test() -> None:
        machine = PaperMachine(can=can, cleaning_card=True)
        station = await ready(tmp_path, machine)

        def steal(step: str) -> None:
            if step == "clean":
                machine.take("hopper")
                machine.cards_fed += 1

        machine.hook = steal
        ended = await cleaned(station)
        assert ended.result is OperationResult.DONE
        assert "moved by 1 more than it explains" in ended.detail
        incidents = await details(station, "incident-raised")
        assert [one["incident"] for one in incidents] == ["unaccounted-card"]
        assert station.journal.stock()[Place.SUSPENSE] == 1
        station.check_books()

    drive(test)


def test_a_card_that_was_fed_before_the_cleaning_is_no_part_of_it(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        machine = PaperMachine(can=COUNTING, cleaning_card=True)
        station = await ready(tmp_path, machine)
        machine.take("hopper")
        machine.cards_fed += 1
        await cleaned(station)
        incidents = await details(station, "incident-raised")
        assert [one["incident"] for one in incidents] == ["unaccounted-card"]
        assert station.journal.stock()[Place.SUSPENSE] == 1

    drive(test)


def test_a_cleaning_waits_for_the_card_and_goes_before_the_next(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE, cleaning_card=True)
        station = await Station.make(tmp_path, machine)
        await station.stock(5)
        for number in (1, 2):
            await station.send(make_job(f"J{number}", queue_no=number))
        wishes: list[asyncio.Future[bool]] = []

        def ask(step: str) -> None:
            if step == "print_side" and not wishes:
                asking = station.journal.ask_operation(Operation.CLEAN, SITI)
                wishes.append(asyncio.ensure_future(asking))

        machine.hook = ask
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        steps = [one for one in machine.steps if one in ("deliver", "clean", "feed")]
        assert steps == ["feed", "deliver", "clean", "feed", "deliver"]
        assert await wishes[0]

    drive(test)


def test_a_printer_that_cannot_is_not_told_to(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        ended = await cleaned(station)
        assert ended.result is OperationResult.UNSUPPORTED
        assert "clean" not in station.machine.steps

    drive(test)


def test_a_refused_cleaning_has_failed_and_the_next_card_comes(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE, cleaning_card=True)
        station = await ready(tmp_path, machine)
        machine.faults = [Fault("clean", "before", PrinterErrors.jam())]
        await station.send(make_job("J1"))
        ended = await cleaned(station)
        assert ended.result is OperationResult.FAILED
        assert ended.detail == "stopped"
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        assert await details(station, "incident-raised") == []

    drive(test)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_link_that_is_cut_in_a_cleaning_leaves_it_to_the_counters(
    tmp_path: Path, when: str
) -> None:
    async def test() -> None:
        machine = PaperMachine(can=COUNTING, cleaning_card=True)
        station = await ready(tmp_path, machine)
        machine.faults = [Fault("clean", when, PrinterErrors.cut())]
        ended = await cleaned(station)
        assert ended.result is OperationResult.INTERRUPTED
        assert ended.detail == "link cut"
        assert await details(station, "incident-raised") == []

    drive(test)


@pytest.mark.parametrize("stolen", [0, 1])
def test_a_crash_in_a_cleaning_is_closed_by_the_next_process(
    tmp_path: Path, stolen: int
) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE, cleaning_card=not stolen)
        station = await ready(tmp_path, machine)
        machine.faults = [Fault("clean", "after", CrashError())]
        await station.journal.ask_operation(Operation.CLEAN, SITI)
        with pytest.raises(CrashError):
            await station.worker.run()
        await station.send(make_job("J1"))
        station = await station.restart()
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        ended = station.journal.operation_ended()
        assert ended is not None
        assert ended.result is OperationResult.INTERRUPTED
        incidents = await details(station, "incident-raised")
        assert len(incidents) == stolen
        assert station.journal.stock()[Place.SUSPENSE] == stolen
        station.check_books()

    drive(test)


def test_a_cleaning_of_another_day_is_not_begun(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE)
        station = await ready(tmp_path, machine)
        await station.journal.ask_operation(Operation.CLEAN, SITI)
        station = await station.restart()
        await station.work_until(lambda: station.journal.operation() is None)
        ended = station.journal.operation_ended()
        assert ended is not None
        assert ended.result is OperationResult.INTERRUPTED
        assert "restarted" in ended.detail
        assert "clean" not in machine.steps
        assert not machine.hand

    drive(test)


def test_a_cleaning_that_could_not_begin_in_time_is_asked_for_again(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE)
        station = await ready(tmp_path, machine)
        machine.busy = True
        await station.journal.ask_operation(Operation.CLEAN, SITI)
        await station.work_until(lambda: station.journal.operation() is None)
        ended = station.journal.operation_ended()
        assert ended is not None
        assert ended.result is OperationResult.FAILED
        assert "within 10 minutes" in ended.detail
        assert "clean" not in machine.steps

    drive(test)


def test_no_card_starts_while_its_cleaning_is_overdue(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE, cleaning_card=True)
        machine.latched = machine.cause = frozenset({DIRTY})
        station = await Station.make(tmp_path, machine)
        await station.stock(5)
        await station.send(make_job("J1"))
        await station.work_for(600)
        assert station.state("J1") is JobState.PENDING
        assert "cleaner-life-over-error" in station.worker.picture.reasons
        station.again()
        await cleaned(station)
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)

    drive(test)


def test_an_office_may_print_though_cleaning_is_overdue(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE)
        machine.latched = machine.cause = frozenset({DIRTY})
        rules = Rules(print_uncleaned=True)
        station = await Station.make(tmp_path, machine, rules=rules)
        await station.stock(5)
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        assert "cleaner-life-over-warning" in station.worker.picture.reasons

    drive(test)


# Self-test.


def count_of_tests(steps: list[str]) -> int:
    return steps.count("cleaning")


async def idle_station(folder: Path) -> Station:
    rules = Rules(test_after_s=3 * DAY_S)
    station = await Station.make(folder, PaperMachine(can=CLEANABLE), rules=rules)
    await station.stock(9)
    return station


def test_before_the_first_card_and_after_long_idle_the_printer_is_tested(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await idle_station(tmp_path)
        steps = station.machine.steps
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        assert steps.index("cleaning") < steps.index("feed")
        ended = (await details(station, "operation-ended"))[0]
        assert ended["result"] == "done"
        assert "serial P1, firmware 1.0; ribbon YMCKO" in str(ended["detail"])
        assert "cleaning advised in 12 cards" in str(ended["detail"])

        station.again()
        station.clock.ms += round(2 * DAY_S * 1000)
        await station.send(make_job("J2", queue_no=2))
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        assert count_of_tests(steps) == 1
        station.again()
        station.clock.ms += round(3 * DAY_S * 1000)
        await station.send(make_job("J3", queue_no=3))
        await station.work_until(lambda: station.state("J3") is JobState.COMPLETED)
        assert count_of_tests(steps) == 2
        assert station.machine.cards_fed == 3

    drive(test)


def test_days_without_power_are_idle_days_even_by_an_unsure_clock(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await idle_station(tmp_path)
        await station.send(make_job("J1"))
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.clock.sure = False
        station.clock.offset = timedelta(days=4)
        await station.send(make_job("J2", queue_no=2))
        station = await station.restart()
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        assert count_of_tests(station.machine.steps) == 2

    drive(test)


def test_a_printer_that_fails_its_test_makes_no_card_until_it_passes(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await idle_station(tmp_path)
        machine = station.machine
        await station.send(make_job("J1"))

        def drift(step: str) -> None:  # its counter moves while nobody asks anything
            asked = station.journal.operation()
            if step == "observe" and asked and asked.begun:
                machine.ribbon_left -= 1

        machine.hook = drift
        await station.work_for(600)
        assert station.state("J1") is JobState.PENDING
        assert "x-self-test-failed-error" in station.worker.picture.reasons
        assert 2 <= len(await details(station, "operation-ended")) <= 8
        machine.hook = lambda _: None
        station = await station.restart()
        assert station.journal.test_failed()
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        assert station.worker.picture.reasons == []

    drive(test)


def test_a_test_that_a_person_asks_for_moves_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        await station.stock(2)
        await station.journal.ask_operation(Operation.SELF_TEST, SITI)
        await station.work_until(lambda: station.journal.operation() is None)
        moving = {"claim", "feed", "clean", "print_side", "deliver", "reject"}
        assert not moving & set(station.machine.steps)
        assert "operation-ended" in await kinds(station)
        ended = station.journal.operation_ended()
        assert ended is not None
        assert ended.result is OperationResult.DONE

    drive(test)


def test_a_link_that_is_cut_in_a_test_fails_it(tmp_path: Path) -> None:
    async def test() -> None:
        machine = PaperMachine(can=CLEANABLE)
        station = await ready(tmp_path, machine)
        machine.faults = [Fault("cleaning", "before", PrinterErrors.cut())]
        await station.journal.ask_operation(Operation.SELF_TEST, SITI)
        await station.work_until(lambda: station.journal.operation() is None)
        ended = station.journal.operation_ended()
        assert ended is not None
        assert (ended.result, ended.detail) == (OperationResult.FAILED, "link cut")

    drive(test)


# The rules alone.


def seen(machine: PaperMachine) -> Observation:
    return asyncio.run(PaperDriver(machine).observe())


def test_what_two_looks_show():
    fit = seen(PaperMachine())
    assert judge(fit, fit, None, CAN).wrong == ()
    late = judge(fit, fit, PaperDue(-3, -1), CAN)
    assert "cleaning overdue by 1 cards" in late.text
    assert "advised since 3" in judge(fit, fit, PaperDue(-3, 2), CAN).text
    strange = seen(PaperMachine(ribbon="YMCKX"))
    assert "unknown kind, YMCKX" in judge(strange, strange, None, CAN).text
    mute = replace(fit, cards_fed=None)
    assert "how many cards it has fed" in judge(mute, mute, None, CAN).text
    jammed = seen(PaperMachine(latched=frozenset({error(StateReason.MEDIA_JAM)})))
    assert judge(jammed, jammed, None, CAN).wrong == ("media-jam-error",)


@pytest.mark.parametrize(
    ("rise", "expected", "cards"),
    [(0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (3, 1, 2), (-2, 1, -2)],
)
def test_what_a_cleaning_does_not_explain(rise, expected, cards):
    before = Evidence(card="none", reasons=[], cards_fed=10)
    after = Evidence(card="none", reasons=[], cards_fed=10 + rise)
    wanted = Expected(cards=expected, sets=0)
    assert unexplained(before, after, wanted, CAN) == cards


# Another printer.


async def swapped(folder: Path) -> Station:
    """A station whose printer another one has taken the place of."""
    machine = PaperMachine()
    station = await ready(folder, machine)
    machine.serial = "P2"
    await station.send(make_job("J1"))
    await station.work_for(120)
    return station


def test_no_card_starts_on_another_printer_until_people_stand_for_it(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await swapped(tmp_path)
        assert station.state("J1") is JobState.PENDING
        assert "x-printer-changed-error" in station.worker.picture.reasons
        station = await station.restart()
        await station.work_for(60)
        assert station.state("J1") is JobState.PENDING
        two = Signers("siti", "rina", proven=True)
        await station.journal.confirm_printer("P2", two, "the old one is at the shop")
        station.again()
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        confirmed = (await details(station, "printer-confirmed"))[0]
        assert confirmed["second"] == "rina"
        assert confirmed["identity"] == "proven"
        with pytest.raises(Refusal, match="no change of the printer"):
            await station.journal.confirm_printer("P2", two, "again")

    drive(test)


@pytest.mark.parametrize(
    ("serial", "by", "code"),
    [
        ("P1", Signers("siti", "rina", proven=True), "other-printer"),
        ("P2", Signers("siti", "siti", proven=True), "same-person"),
        ("P2", Signers("centre:a", "centre:b", proven=True), "same-person"),
    ],
)
def test_who_may_not_stand_for_another_printer_changes_nothing(
    tmp_path: Path, serial: str, by: Signers, code: str
) -> None:
    async def test() -> None:
        station = await swapped(tmp_path)
        with pytest.raises(Refusal) as refused:
            await station.journal.confirm_printer(serial, by, "it is here")
        assert refused.value.code == code
        assert station.journal.printer_changed()

    drive(test)


def test_who_stands_alone_for_another_printer_has_a_day_for_a_second(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await swapped(tmp_path)
        journal = station.journal
        alone = Signers("siti", proven=True)
        await journal.confirm_printer("P2", alone, "the old one is at the shop")
        (waits,) = journal.unconfirmed()
        assert (waits.cause, waits.who, waits.source) == ("other-printer", "siti", None)
        station.again()
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        with pytest.raises(Refusal, match="another person"):
            await journal.confirm_stock(waits.no, alone)
        station.clock.ms += 24 * 3_600_000
        await journal.report_unconfirmed()
        late = (await details(station, "incident-raised"))[-1]
        assert late["incident"] == "unconfirmed"
        assert late["detail"] == (
            "no second identity for other-printer by siti within 24 hours"
        )
        await journal.confirm_stock(waits.no, Signers("centre:k", proven=True))
        assert journal.unconfirmed() == []
        assert (await details(station, "stock-confirmed"))[0]["late"] is True
        await journal.close()
        report = verify(tmp_path / "journal.db")
        assert (report.verdict, report.detail) == (Verdict.GOOD, "")

    drive(test)


def test_where_nobody_can_prove_an_identity_one_name_is_enough(tmp_path: Path) -> None:
    async def test() -> None:
        station = await swapped(tmp_path)
        await station.journal.confirm_printer("P2", SITI, "it is here")
        assert not station.journal.printer_changed()
        assert station.journal.unconfirmed() == []

    drive(test)
