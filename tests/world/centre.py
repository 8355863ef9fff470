"""The centre of a world: sends jobs until they are answered, keeps and acks events.

Its ledger is the stand-in centre's own. How its mail is sealed is for the `Post`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from agent.contract.commands import Result
from agent.contract.messages import (
    Ack,
    ImageSide,
    Job,
    JobKind,
    Sides,
)
from agent.contract.topics import Address, Topic
from simulators.centre.book import Book, BookError
from simulators.centre.contract import ContractError
from simulators.centre.suspicion import Suspicions
from tests.agent.virtual_time import START, elapse
from tests.world.broker import Broker
from tests.world.post import BARE, Post
from tests.world.story import Story

ADDRESS = Address("world", "p1")
LOOK_S = 2.0
BEGIN_S = 1_000.0  # of the loop's clock
VALID_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Order:
    """A card that is asked for at a moment of the world."""

    job_id: str
    queue_no: int
    sides: int = 1
    blanks: int = 2
    at_s: float = 0.0
    subject: str = ""
    bad_picture: bool = False
    expires_s: float | None = None  # from the beginning of the world
    issued_s: float | None = None  # likewise
    not_before_s: float | None = None
    ribbon: str | None = None  # that it must be printed with
    replaces: str | None = None  # the job whose card this one takes the place of
    more_size: int = 0  # bytes of picture besides

    @property
    def canary(self) -> bytes:
        """What stands for the citizen's data in the message."""
        return f"WARGA-{self.job_id}-RAHASIA".encode()

    @property
    def message(self) -> bytes:
        """The job as it is published."""
        front = ImageSide(part="front")
        job = Job(
            job_id=self.job_id,
            queue_no=self.queue_no,
            station=ADDRESS.station,
            printer=ADDRESS.printer,
            rkid="agent-1",
            issued_at=_moment(self.issued_s) or START,
            expires_at=_moment(self.expires_s) or START + VALID_FOR,
            not_before=_moment(self.not_before_s),
            kind=JobKind.FIRST if self.replaces is None else JobKind.REPLACEMENT,
            reprint_of=self.replaces,
            subject=self.subject or f"S-{self.job_id}",
            reason="bad" if self.bad_picture else None,
            blanks=self.blanks,
            ribbon=self.ribbon,
            sides=Sides(front=front, back=front if self.sides == 2 else None),
        )
        return msgspec.json.encode(job) + b"\n" + self.canary + bytes(self.more_size)


def _moment(at_s: float | None) -> datetime | None:
    """A moment of the world as the agent's clock will call it."""
    return None if at_s is None else START + timedelta(seconds=BEGIN_S + at_s)


@dataclass(frozen=True)
class Wish:
    """A command that is sent from a moment of the world on, until it is answered."""

    no: int
    kind: str
    job_id: str | None = None
    at_s: float = 0.0
    command_id: str = ""  # another one than its number gives it
    expires_s: float | None = None  # from the beginning of the world
    told: str | None = None  # the answer it must get; None: any
    forged: bool = False  # by somebody else: it gets no answer
    more: tuple[tuple[str, object], ...] = ()  # what this kind says besides

    @property
    def name(self) -> str:
        """What a reply calls it."""
        return self.command_id or f"C{self.no}"

    def message(self) -> bytes:
        """The command as it is published."""
        document = {
            "command_id": self.name,
            "command_no": self.no,
            "station": ADDRESS.station,
            "printer": ADDRESS.printer,
            "issued_at": START,
            "expires_at": _moment(self.expires_s) or START + VALID_FOR,
            "kind": self.kind,
        }
        if self.forged:
            document["forged"] = True
        job = {} if self.job_id is None else {"job_id": self.job_id}
        return msgspec.json.encode(document | job | dict(self.more))


class Centre:
    def __init__(
        self,
        orders: tuple[Order, ...],
        broker: Broker,
        story: Story,
        now: Callable[[], datetime],
        wishes: tuple[Wish, ...] = (),
        post: Post = BARE,
        signs_from_s: float = 0.0,
    ) -> None:
        """`signs_from_s`: before that it acknowledges nothing."""
        self._post = post
        self.book = Book()
        self.suspicions = Suspicions()
        self.results: dict[tuple[str, int], str] = {}  # of each command, as replied
        self._over: set[str] = set()  # jobs of a ledger that was lost
        self._wishes = wishes
        self._orders = {order.job_id: order for order in orders}
        self._broker = broker
        self._story = story
        self._now = now
        self._signs_from_s = signs_from_s
        self._nonce: str | None = None
        broker.receive = self.receive

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            for order in self._orders.values():
                due = order.at_s <= self._story.at_s
                if due and order.job_id not in self._over:
                    self.book.follow([order.job_id])
            if self._broker.up:
                for job_id in self.book.due(self._story.at_s):
                    self._send(job_id)
                self._command()
            await elapse(LOOK_S)

    def receive(self, topic: str, payload: bytes) -> None:
        try:
            self._take(topic, payload)
        except (BookError, ContractError) as error:
            self._story.complain(f"centre: {error}")

    def _command(self) -> None:
        """Send the first command that is due and has no answer."""
        for wish in self._wishes:
            if (wish.name, wish.no) not in self.results:
                if wish.at_s > self._story.at_s:
                    continue
                self._story.tell("centre", f"commands {wish.kind} {wish.job_id or ''}")
                command = self._post.sign_command(wish.message())
                self._broker.to_agent(Topic.COMMAND, command)
                if wish.forged:
                    self.results[wish.name, wish.no] = "nothing"
                return

    @property
    def all_answered(self) -> bool:
        """Whether there is no command that still wants an answer."""
        return all((wish.name, wish.no) in self.results for wish in self._wishes)

    def _replied(self, name: tuple[str, int], result: str) -> None:
        self._story.tell("centre", f"is told that {name[0]} is {result}")
        if result == Result.CLOCK_UNSURE:
            return  # it comes again, and is judged again
        if self.results.setdefault(name, result) != result:
            self._story.complain(f"{name[0]} was answered in two ways")
        for wish in self._wishes:
            if (wish.name, wish.no) == name and wish.told not in (None, result):
                self._story.complain(f"{name[0]} is {result}, not {wish.told}")

    def _take(self, topic: str, payload: bytes) -> None:
        if topic == Topic.REPLY:
            reply = json.loads(payload)
            name = reply["command_id"], reply["command_no"]
            duty = (reply.get("state") or {}).get("duty") or {}
            if until := duty.get("queue_ends_at"):
                ends_s = (datetime.fromisoformat(until) - START).total_seconds()
                self._story.tell("centre", f"queue: done by {ends_s - BEGIN_S:g} s")
            self._replied(name, reply["result"])
        elif topic == Topic.EVENT:
            for raw in payload.split(b"\n")[:-1]:
                line = self.book.ledger.read(raw + b"\n")
                if self.book.add(line, self._story.at_s):
                    for told in self.suspicions.add(line.event):
                        self._story.tell("centre", f"suspects: {told}")
            self._ack()
        elif topic == Topic.ASK:
            ask = json.loads(payload)
            self._follow(ask["ledger"])
            self.book.ledger.id = self.book.ledger.id or ask["ledger"]
            self._nonce = ask["nonce"]
            self._ack()
            for job_id in self.book.lacking(ask["accepted"]):
                self._send(job_id)

    def _follow(self, ledger: str) -> None:
        """Keep a new ledger's lines; what the lost one left open is asked for anew."""
        if self.book.ledger.id in (None, ledger):
            return
        self._story.tell("centre", "sees another ledger")
        old, self.book = self.book, Book()
        self.suspicions = Suspicions()
        left = [job.job_id for job in old.jobs.values() if not job.progress.over]
        self.book.follow(left)
        self._over |= set(old.jobs) - set(left)

    def order(self, order: Order) -> None:
        """Want one card more."""
        self._orders[order.job_id] = order

    def claim(self, *, digest: str = "", ledger: str = "") -> None:
        """Sign for another history than the one that came, or for another ledger."""
        self._ack(digest, ledger)

    def send_another(self, job_id: str) -> None:
        """Send other content under a job's name, as a centre never should."""
        order = self._orders[job_id]
        message = replace(order, sides=3 - order.sides).message
        self._broker.to_agent(Topic.JOB, self._post.seal(message))

    def _send(self, job_id: str) -> None:
        message = self._post.seal(self._orders[job_id].message)
        self.book.sent(job_id, message, self._story.at_s)
        self._story.tell("centre", f"sends {job_id}")
        self._broker.to_agent(Topic.JOB, message)

    def _ack(self, digest: str = "", another: str = "") -> None:
        ledger = self.book.ledger
        assert ledger.id is not None
        if self._story.at_s < self._signs_from_s:
            return
        ack = Ack(
            station=ADDRESS.station,
            printer=ADDRESS.printer,
            ledger=another or ledger.id,
            no=ledger.no,
            hash=digest or ledger.hash,
            at=self._now(),
            nonce=self._nonce,
        )
        self._broker.to_agent(Topic.ACK, self._post.sign_ack(msgspec.json.encode(ack)))
