"""Cleaning: the figures move with the cards, the bits with the figures."""

from __future__ import annotations

import asyncio

import pytest

from simulators.evolis.firmware import Firmware
from simulators.faults import FaultKind
from tests.simulators.emulator_world import BUSY, World, living

CLEANING, MANDATORY, REQUIRED, RUNNING = 0x2_0000, 0x4_0000, 0x100, 0x20
WAR_REMOVE_RIBBON, WAR_NO_RIBBON = 0x4000_0000, 0x1_0000
OUT_OF_WARRANTY = 0x8000
ALL = CLEANING | MANDATORY | REQUIRED | OUT_OF_WARRANTY


async def figures(world: World) -> dict[str, int]:
    lines = (await world.text("Rco;clean")).splitlines()
    lines += (await world.text("Rco;card")).splitlines()
    return {key: int(value) for key, value in (line.split(":") for line in lines)}


async def move_cards(world: World, count: int) -> None:
    for _ in range(count):
        assert await world.text("Sie") == "OK"


async def hand_for_cleaning(world: World) -> None:
    assert (await world.do(do="hand", act="take-ribbon"))["ok"]
    assert (await world.do(do="hand", act="cleaning-card"))["ok"]


def test_the_figures_and_bits_follow_the_cards():
    async def story() -> None:
        firmware = Firmware(clean_after=2, clean_within=1)
        async with living(firmware=firmware) as world:
            seen = []
            for _ in range(5):
                values = await figures(world)
                bits = (await world.poll()).information & ALL
                seen.append((values["rem_advised"], values["mandatory"], bits))
                await move_cards(world, 1)
            assert seen == [
                (2, 1, 0),
                (1, 1, 0),
                (0, 1, CLEANING),
                (-1, 1, ALL),
                (-2, 1, ALL),
            ]
            assert await world.text("Rlr;r") == "ERR NEED CLEANING"
            await hand_for_cleaning(world)
            assert await world.text("Scp;a") == "OK"
            assert await figures(world) == {
                "rem_advised": 2,
                "mandatory": 1,
                "last_periodic": 5,
                "periodic_global": 1,
                "advanced_global": 0,
                "inserted_head": 5,
            }
            assert not (await world.poll()).information & ALL
            assert await world.text("Rlr;r") == "OK"
            assert (await world.truth())["counters"]["cleanings"] == 1

    asyncio.run(story())


def test_a_cleaning_takes_its_time_and_says_so():
    async def story() -> None:
        async with living(speed=0) as world:
            await hand_for_cleaning(world)
            assert await world.text("Scp;t card") == "OK", "answered as it begins"
            assert (await world.poll()).information & (RUNNING | BUSY) == RUNNING | BUSY
            await world.step(39)
            assert (await world.poll()).information & RUNNING
            back = await world.do(do="hand", act="return-ribbon")
            assert back["error"] == "the machine is cleaning itself"
            await world.step(2)
            assert not (await world.poll()).information & (RUNNING | BUSY)
            assert (await figures(world))["advanced_global"] == 1
            assert (await world.do(do="hand", act="return-ribbon"))["ok"]
            assert await world.text("Rrt;count") == "300"
            assert not (await world.poll()).warning

    asyncio.run(story())


def test_the_ribbon_must_be_out_and_a_cleaning_card_there():
    async def story() -> None:
        async with living() as world:
            assert await world.text("Scp") == "ERROR MECHANICAL"
            assert (await world.poll()).warning == WAR_REMOVE_RIBBON
            await world.do(do="hand", act="take-ribbon")
            assert (await world.poll()).warning == WAR_NO_RIBBON
            assert await world.text("Scp") == "ERROR CARD"
            await world.do(do="hand", act="cleaning-card")
            await world.ask("Si")
            assert await world.text("Scp") == "ERROR CARD", "a card is in its way"
            await world.ask("Sce")
            assert await world.text("Scp;x") == "ERROR PARAMETRES"
            assert await world.text("Scp") == "OK"
            assert await world.text("Scp") == "ERROR CARD", "it is used up"
            assert (await world.truth())["counters"]["cleanings"] == 1

    asyncio.run(story())


def test_who_does_not_clean_after_all_acknowledges_that():
    async def story() -> None:
        async with living() as world:
            await world.ask("Scp")
            assert (await world.poll()).warning == WAR_REMOVE_RIBBON
            await world.ask("Scs")
            assert (await world.poll()).warning == 0

    asyncio.run(story())


def test_a_cover_that_opens_ends_the_cleaning_without_counting_it():
    async def story() -> None:
        async with living(speed=0) as world:
            await hand_for_cleaning(world)
            await world.ask("Scp")
            await world.step(10)
            await world.do(do="fault", kind="cover-open")
            status = await world.poll()
            assert status.error == 0x0200_0000
            assert not status.information & RUNNING
            await world.do(do="clear", kind="cover-open")
            await world.ask("Scs")
            assert await world.text("Scp") == "OK", "its card is still there"
            await world.step(40)
            assert (await figures(world))["periodic_global"] == 1

    asyncio.run(story())


def test_an_older_firmware_has_numbers_where_a_newer_one_has_names():
    async def story() -> None:
        firmware = Firmware(clean_after=10, clean_within=5, names_counters=False)
        async with living(firmware=firmware) as world:
            assert await world.text("Rco;clean") == "ERROR CDE"
            assert await world.text("Rco;card") == "ERROR CDE"
            await move_cards(world, 4)
            await hand_for_cleaning(world)
            await world.ask("Scp;T card")
            await move_cards(world, 3)
            texts = [
                await world.text(f"Rco;{what}")
                for what in ("c", "n", "clp", "s;1", "r", "cnac")
            ]
            assert texts == ["7", "0", "7", "10 15 ", "14", "1"]
            assert await world.text("Rco;s") == "ERROR PARAMETRES"

    asyncio.run(story())


def test_a_counter_that_begins_anew_asks_for_no_cleaning():
    async def story() -> None:
        async with living(
            firmware=Firmware(clean_after=3), faults=[(FaultKind.COUNTER_RESET, 3)]
        ) as world:
            await move_cards(world, 1)
            await hand_for_cleaning(world)
            await world.ask("Scp")
            await move_cards(world, 2)
            values = await figures(world)
            assert (values["inserted_head"], values["last_periodic"]) == (1, 0)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ("return-ribbon", None, "no ribbon was taken out"),
        ("take-ribbon", "take-ribbon", "there is no ribbon in the machine"),
        ("cleaning-card", "cleaning-card", "a cleaning card lies there already"),
    ],
)
def test_a_hand_is_told_what_it_cannot_do(first, second, error):
    async def story() -> None:
        async with living() as world:
            answer = await world.do(do="hand", act=first)
            if second:
                answer = await world.do(do="hand", act=second)
            assert answer == {"ok": False, "error": error}

    asyncio.run(story())


def test_the_ribbon_put_back_is_the_one_taken_out():
    async def story() -> None:
        async with living(ribbon_sets=9) as world:
            await world.ask("Si")
            await world.ask("Ss")
            await world.print_side()
            await world.ask("Se")
            before = await world.text("Rrt;all")
            await world.do(do="hand", act="take-ribbon")
            assert await world.text("Rrt;all") == "ERR RIB DETECTION"
            await world.do(do="hand", act="return-ribbon")
            assert await world.text("Rrt;all") == before
            answer = await world.do(do="hand", act="return-ribbon")
            assert answer["error"] == "no ribbon was taken out"

    asyncio.run(story())
