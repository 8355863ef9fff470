"""An emulated Evolis printer on a USB bus, and what its tests say to it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import usb.core
import usb.util

from simulators.links.usb_backend import Port, UsbBackend
from simulators.links.usb_descriptors import BULK_IN, BULK_OUT
from simulators.links.usb_device import Transfer, UsbDevice
from tests.simulators.emulator_world import World, living

T = TypeVar("T")
ASK_MODEL = b"\x1bRtp\r"
VENDOR = 0x0F49


@dataclass
class UsbWorld:
    world: World
    device: UsbDevice[Any]
    backend: UsbBackend
    port: Port

    async def host(self, work: Callable[[Any], T]) -> T:
        """Let a host with a claimed handle do `work` in a thread of its own."""

        def run() -> T:
            found = self.found()
            try:
                found.detach_kernel_driver(0)
                found.set_configuration()
                return work(found)
            finally:
                usb.util.dispose_resources(found)
                if self.device.attached:
                    found.attach_kernel_driver(0)
                    usb.util.dispose_resources(found)

        async with asyncio.timeout(60):
            return await asyncio.to_thread(run)

    def found(self) -> Any:
        found = usb.core.find(idVendor=VENDOR, backend=self.backend)
        assert found is not None
        return found

    async def taken(self, size: int) -> None:
        """Return once the printer has taken `size` bytes since it was made."""
        await self.device.heart.until(lambda: self.device.received_size >= size)

    async def out(self, data: bytes) -> Transfer:
        transfer = Transfer(data=data)
        async with asyncio.timeout(60):
            await self.device.bulk_out(transfer)
        return transfer

    async def reply(self, size_max: int = 1024) -> bytes:
        transfer = Transfer(size_max=size_max)
        async with asyncio.timeout(60):
            await self.device.bulk_in(transfer)
        return bytes(transfer.came)


@asynccontextmanager
async def plugged(**settings: Any) -> AsyncIterator[UsbWorld]:
    async with living(on_usb=True, **settings) as world:
        device = world.emulator.usb_port
        backend = UsbBackend(asyncio.get_running_loop())
        yield UsbWorld(world, device, backend, backend.plug(device))


def ask(host: Any, request: bytes = ASK_MODEL, timeout_ms: int = 5000) -> bytes:
    """One command over the bulk pipes; return the whole reply."""
    assert host.write(BULK_OUT, request, timeout_ms) == len(request)
    return bytes(host.read(BULK_IN, 1024, timeout_ms))


def in_loop(test: Callable[..., Any]) -> Callable[..., None]:
    """Run a test that waits in an event loop of its own, for 90 s at most."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*arguments, **named), 90))

    return run
