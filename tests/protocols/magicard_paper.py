"""A Magicard on paper: a USB link, behind it a few rules and a list of troubles.

A real implementation of the Transport and PrinterClass seams, in virtual time.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from PIL import Image

from protocols.contract import EndOfStream, PortStatus, PreparedCard, SidePlanes
from protocols.errors import TransportError
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS
from protocols.vocabulary import CardSide, Panel

IDLE, BUSY, ERROR = 0x18, 0x08, 0x10
OK = "Printer status OK.\n00:00\n(c0300)"
NOT_FED = "Card not fed.\nError code - 11:01\n(c0201)"
_REQUEST = re.compile(rb"\x01,REQ,(INF|ERR),\x1c\x03")


@dataclass
class PaperPrinter:
    """`said`: everything that went over the link, in order, in a word or two."""

    model: str = "Enduro"
    bits: int = 2
    head_type: int = 0
    head_position: int = 50
    cards: int = 1204
    panels: int = 6020
    film: str = "YMCKO"
    port: int = IDLE
    fault: str = OK
    print_s: float = 30.0
    begins: bool = True  # it prints what it is sent
    counts: bool = True
    busy_until_s: float = 0.0
    stale: bytes = b""  # a reply that nobody took
    before: bytes = b""  # noise before each reply
    cut_at: int | None = None  # of each reply, only so many bytes come
    silent: bool = False
    babbles: bool = False
    unplugged_at: int | None = None  # bytes of jobs that it takes before
    stops_at: int | None = None  # likewise, then a fault
    resets: bool = True  # a reset makes it idle
    has_port: bool = True
    said: list[str] = field(default_factory=list)
    job: bytearray = field(default_factory=bytearray)
    name: str = "paper usb"
    exchange_per_connection: bool = False
    done: bytes = b""
    _out: bytearray = field(default_factory=bytearray)
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def beside(self) -> PaperPrinter | None:
        return self if self.has_port else None

    async def open(self) -> None:
        self._came = asyncio.Event()
        self._out = bytearray(self.stale)
        self.stale = b""

    async def write(self, data: bytes) -> None:
        await asyncio.sleep(0)
        asked = _REQUEST.fullmatch(data)
        if asked is None:
            await self._take(data)
            return
        self.said.append(asked[1].decode())
        assert not self.job, "a request in the midst of a job"
        body = self._info() if asked[1] == b"INF" else "STA" + self.fault
        reply = self.before + b"\x01" + body.encode() + b"\x03"
        if not self.silent:
            self._out += reply if self.cut_at is None else reply[: self.cut_at]
            self._came.set()

    async def _take(self, data: bytes) -> None:
        if not self.job:
            self.said.append("job")
        whole = self.unplugged_at is None or (
            len(self.job) + len(data) <= self.unplugged_at
        )
        self.job += data
        if not whole:
            raise TransportError(f"{self.name}: gone")
        if self.stops_at is not None and len(self.job) > self.stops_at:
            self.port, self.fault = ERROR, NOT_FED
            await asyncio.get_running_loop().create_future()
        if self.job.endswith(b"\x1cK:\x03") and self.job.count(b"DPXON") in (0, 2):
            self.said.append("end")
            self._print()

    def _print(self) -> None:
        if self.begins:
            now_s = asyncio.get_running_loop().time()
            self.busy_until_s = now_s + self.print_s
            self.cards += self.counts
        self.done = bytes(self.job)
        self.job.clear()

    def _info(self) -> str:
        fields = ["0"] * 35
        fields[0], fields[1] = f"{self.bits}", self.model
        fields[2], fields[3], fields[4] = f"{self.head_type}", "SN1", "PH1"
        fields[6], fields[9], fields[11] = "G1.23", f"{self.cards}", f"{self.panels}"
        fields[16] = f"{self.head_position}"
        fields[21:25] = ["E004", "300", "98", self.film]
        return "STA$$" + ",".join(fields) + ","

    async def read(self, size_max: int) -> bytes | EndOfStream:
        await asyncio.sleep(0)
        if self.babbles:
            return b"\x01" + 100 * b"x"
        while not self._out:
            self._came.clear()
            await self._came.wait()
        piece = bytes(self._out[:7])
        del self._out[:7]
        return piece

    async def finish(self) -> None: ...

    async def close(self) -> None:
        self.said.append("close")

    async def device_id(self) -> str:
        return f"MFG:Magicard ;MDL:{self.model};"

    async def port_status(self) -> PortStatus:
        self.said.append("port")
        printing = asyncio.get_running_loop().time() < self.busy_until_s
        busy = printing or bool(self.job)
        return PortStatus(BUSY if busy and self.port == IDLE else self.port)

    async def soft_reset(self) -> None:
        self.said.append("reset")
        if self.resets:
            self.busy_until_s = 0.0
            self.job.clear()


def driver_of(printer: PaperPrinter, model: str = "Enduro") -> MagicardDriver:
    return MagicardDriver(MODELS[model], printer)


def card_for(driver: MagicardDriver, ribbon: str = "YMCKO") -> PreparedCard:
    able = driver.capabilities
    size = (able.width_px, able.height_px)
    planes = {
        panel: Image.new("L", size, 255 if panel is Panel.OVERLAY else 0)
        for panel in able.ribbons[ribbon].front
    }
    return driver.prepare([SidePlanes(CardSide.FRONT, planes)], ribbon)
