"""A system clock that is set is noticed; one that runs is not."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from agent.clock import InlineExecutor
from agent.clockwatch import JUMP_MIN, LOOK_S, watch_clock
from agent.contract.commands import Owner, Resume
from agent.journal.journal import Journal
from agent.lifecycle.states import JobState
from agent.people.stockroom import watch_unconfirmed
from tests.agent.paper_printer import Station, VirtualClock, make_job
from tests.agent.test_orders import Centre

SECOND, NO_JUMP = timedelta(seconds=1), timedelta()


@pytest.mark.parametrize(
    ("jump_s", "told"),
    [
        (86_400, ["the system clock was set 86400 s forward"]),
        (-3_600, ["the system clock was set 3600 s back"]),
        (JUMP_MIN.total_seconds(), ["the system clock was set 30 s forward"]),
        (JUMP_MIN.total_seconds() - 1, []),
        (0, []),
    ],
)
def test_a_clock_that_was_set_is_an_incident_once(tmp_path, jump_s, told):
    async def scene() -> None:
        clock = VirtualClock()
        journal = await Journal.open(tmp_path / "j.db", clock, InlineExecutor())
        watch = asyncio.ensure_future(watch_clock(journal, clock))
        for look in range(10):
            end = clock.ms + LOOK_S * 1000
            while clock.ms < end:
                await asyncio.sleep(0)
            if look == 4:
                clock.offset += timedelta(seconds=jump_s)
        watch.cancel()
        lines = await journal.lines_after(0, 99, 2**20)
        data = [json.loads(line[65:])["data"] for _, line in lines]
        assert [one["detail"] for one in data] == told
        assert {one["incident"] for one in data} <= {"clock-jump"}
        await journal.close()

    asyncio.run(scene())


@pytest.mark.parametrize("by", ["a time server", "the centre", "the centre's order"])
def test_after_a_jump_no_card_starts_until_the_clock_is_sure(tmp_path, by):
    async def scene() -> None:
        station, centre = await Station.make(tmp_path), Centre()
        clock = station.clock
        await station.stock(2)
        clock.sure = False
        await looked(station, 1)
        assert station.journal.orders.paused_by() == []  # unsure alone stops nothing
        await looked(station, 1, jump=timedelta(hours=1))
        station = await station.restart()
        await looked(station, 3)
        assert station.journal.orders.paused_by() == [Owner.SYSTEM]
        await station.send(make_job())
        await station.work_for(60)
        assert station.state() is JobState.PENDING
        if by == "a time server":
            clock.sure = True
        elif by == "the centre":
            station.journal.time.learn(clock.wall() + SECOND, echoed=True)
        else:
            told = await centre.orders(station.journal.orders, Resume)
            assert told.result == "done"
        await looked(station, 2)
        assert station.journal.orders.paused_by() == []
        station.again()
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.check_books()

    asyncio.run(scene())


async def looked(station: Station, looks: int, jump: timedelta = NO_JUMP) -> None:
    """Watch the clock for so many looks; it jumps before the first."""
    watch = asyncio.ensure_future(watch_clock(station.journal, station.clock))
    await asyncio.sleep(0)
    station.clock.offset += jump
    end_ms = station.clock.ms + looks * LOOK_S * 1000
    while station.clock.ms < end_ms:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)  # what it writes down of the last one
    watch.cancel()


@pytest.mark.parametrize("watch", [watch_clock, watch_unconfirmed])
def test_a_journal_that_fails_ends_no_watch(tmp_path, watch):
    """The card in the path is finished: nobody else is drawn into the failure."""

    async def scene() -> None:
        clock = VirtualClock()
        journal = await Journal.open(tmp_path / "j.db", clock, InlineExecutor())
        await journal.close()
        task = asyncio.ensure_future(watch(journal, clock))
        for _ in range(20):
            clock.offset += timedelta(hours=1)
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()

    asyncio.run(scene())
