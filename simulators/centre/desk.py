"""The centre at work: what to store and what to answer for each message that comes.

No network: `receive` and `due` return what is to be published, in order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from simulators.centre.book import Book, BookError, Line
from simulators.centre.commands import Commands
from simulators.centre.contract import Contract, Document, parse
from simulators.centre.envelope import seal, sign_ack, sign_command
from simulators.centre.fate import Declaration
from simulators.centre.keys import AgentKey, SigningKey
from simulators.centre.orders import Addressee, Order, document
from simulators.centre.stock import StockBook
from simulators.centre.store import Store
from simulators.centre.suspicion import Suspicions

JOB_SIZE_MAX = 3 * 2**20
"""Bytes of a job before it is sealed."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for the agent; `topic` is the last part of it."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time comes from."""

    wall: Callable[[], datetime]
    mono_s: Callable[[], float]


@dataclass(slots=True)
class Desk:
    """One agent's place at the centre; `say` is told what happens, a line each."""

    contract: Contract
    store: Store
    key: SigningKey
    agent: AgentKey
    to: Addressee
    clocks: Clocks
    say: Callable[[str], None]
    greeting_s: float = 5.0  # an agent not seen yet may come: it will ask for its jobs
    book: Book = field(default_factory=Book)
    suspicions: Suspicions = field(default_factory=Suspicions)
    state: Document | None = None  # the newest of the agent
    online: Document | None = None
    commands: Commands = field(init=False)
    _nonce: str | None = None
    _opened_s: float = 0.0
    _leaving: bool = False  # it is retired, and empties its topics when it is gone

    def __post_init__(self) -> None:
        self.commands = Commands(self.store.commands)

    def open(
        self,
        orders: list[Order],
        commands: tuple[str, ...] = (),
        fates: tuple[str, ...] = (),
    ) -> None:
        """Take the orders, and from the disk what is known of them already.

        Each of `commands` is a new one, such as `pause` or `cancel J-7`; each of
        `fates` a declaration, such as `J-7 completed by=siti second=rina`.

        Raises:
            BookError: the store's events are no whole chain.
            ContractError: an order does not make a job the contract allows; likewise a
                command.
            CommandError: words that are no command.
            FateError: words that declare nothing, or of a job whose agent can tell.
        """
        declared = [Declaration.read(words) for words in fates]
        for order in orders:
            if not self.store.has_job(order.job_id):
                self._file(order)
        for words in commands:
            command = self.commands.order(words, self.to, self.clocks.wall())
            self.contract.check("command", command, "the centre")
            self.commands.keep(command)
        self._opened_s = self.clocks.mono_s()
        self.book.stock = StockBook(
            self.contract.stock, centre=frozenset({self.key.kid})
        )
        for order in orders:
            issued = parse(self.store.job(order.job_id)[0], order.job_id)["issued_at"]
            self.book.follow([order.job_id], datetime.fromisoformat(issued))
        self.store.mend()
        for raw in self.store.lines():
            line = self.book.ledger.read(raw)
            self.contract.check("event", line.event, "the store")
            if not self.book.add(line, 0.0):
                raise BookError(f"{self.store.events}: event {line.no} is out of order")
            self._judge(line)
        for said in self.store.declared():
            self.book.declare(said)
        for said in declared:
            self.book.declare(said)
            self.store.keep_fate(said)
            self.say(f"{said.job_id} {said.fate}, say {said.by} and {said.second}")
        self._tell_unknown()

    def _judge(self, line: Line) -> list[str]:
        if line.kind == "ledger-begun":
            self.suspicions = Suspicions()
        return self.suspicions.add(line.event)

    def _tell_unknown(self) -> None:
        for job_id in self.book.unknown:
            self.say(
                f"{job_id} UNKNOWN: its ledger was lost; two people must declare it"
            )

    def receive(self, topic: str, payload: bytes) -> list[Outgoing]:
        """Take one message of the agent.

        Raises:
            BookError: the ledger is not honest.
            ContractError: the message is not as agreed.
        """
        if not payload:
            return self._emptied(topic)
        match topic:
            case "event":
                return [self._take_events(payload)]
            case "ask":
                return self._answer(self.contract.read("ask", payload, "the agent"))
            case "state":
                self.state = self.contract.read("state", payload, "the agent")
            case "online":
                self.online = self.contract.read("online", payload, "the agent")
                self.say("agent online" if self.online["online"] else "agent offline")
            case "reply":
                self._take_reply(self.contract.read("reply", payload, "the agent"))
        return []

    def due(self) -> list[Outgoing]:
        """Jobs and commands to be sent now, for the first time or again."""
        now_s = self.clocks.mono_s()
        if self.online is None and now_s < self._opened_s + self.greeting_s:
            return []
        jobs = [self._job(each) for each in self.book.due(now_s)]
        commands = [
            Outgoing("command", sign_command(one.payload, self.key))
            for one in self.commands.due(now_s)
        ]
        return [*commands, *jobs]

    @property
    def done(self) -> bool:
        """Nothing more will come of any job, every command has its answer."""
        return self.book.done and self.commands.done and not self._leaving

    def _take_reply(self, reply: Document) -> None:
        answered = self.commands.answered(reply, self.clocks.mono_s())
        if answered is None:
            return
        detail = f" ({reply['detail']})" if reply["detail"] else ""
        self.say(f"{answered.words}: {reply['result']}{detail}")
        retires = answered.document["kind"] == "retire" and reply["result"] == "done"
        self._leaving = self._leaving or retires

    def _emptied(self, topic: str) -> list[Outgoing]:
        """A retained topic was emptied; when a retired agent did, so is ours."""
        if topic != "online" or not self._leaving:
            return []
        self._leaving = False
        self.say("agent retired")
        return [Outgoing("ack", b"", retain=True)]

    def _file(self, order: Order) -> None:
        job = document(order, self.to, self.clocks.wall())
        self.contract.check("job", job, "the centre")
        payload = json.dumps(job, separators=(",", ":")).encode()
        parts = order.parts
        if len(payload) + len(parts) > JOB_SIZE_MAX:
            raise BookError(
                f"job {order.job_id} has {len(payload) + len(parts)} bytes, "
                f"at most {JOB_SIZE_MAX} are allowed"
            )
        self.store.keep_job(order.job_id, payload, parts)

    def _job(self, job_id: str) -> Outgoing:
        payload, parts = self.store.job(job_id)
        message = seal(payload, parts, self.key, self.agent)
        again = self.book.jobs[job_id].due_s > 0
        self.book.sent(job_id, message, self.clocks.mono_s())
        size = f"{len(message) / 1024:.0f} KiB"
        self.say(f"{job_id} {'sent again' if again else 'sent'}, {size}")
        return Outgoing("job", message)

    def _take_events(self, payload: bytes) -> Outgoing:
        """Store what is new, then acknowledge what is stored."""
        if not payload.endswith(b"\n"):
            raise BookError("the agent's events end in the middle of a line")
        fresh: list[Line] = []
        for raw in payload.split(b"\n")[:-1]:
            line = self.book.ledger.read(raw + b"\n")
            self.contract.check("event", line.event, "the agent")
            if self.book.add(line, self.clocks.mono_s()):
                fresh.append(line)
        if fresh:
            self.store.append(b"".join(line.raw for line in fresh))
        for line in fresh:
            for told in describe(line):
                self.say(told)
            for told in self._judge(line):
                self.say(f"SUSPECT {told}")
            if line.kind == "ledger-begun":
                self._tell_unknown()
        return self._ack()

    def _answer(self, ask: Document) -> list[Outgoing]:
        ledger = self.book.ledger
        self._nonce = str(ask["nonce"])
        if ledger.id not in (None, ask["ledger"]):
            # Signed for only when its first line says that it took this one's place.
            self.say(f"another ledger asks: {ask['ledger']}, where {ledger.id} was")
            return []
        ledger.id = str(ask["ledger"])
        return [self._ack(), *map(self._job, self.book.lacking(ask["accepted"]))]

    def _ack(self) -> Outgoing:
        ack: Document = {
            "station": self.to.station,
            "printer": self.to.printer,
            "ledger": self.book.ledger.id,
            "no": self.book.ledger.no,
            "hash": self.book.ledger.hash,
            "at": self.clocks.wall().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if self._nonce is not None:
            ack["nonce"] = self._nonce
        self.contract.check("ack", ack, "the centre")
        payload = json.dumps(ack, separators=(",", ":")).encode()
        return Outgoing("ack", sign_ack(payload, self.key), retain=True)


def describe(line: Line) -> list[str]:
    """One event in a few plain words; nothing for those that only auditors read."""
    data, job = line.event["data"], line.event.get("job", "")
    attempt = line.event.get("attempt", 0)
    reasons = data.get("reasons", [])
    if line.kind == "fault-raised":
        return [f"printer reports {reason}" for reason in reasons]
    if line.kind == "fault-cleared":
        return [f"printer is rid of {reason}" for reason in reasons]
    texts = {
        "job-accepted": f"{job} accepted",
        "job-rejected": f"{job or 'a message'} rejected: {data.get('reason')}",
        "job-started": f"{job} started, attempt {attempt}",
        "job-stopped": f"{job} stopped: {' '.join(reasons)}",
        "job-held": f"{job} held by {data.get('owner')}: {data.get('reason')}",
        "job-released": f"{job} released by {' and '.join(data.get('owners', ()))}",
        "agent-paused": f"paused by {data.get('owner')}: {data.get('reason')}",
        "agent-resumed": f"resumed by {' and '.join(data.get('owners', ()))}",
        "job-returned": f"{job} back in the queue: {data.get('outcome')}",
        "job-completed": f"{job} completed",
        "job-canceled": f"{job} canceled: {data.get('reason')}",
        "job-aborted": f"{job} aborted: {data.get('reason')}",
        "attempt-resolved": f"{job} resolved by {line.event.get('who')}: "
        f"{data.get('found')}",
        "agent-roster": f"{len(data.get('people', ()))} people can prove who they are",
        "agent-denied": f"DENIED {data.get('request')}: {data.get('message')}",
        "stock-confirmed": f"{line.event.get('who')} stands for event "
        f"{data.get('movement')} too",
        "incident-raised": f"INCIDENT {data.get('incident')}: {data.get('detail')}",
    }
    return [texts[line.kind]] if line.kind in texts else []


def system_clocks() -> Clocks:
    """The computer's own time."""
    return Clocks(wall=lambda: datetime.now(UTC), mono_s=time.monotonic)
