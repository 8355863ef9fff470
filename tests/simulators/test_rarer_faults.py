"""Faults beyond the everyday ones, as a host meets them and as they go away."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from simulators.faults import FaultKind
from tests.simulators.emulator_world import World, living, panel_bytes, plain

CARD_EJECT, ENCODING = 0x0100_0000, 0x40
STATUS_OF = {
    FaultKind.FEED_FAILURE: (0, 0x0800_0000),
    FaultKind.JAM_EXIT: (0, 0x0100_0000),
    FaultKind.STUCK_HALF_PRINTED: (0, 0x0100_0000),
    FaultKind.RIBBON_BROKEN: (0, 0x0400_0000),
    FaultKind.WRONG_RIBBON: (0x8000, 0x0040_0000),
    FaultKind.HEAD_HOT: (0x0020_0000, 0x2000_0000),
    FaultKind.OUTPUT_FULL: (0x0010_0000, 0x0010_0000),
}


async def one_card(world: World) -> str:
    """Stepwise; returns the first word that is not OK, or OK."""
    if (fed := await world.text("Si")) != "OK":
        return fed
    await world.ask("Ss")
    await world.print_side()
    return await world.text("Se")


@pytest.mark.parametrize("kind", [*STATUS_OF])
def test_each_shows_its_bits_latches_and_lets_the_next_card_be_good(kind):
    async def story() -> None:
        async with living(faults=[(kind, 1)]) as world:
            text = await one_card(world)
            slips = kind is FaultKind.FEED_FAILURE
            in_mid_panel = kind in (
                *(FaultKind.STUCK_HALF_PRINTED, FaultKind.RIBBON_BROKEN),
                *(FaultKind.WRONG_RIBBON, FaultKind.HEAD_HOT),
            )
            if not in_mid_panel:
                assert text == ("ERROR FEEDER" if slips else "ERROR MECHANICAL")
            status = await world.poll()
            assert (status.warning, status.error) == STATUS_OF[kind]
            await world.do(do="clear", kind=kind)
            status = await world.poll()
            assert (status.warning, status.error) == (0, STATUS_OF[kind][1])
            await world.ask("Scs")
            assert (await world.poll()).error == 0
            if (await world.truth())["places"]["path"]:
                assert await world.text("Ser") == "OK"
            assert await one_card(world) == "OK"

    asyncio.run(story())


def test_a_card_that_jams_on_its_way_out_is_seen_there_until_a_hand_takes_it():
    async def story() -> None:
        async with living(faults=[(FaultKind.JAM_EXIT, 1)]) as world:
            assert await one_card(world) == "ERROR MECHANICAL"
            assert (await world.poll()).information & CARD_EJECT
            card = await world.card()
            assert (card["place"], card["state"]) == ("path", "complete")
            assert (await world.truth())["faults"] == ["jam-exit"]
            await world.do(do="hand", act="take", **{"from": "path"})
            await world.ask("Scs")
            assert (await world.truth())["faults"] == []
            assert await one_card(world) == "OK"

    asyncio.run(story())


def test_a_full_reject_bin_refuses_a_card_until_it_is_emptied():
    async def story() -> None:
        async with living(faults=[(FaultKind.REJECT_BIN_FULL, 1)]) as world:
            assert await world.text("Si") == "OK"
            assert (await world.poll()).warning == 0x0800_0000
            assert await world.text("Ser") == "ERROR MECHANICAL"
            assert (await world.poll()).error == 0x0080_0000
            await world.do(do="hand", act="empty-reject-bin")
            assert (await world.poll()).warning == 0
            await world.ask("Scs")
            assert await world.text("Ser") == "OK"

    asyncio.run(story())


def test_two_blanks_that_come_at_once_are_both_in_the_path():
    async def story() -> None:
        async with living(faults=[(FaultKind.DOUBLE_FEED, 2)]) as world:
            assert await one_card(world) == "OK"
            assert await one_card(world) == "OK"
            truth = await world.truth()
            assert truth["places"]["path"] == 1
            assert truth["places"]["hopper"] == 97
            assert truth["counters"]["cards_fed"] == 2
            assert await world.text("Rco;c") == "2", "the printer knows of two"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("kind", "counted"),
    [(FaultKind.COUNTER_RESET, "1"), (FaultKind.COUNTER_JUMP, "1002")],
)
def test_a_counter_may_count_what_did_not_happen(kind, counted):
    async def story() -> None:
        async with living(faults=[(kind, 2)]) as world:
            for _ in range(2):
                assert await one_card(world) == "OK"
            assert await world.text("Rco;c") == counted
            assert (await world.truth())["counters"]["cards_fed"] == 2
            answer = await world.do(do="clear", kind=kind)
            assert answer["error"] == (
                f"{kind}: a counter that has moved does not move back"
            )

    asyncio.run(story())


def test_a_slow_link_delivers_late_and_whole():
    async def story() -> None:
        async with living(faults=[(FaultKind.SLOW_LINK, 1)]) as world:
            await world.ask("Si")
            await world.ask("Ss")
            begun_s = asyncio.get_running_loop().time()
            await world.raw(panel_bytes("k", plain("k", 1)))
            await world.raw(panel_bytes("k", plain("k", 1)))
            assert asyncio.get_running_loop().time() - begun_s > 0.3
            assert (await world.card())["marks"] == {"front": ["k", "k"]}
            await world.do(do="clear", kind="slow-link")
            begun_s = asyncio.get_running_loop().time()
            await world.ask("Rok")
            assert asyncio.get_running_loop().time() - begun_s < 0.3

    asyncio.run(story())


WHOLE_JOB = (
    b"\x1bPsync;1;0\r<HEADER>\x1bPcla;1\r\x1bPr;0;t\r</HEADER>\x1bSs\r\x1bSr\r",
    *(panel_bytes(letter, plain(letter, 9)) for letter in "ymcko"),
    b"\x1bSe\r\x1bPsync;4;0\r\0",
)


def test_a_fault_ends_a_job_that_was_sent_whole_with_the_card_inside():
    async def story() -> None:
        async with living(faults=[(FaultKind.RIBBON_BROKEN, 1)]) as world:
            with contextlib.suppress(ConnectionError):
                await world.raw(b"".join(WHOLE_JOB))
            card = await world.card()
            assert (card["place"], card["state"]) == ("path", "part-printed")
            assert await world.text("Pcla;0") == "OK"
            assert await world.text("Ser") == "OK"
            assert (await world.card())["place"] == "reject-bin"

    asyncio.run(story())


def test_a_job_that_takes_a_blank_itself_says_by_the_status_that_none_came():
    async def story() -> None:
        async with living(hopper_count=0) as world:
            await world.raw(b"".join(WHOLE_JOB))
            status = await world.poll()
            assert status.warning == 0x0100_0000
            assert status.error == 0x0800_0000

    asyncio.run(story())


def test_a_stripe_is_written_and_read_back_where_an_encoder_is_fitted():
    async def story() -> None:
        async with living(magnetic=True, speed=0) as world:
            assert await world.text("Pmt;1;1") == "OK"
            assert await world.text("Pmt;4;1") == "ERROR PARAMETRES"
            assert await world.text("Dm;1;CONTOH;1") == "OK"
            assert await world.text("Dm;2;ABC") == "ERROR MAGN DATA"
            await world.ask("Ss")
            writing = await world.asking("Smw")
            await world.step(2.5)
            await world.step(1)
            assert (await world.poll()).information & ENCODING
            await world.step(3)
            assert await writing == "OK"
            assert (await world.card())["tracks"] == {"1": "CONTOH;1"}
            reading = await world.asking("Smr")
            await world.step(3)
            assert await reading == "OK"
            assert await world.text("Rmb;1") == "CONTOH;1"
            assert await world.text("Rmb;2") == "ERROR BLANK TRACK"

    asyncio.run(story())


def test_a_stripe_that_does_not_hold_is_told_and_its_card_stays():
    async def story() -> None:
        async with living(
            magnetic=True, faults=[(FaultKind.MAGSTRIPE_WRITE, 1)]
        ) as world:
            await world.ask("Dm;1;CONTOH")
            await world.ask("Ss")
            assert await world.text("Smw") == "ERROR MAGN"
            assert (await world.poll()).error == 0x0001_0000
            assert "tracks" not in await world.card()
            assert (await world.card())["place"] == "path"

    asyncio.run(story())


@pytest.mark.parametrize("words", ["Dm;1;A", "Smw", "Smr", "Rmb;1"])
def test_without_an_encoder_its_commands_are_refused(words):
    async def story() -> None:
        async with living() as world:
            assert await world.text(words) == "OPTION NOT AVAILABLE"

    asyncio.run(story())
