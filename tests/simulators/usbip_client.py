"""A USB/IP client written by hand from the kernel's usbip_protocol.rst, for tests.

It shares no line with the server: a mistake there cannot hide behind one here.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, field

DEVLIST = bytes.fromhex("0111 8005 00000000")
IMPORT_1_1 = bytes.fromhex("0111 8003 00000000") + b"1-1".ljust(32, b"\0")


@dataclass
class Told:
    """The 312 bytes about a device."""

    raw: bytes

    @property
    def busid(self) -> str:
        return self.raw[256:288].rstrip(b"\0").decode()

    @property
    def numbers(self) -> tuple[int, ...]:
        """busnum, devnum, speed, idVendor, idProduct, bcdDevice."""
        return struct.unpack(">IIIHHH", self.raw[288:306])

    @property
    def classes(self) -> bytes:
        """Class, subclass, protocol, configuration, configurations, interfaces."""
        return self.raw[306:312]


@dataclass
class Ended:
    """A RET_SUBMIT or RET_UNLINK."""

    command: int
    sequence: int
    status: int
    size: int = 0
    data: bytes = b""


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    directions: dict[int, int] = field(default_factory=dict)
    sequence: int = 0

    @classmethod
    async def to(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def devlist(self) -> list[tuple[Told, bytes]]:
        self.writer.write(DEVLIST)
        version, code, status, count = struct.unpack(
            ">HHII", await self.reader.readexactly(12)
        )
        assert (version, code, status) == (0x0111, 0x0005, 0)
        told = []
        for _ in range(count):
            device = Told(await self.reader.readexactly(312))
            told.append((device, await self.reader.readexactly(4 * device.classes[5])))
        assert await self.reader.read() == b""
        return told

    async def import_(self) -> Told | int:
        """Return what is told of the device, or the status that refuses it."""
        self.writer.write(IMPORT_1_1)
        version, code, status = struct.unpack(">HHI", await self.reader.readexactly(8))
        assert (version, code) == (0x0111, 0x0003)
        return status or Told(await self.reader.readexactly(312))

    def submit(
        self,
        endpoint: int,
        direction: int,
        size: int,
        data: bytes = b"",
        setup=bytes(8),
    ) -> int:
        self.sequence += 1
        self.directions[self.sequence] = direction
        self.writer.write(
            struct.pack(
                ">IIIII IIIII 8s",
                *(1, self.sequence, 0x00010002, direction, endpoint),
                *(0x200 * direction, size, 0xFFFFFFFF, 0, 0),
                setup,
            )
            + data
        )
        return self.sequence

    def out(self, data: bytes) -> int:
        return self.submit(1, 0, len(data), data)

    def in_(self, size: int = 1024) -> int:
        return self.submit(2, 1, size)

    def unlink(self, target: int) -> int:
        self.sequence += 1
        self.writer.write(
            struct.pack(">IIIII I 24x", 2, self.sequence, 0x00010002, 0, 0, target)
        )
        return self.sequence

    async def ended(self) -> Ended:
        raw = await self.reader.readexactly(48)
        command, sequence, *nothing = struct.unpack(">IIIII", raw[:20])
        assert nothing == [0, 0, 0]
        status, size = struct.unpack(">iI", raw[20:28])
        if command == 4:
            assert raw[24:] == bytes(24)
            return Ended(command, sequence, status)
        assert command == 3
        incoming = self.directions.pop(sequence)
        data = await self.reader.readexactly(size) if incoming else b""
        return Ended(command, sequence, status, size, data)

    async def control(self, setup: str, size: int = 0) -> Ended:
        """One control request; `setup` is its eight bytes in hex."""
        raw = bytes.fromhex(setup)
        self.submit(0, raw[0] >> 7, size, setup=raw)
        return await self.ended()

    async def ask(self, request: bytes) -> bytes:
        self.out(request)
        assert (await self.ended()).size == len(request)
        self.in_()
        return (await self.ended()).data

    async def died(self) -> bool:
        """Whether the server ends the connection, orderly or not."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.writer.close()
