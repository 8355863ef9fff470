"""The wire to the printer is cut at every tenth of a card's bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.demo import judge
from simulators.demo.children import Children
from tests.chaos import kills
from tests.chaos.person import LOOK_S, NAME, Person
from tests.chaos.station import Station, plain_orders
from tests.chaos.wire import CutWire
from tests.conftest import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(1_200)]

TENTHS = range(1, 11)
STATION_COUNT = 5
CUTS_EACH = len(TENTHS) // STATION_COUNT
CARD_LIMIT_S = 180.0
LAST_SIZE = 1_000  # before the last bytes of the card, which vary with its looks

Record = Callable[[str, object], None]


async def begin(station: Station) -> None:
    """Set it up behind a wire that can be cut, with no job started."""
    await station.set_up()
    station.wire = CutWire(station.printer_port)
    await station.wire.start()
    station.wire_port = station.wire.port
    station.configure()
    await station.start_agent()
    await station.ask("pause", reason="one at a time", who=NAME)
    await station.ask("stock-load", count=station.hopper, who=NAME)
    await station.start_centre()
    await one_at_a_time(station)


async def one_at_a_time(station: Station) -> None:
    """Let no job start before it is its turn."""
    await station.until(lambda state: state["queued"] == len(station.jobs))
    for order in station.jobs:
        await station.ask("hold", job=order.job_id, reason="its turn", who=NAME)
    await station.ask("resume", who=NAME)


async def one_card(station: Station, card_no: int) -> None:
    """Let one more card be made, whatever becomes of its first blanks."""
    await station.ask("release", job=station.jobs[card_no - 1].job_id, who=NAME)
    async with asyncio.timeout(CARD_LIMIT_S):
        while len(judge.completed_of(station.lines())) < card_no:
            await asyncio.sleep(LOOK_S)


async def cut_at(station: Station, tenths: list[int]) -> None:
    """A whole card, which tells how many bytes it takes; then a card for each cut."""
    wire = station.wire
    assert wire is not None
    before_size = wire.passed_size
    await one_card(station, 1)
    card_size = wire.passed_size - before_size
    for card_no, tenth in enumerate(tenths, 2):
        wire.break_after(card_size * tenth // 10 - LAST_SIZE)
        await one_card(station, card_no)
        assert wire.cut.is_set()


async def play(folder: Path, broker: Mosquitto) -> tuple[list[str], list[str]]:
    """Return the figures, and what is wrong."""
    children = Children(folder / "logs")
    crowd = [
        Station(
            folder / f"s{number}",
            broker.uri,
            children,
            plain_orders(f"s{number}", CUTS_EACH + 1),
            hopper=20,
        )
        for number in range(STATION_COUNT)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for station in crowd:
                group.create_task(begin(station))
        people = [Person(station) for station in crowd]
        looking = [asyncio.create_task(person.run()) for person in people]
        async with asyncio.TaskGroup() as group:
            for number, station in enumerate(crowd):
                tenths = list(TENTHS[number::STATION_COUNT])
                group.create_task(cut_at(station, tenths))
        await kills.until_over(crowd, CARD_LIMIT_S)
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        whole = await kills.reckon(crowd)
        return [*kills.report(crowd, people), *whole.lines()], whole.findings
    finally:
        await children.stop()
        for station in crowd:
            await station.unplug()


def test_cut_off_at_every_tenth_of_a_card_none_is_lost_and_none_is_made_twice(
    tmp_path: Path, mosquitto: Mosquitto, record_property: Record
) -> None:
    figures, wrong = asyncio.run(play(tmp_path / "c", mosquitto))
    for line in (f"{len(TENTHS)} cuts of the printer's wire", *figures):
        record_property("figure", line)
    assert wrong == [], figures
