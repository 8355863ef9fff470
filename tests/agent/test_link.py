"""A real broker: what a link promises holds when processes and brokers die."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiomqtt
import pytest

from agent.config import Mqtt
from agent.uplink.link import TAKEN_OVER, LinkError, MqttLink, Will

pytestmark = pytest.mark.mosquitto

UNSPECIFIED = 0x80
TOPIC = "blanko/v1/s/p/job"
WILL = Will("blanko/v1/s/p/online", b"dead")
CLIENT_ID = "blanko-s-p"

KILLED_BEFORE_ACK = """
import asyncio, sys
from agent.config import Mqtt
from agent.uplink.link import MqttLink, Will

async def main():
    link = MqttLink(Mqtt(uri=sys.argv[1]), "blanko-s-p")
    await link.connect(Will("blanko/v1/s/p/online", b"killed"))
    await link.subscribe(["blanko/v1/s/p/job"])
    print("ready", flush=True)
    for _ in range(2):
        message = await link.receive()
        link.ack(message)
        print(message.payload.decode(), flush=True)
    print("holding", (await link.receive()).payload.decode(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def link_to(broker, client_id: str = CLIENT_ID) -> MqttLink:
    return MqttLink(Mqtt(uri=broker.uri), client_id)


async def opened(broker, client_id: str = CLIENT_ID) -> MqttLink:
    link = link_to(broker, client_id)
    await link.connect(WILL)
    await link.subscribe([TOPIC])
    return link


def sockets() -> int:
    """How many sockets this process holds."""
    open_files = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    kinds = [str(file.readlink()) for file in open_files if file.is_symlink()]
    return len([kind for kind in kinds if kind.startswith("socket:")])


async def send(broker, *payloads: str) -> None:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in payloads:
            await client.publish(TOPIC, payload, qos=1)


async def received(link: MqttLink, count: int) -> list[str]:
    found = []
    async with asyncio.timeout(10):
        for _ in range(count):
            message = await link.receive()
            link.ack(message)
            found.append(message.payload.decode())
    return found


async def nothing_more(link: MqttLink) -> bool:
    try:
        async with asyncio.timeout(0.2):
            await link.receive()
    except TimeoutError:
        return True
    return False


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(bounded())


def test_a_process_killed_between_receipt_and_ack_loses_nothing(mosquitto, processes):
    process = processes.start("-c", KILLED_BEFORE_ACK, mosquitto.uri)
    assert process.stdout.readline() == "ready\n"
    jobs = [f"job-{number}" for number in range(20)]
    asyncio.run(send(mosquitto, *jobs))
    heard = [process.stdout.readline().strip() for _ in range(3)]
    assert heard == ["job-0", "job-1", "holding job-2"]
    process.send_signal(signal.SIGKILL)
    process.wait(10)

    async def scene() -> None:
        link = await opened(mosquitto)
        assert await received(link, 18) == jobs[2:]
        assert await nothing_more(link)
        await link.close()

    run(scene)


def test_only_one_message_at_a_time_is_on_its_way(mosquitto):
    async def scene() -> None:
        link = await opened(mosquitto)
        await send(mosquitto, "one", "two")
        first = await link.receive()
        assert await nothing_more(link)
        link.ack(first)
        assert await received(link, 1) == ["two"]
        await link.close()

    run(scene)


def test_what_was_sent_while_nobody_listened_arrives(mosquitto):
    async def scene() -> None:
        link = await opened(mosquitto)
        await link.close()
        await send(mosquitto, "one", "two", "three")
        link = await opened(mosquitto)
        assert await received(link, 3) == ["one", "two", "three"]
        await link.close()

    run(scene)


def test_a_session_that_was_ended_keeps_nothing(mosquitto):
    async def test() -> None:
        link = await opened(mosquitto)
        await link.end_session()
        await link.close()
        await send(mosquitto, "old")
        link = await opened(mosquitto)
        await send(mosquitto, "new")
        assert await received(link, 1) == ["new"]
        await link.close()

    asyncio.run(test())


def test_an_ack_that_comes_late_acknowledges_no_other_message(mosquitto):
    """The broker forgets everything; packet numbers begin anew on the next link."""

    async def scene() -> None:
        old = await opened(mosquitto)
        await send(mosquitto, "old")
        held = await old.receive()
        mosquitto.stop(signal.SIGKILL)
        for file in mosquitto.folder.glob("*.db*"):
            file.unlink()
        mosquitto.start()
        new = await opened(mosquitto)
        await send(mosquitto, "eleven", "twelve")
        eleven = await new.receive()
        assert eleven.number == held.number, "the hazard is not there to be tested"
        old.ack(held)
        await old.close()
        old.ack(held)
        await new.close()
        again = await opened(mosquitto)
        assert await received(again, 2) == ["eleven", "twelve"]
        await again.close()

    run(scene)


def test_the_will_is_published_by_death_and_not_by_goodbye(mosquitto, processes):
    async def scene() -> None:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as centre:
            await centre.subscribe(WILL.topic, qos=1)
            link = await opened(mosquitto, "blanko-s-other")
            await link.close()
            process = processes.start("-c", KILLED_BEFORE_ACK, mosquitto.uri)
            assert process.stdout.readline() == "ready\n"
            process.kill()
            async with asyncio.timeout(10):
                message = await anext(centre.messages)
            assert message.payload == b"killed"
            assert len(centre.messages) == 0

    run(scene)


def test_the_one_who_is_taken_over_loses_the_connection(mosquitto):
    """With 0x8E from mosquitto 2.1 on; 2.0 closes without a word."""

    async def scene() -> None:
        first = await opened(mosquitto)
        second = await opened(mosquitto)
        with pytest.raises(LinkError) as caught:
            await received(first, 1)
        assert caught.value.code in (TAKEN_OVER, UNSPECIFIED)
        await first.close()
        await second.close()

    run(scene)


def test_an_absent_broker_is_an_error_with_its_reason(stopped_mosquitto):
    async def scene() -> None:
        with pytest.raises(LinkError, match="refused"):
            await link_to(stopped_mosquitto).connect(WILL)

    run(scene)


def test_a_broker_that_refuses_us_is_an_error_with_its_reason(
    stopped_mosquitto, tmp_path
):
    (tmp_path / "users").write_text("")
    stopped_mosquitto.start(
        "allow_anonymous false", f"password_file {tmp_path / 'users'}"
    )

    async def scene() -> None:
        link = link_to(stopped_mosquitto)
        with pytest.raises(LinkError, match="Not authorized"):
            await link.connect(WILL)
        await link.close()

    run(scene)


def test_a_broker_that_disappears_ends_every_call(mosquitto):
    async def scene() -> None:
        link = await opened(mosquitto)
        waiting = asyncio.create_task(link.receive())
        await asyncio.sleep(0)
        mosquitto.stop(signal.SIGKILL)
        with pytest.raises(LinkError):
            await waiting
        with pytest.raises(LinkError):
            await link.publish(TOPIC, b"x", retain=False)
        await link.close()
        await link.close()

    run(scene)


def test_a_broker_that_hangs_leaves_no_half_open_connection(mosquitto, monkeypatch):
    """A connection that comes to life later would take the session from its heir."""
    monkeypatch.setattr("agent.uplink.link.TIMEOUT_S", 0.3)

    async def scene() -> None:
        mosquitto.freeze()
        late = link_to(mosquitto)
        await asyncio.to_thread(str)  # so that the loop has its thread
        before = sockets()
        with pytest.raises(LinkError, match="timed out"):
            await late.connect(WILL)
        await late.close()
        async with asyncio.timeout(5):
            while sockets() != before:
                await asyncio.sleep(0)
        mosquitto.thaw()
        heir = await opened(mosquitto)
        await send(mosquitto, "one")
        assert await received(heir, 1) == ["one"]
        assert await nothing_more(heir)
        await heir.close()

    run(scene)


def test_a_password_file_that_is_gone_is_named(mosquitto, tmp_path):
    async def scene() -> None:
        mqtt = Mqtt(
            uri=mosquitto.uri, username="a", password_file=tmp_path / "password"
        )
        with pytest.raises(LinkError, match="password: No such file"):
            await MqttLink(mqtt, CLIENT_ID).connect(WILL)

    run(scene)
