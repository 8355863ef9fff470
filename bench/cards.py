"""One PNG card: CPU of the agent, and the time to the printer's first byte."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.centre import Centre
from bench.figures import Figure
from bench.picture import card_png
from bench.sink import sink
from bench.station import emulated_printer, station
from bench.tap import Tap
from bench.watch import cpu_s

_WARM_COUNT = 3
_CPU_COUNT = 20
_TIMED_COUNT = 15
_PAUSE_S = 0.3  # between timed cards: the agent is at rest when the next one comes
_CLAIM = b"\x1bPsid;"  # the first command of a card's way; idle polling has none
_PANEL = b"\x1bDb;"


def measure(folder: Path) -> Iterator[Figure]:
    """The printer is instant, and a tap notes when its bytes come."""
    png = card_png()
    (folder / "card.png").write_bytes(png)
    with (
        emulated_printer(folder) as port,
        Tap(port) as tap,
        station(folder, printer_port=tap.port) as here,
    ):
        here.centre.print_cards(png, _WARM_COUNT)
        before_s = cpu_s(here.agent.pid)
        here.centre.print_cards(png, _CPU_COUNT)
        used_ms = (cpu_s(here.agent.pid) - before_s) * 1000 / _CPU_COUNT
        yield Figure(
            f"CPU a card from a PNG of {len(png) // 1000} kB, mean of {_CPU_COUNT}",
            "ms",
            used_ms,
            "bare loop: fsync, decode, panels, send",
            _bare_loop_ms(folder),
            peer_ratio_max=1.5,
        )
        yield from _first_bytes(here.centre, tap, png)


def _first_bytes(centre: Centre, tap: Tap, png: bytes) -> Iterator[Figure]:
    claims_ms, panels_ms = [], []
    for _ in range(_TIMED_COUNT):
        time.sleep(_PAUSE_S)
        job_id, sealed = centre.seal(png)
        at = centre.publish(sealed)
        centre.wait(job_id)
        claims_ms.append((tap.first_after(at, _CLAIM) - at) * 1000)
        panels_ms.append((tap.first_after(at, _PANEL) - at) * 1000)
    of = f"median of {_TIMED_COUNT}"
    claim_ms, panel_ms = statistics.median(claims_ms), statistics.median(panels_ms)
    yield Figure(f"publish to the printer's first byte, {of}", "ms", claim_ms, goal=60)
    yield Figure(f"publish to the first byte of a panel, {of}", "ms", panel_ms)


def _bare_loop_ms(folder: Path) -> float:
    """CPU milliseconds a card of the bare loop, sending to a sink in this process."""
    with sink() as port:
        done = subprocess.run(
            [
                *(sys.executable, "bench/bare_loop.py", str(port)),
                *(str(folder / "card.png"), str(_CPU_COUNT), str(folder)),
            ],
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        )
    return float(done.stdout)
