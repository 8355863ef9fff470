"""Real libusb and pyusb, in a process of their own, on the printer's emulated usbfs."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.links.usbip import UsbipServer
from tests.conftest import needs
from tests.simulators.umockdev_world import (
    PRELOAD,
    SYSTEM_PYTHON,
    Process,
    umockdev_there,
)
from tests.simulators.usb_world import UsbWorld, in_loop, plugged

ASK_MODEL, ASK_SERIAL = b"\x1bRtp\r".hex(), b"\x1bRsn\r".hex()
MODEL = b"PRIMACY\0".hex()

GONE = {"code": -4, "errno": 19}
BUSY = {"code": -6, "errno": 16}
LATE = {"code": -7, "errno": 110}
BABBLE = {"code": -8, "errno": 75}
HALTED = {"code": -9, "errno": 32}

pytestmark = pytest.mark.umockdev


@pytest.fixture(scope="module", autouse=True)
def umockdev():
    needs("umockdev or libusb", SYSTEM_PYTHON if umockdev_there() else None)


@dataclass
class Bench(UsbWorld):
    """A printer, usbfs, and a client that has not looked yet."""

    client: Process
    testbed: Path

    async def asked(self, request=ASK_MODEL):
        assert await self.client.ask("write", request) == len(request) // 2
        return await self.client.ask("read")

    async def found(self):
        """What the client finds, once it finds anything."""
        while (found := await self.client.ask("find")) is None:
            pass
        return found


@asynccontextmanager
async def exported(*plugs):
    """Their USB ports, as addresses of USB/IP."""
    servers = [UsbipServer(plug.device) for plug in plugs]
    try:
        yield [f"127.0.0.1:{await one.open('127.0.0.1', 0)}" for one in servers]
    finally:
        for one in servers:
            await one.close()


@asynccontextmanager
async def bench(*others, **settings):
    """`others`: printers in the sockets behind the first."""
    async with plugged(**settings) as plug, exported(plug, *others) as addresses:
        usbfs = await Process.start(
            *(SYSTEM_PYTHON, "-m", "simulators.links.umockdev", *addresses)
        )
        testbed = (await usbfs.line()).removeprefix("testbed ")
        client = await Process.start(
            *(sys.executable, "-m", "tests.simulators.pyusb_client"),
            LD_PRELOAD=PRELOAD,
            UMOCKDEV_DIR=testbed,
        )
        try:
            yield Bench(
                plug.world, plug.device, plug.backend, plug.port, client, Path(testbed)
            )
        finally:
            assert await client.end() == 0
            assert await usbfs.end() == 0


@in_loop
async def test_libusb_finds_it_takes_it_from_usblp_and_talks_to_it():
    async with bench() as on:
        assert await on.client.ask("find") == ["EVOLIS", "Primacy", "E100000", 2, 3]
        assert await on.client.ask("usblp") is True
        assert await on.client.ask("claim") == BUSY
        await on.client.ask("take")
        assert await on.client.ask("usblp") is False
        assert (await on.asked()).startswith(MODEL)
        identity = bytes.fromhex(await on.client.ask("control", 0xA1, 0, 0, 0, 1023))
        assert identity[2:] == b"MFG:EVOLIS;MDL:Primacy;CLS:PRINTER;"
        assert await on.client.ask("control", 0xA1, 1, 0, 0, 1) == "18"
        assert await on.client.ask("soft_reset") == 0
        assert await on.client.ask("control", 0xC0, 0x51, 0, 0, 8) == HALTED
        await on.client.ask("leave")
        assert await on.client.ask("usblp") is False


@in_loop
async def test_libusb_names_the_troubles_of_the_link():
    async with bench() as on:
        await on.client.ask("find")
        await on.client.ask("take")
        assert await on.client.ask("read", 64, 50) == LATE
        await on.client.ask("write", ASK_MODEL)
        assert await on.client.ask("read", 5) == BABBLE
        await on.world.do(do="fault", kind="usb-nak")
        assert await on.client.ask("zeros", 5000, 100) == LATE
        assert on.device.received_size == len(ASK_MODEL) // 2
        await on.world.do(do="clear", kind="usb-nak")
        await on.world.do(do="fault", kind="usb-stall")
        assert await on.client.ask("zeros", 5000) == HALTED
        await on.client.ask("clear_halt", 1)
        assert (await on.asked()).startswith(MODEL)
        await on.world.do(do="fault", kind="usb-stall")
        assert await on.client.ask("zeros", 5000) == HALTED
        assert await on.client.ask("reset") is None
        assert (await on.asked()).startswith(MODEL)


@in_loop
async def test_a_write_that_ends_late_tells_how_much_the_printer_has():
    async with bench() as on:
        await on.client.ask("find")
        await on.client.ask("take")
        await on.world.do(do="fault", kind="usb-partial")
        taken = await on.client.ask("zeros", 100_000, 200)
        assert 0 < taken == on.device.received_size < 100_000


@in_loop
async def test_an_unplugged_printer_is_gone_and_a_new_one_comes():
    async with bench() as on:
        await on.client.ask("find")
        await on.client.ask("take")
        on.device.unplug_after(70_000)
        assert await on.client.ask("zeros", 1_000_000) == GONE
        assert on.device.received_size == 70_000
        for request in (["zeros", 10], ["read"], ["control", 0xA1, 1, 0, 0, 1]):
            assert await on.client.ask(*request) == GONE
        await on.client.ask("leave")
        while await on.client.ask("find") is not None:
            pass
        on.device.replug()
        assert await on.found() == ["EVOLIS", "Primacy", "E100000", 3, 3]
        assert await on.client.ask("usblp") is True
        await on.client.ask("take")
        assert (await on.asked(ASK_SERIAL)).startswith(b"E100000\0".hex())


@in_loop
async def test_a_read_under_way_ends_with_the_cable():
    async with bench() as on:
        await on.client.ask("find")
        await on.client.ask("take")
        reading = asyncio.create_task(on.client.ask("read", 64, 0))
        while not on.device._in.locked():
            await asyncio.sleep(0)
        await on.world.do(do="fault", kind="link-cut")
        assert await reading == GONE


@in_loop
async def test_what_it_played_with_is_removed_at_the_end():
    async with bench() as on:
        assert on.testbed.is_dir()
    assert not on.testbed.exists()
