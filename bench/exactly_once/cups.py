"""CUPS as Debian ships it: a private cupsd, a raw queue, and its socket backend.

The job is the card as a program of the printer's vendor sends it: feed, panels, eject,
one after another on one connection.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from simulators.demo.children import Child, Children
from simulators.demo.world import World, WorldError
from tests.chaos.wire import CutWire
from tests.conftest import free_port

PANELS = (("y", 256), ("m", 256), ("c", 256), ("k", 2), ("o", 2))
DOTS = 1016 * 648
START_S = 20.0
PATH = "/usr/sbin:/usr/bin:/bin"
PROGRAMS = ("cupsd", "lp", "lpstat", "cupsdisable", "cupsenable")
SPEED = 4.0
WIRE_SIZE_PER_S = 700_000.0

_FILES = """\
ServerRoot {root}
RequestRoot {root}/spool
CacheDir {root}/cache
StateDir {root}/state
TempDir {root}/tmp
ErrorLog {root}/error_log
AccessLog {root}/access_log
PageLog {root}/page_log
{files}"""
_SERVER = """\
Listen 127.0.0.1:{port}
Browsing No
DefaultAuthType None
JobRetryInterval 5
{server}<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  <Limit All>
    Order deny,allow
    Allow all
  </Limit>
</Policy>
"""
_QUEUE = """\
<Printer card>
Info card
DeviceURI socket://127.0.0.1:{port}
State Idle
Accepting Yes
Shared No
ErrorPolicy retry-job
</Printer>
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """Whole lines for cupsd.conf and for cups-files.conf."""

    server: str = ""
    files: str = ""


SHIPPED = Settings()
SAFEST = Settings("DirtyCleanInterval 0\n", "SyncOnClose Yes\n")
"""Each job on disk, and synced, before the next thing happens."""

_GET_JOB_ATTRIBUTES = 0x0009
_COMPLETED = 9  # of job-state, RFC 8011
_JOB_STATE = re.compile(rb"\x23\x00\x09job-state\x00\x04(....)", re.DOTALL)


def card_bytes() -> bytes:
    """One side in every panel: written out by hand, as `Db` takes it."""
    parts = [b"\x1bSs\r\x1bSr\r"]
    for letter, levels in PANELS:
        size = DOTS if levels == 256 else DOTS // 8
        head = f"\x1bDb;{letter};{levels};".encode()
        parts += [head, bytes([0x40]) * size, b"\r"]
    return b"".join([*parts, b"\x1bSe\r"])


def ipp_request(operation: int, job_uri: str) -> bytes:
    """A question about one job, as RFC 8010 writes it."""
    attributes = (
        (0x47, "attributes-charset", "utf-8"),
        (0x48, "attributes-natural-language", "en"),
        (0x45, "job-uri", job_uri),
        (0x44, "requested-attributes", "job-state"),
    )
    parts = [struct.pack(">BBHIB", 2, 0, operation, 1, 0x01)]
    for tag, name, value in attributes:
        parts.append(struct.pack(">BH", tag, len(name)) + name.encode())
        parts.append(struct.pack(">H", len(value)) + value.encode())
    return b"".join([*parts, b"\x03"])


class Cups:
    """`trials.System`, set up as `settings` say."""

    name = "CUPS"

    def __init__(self, folder: Path, children: Children, settings: Settings) -> None:
        self.world = World(folder / "world.sock")
        self.card_size = len(card_bytes())
        self._folder = folder
        self._children = children
        self._settings = settings
        self._port = free_port()
        self._cupsd: Child | None = None
        self._emulator: Child | None = None
        self.wire: CutWire

    async def start(self) -> None:
        if self._emulator is None:
            await self._set_up()
        cupsd = shutil.which("cupsd", path=PATH)
        assert cupsd is not None
        self._cupsd = await self._children.start(
            "cupsd",
            [
                *(cupsd, "-f", "-c", str(self._folder / "cupsd.conf")),
                *("-s", str(self._folder / "cups-files.conf")),
            ],
        )
        async with asyncio.timeout(START_S):
            while (await self._client("lpstat", "-p", "card"))[0] != 0:
                await asyncio.sleep(0.1)

    async def submit(self) -> None:
        status, said = await self._client(
            "lp", "-d", "card", "-o", "raw", str(self._folder / "card.bin")
        )
        assert status == 0, said

    async def pause(self) -> None:
        status, said = await self._client("cupsdisable", "card")
        assert status == 0, said

    async def resume(self) -> None:
        status, said = await self._client("cupsenable", "card")
        assert status == 0, said

    async def kill(self) -> None:
        assert self._cupsd is not None
        self._cupsd.expected_to_end = True
        self._cupsd.process.kill()
        await self._cupsd.process.wait()

    async def end(self) -> None:
        assert self._cupsd is not None
        self._cupsd.expected_to_end = True
        self._cupsd.process.send_signal(signal.SIGTERM)
        await self._cupsd.process.wait()

    async def says(self) -> str:
        _, ended = await self._client("lpstat", "-W", "completed", "-o", "card")
        if "card-1" in ended:
            done = await self._job_state() == _COMPLETED
            return "completed" if done else "given up"
        _, waiting = await self._client("lpstat", "-W", "not-completed", "-o", "card")
        return "waiting" if "card-1" in waiting else "unknown job"

    async def tidy(self) -> None:
        """Take a card out of the path, as its printer would ask to."""
        try:
            if (await self.world.truth())["places"]["path"]:
                await self.world.hand("cover", open=True)
                await self.world.hand("take", **{"from": "path", "to": "reject-bin"})
                await self.world.hand("cover", open=False)
        except WorldError:
            pass

    async def stop(self) -> None:
        for child in (self._cupsd, self._emulator):
            if child is not None:
                await self._children.end(child)
        await self.wire.stop()

    async def _set_up(self) -> None:
        folder = self._folder
        for name in ("spool", "cache", "state", "tmp"):
            (folder / name).mkdir(parents=True)
        self._emulator, port = await start_emulator(self._children, folder)
        self.wire = CutWire(port, WIRE_SIZE_PER_S)
        await self.wire.start()
        (folder / "cups-files.conf").write_text(
            _FILES.format(root=folder, files=self._settings.files)
        )
        (folder / "cupsd.conf").write_text(
            _SERVER.format(port=self._port, server=self._settings.server)
        )
        (folder / "printers.conf").write_text(_QUEUE.format(port=self.wire.port))
        (folder / "card.bin").write_bytes(card_bytes())

    async def _job_state(self) -> int | None:
        """Ask for it over IPP: `lpstat` lists failed jobs among the completed."""
        request = ipp_request(_GET_JOB_ATTRIBUTES, "ipp://localhost/jobs/1")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        head = (
            "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/ipp\r\nContent-Length: {len(request)}\r\n\r\n"
        )
        try:
            writer.write(head.encode() + request)
            found = _JOB_STATE.search(await reader.read())
        finally:
            writer.close()
        return int.from_bytes(found[1], "big") if found else None

    async def _client(self, program: str, *words: str) -> tuple[int, str]:
        path = shutil.which(program, path=PATH)
        assert path is not None, program
        process = await asyncio.create_subprocess_exec(
            path,
            "-h",
            f"127.0.0.1:{self._port}",
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(errors="replace")


async def start_emulator(children: Children, folder: Path) -> tuple[Child, int]:
    """The printer that both systems print on; return it and its port."""
    emulator = await children.start(
        "emulator",
        [
            *(sys.executable, "-m", "simulators", "printer", "evolis"),
            *("--tcp", "127.0.0.1:0", "--hopper", "10", "--ribbon", "YMCKO:50"),
            *("--speed", f"{SPEED:g}", "--control", str(folder / "world.sock")),
        ],
    )
    line = await children.line(emulator, "listening tcp", START_S)
    await children.line(emulator, "control ", START_S)
    found = re.search(r":(\d+)$", line)
    assert found is not None
    return emulator, int(found[1])
