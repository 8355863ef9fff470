"""How long a person waits for `blanko --help`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure

_RUNS_COUNT = 11


def measure(_folder: Path) -> Iterator[Figure]:
    """The installed command where there is one, else the same as a module."""
    command = Path(sys.executable).with_name("blanko")
    blanko = [str(command)] if command.exists() else [sys.executable, "-m", "agent"]
    yield Figure(
        f"`blanko --help`, median of {_RUNS_COUNT}",
        "ms",
        _median_ms([*blanko, "--help"]),
        "Python that does nothing",
        _median_ms([sys.executable, "-c", ""]),
        goal=100,
    )


def _median_ms(arguments: list[str]) -> float:
    def once() -> float:
        begin = time.monotonic()
        subprocess.run(arguments, check=True, capture_output=True, timeout=20)
        return (time.monotonic() - begin) * 1000

    once()
    return statistics.median(once() for _ in range(_RUNS_COUNT))
