"""The agent's own time, and the two ways of doing work."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from agent.clock import (
    AHEAD_MAX,
    EARLIEST,
    InlineExecutor,
    SystemClock,
    ThreadExecutor,
    TrustedTime,
)
from tests.agent.paper_printer import START, VirtualClock

SECOND = timedelta(seconds=1)


def test_time_follows_the_system_clock_while_nothing_later_was_signed() -> None:
    clock = VirtualClock()
    time = TrustedTime(clock, START - timedelta(days=1))
    assert time.now() == clock.wall()


def test_a_later_signed_time_wins_and_goes_on_running() -> None:
    clock = VirtualClock()
    clock.sure = False
    time = TrustedTime(clock, None)
    later = START + timedelta(days=1)
    assert time.learn(later, echoed=False)
    clock.ms += 5_000
    assert time.now() == later + timedelta(seconds=5)
    assert not time.learn(later + timedelta(seconds=4), echoed=False)
    assert time.now() == later + timedelta(seconds=5)


def test_a_clock_set_back_does_not_turn_time_back() -> None:
    clock = VirtualClock()
    time = TrustedTime(clock, None)
    time.learn(clock.wall(), echoed=False)
    before = time.now()
    clock.offset = -timedelta(days=400)
    assert time.now() >= before


def test_time_is_sure_by_the_kernel_or_by_an_answer_of_this_boot() -> None:
    clock = VirtualClock()
    clock.sure = False
    time = TrustedTime(clock, None)
    assert not time.sure
    time.learn(START, echoed=False)
    assert not time.sure
    time.learn(START, echoed=True)
    assert time.sure
    clock.sure = True
    assert TrustedTime(clock, None).sure


def test_a_clock_that_runs_far_ahead_of_the_centre_is_not_sure_by_its_answer() -> None:
    clock = VirtualClock()
    clock.sure = False
    time = TrustedTime(clock, None)
    time.learn(clock.wall(), echoed=True)
    clock.offset = AHEAD_MAX
    assert time.sure
    clock.offset += SECOND
    assert not time.sure  # or whoever sets it forward makes every job expire
    clock.offset = -timedelta(days=400)
    assert time.sure  # the signed time goes on running


def test_a_time_far_ahead_of_a_time_server_is_not_believed() -> None:
    clock = VirtualClock()
    time = TrustedTime(clock, None)
    assert not time.learn(clock.wall() + AHEAD_MAX + SECOND, echoed=True)
    assert time.now() == clock.wall()
    assert time.learn(clock.wall() + AHEAD_MAX, echoed=False)
    assert time.now() == clock.wall() + AHEAD_MAX


def test_when_a_document_was_issued_never_moves_the_time_far() -> None:
    clock = VirtualClock()
    clock.sure = False
    time = TrustedTime(clock, None)
    time.learn_issued(clock.wall() + AHEAD_MAX + SECOND)
    assert time.now() == clock.wall()
    time.learn_issued(clock.wall() + AHEAD_MAX)
    assert time.now() == clock.wall() + AHEAD_MAX


def test_the_system_clock_speaks_utc_and_never_runs_backwards() -> None:
    clock = SystemClock()
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.mono_ms() <= clock.mono_ms()
    assert clock.synchronised() in (True, False)
    asyncio.run(clock.sleep(0))


def test_work_is_done_in_one_thread_in_the_order_of_asking() -> None:
    async def test() -> None:
        executor = ThreadExecutor("work")
        seen: list[tuple[int, str]] = []

        def work(number: int) -> int:
            seen.append((number, threading.current_thread().name))
            return number

        done = await asyncio.gather(*(executor.run(work, n) for n in range(20)))
        executor.close()
        assert done == list(range(20))
        assert [number for number, _ in seen] == done
        assert {name for _, name in seen} == {"work_0"}

    asyncio.run(test())


@pytest.mark.parametrize("make", [InlineExecutor, lambda: ThreadExecutor("work")])
def test_what_work_raises_reaches_who_asked(make: type[InlineExecutor]) -> None:
    async def test() -> None:
        executor = make()
        with pytest.raises(ZeroDivisionError):
            await executor.run(lambda: 1 // 0)
        if isinstance(executor, ThreadExecutor):
            executor.close()

    asyncio.run(test())


def test_a_clock_without_a_battery_begins_no_earlier_than_this_program() -> None:
    clock = VirtualClock()
    clock.sure = False
    clock.offset = datetime(1970, 1, 1, tzinfo=UTC) - clock.wall()
    time = TrustedTime(clock, None)
    assert time.now() == EARLIEST
    clock.ms += 5_000
    assert time.now() == EARLIEST + timedelta(seconds=5)
    assert time.learn(START, echoed=True)
    assert time.now() == START
