"""kill -9 at every stage of a card: none twice, none lost, books equal to the truth."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.demo.children import Children
from tests.chaos import kills
from tests.chaos.person import Person
from tests.chaos.station import Station, plain_orders
from tests.chaos.wire import Stages
from tests.conftest import IN_CI, Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(1_200)]

STATION_COUNT = 8 if IN_CI else 3
JOB_COUNT = 26 if IN_CI else 12
SEED = 1
QUOTA = kills.Quota(kills=200, each=20) if IN_CI else kills.Quota(kills=24, each=3)
BROKER_KILLS = 6 if IN_CI else 1
BROKER_EVERY_S = 12.0
DRAIN_S = 180.0

Record = Callable[[str, object], None]


@asynccontextmanager
async def stations(
    folder: Path, broker: Mosquitto, count: int, jobs: int
) -> AsyncIterator[list[Station]]:
    """Stations at work, which end with the block."""
    children = Children(folder / "logs")
    found = [
        Station(
            folder / f"s{number}",
            broker.uri,
            children,
            plain_orders(f"s{number}", jobs),
            hopper=jobs * 3,
        )
        for number in range(count)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for station in found:
                group.create_task(station.begin())
        yield found
    finally:
        await children.stop()


async def kill_broker(broker: Mosquitto) -> None:
    """kill -9, now and then; each time it comes back with what its disk holds."""
    for _ in range(BROKER_KILLS):
        await asyncio.sleep(BROKER_EVERY_S)
        await asyncio.to_thread(broker.stop, signal.SIGKILL)
        await asyncio.to_thread(broker.start)


async def play(
    folder: Path, broker: Mosquitto, quota: kills.Quota
) -> tuple[list[str], list[str]]:
    """Return the figures, and what is wrong."""
    stages = Stages()
    async with stations(folder, broker, STATION_COUNT, JOB_COUNT) as crowd:
        people = [Person(station) for station in crowd]
        async with stages.listening(broker.port):
            looking = [asyncio.create_task(person.run()) for person in people]
            async with asyncio.TaskGroup() as group:
                group.create_task(kill_broker(broker))
                for station in crowd:
                    group.create_task(kills.strike(station, stages, quota, SEED))
            await kills.until_over(crowd, DRAIN_S)
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
        wrong = quota.missing() + [
            f"{station.site.station}: {finding}"
            for station in crowd
            for finding in await station.findings()
        ]
        return kills.report(crowd, people), wrong


def test_killed_at_every_stage_no_card_is_printed_twice_and_no_blank_is_lost(
    tmp_path: Path, mosquitto: Mosquitto, record_property: Record
) -> None:
    figures, wrong = asyncio.run(play(tmp_path / "c", mosquitto, QUOTA))
    figures.append(f"and {BROKER_KILLS} of the broker; wrong: {len(wrong)}")
    for line in figures:
        record_property("figure", line)
    assert wrong == []


async def end_in_each_stage(folder: Path, broker: Mosquitto) -> list[str]:
    stages = Stages()
    async with stations(folder, broker, 1, len(kills.STAGES)) as (station,):
        heard = stages.of(station.site.station)
        async with stages.listening(broker.port):
            for stage in kills.STAGES:
                await kills.reached(stage, heard)
                assert await station.end_agent() == 0, stage
                assert station.open_stage() == "none", stage
                await station.start_agent()
            await kills.until_over([station], DRAIN_S)
        return await station.findings()


def test_asked_to_stop_in_mid_card_it_finishes_the_card_and_goes(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    assert asyncio.run(end_in_each_stage(tmp_path / "c", mosquitto)) == []


async def steal(folder: Path, broker: Mosquitto) -> list[str]:
    async with stations(folder, broker, 1, 2) as (station,):
        await kills.until_over([station], DRAIN_S)
        assert await station.findings() == []
        await station.world.hand("take", **{"from": "hopper"})
        return await station.findings()


def test_the_count_at_the_end_sees_a_blank_that_a_hand_took(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    hopper, *_ = asyncio.run(steal(tmp_path / "c", mosquitto))
    assert hopper == "hopper: the books say 4, the machine holds 3"
