"""The centre at a real broker, with a peer that plays the agent by hand."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import aiomqtt
import pytest
from joserfc.jwk import ECKey

from simulators.broker import plan_broker
from simulators.centre.batch import batch
from simulators.centre.contract import Contract, ContractError
from simulators.centre.desk import Clocks, Desk
from simulators.centre.keys import AgentKey, centre_key
from simulators.centre.link import Broker, Link
from simulators.centre.orders import Addressee
from simulators.centre.store import Store
from simulators.demo.children import Children
from simulators.demo.stage import broker_listens

LEDGER = "3b0c7d52-5b3e-4f0e-9a55-0d8f6f1b2c3d"
PREFIX = "blanko/v1/station-1/p1"


def desk_in(directory):
    agent = ECKey.generate_key("P-256")
    desk = Desk(
        contract=Contract(),
        store=Store(directory / "store"),
        key=centre_key(directory / "keys"),
        agent=AgentKey(agent, agent.thumbprint()),
        to=Addressee("station-1", "p1", agent.thumbprint()),
        clocks=Clocks(lambda: datetime.now(UTC), asyncio.get_running_loop().time),
        say=print,
        greeting_s=0,
    )
    desk.open(batch(2, "t"))
    return desk


def lines():
    """Both jobs accepted and completed."""
    found, prev = [], "0" * 64
    accepted = {
        "kind": "job-accepted", "payload_sha256": "0" * 64, "queue_no": 1,
        "job_kind": "first", "blanks": 2, "side_count": 1,
        "expires_at": "2026-04-01T00:00:00Z",
    }  # fmt: skip
    for no, (job, data) in enumerate(
        [(job, {**accepted, "subject": "s"}) for job in ("t-01", "t-02")]
        + [(job, {"kind": "job-completed", "attempts": 1}) for job in ("t-01", "t-02")],
        1,
    ):
        event = {
            "ledger": LEDGER, "no": no, "prev": prev, "boot": "b", "clock": "sure",
            "at": "2026-03-04T05:06:07Z", "mono": 1, "data": data, "job": job,
        }  # fmt: skip
        body = json.dumps(event, sort_keys=True).encode()
        prev = hashlib.sha256(body).hexdigest()
        found.append(prev.encode() + b" " + body + b"\n")
    return found


async def with_broker(directory, story):
    children = Children(directory / "logs")
    plan = plan_broker(directory)
    broker = await children.start("broker", plan.argv)
    try:
        async with asyncio.timeout(60):
            assert await broker_listens(broker, plan.port)
            return await story(plan)
    finally:
        await children.stop()


def client(plan, name):
    return aiomqtt.Client(
        "127.0.0.1", plan.port, identifier=name, protocol=aiomqtt.ProtocolVersion.V5
    )


def test_jobs_go_out_events_come_in_and_the_centre_ends_when_all_is_done(tmp_path):
    async def story(plan):
        desk = desk_in(tmp_path)
        got = []
        async with client(plan, "agent") as agent:
            await agent.subscribe([(f"{PREFIX}/job", 1), (f"{PREFIX}/ack", 1)])
            link = Link(Broker.parse(plan.uri), desk, print)
            running = asyncio.create_task(link.run(until_done=True))
            async for message in agent.messages:
                got.append(str(message.topic).rpartition("/")[2])
                if got.count("job") == 2 and "ack" not in got:
                    payload = b"".join(lines())
                    await agent.publish(f"{PREFIX}/event", payload, qos=1)
                if "ack" in got:
                    break
            await running
        return desk

    desk = asyncio.run(with_broker(tmp_path, story))
    assert desk.book.done
    assert desk.store.lines() == lines()


def test_the_centre_comes_back_to_a_broker_that_was_not_there(tmp_path):
    async def story(plan):
        said, spoken, joined = [], asyncio.Event(), asyncio.Event()

        def say(text):
            said.append(text)
            (joined if "joined" in text else spoken).set()

        link = Link(Broker("127.0.0.1", 1), desk_in(tmp_path), say)
        task = asyncio.create_task(link.run(until_done=True))
        await spoken.wait()
        link._broker = Broker.parse(plan.uri)
        await joined.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return said

    said = asyncio.run(with_broker(tmp_path, story))
    assert said[0].startswith("centre has no broker")


def test_a_message_against_the_contract_ends_the_centre(tmp_path):
    async def story(plan):
        link = Link(Broker.parse(plan.uri), desk_in(tmp_path), print)
        async with client(plan, "agent") as agent:
            await agent.publish(f"{PREFIX}/online", b'{"online":1}', 1, retain=True)
            await link.run(until_done=True)

    with pytest.raises(ContractError, match=r"online\.schema\.json"):
        asyncio.run(with_broker(tmp_path, story))


@pytest.mark.parametrize("uri", ["mqtts://x:1", "localhost:1883", "mqtt://", ""])
def test_an_address_that_is_none_is_refused(uri):
    with pytest.raises(ValueError, match="mqtt://HOST:PORT"):
        Broker.parse(uri)
