"""The daemon as a process, with a real broker and an emulated printer."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import signal
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from PIL import Image

from agent.journal.store import Store
from tests.agent.envelope_by_hand import (
    TO,
    World,
    compact,
    private_jwk,
    public_jwk,
)
from tests.conftest import Mosquitto, Processes, wait_until

pytestmark = pytest.mark.mosquitto

ROOT = f"blanko/v1/{TO.station}/{TO.printer}"
CARD = (1011, 638)
MISCONFIGURED = 78


def png(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", CARD, colour).save(stream, "PNG")
    return stream.getvalue()


@dataclass
class Desk:
    """A station's folder, and what starts in it."""

    folder: Path
    broker: Mosquitto
    processes: Processes
    world: World = field(default_factory=World)
    printer_uri: str = "tcp://127.0.0.1:9"  # nobody answers there

    def __post_init__(self) -> None:
        agent = {**private_jwk(self.world.agent), "kid": self.world.agent_kid}
        centre = {
            **public_jwk(self.world.centre),
            "kid": self.world.centre_kid,
            "alg": self.world.alg,
        }
        (self.folder / "agent.jwk").write_text(json.dumps(agent))
        (self.folder / "trust.jwks").write_text(json.dumps({"keys": [centre]}))

    @property
    def config(self) -> Path:
        file = self.folder / "p1.toml"
        file.write_text(
            f'station = "{TO.station}"\nprinter = "{TO.printer}"\n'
            'state_dir = "state"\n'
            f'[mqtt]\nuri = "{self.broker.uri}"\n'
            '[keys]\nagent = "agent.jwk"\ntrust = "trust.jwks"\n'
            f'[device]\nfamily = "evolis"\nmodel = "Primacy"\n'
            f'uri = "{self.printer_uri}"\n'
        )
        return file

    def install(self) -> None:
        """Be past the first start, which needs the broker."""
        state = self.folder / "state"
        state.mkdir(mode=0o700)
        Store(state / "journal.db", str(uuid.uuid4())).close()

    def start_printer(self) -> None:
        process = self.processes.start(
            *("-m", "simulators", "printer", "evolis", "--model", "Primacy"),
            *("--tcp", "127.0.0.1:0", "--hopper", "20", "--ribbon", "YMCKO:50"),
            *("--instant", "--cards", str(self.folder / "cards")),
            *("--control", str(self.folder / "machine.sock")),
        )
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        self.printer_uri = f"tcp://{address}"
        wait_until((self.folder / "machine.sock").exists, "the emulator's socket")

    def start_agent(self) -> subprocess.Popen[str]:
        return self.processes.start("-m", "agent", "run", str(self.config))

    def ask(self, path: Path, **request: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as to:
            to.settimeout(10)
            to.connect(str(path))
            to.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(to.makefile().readline())

    def agent(self, **request: Any) -> Any:
        path = self.folder / "state/control.sock"
        wait_until(path.exists, "the agent's socket")
        return self.ask(path, **request)

    def truth(self) -> Any:
        return self.ask(self.folder / "machine.sock", do="truth")

    def log_of(self, process: subprocess.Popen[str]) -> str:
        return self.processes.stderr_of(process)

    def job(self, number: int, picture: bytes) -> bytes:
        now = datetime.now(UTC)
        part = {
            "name": "front",
            "type": "image/png",
            "size": len(picture),
            "sha256": hashlib.sha256(picture).hexdigest(),
        }
        document = self.world.document(
            parts=[part],
            job_id=f"J-{number}",
            queue_no=number,
            subject=f"S-{number}",
            issued_at=now.isoformat(),
            expires_at=(now + timedelta(days=1)).isoformat(),
        )
        return self.world.message(compact(document), picture)

    def command(self, number: int, kind: str, **fields: Any) -> bytes:
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return self.world.command(
            command_id=f"C-{number}",
            command_no=number,
            kind=kind,
            issued_at=day.isoformat(),
            expires_at=(day + timedelta(days=2)).isoformat(),
            **fields,
        )

    def ack_of(self, line: bytes, **more: object) -> bytes:
        event = json.loads(line[65:])
        document = self.world.ack_document(
            ledger=event["ledger"],
            no=event["no"],
            hash=line[:64].decode(),
            at=datetime.now(UTC).isoformat(),
            **more,
        )
        return self.world.ack(compact(document))


class Centre:
    """Keeps every event, birth and reply; sends what it is told to."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self.events: dict[int, Any] = {}
        self.lines: dict[int, bytes] = {}
        self.online: list[Any] = []
        self.states: list[Any] = []
        self.replies: list[Any] = []
        self.asks: list[Any] = []
        self.emptied: list[str] = []
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def at(cls, broker: Mosquitto) -> AsyncIterator[Centre]:
        async with aiomqtt.Client("127.0.0.1", broker.port) as client:
            centre = cls(client)
            await client.subscribe(f"{ROOT}/#", qos=1)
            reading = asyncio.create_task(centre._read())
            yield centre
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self) -> None:
        async for message in self._client.messages:
            word = str(message.topic).rpartition("/")[2]
            assert isinstance(message.payload, bytes)
            if not message.payload:
                self.emptied.append(word)
            elif word == "reply":
                self.replies.append(json.loads(message.payload))
            elif word == "ask":
                self.asks.append(json.loads(message.payload))
            elif word == "event":
                for line in message.payload.splitlines():
                    event = json.loads(line[65:])
                    self.events[event["no"]] = event
                    self.lines[event["no"]] = line
            elif word == "online":
                self.online.append(json.loads(message.payload))
            elif word == "state":
                self.states.append(json.loads(message.payload))
            self._news.set()

    async def send(self, message: bytes) -> None:
        await self._client.publish(f"{ROOT}/job", message, qos=1)

    async def command(self, message: bytes) -> str:
        """Send a command and return the result in its reply."""
        count = len(self.replies)
        await self._client.publish(f"{ROOT}/command", message, qos=1)
        await self.until(lambda: len(self.replies) > count)
        return str(self.replies[-1]["result"])

    async def ack(self, message: bytes) -> None:
        await self._client.publish(f"{ROOT}/ack", message, qos=1, retain=True)

    def beyond(self, count: int) -> bool:
        """More events have come, or the agent has left."""
        return "online" in self.emptied or len(self.events) > count

    def kinds(self) -> list[str]:
        return [self.events[no]["data"]["kind"] for no in sorted(self.events)]

    async def until(self, fact: Callable[[], object], timeout_s: float = 30) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not fact():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pytest.fail(f"never came: {self.kinds()} {self.online} {self.states[-1:]}")


@pytest.fixture
def desk(tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes) -> Desk:
    return Desk(tmp_path, stopped_mosquitto, processes)


def play(desk: Desk, scene: Callable[[Centre], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with Centre.at(desk.broker) as centre:
            await scene(centre)

    if desk.broker.process is None:
        desk.broker.start()
    asyncio.run(whole())


def test_a_job_over_mqtt_becomes_a_card_and_a_report(desk):
    desk.start_printer()

    async def scene(centre: Centre) -> None:
        desk.start_agent()
        await centre.until(lambda: centre.online)
        assert (await asyncio.to_thread(desk.agent, do="stock-load", count=20))["ok"]
        await centre.send(desk.job(1, png((200, 100, 50))))
        await centre.until(lambda: "job-completed" in centre.kinds())
        status = await asyncio.to_thread(desk.agent, do="status")
        truth = await asyncio.to_thread(desk.truth)
        books = status["state"]["stock"]
        for place, count in truth["places"].items():
            assert books.get(place, 0) == count, place
        assert books["output"] == 1

    play(desk, scene)
    (picture,) = (desk.folder / "cards").glob("*-front.png")
    with Image.open(picture) as card:
        assert card.convert("RGB").getpixel((500, 300)) == (200, 100, 50)


def test_the_centre_pauses_withdraws_and_retires_over_mqtt(desk):
    """A pause outlives a kill; a cancel that comes before its job is remembered."""
    desk.start_printer()

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        assert (await asyncio.to_thread(desk.agent, do="stock-load", count=20))["ok"]
        assert await centre.command(desk.command(1, "pause")) == "done"
        cancel = desk.command(2, "cancel", job_id="J-2")
        assert await centre.command(cancel) == "remembered"
        agent.kill()
        agent.wait()
        desk.start_agent()
        await centre.send(desk.job(1, png((200, 100, 50))))
        await centre.send(desk.job(2, png((200, 100, 50))))
        await centre.until(lambda: "job-rejected" in centre.kinds())
        await centre.until(lambda: centre.states[-1]["queued"] == 1)
        assert "paused-error" in centre.states[-1]["state_reasons"]
        assert await centre.command(desk.command(1, "pause")) == "done"
        assert await centre.command(desk.command(3, "retire")) == "jobs-open"
        assert await centre.command(desk.command(4, "resume")) == "done"
        await centre.until(lambda: "job-completed" in centre.kinds())
        late = desk.command(5, "cancel", job_id="J-1")
        assert await centre.command(late) == "too-late"
        assert await centre.command(desk.command(6, "retire")) == "done"
        await centre.until(lambda: "agent-retired" in centre.kinds())
        while "online" not in centre.emptied:
            news = partial(centre.beyond, len(centre.events))
            await centre.ack(desk.ack_of(centre.lines[max(centre.lines)]))
            await centre.until(news)
        assert set(centre.emptied) == {"state", "online"}
        await asyncio.to_thread(wait_until, left, "the end of the session")
        status = await asyncio.to_thread(desk.agent, do="status")
        assert status["state"]["accepting"] is False
        assert centre.kinds().count("agent-paused") == 1

    def left() -> bool:
        return "retired" in desk.agent(do="status")["broker"]["trouble"]

    play(desk, scene)


def test_killed_at_any_job_none_is_lost_and_none_is_taken_twice(desk):
    count = 12

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        for number in range(count):
            await centre.send(desk.job(number, png((number, 0, 0))))
        for kill_after in (1, 5, 9):
            await centre.until(partial(at_least, centre, kill_after))
            agent.kill()
            agent.wait()
            agent = desk.start_agent()
        await centre.until(lambda: accepted(centre) == count)
        jobs = await asyncio.to_thread(desk.agent, do="jobs")
        assert [job["job_id"] for job in jobs["jobs"]] == [
            f"J-{number}" for number in range(count)
        ]
        agent.terminate()
        assert agent.wait(20) == 0
        assert accepted(centre) == count

    def at_least(centre: Centre, number: int) -> bool:
        return accepted(centre) >= number

    def accepted(centre: Centre) -> int:
        return centre.kinds().count("job-accepted")

    play(desk, scene)


def test_death_and_birth_carry_the_numbers_of_their_connections(desk):
    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: len(centre.online) == 1)
        agent.kill()
        agent.wait()
        await centre.until(lambda: len(centre.online) == 2)
        desk.start_agent()
        await centre.until(lambda: len(centre.online) == 3)
        told = [(one["online"], one["connection"]) for one in centre.online]
        assert told == [(True, 1), (False, 1), (True, 2)]

    play(desk, scene)


def test_sigterm_ends_it_in_order(desk):
    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        agent.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(agent.wait, 20) == 0
        await centre.until(lambda: len(centre.online) == 2)
        assert centre.online[-1]["online"] is False
        assert centre.kinds()[-2:] == ["agent-stopped", "checkpoint"]
        assert not (desk.folder / "state/control.sock").exists()

    play(desk, scene)


def test_a_broker_that_comes_late_goes_and_comes_again_is_found(desk):
    desk.install()
    agent = desk.start_agent()
    wait_until(lambda: "link_lost" in desk.log_of(agent), "a first failure")
    status = desk.agent(do="status")
    assert "refused" in status["broker"]["trouble"]

    async def first(centre: Centre) -> None:
        await centre.until(lambda: centre.online and centre.online[-1]["online"])

    play(desk, first)
    desk.broker.stop(signal.SIGKILL)
    wait_until(lambda: not desk.agent(do="status")["broker"]["connected"], "the loss")
    desk.broker.start()

    async def second(centre: Centre) -> None:
        await centre.until(lambda: any(one["connection"] > 1 for one in centre.online))
        await centre.send(desk.job(1, png((1, 2, 3))))
        await centre.until(lambda: "job-accepted" in centre.kinds())

    play(desk, second)
    assert agent.poll() is None


def test_a_printer_that_is_not_there_is_reported_and_jobs_wait(desk):
    async def scene(centre: Centre) -> None:
        desk.start_agent()
        await centre.until(lambda: centre.online)
        await centre.send(desk.job(1, png((1, 2, 3))))
        reason = "connecting-to-device-error"
        await centre.until(
            lambda: (
                centre.states
                and reason in centre.states[-1]["state_reasons"]
                and centre.states[-1]["queued"] == 1
            )
        )
        assert centre.states[-1]["printer_state"] == "stopped"

    play(desk, scene)


def test_two_daemons_do_not_share_a_state_directory(desk):
    desk.install()
    first = desk.start_agent()
    desk.agent(do="stock")
    second = desk.start_agent()
    assert second.wait(20) == 1
    assert "another agent holds it" in desk.log_of(second)
    assert desk.agent(do="stock")["ok"]
    assert first.poll() is None


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("trust.jwks", "{}", "trust.jwks: no keys"),
        ("agent.jwk", "rubbish", "agent.jwk"),
        ("agent.jwk", None, "cannot be read"),
    ],
)
def test_what_starting_again_would_not_help_has_a_code_of_its_own(
    desk, file, text, complaint
):
    if text is None:
        (desk.folder / file).unlink()
    else:
        (desk.folder / file).write_text(text)
    agent = desk.start_agent()
    assert agent.wait(20) == MISCONFIGURED
    (line,) = desk.log_of(agent).splitlines()
    assert json.loads(line)["event"] == "agent_failed"
    assert complaint in json.loads(line)["error"]


def test_a_key_that_is_no_key_ends_the_daemon_with_the_files_name(desk):
    path = desk.folder / "agent.jwk"
    key = json.loads(path.read_text())
    path.write_text(json.dumps({**key, "y": key["x"]}))
    agent = desk.start_agent()
    assert agent.wait(20) == MISCONFIGURED
    assert "agent_failed" in desk.log_of(agent)


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(desk):
    desk.install()
    path = desk.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(20)
        agent = desk.processes.start(
            "-m", "agent", "run", str(desk.config), NOTIFY_SOCKET=str(path)
        )
        assert systemd.recv(100) == b"READY=1"
        agent.terminate()
        assert systemd.recv(100) == b"STOPPING=1"
        assert agent.wait(20) == 0
