"""umockdev, where it is installed, and the processes that play kernel and host."""

from __future__ import annotations

import asyncio
import ctypes.util
import functools
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SYSTEM_PYTHON = "/usr/bin/python3"
BINDINGS = "import gi; gi.require_version('UMockdev', '1.0')"
PRELOAD = "libumockdev-preload.so.0"


@functools.cache
def umockdev_there() -> bool:
    """Its bindings for the system's Python, and a libusb to play with."""
    if not Path(SYSTEM_PYTHON).exists() or not ctypes.util.find_library("usb-1.0"):
        return False
    done = subprocess.run([SYSTEM_PYTHON, "-c", BINDINGS], capture_output=True)
    return done.returncode == 0


@dataclass
class Process:
    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, *command: str, **environ: str) -> Process:
        return cls(
            await asyncio.create_subprocess_exec(
                *command,
                cwd=ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().rstrip("\n")

    async def ask(self, *request: object):
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return json.loads(await self.line())

    async def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            return await asyncio.wait_for(self.process.wait(), 30)
        except TimeoutError:
            self.process.kill()
            raise
