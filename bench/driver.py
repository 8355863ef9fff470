"""The driver: CPU from planes to socket and of a poll; memory of a card."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.picture import card_png
from bench.sink import sink
from bench.station import emulated_printer, station
from bench.watch import forget_peak, peak_mib, rss_mib

_CARD_COUNT = 30
_WARM_COUNT = 5
_QUIET_S = 3.0  # then the agent has given back what the cards before took


def measure(folder: Path) -> Iterator[Figure]:
    with emulated_printer(folder) as printer_port, sink() as sink_port:
        arguments = map(str, (printer_port, sink_port, _CARD_COUNT))
        done = subprocess.run(
            [sys.executable, "-m", "bench.driver_loop", *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=120,
        )
    driven_ms, bare_ms, poll_ms = map(float, done.stdout.split())
    yield Figure(
        f"CPU from the planes of a YMCKO side to the socket, median of {_CARD_COUNT}",
        "ms",
        driven_ms,
        "turn, pack and send each plane",
        bare_ms,
        peer_ratio_max=1.2,
    )
    yield Figure("CPU of a status poll", "ms", poll_ms, goal=1)
    yield from _memory(folder)


def _memory(folder: Path) -> Iterator[Figure]:
    png = card_png()
    with station(folder) as here:
        here.centre.print_cards(png, _WARM_COUNT)
        time.sleep(_QUIET_S)
        idle_mib = rss_mib(here.agent.pid)
        forget_peak(here.agent.pid)
        here.centre.print_cards(png, 1)
        yield Figure(
            f"peak memory of a card from a PNG of {len(png) // 1000} kB, above rest",
            "MiB",
            peak_mib(here.agent.pid) - idle_mib,
            goal=12,
        )
