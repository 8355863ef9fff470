"""A process that lends its USB transports, over real libusb, to the one that began it.

`python -m tests.conformance.libusb_process`: a pickle in, one out, each behind its size
in four bytes. In: (number, link, method, arguments); a method "cancel" gives up the
request with the number that is its argument. Out: (number, how, value): "done", "gone"
for one given up, or "usb" with the text and the trouble of a `UsbError`.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from typing import Any

from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import UsbError, printers
from protocols.transports.usb_port import default_backend

METHODS = {"open", "write", "read", "device_id", "port_status", "soft_reset", "close"}
SIZE = struct.Struct(">I")


class Lender:
    def __init__(self) -> None:
        self._links: dict[int, UsbTransport] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def take(self, number: int, link: int, method: str, *arguments: Any) -> None:
        if method == "cancel":
            task = self._tasks.get(arguments[0])
            if task is not None:
                task.cancel()
            return
        task = asyncio.ensure_future(self._do(number, link, method, *arguments))
        self._tasks[number] = task
        task.add_done_callback(lambda done: self._ended(number, done))

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        del self._tasks[number]
        if task.cancelled():
            self._tell(number, "gone", None)

    async def _do(self, number: int, link: int, method: str, *arguments: Any) -> None:
        try:
            self._tell(number, "done", await self._done(link, method, *arguments))
        except UsbError as error:
            self._tell(number, "usb", (str(error), error.trouble))

    def _tell(self, number: int, how: str, value: Any) -> None:
        data = pickle.dumps((number, how, value))
        sys.stdout.buffer.write(SIZE.pack(len(data)) + data)
        sys.stdout.buffer.flush()

    async def _done(self, link: int, method: str, *arguments: Any) -> Any:
        if method == "make":
            self._links[link] = UsbTransport(UsbAddress.parse(arguments[0]))
            return None
        if method == "there":  # looked for from outside: libusb learns of it late
            found = await asyncio.to_thread(printers, default_backend())
            return [one.attached.serial for one in found]
        assert method in METHODS
        return await getattr(self._links[link], method)(*arguments)


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(0, "rb")
    )
    lender = Lender()
    while True:
        try:
            (size,) = SIZE.unpack(await reader.readexactly(SIZE.size))
            lender.take(*pickle.loads(await reader.readexactly(size)))
        except asyncio.IncompleteReadError:
            sys.exit(0)


if __name__ == "__main__":
    asyncio.run(main())
