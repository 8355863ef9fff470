"""A host dies in the middle of what it sends; the next one opens the printer.

Whatever was cut off: it opens in step, or says that it is not. Nothing moves by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from protocols.errors import PrinterError, RemoteProtocolError
from protocols.registry import make_driver
from protocols.vocabulary import CardFate
from tests.simulators.emulator_world import World, living, panel_bytes, plain

SESSION_ID = 7
CARD = [
    *(b"\x1b" + words + b"\r\0" for words in (b"Psid;7;180", b"Pem;2", b"Rem;1")),
    *(b"\x1b" + words + b"\r\0" for words in (b"Rco;card", b"Si", b"Ss", b"Sr")),
    *(panel_bytes(letter, plain(letter, 0x40)) for letter in "ymcko"),
    b"\x1bSv\r\0",
    panel_bytes("y", plain("y", 0x41)),
    *(b"\x1b" + words + b"\r\0" for words in (b"Se", b"Psid;0;45", b"Pps;1")),
]
PANELS = [at for at, request in enumerate(CARD) if len(request) >= 20]
TAIL_SIZE = 2  # CR and NUL
HEAD_SIZE = len(b"\x1bRtp")  # of the driver's first question, before its CR


async def die_in(world: World, request: bytes, size: int) -> None:
    """Send so many bytes of it and vanish; on return the printer has taken them."""
    await world.raw(request[:size])


async def moved(world: World) -> dict[str, Any]:
    """All that could have moved: each card and its marks, counters, ribbon."""
    truth = await world.truth()
    del truth["clock_s"]
    return truth


async def open_new(world: World) -> PrinterError | None:
    uri = f"tcp://127.0.0.1:{world.port}"
    driver = make_driver("evolis", "Primacy", uri, session_id=SESSION_ID)
    try:
        async with asyncio.timeout(20):
            identity = await driver.open()
            assert identity.serial == world.emulator.printer.serial
    except PrinterError as error:
        return error
    finally:
        await driver.close()
    return None


def in_a_world(story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with living() as world:
            await story(world)

    asyncio.run(main())


def test_a_command_cut_anywhere_is_dropped_and_the_next_host_is_in_step():
    async def story(world: World) -> None:
        for request in CARD:
            whole = len(request) - TAIL_SIZE
            for size in range(whole + 1) if len(request) < 20 else ():
                before = await moved(world)
                await die_in(world, request, size)
                assert await open_new(world) is None, (request, size)
                assert await moved(world) == before, (request, size)
            await world.raw(request)

    in_a_world(story)


CUTS = [
    *(1, 2, 3, 5, 7, 9, 10, 11, 12, 100),
    *(-3000, -70, -20, -10, -9, -8, -7, -6, -5, -4, -3),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("at", [PANELS[0], PANELS[3], PANELS[-1]])
def test_a_panel_cut_anywhere_is_opened_in_step_or_said_to_be_out_of_it(at, cut):
    async def story(world: World) -> None:
        for request in CARD[:at]:
            await world.raw(request)
        request = CARD[at]
        size = cut if cut > 0 else len(request) + cut + 1
        await die_in(world, request, size)
        before = await moved(world)
        error = await open_new(world)
        missing = len(request) - TAIL_SIZE - size  # dots, when it is past the head
        if error is None:
            assert missing > 1000 or missing <= 0, "it was in the middle of dots"
            assert await moved(world) == before
            return
        assert type(error) is RemoteProtocolError
        assert "out of step" in str(error)
        assert "switch it off and on" in str(error)
        assert error.card is CardFate.UNKNOWN
        now = await moved(world)
        if missing == HEAD_SIZE:  # its CR ends the panel: said openly in PROTOCOL.md
            assert "'OK'" in str(error)
            assert now["places"] == before["places"]
        else:
            assert now == before

    in_a_world(story)


def test_a_printer_that_is_switched_off_and_on_is_in_step_again():
    async def story(world: World) -> None:
        for request in CARD[: PANELS[0]]:
            await world.raw(request)
        await die_in(world, CARD[PANELS[0]], 5000)
        assert await open_new(world) is not None
        assert await open_new(world) is not None
        await world.do(do="power", on=False)
        await world.do(do="power", on=True)
        assert await open_new(world) is None

    in_a_world(story)
