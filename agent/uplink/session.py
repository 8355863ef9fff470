"""The session with the centre: connect, take what it sends, send events and state.

The broker is not the ledger: a job is acknowledged when it is on disk, an event is done
when the centre's signed ack covers it. A connection that fails is thrown away whole.
A second agent is known by DISCONNECT 0x8E, or, since older brokers do not send it, by
its birth in our `online`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import structlog

from agent.clock import Clock
from agent.contract.envelope import EnvelopeRefused
from agent.contract.events import Incident, IncidentRaised
from agent.contract.messages import Ack, Ask, Online, State
from agent.contract.topics import RETAINED, TO_AGENT, Address, Topic
from agent.health import Health
from agent.journal.errors import JournalDamagedError, JournalError, StorageError
from agent.journal.journal import AckVerdict, Journal
from agent.uplink.commands import Commands
from agent.uplink.door import Door
from agent.uplink.link import TAKEN_OVER, Link, LinkError, Received, Will
from agent.uplink.outbox import BATCH_SIZE_MAX, Outbox

STATE_EVERY_S = 300
STATE_GAP_S = 1
RETRY_FIRST_S = 0.5
RETRY_MAX_S = 60
STABLE_MS = 30_000  # a connection that lasted this long begins the back-off anew
DUEL_MS = 60_000  # taken over twice in this time: there is a second agent
DUEL_RETRY_S = 120
FAREWELL_S = 3
CANCEL_AGAIN_S = 1.0
RETIRED = "the centre has retired this agent"
HANDLING_S = 120  # one message: open, render, write

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ends:
    """What the uplink joins: the way to the broker, and what the messages mean."""

    make_link: Callable[[], Link]
    address: Address
    door: Door
    commands: Commands
    open_ack: Callable[[bytes], Ack]
    state: Callable[[int], State]  # of a connection number
    duel: Callable[[bool], None]  # told when a second agent uses our client id
    dice: random.Random = field(default_factory=random.SystemRandom)


class Uplink:
    """One session for ever, over as many connections as it takes."""

    def __init__(
        self, ends: Ends, journal: Journal, clock: Clock, health: Health
    ) -> None:
        self._ends = ends
        self._journal = journal
        self._clock = clock
        self._health = health
        self._takeovers: deque[int] = deque(maxlen=2)
        self._counted = True  # the birth found next is no news: before this process
        self._duelling = False
        self._stopping = asyncio.Event()
        self._ending = asyncio.Event()  # of this connection: we stop, or we leave
        self._lines_due = asyncio.Event()
        self._state_due = asyncio.Event()
        self.connection = 0  # number of the last one
        self.connected = False
        self.trouble = ""  # why there is no connection

    def stop(self) -> None:
        """Send what is written, say goodbye, and let `run` return."""
        self._stopping.set()
        self._ending.set()

    async def run(self) -> None:
        """Stay connected until `stop`; every failure is followed by another try.

        An agent that the centre retired leaves for good once all its events are there.
        """
        tries = 0
        while not self._stopping.is_set():
            if self._left:
                self.trouble = RETIRED
                self._health.rest("uplink")
                return
            self._health.beat("uplink", RETRY_MAX_S + HANDLING_S)
            self._since_ms = self._clock.mono_ms()
            error = await self._connection()
            if error is None:
                continue  # we stop, or have left
            lasted_ms = self._clock.mono_ms() - self._since_ms
            tries = 0 if lasted_ms >= STABLE_MS else tries + 1
            self.trouble = str(error)
            if error.code == TAKEN_OVER:
                await self._taken_over()
                self._counted = True
            delay_s = DUEL_RETRY_S if self._duelling else self._delay_s(tries)
            log.warning(
                "link_lost", reason=self.trouble, code=error.code, wait_s=delay_s
            )
            self._health.beat("uplink", delay_s + HANDLING_S)
            await self._pause(delay_s)

    async def _connection(self) -> LinkError | None:
        """Live one connection; None when it ended because we stop."""
        link = self._ends.make_link()
        if not self._stopping.is_set():
            self._ending.clear()
        try:
            await self._open(link)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._receive(link)),
                    group.create_task(self._send_lines(link)),
                    group.create_task(self._send_state(link)),
                    group.create_task(self._watch_journal()),
                ]
                await self._ending.wait()
                await _cancel(tasks)
            if self._delivered:
                await self._leave(link)
            else:
                await self._say_goodbye(link)
        except JournalDamagedError:
            raise
        except (LinkError, JournalError) as error:
            return _as_link_error(error)
        except BaseExceptionGroup as group_error:
            lost, rest = group_error.split(_passes)
            if rest is not None:
                raise rest from None
            return _as_link_error(_first(lost)) if lost is not None else None
        finally:
            self.connected = False
            await link.close()
        return None

    async def _open(self, link: Link) -> None:
        ends, journal = self._ends, self._journal
        self.connection = await journal.next_connection()
        death = self._online(alive=False)
        await link.connect(Will(ends.address.topic(Topic.ONLINE), death))
        self._outbox = Outbox(journal.head().acked, self._clock.mono_ms())
        await link.subscribe(
            [ends.address.topic(topic) for topic in (*TO_AGENT, Topic.ONLINE)]
        )
        await self._publish(link, Topic.ONLINE, self._online(alive=True))
        self._nonce = f"{self._ends.dice.getrandbits(128):032x}"
        ask = Ask(
            nonce=self._nonce,
            boot=journal.boot,
            ledger=journal.ledger,
            accepted=journal.open_job_ids(),
        )
        await self._publish(link, Topic.ASK, msgspec.json.encode(ask))
        self.connected, self.trouble = True, ""
        self._lines_due.set()
        log.info("link_up", connection=self.connection)
        self._health.status("connected to the broker")

    async def _publish(self, link: Link, topic: Topic, payload: bytes) -> None:
        name = self._ends.address.topic(topic)
        await link.publish(name, payload, retain=topic in RETAINED)

    def _online(self, *, alive: bool) -> bytes:
        boot = self._journal.boot
        message = Online(online=alive, connection=self.connection, boot=boot)
        return msgspec.json.encode(message)

    async def _receive(self, link: Link) -> None:
        while True:
            message = await link.receive()
            await self._take(link, message)
            # Through the link that received it, and only now that it is on disk.
            link.ack(message)
            self._health.rest("messages")

    async def _take(self, link: Link, message: Received) -> None:
        """Do what a message says, when the disk takes it: till then it stays there."""
        while True:
            self._health.beat("messages", HANDLING_S)
            try:
                match message.topic.rpartition("/")[2]:
                    case Topic.JOB:
                        await self._ends.door.take(message.payload)
                        return self._state_due.set()  # it counts what came again, too
                    case Topic.COMMAND:
                        return await self._take_command(link, message)
                    case Topic.ACK:
                        return await self._take_ack(message)
                    case Topic.ONLINE:
                        return await self._take_birth(message)
                    case _:
                        return None
            except StorageError:
                self._health.rest("messages")
                await self._journal.writable()

    async def _take_command(self, link: Link, message: Received) -> None:
        """Do it and reply; a reply that is lost is asked for by the command again."""
        reply = await self._ends.commands.take(message.payload)
        if reply is None:
            self._state_due.set()
        else:
            await self._publish(link, Topic.REPLY, msgspec.json.encode(reply))

    async def _take_ack(self, message: Received) -> None:
        try:
            ack = self._ends.open_ack(message.payload)
        except EnvelopeRefused as refused:
            log.warning("ack_refused", reason=refused.reason, detail=refused.detail)
            await self._ends.door.count(refused.reason)
            self._state_due.set()
            return
        verdict = await self._journal.store_ack(
            ack, message.payload, echoed=ack.nonce == self._nonce
        )
        if verdict is AckVerdict.FORK:
            log.error("ledger_forked", no=ack.no, ledger=ack.ledger)
            return
        if verdict is AckVerdict.OTHER_LEDGER:
            log.warning("ack_of_other_ledger", ledger=ack.ledger)
            return
        self._outbox.acknowledged(ack.no, self._clock.mono_ms())
        self._lines_due.set()

    async def _take_birth(self, message: Received) -> None:
        """Our own birth stands in `online`, unless another agent was here since."""
        with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
            birth = msgspec.json.decode(message.payload, type=Online)
            news = birth.online and birth.boot != self._journal.boot
            if news and not self._counted and await self._taken_over():
                raise LinkError("a second agent uses our client id")
        self._counted = False

    async def _send_lines(self, link: Link) -> None:
        outbox = self._outbox
        while True:
            self._lines_due.clear()
            if outbox.rewind_if_stuck(self._clock.mono_ms()):
                log.warning("events_sent_again", after=outbox.sent)
            await self._send_what_is_written(link)
            with contextlib.suppress(StorageError):
                await self._ends.door.report_refusals()
            wait_ms = outbox.wait_ms(self._clock.mono_ms())
            wait_s = STATE_EVERY_S if wait_ms is None else wait_ms / 1000
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._lines_due.wait()

    async def _send_what_is_written(self, link: Link) -> None:
        outbox = self._outbox
        while room := outbox.room:
            after = outbox.sent
            lines = await self._journal.lines_after(after, room, BATCH_SIZE_MAX)
            if not lines:
                return
            payload = b"".join(line for _, line in lines)
            await self._publish(link, Topic.EVENT, payload)
            # An ack that asks for a replay may have come meanwhile: it goes first.
            if outbox.sent == after:
                outbox.published(lines[-1][0], self._clock.mono_ms())

    async def _send_state(self, link: Link) -> None:
        while True:
            self._state_due.clear()
            self._health.beat("uplink", STATE_EVERY_S + HANDLING_S)
            state = self._ends.state(self.connection)
            payload = msgspec.json.encode(state)
            await self._publish(link, Topic.STATE, payload)
            await self._clock.sleep(STATE_GAP_S)
            every_s = DUEL_MS / 1000 if self._duelling else STATE_EVERY_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s - STATE_GAP_S):
                    await self._state_due.wait()
            if self._duelling and self._clock.mono_ms() - self._since_ms > DUEL_MS:
                self._set_duelling(False)  # we have been let alone since

    async def _watch_journal(self) -> None:
        changed = self._journal.changed
        while True:
            version = changed.version
            if self._delivered:
                self._ending.set()
            self._lines_due.set()
            self._state_due.set()
            await changed.beyond(version)

    @property
    def _left(self) -> bool:
        try:
            return self._journal.orders.left
        except StorageError:
            return False  # a connection can be made with a disk that fails

    @property
    def _delivered(self) -> bool:
        """Whether we are retired, and the centre holds all that we have to say."""
        head = self._journal.head()
        return self._journal.orders.retired and head.acked == head.no

    async def _leave(self, link: Link) -> None:
        """Empty what the broker keeps of us, end the session, and never come back."""
        for topic in (Topic.STATE, Topic.ONLINE):
            await self._publish(link, topic, b"")
        await link.end_session()
        await self._journal.orders.leave()
        log.info("agent_left")
        self._health.status("retired")

    async def _say_goodbye(self, link: Link) -> None:
        """Death comes last, so that the centre has read why before it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await self._send_what_is_written(link)
                await self._publish(link, Topic.ONLINE, self._online(alive=False))

    def _delay_s(self, tries: int) -> float:
        ceiling_s: float = min(RETRY_MAX_S, RETRY_FIRST_S * 2.0 ** min(tries, 10))
        return round(ceiling_s * self._ends.dice.uniform(0.5, 1), 3)

    async def _taken_over(self) -> bool:
        """Count a takeover; true when it is the second within a minute."""
        now_ms = self._clock.mono_ms()
        self._takeovers.append(now_ms)
        if len(self._takeovers) < 2 or now_ms - self._takeovers[0] >= DUEL_MS:
            return False
        if not self._duelling:
            self._set_duelling(True)
            log.error("second_agent_found")
            detail = "another client took over our MQTT session twice within 60 s"
            incident = IncidentRaised(incident=Incident.SECOND_AGENT, detail=detail)
            with contextlib.suppress(StorageError):  # the state says it as well
                await self._journal.record(incident)
        return True

    def _set_duelling(self, duelling: bool) -> None:
        self._duelling = duelling
        self._ends.duel(duelling)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until `stop`."""
        async with asyncio.TaskGroup() as group:
            waits = [
                group.create_task(self._clock.sleep(seconds)),
                group.create_task(self._stopping.wait()),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until they end: `wait_for` of Python 3.11 can swallow a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)


def _passes(error: BaseException) -> bool:
    """Whether another connection is worth a try after it."""
    return isinstance(error, LinkError | JournalError) and not isinstance(
        error, JournalDamagedError
    )


def _as_link_error(error: BaseException) -> LinkError:
    return error if isinstance(error, LinkError) else LinkError(str(error))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
