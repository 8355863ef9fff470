"""The journal: commits and fsyncs a card, and what its age costs.

`python -m bench ledger` writes 100,000 cards (1.1 million events), some minutes.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from agent.clock import ThreadExecutor
from agent.journal.verify import Verdict, verify
from bench.figures import Figure
from bench.history import add_cards, open_journal, print_card
from bench.picture import card_png
from bench.station import running, station, write_config
from bench.watch import pss_mib

_TIMED_COUNT = 100  # cards
_ADDED_COUNT = 400  # cards
_SEALED_SIZE = 840_000  # bytes: a picture of 628 kB in its envelope
_YOUNG_COUNT, _OLD_COUNT = 1_000, 100_000  # cards before those that are timed
_EVENTS = 100_000
_OFFLINE_CARDS = 31 * 400
_WAIT_S = 60.0
_SETTLE_S = 3.0
_DRAINED = 20_000  # events


def measure(folder: Path) -> Iterator[Figure]:
    """One journal grows; the others are copies of it on the way."""
    yield from _fsyncs(folder / "fsyncs")
    yield from asyncio.run(_added(folder / "added.db"))
    yield from asyncio.run(_ages(folder))
    yield from _of_many(folder)


def _fsyncs(folder: Path) -> Iterator[Figure]:
    """Attach strace to an agent at work, for a hundred cards."""
    if shutil.which("strace") is None:
        raise RuntimeError("no strace here, so fsyncs cannot be counted")
    folder.mkdir()
    png = card_png()
    with station(folder) as here:
        here.centre.print_cards(png, 3)
        traced = folder / "strace.txt"
        command = ["strace", "-f", "-e", "trace=fsync,fdatasync", "-o", str(traced)]
        with subprocess.Popen(
            [*command, "-p", str(here.agent.pid)], stderr=subprocess.DEVNULL
        ) as strace:
            time.sleep(1)
            here.centre.print_cards(png, _TIMED_COUNT)
            time.sleep(1)
            strace.send_signal(signal.SIGINT)
            strace.wait()
        calls = re.findall(r"(?:fsync|fdatasync)\(", traced.read_text())
    yield Figure(
        f"fsync and fdatasync a card, acceptance to close, {_TIMED_COUNT} cards",
        "calls",
        len(calls) / _TIMED_COUNT,
        "CUPS, from docs: none, and it forgets jobs",
        goal=8,
    )


async def _added(path: Path) -> list[Figure]:
    """What the ledger costs a card: the printer waits for each commit, and the erasing.

    In a thread, as in the daemon, and with a message of the size that a card has.
    """
    executor = ThreadExecutor("journal")
    journal = await open_journal(path, executor)
    await journal.load_stock(_ADDED_COUNT)
    sealed = os.urandom(_SEALED_SIZE)
    cards = range(1, _ADDED_COUNT + 1)
    waits_ms = [1000 * await print_card(journal, card, sealed) for card in cards]
    await journal.close()
    executor.close()
    added = statistics.quantiles(waits_ms, n=100)[98]
    return [
        Figure(
            f"time that the ledger adds to a card, p99 of {_ADDED_COUNT}",
            "ms",
            added,
            "its median",
            statistics.median(waits_ms),
            goal=50,
        )
    ]


async def _ages(folder: Path) -> list[Figure]:
    path = folder / "journal.db"
    journal = await open_journal(path)
    await add_cards(journal, 1, _YOUNG_COUNT)
    await journal.load_stock(3 * _TIMED_COUNT)
    version = journal.changed.version
    young = await _ms_a_card(journal, _YOUNG_COUNT + 1)
    commits = (journal.changed.version - version) / _TIMED_COUNT
    events = journal.head().no / (_YOUNG_COUNT + _TIMED_COUNT)
    size = path.stat().st_size / (_YOUNG_COUNT + _TIMED_COUNT)
    many = round(_EVENTS / events) - _YOUNG_COUNT
    await add_cards(journal, 10_000, many)
    await journal.close()
    shutil.copy(path, folder / "many.db")
    journal = await open_journal(path)
    await add_cards(journal, 100_000, _OLD_COUNT - _YOUNG_COUNT - many)
    old = await _ms_a_card(journal, 900_000)
    await journal.close()
    return [
        Figure("commits a card, acceptance to close", "commits", commits, goal=6),
        Figure(
            f"journal's time a card after {_OLD_COUNT} cards (no picture)",
            "ms",
            old,
            f"the same after {_YOUNG_COUNT} cards",
            young,
            peer_ratio_max=1.3,
        ),
        Figure(
            f"journal of 31 days offline at 400 cards, {events:.1f} events each",
            "MB",
            size * _OFFLINE_CARDS / 1e6,
            goal=256,
        ),
    ]


async def _ms_a_card(journal: object, first: int) -> float:
    begin = time.monotonic()
    for number in range(first, first + _TIMED_COUNT):
        await print_card(journal, number)  # type: ignore[arg-type] # a Journal
    return (time.monotonic() - begin) * 1000 / _TIMED_COUNT


def _of_many(folder: Path) -> Iterator[Figure]:
    many = folder / "many.db"
    begin_s, begin_cpu_s = time.monotonic(), time.process_time()
    report = verify(many)
    used_s, cpu_s = time.monotonic() - begin_s, time.process_time() - begin_cpu_s
    if report.verdict is not Verdict.GOOD:
        raise RuntimeError(f"{report.verdict}: {report.detail}")
    what = f"`ledger verify` of {report.head.no} events"
    yield Figure(what, "s", used_s, "its own CPU time", cpu_s, goal=5)
    yield from _starts(folder, many)
    yield from _drain(folder, many)


def _starts(folder: Path, many: Path) -> Iterator[Figure]:
    """From exec to MQTT CONNECT, and memory after it, with and without a past."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_WAIT_S)
        port = listener.getsockname()[1]
        fresh = _start(folder / "fresh", listener, port, None)
        old = _start(folder / "old", listener, port, many)
    yield Figure(
        f"restart to MQTT CONNECT with {_EVENTS} events",
        "s",
        old[0],
        "the same with none",
        fresh[0],
        goal=3,
    )
    yield Figure(
        f"memory at rest with {_EVENTS} events (PSS)",
        "MiB",
        old[1],
        "the same with none",
        fresh[1],
        peer_ratio_max=1.1,
    )


def _start(
    folder: Path, listener: socket.socket, port: int, journal: Path | None
) -> tuple[float, float]:
    (folder / "state").mkdir(parents=True)
    config = write_config(folder, broker_port=port, printer_port=9)
    if journal is not None:
        shutil.copy(journal, folder / "state/journal.db")
    begin = time.monotonic()
    arguments = [sys.executable, "-m", "agent", "run", str(config)]
    with running(arguments, folder, "agent") as agent:
        link, _ = listener.accept()
        with link:
            link.recv(1)
            took_s = time.monotonic() - begin
            time.sleep(_SETTLE_S)
            return took_s, pss_mib(agent.pid)


def _drain(folder: Path, many: Path) -> Iterator[Figure]:
    """The agent comes back after an outage; the centre acknowledges what it gets."""
    where = folder / "drain"
    (where / "state").mkdir(parents=True)
    shutil.copy(many, where / "state/journal.db")
    begin = time.monotonic()
    with station(where) as here:
        took_s = here.centre.wait_for_event(_DRAINED, _WAIT_S) - here.centre.asked_at
    yield Figure(
        f"drain after an outage, the first {_DRAINED} events, per 1,000",
        "s",
        took_s / _DRAINED * 1000,
        "the whole, from start of broker and agent",
        time.monotonic() - begin,
        goal=1,
    )
