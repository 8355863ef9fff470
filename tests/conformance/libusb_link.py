"""A `Transport` whose USB is in a process of its own, as the preloaded libusb must be.

The process may hold many; each method is one question to it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from protocols.contract import EndOfStream, PortStatus
from protocols.transports.usb_bus import UsbError, UsbTrouble
from tests.conformance.libusb_process import SIZE

ROOT = Path(__file__).parents[2]
END_S = 30.0


class LibusbProcess:
    """`start` it; `end` it in the same event loop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._hearing = asyncio.create_task(self._hear())

    @classmethod
    async def start(cls, **environ: str) -> LibusbProcess:
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.conformance.libusb_process"),
                cwd=ROOT,
                env=os.environ | environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )

    def ask(
        self, link: int, method: str, *arguments: Any
    ) -> tuple[int, asyncio.Future[Any]]:
        """Return the question's number, and its answer to come; None: given up."""
        number = next(self._numbers)
        answer = asyncio.get_running_loop().create_future()
        # Not every answer is waited for to its end.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._asked[number] = answer
        self._send(number, link, method, *arguments)
        return number, answer

    async def done(self, link: int, method: str, *arguments: Any) -> Any:
        number, answer = self.ask(link, method, *arguments)
        try:
            return await answer
        except asyncio.CancelledError:
            self.give_up(number)
            raise

    def give_up(self, number: int) -> None:
        self._send(next(self._numbers), 0, "cancel", number)

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert await asyncio.wait_for(self._process.wait(), END_S) == 0
        await self._hearing

    def _send(self, *words: Any) -> None:
        data = pickle.dumps(words)
        assert self._process.stdin is not None
        self._process.stdin.write(SIZE.pack(len(data)) + data)

    async def _hear(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        while head := await stdout.read(1):
            head += await stdout.readexactly(SIZE.size - 1)
            raw = await stdout.readexactly(*SIZE.unpack(head))
            number, how, value = pickle.loads(raw)
            answer = self._asked.pop(number)
            if answer.done():
                continue
            if how == "usb":
                text, trouble = value
                answer.set_exception(UsbError(text, UsbTrouble(trouble)))
            else:
                answer.set_result(value)


class LibusbLink:
    """The transport at `uri` of that process; `contract.Transport`."""

    exchange_per_connection = False
    _keys = itertools.count(1)

    def __init__(self, process: LibusbProcess, uri: str) -> None:
        self.name = uri
        self._process = process
        self._key = next(self._keys)
        self._made = False
        self._reading: tuple[int, asyncio.Future[Any]] | None = None

    @property
    def beside(self) -> LibusbLink:
        return self

    async def open(self) -> None:
        if not self._made:
            await self._done("make", self.name)
        self._made, self._reading = True, None
        await self._done("open")

    async def write(self, data: bytes) -> None:
        await self._done("write", bytes(data))

    async def finish(self) -> None:
        """As on every USB link: nothing."""

    async def read(self, size_max: int) -> bytes | EndOfStream:
        """One that was given up before may yet bring its bytes to the next."""
        while True:
            if self._reading is None:
                self._reading = self._process.ask(self._key, "read", size_max)
            number, answer = self._reading
            try:
                data: bytes | None = await asyncio.shield(answer)
            except asyncio.CancelledError:
                self._process.give_up(number)
                raise
            except UsbError:
                self._reading = None
                raise
            self._reading = None
            if data is not None:
                return data

    async def device_id(self) -> str:
        text: str = await self._done("device_id")
        return text

    async def port_status(self) -> PortStatus:
        status: PortStatus = await self._done("port_status")
        return status

    async def soft_reset(self) -> None:
        await self._done("soft_reset")

    async def close(self) -> None:
        if self._made:
            await self._done("close")

    async def _done(self, method: str, *arguments: Any) -> Any:
        return await self._process.done(self._key, method, *arguments)
