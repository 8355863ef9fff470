"""`blanko printer trace` beside a daemon at work: a file that a programmer can use."""

from __future__ import annotations

import asyncio
import json
import signal
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import main
from tests.agent.test_cli import PaperDaemon, answered, blanko
from tests.agent.test_daemon import Centre, Desk, play, png
from tests.conftest import ROOT, Mosquitto, Processes, wait_until
from tests.protocols import test_evolis_vectors as vectors

HEAD = {"ok": True, "text": "# head\n", "exchanges": 0, "dropped": 0, "ended": False}


@pytest.fixture
def desk(tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes) -> Desk:
    return Desk(tmp_path, stopped_mosquitto, processes)


def start_trace(desk: Desk, *more: str) -> subprocess.Popen[str]:
    command = ("-m", "agent", "printer", "trace", "--out", str(desk.folder / "t.toml"))
    path = desk.folder / "state/control.sock"
    process = desk.processes.start(*command, "--socket", str(path), *more)
    wait_until(lambda: text_of(desk), "the head of the file")
    return process


def text_of(desk: Desk) -> str:
    file = desk.folder / "t.toml"
    return file.read_text() if file.exists() else ""


@pytest.mark.mosquitto
def test_a_card_at_work_becomes_a_file_of_vectors_that_shows_no_picture(desk):
    desk.start_printer()
    found: dict[str, Any] = {}

    async def scene(centre: Centre) -> None:
        desk.start_agent()
        await centre.until(lambda: centre.online)
        await asyncio.to_thread(desk.agent, do="stock-load", count=20)
        await centre.until(lambda: centre.states and centre.states[-1]["printer"])
        tracing = await asyncio.to_thread(start_trace, desk)
        await centre.send(desk.job(1, png((200, 100, 50))))
        await centre.until(lambda: "job-completed" in centre.kinds())
        tracing.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(tracing.wait, 60) == 0
        assert tracing.stdout is not None
        found["summary"] = tracing.stdout.read()

    play(desk, scene)
    text = text_of(desk)
    assert stat.S_IMODE((desk.folder / "t.toml").stat().st_mode) == 0o600
    assert text.endswith("# ended: stopped by you\n")
    assert "0 dropped, stopped by you" in found["summary"]
    loaded = tomllib.loads(text)
    assert {row["op"] for row in loaded["request"]} >= {"POLL", "FEED", "EJECT"}
    assert [row["letter"] for row in loaded["panel"]] == list("ymcko")
    for row in loaded["request"]:
        vectors.test_each_request_is_the_sources_bytes(row)
    for row in loaded["panel"]:
        vectors.test_each_panel_is_head_dots_and_tail(row)
    for row in loaded["reply"]:
        vectors.test_each_reply_says_what_the_source_says(row)
        assert row["source"].startswith("trace of Primacy ")
    # A whole card is 2.1 MB of dots; the longest thing in the file is one reply.
    assert max(len(line) for line in text.splitlines()) < 2_000


@pytest.mark.mosquitto
def test_a_reader_that_is_killed_changes_nothing_for_the_card(desk):
    desk.start_printer()

    async def scene(centre: Centre) -> None:
        desk.start_agent()
        await centre.until(lambda: centre.online)
        await asyncio.to_thread(desk.agent, do="stock-load", count=20)
        tracing = await asyncio.to_thread(start_trace, desk)
        await centre.send(desk.job(1, png((200, 100, 50))))
        await centre.until(lambda: "job-started" in centre.kinds())
        tracing.kill()
        tracing.wait()
        await centre.until(lambda: "job-completed" in centre.kinds())
        status = await asyncio.to_thread(desk.agent, do="status")
        assert status["state"]["stock"]["output"] == 1

    play(desk, scene)
    assert tomllib.loads(text_of(desk).rpartition("\n\n")[0])


@pytest.mark.mosquitto
def test_a_trace_ends_with_its_time_and_with_the_daemon(desk):
    desk.start_printer()

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        tracing = await asyncio.to_thread(start_trace, desk, "--seconds", "1")
        assert await asyncio.to_thread(tracing.wait, 60) == 0
        assert text_of(desk).endswith("# ended: the time is over\n")
        (desk.folder / "t.toml").unlink()
        tracing = await asyncio.to_thread(start_trace, desk)
        agent.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(agent.wait, 60) == 0
        assert await asyncio.to_thread(tracing.wait, 60) == 0
        assert text_of(desk).endswith("# ended: the daemon went away\n")

    play(desk, scene)


def stream(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({**HEAD, **line}).encode() + b"\n" for line in lines)


def test_what_was_dropped_stands_where_it_is_missing_and_in_the_summary(tmp_path):
    reply = stream(
        {},
        {"text": "# 1\n\n", "exchanges": 1},
        {"text": "# 2\n\n", "exchanges": 2, "dropped": 3},
        {"text": "", "exchanges": 2, "dropped": 4, "ended": True},
    )
    out = tmp_path / "t.toml"
    arguments = ("printer", "trace", "--out", out, "--seconds", 5)
    result, asked = answered(tmp_path, reply, *arguments)
    assert asked == {"do": "trace", "seconds": 5}
    assert result.exit_code == 0, result.output
    assert out.read_text() == (
        "# head\n# 1\n\n# 2\n\n# by now 3 more exchanges were dropped\n\n"
        "# by now 1 more exchanges were dropped\n\n# ended: the time is over\n"
    )
    assert f"{out}: 2 exchanges in 0." in result.output
    assert result.output.endswith("4 dropped, the time is over\n")


def test_a_line_that_is_cut_in_half_leaves_whole_text(tmp_path):
    reply = stream({}, {"text": "# 1\n\n", "exchanges": 1}) + b'{"ok":true,"text":"# 2'
    out = tmp_path / "t.toml"
    result, _ = answered(tmp_path, reply, "printer", "trace", "--out", out)
    assert result.exit_code == 0
    assert out.read_text() == "# head\n# 1\n\n# ended: the daemon went away\n"


def test_a_file_that_exists_is_left_alone(tmp_path):
    out = tmp_path / "t.toml"
    out.write_text("dear")
    result = blanko("printer", "trace", "--out", out, "--socket", tmp_path / "none")
    assert result.exit_code == 1
    assert "t.toml exists" in result.stderr
    assert out.read_text() == "dear"


def test_no_file_is_left_where_no_daemon_answers(tmp_path):
    out = tmp_path / "t.toml"
    result = blanko("printer", "trace", "--out", out, "--socket", tmp_path / "none")
    assert result.exit_code == 3
    assert "none: No such file or directory" in result.stderr
    assert not out.exists()


def test_one_must_say_which_daemon(tmp_path):
    runner = CliRunner(env={"BLANKO_SOCKET": None})
    result = runner.invoke(main, ["printer", "trace", "--out", str(tmp_path / "t")])
    assert result.exit_code == 2
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("reply", [b"rubbish\n", b"", b'{"ok":false}\n'])
def test_what_is_no_daemon_is_called_so_and_leaves_no_file(tmp_path, reply):
    out = tmp_path / "t.toml"
    result, _ = answered(tmp_path, reply, "printer", "trace", "--out", out)
    assert result.exit_code == 3
    assert not out.exists()


@pytest.mark.parametrize("seconds", [0, 86_401, "all"])
def test_a_time_that_is_none_is_a_wrong_use(tmp_path, seconds):
    arguments = ("--out", tmp_path / "t", "--seconds", seconds)
    result = blanko("printer", "trace", *arguments, "--socket", tmp_path / "none")
    assert result.exit_code == 2


def test_a_folder_that_is_not_there_is_named(tmp_path):
    out = tmp_path / "none/t.toml"
    result = blanko("printer", "trace", "--out", out, "--socket", tmp_path / "s")
    assert result.exit_code == 1
    assert "cannot be written: No such file" in result.stderr


def test_a_full_disk_is_named(tmp_path):
    script = (
        "import resource, signal, sys;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20));"
        "from agent.cli import main; main()"
    )
    daemon = PaperDaemon(tmp_path / "s", [stream({}, {"text": "# long\n" * 2000})])
    result = subprocess.run(
        [
            *(sys.executable, "-c", script, "printer", "trace"),
            *("--out", tmp_path / "t.toml", "--socket", tmp_path / "s"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    daemon.close()
    assert result.returncode == 1
    said = f"blanko: {tmp_path}/t.toml cannot be written: File too large\n"
    assert result.stderr == said
