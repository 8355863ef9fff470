"""A host that writes bytes by hand, and emulators to write them to."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from simulators.emulator import Emulator, Settings

COLOUR_SIZE = 1016 * 648
MONO_SIZE = 1016 * 81

FLIPPER, REJECT_SLOT = 0x0010_0000, 0x0000_0020
CLAIM, CARD_PRINT, RIBBON_LOW = 0x8000_0000, 0x0200_0000, 0x0008_0000
RESET, PRINTING, BUSY = 0x0001_0000, 0x80, 0x1
WAR_FEEDER_EMPTY, WAR_RIBBON_ENDED, WAR_COVER_OPEN = 0x0100_0000, 0x8_0000, 0x2_0000
ERR_MECHANICAL, ERR_COVER_OPEN, ERR_RIBBON_ENDED = (
    0x0100_0000,
    0x0200_0000,
    0x0020_0000,
)


@dataclass(frozen=True)
class Reply:
    text: str
    config: int
    information: int
    warning: int
    error: int
    session: int

    @classmethod
    def of(cls, raw: bytes) -> Reply:
        text, nul, trailer = raw.partition(b"\0")
        assert nul
        assert len(trailer) == 27, trailer.hex()
        assert (trailer[2], trailer[19], trailer[22]) == (0x10, 0x02, 0x04)
        config, information, warning, error = struct.unpack(">4I", trailer[3:19])
        session = int.from_bytes(trailer[20:22], "big")
        return cls(text.decode(), config, information, warning, error, session)


@dataclass
class World:
    """An emulator that lives, and the host's and the hand's ways to it."""

    emulator: Emulator
    port: int

    async def raw(self, request: bytes) -> bytes:
        """One connection: request, half-close, everything until the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(10):
                writer.write(request)
                await writer.drain()
                writer.write_eof()
                return await reader.read()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, words: str) -> Reply:
        return Reply.of(await self.raw(b"\x1b" + words.encode() + b"\r\0"))

    async def text(self, words: str) -> str:
        return (await self.ask(words)).text

    async def poll(self) -> Reply:
        return Reply.of(await self.raw(b""))

    async def panel(self, letter: str, data: bytes) -> Reply:
        return Reply.of(await self.raw(panel_bytes(letter, data)))

    async def print_side(self, turn: str = "Sr", letters: str = "ymcko") -> None:
        """Send panels that differ from each other."""
        await self.ask(turn)
        for number, letter in enumerate(letters):
            await self.panel(letter, plain(letter, number + len(turn)))

    async def do(self, **request: object) -> dict[str, Any]:
        line = json.dumps(request).encode() + b"\n"
        answer = await self.emulator.control.answer(line)
        through_json: dict[str, Any] = json.loads(json.dumps(answer))
        return through_json

    async def truth(self) -> dict[str, Any]:
        return await self.do(do="truth")

    async def card(self, number: int = 1) -> dict[str, Any]:
        name = f"card-{number:06d}"
        cards = (await self.truth())["cards"]
        return next(card for card in cards if card["id"] == name)

    async def step(self, seconds: float) -> None:
        assert (await self.do(do="step", s=seconds))["ok"]

    async def asking(self, words: str) -> asyncio.Task[str]:
        """Begin a request that is answered later; the printer has it on return."""
        waiting = self.emulator.machine.moving
        task = asyncio.create_task(self.text(words))
        while not self.emulator.machine.moving and not waiting:
            await asyncio.sleep(0)
        return task


def plain(letter: str, value: int) -> bytes:
    size = COLOUR_SIZE if letter in "ymc" else MONO_SIZE
    return bytes([value]) * size


def panel_bytes(letter: str, data: bytes) -> bytes:
    levels = b"256" if letter in "ymc" else b"2"
    return b"\x1bDb;" + letter.encode() + b";" + levels + b";" + data + b"\r\0"


@asynccontextmanager
async def living(*, on_usb: bool = False, **settings: Any) -> AsyncIterator[World]:
    """An emulator on a free port, whose motions take no time unless told."""
    if "speed" not in settings:
        settings["instant"] = True
    emulator = Emulator(Settings(**settings))
    if on_usb:
        assert emulator.usb_port.attached
    port = await emulator.open()
    serving = asyncio.create_task(emulator.serve())
    try:
        yield World(emulator, port)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await emulator.close()


def refused(port: int) -> bool:
    """Nobody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
