"""A rig is a printer family on a link: what makes its driver, and what its bench does.

The cases know no family: they ask `Driver` alone, and the physical truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from protocols.contract import Driver, EndOfStream, PrinterClass, Transport
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS as EVOLIS_MODELS
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS as MAGICARD_MODELS
from protocols.transports.tcp import TcpTransport
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import UsbError
from protocols.vocabulary import StateReason
from simulators.faults import FaultKind
from simulators.links.usbip import UsbipServer
from tests.conformance.libusb_link import LibusbLink, LibusbProcess
from tests.conformance.usbip_bus import UsbipBus
from tests.simulators.emulator_world import World, living, refused
from tests.simulators.umockdev_world import (
    PRELOAD,
    SYSTEM_PYTHON,
    Process,
    umockdev_there,
)
from tests.simulators.usb_world import UsbWorld, plugged

ANSWERS_WITHIN_S = 20.0


@dataclass(frozen=True)
class Family:
    """`reasons`: the words its sources give for a fault; no row: they give none."""

    name: str
    emulated: str  # the emulator's model
    configured: str  # the driver's name for it
    another: str  # a model that it is not
    serial: str
    driver: Callable[[str, Transport], Driver]
    reasons: Mapping[FaultKind, StateReason]


def _evolis(model: str, transport: Transport) -> Driver:
    return EvolisDriver(EVOLIS_MODELS[model], transport, session_id=7)


def _magicard(model: str, transport: Transport) -> Driver:
    return MagicardDriver(MAGICARD_MODELS[model], transport)


EVOLIS = Family(
    name="evolis",
    emulated="Primacy",
    configured="Primacy",
    another="Zenius",
    serial="E100000",
    driver=_evolis,
    reasons={
        FaultKind.HOPPER_EMPTY: StateReason.MEDIA_EMPTY,
        FaultKind.COVER_OPEN: StateReason.COVER_OPEN,
        FaultKind.RIBBON_ENDED: StateReason.RIBBON_EMPTY,
        FaultKind.JAM_PATH: StateReason.MEDIA_JAM,
        FaultKind.JAM_EXIT: StateReason.MEDIA_JAM,
        FaultKind.STUCK_HALF_PRINTED: StateReason.MEDIA_JAM,
        FaultKind.RIBBON_BROKEN: StateReason.RIBBON_BROKEN,
        FaultKind.WRONG_RIBBON: StateReason.WRONG_RIBBON,
        FaultKind.HEAD_HOT: StateReason.OVER_TEMPERATURE,
        FaultKind.OUTPUT_FULL: StateReason.OUTPUT_AREA_FULL,
    },
)
MAGICARD = Family(
    name="magicard",
    emulated="Tango 2e",
    configured="Tango 2e two-sided",
    another="Enduro",
    serial="M100000",
    driver=_magicard,
    reasons={
        FaultKind.HOPPER_EMPTY: StateReason.MEDIA_NEEDED,
        FaultKind.FEED_FAILURE: StateReason.MEDIA_NEEDED,
    },
)


@dataclass
class Through:
    """A transport that hands everything on as it is; `contract.Transport`."""

    inner: Transport

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def exchange_per_connection(self) -> bool:
        return self.inner.exchange_per_connection

    @property
    def beside(self) -> PrinterClass | None:
        return self.inner.beside

    async def open(self) -> None:
        await self.inner.open()

    async def write(self, data: bytes) -> None:
        await self.inner.write(data)

    async def finish(self) -> None:
        await self.inner.finish()

    async def read(self, size_max: int) -> bytes | EndOfStream:
        return await self.inner.read(size_max)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Wire(Through):
    """A TCP link that counts what is written, and can be cut after so many bytes."""

    bench: TcpBench

    async def write(self, data: bytes) -> None:
        bench = self.bench
        left = bench.cut_at - bench.written if bench.cut_at is not None else len(data)
        if left < len(data):
            await self.inner.write(data[:left])
            bench.cut_at = None
            await bench.world.do(do="fault", kind="link-cut")
            data = data[left:]
        await self.inner.write(data)
        bench.written += len(data)


Read: TypeAlias = Callable[[int], Awaitable[bytes | EndOfStream]]
Bend: TypeAlias = Callable[[Read, int], Awaitable[bytes | EndOfStream]]


@dataclass
class Bent(Through):
    """A link on which what comes is as `bench.bend` has it, when there is one."""

    bench: Bench

    async def read(self, size_max: int) -> bytes | EndOfStream:
        bend = self.bench.bend
        if bend is None:
            return await self.inner.read(size_max)
        return await bend(self.inner.read, size_max)


@dataclass
class TcpBench:
    world: World
    written: int = 0
    cut_at: int | None = None

    def link(self, serial: str) -> Transport:
        del serial
        return Wire(TcpTransport("127.0.0.1", self.world.port), self)

    def sent_size(self) -> int:
        return self.written

    def cut_after(self, size: int) -> None:
        """At most `size` more bytes reach the printer."""
        self.cut_at = self.written + size

    async def mend(self) -> None:
        await self.world.do(do="clear", kind="link-cut")

    async def there(self) -> None:
        while refused(self.world.port):
            await asyncio.sleep(0)


@dataclass
class UsbBench:
    """The printer as a USB device; here on the bus of this process."""

    plug: UsbWorld

    @property
    def world(self) -> World:
        return self.plug.world

    def link(self, serial: str) -> Transport:
        address = UsbAddress.parse(uri_of(serial))
        return UsbTransport(address, self.plug.backend)

    def sent_size(self) -> int:
        return self.plug.device.received_size

    def cut_after(self, size: int) -> None:
        self.plug.device.unplug_after(size)

    async def mend(self) -> None:
        self.plug.device.replug()

    async def there(self) -> None:
        await self.plug.device.heart.until(lambda: self.plug.device.attached)


@dataclass
class UsbipBench(UsbBench):
    """Imported over USB/IP by a bus of this process."""

    bus: UsbipBus

    def link(self, serial: str) -> Transport:
        return UsbTransport(UsbAddress.parse(uri_of(serial)), self.bus)

    async def there(self) -> None:
        self.bus.detach()  # a new device is imported anew
        while not await asyncio.to_thread(self.bus.attach):
            pass


@dataclass
class UmockdevBench(UsbBench):
    """Imported by the usbfs that umockdev plays, for a process with real libusb."""

    process: LibusbProcess

    def link(self, serial: str) -> Transport:
        return LibusbLink(self.process, uri_of(serial))

    async def there(self) -> None:
        # The old device may still be shown, and a new one has not come yet.
        await super().there()
        while not await self._seen():
            pass

    async def _seen(self) -> bool:
        try:
            return bool(await self.process.done(0, "there"))
        except UsbError:
            return False  # without a device there is no bus either


def uri_of(serial: str) -> str:
    return f"usb://?serial={serial}"


@asynccontextmanager
async def _tcp(**settings: Any) -> AsyncIterator[TcpBench]:
    async with living(**settings) as world:
        yield TcpBench(world)


@asynccontextmanager
async def _usb_backend(**settings: Any) -> AsyncIterator[UsbBench]:
    async with plugged(**settings) as plug:
        yield UsbBench(plug)


@asynccontextmanager
async def _usbip(**settings: Any) -> AsyncIterator[UsbBench]:
    async with plugged(**settings) as plug:
        server = UsbipServer(plug.device)
        bus = UsbipBus(await server.open("127.0.0.1", 0))
        try:
            yield UsbipBench(plug, bus)
        finally:
            bus.detach()
            await server.close()


@asynccontextmanager
async def _umockdev(**settings: Any) -> AsyncIterator[UsbBench]:
    async with plugged(**settings) as plug:
        server = UsbipServer(plug.device)
        port = await server.open("127.0.0.1", 0)
        usbfs = await Process.start(
            *(SYSTEM_PYTHON, "-m", "simulators.links.umockdev", f"127.0.0.1:{port}"),
            LD_PRELOAD=PRELOAD,  # else it begins once more
        )
        testbed = (await usbfs.line()).removeprefix("testbed ")
        process = await LibusbProcess.start(LD_PRELOAD=PRELOAD, UMOCKDEV_DIR=testbed)
        bench = UmockdevBench(plug, process)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await bench.there()
            yield bench
        finally:
            await process.end()
            assert await usbfs.end() == 0
            await server.close()


@dataclass
class Bench:
    """One emulated printer on its link."""

    family: Family
    ends: TcpBench | UsbBench
    drivers: list[Driver] = field(default_factory=list)
    bend: Bend | None = None

    @property
    def world(self) -> World:
        return self.ends.world

    def driver(self, model: str | None = None) -> Driver:
        """A new driver, not opened; the bench closes it."""
        link = Bent(self.ends.link(self.family.serial), self)
        made = self.family.driver(model or self.family.configured, link)
        self.drivers.append(made)
        return made

    async def opened(self) -> Driver:
        """The one before is closed."""
        await self.close()
        driver = self.driver()
        await driver.open()
        return driver

    async def close(self) -> None:
        while self.drivers:
            await self.drivers.pop().close()

    async def power_cycle(self) -> None:
        """Off, the link mended, on: returns once it can be reached."""
        await self.close()
        await self.world.do(do="power", on=False)
        await self.ends.mend()
        await self.world.do(do="power", on=True)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await self.ends.there()

    async def clear_path(self) -> None:
        """Let a hand take out what stands inside."""
        for card in await self.moved():
            if card["place"] == "path":
                await self.world.do(do="hand", act="take", **{"from": "path"})

    async def moved(self) -> list[dict[str, Any]]:
        """The cards that have left the hopper, and what became of them."""
        cards = (await self.world.truth())["cards"]
        return [card for card in cards if card["place"] != "hopper"]


Ends: TypeAlias = TcpBench | UsbBench
LINKS: dict[str, Callable[..., AbstractAsyncContextManager[Ends]]] = {
    "tcp": _tcp,
    "usb_backend": _usb_backend,
    "usbip": _usbip,
    "umockdev": _umockdev,
}


@dataclass(frozen=True, eq=False)
class Rig:
    family: Family
    link: str  # a key of LINKS

    def __str__(self) -> str:
        return f"{self.family.name}/{self.link}"

    @property
    def missing(self) -> bool:
        """Whether this machine lacks what the link needs."""
        return self.link == "umockdev" and not umockdev_there()

    @asynccontextmanager
    async def bench(self, **settings: Any) -> AsyncIterator[Bench]:
        """The family's emulator on this link, in this process, in no time."""
        family = self.family
        settings |= {"family": family.name, "model": family.emulated}
        async with AsyncExitStack() as stack:
            ends = await stack.enter_async_context(LINKS[self.link](**settings))
            bench = Bench(family, ends)
            stack.push_async_callback(bench.close)
            yield bench


RIGS = [Rig(family, link) for family in (EVOLIS, MAGICARD) for link in LINKS]
IN_PROCESS = [rig for rig in RIGS if rig.link in ("tcp", "usb_backend")]
"""Where nothing but the link differs: for what is asked of a family's cards."""
