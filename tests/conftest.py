"""What every test may use: a broker, processes that end, and no skip in silence."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
IN_CI = os.environ.get("CI") == "true"
BROKER = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
WHAT_BRINGS = "make deps"
START_S = 15.0

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unhurried")

# A shell that runs a job behind itself makes it deaf to Ctrl-C, and all its children.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def needs(program: str, found: str | None) -> str:
    """Return the program's path; without it skip, or fail where nothing may be."""
    if found is None:
        reason = f"{program} is not installed; `{WHAT_BRINGS}` brings it"
        (pytest.fail if IN_CI else pytest.skip)(reason)
    return found


def wait_until(fact: Callable[[], object], what: str, timeout_s: float = 10.0) -> None:
    """Look until `fact` is true, with short waits; fail with `what` after the limit."""
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while not fact():
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        pause.wait(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Mosquitto:
    """A broker of its own on a loopback port; it keeps its sessions over `restart`."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self, *extra: str) -> None:
        """Start it and wait until it accepts a connection."""
        settings = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true" if not extra else "",
            "set_tcp_nodelay true",
            "max_packet_size 4718592",
            "max_queued_messages 100000",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            f"user {os.environ.get('USER', 'root')}",
            *extra,
        ]
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(settings) + "\n")
        log = (self.folder / "mosquitto.log").open("ab")
        self.process = subprocess.Popen(
            [self.program, "-c", str(file)], stdout=log, stderr=log
        )
        log.close()
        wait_until(self._answers, f"mosquitto on port {self.port}", START_S)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "mosquitto.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(sign)
            process.wait(START_S)

    def freeze(self) -> None:
        """Neither answer nor close: what a hung broker does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def stopped_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that is not there yet; the test starts it."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    broker = Mosquitto(needs("mosquitto", BROKER), folder, free_port())
    yield broker
    if broker.process is not None:
        broker.thaw()
    broker.stop()


@pytest.fixture
def mosquitto(stopped_mosquitto: Mosquitto) -> Mosquitto:
    stopped_mosquitto.start()
    return stopped_mosquitto


class Processes:
    """Processes of this project that a test starts; the fixture ends what is left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """`python ARGUMENTS` from the root of the project; stderr goes to a file."""
        number = len(self._running)
        with (self._folder / f"process-{number}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._running.append(process)
        return process

    def stderr_of(self, process: subprocess.Popen[str]) -> str:
        number = self._running.index(process)
        return (self._folder / f"process-{number}.log").read_text()

    def end(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait(START_S)
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.end()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _tell_figures(terminalreporter)
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.write_line("")
    terminalreporter.write_line("Not tried here:")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        terminalreporter.write_line(f"  {report.nodeid}: {reason}")
    line = f"All of it runs after `{WHAT_BRINGS}` (as root)."
    terminalreporter.write_line(line)


def _tell_figures(reporter: pytest.TerminalReporter) -> None:
    """Say what tests have counted: `record_property("figure", text)`."""
    told = [
        text
        for report in reporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == "figure"
    ]
    for line in dict.fromkeys(told):
        reporter.write_line(line)
    asked = [
        count
        for report in reporter.stats.get("passed", [])
        for name, count in report.user_properties
        if name == "conformance"
    ]
    if asked:
        rigs = f"on {min(asked)} rigs each, a family on a link"
        reporter.write_line(f"conformance: {len(asked)} cases kept, {rigs}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: what is not tried is not known."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
