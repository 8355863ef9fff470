"""The printer as a USB device, whatever carries it to a host: one model, no bus.

Three front ends stand on it: pyusb's backend in this process, USB/IP, and usbfs under
umockdev. It answers control requests, takes bulk OUT as far as the printer has room
(what it does not take, a host sees as NAK), keeps replies until a host reads them, and
halts, slows down, takes half or is gone as the faults of the link say.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from errno import ENODEV, EOVERFLOW, EPIPE
from typing import Any, Generic, Protocol, TypeVar

from simulators.faults import FaultKind, Faults
from simulators.links import usb_descriptors as usb
from simulators.links.tcp import REPLIES_WAITING_MAX, SLOW_SIZE_PER_S, Endpoint

AnswerT = TypeVar("AnswerT")
ResultT = TypeVar("ResultT")

CHUNK_SIZE = 4096  # taken from a host before room is asked for again

_HALT = 0  # the feature of an endpoint
_TO_DEVICE, _TO_INTERFACE, _TO_ENDPOINT = 0x00, 0x01, 0x02
_FROM_DEVICE, _FROM_INTERFACE, _FROM_ENDPOINT = 0x80, 0x81, 0x82
_STATUS_FROM = (_FROM_DEVICE, _FROM_INTERFACE, _FROM_ENDPOINT)
_CLASS_IN, _CLASS_OUT, _CLASS_OUT_OLD = 0xA1, 0x21, 0x23


class UsbPrinter(Endpoint[AnswerT], Protocol[AnswerT]):
    """A printer that has a USB port: what its port says besides the byte stream."""

    @property
    def device_id(self) -> str:
        """The IEEE-1284 id, without the two bytes of its length."""
        ...

    def port_status(self) -> int:
        """One byte: 0x08 no error, 0x10 selected, 0x20 paper empty (printer class)."""
        ...

    def soft_reset(self) -> None:
        """Forget what was received and is not carried out; what moves goes on."""
        ...


class Heart(Protocol):
    """Wakes who waits for a change of the printer's or the link's state."""

    def beat(self) -> None: ...

    async def until(self, holds: Callable[[], bool]) -> None: ...


class UsbError(Exception):
    """A transfer ended badly; `errno` is how the kernel names it."""

    errno = 0


class StalledError(UsbError):
    """The endpoint is halted, or the control request means nothing here."""

    errno = EPIPE


class GoneError(UsbError):
    """The device is no longer there."""

    errno = ENODEV


class BabbleError(UsbError):
    """The device sent a packet larger than the room that was left; it is lost."""

    errno = EOVERFLOW


@dataclass(slots=True)
class Transfer:
    """One bulk transfer; whoever gives it up may still ask how far it came."""

    data: bytes | bytearray | memoryview = b""  # of OUT
    size_max: int = 0  # of IN
    taken_size: int = 0  # of OUT: what the printer has
    came: bytearray = field(default_factory=bytearray)  # of IN


@dataclass(frozen=True, slots=True)
class Setup:
    """The eight bytes that begin a control request."""

    request_type: int
    request: int
    value: int
    index: int
    length: int

    @classmethod
    def of(cls, raw: bytes) -> Setup:
        return cls(*struct.unpack("<BBHHH", raw))


class UsbDevice(Generic[AnswerT]):
    """`run` brings it to life; `plug_count` grows with each time it is plugged in."""

    def __init__(
        self,
        printer: UsbPrinter[AnswerT],
        description: usb.Description,
        faults: Faults,
        heart: Heart,
    ) -> None:
        self.printer = printer
        self.description = description
        self.faults = faults
        self.heart = heart
        self.plug_count = 1
        self.received_size = 0  # bytes of bulk OUT, since it was made
        self.halted: set[int] = set()
        self._there = printer.reachable
        self._configuration = 0
        self._cut_after_size: int | None = None
        self._answers: deque[AnswerT] = deque()
        self._replies: deque[bytearray] = deque()  # one a transfer
        self._out, self._in = asyncio.Lock(), asyncio.Lock()

    # --- presence ---------------------------------------------------------------

    @property
    def attached(self) -> bool:
        """Whether a bus sees it; false with the cable out or the power off."""
        return self._there and self.printer.reachable

    def unplug(self) -> None:
        """Pull the cable now: every transfer under way ends with `GoneError`."""
        self.faults.on_link.add(FaultKind.LINK_CUT)
        self._cut_after_size = None
        self._notice()

    def replug(self) -> None:
        """Put the cable in again; the device is a new one to its host."""
        self.faults.on_link.discard(FaultKind.LINK_CUT)
        self._notice()

    def unplug_after(self, size: int) -> None:
        """Pull the cable once the printer has taken exactly `size` more OUT bytes."""
        self._cut_after_size = size
        if size == 0:
            self.unplug()

    async def run(self) -> None:
        """Answer, and follow the printer's coming and going, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._answer())
            while True:
                await self.heart.until(
                    lambda: self.printer.reachable is not self._there
                )
                self._notice()

    async def while_attached(
        self, transfer: Coroutine[Any, Any, ResultT], plug_count: int
    ) -> ResultT:
        """Return what `transfer` returns, unless the device goes away before.

        Raises:
            GoneError: it is unplugged, or was plugged in again since `plug_count`.
        """
        work = asyncio.ensure_future(transfer)
        away = asyncio.ensure_future(self.gone(plug_count))
        try:
            await asyncio.wait({work, away}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise GoneError("unplugged")
            return work.result()
        finally:
            for task in (work, away):
                task.cancel()
            with suppress(asyncio.CancelledError, UsbError):
                await work

    async def gone(self, plug_count: int) -> None:
        """Return once the device that was plugged in as `plug_count` is not there."""
        await self.heart.until(
            lambda: not self.attached or self.plug_count != plug_count
        )

    def _notice(self) -> None:
        reachable = self.printer.reachable
        if self._there and not reachable:
            self._reset_port()
            self._configuration = 0
        elif reachable and not self._there:
            self.plug_count += 1
        self._there = reachable
        self.heart.beat()

    def _present(self) -> None:
        if not self.attached:
            raise GoneError("unplugged")

    # --- control requests -------------------------------------------------------

    def control(self, setup: Setup) -> bytes:
        """Carry out one control request; return its data, cut to what was asked for.

        Raises:
            StalledError: there is no such request.
            GoneError: the device is not there.
        """
        self._present()
        answer = self._answer_to(setup)
        if answer is None:
            raise StalledError(f"no such request: {setup}")
        return answer[: setup.length]

    def reset(self) -> None:
        """What a host's reset of the port leaves: no configuration, halt or reply."""
        self._present()
        self._reset_port()
        self._configuration = usb.CONFIGURATION_VALUE  # the host sets it again
        self.heart.beat()

    def _answer_to(self, setup: Setup) -> bytes | None:
        what = (setup.request_type, setup.request)
        if what == (_FROM_DEVICE, 6):
            return self._descriptor(setup.value >> 8, setup.value & 0xFF)
        if what == (_FROM_DEVICE, 8):
            return bytes([self._configuration])
        if what == (_TO_DEVICE, 9):
            return self._configure(setup.value)
        if what == (_FROM_INTERFACE, 10):
            return b"\0" if setup.index == 0 else None
        if what == (_TO_INTERFACE, 11):
            return self._set_interface(setup)
        if setup.request == 0 and setup.request_type in _STATUS_FROM:
            return self._status_of(setup)
        if setup.request_type == _TO_ENDPOINT and setup.request in (1, 3):
            return self._halt(setup)
        return self._printer_request(setup)

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        if kind == usb.STRING:
            return self.description.string(number)
        if kind == usb.DEVICE and number == 0:
            return self.description.device
        if kind == usb.CONFIGURATION and number == 0:
            return self.description.configuration
        return None

    def _configure(self, value: int) -> bytes | None:
        if value not in (0, usb.CONFIGURATION_VALUE):
            return None
        self._configuration = value
        self.halted.clear()
        return b""

    def _set_interface(self, setup: Setup) -> bytes | None:
        if (setup.value, setup.index) != (0, 0):
            return None
        self.halted.clear()
        return b""

    def _status_of(self, setup: Setup) -> bytes:
        if setup.request_type == _FROM_DEVICE:
            return b"\1\0"  # powers itself
        if setup.request_type == _FROM_INTERFACE:
            return b"\0\0"
        return bytes([setup.index in self.halted, 0])

    def _halt(self, setup: Setup) -> bytes | None:
        known = setup.index in (usb.BULK_OUT, usb.BULK_IN)
        if setup.value != _HALT or not known:
            return None
        if setup.request == 3:
            self.halted.add(setup.index)
        else:
            self.halted.discard(setup.index)
        self.heart.beat()
        return b""

    def _printer_request(self, setup: Setup) -> bytes | None:
        if (setup.request_type, setup.request) == (_CLASS_IN, 0):
            text = self.printer.device_id.encode("ascii")
            return struct.pack(">H", len(text) + 2) + text
        if (setup.request_type, setup.request) == (_CLASS_IN, 1):
            return bytes([self.printer.port_status()])
        # Release 1.0 of the class wrongly named another recipient; hosts try both.
        if setup.request_type in (_CLASS_OUT, _CLASS_OUT_OLD) and setup.request == 2:
            self._reset_port()
            self.printer.soft_reset()
            self.heart.beat()
            return b""
        return None

    def _reset_port(self) -> None:
        self.halted.clear()
        self._replies.clear()

    # --- bulk -------------------------------------------------------------------

    async def bulk_out(self, transfer: Transfer) -> None:
        """Take `transfer.data`, as fast as there is room; earlier transfers come first.

        Cancelled at any time, `transfer.taken_size` says what the printer has.

        Raises:
            StalledError: the endpoint is, or became, halted.
            GoneError: the device is not there, or went away.
        """
        async with self._out:
            self._present()
            self._refuse_halted(usb.BULK_OUT)
            data = memoryview(transfer.data)
            part_size = self._part_of(len(data))
            while transfer.taken_size < len(data):
                await self._room()
                end = self._end_of_taking(len(data), part_size)
                chunk = data[transfer.taken_size : end][: self._chunk_size()]
                if chunk:
                    self._receive(bytes(chunk), transfer)
                elif self._stall_due:
                    self._halt_now(usb.BULK_OUT)
                else:
                    await self.heart.until(lambda: not self._takes_part)
                slow = FaultKind.SLOW_LINK in self.faults.on_link
                await asyncio.sleep(len(chunk) / SLOW_SIZE_PER_S if slow else 0)

    async def bulk_in(self, transfer: Transfer) -> None:
        """Fill `transfer.came` with one reply, or as much of it as there is room for.

        Waits for a reply; a reply ends the transfer, and none is joined to the next.

        Raises:
            StalledError: the endpoint is, or became, halted.
            BabbleError: the room ended inside a packet, and the packet is lost.
            GoneError: the device is not there, or went away.
        """
        async with self._in:
            self._present()
            await self.heart.until(self._has_something_to_say)
            self._present()
            if self._stall_due:
                self._halt_now(usb.BULK_IN)
            self._refuse_halted(usb.BULK_IN)
            reply = self._replies[0]
            packet_size = self.description.packet_size
            while len(transfer.came) < transfer.size_max:
                packet, room = reply[:packet_size], transfer.size_max
                del reply[:packet_size]
                if not reply:
                    self._replies.popleft()
                if len(packet) > room - len(transfer.came):
                    raise BabbleError(f"{len(packet)} bytes, room for {room}")
                transfer.came += packet
                if not reply:
                    break
            self.heart.beat()

    def _has_something_to_say(self) -> bool:
        return bool(
            self._replies
            or usb.BULK_IN in self.halted
            or self._stall_due
            or not self.attached
        )

    def _refuse_halted(self, endpoint: int) -> None:
        if endpoint in self.halted:
            raise StalledError(f"endpoint 0x{endpoint:02x} is halted")

    def _halt_now(self, endpoint: int) -> None:
        self.faults.on_link.discard(FaultKind.USB_STALL)
        self.halted.add(endpoint)
        self._refuse_halted(endpoint)

    def _end_of_taking(self, size: int, part_size: int) -> int:
        """How far OUT data of `size` is taken as the faults stand now."""
        if self._stall_due:
            return size // 2
        return part_size if self._takes_part else size

    def _part_of(self, size: int) -> int:
        """Whole packets, one at least and not all, drawn by the seed."""
        packet_size = self.description.packet_size
        packet_count = -(-size // packet_size)
        if packet_count < 2 or not self._takes_part:
            return size
        return packet_size * self.faults.random.randrange(1, packet_count)

    @property
    def _stall_due(self) -> bool:
        return FaultKind.USB_STALL in self.faults.on_link

    @property
    def _takes_part(self) -> bool:
        return FaultKind.USB_PARTIAL in self.faults.on_link

    async def _room(self) -> None:
        await self.heart.until(
            lambda: (
                not self.attached
                or (
                    len(self._answers) + len(self._replies) < REPLIES_WAITING_MAX
                    and FaultKind.USB_NAK not in self.faults.on_link
                )
            )
        )
        self._present()
        await self.printer.room()
        self._present()

    def _chunk_size(self) -> int:
        left = self._cut_after_size
        return CHUNK_SIZE if left is None else min(CHUNK_SIZE, left)

    def _receive(self, chunk: bytes, transfer: Transfer) -> None:
        transfer.taken_size += len(chunk)
        self.received_size += len(chunk)
        self._answers.extend(self.printer.receive(chunk))
        if self._cut_after_size is not None:
            self._cut_after_size -= len(chunk)
            if self._cut_after_size == 0:
                self.unplug()
        self.heart.beat()
        self._present()

    async def _answer(self) -> None:
        """Turn answers into replies, each once the printer has it, in their order."""
        while True:
            await self.heart.until(lambda: bool(self._answers))
            answer = self._answers.popleft()
            try:
                reply = await self.printer.reply(answer)
                if FaultKind.SILENT in self.faults.on_link:
                    await self.heart.until(
                        lambda: FaultKind.SILENT not in self.faults.on_link
                    )
                    continue
                if FaultKind.GARBAGE in self.faults.on_link:
                    reply = self.faults.rubbish()
                if self.attached and reply:
                    self._replies.append(bytearray(reply))
            finally:
                self.printer.sent(answer)
                self.heart.beat()
