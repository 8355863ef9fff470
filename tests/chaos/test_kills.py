"""kill -9 at every stage of a card: none twice, none lost, books equal to the truth."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.demo.children import Children
from simulators.demo.stage import MAKES, Make
from tests.chaos import kills
from tests.chaos.person import Person
from tests.chaos.station import Station, plain_orders
from tests.chaos.wire import Stages
from tests.conftest import IN_CI, Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(1_200)]

EVOLIS, MAGICARD = MAKES["evolis"], MAKES["magicard"]
EVOLIS_COUNT = 8 if IN_CI else 2  # and one Magicard
JOB_COUNT = 20 if IN_CI else 12
SEED = 1
WHOLE = kills.WHOLE_JOB
AGENTS = kills.Quota(200, 20) if IN_CI else kills.Quota(16, 2)
PRINTERS = kills.Quota(24, 3) if IN_CI else kills.Quota(6, 1)
WHOLE_JOB_AGENTS = kills.Quota(10, 3, WHOLE) if IN_CI else kills.Quota(4, 1, WHOLE)
WHOLE_JOB_PRINTERS = kills.Quota(2, 0, WHOLE) if IN_CI else kills.Quota(1, 0, WHOLE)
WIRE_SIZE_PER_S = 3e6
BROKER_KILLS = 6 if IN_CI else 1
BROKER_EVERY_S = 12.0
STRIKES_S = 600.0
DRAIN_S = 180.0

Record = Callable[[str, object], None]


@asynccontextmanager
async def stations(
    folder: Path, broker: Mosquitto, makes: Sequence[Make], jobs: int
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
            make=make,
            # Without it a whole job would be sent before anybody heard of it.
            wire_size_per_s=WIRE_SIZE_PER_S if make is MAGICARD else None,
        )
        for number, make in enumerate(makes)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for station in found:
                group.create_task(station.begin())
        yield found
    finally:
        await children.stop()
        for station in found:
            await station.unplug()


async def kill_between(broker: Mosquitto, crowd: Sequence[Station]) -> None:
    """kill -9 of the broker, now and then, and of one centre; each comes back with
    what its disk holds."""
    for number in range(BROKER_KILLS):
        await asyncio.sleep(BROKER_EVERY_S)
        await asyncio.to_thread(broker.stop, signal.SIGKILL)
        await asyncio.to_thread(broker.start)
        station = crowd[number % len(crowd)]
        await station.kill_centre()
        await station.start_centre()


async def play(folder: Path, broker: Mosquitto) -> tuple[list[str], list[str]]:
    """Return the figures, and what is wrong."""
    stages = Stages()
    makes = [*[EVOLIS] * EVOLIS_COUNT, MAGICARD]
    quotas = (AGENTS, PRINTERS, WHOLE_JOB_AGENTS, WHOLE_JOB_PRINTERS)
    async with stations(folder, broker, makes, JOB_COUNT) as crowd:
        people = [Person(station) for station in crowd]
        async with stages.listening(broker.port):
            looking = [asyncio.create_task(person.run()) for person in people]
            async with asyncio.timeout(STRIKES_S), asyncio.TaskGroup() as group:
                group.create_task(kill_between(broker, crowd))
                for station in crowd:
                    blows = quotas[2:] if station.make is MAGICARD else quotas[:2]
                    group.create_task(kills.strike(station, stages, *blows, SEED))
            await kills.until_over(crowd, DRAIN_S)
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)
        whole = await kills.reckon(crowd)
        missing = [lack for quota in quotas for lack in quota.missing()]
        return [*kills.report(crowd, people), *whole.lines()], missing + whole.findings


def test_killed_at_every_stage_no_card_is_printed_twice_and_no_blank_is_lost(
    tmp_path: Path, mosquitto: Mosquitto, record_property: Record
) -> None:
    figures, wrong = asyncio.run(play(tmp_path / "c", mosquitto))
    figures.append(f"{BROKER_KILLS} kills -9 of the broker, and of a centre")
    for line in figures:
        record_property("figure", line)
    assert wrong == [], figures


async def end_in_each_stage(folder: Path, broker: Mosquitto) -> list[str]:
    stages = Stages()
    async with stations(folder, broker, [EVOLIS], len(kills.STAGES)) as (station,):
        heard = stages.of(station.site.station)
        async with stages.listening(broker.port):
            for stage in kills.STAGES:
                assert await kills.reached(stage, heard), stage
                assert await station.end_agent() == 0, stage
                assert station.open_stage() == "none", stage
                await station.start_agent()
            await kills.until_over([station], DRAIN_S)
        return await station.findings()


def test_asked_to_stop_in_mid_card_it_finishes_the_card_and_goes(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    assert asyncio.run(end_in_each_stage(tmp_path / "c", mosquitto)) == []
