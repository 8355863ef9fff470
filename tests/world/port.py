"""The printer's USB port in memory: a `Transport`, mortal at every transfer.

What the device does with a transfer is the emulator's own; no bus and no thread lie
between. A point lies before and after each bulk write and each request beside the
stream; of a long write, a death may leave some whole packets with the printer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from protocols.contract import EndOfStream, PortStatus
from protocols.errors import TransportError
from simulators.links import usb_descriptors as usb
from simulators.links.usb_device import (
    GoneError,
    Setup,
    StalledError,
    Transfer,
    UsbError,
)
from simulators.magicard.wire import Page, Parser, Request
from tests.agent.virtual_time import elapse
from tests.world.machine import Machine
from tests.world.process import Disk, Process

OPEN_S = 0.001
CALLS = 64 * b"\x05"  # before the header of each page
_DEVICE_ID, _PORT_STATUS, _SOFT_RESET = (
    Setup(0xA1, 0, 0, 0, 1024),
    Setup(0xA1, 1, 0, 0, 1),
    Setup(0x21, 2, 0, 0, 0),
)
_CLEAR_FEATURE = 1

T = TypeVar("T")


class Words:
    """What each write is, read without the codec's help: a request, or of a job."""

    def __init__(self) -> None:
        self._parser = Parser(lambda _: None)
        self._front = False  # of a two-sided card, whose back is to come

    def of(self, data: bytes) -> str:
        """Name these bytes, the next ones of the stream."""
        word = ("PAGE" if self._front else "JOB") if CALLS in data else "DOTS"
        for frame in self._parser.receive(data):
            if isinstance(frame, Request):
                word = ",".join(one for one in frame.words if one)
            elif isinstance(frame, Page):
                header = frame.header
                self._front = header.duplex and header.page_no == 1
                word = word if self._front else "LAST"
        return word


class Port:
    """One opening at a time; `seen` is told of each command before its first byte."""

    exchange_per_connection = False
    name = "memory"

    def __init__(
        self,
        machine: Machine,
        process: Process,
        disk: Disk,
        seen: Callable[[str], None],
    ) -> None:
        assert machine.device is not None
        self._device = machine.device
        self._process = process
        self._disk = disk
        self._seen = seen
        self._plug_count = 0
        self._words = Words()

    @property
    def beside(self) -> Port:
        return self

    async def open(self) -> None:
        await self._process.alive()
        await elapse(OPEN_S)
        await self._process.alive()
        if not self._device.attached:
            raise TransportError("memory: nobody is there")
        self._plug_count = self._device.plug_count
        self._words = Words()

    async def write(self, data: bytes) -> None:
        await self._process.alive()
        if self._begins(self._words.of(data)):
            await self._push(data[: self._torn_at(len(data))])
            await self._disk.die()
        await self._push(data)
        await self._ends()

    async def finish(self) -> None:
        pass

    async def read(self, size_max: int) -> bytes | EndOfStream:
        await self._process.alive()
        transfer = Transfer(size_max=size_max)
        await self._carry(self._device.bulk_in(transfer), usb.BULK_IN)
        await self._process.alive()
        return bytes(transfer.came)

    async def device_id(self) -> str:
        answer = await self._request("DEVICE-ID", _DEVICE_ID)
        return answer[2:].decode("ascii")

    async def port_status(self) -> PortStatus:
        (value,) = await self._request("PORT", _PORT_STATUS)
        return PortStatus(value)

    async def soft_reset(self) -> None:
        await self._request("RESET", _SOFT_RESET)

    async def close(self) -> None:
        self._plug_count = 0

    async def _request(self, word: str, setup: Setup) -> bytes:
        await self._process.alive()
        if self._begins(word):
            await self._disk.die()
        answer = await self._carry(self._control(setup))
        await self._ends()
        return answer

    async def _control(self, setup: Setup) -> bytes:
        return self._device.control(setup)

    def _begins(self, word: str) -> bool:
        """Whether this life ends before the command is whole."""
        doomed = self._process.reaches(word)
        self._seen(word)
        return doomed

    async def _ends(self) -> None:
        await self._process.alive()
        if self._process.reaches():
            await self._disk.die()

    def _torn_at(self, size: int) -> int:
        """How much the printer has of a write amid which it ends: whole packets."""
        packet_size = self._device.description.packet_size
        return packet_size * self._process.dice.randrange(-(-size // packet_size))

    async def _push(self, data: bytes) -> None:
        if data:
            await self._carry(self._device.bulk_out(Transfer(data=data)), usb.BULK_OUT)

    async def _carry(
        self, transfer: Coroutine[Any, Any, T], endpoint: int | None = None
    ) -> T:
        device = self._device
        if not device.attached or device.plug_count != self._plug_count:
            transfer.close()  # to what was plugged in anew, this opening is dead
            raise TransportError("memory: nobody is there any more")
        try:
            return await device.while_attached(transfer, self._plug_count)
        except UsbError as error:
            if isinstance(error, StalledError) and endpoint is not None:
                device.control(Setup(0x02, _CLEAR_FEATURE, 0, endpoint, 0))
            what = "gone" if isinstance(error, GoneError) else type(error).__name__
            raise TransportError(f"memory: {what}: {error}") from error
