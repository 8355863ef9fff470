"""A PIN typed on a real terminal reaches a real daemon, and no file, log or process."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from agent.people.roster import Role, entry
from tests.agent.test_daemon import Desk
from tests.conftest import ROOT, Mosquitto, Processes

pytestmark = pytest.mark.mosquitto

PINS = {"siti": "739214", "rina": "260481"}


@pytest.fixture
def desk(tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes) -> Desk:
    return Desk(tmp_path, stopped_mosquitto, processes)


def at_the_terminal(words: list[str], typed: list[str]) -> tuple[int, str]:
    """Run blanko with a terminal of its own; answer each `PIN of …:` as it comes."""
    terminal, inside = pty.openpty()
    command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "agent", *words]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=inside, stdout=inside, stderr=inside
    ) as process:
        os.close(inside)
        shown, answers = b"", iter(typed)
        while select.select([terminal], [], [], 30)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:  # the other end of the terminal is closed
                break
            shown += data
            if data.endswith(b": "):
                os.write(terminal, next(answers).encode() + b"\n")
        os.close(terminal)
    return process.returncode, shown.decode()


def test_a_pin_is_in_no_file_no_log_and_no_reply(desk):
    desk.install()
    roster = "\n".join(entry(who, Role.OPERATOR, pin) for who, pin in PINS.items())
    (desk.folder / "roster.toml").write_text(roster)
    config = desk.config
    config.write_text('roster = "roster.toml"\n' + config.read_text())
    agent = desk.processes.start("-m", "agent", "run", str(config))
    assert desk.agent(do="stock")["ok"]

    where = ["--socket", str(desk.folder / "state/control.sock")]
    load = ["stock", "load", "20", "--as", "siti", "--second", "rina", *where]
    code, shown = at_the_terminal(load, [PINS["siti"], PINS["rina"]])
    assert code == 0, shown
    code, wrong = at_the_terminal(load, ["604417", PINS["rina"]])
    assert code == 1
    assert "that is not the PIN of siti" in wrong
    without = subprocess.run(
        [sys.executable, "-m", "agent", "stock", "load", "20", *where],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert without.returncode == 1
    assert "an account of the computer is no identity" in without.stderr
    assert desk.agent(do="stock")["stock"]["hopper"] == 20

    files = [file for file in desk.folder.rglob("*") if file.is_file()]
    raw = b"".join(file.read_bytes() for file in files)
    assert b"agent-denied" in raw, "the journal is among them"
    agent.terminate()
    assert agent.wait(20) == 0
    everything = raw.decode(errors="replace") + shown + wrong + desk.log_of(agent)
    assert not [pin for pin in (*PINS.values(), "604417") if pin in everything]
