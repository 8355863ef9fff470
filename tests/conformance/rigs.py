"""A rig is a printer family on a link: what makes its driver, and what its bench does.

The cases know no family: they ask `Driver` alone, and the physical truth.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from protocols.contract import Driver, EndOfStream, PrinterClass, Transport
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS as EVOLIS_MODELS
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS as MAGICARD_MODELS
from protocols.transports.tcp import TcpTransport
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.vocabulary import StateReason
from simulators.faults import FaultKind
from tests.simulators.emulator_world import World, living, refused
from tests.simulators.usb_world import UsbWorld, plugged

ANSWERS_WITHIN_S = 10.0


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
    },
)
MAGICARD = Family(
    name="magicard",
    emulated="Tango 2e",
    configured="Tango 2e two-sided",
    another="Enduro",
    serial="M100000",
    driver=_magicard,
    reasons={FaultKind.HOPPER_EMPTY: StateReason.MEDIA_NEEDED},
)


@dataclass
class Wire(Transport):
    """A TCP link that counts what is written, and can be cut after so many bytes."""

    inner: TcpTransport
    bench: TcpBench

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
        bench = self.bench
        left = bench.cut_at - bench.written if bench.cut_at is not None else len(data)
        if left < len(data):
            await self.inner.write(data[:left])
            bench.cut_at = None
            await bench.world.do(do="fault", kind="link-cut")
            data = data[left:]
        await self.inner.write(data)
        bench.written += len(data)

    async def finish(self) -> None:
        await self.inner.finish()

    async def read(self, size_max: int) -> bytes | EndOfStream:
        return await self.inner.read(size_max)

    async def close(self) -> None:
        await self.inner.close()


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
    plug: UsbWorld

    @property
    def world(self) -> World:
        return self.plug.world

    def link(self, serial: str) -> Transport:
        address = UsbAddress.parse(f"usb://?serial={serial}")
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
class Bench:
    """One emulated printer on its link."""

    family: Family
    ends: TcpBench | UsbBench
    drivers: list[Driver] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.ends.world

    def driver(self, model: str | None = None) -> Driver:
        """A new driver, not opened; the bench closes it."""
        link = self.ends.link(self.family.serial)
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

    async def moved(self) -> list[dict[str, Any]]:
        """The cards that have left the hopper, and what became of them."""
        cards = (await self.world.truth())["cards"]
        return [card for card in cards if card["place"] != "hopper"]


@dataclass(frozen=True)
class Rig:
    family: Family
    link: str  # tcp or usb

    def __str__(self) -> str:
        return f"{self.family.name}/{self.link}"

    @asynccontextmanager
    async def bench(self, **settings: Any) -> AsyncIterator[Bench]:
        """The family's emulator on this link, in this process, in no time."""
        family = self.family
        settings |= {"family": family.name, "model": family.emulated}
        async with AsyncExitStack() as stack:
            ends: TcpBench | UsbBench
            if self.link == "usb":
                ends = UsbBench(await stack.enter_async_context(plugged(**settings)))
            else:
                ends = TcpBench(await stack.enter_async_context(living(**settings)))
            bench = Bench(family, ends)
            stack.push_async_callback(bench.close)
            yield bench


RIGS = [Rig(family, link) for family in (EVOLIS, MAGICARD) for link in ("tcp", "usb")]
