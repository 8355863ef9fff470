"""The centre's MQTT session: MQTT 5, QoS 1, a new client object for each connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from simulators.centre.desk import Desk, Outgoing

TOPICS = ("event", "ask", "state", "online", "reply")
DUE_S = 1.0
"""How often to look for what must be sent again."""

_BACK_OFF_S = (0.5, 8.0)
_SESSION_S = 31 * 86400


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker listens; plain TCP."""

    host: str
    port: int

    @classmethod
    def parse(cls, uri: str) -> Broker:
        """Read `mqtt://HOST[:PORT]`.

        Raises:
            ValueError: it is no such address.
        """
        parts = urlsplit(uri)
        if parts.scheme != "mqtt" or not parts.hostname:
            raise ValueError(f"broker must be mqtt://HOST:PORT, not {uri!r}")
        return cls(parts.hostname, parts.port or 1883)


class Link:
    """Joins a desk to its agent's topics, and joins again when the broker is lost."""

    def __init__(self, broker: Broker, desk: Desk, say: Callable[[str], None]) -> None:
        self._broker = broker
        self._desk = desk
        self._say = say
        self._prefix = f"blanko/v1/{desk.to.station}/{desk.to.printer}"
        self._sending = asyncio.Lock()

    async def run(self, until_done: bool) -> None:
        """Work until all is over at the desk; for ever unless `until_done`."""
        wait_s = _BACK_OFF_S[0]
        while True:
            try:
                async with self._client() as client:
                    wait_s = _BACK_OFF_S[0]
                    for topic in TOPICS:
                        await client.subscribe(f"{self._prefix}/{topic}", qos=1)
                    self._say(f"centre joined {self._broker.host}:{self._broker.port}")
                    await self._work(client, until_done)
                    return
            except (aiomqtt.MqttError, OSError) as error:
                self._say(f"centre has no broker: {error}")
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _BACK_OFF_S[1])

    def _client(self) -> aiomqtt.Client:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho
        properties.SessionExpiryInterval = _SESSION_S
        return aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            identifier=f"centre-{self._desk.to.station}-{self._desk.to.printer}",
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
            keepalive=10,
            timeout=10,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    async def _work(self, client: aiomqtt.Client, until_done: bool) -> None:
        """Receive and send until done.

        Raises:
            MqttError: the connection is lost.
            BookError | ContractError: from the desk.
        """
        tasks = [
            asyncio.create_task(self._receive(client, until_done)),
            asyncio.create_task(self._send_due(client)),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
            for task in ended:
                task.result()
        finally:
            await _end(tasks)

    async def _receive(self, client: aiomqtt.Client, until_done: bool) -> None:
        if until_done and self._desk.done:
            return
        async for message in client.messages:
            topic = str(message.topic).rpartition("/")[2]
            payload = message.payload
            assert isinstance(payload, bytes)
            for outgoing in self._desk.receive(topic, payload):
                await self._publish(client, outgoing)
            if until_done and self._desk.done:
                return

    async def _send_due(self, client: aiomqtt.Client) -> None:
        while True:
            for outgoing in self._desk.due():
                await self._publish(client, outgoing)
            await asyncio.sleep(DUE_S)

    async def _publish(self, client: aiomqtt.Client, outgoing: Outgoing) -> None:
        async with self._sending:
            await client.publish(
                f"{self._prefix}/{outgoing.topic}",
                outgoing.payload,
                qos=1,
                retain=outgoing.retain,
            )


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: aiomqtt's `wait_for` may swallow one (Python 3.11).

    It does so when an acknowledgement arrives in the same turn.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
