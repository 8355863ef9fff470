"""A USB printer as a byte pipe: no protocol, no retry, every failure named.

pyusb blocks, so each opening has one thread that does all of it, in short slices: a
request beside the stream, or the end, never waits long behind a read. What is asked for
is done in turns, so that a long write and a read do not keep each other waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocols.contract import EndOfStream, PortStatus
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import Backend, UsbError, UsbTrouble
from protocols.transports.usb_port import UsbPort, default_backend

WRITE_SIZE = 65536  # in one transfer; smaller ones cost throughput
READ_SIZE_MAX = 65536
SLICE_MS, BUSY_SLICE_MS = 100, 2  # alone, and while something else is asked for
CLOSE_TIMEOUT_S = 3.0  # for a slice, a control request, and giving the printer back


@dataclass(eq=False, slots=True)
class _Task:
    """Something asked of the thread: `step` returns None as long as it is not done."""

    step: Callable[[UsbPort, int], Any]
    done: asyncio.Future[Any]
    abandoned: bool = False


class UsbTransport:
    """One opening at a time of the printer at `address`; `contract.Transport`.

    `backend`: pyusb's, None: libusb. `read` returns what one bulk transfer brought, or
    the rest of it; there is no end of stream on USB, and no half-close.
    """

    exchange_per_connection = False

    def __init__(self, address: UsbAddress, backend: Backend | None = None) -> None:
        self.name = str(address)
        self._address = address
        self._backend = backend
        self._worker: _Worker | None = None

    @property
    def beside(self) -> UsbTransport:
        return self

    async def open(self) -> None:
        await self.close()
        worker = _Worker(asyncio.get_running_loop(), self._address, self._backend)
        self._worker = worker
        worker.start()
        try:
            await asyncio.shield(worker.opened)
        except BaseException:
            worker.opened.cancel()  # nobody waits for it any more
            worker.close()
            raise  # it may yet claim, and let go: the next opening waits for its end

    async def write(self, data: bytes) -> None:
        left = memoryview(data)

        def step(port: UsbPort, timeout_ms: int) -> bool | None:
            nonlocal left
            try:
                # Never the short slice: a transfer cut off costs more than it saves.
                left = left[port.write(left[:WRITE_SIZE], SLICE_MS) :]
            except UsbError as error:
                taken_size = len(data) - len(left)
                flying_size = min(len(left), WRITE_SIZE)
                raise UsbError(
                    f"{error}; of {len(data)} bytes {taken_size} were surely taken, "
                    f"up to {flying_size} more may have been",
                    error.trouble,
                ) from error
            return None if left else True

        if data:
            await self._opened().ask(step)

    async def finish(self) -> None:
        """Nothing: USB cannot say that a request is whole."""

    async def read(self, size_max: int) -> bytes | EndOfStream:
        return await self._opened().read(min(size_max, READ_SIZE_MAX))

    async def device_id(self) -> str:
        text: str = await self._opened().ask(lambda port, _: port.device_id())
        return text

    async def port_status(self) -> PortStatus:
        status: PortStatus = await self._opened().ask(
            lambda port, _: port.port_status()
        )
        return status

    async def soft_reset(self) -> None:
        def step(port: UsbPort, timeout_ms: int) -> bool:
            port.soft_reset()
            return True

        await self._opened().ask(step)

    async def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.close()
        # What hangs in the kernel for longer than this is left to die by itself.
        await asyncio.wait({worker.ended}, timeout=CLOSE_TIMEOUT_S)

    def _opened(self) -> _Worker:
        if self._worker is None:
            raise UsbError(f"{self.name}: the link is not open", UsbTrouble.CLOSED)
        return self._worker


class _Worker(threading.Thread):
    """The thread of one opening; everything public is called in the event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: UsbAddress,
        backend: Backend | None,
    ) -> None:
        super().__init__(name=f"usb {address}", daemon=True)
        self.opened: asyncio.Future[bool] = loop.create_future()
        self.ended: asyncio.Future[bool] = loop.create_future()
        self._loop = loop
        self._address = address
        self._backend = backend
        self._changed = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._closing = False
        self._left = b""  # of a transfer, for the next read

    async def ask(self, step: Callable[[UsbPort, int], Any]) -> Any:
        """Do `step` in turns with what else is asked for, until it returns a result."""
        task = _Task(step, self._loop.create_future())
        with self._changed:
            if self._closing:
                raise self._closed()
            self._tasks.append(task)
            self._changed.notify()
        try:
            return await task.done
        finally:
            task.abandoned = True

    async def read(self, size_max: int) -> bytes:
        def step(port: UsbPort, timeout_ms: int) -> bool | None:
            if not self._left:
                self._left = port.read(size_max, timeout_ms)
            return True if self._left else None

        # Taken here and not in the thread: a read that is given up loses nothing.
        while not self._left:
            await self.ask(step)
        data, self._left = self._left[:size_max], self._left[size_max:]
        return data

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()

    # --- in the thread ----------------------------------------------------------

    def run(self) -> None:
        try:
            port = UsbPort(self._backend or default_backend(), self._address)
        except UsbError as error:
            self._tell(self.opened, error=error)
        else:
            self._tell(self.opened, True)
            try:
                while self._turn(port):
                    pass
            finally:
                port.close()
        finally:
            self._end()

    def _turn(self, port: UsbPort) -> bool:
        """Wait for something to do and do a slice of it; False: it is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._closing)
            if self._closing:
                return False
            task, alone = self._tasks[0], len(self._tasks) == 1
            if task.abandoned:  # nothing of it may be sent any more
                self._tasks.popleft()
                return True
        try:
            result = task.step(port, SLICE_MS if alone else BUSY_SLICE_MS)
        except UsbError as error:
            self._tell(task.done, error=error)
            result = error
        else:
            if result is not None:
                self._tell(task.done, result)
        with self._changed:
            self._tasks.popleft()
            if result is None and not task.abandoned:
                self._tasks.append(task)
        return True

    def _end(self) -> None:
        with self._changed:
            self._closing = True
            tasks = list(self._tasks)
        for future in (self.opened, *(task.done for task in tasks)):
            self._tell(future, error=self._closed())
        self._tell(self.ended, True)

    def _closed(self) -> UsbError:
        return UsbError(f"{self._address}: the link was closed", UsbTrouble.CLOSED)

    def _tell(
        self,
        future: asyncio.Future[Any],
        result: Any = None,
        *,
        error: Exception | None = None,
    ) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(settle)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more
