"""The socket answers whoever may ask, one line for one line, and bounds everything."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.clock import InlineExecutor
from agent.contract.events import Stage
from agent.contract.messages import Outcome
from agent.journal.journal import Closing, Journal
from agent.people import control
from agent.people.control import LINE_SIZE_MAX, Broker, Control, ControlError
from agent.printer.tracing import Tracing
from tests.agent.paper_printer import FEEDING, VirtualClock, make_job, opened
from tests.agent.test_uplink import state_of
from tests.agent.virtual_time import LoopClock

DOCS = Path(__file__).parents[2] / "docs/control.md"
Ask = Callable[..., Awaitable[Any]]


async def in_doubt(journal: Journal) -> None:
    """The book of a station whose first card stands in the printer, half printed."""
    await journal.load_stock(100, "siti")
    for number in (1, 2):
        job = make_job(f"J-{number}", queue_no=number)
        await journal.accept(opened(job), b"sealed")
    attempt = await journal.begin("J-1", (), FEEDING)
    await journal.advance("J-1", attempt, Stage.SENDING)
    reasons = ("x-outcome-unknown-error",)
    closing = Closing(Outcome.UNKNOWN, detail="the link was cut", reasons=reasons)
    await journal.close_attempt("J-1", attempt, closing)


def play(scene: Callable[[Ask, Path], Awaitable[None]], folder: Path) -> None:
    """Run a scene against a control socket over a journal with a card in doubt."""

    async def whole() -> None:
        clock = VirtualClock()
        journal = await Journal.open(folder / "journal.db", clock, InlineExecutor())
        await in_doubt(journal)
        server = Control(
            journal,
            lambda: state_of(journal, LoopClock(), 3),
            lambda: Broker(False, 3, "Connection refused"),
            Tracing("evolis"),
        )
        path = folder / "control.sock"
        task = asyncio.create_task(server.serve(path))
        while not path.exists():
            await asyncio.sleep(0)

        async def ask(*lines: bytes | dict[str, Any]) -> Any:
            reader, writer = await asyncio.open_unix_connection(path, limit=2**20)
            replies = []
            for line in lines:
                raw = line if isinstance(line, bytes) else json.dumps(line).encode()
                writer.write(raw + b"\n")
                async with asyncio.timeout(5):
                    replies.append(json.loads(await reader.readline()))
            writer.close()
            await writer.wait_closed()
            return replies[0] if len(replies) == 1 else replies

        await scene(ask, path)
        task.cancel()
        await asyncio.wait({task})
        await journal.close()
        assert not path.exists()

    asyncio.run(whole())


def examples() -> list[tuple[str, Any, Any]]:
    """Each request of the page with the reply that stands below it."""
    text = DOCS.read_text()
    pairs = re.findall(r"```json\n> (.*?)\n< (.*?)\n```", text, re.DOTALL)
    return [(ask, json.loads(ask), json.loads(reply)) for ask, reply in pairs]


def test_every_example_of_the_page_is_true(tmp_path):
    """In the order of the page; the reply has the fields, types and, if bad, the words.

    Values that differ from run to run (ids, times, hashes) are compared by their type.
    """
    found = examples()
    asked = {request["do"] for _, request, _ in found}
    known = {"status", "jobs", "job", "why", "resolve", "stock", "stock-load", "trace"}
    assert known | {"hold", "release", "pause", "resume"} <= asked

    async def scene(ask: Ask, _: Path) -> None:
        for line, request, expected in found:
            reply = await ask(line.encode())
            assert shape(reply) == shape(expected), line
            if request["do"].startswith("stock") or not expected["ok"]:
                assert reply == expected, line

    play(scene, tmp_path)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"rubbish", "malformed"),
        (b"", "truncated"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `do`"),
        (b'{"do":"dance"}', "Invalid value 'dance'"),
        (b'{"do":"job"}', "missing required field `job`"),
        (b'{"do":"status","more":1}', "unknown field `more`"),
        (b'{"do":"stock-load","count":9e99}', "Expected `int`"),
        (b'{"do":"stock-load","count":1,"pin":123456}', "Expected `str | null`"),
        (b'{"do":"stock-move","cause":"steal","count":1}', "Invalid enum value"),
        (b'{"do":"stock-load","count":1.5}', "Expected `int`, got `float`"),
        (b'{"do":"trace","seconds":0}', "Expected `int` >= 1"),
        (b'{"do":"trace","seconds":"all"}', "Expected `int | null`, got `str`"),
        (b'{"do":"job","job":"a b"}', "matching regex"),
        (b'{"do":"job","job":"\xff"}', "utf-8"),
        (b"[" * 5000, "Expected `object`"),
    ],
)
def test_a_bad_request_is_answered_with_what_was_expected(tmp_path, line, complaint):
    async def scene(ask: Ask, _: Path) -> None:
        reply, after = await ask(line, {"do": "stock"})
        assert (reply["ok"], reply["error"]) == (False, "bad-request")
        assert complaint.lower() in reply["message"].lower()
        assert after["ok"], "the connection goes on"

    play(scene, tmp_path)


def test_a_line_that_is_too_long_is_not_read_to_its_end(tmp_path):
    async def scene(ask: Ask, path: Path) -> None:
        reply = await ask(b"x" * (LINE_SIZE_MAX + 1))
        assert reply["error"] == "too-long"
        assert (await ask({"do": "stock"}))["ok"]

    play(scene, tmp_path)


def test_owner_and_group_may_ask_and_nobody_else(tmp_path):
    async def scene(_: Ask, path: Path) -> None:
        assert stat.S_IMODE(path.stat().st_mode) == 0o660

    play(scene, tmp_path)


def test_a_client_that_says_nothing_is_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(control, "IDLE_S", 0.02)

    async def scene(_: Ask, path: Path) -> None:
        reader, writer = await asyncio.open_unix_connection(path)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()

    play(scene, tmp_path)


def test_a_crowd_is_turned_away_and_the_rest_is_served(tmp_path):
    async def scene(ask: Ask, path: Path) -> None:
        pairs = [await asyncio.open_unix_connection(path) for _ in range(40)]
        closed = 0
        for reader, writer in pairs:
            writer.write(b'{"do":"stock"}\n')
            async with asyncio.timeout(5):
                closed += await reader.readline() == b""
        assert closed == 40 - control.CLIENTS_MAX
        for _, writer in pairs:
            writer.close()

    play(scene, tmp_path)


def test_a_socket_left_by_a_dead_daemon_is_replaced(tmp_path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))

    async def scene(ask: Ask, path: Path) -> None:
        while not await asyncio.to_thread(answers, path):
            pass
        assert (await ask({"do": "stock"}))["ok"]

    play(scene, tmp_path)


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_a_socket_that_answers_is_left_alone(tmp_path):
    async def scene(ask: Ask, path: Path) -> None:
        clock = VirtualClock()
        journal = await Journal.open(tmp_path / "2.db", clock, InlineExecutor())
        second = Control(
            journal,
            lambda: state_of(journal, LoopClock(), 1),
            lambda: Broker(False, 0, ""),
            Tracing("evolis"),
        )
        with pytest.raises(ControlError, match="another daemon answers on it"):
            await second.serve(path)
        await journal.close()
        assert (await ask({"do": "stock"}))["ok"]

    play(scene, tmp_path)


def test_a_socket_that_cannot_be_made_is_named(tmp_path):
    async def scene(_: Ask, path: Path) -> None:
        clock = VirtualClock()
        journal = await Journal.open(tmp_path / "2.db", clock, InlineExecutor())
        second = Control(
            journal,
            lambda: state_of(journal, LoopClock(), 1),
            lambda: Broker(False, 0, ""),
            Tracing("evolis"),
        )
        with pytest.raises(ControlError, match=r"none/c\.sock: No such file"):
            await second.serve(tmp_path / "none/c.sock")
        await journal.close()

    play(scene, tmp_path)
