"""A broker in memory: retained topics, one kept session, connections that get lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from agent.contract.topics import Address, Topic
from agent.uplink.link import TAKEN_OVER, LinkError, Received, Will
from tests.agent.virtual_time import elapse
from tests.world.process import Process

HOP_S = 0.004
KEEPALIVE_S = 20.0

RETAINED_FOR_AGENT = (Topic.ACK, Topic.ONLINE)


class Broker:
    """Between one agent and its centre, of which it calls `receive`."""

    def __init__(self, address: Address, dice: Random) -> None:
        self._address = address
        self._dice = dice
        self.receive: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.up = True
        self.kept: dict[str, bytes] = {}
        self.waiting: deque[tuple[str, bytes]] = deque()  # for the agent's session
        self.link: MemoryLink | None = None

    def to_agent(self, topic: Topic, payload: bytes) -> None:
        """The centre publishes; acks are retained, jobs wait in the session."""
        name = self._address.topic(topic)
        if topic in RETAINED_FOR_AGENT:
            self.kept[name] = payload
            if self.link is not None:
                self.link.arrive(name, payload)
        else:
            self.waiting.append((name, payload))
            if self.link is not None:
                self.link.wake()

    def from_agent(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if retain:
            self.kept[topic] = payload
        self.receive(topic.rpartition("/")[2], payload)

    def fail(self, *, up: bool) -> None:
        """Go down and lose every connection, or come back."""
        self.up = up
        if self.link is not None and not up:
            self.link.lose()

    def loses_on_the_way(self) -> bool:
        """Whether a message whose connection just broke had arrived."""
        return self._dice.random() < 0.5


class MemoryLink:
    """One connection of one process: `agent.uplink.link.Link`."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self._broker = broker
        self._process = process
        self._inbox: deque[tuple[str, bytes]] = deque()
        self._topics: frozenset[str] = frozenset()
        self._in_flight: int | None = None
        self._count = 0
        self._lost: LinkError | None = LinkError("not connected")
        self._news = asyncio.Event()
        self._will: Will | None = None

    async def connect(self, will: Will) -> None:
        await self._process.alive()
        await elapse(HOP_S)
        await self._process.alive()
        if not self._broker.up:
            raise LinkError("the broker is down")
        before = self._broker.link
        if before is not None:
            before.lose(TAKEN_OVER)
        self._broker.link, self._lost, self._will = self, None, will

    async def subscribe(self, topics: Sequence[str]) -> None:
        await self._hop()
        self._topics = frozenset(topics)
        for topic in topics:
            if topic in self._broker.kept:
                self._inbox.append((topic, self._broker.kept[topic]))
        self.wake()

    async def receive(self) -> Received:
        while True:
            await self._process.alive()
            if self._lost is not None:
                raise self._lost
            if self._inbox:
                return self._numbered(*self._inbox.popleft())
            if self._in_flight is None and self._topics and self._broker.waiting:
                received = self._numbered(*self._broker.waiting[0])
                self._in_flight = received.number
                return received
            self._news.clear()
            await self._news.wait()

    def ack(self, message: Received) -> None:
        gone = self._process.dead or self._lost is not None
        if not gone and message.number == self._in_flight:
            self._in_flight = None
            self._broker.waiting.popleft()
            self.wake()

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        await self._hop(payload_at_stake=True)
        self._broker.from_agent(topic, payload, retain=retain)
        await self._hop()

    async def end_session(self) -> None:
        await self._hop()
        self._broker.waiting.clear()
        self._lost, self._will = LinkError("closed"), None

    async def close(self) -> None:
        if self._broker.link is self and not self._process.dead:
            self._broker.link = None
        self._lost = self._lost or LinkError("closed")

    def lose(self, code: int | None = None) -> None:
        """The connection breaks; the broker publishes the will."""
        self._lost = LinkError("lost", code)
        if self._broker.link is self:
            self._broker.link = None
        if self._will is not None:
            self._broker.from_agent(self._will.topic, self._will.payload, retain=True)
        self.wake()

    def arrive(self, topic: str, payload: bytes) -> None:
        if topic in self._topics:
            self._inbox.append((topic, payload))
            self.wake()

    def wake(self) -> None:
        self._news.set()

    def _numbered(self, topic: str, payload: bytes) -> Received:
        self._count += 1
        return Received(topic, payload, self._count)

    async def _hop(self, *, payload_at_stake: bool = False) -> None:
        await self._process.alive()
        was_lost = self._lost is not None
        await elapse(HOP_S)
        await self._process.alive()
        if self._lost is None:
            return
        if payload_at_stake and not was_lost and self._broker.loses_on_the_way():
            return  # it had arrived before the connection broke
        raise self._lost
