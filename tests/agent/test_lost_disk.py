"""An empty state directory: only a first installation begins a ledger by itself."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.agent.envelope_by_hand import compact
from tests.agent.test_daemon import MISCONFIGURED, ROOT, Centre, Desk, play
from tests.agent.test_damage import COUNTS, first_event
from tests.conftest import Mosquitto, Processes, wait_until

pytestmark = pytest.mark.mosquitto

OLD = "0b8f3c1e-6d0a-4a58-9d3e-5a8f5a5f0e11"
HASH = "ab" * 32


@pytest.fixture
def desk(tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes) -> Desk:
    return Desk(tmp_path, stopped_mosquitto, processes)


async def keep(broker: Mosquitto, topic: str, payload: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.publish(f"{ROOT}/{topic}", payload, qos=1, retain=True)


def signed_ack(desk: Desk) -> bytes:
    at = datetime.now(UTC).isoformat()
    document = desk.world.ack_document(ledger=OLD, no=41, hash=HASH, at=at)
    return desk.world.ack(compact(document))


def state_of_old() -> bytes:
    head = {"ledger": OLD, "no": 3, "hash": HASH, "acked": 0}
    return json.dumps({"printer_state": "idle", "head": head}).encode()


async def ended(agent: subprocess.Popen[str]) -> int:
    return await asyncio.to_thread(agent.wait, 20)


def begin_anew(desk: Desk, processes: Processes) -> Any:
    begin = ["-m", "agent", "ledger", "open", "--config", str(desk.config)]
    begin += ["--because", "the disk was replaced", "--as", "siti"]
    for count in COUNTS:
        begin += ["--count", count]
    assert processes.start(*begin).wait(20) == 0
    return first_event(desk.folder / "state/journal.db")[0]


def test_a_ledger_that_the_centre_signed_for_is_not_begun_anew_by_itself(
    desk: Desk, processes: Processes
) -> None:
    async def scene(centre: Centre) -> None:
        await keep(desk.broker, "ack", signed_ack(desk))
        await keep(desk.broker, "state", state_of_old())
        agent = desk.start_agent()
        assert await ended(agent) == MISCONFIGURED
        assert "blanko ledger open" in desk.log_of(agent)
        await centre.until(lambda: len(centre.states) > 1)
        assert centre.states[-1]["state_reasons"] == ["x-journal-damaged-error"]
        assert centre.states[-1]["head"]["ledger"] == OLD
        assert centre.kinds() == []
        await keep(desk.broker, "ack", b"")  # what was found is remembered
        assert await ended(desk.start_agent()) == MISCONFIGURED
        begun = await asyncio.to_thread(begin_anew, desk, processes)
        assert (begun.old_ledger, begun.old_no, begun.old_hash) == (OLD, 41, HASH)
        desk.start_agent()
        await centre.until(lambda: centre.states[-1]["stock"].get("hopper") == 36)
        await centre.until(centre.kinds)
        assert centre.kinds()[0] == "ledger-begun"

    play(desk, scene)


@pytest.mark.parametrize(
    ("topic", "payload", "old"),
    [("state", state_of_old(), OLD), ("ack", b"of another key", None)],
)
def test_whatever_the_broker_keeps_of_a_ledger_is_a_sign_of_one(
    desk: Desk, processes: Processes, topic: str, payload: bytes, old: str | None
) -> None:
    async def scene() -> None:
        await keep(desk.broker, topic, payload)
        assert await ended(desk.start_agent()) == MISCONFIGURED
        begun = await asyncio.to_thread(begin_anew, desk, processes)
        assert (begun.old_ledger, begun.old_no) == (old, None)

    desk.broker.start()
    asyncio.run(scene())


def test_a_first_start_waits_for_the_broker(desk: Desk) -> None:
    agent = desk.start_agent()
    wait_until(lambda: "first_start_waits" in desk.log_of(agent), "the wait")
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(20) == 0
    assert not (desk.folder / "state/journal.db").exists()
    agent = desk.start_agent()
    wait_until(lambda: "first_start_waits" in desk.log_of(agent), "the wait")

    async def scene(centre: Centre) -> None:
        await centre.until(lambda: "agent-started" in centre.kinds())
        agent.send_signal(signal.SIGTERM)
        assert await ended(agent) == 0

    play(desk, scene)
    # And from then on it does not need it to start.
    desk.broker.stop()
    desk.start_agent()
    assert desk.agent(do="status")["ok"]
