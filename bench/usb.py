"""How fast a USB printer is fed, and what it costs while nothing is asked of it.

Real libusb, on a usbfs that umockdev plays; the printer is the emulator, which is asked
by USB/IP. The kernel's part is not measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure

SYSTEM_PYTHON = "/usr/bin/python3"  # umockdev's bindings are there alone
_COUNT = 25


def measure(folder: Path) -> Iterator[Figure]:
    """Raises LookupError where umockdev is not installed."""
    with ExitStack() as stack, (folder / "usb.log").open("w") as log:

        def start(*command: str) -> str:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # usbfs ends with it
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            assert process.stdout is not None
            return process.stdout.readline().strip()

        listening = start(
            *(sys.executable, "-m", "simulators", "printer", "evolis", "--instant"),
            *("--usbip", "127.0.0.1:0"),
        )
        port = listening.rsplit(":", 1)[-1]
        testbed = start(
            SYSTEM_PYTHON, "-m", "simulators.links.umockdev", f"127.0.0.1:{port}"
        )
        if not testbed.startswith("testbed "):
            raise LookupError("umockdev is not there: scripts/deps brings it")
        ours_ms, raw_ms, rest = _looped(testbed.removeprefix("testbed "))
    yield Figure(
        f"USB, bulk OUT by the transport, best of {_COUNT}",
        "ms a MiB",
        ours_ms,
        "raw pyusb loop, 64 KiB a write",
        raw_ms,
        peer_ratio_max=1.25,
    )
    yield Figure("USB, CPU of an open transport at rest", "%", rest, goal=0.1)


def _looped(testbed: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.usb_loop", str(_COUNT)],
        env=os.environ
        | {"LD_PRELOAD": "libumockdev-preload.so.0", "UMOCKDEV_DIR": testbed},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-400:])
    return [float(line) for line in done.stdout.split()]
