"""One connection to the broker: MQTT 5 by aiomqtt, with the four settings it needs.

A link is used once: a new object for each connection. A message can be acknowledged
only through the link that received it, so an acknowledgement that comes late meets a
closed link and never another message that has the same packet number by then.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import aiomqtt
import paho.mqtt.client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.config import Mqtt
from agent.errors import AgentError

SESSION_EXPIRY_S = 31 * 86_400
KEEPALIVE_S = 10  # a dead link is noticed after twice this
TIMEOUT_S = 10
TAKEN_OVER = 0x8E  # somebody connected with our client id (mosquitto from 2.1 says so)
_FAILURE = 0x80  # reason codes from here on

TICK_S = 2.5  # of the library's housekeeping; a ping must go within 1.5 × KEEPALIVE_S

# Manual acknowledgement has no public name in aiomqtt 2 (its issue 345). Without it
# every message in the library's queue is lost with the process.
assert callable(getattr(paho.mqtt.client.Client, "manual_ack_set", None))
assert callable(getattr(aiomqtt.Client, "_misc_loop", None))


class LinkError(AgentError):
    """The connection could not be made, was refused, or is lost; take a new link."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code  # of the broker's CONNACK or DISCONNECT, if it said one


@dataclass(frozen=True, slots=True)
class Received:
    """A message that the broker keeps until it is acknowledged."""

    topic: str
    payload: bytes
    number: int  # of the packet; means something to its own link only


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection dies."""

    topic: str
    payload: bytes


class Link(Protocol):
    """A connection. Every method but `ack` and `close` raises `LinkError`."""

    async def connect(self, will: Will) -> None:
        """Resume the session that the broker keeps for our client id."""
        ...

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for these topics, but for what comes from our own client id."""
        ...

    async def receive(self) -> Received:
        """Wait for the next message; it comes again until it is acknowledged."""
        ...

    def ack(self, message: Received) -> None:
        """Let the broker forget a message that this very link received."""
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Return when the broker has the message, which may have arrived anyway."""
        ...

    async def end_session(self) -> None:
        """Say goodbye for good: the broker forgets our session and what waits in it."""
        ...

    async def close(self) -> None:
        """Say goodbye, so that no will is published; never raises."""
        ...


class MqttLink:
    """The link of the daemon."""

    def __init__(self, mqtt: Mqtt, client_id: str, *, passing: bool = False) -> None:
        """`passing`: no session before, and none after."""
        self._passing = passing
        self._mqtt = mqtt
        self._client_id = client_id
        self._client: aiomqtt.Client | None = None

    async def connect(self, will: Will) -> None:
        try:
            client = self._make_client(will)
        except OSError as error:  # a password, certificate or key file
            raise LinkError(f"{error.filename or 'TLS'}: {error.strerror}") from error
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            _cut(client)
            raise _link_error(error) from error
        self._client = client

    async def subscribe(self, topics: Sequence[str]) -> None:
        try:
            options = SubscribeOptions(qos=1, noLocal=True)
            granted = await self._open.subscribe([(topic, options) for topic in topics])
        except aiomqtt.MqttError as error:
            raise _link_error(error) from error
        for topic, code in zip(topics, granted, strict=True):
            if _number(code) >= _FAILURE:
                raise LinkError(f"may not subscribe {topic}: {code}", _number(code))

    async def receive(self) -> Received:
        try:
            message = await anext(aiter(self._open.messages))
        except aiomqtt.MqttError as error:
            raise _link_error(error.__cause__ or error) from error
        return Received(str(message.topic), message.payload, message.mid)

    def ack(self, message: Received) -> None:
        if self._client is not None:
            self._client._client.ack(message.number, 1)

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        try:
            await self._open.publish(topic, payload, qos=1, retain=retain)
        except aiomqtt.MqttError as error:
            raise _link_error(error) from error

    async def end_session(self) -> None:
        client = self._open
        properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call] # paho
        properties.SessionExpiryInterval = 0
        client._client.disconnect(properties=properties)
        # The library has no such goodbye of its own; `close` finds this one done.
        await asyncio.wait({client._disconnected}, timeout=TIMEOUT_S)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            await client.__aexit__(None, None, None)
        except aiomqtt.MqttError:
            _cut(client)  # it was lost already, or the broker hangs

    @property
    def _open(self) -> aiomqtt.Client:
        if self._client is None:
            raise LinkError("not connected")
        return self._client

    def _make_client(self, will: Will) -> aiomqtt.Client:
        mqtt = self._mqtt
        end = mqtt.endpoint
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho
        properties.SessionExpiryInterval = 0 if self._passing else SESSION_EXPIRY_S
        properties.ReceiveMaximum = 1
        client = _Client(
            end.host,
            end.port,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            username=mqtt.username,
            password=_password(mqtt.password_file),
            tls_context=_tls(mqtt) if end.tls else None,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
            clean_start=self._passing,
            properties=properties,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client._client.manual_ack_set(True)
        return client


class _Client(aiomqtt.Client):
    """Looks after its pings less often: each second is half of an idle agent's CPU."""

    async def _misc_loop(self) -> None:
        fine = paho.mqtt.client.MQTT_ERR_SUCCESS
        while self._client.loop_misc() == fine:  # noqa: ASYNC110 - it counts the time
            await asyncio.sleep(TICK_S)


def _cut(client: aiomqtt.Client) -> None:
    """Let no half-open connection live: later it would take over from our next one."""
    sock = client._client.socket()
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # the library sees it and cleans up


def _password(file: Path | None) -> str | None:
    return None if file is None else file.read_text().rstrip("\r\n")


def _tls(mqtt: Mqtt) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=mqtt.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mqtt.cert_file is not None:
        context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
    return context


def _link_error(error: BaseException) -> LinkError:
    code = getattr(error, "rc", None)
    return LinkError(str(error), None if code is None else _number(code))


def _number(code: object) -> int:
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else -1
