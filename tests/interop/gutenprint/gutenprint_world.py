"""Debian's Gutenprint as it is: its filter makes jobs, its backend sends them by USB.

Both are run as CUPS runs them. The backend has real libusb, and under it umockdev with
the emulated printer for a USB device.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from simulators.links.usbip import UsbipServer
from tests.simulators.magicard_world import MagicardWorld, magicard

ROOT = Path(__file__).parents[3]
FILTER = Path("/usr/lib/cups/filter/rastertogutenprint.5.3")
DRIVER = Path("/usr/lib/cups/driver/gutenprint.5.3")
BACKEND = Path("/usr/lib/cups/backend/gutenprint53+usb")
SYSTEM_PYTHON = "/usr/bin/python3"
BINDINGS = "import gi; gi.require_version('UMockdev', '1.0')"
URI = "gutenprint53+usb://magicard-tango2e/M100000"
SIZE = (1016, 642)
RUN_S = 15.0


def missing() -> str:
    """What these programs lack here; empty: nothing."""
    for program in (FILTER, DRIVER, BACKEND):
        if not program.exists():
            return str(program)
    there = Path(SYSTEM_PYTHON).exists() and (
        subprocess.run([SYSTEM_PYTHON, "-c", BINDINGS], capture_output=True).returncode
        == 0
    )
    return "" if there else "umockdev's bindings"


def card_picture(text: str) -> Image.Image:
    """A card in landscape with every colour, grey steps, a black box and a text."""
    made = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(made)
    for number, colour in enumerate(("red", "lime", "blue", "cyan", "magenta")):
        draw.rectangle((number * 60, 0, number * 60 + 50, 90), fill=colour)
    for step in range(64):
        grey = (step * 4,) * 3
        draw.rectangle((300 + step * 8, 150, 307 + step * 8, 200), fill=grey)
    draw.rectangle((700, 300, 900, 400), fill="black")
    draw.text((100, 400), text, fill="black", font_size=90)
    return made


def as_printed(given: Image.Image) -> Image.Image:
    """What six bits a dot leave of a picture."""
    table = [255 - (255 - value) // 4 * 255 // 63 for value in range(256)]
    return given.point(table * 3)


def job(folder: Path, model: str, sides: Sequence[Image.Image], *options: str) -> bytes:
    """Let the filter make a job of pictures, as CUPS would have it do."""
    name = f"gutenprint.5.3://magicard-{model}/expert"
    ppd = folder / f"{model}.ppd"
    made = subprocess.run([DRIVER, "cat", name], capture_output=True, check=True)
    ppd.write_bytes(made.stdout)
    pages = [side.transpose(Image.Transpose.ROTATE_270) for side in sides]
    raster = b"RaS3" + b"".join(
        _page_header(page, duplex=len(pages) > 1) + page.tobytes() for page in pages
    )
    run = subprocess.run(
        [FILTER, "1", "user", "card", "1", " ".join(("ColorModel=RGB", *options))],
        input=raster,
        env={**os.environ, "PPD": str(ppd)},
        capture_output=True,
        check=True,
        timeout=RUN_S,
    )
    return run.stdout


def _page_header(page: Image.Image, *, duplex: bool) -> bytes:
    """The header of a page of CUPS raster, version 2, as the format is published."""
    width, height = page.size
    points = (161, 243)
    head = bytes(256) + struct.pack(">5I", 0, 0, 0, 0, duplex)
    head += struct.pack(">2I4I5I", 300, 300, 0, 0, *points, 0, 0, 0, 0, 0)
    head += struct.pack(">8I2I3I", 0, 0, 0, 0, 0, 1, 0, 0, *points, 0, 0, 0)
    head += struct.pack(">12I", width, height, 0, 8, 24, width * 3, 0, 1, 0, 0, 0, 0)
    head += struct.pack(">I7f", 3, 1, 161.28, 243.84, 0, 0, 161.28, 243.84)
    return head + bytes(64 + 64 + 1024 + 128) + b"w155h244".ljust(64, b"\0")


@dataclass
class Desk:
    """A printer on USB, and the backend's way to it."""

    printer: MagicardWorld
    testbed: str
    folder: Path

    async def backend(self, *arguments: str, **environ: str) -> str:
        """Run the backend; return all it says, on both its ways."""
        process = await asyncio.create_subprocess_exec(
            BACKEND,
            *arguments,
            env={
                **os.environ,
                "LD_PRELOAD": "libumockdev-preload.so.0",
                "UMOCKDEV_DIR": self.testbed,
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), RUN_S)
        except TimeoutError:
            process.kill()
            raise
        return said.decode("latin-1")

    async def print(self, job: bytes) -> str:
        """Send a job as CUPS would; return what the backend says."""
        path = self.folder / "job.prn"
        path.write_bytes(job)
        arguments = ("1", "user", "card", "1", "", str(path))
        said = await self.backend(*arguments, DEVICE_URI=URI)
        await self.printer.idle()
        await self.printer.world.emulator.gallery.drawn()
        return said

    def face(self, side: str = "front", card: int = 1) -> Image.Image:
        """The picture that lies on a card."""
        with Image.open(self.folder / "cards" / f"card-{card:06d}-{side}.png") as face:
            return face.convert("RGB")


@asynccontextmanager
async def desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    """An emulated printer, found in sysfs by who looks through umockdev."""
    settings = {"cards_directory": folder / "cards", **settings}
    async with magicard(on_usb=True, **settings) as printer:
        server = UsbipServer(printer.world.emulator.usb_port)
        port = await server.open("127.0.0.1", 0)
        usbfs = await asyncio.create_subprocess_exec(
            *(SYSTEM_PYTHON, "-m", "simulators.links.umockdev", f"127.0.0.1:{port}"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert usbfs.stdin is not None
        assert usbfs.stdout is not None
        try:
            line = (await usbfs.stdout.readline()).decode().strip()
            made = Desk(printer, line.removeprefix("testbed "), folder)
            while URI not in await made.backend():
                pass  # the printer is not plugged in yet
            yield made
        finally:
            usbfs.stdin.close()
            await asyncio.wait_for(usbfs.wait(), RUN_S)
            await server.close()
