"""What real clients send and what they get: noise, settings, off switch, status."""

from __future__ import annotations

import asyncio

import pytest

from simulators.evolis.firmware import Firmware
from simulators.faults import FaultKind
from tests.simulators.emulator_world import (
    CLAIM,
    Reply,
    World,
    living,
    panel_bytes,
    plain,
    refused,
)

TRAILER_SIZE = 27


def replies(raw: bytes) -> list[str]:
    """The texts of several replies that end in the status."""
    texts = []
    while raw:
        text, _, raw = raw.partition(b"\0")
        texts.append(text.decode())
        raw = raw[TRAILER_SIZE:]
    return texts


@pytest.mark.parametrize(
    "between", [b"", b"\0" * 64, b"</FACE>\r\n<BINARY Size=20>", b"\x1c\x6e\0\0\0\0"]
)
def test_several_commands_in_one_write_are_answered_one_by_one(between):
    async def story() -> None:
        async with living() as world:
            stream = between.join((b"\x1bPsid;2;180\r", b"\x1bPcim;F\r", b"\x1bRsn\r"))
            raw = await world.raw(between + stream + between)
            assert replies(raw) == ["OK", "OK", "E100000"]
            assert (await world.poll()).session == 2

    asyncio.run(story())


def test_the_probe_for_another_family_gets_no_answer_and_no_wait():
    async def story() -> None:
        async with living() as world:
            async with asyncio.timeout(5):
                assert await world.raw(b"\x1c\x6e\x00\x00\x00\x00") == b""
            texts = [await world.text(w) for w in ("Rok", "Rtp", "Roem", "Rtp;d")]
            assert texts == ["OK", "PRIMACY", "0", "7"]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        *(("Clcd;Rfv", "ERROR CDE"), ("Clcd;Rbmp", "ERROR CDE")),
        *(("Clam;1;Rslam", "ERROR CDE"), ("Rct;all", "ERROR CDE")),
        *(("Rkc;M", "ERROR CDE"), ("Sis", "ERROR CDE"), ("Siscan", "ERROR CDE")),
        *(("Rip", "127.0.0.1"), ("Renm", "255.0.0.0"), ("Regw", "127.0.0.1")),
        *(("Rmip", "224.0.0.1"), ("Rmac", "02:00:00:00:00:01")),
        *(
            ("Rst", "10"),
            ("Rst;1", "10"),
            ("Rst;2", "10"),
            ("Rst;3", "ERROR PARAMETRES"),
        ),
        *(("Rsdc;1", "0"), ("Rsdc;2", "0"), ("Rsdc", "ERROR PARAMETRES")),
        *(("Psdc;D", "OK"), ("Psdc;E;0", "ERROR PARAMETRES"), ("Psdc;E;30", "OK")),
        *(("Psdc;E;²", "ERROR PARAMETRES"), ("Psdc;Now", "ERROR PARAMETRES")),
        *(("Psmgr;1", "OK"), ("Psmgr;2", "OK"), ("Pwres;300;300;100", "OK")),
        *(("Pr;100;t", "OK"), ("Pr;2;t", "ERROR PARAMETRES"), ("Pr;k", "OK")),
        *(("Pr;100", "ERROR PARAMETRES"), ("Pr;ymckok", "OK"), ("Pr;1001;t", "OK")),
        *(("Rse;n", "0,17 Volts"), ("Rse;b", "ERROR PARAMETRES"), ("Rlr;h", "NO CARD")),
        *(("Rlr;r", "OK"), ("Rlr", "ERROR PARAMETRES")),
    ],
)
def test_each_of_their_commands_gets_its_text(words, text):
    async def story() -> None:
        async with living() as world:
            raw = await world.raw(b"\x1b" + words.encode("latin-1") + b"\r\0")
            assert Reply.of(raw).text == text

    asyncio.run(story())


def test_sensors_see_a_stack_that_ends_and_a_full_bin():
    async def story() -> None:
        async with living(hopper_count=11) as world:
            assert await world.text("Rse;n") == "0,17 Volts"
            await world.ask("Si")
            assert await world.text("Rse;n") == "5,00 Volts"
            await world.do(do="fault", kind="reject-bin-full")
            assert await world.text("Rlr;h") == "CARD"

    asyncio.run(story())


def test_the_timer_outlives_the_power_and_the_host_can_switch_off():
    async def story() -> None:
        async with living() as world:
            await world.ask("Psdc;E;30")
            await world.ask("Si")
            assert await world.text("Psdc;Force") == "OK"
            while not refused(world.port):
                await asyncio.sleep(0)
            truth = await world.truth()
            assert (truth["power"], truth["places"]["path"]) == (False, 1)
            await world.do(do="power", on=True)
            while refused(world.port):
                await asyncio.sleep(0)
            assert [await world.text(f"Rsdc;{n}") for n in (1, 2)] == ["1", "30"]

    asyncio.run(story())


def test_insert_and_eject_in_one_is_answered_when_the_card_is_out():
    async def story() -> None:
        async with living(hopper_count=1) as world:
            assert await world.text("Sie") == "OK"
            assert (await world.card())["place"] == "output"
            assert await world.text("Sie") == "ERROR FEEDER"

    asyncio.run(story())


def test_a_firmware_may_keep_its_status_until_it_is_asked_for():
    async def story() -> None:
        async with living(firmware=Firmware(shows_status=False)) as world:
            assert await world.raw(b"\x1bRok\r\0") == b"OK\0"
            assert await world.raw(b"") == b"\0"
            raw = await world.raw(b"\x1bRpst\r\0")
            assert len(raw) == 41, "five words and the NUL"
            assert Reply.of(await world.raw(b"\x1bPps;1\r\0")).text == "OK"
            assert (await world.poll()).error == 0
            assert await world.raw(b"\x1bSrs\r\0") == b"OK\0"
            assert await world.raw(b"\x1bRok\r\0") == b"OK\0", "a reset forgets it"

    asyncio.run(story())


def whole_job() -> bytes:
    panels = b"".join(panel_bytes(letter, plain(letter, 9)) for letter in "ymcko")
    return (
        b"\x1bPsync;1;0\r<HEADER>\x1bPcla;1\r\x1bPr;0;t\r</HEADER>\x1bSs\r\x1bSr\r"
        + panels
        + b"\x1bSe\r\x1bPsync;4;0\r\0"
    )


# Bits of the warning and error words as the fact sheet names them.
BITS = {
    FaultKind.HOPPER_EMPTY: (0x0100_0000, 0x0800_0000),  # FEEDER_EMPTY, FEEDER_ERROR
    FaultKind.FEED_FAILURE: (0, 0x0800_0000),
    FaultKind.JAM_PATH: (0, 0x0100_0000),  # MECHANICAL
    FaultKind.JAM_EXIT: (0, 0x0100_0000),
    FaultKind.STUCK_HALF_PRINTED: (0, 0x0100_0000),
    FaultKind.COVER_OPEN: (0x0002_0000, 0x0200_0000),
    FaultKind.RIBBON_ENDED: (0x0008_0000, 0x0020_0000),
    FaultKind.RIBBON_BROKEN: (0, 0x0400_0000),  # RIBBON_ERROR
    FaultKind.WRONG_RIBBON: (0x0000_8000, 0x0040_0000),  # UNSUPPORTED, BAD_RIBBON
    FaultKind.HEAD_HOT: (0x0020_0000, 0x2000_0000),  # COOLING, HEAD_TEMP
    FaultKind.OUTPUT_FULL: (0x0010_0000, 0x0010_0000),  # HOPPER_FULL
}


async def until_claimed(world: World) -> None:
    while not (await world.poll()).information & CLAIM:
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", [*BITS])
def test_each_fault_of_a_job_shows_its_bits_and_drops_the_claim(kind):
    async def story() -> None:
        async with living(speed=0, faults=[(kind, 1)]) as world:
            status = await world.poll()
            assert (status.warning, status.error) == (0, 0)
            assert not status.information & CLAIM
            job = asyncio.create_task(world.raw(whole_job()))
            if kind in (FaultKind.HOPPER_EMPTY, FaultKind.FEED_FAILURE):
                await job  # they strike before any time has gone by
            else:
                await until_claimed(world)
                assert not (await world.poll()).error
                while not world.emulator.machine.latched:
                    await world.step(1.0)
                    await asyncio.sleep(0)
                await job
            warning, error = BITS[kind]
            status = await world.poll()
            assert (status.warning, status.error) == (warning, error)
            assert not status.information & CLAIM, "or a host would wait for ever"
            await world.ask("Scs")
            status = await world.poll()
            assert (status.warning, status.error) == (warning, 0), "the cause stays"
            await world.do(do="clear", kind=kind)
            status = await world.poll()
            assert (status.warning, status.error) == (0, 0)

    asyncio.run(story())
