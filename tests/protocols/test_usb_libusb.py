"""Transport and discovery through real libusb, where umockdev plays the kernel."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from tests.agent.test_printer_conformance import config_of
from tests.simulators.test_usb_umockdev import bench, umockdev
from tests.simulators.umockdev_world import PRELOAD, Process
from tests.simulators.usb_world import in_loop, plugged

pytestmark = [pytest.mark.umockdev, pytest.mark.usefixtures(umockdev.__name__)]


async def output_of(usb, *command: str):
    client = await Process.start(
        *(sys.executable, *command), LD_PRELOAD=PRELOAD, UMOCKDEV_DIR=str(usb.testbed)
    )
    async with asyncio.timeout(15):
        answer = json.loads(await client.line())
    assert await client.end() == 0
    return answer


@in_loop
async def test_the_transport_works_through_the_libusb_of_the_system():
    async with bench() as usb:
        await usb.found()
        seen = await output_of(usb, "-m", "tests.protocols.usb_transport_client")
        assert seen["id"].startswith("MFG:EVOLIS;MDL:Primacy;")
        assert seen["port"] == 0x18
        assert (seen["model"], seen["serial"]) == ("PRIMACY", "E100000")
        assert seen["close_s"] < 1
        assert seen["read"] == "closed"


@in_loop
async def test_discover_shows_what_the_system_has_attached():
    async with bench(model="Zenius") as usb:
        await usb.found()
        (one,) = await output_of(usb, "-m", "agent", "printer", "discover", "--json")
        assert one["uri"] == "usb://EVOLIS/Zenius?serial=E100000"
        assert (one["family"], one["model"]) == ("evolis", "Zenius")
        assert (one["confidence"], one["serial"]) == ("high", "E100000")


async def discovered(usb, count: int):
    """What discover shows, once the system shows so many printers."""
    while True:
        words = ("printer", "discover", "--json")
        found = await output_of(usb, "-m", "agent", *words)
        if len(found) == count:
            return found


@in_loop
async def test_both_families_are_discovered_side_by_side():
    async with (
        plugged(family="magicard", model="Alto") as other,
        bench(other) as usb,
    ):
        told = [
            (one["uri"], one["family"], one["model"], one["confidence"], one["note"])
            for one in await discovered(usb, 2)
        ]
        evolis = "usb://EVOLIS/Primacy?serial=E100000"
        magicard = "usb://Magicard/Alto?serial=M100000"
        assert sorted(told) == [
            (evolis, "evolis", "Primacy", "high", ""),
            (magicard, "magicard", "Alto", "high", ""),
        ]


@in_loop
async def test_two_with_one_serial_number_are_told_apart_by_their_sockets():
    async with plugged() as twin, bench(twin) as usb:
        found = await discovered(usb, 2)
        ports = sorted(one["uri"].partition("&port=")[2] for one in found)
        assert ports == ["1-1", "1-2"]
        assert all("told apart by port" in one["note"] for one in found)


@pytest.mark.parametrize(
    ("family", "model", "serial"),
    [("evolis", "Primacy", "E100000"), ("magicard", "Tango 2e", "M100000")],
)
@in_loop
async def test_the_harmless_conformance_is_asked_through_the_libusb_of_the_system(
    tmp_path, family, model, serial
):
    async with bench(family=family, model=model) as usb:
        await discovered(usb, 1)
        config = config_of(tmp_path, f"usb://?serial={serial}", family)
        words = ("printer", "conformance", "--config", str(config), "--json")
        report = await output_of(usb, "-m", "agent", *words)
        assert [one["verdict"] for one in report["cases"]] == ["yes"] * 7
