"""From the start of the process to the first byte of its MQTT CONNECT, warm."""

from __future__ import annotations

import socket
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from agent.journal.store import Store
from bench.figures import Figure
from bench.station import running, write_config

_RUNS_COUNT = 7
_CONNECT = b"\x10"  # first byte of the MQTT packet
_WAIT_S = 20.0


def measure(folder: Path) -> Iterator[Figure]:
    """The broker is a listener that only reads; no printer is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_WAIT_S)
        port = listener.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as unused:
            closed_port = unused.getsockname()[1]
        config = write_config(folder, broker_port=port, printer_port=closed_port)
        state = folder / "state"
        state.mkdir(exist_ok=True)
        Store(state / "journal.db", str(uuid.uuid4())).close()  # no first start
        agent = [sys.executable, "-m", "agent", "run", str(config)]
        bare = [
            sys.executable,
            "bench/bare_idle.py",
            str(port),
            str(folder / "bare.db"),
        ]
        yield Figure(
            f"start to MQTT CONNECT, warm, median of {_RUNS_COUNT}",
            "s",
            _median_s(agent, listener, folder),
            "bare asyncio + ssl + sqlite3 + paho process",
            _median_s(bare, listener, folder),
            goal=0.3,
        )


def _median_s(arguments: list[str], listener: socket.socket, folder: Path) -> float:
    _one_s(arguments, listener, folder)  # makes the state folder, warms the caches
    return statistics.median(
        _one_s(arguments, listener, folder) for _ in range(_RUNS_COUNT)
    )


def _one_s(arguments: list[str], listener: socket.socket, folder: Path) -> float:
    begin = time.monotonic()
    with running(arguments, folder, "started"):
        link, _ = listener.accept()
        with link:
            link.settimeout(_WAIT_S)
            if link.recv(1) != _CONNECT:
                raise RuntimeError(f"{arguments[1:3]} spoke no MQTT")
            return time.monotonic() - begin
