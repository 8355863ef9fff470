"""The printer's raw TCP port, and the troubles of the link: cut, slow and so on.

One command a connection (request, half-close, reply, close), several on one that stays
open, or none at all, which asks for the status alone. The port keeps its number while
the printer is off or the cable out; who tries it then is refused.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from simulators.clock import Pacemaker
from simulators.connections import Connections, LinkLostError
from simulators.faults import FaultKind, Faults

CHUNK_SIZE = 65536
SLOW_SIZE_PER_S = 256 * 1024  # what a slow link takes
CONNECTIONS_MAX = 16  # one more, and the oldest is dropped
REPLIES_WAITING_MAX = 256  # on one connection; beyond, its host must wait

AnswerT = TypeVar("AnswerT")


class Endpoint(Protocol[AnswerT]):
    """A printer as a link sees it; what an answer is, is the printer's business."""

    @property
    def reachable(self) -> bool: ...

    def receive(self, data: bytes) -> Sequence[AnswerT]: ...

    async def room(self) -> None: ...

    async def reply(self, answer: AnswerT) -> bytes: ...

    def sent(self, answer: AnswerT) -> None: ...

    def poll(self) -> bytes: ...


@dataclass(slots=True)
class TcpLink(Generic[AnswerT]):
    printer: Endpoint[AnswerT]
    faults: Faults
    pacemaker: Pacemaker
    _reserved: socket.socket | None = None  # bound, never listening: keeps the port
    _server: asyncio.Server | None = None
    _connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self._connections = Connections(self._converse, CONNECTIONS_MAX)

    async def open(self, host: str, port: int) -> int:
        """Take a port (0: any free one) and listen; return its number.

        Raises:
            OSError: the port is not to be had.
        """
        self._reserved = _bound(host, port)
        if self.printer.reachable:
            await self._listen()
        return int(self._reserved.getsockname()[1])

    async def close(self) -> None:
        """Drop who is connected, and give the port back."""
        await self._hang_up()
        if self._reserved is not None:
            self._reserved.close()

    async def run(self) -> None:
        """Be there while the printer is reachable, for ever; `open` comes first."""
        while True:
            await self.pacemaker.until(lambda: not self.printer.reachable)
            await self._hang_up()
            await self.pacemaker.until(lambda: self.printer.reachable)
            await self._listen()

    async def _listen(self) -> None:
        assert self._reserved is not None
        listener = _bound(*self._reserved.getsockname())
        self._server = await asyncio.start_server(
            self._connections.serve, sock=listener
        )

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._connections.hang_up()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answers: asyncio.Queue[AnswerT | None] = asyncio.Queue(REPLIES_WAITING_MAX)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._answer(answers, writer))
            empty = True
            while data := await reader.read(CHUNK_SIZE):
                empty = False
                if FaultKind.SLOW_LINK in self.faults.on_link:
                    await asyncio.sleep(len(data) / SLOW_SIZE_PER_S)
                for answer in self.printer.receive(data):
                    await answers.put(answer)
                await self.printer.room()
            if writer.transport.is_closing():
                raise LinkLostError
            if empty:
                await self._write(writer, self.printer.poll())
            await answers.put(None)

    async def _answer(
        self, answers: asyncio.Queue[AnswerT | None], writer: asyncio.StreamWriter
    ) -> None:
        while (answer := await answers.get()) is not None:
            try:
                await self._write(writer, await self.printer.reply(answer))
            finally:
                self.printer.sent(answer)

    async def _write(self, writer: asyncio.StreamWriter, reply: bytes) -> None:
        """Write one reply, or what the link's trouble makes of it."""
        if FaultKind.SILENT in self.faults.on_link:
            await self.pacemaker.until(
                lambda: FaultKind.SILENT not in self.faults.on_link
            )
            raise LinkLostError
        if writer.transport.is_closing() or not self.printer.reachable:
            raise LinkLostError
        garbage = FaultKind.GARBAGE in self.faults.on_link
        writer.write(self.faults.rubbish() if garbage else reply)
        await writer.drain()


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
