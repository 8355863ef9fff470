"""A station at someone else's broker: up, answering, and gone without a trace."""

import asyncio
import json
import sys
from pathlib import Path

import aiomqtt

from simulators.broker import plan_broker
from simulators.centre.keys import TRUST_NAME, agent_key, centre_key
from simulators.demo.children import Children
from simulators.demo.command import Command
from simulators.demo.stage import broker_listens


def started_by(pid: int) -> set[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in found}


async def birth(port: int) -> dict[str, object]:
    """The retained message by which the agent says that it is there."""
    topic = "blanko/v1/station-1/p1/online"
    version = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", port, protocol=version) as client:
        await client.subscribe(topic, qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found: dict[str, object] = json.loads(message.payload)
            if found["online"]:
                return found
    raise AssertionError("the broker went away")


def test_a_station_joins_the_broker_and_leaves_nothing_running(tmp_path):
    async def story() -> None:
        children = Children(tmp_path / "logs")
        centre_key(tmp_path / "keys")
        plan = plan_broker(tmp_path)
        broker = await children.start("broker", plan.argv)
        assert await broker_listens(broker, plan.port)
        argv = [
            sys.executable, "-m", "simulators", "station", "--broker", plan.uri,
            "--trust", str(tmp_path / "keys" / TRUST_NAME), "--dir",
            str(tmp_path / "s"), "--speed", "100",
        ]  # fmt: skip
        station = await children.start("station", argv)
        try:
            await children.line(station, "Ctrl-C", 60)
            async with asyncio.timeout(30):
                assert (await birth(plan.port))["online"] is True
            assert agent_key(tmp_path / "s" / "agent.jwk.pub").kid
            status = await Command(tmp_path / "s" / "agent.toml")("status")
            assert status["state"]["printer"]["model"] == "Primacy"
            programs = started_by(station.process.pid)
            assert len(programs) == 2
            await children.end(station)
            assert station.process.returncode == 0
            assert not [pid for pid in programs if Path(f"/proc/{pid}").exists()]
        finally:
            await children.stop()

    asyncio.run(story())
