"""A system clock that is set is noticed; one that runs is not."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from agent.clock import InlineExecutor
from agent.clockwatch import JUMP_MIN, LOOK_S, watch_clock
from agent.journal.journal import Journal
from agent.people.stockroom import watch_unconfirmed
from tests.agent.paper_printer import VirtualClock


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
