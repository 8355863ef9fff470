"""The printer as a host meets it: bytes written by hand over a real socket."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from PIL import Image

from tests.simulators.emulator_world import (
    BUSY,
    CARD_PRINT,
    CLAIM,
    FLIPPER,
    PRINTING,
    REJECT_SLOT,
    RESET,
    RIBBON_LOW,
    WAR_FEEDER_EMPTY,
    Reply,
    World,
    living,
    panel_bytes,
    plain,
)


def test_it_says_who_it_is():
    async def story() -> None:
        async with living(seed=4) as world:
            assert await world.text("Rok") == "OK"
            assert await world.text("Rtp") == "PRIMACY"
            assert (await world.text("Rtp;d")).isdecimal()
            assert await world.text("Rsn") == "E100004"
            assert await world.text("Rkn") == "312100004"
            assert await world.text("Rfv") == "1646"
            reply = await world.poll()
            assert reply.config & FLIPPER
            assert reply.config & REJECT_SLOT

    asyncio.run(story())


def test_an_empty_connection_gets_an_empty_text_and_the_status():
    async def story() -> None:
        async with living() as world:
            raw = await world.raw(b"")
            assert raw[0] == 0
            assert Reply.of(raw).session == 0

    asyncio.run(story())


def test_noise_alone_is_answered_by_closing():
    async def story() -> None:
        async with living() as world:
            assert await world.raw(b"\x1c\x6e\0\0\0\0") == b""
            assert await world.text("Rok") == "OK"

    asyncio.run(story())


def test_the_ribbon_tells_all_or_one_value():
    async def story() -> None:
        async with living(ribbon_sets=40) as world:
            lines = (await world.text("Rrt;all")).splitlines()
            values = dict(line.split(":") for line in lines)
            assert list(values) == [
                *("label", "zone", "type", "ref", "qty", "count"),
                *("date", "evosn", "m3", "k7", "progress"),
            ]
            assert (values["qty"], values["count"]) == ("40", "40")
            assert await world.text("Rrt;count") == "40"
            world.emulator.machine.ribbon = None
            assert await world.text("Rrt;count") == "ERR RIB DETECTION"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        *(("Xyz", "ERROR CDE"), ("Rxx", "ERROR CDE"), ("Sxx", "ERROR CDE")),
        *(("Pxx;1", "ERROR CDE"), ("rok", "ERROR CDE"), ("", "ERROR CDE")),
        *(("Pem;7", "ERROR PARAMETRES"), ("Pem", "ERROR PARAMETRES")),
        *(("Psid;70000;4", "ERROR PARAMETRES"), ("Psid;1", "ERROR PARAMETRES")),
        *(("Rrt;xx", "ERROR PARAMETRES"), ("Rco;xx", "ERROR PARAMETRES")),
        *(("Pcim;Z", "ERROR PARAMETRES"), ("Pr;abc", "ERROR PARAMETRES")),
        *(("Db;y;128;", "ERROR PARAMETRES"), ("Db", "ERROR PARAMETRES")),
        *(("Psync;1;0", "OK"), ("Ppws;1700000000", "OK"), ("Pc;a;=;10", "OK")),
        *(("Mr;s", "OK"), ("Pr;ymcko", "OK"), ("Pr;0;t", "OK"), ("Scs", "OK")),
        *(("Rlr;p", "OK"), ("Rlr;h", "NO CARD"), ("Rse;f", "5,00 Volts")),
    ],
)
def test_each_command_gets_its_text(words, text):
    async def story() -> None:
        async with living() as world:
            assert await world.text(words) == text

    asyncio.run(story())


def test_trays_are_remembered_even_over_a_reset():
    async def story() -> None:
        async with living() as world:
            assert "(F)" in await world.text("Rcim")
            assert await world.text("Pcim;M") == "OK"
            assert await world.text("Srs") == "OK"
            assert "(M)" in await world.text("Rcim")

    asyncio.run(story())


def test_who_manages_errors_is_forgotten_without_power():
    async def story() -> None:
        async with living() as world:
            assert await world.text("Rem;1") == "0"
            assert await world.text("Pem;2") == "OK"
            assert await world.text("Rem;1") == "2"
            await world.do(do="power", on=False)
            await world.do(do="power", on=True)
            assert await world.text("Rem;1") == "0"

    asyncio.run(story())


def test_reset_is_shown_from_power_up_to_the_first_motion():
    async def story() -> None:
        async with living() as world:
            assert (await world.poll()).information & RESET
            await world.ask("Si")
            assert not (await world.poll()).information & RESET

    asyncio.run(story())


def test_a_session_is_held_against_others_and_ends_by_itself():
    async def story() -> None:
        async with living(speed=0) as world:
            assert (await world.ask("Psid;77;45")).session == 77
            assert (await world.ask("Psid;5;45")).session == 77, "another's is kept"
            await world.step(40)
            assert (await world.ask("Rok")).session == 77, "a command prolongs it"
            await world.step(40)
            assert (await world.poll()).session == 77
            await world.step(6)
            assert (await world.poll()).session == 0, "a poll does not"
            assert (await world.ask("Psid;5;45")).session == 5
            assert (await world.ask("Psid;0;45")).session == 0

    asyncio.run(story())


async def two_sided(world: World) -> str:
    digest = hashlib.sha256()
    assert await world.text("Si") == "OK"
    assert await world.text("Ss") == "OK"
    for number, turn in enumerate(("Sr", "Sv")):
        assert await world.text(turn) == "OK"
        for letter in "ymcko":
            data = plain(letter, 16 * number + ord(letter) % 16)
            digest.update(data)
            assert (await world.panel(letter, data)).text == "OK"
    return digest.hexdigest()


def test_a_two_sided_card_step_by_step(tmp_path):
    async def story() -> None:
        async with living(cards_directory=tmp_path / "cards") as world:
            digest = await two_sided(world)
            inside = await world.poll()
            assert inside.information & CARD_PRINT
            assert await world.text("Se") == "OK"
            assert not (await world.poll()).information & CARD_PRINT

            card = await world.card()
            assert card["place"] == "output"
            assert card["state"] == "complete"
            assert card["digest"] == digest
            assert card["marks"] == {"front": list("ymcko"), "back": list("ymcko")}
            assert card["png"] == ["card-000001-front.png", "card-000001-back.png"]
            for name in card["png"]:
                with Image.open(tmp_path / "cards" / name) as picture:
                    assert picture.size == (1016, 648)
            assert await world.text("Rco;card") == "inserted_head:1\n"
            assert await world.text("Rrt;count") == "298"

    asyncio.run(story())


def test_panels_print_while_the_next_ones_come():
    async def story() -> None:
        async with living(speed=0) as world:
            feeding = await world.asking("Si")
            assert (await world.poll()).information & BUSY
            await world.step(2.5)
            assert await feeding == "OK"
            assert not (await world.poll()).information & BUSY
            await world.print_side()  # all are taken before the first is on the card
            assert (await world.card())["marks"] == {"front": ["y"]}
            assert (await world.poll()).information & PRINTING
            await world.step(19.9)
            assert (await world.poll()).information & (PRINTING | BUSY)
            await world.step(0.2)
            assert not (await world.poll()).information & (PRINTING | BUSY)
            assert (await world.card())["state"] == "complete"

    asyncio.run(story())


def test_a_motion_is_answered_when_it_is_done_and_polls_meanwhile():
    async def story() -> None:
        async with living(speed=0) as world:
            feeding = await world.asking("Si")
            await world.step(2.4)
            assert (await world.poll()).information & BUSY
            assert not feeding.done()
            await world.step(0.2)
            assert await feeding == "OK"

    asyncio.run(story())


def test_time_runs_by_itself_at_a_speed():
    async def story() -> None:
        async with living(speed=200.0) as world:
            async with asyncio.timeout(10):
                await two_sided(world)
                assert await world.text("Se") == "OK"
            assert (await world.card())["state"] == "complete"
            assert (await world.truth())["clock_s"] > 2.5 + 2 * 20 + 3 + 2

    asyncio.run(story())


def test_a_card_is_rejected_by_ser():
    async def story() -> None:
        async with living() as world:
            await world.ask("Si")
            assert await world.text("Ser") == "OK"
            assert (await world.card())["place"] == "reject-bin"
            assert await world.text("Ser") == "ERROR CARD"

    asyncio.run(story())


def test_an_empty_hopper_refuses_a_feed_and_lets_a_card_inside_print():
    async def story() -> None:
        async with living(hopper_count=1) as world:
            assert not (await world.poll()).warning
            await world.ask("Si")
            assert (await world.poll()).warning & WAR_FEEDER_EMPTY
            await world.ask("Ss")
            await world.print_side()
            assert await world.text("Sce") == "OK"
            assert await world.text("Si") == "ERROR FEEDER"
            assert not (await world.poll()).error

    asyncio.run(story())


def test_a_job_that_begins_without_a_card_takes_one_itself():
    async def story() -> None:
        async with living() as world:
            await world.ask("Ss")
            await world.print_side()
            assert await world.text("Se") == "OK"
            assert (await world.card())["state"] == "complete"

    asyncio.run(story())


def test_panels_without_a_card_and_without_ss_are_printed_on_nothing():
    async def story() -> None:
        async with living() as world:
            assert (await world.panel("y", plain("y", 9))).text == "OK"
            assert (await world.truth())["places"]["path"] == 0

    asyncio.run(story())


def test_a_job_that_has_ended_takes_no_card_any_more():
    async def story() -> None:
        async with living() as world:
            await world.ask("Ss")
            assert await world.text("Se") == "ERROR CARD"
            await world.panel("y", plain("y", 9))
            assert (await world.truth())["places"]["path"] == 0

    asyncio.run(story())


def whole_job() -> bytes:
    head = b"\x1bPsync;1;0\r<HEADER>\x1bPcla;1\r\x1bPr;0;t\r\x1bPsync;2\r</HEADER>"
    panels = b"".join(
        b"<BINARY Size=1>"
        + panel_bytes(letter, plain(letter, 3)).rstrip(b"\0")
        + b"</BINARY>"
        for letter in "ymcko"
    )
    return head + b"\x1bSs\r\x1bMr;s\r\x1bSr\r" + panels + b"\x1bSe\r\0"


def test_a_whole_job_in_one_connection_is_answered_command_by_command():
    async def story() -> None:
        async with living() as world:
            raw = await world.raw(whole_job())
            texts = [part.rpartition(b"\0")[2] for part in raw.split(b"OK\0")]
            assert len(texts) - 1 == 4 + 3 + 5 + 1
            assert (await world.card())["state"] == "complete"

    asyncio.run(story())


def test_the_claim_stands_until_its_end_was_told_and_the_card_is_done():
    async def story() -> None:
        async with living(speed=0) as world:
            job = asyncio.create_task(world.raw(whole_job()))
            while not (await world.poll()).information & CLAIM:
                await asyncio.sleep(0)
            while len(world.emulator.machine.queue) < 6:
                await asyncio.sleep(0)
            await world.ask("Pcla;0")
            await world.step(20)
            assert (await world.poll()).information & CLAIM
            await world.step(10)
            assert not (await world.poll()).information & CLAIM
            await job

    asyncio.run(story())


def test_commands_on_one_long_connection_are_answered_in_order():
    async def story() -> None:
        async with living() as world:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            for words, text in ((b"Si", b"OK"), (b"Rco;c", b"1"), (b"Se", b"OK")):
                writer.write(b"\x1b" + words + b"\r\0")
                raw = await reader.readexactly(len(text) + 28)
                assert raw.partition(b"\0")[0] == text
            writer.write(b"\x1bSi\r\x1bRco;c\r\x1bSer\r")
            raw = await reader.readexactly(30 + 29 + 30)
            assert raw[30:31] == b"2", "read after the feed, not before"
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())


def test_a_host_that_is_faster_than_the_printer_has_to_wait():
    async def story() -> None:
        async with living(speed=0) as world:
            feeding = await world.asking("Si")
            flood = asyncio.create_task(world.raw(panel_bytes("k", plain("k", 1)) * 60))
            while len(world.emulator.machine.queue) < 24:
                await asyncio.sleep(0)
            await world.poll()
            assert len(world.emulator.machine.queue) < 26, "it reads no further"
            await world.step(1000)
            assert await feeding == "OK"
            while not flood.done():
                await world.step(1000)
                await asyncio.sleep(0)
            assert (await flood).count(b"OK\0") == 60

    asyncio.run(story())


def test_the_ribbon_is_low_at_a_tenth():
    async def story() -> None:
        async with living(ribbon_sets=10) as world:
            assert not (await world.poll()).information & RIBBON_LOW
            await world.do(do="hand", act="ribbon", kind="YMCKO", sets=0)
            assert (await world.poll()).information & RIBBON_LOW

    asyncio.run(story())


def test_status_can_be_switched_off_and_read_as_text():
    async def story() -> None:
        async with living() as world:
            words = await world.text("Rpst")
            assert len(words) == 40
            assert int(words[:8], 16) & FLIPPER
            assert await world.raw(b"\x1bPps;0\r\0") == b"OK\0"
            assert await world.raw(b"\x1bRok\r\0") == b"OK\0"
            assert (await world.ask("Pps;1")).text == "OK"

    asyncio.run(story())
