"""The printer's USB port over USB/IP: a host with vhci-hcd sees a real USB device.

One device, of one host at a time. A host may send what it likes: what is no USB/IP, or
more than a kernel would have under way at once, ends its connection and nothing else.
When the cable is pulled, the connection dies; until it is in again nothing is listed.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from errno import ECONNRESET
from typing import Any

from simulators.connections import Connections, LinkLostError
from simulators.links import usbip_wire as wire
from simulators.links.usb_descriptors import BULK_IN, BULK_OUT
from simulators.links.usb_device import (
    GoneError,
    StalledError,
    Transfer,
    UsbDevice,
    UsbError,
)

CONNECTIONS_MAX = 16
HANDSHAKE_S = 10.0
URBS_MAX = 1024  # under way at once
WAITING_SIZE_MAX = 4 * wire.TRANSFER_SIZE_MAX  # of all OUT data not yet taken
READ_SIZE = 256 * 1024  # what a connection holds before its host must wait
BUS_NO, DEVICE_NO, PORT_NO = 1, 2, 1


class UsbipServer:
    """`open` and `close` a port, or `serve_socket` a kernel that needs none."""

    def __init__(self, device: UsbDevice[Any]) -> None:
        self.device = device
        self.exported = wire.Exported(device.description, BUS_NO, DEVICE_NO, PORT_NO)
        self._imported = False
        self._server: asyncio.Server | None = None
        self._connections = Connections(self._converse, CONNECTIONS_MAX)

    async def open(self, host: str, port: int) -> int:
        """Listen (0: at any free port); return the port's number.

        Raises:
            OSError: the port is not to be had.
        """
        self._server = await asyncio.start_server(
            self._connections.serve, host, port, limit=READ_SIZE
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Drop who is connected, and give the port back."""
        if self._server is not None:
            self._server.close()
        await self._connections.hang_up()

    async def serve_socket(self, end: socket.socket) -> None:
        """Be an imported device at this end of a connected socket, until it closes.

        The other end is given to vhci-hcd, with `devid` and the speed of `exported`.
        """
        reader, writer = await asyncio.open_connection(sock=end, limit=READ_SIZE)
        self._imported = True
        served = Connections(self._carry_urbs, 1)
        await served.serve(reader, writer)

    @property
    def devid(self) -> int:
        return self.exported.bus_no << 16 | self.exported.device_no

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                imported = await self._shake_hands(reader, writer)
        except (TimeoutError, asyncio.IncompleteReadError, wire.ClientError) as error:
            raise LinkLostError from error
        if imported:
            await self._carry_urbs(reader, writer)

    async def _shake_hands(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer the one operation of a connection; return whether it is an import."""
        asked = wire.operation(await reader.readexactly(wire.REQUEST_SIZE))
        if asked is wire.Operation.DEVLIST:
            there = [self.exported] if self.device.attached else []
            writer.write(wire.devlist_reply(there))
            await writer.drain()
            return False
        raw = await reader.readexactly(wire.BUSID_SIZE)
        outcome = self._import(raw.partition(b"\0")[0])
        writer.write(wire.import_reply(outcome, self.exported))
        await writer.drain()
        return outcome is wire.Outcome.OK

    def _import(self, busid: bytes) -> wire.Outcome:
        if busid != self.exported.busid.encode() or not self.device.attached:
            return wire.Outcome.NO_DEVICE
        if self._imported:
            return wire.Outcome.BUSY
        self._imported = True
        return wire.Outcome.OK

    async def _carry_urbs(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await _Import(self.device, reader, writer).live()
        finally:
            self._imported = False
            with suppress(GoneError):
                self.device.reset()


@dataclass(slots=True)
class _Import:
    """A device in the hands of one host, URB by URB."""

    device: UsbDevice[Any]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _under_way: dict[int, tuple[asyncio.Task[None], Transfer]] = field(
        default_factory=dict
    )
    _waiting_size: int = 0

    async def live(self) -> None:
        """Raise `LinkLostError` when cable or host are gone; nothing else ends it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._end_with_the_cable())
            try:
                while True:
                    await self._take(group)
            except (asyncio.IncompleteReadError, wire.ClientError) as error:
                raise LinkLostError from error

    async def _end_with_the_cable(self) -> None:
        await self.device.gone(self.device.plug_count)
        raise LinkLostError

    async def _take(self, group: asyncio.TaskGroup) -> None:
        asked = wire.urb(await self.reader.readexactly(wire.HEADER_SIZE))
        if isinstance(asked, wire.Unlink):
            await self._unlink(asked)
            return
        data = b""
        if asked.direction == wire.OUT:
            self._waiting_size += asked.size
            if self._waiting_size > WAITING_SIZE_MAX:
                raise wire.ClientError(f"{self._waiting_size} bytes under way")
            data = await self.reader.readexactly(asked.size)
        if asked.sequence in self._under_way or len(self._under_way) >= URBS_MAX:
            raise wire.ClientError(f"URB {asked.sequence}: known, or one too many")
        transfer = Transfer(data=data, size_max=asked.size)
        task = group.create_task(self._carry(asked, transfer))
        task.add_done_callback(lambda _: self._ended(len(data)))
        self._under_way[asked.sequence] = task, transfer

    def _ended(self, size: int) -> None:
        self._waiting_size -= size

    async def _carry(self, asked: wire.Urb, transfer: Transfer) -> None:
        status = 0
        try:
            await self._work(asked, transfer)
        except GoneError as error:
            raise LinkLostError from error
        except UsbError as error:
            status = -error.errno
        del self._under_way[asked.sequence]
        size = transfer.taken_size + len(transfer.came)
        self.writer.write(wire.ret_submit(asked.sequence, status, size, transfer.came))
        await self.writer.drain()

    async def _work(self, asked: wire.Urb, transfer: Transfer) -> None:
        pipe = asked.endpoint | (0x80 if asked.direction == wire.IN else 0)
        if asked.endpoint == 0:
            self._control(asked, transfer)
        elif pipe == BULK_OUT:
            await self.device.bulk_out(transfer)
        elif pipe == BULK_IN:
            await self.device.bulk_in(transfer)
        else:
            raise StalledError(f"there is no endpoint 0x{pipe:02x}")

    def _control(self, asked: wire.Urb, transfer: Transfer) -> None:
        answer = self.device.control(asked.setup)
        if asked.direction == wire.IN:
            transfer.came += answer[: asked.size]
        else:
            transfer.taken_size = len(transfer.data)

    async def _unlink(self, asked: wire.Unlink) -> None:
        """Take an URB back; what the printer had of it by then is told first.

        A kernel learns of a part that was taken from the end of the URB alone, for the
        end of an unlink has no room for a size.
        """
        task, transfer = self._under_way.pop(asked.target, (None, None))
        status = 0
        if task is not None and transfer is not None:
            task.cancel()
            await asyncio.wait({task})
            status = -ECONNRESET
            if transfer.taken_size:
                self.writer.write(
                    wire.ret_submit(asked.target, status, transfer.taken_size)
                )
                status = 0
        self.writer.write(wire.ret_unlink(asked.sequence, status))
        await self.writer.drain()
