"""A count of the hopper and the printer's counter may tell of the same blank."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from agent.contract.events import Place
from agent.journal.verify import Verdict, verify
from agent.lifecycle.ledger import Signers, balanced
from agent.lifecycle.states import JobState
from tests.agent.paper_printer import Station, make_job

SITI = Signers("siti")


def drive(
    folder: Path, scene: Callable[[Station], Coroutine[Any, Any, Station]]
) -> None:
    async def test() -> None:
        station = await Station.make(folder)
        await station.stock(5)
        await print_one(station, 1)
        station = await scene(station)
        book = station.journal.stock()
        assert balanced(book)
        assert book[Place.HOPPER] == station.machine.places()[Place.HOPPER]
        await station.journal.close()

    asyncio.run(test())
    assert verify(folder / "journal.db").verdict is Verdict.GOOD


async def print_one(station: Station, number: int) -> None:
    job = f"J{number}"
    await station.send(make_job(job, queue_no=number))
    await station.work_until(lambda: station.state(job) is JobState.COMPLETED)
    station.again()


def another_host_prints(station: Station) -> None:
    station.machine.output.append(station.machine.take("hopper"))
    station.machine.cards_fed += 1


async def count(station: Station) -> None:
    seen = station.machine.places()[Place.HOPPER]
    await station.journal.count_stock(Place.HOPPER, seen, SITI)


def test_what_the_count_has_missed_the_counter_does_not_take_again(
    tmp_path: Path,
) -> None:
    async def scene(station: Station) -> Station:
        another_host_prints(station)
        await count(station)
        assert station.journal.hopper_short() == 1
        await print_one(station, 2)
        book = station.journal.stock()
        assert (book[Place.SUSPENSE], book[Place.DIFFERENCE]) == (1, 0)
        assert station.journal.hopper_short() == 0
        return station

    drive(tmp_path, scene)


def test_of_more_cards_only_what_the_count_has_missed_was_out_already(
    tmp_path: Path,
) -> None:
    async def scene(station: Station) -> Station:
        another_host_prints(station)
        await count(station)
        another_host_prints(station)
        await print_one(station, 2)
        assert station.journal.stock()[Place.SUSPENSE] == 2
        return station

    drive(tmp_path, scene)


def test_a_blank_that_was_stolen_explains_no_card_of_a_later_day(
    tmp_path: Path,
) -> None:
    async def scene(station: Station) -> Station:
        station.machine.take("hopper")
        await count(station)
        await station.work_for(60)
        station.again()
        assert station.journal.hopper_short() == 0
        another_host_prints(station)
        await print_one(station, 2)
        book = station.journal.stock()
        assert (book[Place.SUSPENSE], book[Place.DIFFERENCE]) == (1, 1)
        return station

    drive(tmp_path, scene)
