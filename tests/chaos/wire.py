"""What goes over the wires of a station: stages as they are told, and a wire to cut."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiomqtt

CHUNK_SIZE = 16_384
SEGMENT_SIZE = 1_448  # as on an Ethernet


class Stages:
    """Each stage of each attempt, as the broker brings the event."""

    def __init__(self) -> None:
        self._heard: dict[str, asyncio.Queue[str]] = {}

    def of(self, station: str) -> asyncio.Queue[str]:
        """What this station's agent tells from now on."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._heard[station] = queue
        return queue

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Listen at this broker for as long as the block lasts, over its restarts."""
        task = asyncio.create_task(self._listen(port))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self, port: int) -> None:
        while True:
            try:
                async with aiomqtt.Client("127.0.0.1", port) as client:
                    await client.subscribe("blanko/v1/+/+/event", qos=0)
                    async for message in client.messages:
                        self._take(str(message.topic), bytes(message.payload))
            except aiomqtt.MqttError:
                await asyncio.sleep(0.1)  # the broker was killed

    def _take(self, topic: str, payload: bytes) -> None:
        queue = self._heard.get(topic.split("/")[2])
        if queue is None:
            return
        for line in payload.splitlines():
            data = json.loads(line.split(b" ", 1)[1])["data"]
            if data["kind"] == "attempt-stage":
                queue.put_nowait(str(data["stage"]))


class CutWire:
    """A wire between agent and printer that breaks after so many bytes, once."""

    def __init__(
        self,
        printer_port: int,
        size_per_s: float | None = None,
        room_size: int | None = None,
    ) -> None:
        """`size_per_s`: what it takes towards the printer, and then one connection
        at a time, as a raw port does; None: whatever comes. `room_size`: what may be
        under way in it; None: as much as the kernel likes, which is a whole card.
        """
        self._printer_port = printer_port
        self._room_size = room_size
        self._size_per_s = size_per_s
        self._ear: socket.socket | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(1 if size_per_s is not None else 1_000)
        self._left: int | None = None  # bytes until it breaks; None: it holds
        self.passed_size = 0  # towards the printer
        self.cut = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        """Take connections; on the same port again after `unplug`."""
        ear = socket.create_server(("127.0.0.1", self.port))
        if self._room_size is not None:
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._room_size)
            # The loopback's large segments would make the sender's room large.
            ear.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_SIZE)
        ear.setblocking(False)
        self.port = ear.getsockname()[1]
        self._ear = ear
        # Not `start_server`: closed as a connection comes, it forgets that one.
        asyncio.get_running_loop().add_reader(ear, self._accept, ear)

    def unplug(self) -> None:
        """Refuse connections, as the port of a printer that is off does."""
        if self._ear is not None:
            asyncio.get_running_loop().remove_reader(self._ear)
            self._ear.close()
            self._ear = None

    def break_after(self, size: int) -> None:
        """Break once `size` more bytes have gone towards the printer."""
        self._left = size
        self.cut.clear()

    async def stop(self) -> None:
        self.unplug()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, ear: socket.socket) -> None:
        try:
            agent, _ = ear.accept()
        except OSError:
            return  # it has thought better of it
        task = asyncio.create_task(self._in_turn(agent))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        task.add_done_callback(lambda _: agent.close())

    async def _in_turn(self, agent: socket.socket) -> None:
        agent_in, agent_out = await asyncio.open_connection(sock=agent)
        try:
            async with self._turns:
                await self._serve(agent_in, agent_out)
        finally:
            agent_out.transport.abort()

    async def _serve(
        self, agent_in: asyncio.StreamReader, agent_out: asyncio.StreamWriter
    ) -> None:
        try:
            printer_in, printer_out = await asyncio.open_connection(
                "127.0.0.1", self._printer_port
            )
        except OSError:
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forth(agent_in, printer_out))
                group.create_task(_back(printer_in, agent_out))
        except* OSError:
            pass  # broken, or one end is gone
        finally:
            printer_out.transport.abort()

    async def _forth(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(CHUNK_SIZE):
            if self._size_per_s is not None:
                await asyncio.sleep(len(chunk) / self._size_per_s)
            left = self._left
            if left is not None and len(chunk) >= left:
                writer.write(chunk[:left])
                await writer.drain()
                self._left = None
                self.passed_size += left
                self.cut.set()
                raise BrokenPipeError
            if left is not None:
                self._left = left - len(chunk)
            self.passed_size += len(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_SIZE):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
