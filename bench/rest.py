"""The agent at rest after ten cards: its memory and its CPU time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.picture import card_png
from bench.station import MAGICARD, running, station
from bench.watch import cpu_s, pss_mib

_CARDS_COUNT = 10
_SETTLE_S = 3.0
_IDLE_S = 20.0
_IDLE_LONG_S, _SETTLE_LONG_S = 60.0, 10.0  # its first looks are no rest
_PEER = "bare asyncio + ssl + sqlite3 + paho process"


def measure(folder: Path) -> Iterator[Figure]:
    """Both processes stand side by side, so that shared pages count alike."""
    with station(folder) as here:
        here.centre.print_cards(card_png(), _CARDS_COUNT)
        bare_arguments = [
            *(sys.executable, "bench/bare_idle.py"),
            *(str(here.broker_port), str(folder / "bare.db")),
        ]
        with running(bare_arguments, folder, "bare") as bare:
            time.sleep(_SETTLE_S)
            yield Figure(
                f"memory at rest after {_CARDS_COUNT} cards (PSS of the agent)",
                "MiB",
                pss_mib(here.agent.pid),
                _PEER,
                pss_mib(bare.pid),
                goal=40,
                peer_ratio_max=1.5,
            )
            yield Figure(
                f"CPU at rest, over {_IDLE_S:g} s, of one core",
                "%",
                *_idle_percent(here.agent, bare),
                goal=0.05,
            )
    with station(_in(folder, "magicard"), make=MAGICARD) as here:
        time.sleep(_SETTLE_LONG_S)
        before_s = cpu_s(here.agent.pid)
        time.sleep(_IDLE_LONG_S)
        used_s = cpu_s(here.agent.pid) - before_s
        yield Figure(
            f"CPU at rest, a Magicard attached over TCP, over {_IDLE_LONG_S:g} s",
            "%",
            used_s / _IDLE_LONG_S * 100,
            goal=0.1,
        )


def _in(folder: Path, name: str) -> Path:
    inner = folder / name
    inner.mkdir()
    return inner


def _idle_percent(
    agent: subprocess.Popen[bytes], bare: subprocess.Popen[bytes]
) -> tuple[float, str, float]:
    before = cpu_s(agent.pid), cpu_s(bare.pid)
    time.sleep(_IDLE_S)
    used = cpu_s(agent.pid) - before[0], cpu_s(bare.pid) - before[1]
    return used[0] / _IDLE_S * 100, _PEER, used[1] / _IDLE_S * 100
