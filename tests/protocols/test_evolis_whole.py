"""A card as one job: what comes out, what stops it, and who tidies up after a death."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from PIL import Image

from protocols.contract import PreparedCard
from protocols.errors import DeviceError, PrinterError, TransportError
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.job import first_part
from protocols.evolis.models import MODELS
from protocols.raster import separate
from protocols.transports.tcp import TcpTransport
from protocols.vocabulary import CardFate, CardPosition, CardSide
from tests.protocols.evolis_scripts import CLAIM, OPEN, new_driver, outcome
from tests.protocols.scripted_link import Step, Trouble, poll, run_in_virtual_time
from tests.simulators.emulator_world import World, living

PICTURE = Image.linear_gradient("L").resize((1011, 638)).convert("RGB")
UNTOUCHED, UNKNOWN = CardFate.UNTOUCHED, CardFate.UNKNOWN


def prepared(driver: EvolisDriver, kind: str, side_count: int) -> PreparedCard:
    able = driver.capabilities
    planes = [
        separate(
            PICTURE,
            side=side,
            panels=able.ribbons[kind].panels(side),
            width_px=able.width_px,
            height_px=able.height_px,
        )
        for side in list(CardSide)[:side_count]
    ]
    return driver.prepare(planes, kind)


@asynccontextmanager
async def driving(world: World, model: str = "Primacy") -> AsyncIterator[EvolisDriver]:
    link = TcpTransport("127.0.0.1", world.port)
    driver = EvolisDriver(MODELS[model], link, session_id=7)
    try:
        async with asyncio.timeout(30):
            yield driver
    finally:
        await driver.close()


async def printed(driver: EvolisDriver, kind: str = "YMCKO", side_count: int = 1):
    await driver.open()
    await driver.claim()
    card = prepared(driver, kind, side_count)
    await driver.print_whole(card)
    await driver.release()
    return card


def told(story: Callable[[World], Coroutine[Any, Any, None]], **settings: Any) -> None:
    async def main() -> None:
        async with living(**settings) as world:
            await story(world)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("model", "kind", "side_count", "sets"),
    [
        ("Primacy", "YMCKO", 1, 1),
        ("Primacy", "YMCKO", 2, 2),
        ("Primacy", "YMCKOK", 2, 1),
        ("Primacy", "K", 1, 1),
        ("Primacy", "KO", 1, 1),
        ("Zenius", "YMCKO", 1, 1),
        ("Badgy200", "YMCKO", 1, 1),
    ],
)
def test_a_whole_card_comes_out_with_the_dots_that_were_sent(
    model, kind, side_count, sets
):
    async def story(world: World) -> None:
        async with driving(world, model) as driver:
            card = await printed(driver, kind, side_count)
            seen = await driver.observe()
            assert (seen.cards_fed, seen.supplies.ribbon_left) == (1, 20 - sets)
            assert seen.status.card is CardPosition.NONE
            assert not seen.status.busy
        truth = await world.card()
        assert (truth["place"], truth["state"]) == ("output", "complete")
        assert truth["digest"] == card.digest

    told(story, model=model, ribbon_kind=kind, ribbon_sets=20)


def test_the_last_blank_and_the_last_set_still_make_a_card():
    async def story(world: World) -> None:
        async with driving(world) as driver:
            await printed(driver)
            reasons = {str(one) for one in (await driver.status()).reasons}
            assert "media-empty-error" in reasons
            assert "marker-print-ribbon-empty-error" in reasons
        assert (await world.card())["place"] == "output"

    told(story, hopper_count=1, ribbon_sets=1)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"hopper_count": 0}, "media-empty-error"),
        ({"ribbon_sets": 0}, "marker-print-ribbon-empty-error"),
    ],
)
def test_what_lacks_beforehand_stops_the_job_before_its_first_byte(settings, reason):
    async def story(world: World) -> None:
        async with driving(world) as driver:
            with pytest.raises(DeviceError) as caught:
                await printed(driver)
        assert {str(one) for one in caught.value.reasons} >= {reason}
        assert caught.value.card is UNTOUCHED
        assert (await world.truth())["counters"]["cards_fed"] == 0
        assert not world.emulator.printer.memory.claimed

    told(story, **settings)


def test_a_card_that_stands_inside_is_not_printed_over():
    async def story(world: World) -> None:
        await world.text("Si")
        async with driving(world) as driver:
            with pytest.raises(DeviceError, match="already in the path") as caught:
                await printed(driver)
            assert caught.value.card is UNTOUCHED
        assert (await world.card())["state"] == "blank"

    told(story)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("jam-path", "media-jam-error"),
        ("cover-open", "cover-open-error"),
        ("ribbon-ended", "marker-print-ribbon-empty-error"),
        ("ribbon-broken", "x-ribbon-broken-error"),
        ("stuck-half-printed", "media-jam-error"),
    ],
)
def test_a_fault_under_way_leaves_the_card_unknown_and_says_why(kind, reason):
    async def story(world: World) -> None:
        await world.do(do="fault", kind=kind, card=1)
        async with driving(world) as driver:
            with pytest.raises(PrinterError) as caught:
                await printed(driver)
        error = caught.value
        assert isinstance(error, DeviceError), error
        assert reason in {str(one) for one in error.reasons}
        assert error.card is UNKNOWN
        assert (await world.card())["place"] == "path"

    told(story)


@pytest.mark.parametrize("kind", ["link-cut", "power-cut"])
def test_a_link_that_ends_in_mid_job_leaves_the_card_unknown(kind):
    async def story(world: World) -> None:
        await world.do(do="fault", kind=kind, card=1)
        async with driving(world) as driver:
            with pytest.raises(TransportError) as caught:
                await printed(driver)
            assert caught.value.card is UNKNOWN

    told(story)


def test_the_next_one_ends_the_job_of_a_dead_host_and_the_card_is_out():
    async def story(world: World) -> None:
        async with driving(world) as dead:
            await dead.open()
            await dead.claim()
            card = prepared(dead, "YMCKO", 1)
        await world.raw(b"".join(first_part(MODELS["Primacy"], card, 1_700_000_000)))
        assert world.emulator.printer.memory.claimed
        async with driving(world) as driver:
            await driver.open()
            status = await driver.status()
            assert not status.busy
            assert status.card is CardPosition.NONE
        assert (await world.card())["place"] == "output"

    told(story)


# On scripts: what no emulator does.

CLAIM_UP = 0x80000000
FIT = [poll()]
SENT = [Step(b"\x1bPsync;1;0\r<HEADER>", b"OK\x00" * 40)]
ENDED = [
    Step(b"\x1bPcla;0\r\x1bPsync;11;1\r<END>\x1bPsync;11;0\r\x00", b"ERROR CDE\x00")
]


async def whole(driver: EvolisDriver) -> None:
    await driver.open()
    await driver.claim()
    await driver.print_whole(prepared(driver, "K", 1))


def test_the_replies_to_a_job_are_ignored_and_the_claim_is_watched():
    up = [poll(), poll(inf=CLAIM_UP)]
    down = [poll(inf=CLAIM_UP), poll(inf=CLAIM_UP), poll()]
    driver, transport = new_driver(OPEN, CLAIM, FIT, SENT, up, ENDED, down)
    took_s = run_in_virtual_time(lambda: whole(driver))
    assert took_s == pytest.approx(0.25 * 4)  # one of them for the reservation
    assert not transport.steps


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([*SENT, *[poll()] * 400], "raised no claim after 90 s"),
        (
            [*SENT, poll(inf=CLAIM_UP), *ENDED, *[poll(inf=CLAIM_UP)] * 400],
            "is still at its job after 90 s",
        ),
        ([*SENT, poll(err=0x01000000)], "stopped: media-jam-error"),
        ([*SENT, poll(inf=CLAIM_UP, war=0x00020000)], "cover-open-error"),
        (
            [*SENT, poll(inf=CLAIM_UP), *ENDED, poll(err=0x01000000)],
            "stopped: media-jam",
        ),
        ([*SENT, poll(inf=CLAIM_UP), *ENDED, poll(inf=0x02000000)], "card is inside"),
        ([*SENT, poll(inf=CLAIM_UP), *ENDED, poll(session=0)], "dropped our session"),
        ([*SENT, poll(inf=CLAIM_UP, session=9)], "held by session 9"),
        ([Step(SENT[0].request, Trouble.CUT_IN_REQUEST)], "cut while sending"),
        ([Step(SENT[0].request, Trouble.SILENT)], "no answer to Psync;1;0 within 300"),
    ],
)
def test_whatever_ends_a_job_early_leaves_the_card_unknown(steps, says):
    driver, _ = new_driver(OPEN, CLAIM, FIT, steps)
    error, _ = outcome(driver, whole)
    assert says in str(error)
    assert error.card is UNKNOWN


def test_a_job_that_nobody_takes_has_moved_nothing():
    driver, _ = new_driver(OPEN, CLAIM, FIT, [Step(SENT[0].request, Trouble.REFUSED)])
    error, _ = outcome(driver, whole)
    assert error.card is UNTOUCHED


def test_a_claim_of_a_dead_host_is_ended_once_it_has_stood_alone():
    alone, ours = poll(inf=CLAIM_UP), poll(inf=CLAIM_UP | 0x80)
    named = Step(OPEN[2].request, b"Primacy\x00" + alone.reply[1:])  # type: ignore[index]
    looks = [poll(), ours, *[alone] * 8]
    driver, transport = new_driver(
        looks, [named], ENDED, [alone, poll(session=0)], OPEN[3:]
    )
    took_s = run_in_virtual_time(driver.open)
    assert took_s == pytest.approx(9 * 0.25 + 0.25)
    assert not transport.steps


@pytest.mark.parametrize("session", [0, 9])
def test_a_claim_that_comes_with_our_first_question_is_not_ours_to_end(session):
    claimed = poll(inf=CLAIM_UP, session=session)
    named = Step(OPEN[2].request, b"Primacy\x00" + claimed.reply[1:])  # type: ignore[index]
    driver, transport = new_driver(OPEN[:2], [named], OPEN[3:])
    if session:
        error, _ = outcome(driver, lambda it: it.open())
        assert "held by session 9: Rfv was not sent" in str(error)
    else:
        run_in_virtual_time(driver.open)
        assert not transport.steps


def test_a_job_of_a_dead_host_that_does_not_end_is_named():
    alone = poll(inf=CLAIM_UP)
    named = Step(OPEN[2].request, b"Primacy\x00" + alone.reply[1:])  # type: ignore[index]
    driver, _ = new_driver([poll(), *[alone] * 8], [named], ENDED, [alone] * 200)
    error, took_s = outcome(driver, lambda it: it.open())
    assert "30 s" in str(error)
    assert error.card is UNKNOWN
    assert took_s == pytest.approx(2 + 30)


def test_a_claim_without_a_session_is_nobodys_to_end():
    driver, transport = new_driver([poll(inf=CLAIM_UP, session=0)] * 400)
    error, _ = outcome(driver, lambda it: it.open())
    assert "still at work after 90 s: INF_CLAIM" in str(error)
    assert transport.writes == []
