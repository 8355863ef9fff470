"""How hard a printer is worked: the rules alone, then the worker that keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.contract.events import AttemptStage, Stage
from agent.contract.operation_events import (
    Operation,
    OperationEnded,
    OperationResult,
)
from agent.journal.store import Transaction
from agent.lifecycle.duty import (
    COOLING,
    HISTORY_MAX,
    RESTING,
    History,
    Limits,
    Moment,
    Rest,
    Rules,
    ages_s,
    card_s,
    done_in_s,
    idle_s,
    interval_s,
    rest,
)
from agent.lifecycle.states import JobState
from agent.printer.upkeep import Upkeep
from protocols.vocabulary import Reason, Severity, StateReason
from tests.agent.paper_printer import CAN, PaperMachine, Station, error, make_job

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE_S = 60.0


def moment(
    boot: str, mono_s: float, *, at_s: float | None = None, sure: bool = True
) -> Moment:
    seconds = mono_s if at_s is None else at_s
    return Moment(boot, round(mono_s * 1000), NOON + timedelta(seconds=seconds), sure)


# How long ago something was.


def test_within_a_boot_no_jump_of_the_clock_counts():
    now = moment("b", 100, at_s=-9_999)
    assert ages_s([moment("b", 40, at_s=99_999)], now) == [60.0]


def test_between_boots_two_sure_clocks_are_believed():
    before = [moment("a", 500, at_s=500), moment("a", 440, at_s=440)]
    assert ages_s(before, moment("b", 10, at_s=1_700)) == [1200.0, 1260.0]


def test_a_clock_that_was_set_back_lengthens_nothing():
    now = moment("b", 10, at_s=-86_400)
    assert ages_s([moment("a", 500), moment("a", 440)], now) == [10.0, 70.0]


def test_an_unsure_clock_that_runs_ahead_shortens_nothing():
    before = [moment("a", 500), moment("a", 440)]
    ahead = moment("b", 10, at_s=86_400, sure=False)
    assert ages_s(before, ahead) == [10.0, 70.0]


def test_each_boot_between_counts_for_what_it_lasted():
    before = [moment("b", 30, sure=False), moment("a", 500)]
    assert ages_s(before, moment("c", 5, sure=False)) == [5.0, 35.0]


def test_for_how_long_nobody_printed_the_longer_word_counts():
    now = moment("b", 10, at_s=90_000, sure=False)
    assert idle_s(None, now) is None
    assert idle_s(moment("a", 500), now) == 89_500.0
    assert idle_s(moment("b", 4, at_s=-9e6), now) == 6.0


# Whether a card may start.


def test_without_limits_only_heat_keeps_a_card_waiting():
    busy = History(cards_s=(1.0,) * HISTORY_MAX)
    assert rest(Limits(), busy, hot=False) is None
    assert rest(Limits(), busy, hot=True) == Rest(None, COOLING)


def test_after_heat_the_printer_cools_for_its_margin():
    limits = Limits(cool_s=120)
    assert rest(limits, History(cool_s=30.0), hot=False) == Rest(90.0, COOLING)
    assert rest(limits, History(cool_s=120.0), hot=False) is None


def test_the_hour_is_counted_at_every_moment():
    limits = Limits(cards_an_hour=3)
    assert rest(limits, History((1.0, 2.0)), hot=False) is None
    full = History((10.0, 20.0, 3_000.0, 3_500.0))
    assert rest(limits, full, hot=False) == Rest(600.0, RESTING)
    assert rest(limits, History((10.0, 20.0, 3_600.0)), hot=False) is None


def test_a_rest_is_due_after_so_many_cards_without_one():
    limits = Limits(rest_after=3, rest_s=600)
    assert rest(limits, History((30.0, 60.0)), hot=False) is None
    assert rest(limits, History((30.0, 60.0, 90.0)), hot=False) == Rest(570.0, RESTING)
    idle_between = History((30.0, 60.0, 660.0))
    assert rest(limits, idle_between, hot=False) is None
    assert rest(limits, History((600.0, 630.0, 660.0)), hot=False) is None


def test_of_two_rests_the_longer_one_is_told():
    limits = Limits(cards_an_hour=2, rest_after=2, rest_s=60, cool_s=5_000)
    cards = (30.0, 100.0)
    told = rest(limits, History(cards, cool_s=400.0), hot=False)
    assert told == Rest(4_600.0, COOLING)
    assert rest(limits, History(cards), hot=False) == Rest(3_500.0, RESTING)


# When all is done.


def worked(count: int, limits: Limits, one_s: float) -> list[float]:
    """Do as the worker does, second by second of the rules: when each card starts."""
    starts: list[float] = []
    now = 0.0
    for _ in range(count):
        history = History(tuple(now - start for start in reversed(starts)))
        found = rest(limits, history, hot=False)
        now += found.wait_s or 0.0 if found else 0.0
        starts.append(now)
        now += one_s
    return starts


LIMITS = st.builds(
    Limits,
    cards_an_hour=st.none() | st.integers(1, 60),
    rest_after=st.none() | st.integers(1, 30),
    rest_s=st.integers(1, 1_800).map(float),
)


@given(LIMITS, st.integers(1, 120), st.integers(20, 90).map(float))
def test_the_end_that_is_told_is_the_end_that_the_rules_lead_to(limits, count, one_s):
    ends = worked(count, limits, one_s)[-1] + one_s
    told = done_in_s(count, limits, one_s, None)
    # Of a first hour, and a first run, not all rests are due yet.
    assert ends - 1 <= told + 3_600 + limits.rest_s
    assert told <= ends + 3_600 + limits.rest_s


@given(LIMITS, st.integers(2, 120), st.integers(20, 90).map(float))
def test_no_hour_and_no_run_ever_has_more_cards_than_the_office_asks_for(
    limits, count, one_s
):
    starts = worked(count, limits, one_s)
    if most := limits.cards_an_hour:
        pairs = zip(starts, starts[most:], strict=False)
        assert all(later - start >= 3_599.9 for start, later in pairs)
    if most := limits.rest_after:
        for first in range(len(starts) - most):
            run = starts[first : first + most + 1]
            gaps = [after - before for before, after in pairwise(run)]
            assert max(gaps) >= limits.rest_s - 0.1


def test_a_setting_out_of_fear_ends_a_run_months_late():
    one_s, run = 30.0, 7_977
    free_days = done_in_s(run, Limits(), one_s, None) / 86_400
    feared = Limits(cards_an_hour=4)  # some 96 cards a day
    assert free_days < 3
    assert done_in_s(run, feared, one_s, None) / 86_400 > 80
    assert interval_s(Limits(rest_after=10, rest_s=600), one_s) == 87.0
    assert done_in_s(1, feared, one_s, Rest(500.0, RESTING)) == 530.0


def test_a_card_takes_what_cards_took_of_late():
    steady = tuple(40.0 * n for n in range(1, 10))
    assert card_s(History(steady), 90.0) == 40.0
    assert card_s(History(steady[:3]), 90.0) == 90.0  # too few to tell
    with_lunch = (*steady, steady[-1] + 3_600)
    assert card_s(History(with_lunch), 90.0) == 40.0


# The worker that keeps the rules.


def drive(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


class Feeds:
    """When, on the station's clock, a blank was fed."""

    def __init__(self, station: Station) -> None:
        self.at_s: list[float] = []
        self._station = station
        station.machine.hook = self._hook

    def _hook(self, step: str) -> None:
        if step == "print_side":
            self.at_s.append(self._station.clock.ms / 1000)


async def queue(station: Station, count: int) -> None:
    await station.stock(count)
    for number in range(1, count + 1):
        await station.send(make_job(f"J{number}", queue_no=number))


async def with_rules(folder: Path, limits: Limits) -> Station:
    return await Station.make(folder, PaperMachine(), rules=Rules(limits))


def test_the_worker_rests_after_so_many_cards(tmp_path: Path) -> None:
    async def test() -> None:
        station = await with_rules(tmp_path, Limits(rest_after=2, rest_s=600))
        feeds = Feeds(station)
        await queue(station, 3)
        await station.work_until(lambda: station.state("J3") is JobState.COMPLETED)
        assert 600 <= feeds.at_s[2] - feeds.at_s[1] < 620
        assert feeds.at_s[1] - feeds.at_s[0] < 30
        station.check_books()

    drive(test)


def test_a_restart_in_the_middle_of_a_rest_does_not_end_it(tmp_path: Path) -> None:
    async def test() -> None:
        station = await with_rules(tmp_path, Limits(cards_an_hour=1))
        feeds = Feeds(station)
        await queue(station, 2)
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station = await station.restart()
        await station.work_until(lambda: station.state("J2") is JobState.COMPLETED)
        assert 3_600 <= feeds.at_s[1] - feeds.at_s[0] < 3_620

    drive(test)


def test_a_clock_that_jumps_ahead_does_not_end_a_rest(tmp_path: Path) -> None:
    async def test() -> None:
        station = await with_rules(tmp_path, Limits(cards_an_hour=1))
        await queue(station, 2)
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        station.again()
        station.clock.offset = timedelta(hours=5)
        await station.work_for(600)
        assert station.state("J2") is JobState.PENDING

    drive(test)


def test_after_heat_no_card_starts_before_the_margin_is_over(tmp_path: Path) -> None:
    async def test() -> None:
        station = await with_rules(tmp_path, Limits(cool_s=300))
        machine, feeds = station.machine, Feeds(station)
        warm = Reason(StateReason.OVER_TEMPERATURE, Severity.WARNING)
        machine.latched = machine.cause = frozenset({warm})
        await queue(station, 1)
        await station.work_for(3_600)
        assert not feeds.at_s
        machine.latched = machine.cause = frozenset()
        cool_s = station.clock.ms / 1000
        station.again()
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        assert 300 <= feeds.at_s[0] - cool_s < 320

    drive(test)


def test_what_is_told_of_duty_says_why_until_when_and_when_all_is_done(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        rules = Rules(Limits(cards_an_hour=1), run_cards=25)
        station = await Station.make(tmp_path, rules=rules)
        upkeep = Upkeep(station.journal, rules, CAN)
        await queue(station, 3)
        await station.work_until(lambda: station.state("J1") is JobState.COMPLETED)
        told = upkeep.duty(frozenset())
        now = station.journal.now().at
        assert told.rests_for == "x-resting-report"
        assert told.rests_until is not None
        assert told.queue_ends_at is not None
        assert told.run_ends_at is not None
        rests = (told.rests_until - now).total_seconds()
        assert 3_580 < rests <= 3_601
        assert told.cards_a_day == 24
        assert (told.queue_ends_at - told.rests_until).total_seconds() == 3_690
        assert told.run_left == 24
        assert (told.run_ends_at - told.rests_until).total_seconds() == 23 * 3_600 + 90
        hot = upkeep.duty({error(StateReason.OVER_TEMPERATURE)})
        assert (hot.rests_for, hot.rests_until) == (str(COOLING), None)

    drive(test)


def test_of_cards_long_past_only_the_newest_thousand_are_remembered(tmp_path: Path):
    async def test() -> None:
        journal = (await Station.make(tmp_path)).journal
        sent = AttemptStage(stage=Stage.SENDING)
        ended = OperationEnded(
            operation=Operation.SELF_TEST, request=1, result=OperationResult.DONE
        )
        count = HISTORY_MAX + 40

        def work(tx: Transaction) -> None:
            for number in range(count):
                job = f"J{number}"
                tx.append(sent, job=job, attempt=1)
                tx.append(ended)

        await journal._write(work)
        rows = journal._read(
            lambda db: db.execute(
                "SELECT what, count(*), max(no), min(no) FROM wear GROUP BY what"
            ).fetchall()
        )
        assert rows == [
            ("card", HISTORY_MAX, 2 * count - 1, 2 * (count - HISTORY_MAX) + 1),
            ("tested", 1, 2 * count, 2 * count),
        ]
        assert len(journal.history(count).cards_s) == HISTORY_MAX
        await journal.close()

    asyncio.run(test())
