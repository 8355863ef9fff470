"""The printer's port in memory: a `Transport` that dies with its process.

A connection carries one request; the link's troubles are those of the emulator's own
port: cut, slow, silent, rubbish. Each command is told to `seen` before its first byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from protocols.contract import EndOfStream
from protocols.errors import TransportError
from simulators.evolis.printer import Answer, Printer
from simulators.faults import FaultKind
from tests.agent.virtual_time import elapse
from tests.world.machine import Machine
from tests.world.process import Disk, Process

CONNECT_S = 0.001
SLOW_SIZE_PER_S = 64.0  # panels are tiny here


class Wire:
    exchange_per_connection = True
    beside = None
    name = "memory"

    def __init__(
        self,
        machine: Machine,
        process: Process,
        disk: Disk,
        seen: Callable[[str], None],
    ) -> None:
        self._machine = machine
        self._printer = cast(Printer, machine.printer)
        self._process = process
        self._disk = disk
        self._seen = seen
        self._is_open = False
        self._sent = False
        self._answers: list[Answer] = []
        self._ended = False
        self._doomed = False  # this life ends before the request is whole

    async def open(self) -> None:
        await self._process.alive()
        await elapse(CONNECT_S)
        await self._process.alive()
        self._require_reachable("cannot connect")
        self._is_open, self._sent, self._answers, self._ended = True, False, [], False

    async def write(self, data: bytes) -> None:
        process = self._process
        await process.alive()
        if not self._sent:
            word = word_of(data)
            self._doomed = process.reaches(word)
            self._seen(word)
            if self._doomed and word != "Db":
                await self._disk.die()
        if self._doomed and process.dice.random() < 0.5:  # in the midst of a panel
            await self._push(data[: process.dice.randrange(len(data))])
            await self._disk.die()
        await self._push(data)

    async def finish(self) -> None:
        process = self._process
        await process.alive()
        if self._doomed or (self._sent and process.reaches()):
            await self._disk.die()

    async def read(self, size_max: int) -> bytes | EndOfStream:
        await self._process.alive()
        if self._ended:
            return EndOfStream.END
        reply = await self._reply()
        await self._process.alive()
        return reply

    async def close(self) -> None:
        self._is_open = False

    async def _push(self, data: bytes) -> None:
        """Hand the bytes over in pieces, so that a trouble can strike between them."""
        on_link = self._machine.mechanism.faults.on_link
        middle = len(data) // 2 + 1
        self._sent = True
        for piece in (data[:middle], data[middle:]):
            self._require_reachable("cut while sending")
            if not piece:
                continue
            if FaultKind.SLOW_LINK in on_link:
                await elapse(len(piece) / SLOW_SIZE_PER_S)
            self._answers += self._printer.receive(piece)
        if not self._process.dead:
            await self._printer.room()

    async def _reply(self) -> bytes | EndOfStream:
        printer, pacemaker = self._printer, self._machine.pacemaker
        if self._sent and not self._answers:
            self._require_reachable("cut while reading")
            self._ended = True
            return EndOfStream.END
        if self._sent:
            answer = self._answers.pop(0)
            action = answer.action
            await pacemaker.until(
                lambda: action is None or action.done or not printer.reachable
            )
            self._require_reachable("cut while reading")
            reply = await printer.reply(answer)
        else:
            self._require_reachable("cut while reading")
            reply = printer.poll()
        self._ended = not self._answers
        return await self._through(reply)

    async def _through(self, reply: bytes) -> bytes:
        faults = self._machine.mechanism.faults
        if FaultKind.SILENT in faults.on_link:
            await self._machine.pacemaker.until(
                lambda: FaultKind.SILENT not in faults.on_link
            )
            raise TransportError("memory: dropped after a silence")
        return faults.rubbish() if FaultKind.GARBAGE in faults.on_link else reply

    def _require_reachable(self, what: str) -> None:
        if not self._printer.reachable:
            self._is_open = False
            raise TransportError(f"memory: {what}: nobody is there")


def word_of(request: bytes) -> str:
    """The command's word, read without the codec's help."""
    text = request[:8].partition(b"\x1b")[2]
    return text.partition(b"\r")[0].partition(b";")[0].decode("ascii", "replace")
