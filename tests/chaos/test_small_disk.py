"""A station whose ledger is on a disk of a few MB, which others fill in mid-card."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from simulators.demo.children import Children
from simulators.demo.operator import has
from tests.chaos import disk, kills
from tests.chaos.disk import Disk
from tests.chaos.person import Person
from tests.chaos.station import AgentError, Station, plain_orders
from tests.chaos.wire import Stages
from tests.conftest import IN_CI, Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(600)]

SIZE_MIB = 48
LEFT_SIZE = 64 * 1024
TOLD_LIMIT_S = 60.0
OVER_LIMIT_S = 180.0

Record = Callable[[str, object], None]


async def told(station: Station) -> None:
    """Wait until the agent says that its disk is full, or fails it."""
    words = ("spool-area-full", "x-storage-failed")
    async with asyncio.timeout(TOLD_LIMIT_S):
        while True:
            with suppress(AgentError):
                state = (await station.ask("status"))["state"]
                if any(has(state["state_reasons"], word) for word in words):
                    return
            await asyncio.sleep(0.1)


async def play(folder: Path, broker: Mosquitto) -> list[str]:
    """Fill the disk in each stage, kill the agent on the full disk, and free it."""
    children = Children(folder / "logs")
    station = Station(
        folder / "s0",
        broker.uri,
        children,
        plain_orders("s0", len(kills.STAGES) + 1),
        hopper=20,
        disk=(small := Disk(SIZE_MIB)),
    )
    stages = Stages()
    try:
        heard = stages.of(station.site.station)
        async with stages.listening(broker.port):
            await station.begin()
            person = Person(station)
            looking = asyncio.create_task(person.run())
            for stage in kills.STAGES:
                assert await kills.reached(stage, heard), stage
                disk.fill(small.path, LEFT_SIZE)
                await told(station)
                await station.kill_agent()
                await station.start_agent()
                await told(station)
                disk.free(small.path)
            await kills.until_over([station], OVER_LIMIT_S)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        whole = await kills.reckon([station])
        assert whole.findings == []
        return [f"{len(kills.STAGES)} times a full disk", *whole.lines()]
    finally:
        await children.stop()


def test_a_disk_that_fills_in_mid_card_and_a_kill_on_it_lose_nothing(
    tmp_path: Path, mosquitto: Mosquitto, record_property: Record
) -> None:
    if why := disk.why_none():
        (pytest.fail if IN_CI else pytest.skip)(why)
    for line in asyncio.run(play(tmp_path / "c", mosquitto)):
        record_property("figure", line)
