"""Readers come, go, lag and break; the driver that is read along with never waits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from agent.clock import InlineExecutor
from agent.contract.messages import PrinterIdentity
from agent.journal.journal import Journal
from agent.people.control import Broker, Control
from agent.printer import tracing
from agent.printer.tracing import WAITING_MAX, WAITING_SIZE_MAX, Title, Tracing
from protocols.contract import Happening, WireEvent
from tests.agent.paper_printer import VirtualClock
from tests.agent.test_uplink import state_of
from tests.agent.virtual_time import LoopClock

TITLE = Title("Primacy 1640", datetime(2026, 3, 2, 8, tzinfo=UTC))
REPLY = b"PRIMACY\x00"


def talk(traces: Tracing, request: bytes = b"\x1bRtp\r\x00") -> None:
    """What a driver's transport tells of one exchange, if anybody listens."""
    if not traces.wanted:
        return
    for what, data in (
        (Happening.OPEN, b""),
        (Happening.OUT, request),
        (Happening.FINISH, b""),
        (Happening.IN, REPLY),
        (Happening.END, b""),
        (Happening.CLOSE, b""),
    ):
        traces.tell(WireEvent(1.0, what, data))


def play(scene: Any, folder: Path) -> None:
    """Run a scene with a control socket over an empty journal."""

    async def whole() -> None:
        clock, traces = VirtualClock(), Tracing("evolis")
        journal = await Journal.open(folder / "j.db", clock, InlineExecutor())
        server = Control(
            journal,
            lambda: state_of(journal, LoopClock(), 1),
            lambda: Broker(False, 0, ""),
            traces,
        )
        path = folder / "s"
        serving = asyncio.create_task(server.serve(path))
        while not path.exists():
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await scene(traces, path)
            serving.cancel()
            await asyncio.wait({serving})
        for client in Client.every:
            client.writer.transport.abort()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        Client.every.clear()
        await journal.close()

    asyncio.run(whole())


class Client:
    """Somebody who traces."""

    every: ClassVar[list[Client]] = []

    def __init__(self, pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.reader, self.writer = pipe
        self.every.append(self)

    @classmethod
    async def of(cls, path: Path, **request: Any) -> Client:
        client = cls(await asyncio.open_unix_connection(path, limit=2**20))
        line = json.dumps({"do": "trace", **request}).encode()
        client.writer.write(line + b"\n")
        return client

    async def line(self) -> Any:
        return json.loads(await self.reader.readline())

    async def go(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def until(fact: Any) -> None:
    while not fact():
        await asyncio.sleep(0)


def test_a_reader_is_told_what_passes_and_nobody_before_or_after(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        assert not traces.wanted
        client = await Client.of(path)
        head = await client.line()
        assert head["ok"]
        assert head["text"].startswith(
            "# blanko: trace of a printer unread\n# began 20"
        )
        talk(traces)
        line = await client.line()
        assert (line["exchanges"], line["dropped"], line["ended"]) == (1, 0, False)
        loaded = tomllib.loads(head["text"] + line["text"])
        assert loaded["request"][0]["op"] == "MODEL"
        assert loaded["reply"][0]["text"] == "PRIMACY"
        await client.go()
        await until(lambda: not traces.wanted)

    play(scene, tmp_path)


def test_two_readers_are_told_the_same(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        clients = [await Client.of(path), await Client.of(path)]
        for client in clients:
            await client.line()
        talk(traces)
        told = [(await client.line())["text"] for client in clients]
        assert [text.splitlines()[0] for text in told] == [
            "# 1: Rtp: MODEL (EVO-14)"
        ] * 2
        await clients[0].go()
        talk(traces)
        assert (await clients[1].line())["exchanges"] == 2
        await clients[1].go()

    play(scene, tmp_path)


def test_when_the_time_is_over_the_last_line_says_so(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        client = await Client.of(path, seconds=1)
        await client.line()
        talk(traces)
        await client.line()
        last = await client.line()
        assert last["ended"]
        assert last["exchanges"] == 1
        assert await client.reader.read() == b""
        assert not traces.wanted

    play(scene, tmp_path)


def test_a_reader_that_takes_nothing_loses_lines_and_holds_nobody_up(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        client = await Client.of(path)
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: traces.wanted)
        # More than socket buffers and queue can take, without one step of the loop.
        for _ in range(5_000):
            talk(traces)
        (reader,) = traces._readers
        assert reader.dropped >= 5_000 - WAITING_MAX
        client.reader._transport.resume_reading()  # type: ignore[attr-defined]
        line = await client.line()
        while line["exchanges"] < WAITING_MAX:
            line = await client.line()
        talk(traces)
        line = await client.line()
        assert line["dropped"] == reader.dropped, "and it is told how many"
        await client.go()

    play(scene, tmp_path)


def test_what_waits_for_a_reader_is_bounded_in_bytes_too():
    async def scene() -> None:
        traces = Tracing("evolis")
        with traces.reader(TITLE) as reader:
            for _ in range(20):
                talk(traces, bytes(2**20))
            held = WAITING_SIZE_MAX // (2**20 + len(REPLY))
            assert reader.dropped == 20 - held
            for _ in range(held):
                await reader.next()
            talk(traces)
            assert (await reader.next())[1].data == b"\x1bRtp\r\x00"
        assert not traces.wanted

    asyncio.run(scene())


def test_a_reader_that_never_reads_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(tracing, "WRITE_WAIT_S", 0.05)

    async def scene(traces: Tracing, path: Path) -> None:
        client = await Client.of(path)
        client.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await until(lambda: traces.wanted)
        while traces.wanted:
            talk(traces)
            await asyncio.sleep(0)

    play(scene, tmp_path)


def test_the_daemon_ends_at_once_though_somebody_reads_along(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        patient, stuck = await Client.of(path), await Client.of(path)
        stuck.reader._transport.pause_reading()  # type: ignore[attr-defined]
        await patient.line()
        await until(lambda: len(traces._readers) == 2)
        for _ in range(2_000):
            talk(traces)
            await asyncio.sleep(0)

    play(scene, tmp_path)  # its end is within the scene's time limit


def test_text_that_cannot_be_made_costs_one_reader_and_no_exchange(tmp_path):
    async def scene(traces: Tracing, path: Path) -> None:
        traces.family = "acme"  # whose bytes nobody can read
        client = await Client.of(path)
        await client.line()
        talk(traces)
        assert await client.reader.read() == b""
        await until(lambda: not traces.wanted)
        talk(traces)
        traces.family = "evolis"
        after = await Client.of(path)
        await after.line()
        talk(traces)
        assert (await after.line())["exchanges"] == 1
        await after.go()

    with capture_logs() as logs:
        play(scene, tmp_path)
    failed = [entry for entry in logs if entry["event"] == "client_failed"]
    assert ["acme" in entry["error"] for entry in failed] == [True]


@pytest.mark.parametrize(
    ("printer", "source"),
    [
        (None, "trace of a printer unread, 2026-03-02"),
        (
            PrinterIdentity(
                family="evolis", model="Primacy", serial="E1", firmware="1640\n"
            ),
            "trace of Primacy 1640\n, 2026-03-02",
        ),
    ],
)
def test_the_title_names_model_and_firmware_where_they_are_known(printer, source):
    title = Title.of(printer, TITLE.at)
    assert title.source == source
    assert tomllib.loads(title.head) == {}
