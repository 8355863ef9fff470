"""Nothing of a citizen is left by real processes: in files, answers or at the broker.

What is looked through: the agent's state, its working folder (a core would lie there),
its home and temporary folders, files without a name, all logs, the broker's own files,
every payload that went through it, all that was answered, and a trace of the printer.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest

from simulators.centre.batch import LAYOUTS, batch
from simulators.demo.children import Children
from tests.chaos import kills
from tests.chaos.canaries import Pieces, canaries, traces, traces_unlinked
from tests.chaos.person import Person
from tests.chaos.station import AgentError, Station
from tests.chaos.wire import Stages
from tests.conftest import ROOT, Mosquitto, wait_until

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]

OVER_LIMIT_S = 120.0
STAGE_LIMIT_S = 60.0
FINISHED = 1  # of the batch: a whole card as one picture
KILLED_AT = {
    "feeding": signal.SIGKILL,
    "sending": signal.SIGABRT,  # what systemd's watchdog sends; it dumps
    "sent": signal.SIGQUIT,  # so does this
}
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


class Watched(Station):
    """A station whose agent has every folder to itself, and may dump as it likes."""

    @property
    def desk(self) -> Path:
        return self.folder / "desk"

    def agent_argv(self) -> list[str]:
        named = {"PYTHONPATH": ROOT, "HOME": self.desk / "home"}
        for name in ("TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            named[name] = self.desk / name.lower()
        for folder in named.values():
            folder.mkdir(parents=True, exist_ok=True)
        shell = 'ulimit -c unlimited 2>/dev/null; cd "$0" && exec env "$@"'
        environ = [f"{name}={value}" for name, value in named.items()]
        return ["sh", "-c", shell, str(self.desk), *environ, *super().agent_argv()]

    async def strike(self, sign: signal.Signals) -> None:
        assert self.agent is not None
        self.agent.process.send_signal(sign)
        await self.agent.process.wait()


@asynccontextmanager
async def overheard(broker: Mosquitto, to: Path) -> AsyncIterator[None]:
    """Keep every payload that anybody sends, one after the other, in a file."""

    async def listen() -> None:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            await client.subscribe("#", qos=0)
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                with (to / "payloads").open("ab") as file:
                    file.write(message.payload + b"\n")

    task = asyncio.create_task(listen())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def answers(station: Station, to: Path) -> None:
    """Write down all that the socket answers, and what the command line shows."""
    asked: list[dict[str, object]] = [
        {"do": do} for do in ("status", "stock", "jobs", "operations")
    ]
    names = [order.job_id for order in station.jobs]
    asked += [{"do": do, "job": name} for do in ("job", "why") for name in names]
    with (to / "answers").open("a") as file:
        for request in asked:
            do = str(request.pop("do"))
            try:
                reply = await station.ask(do, **request)
            except AgentError as refused:
                reply = {"refused": str(refused)}
            file.write(json.dumps(reply) + "\n")
    await told(station, to / "commands", "status")
    for name in names:
        for verb in ("show", "why"):
            await told(station, to / "commands", "job", verb, name)


async def told(station: Station, to: Path, *words: str) -> None:
    with to.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent", *words),
            *("--config", str(station.site.config)),
            cwd=ROOT,
            stdout=file,
            stderr=file,
        )
        await process.wait()


@asynccontextmanager
async def traced(station: Station, to: Path) -> AsyncIterator[None]:
    """Have `blanko printer trace` write along while the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "printer", "trace", "--out", str(to)),
        *("--config", str(station.site.config)),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.to_thread(wait_until, to.exists, "the trace")
        yield
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.wait()


async def print_all(station: Watched, broker: Mosquitto, heard_to: Path) -> None:
    """Print every card, with a kill of each kind, and the last with a trace."""
    stages = Stages()
    heard = stages.of(station.site.station)
    async with stages.listening(broker.port), overheard(broker, heard_to):
        await station.begin()
        looking = asyncio.create_task(Person(station).run())
        for stage, sign in KILLED_AT.items():
            async with asyncio.timeout(STAGE_LIMIT_S):
                while not await kills.reached(stage, heard):
                    pass
            await station.strike(sign)
            await station.start_agent()
            await answers(station, heard_to)
        async with traced(station, heard_to / "trace.toml"):
            await kills.until_over([station], OVER_LIMIT_S)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await answers(station, heard_to)


async def play(folder: Path, broker: Mosquitto) -> tuple[list[str], list[str]]:
    """Print citizens' cards with three kills; return the traces in two looks."""
    children = Children(folder / "logs")
    whole = batch(max(LAYOUTS), "erased")
    jobs = [whole[number - 1] for number in (FINISHED, *LAYOUTS)]
    station = Watched(folder / "s0", broker.uri, children, jobs, hopper=16)
    said = folder / "said"
    said.mkdir()
    places = {
        "agent's state": station.folder / "state",
        "agent's desk": station.desk,
        "logs": folder / "logs",
        "broker": broker.folder,
        "said": said,
    }
    try:
        await print_all(station, broker, said)
        assert await station.findings() == []
        assert all(list(place.iterdir()) for place in places.values())
        # No core, no temporary file, no cache: it writes to its state and nowhere else.
        assert [file for file in station.desk.rglob("*") if file.is_file()] == []
        assert {file.name for file in said.iterdir()} == {
            "payloads", "answers", "commands", "trace.toml",
        }  # fmt: skip
        pieces = canaries(jobs)
        found = look(places, station, pieces)
        await station.strike(signal.SIGKILL)
        await station.start_agent()
        leak = places["agent's state"] / "forgotten.tmp"
        leak.write_bytes(b"..." + pieces["NIK, base64"][0] + b"...")
        return found, look(places, station, pieces)
    finally:
        await children.stop()


def look(places: Mapping[str, Path], station: Station, pieces: Pieces) -> list[str]:
    assert station.agent is not None
    unlinked = traces_unlinked(station.agent.process.pid, pieces)
    return [*traces(places, pieces), *unlinked]


def test_after_kills_and_ends_no_citizen_is_anywhere_and_a_planted_leak_is_found(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    found, with_leak = asyncio.run(play(tmp_path / "c", mosquitto))
    assert found == []
    assert with_leak == ["agent's state: NIK, base64 in forgotten.tmp"]


@contextmanager
def dumping() -> Iterator[None]:
    """Let children dump; a core limit that may not be raised is none."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.parametrize("sign", [signal.SIGABRT, signal.SIGQUIT])
def test_a_signal_that_dumps_leaves_no_memory_of_the_agent(
    tmp_path: Path, sign: signal.Signals
) -> None:
    """The limit forbids a file, the filter leaves nothing for who pipes it on."""
    code = "import sys; from agent.memory import keep_out_of_cores\n"
    code += "if sys.argv[1:]: keep_out_of_cores()\n"
    code += "secret = 'ANGGREK' * 3; print(flush=True); sys.stdin.read()"
    cores = {}
    for kept_out in ([], ["kept out"]):
        folder = tmp_path / ("kept" if kept_out else "plain")
        folder.mkdir()
        with dumping():
            process = subprocess.Popen(
                [sys.executable, "-c", code, *kept_out],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        assert process.stdout is not None
        process.stdout.readline()
        proc = Path(f"/proc/{process.pid}")
        limits = (proc / "limits").read_text().splitlines()
        (core,) = [line.split() for line in limits if line.startswith("Max core")]
        assert (core[4:6] == ["0", "0"]) is bool(kept_out)
        nothing = int((proc / "coredump_filter").read_text(), 16) == 0
        assert nothing is bool(kept_out)
        process.send_signal(sign)
        process.communicate()
        assert process.returncode == -sign
        cores[bool(kept_out)] = list(folder.iterdir())
    assert cores[True] == []
    here = not CORE_PATTERN.read_text().startswith(("|", "/"))
    if here and resource.getrlimit(resource.RLIMIT_CORE)[1]:
        (core_file,) = cores[False]  # it would have been found
        assert b"ANGGREK" * 3 in core_file.read_bytes()
