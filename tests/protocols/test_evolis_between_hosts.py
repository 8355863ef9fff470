"""Two hosts and one printer: whose it is, and what becomes of a card in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from protocols.contract import StepwiseDriver
from protocols.errors import DeviceError
from protocols.registry import make_driver
from protocols.vocabulary import CardFate, CardPosition, CardSide
from tests.protocols.evolis_scripts import CARD
from tests.simulators.emulator_world import World, living

OURS, THEIRS = 4711, 9
IN_USE = {"x-printer-in-use-error"}


@asynccontextmanager
async def driving(world: World, session_id: int = OURS):
    uri = f"tcp://127.0.0.1:{world.port}"
    driver = make_driver("evolis", "Primacy", uri, session_id=session_id)
    try:
        yield driver
    finally:
        await driver.close()


async def printing(driver: StepwiseDriver) -> None:
    """Up to where the card stands printed inside."""
    await driver.open()
    await driver.claim()
    await driver.feed()
    await driver.print_side(CARD, CardSide.FRONT)
    await driver.finish_print()


async def refusal_of(motion: Awaitable[object]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await motion
    return caught.value


def words(error: DeviceError) -> set[str]:
    return {str(one) for one in error.reasons}


def test_a_printer_that_another_holds_is_left_alone_at_once():
    async def story() -> None:
        async with living() as world, driving(world) as driver:
            await world.text(f"Psid;{THEIRS};45")
            error = await refusal_of(driver.open())
            assert (words(error), error.card) == (IN_USE, CardFate.UNTOUCHED)
            assert f"session {THEIRS}" in str(error)

    asyncio.run(story())


@pytest.mark.parametrize("call", ["claim", "observe", "clear_fault", "release"])
def test_whoever_came_between_two_calls_is_seen_before_a_word(call):
    async def story() -> None:
        async with living() as world, driving(world) as driver:
            await driver.open()
            await world.text(f"Psid;{THEIRS};45")
            before = world.emulator.printer.memory.session.ends_s
            error = await refusal_of(getattr(driver, call)())
            assert (words(error), error.card) == (IN_USE, CardFate.UNTOUCHED)
            # A command would have put it off: nothing but looks reached the printer.
            assert world.emulator.printer.memory.session.ends_s == before

    asyncio.run(story())


async def silence(world: World) -> None:
    await world.step(200)


async def a_release(world: World) -> None:
    await world.text("Psid;0;45")


async def a_stranger(world: World) -> None:
    await a_release(world)
    await world.text(f"Psid;{THEIRS};45")


@pytest.mark.parametrize(
    ("event", "expected"),
    [(silence, {"other-error"}), (a_release, {"other-error"}), (a_stranger, IN_USE)],
)
@pytest.mark.parametrize("motion", ["print_side", "finish_print", "deliver"])
def test_a_reservation_lost_in_mid_card_is_noticed_and_the_card_stays(
    motion: str, event: Callable[[World], Awaitable[None]], expected: set[str]
):
    async def story() -> None:
        async with living(hopper_count=2) as world, driving(world) as driver:
            await driver.open()
            await driver.claim()
            await driver.feed()
            if motion != "print_side":
                await driver.print_side(CARD, CardSide.FRONT)
            if motion == "deliver":
                await driver.finish_print()
            await event(world)
            arguments = (CARD, CardSide.FRONT) if motion == "print_side" else ()
            error = await refusal_of(getattr(driver, motion)(*arguments))
            assert (words(error), error.card) == (expected, CardFate.UNKNOWN)
            assert (await world.card())["place"] == "path"

    asyncio.run(story())


def test_a_reservation_lost_before_the_feed_touches_no_blank():
    async def story() -> None:
        async with living(hopper_count=2) as world, driving(world) as driver:
            await driver.open()
            await driver.claim()
            await world.step(200)
            error = await refusal_of(driver.feed())
            assert "dropped our session" in str(error)
            assert error.card is CardFate.UNTOUCHED
            assert (await world.truth())["counters"]["cards_fed"] == 0

    asyncio.run(story())


def test_our_own_stale_reservation_is_taken_over_at_once_and_its_card_delivered():
    async def story() -> None:
        async with living(hopper_count=2) as world:
            async with driving(world) as dead:
                await printing(dead)
            async with driving(world, THEIRS) as stranger:
                assert words(await refusal_of(stranger.open())) == IN_USE
            async with driving(world) as driver:
                await driver.open()
                seen = await driver.observe()
                assert seen.status.card is CardPosition.INSIDE
                assert not seen.status.session_foreign
                async with asyncio.timeout(2):  # a wait for it would take five
                    await driver.claim()
                await driver.deliver()
                await driver.release()
            assert (await world.card())["place"] == "output"

    asyncio.run(story())


def test_the_session_ends_by_itself_and_then_the_printer_is_anyones():
    async def story() -> None:
        async with living(hopper_count=2) as world:
            async with driving(world) as dead:
                await dead.open()
                await dead.claim()
            await world.step(200)
            async with driving(world, THEIRS) as other:
                await other.open()
                assert await other.claim() == "2"

    asyncio.run(story())
