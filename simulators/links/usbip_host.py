"""The host's side of USB/IP: one device imported over a blocking socket.

`read` when the socket is readable, or `control` to wait for one request at a time.
"""

from __future__ import annotations

import socket
import struct
from collections import deque
from dataclasses import dataclass

from simulators.links.usb_descriptors import CONFIGURATION, DEVICE, STRING
from simulators.links.usbip_wire import (
    BUSID_SIZE,
    HEADER_SIZE,
    IN,
    OUT,
    VERSION,
    Command,
    Operation,
    Outcome,
)

TIMEOUT_S = 10.0
READ_SIZE = 256 * 1024
DEVICE_TOLD_SIZE = 312


class LostError(Exception):
    """The device is no longer there."""


class RefusedError(Exception):
    """The device is not to be had now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an URB ended: 0 or a negative errno, how much went, what came.

    A taken back URB ends with -ECONNRESET.
    """

    sequence: int
    status: int
    size: int
    data: bytes


class UsbipHost:
    """An imported device. Every method may raise `LostError`."""

    def __init__(self, host: str, port: int, busid: str = "1-1") -> None:
        """Import it.

        Raises:
            RefusedError: it is not there, or another host has it.
            OSError: nobody listens there.
        """
        self.socket = socket.create_connection((host, port), TIMEOUT_S)
        self._came = bytearray()
        self._sequence = 0
        self._incoming: dict[int, bool] = {}  # by sequence, of what is under way
        self._unlinks: dict[int, int] = {}  # the URB by the sequence of its unlink
        self._ended: deque[Ended] = deque()
        try:
            self._import(busid)
        except BaseException:
            self.socket.close()
            raise

    def close(self) -> None:
        self.socket.close()

    def submit(
        self, endpoint: int, *, setup: bytes, data: bytes | None, size: int
    ) -> int:
        """Submit one URB: `data` of OUT, or None and the `size` of the room for IN."""
        sequence = self._next()
        direction = IN if data is None else OUT
        self._incoming[sequence] = data is None
        head = struct.pack(
            ">10I8s",
            *(Command.SUBMIT, sequence, self.devid, direction, endpoint),
            *(0, size, 0, 0, 0, setup),
        )
        self._send(head + (data or b""))
        return sequence

    def unlink(self, target: int) -> None:
        """Take an URB back; its end is told as of any other."""
        sequence = self._next()
        self._unlinks[sequence] = target
        head = (Command.UNLINK, sequence, self.devid, 0, 0, target)
        self._send(struct.pack(">6I24x", *head))

    def read(self) -> list[Ended]:
        """Return what has ended by the bytes that the socket has now."""
        try:
            data = self.socket.recv(READ_SIZE)
        except OSError as error:
            raise LostError(str(error)) from error
        if not data:
            raise LostError("the connection was closed")
        self._came += data
        ended = list(self._ended)
        self._ended.clear()
        while (one := self._one_ended()) is not None:
            ended += one
        return ended

    def control(self, request_type: int, request: int, value: int, size: int) -> bytes:
        """Do one control request of the whole device, and wait for its end.

        Raises:
            RefusedError: the device stalls it.
        """
        setup = struct.pack("<BBHHH", request_type, request, value, 0, size)
        data = None if request_type & 0x80 else b""
        sequence = self.submit(0, setup=setup, data=data, size=size)
        while True:
            for ended in self.read():
                if ended.sequence != sequence:
                    self._ended.append(ended)
                elif ended.status:
                    raise RefusedError(f"status {ended.status}")
                else:
                    return ended.data

    def descriptors(self) -> bytes:
        """The device's descriptor and its configuration, as sysfs has them."""
        device = self.control(0x80, 6, DEVICE << 8, 18)
        head = self.control(0x80, 6, CONFIGURATION << 8, 9)
        size = int.from_bytes(head[2:4], "little")
        return device + self.control(0x80, 6, CONFIGURATION << 8, size)

    def text(self, string_no: int) -> str:
        """One of its strings; empty for number 0."""
        if string_no == 0:
            return ""
        raw = self.control(0x80, 6, STRING << 8 | string_no, 255)
        return raw[2:].decode("utf-16-le")

    def _import(self, busid: str) -> None:
        name = busid.encode().ljust(BUSID_SIZE, b"\0")
        self._send(struct.pack(">HHI", VERSION, Operation.IMPORT, 0) + name)
        outcome = int.from_bytes(self._exactly(8)[4:], "big")
        if outcome != Outcome.OK:
            raise RefusedError(f"status {outcome}")
        told = self._exactly(DEVICE_TOLD_SIZE)
        bus_no, device_no, self.speed = struct.unpack_from(">3I", told, 288)
        self.devid = bus_no << 16 | device_no

    def _one_ended(self) -> list[Ended] | None:
        """Take one reply off what came; None: none is whole."""
        if len(self._came) < HEADER_SIZE:
            return None
        command, sequence = struct.unpack_from(">2I", self._came)
        status, size = struct.unpack_from(">iI", self._came, 20)
        if command == Command.RET_UNLINK:
            del self._came[:HEADER_SIZE]
            target = self._unlinks.pop(sequence)
            if self._incoming.pop(target, None) is None:
                return []
            return [Ended(target, status, 0, b"")]
        end = HEADER_SIZE + (size if self._incoming[sequence] else 0)
        if len(self._came) < end:
            return None
        data = bytes(self._came[HEADER_SIZE:end])
        del self._came[:end], self._incoming[sequence]
        return [Ended(sequence, status, size, data)]

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise LostError(str(error)) from error

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise LostError("the connection was closed")
            data += part
        return data
