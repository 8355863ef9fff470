"""The session with the centre, in virtual time, over a link of paper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agent.clock import InlineExecutor
from agent.contract.envelope import open_ack, open_command, open_job
from agent.contract.events import AgentStopped
from agent.contract.messages import Clock, LedgerHead, State
from agent.health import Health
from agent.journal.journal import Journal
from agent.uplink.commands import Commands
from agent.uplink.door import Door
from agent.uplink.link import TAKEN_OVER, LinkError, Received, Will
from agent.uplink.outbox import BATCH_SIZE_MAX, LINES_MAX, PATIENCE_MS
from agent.uplink.session import DUEL_RETRY_S, RETRY_MAX_S, STATE_EVERY_S, Ends, Uplink
from protocols.vocabulary import PrinterState
from tests.agent.envelope_by_hand import TO, World, compact
from tests.agent.virtual_time import START, LoopClock, elapse, run

ROOT = "blanko/v1/bekasi-1/p1"
WORLD = World()


@dataclass
class Sent:
    topic: str
    payload: bytes
    retain: bool
    at_s: float
    link: int

    @property
    def document(self) -> Any:
        return json.loads(self.payload)


@dataclass
class PaperBroker:
    """Keeps what is published, and what was there when a message was acknowledged."""

    journal: Journal
    refusing: LinkError | None = None
    slow_s: float = 0  # until a message that is published has arrived
    sent: list[Sent] = field(default_factory=list)
    wills: list[Will] = field(default_factory=list)
    tries_s: list[float] = field(default_factory=list)
    acked: list[tuple[int, int, int]] = field(default_factory=list)
    links: list[PaperLink] = field(default_factory=list)
    sessions_ended: int = 0

    def make(self) -> PaperLink:
        self.links.append(PaperLink(self, len(self.links)))
        return self.links[-1]

    @property
    def link(self) -> PaperLink:
        return self.links[-1]

    def of(self, word: str) -> list[Sent]:
        return [one for one in self.sent if one.topic == f"{ROOT}/{word}"]

    def numbers(self) -> list[int]:
        """The number of each event line, in order of sending."""
        lines = [line for one in self.of("event") for line in one.payload.splitlines()]
        return [json.loads(line[65:])["no"] for line in lines]

    def kinds(self) -> list[str]:
        lines = [line for one in self.of("event") for line in one.payload.splitlines()]
        return [json.loads(line[65:])["data"]["kind"] for line in lines]


class PaperLink:
    def __init__(self, broker: PaperBroker, number: int) -> None:
        self.broker = broker
        self.number = number
        self.topics: list[str] = []
        self.closed = False
        self._coming: asyncio.Queue[Received | LinkError] = asyncio.Queue()
        self._packet = 0

    def deliver(self, word: str, payload: bytes) -> int:
        self._packet += 1
        self._coming.put_nowait(Received(f"{ROOT}/{word}", payload, self._packet))
        return self._packet

    def lose(self, code: int | None = None) -> None:
        self._coming.put_nowait(LinkError("lost", code))

    async def connect(self, will: Will) -> None:
        self.broker.tries_s.append(asyncio.get_running_loop().time())
        if self.broker.refusing is not None:
            raise self.broker.refusing
        self.broker.wills.append(will)

    async def subscribe(self, topics: Sequence[str]) -> None:
        self.topics += topics

    async def receive(self) -> Received:
        message = await self._coming.get()
        if isinstance(message, LinkError):
            raise message
        return message

    def ack(self, message: Received) -> None:
        no = self.broker.journal.head().no
        self.broker.acked.append((self.number, message.number, no))

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        await elapse(self.broker.slow_s)
        at_s = asyncio.get_running_loop().time()
        self.broker.sent.append(Sent(topic, payload, retain, at_s, self.number))

    async def end_session(self) -> None:
        self.broker.sessions_ended += 1

    async def close(self) -> None:
        self.closed = True


@dataclass
class Session:
    journal: Journal
    broker: PaperBroker
    uplink: Uplink
    clock: LoopClock
    duels: list[bool]

    @classmethod
    async def make(cls, folder: Path) -> Session:
        clock, executor = LoopClock(), InlineExecutor()
        journal = await Journal.open(folder / "journal.db", clock, executor)
        keyring = WORLD.keyring()
        broker = PaperBroker(journal)
        duels: list[bool] = []
        judge = partial(open_job, keyring=keyring, to=TO)
        door = Door(journal, judge, executor, clock, lambda: None)
        ends = Ends(
            make_link=broker.make,
            address=TO,
            door=door,
            commands=Commands(
                journal,
                partial(open_command, keyring=keyring, to=TO),
                door,
                lambda: state_of(journal, clock, 1),
                lambda: None,
            ),
            open_ack=partial(open_ack, keyring=keyring, to=TO),
            state=lambda connection: state_of(journal, clock, connection),
            duel=duels.append,
            dice=Random(1),
        )
        uplink = Uplink(ends, journal, clock, Health({}))
        return cls(journal, broker, uplink, clock, duels)

    def ack(self, no: int, **changes: Any) -> bytes:
        lines = self.journal._read(
            lambda db: db.execute("SELECT line FROM events WHERE no = ?", (no,))
        ).fetchone()
        document = WORLD.ack_document(
            ledger=self.journal.ledger,
            no=no,
            hash=bytes(lines[0][:64]).decode() if lines else "0" * 64,
            **changes,
        )
        return WORLD.ack(compact(document))

    async def record(self, count: int, reason: str = "x") -> None:
        await self.journal.record(*[AgentStopped(reason=reason)] * count)


def state_of(journal: Journal, clock: LoopClock, connection: int) -> State:
    return State(
        contract=0,
        version="0",
        boot=journal.boot,
        connection=connection,
        at=clock.wall(),
        clock=Clock.SURE,
        printer_state=PrinterState.IDLE,
        state_reasons=[],
        accepting=True,
        queued=0,
        current=None,
        stock={},
        ribbon=None,
        printer=None,
        head=LedgerHead(ledger=journal.ledger, no=0, hash="0" * 64, acked=0),
        unsigned_jobs=False,
    )


def scene(play: Callable[[Session], Any], tmp_path: Path) -> Session:
    """Play against a running uplink, then end it in order."""
    kept: list[Session] = []

    async def whole() -> None:
        session = await Session.make(tmp_path)
        kept.append(session)
        task = asyncio.create_task(session.uplink.run())
        await elapse(0.01)
        await play(session)
        session.uplink.stop()
        await task
        await session.journal.close()

    run(whole())
    return kept[0]


def job(job_id: str = "J-1", **changes: Any) -> bytes:
    later = (START + timedelta(days=9)).isoformat()
    return WORLD.message(job_id=job_id, expires_at=later, **changes)


def test_a_connection_begins_with_birth_question_and_state(tmp_path):
    async def play(session: Session) -> None:
        broker = session.broker
        assert [one.topic for one in broker.sent[:3]] == [
            f"{ROOT}/online",
            f"{ROOT}/ask",
            f"{ROOT}/state",
        ]
        birth, ask, state = broker.sent[:3]
        death = json.loads(broker.wills[0].payload)
        assert broker.wills[0].topic == f"{ROOT}/online"
        assert birth.document == {**death, "online": True}
        assert birth.document["connection"] == state.document["connection"] == 1
        assert (birth.retain, ask.retain, state.retain) == (True, False, True)
        assert ask.document["boot"] == session.journal.boot
        assert ask.document["accepted"] == []
        assert f"{ROOT}/job" in broker.link.topics
        assert f"{ROOT}/ack" in broker.link.topics

    scene(play, tmp_path)


def test_each_connection_has_a_new_link_and_a_higher_number(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        await elapse(1)
        session.broker.link.lose()
        await elapse(5)
        births = [one.document["connection"] for one in session.broker.of("online")]
        assert births == [1, 2]
        assert session.broker.links[0].closed
        nonces = [one.document["nonce"] for one in session.broker.of("ask")]
        assert len(set(nonces)) == 2
        assert session.broker.of("ask")[1].document["accepted"] == ["J-1"]

    scene(play, tmp_path)


def test_the_number_goes_on_rising_in_the_next_process(tmp_path):
    async def play(session: Session) -> None:
        await elapse(1)

    scene(play, tmp_path)
    again = scene(play, tmp_path)
    assert again.broker.of("online")[0].document["connection"] == 2


def test_a_job_is_on_disk_before_it_is_acknowledged(tmp_path):
    async def play(session: Session) -> None:
        packet = session.broker.link.deliver("job", job())
        await elapse(1)
        assert session.broker.acked == [(0, packet, 1)]
        assert session.journal.open_job_ids() == ["J-1"]
        assert session.broker.kinds() == ["job-accepted"]

    scene(play, tmp_path)


def test_a_job_that_comes_twice_is_acknowledged_twice_and_kept_once(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.deliver("job", job())
        session.broker.link.deliver("job", job())
        await elapse(1)
        assert [entry[2] for entry in session.broker.acked] == [1, 1]
        assert session.broker.kinds() == ["job-accepted"]

    scene(play, tmp_path)


def test_what_is_refused_is_acknowledged_all_the_same(tmp_path):
    async def play(session: Session) -> None:
        for message in (b"rubbish", job(printer="p2"), job(), job(queue_no=9)):
            session.broker.link.deliver("job", message)
        await elapse(1)
        assert len(session.broker.acked) == 4
        expected = ["job-rejected", "job-rejected", "job-accepted", "job-rejected"]
        assert session.broker.kinds() == expected

    scene(play, tmp_path)


def test_messages_that_do_not_verify_get_one_event_a_minute(tmp_path):
    async def play(session: Session) -> None:
        for number in range(50):
            session.broker.link.deliver("job", b"rubbish %d" % number)
        session.broker.link.deliver("job", job(job_id="other", printer="p2"))
        await elapse(10)
        assert session.broker.kinds() == ["job-rejected", "job-rejected"]
        await elapse(PATIENCE_MS / 1000)
        assert "agent-refusals" in session.broker.kinds()
        line = session.broker.of("event")[-1].payload.splitlines()[-1]
        counted = json.loads(line[65:])["data"]
        assert counted == {"kind": "agent-refusals", "counts": {"malformed": 49}}

    scene(play, tmp_path)


def test_lines_go_out_once_and_again_after_a_minute_without_an_ack(tmp_path):
    async def play(session: Session) -> None:
        await session.record(3)
        await elapse(PATIENCE_MS / 1000 - 1)
        assert session.broker.numbers() == [1, 2, 3]
        await elapse(2)
        assert session.broker.numbers() == [1, 2, 3, 1, 2, 3]

    scene(play, tmp_path)


def test_acknowledged_lines_are_not_sent_again(tmp_path):
    async def play(session: Session) -> None:
        await session.record(3)
        await elapse(1)
        session.broker.link.deliver("ack", session.ack(3))
        await elapse(PATIENCE_MS / 1000 * 3)
        assert session.broker.numbers() == [1, 2, 3]
        session.broker.link.lose()
        await elapse(5)
        await session.record(1)
        await elapse(1)
        assert session.broker.numbers() == [1, 2, 3, 4]

    scene(play, tmp_path)


def test_after_a_reconnect_lines_go_out_from_the_ack_on(tmp_path):
    async def play(session: Session) -> None:
        await session.record(3)
        await elapse(1)
        session.broker.link.deliver("ack", session.ack(1))
        await elapse(1)
        session.broker.link.lose()
        await elapse(5)
        assert session.broker.numbers() == [1, 2, 3, 2, 3]

    scene(play, tmp_path)


def test_an_ack_with_a_lower_number_is_answered_with_a_replay(tmp_path):
    async def play(session: Session) -> None:
        await session.record(4)
        await elapse(1)
        session.broker.link.deliver("ack", session.ack(4))
        session.broker.link.deliver("ack", session.ack(2))
        await elapse(1)
        assert session.broker.numbers() == [1, 2, 3, 4, 3, 4]
        session.broker.link.deliver("ack", session.ack(0))
        await elapse(1)
        assert session.broker.numbers()[6:] == [1, 2, 3, 4]

    scene(play, tmp_path)


def test_a_replay_asked_for_while_a_line_is_on_its_way_is_not_forgotten(tmp_path):
    async def play(session: Session) -> None:
        await session.record(4)
        await elapse(1)
        session.broker.link.deliver("ack", session.ack(4))
        await elapse(1)
        session.broker.slow_s = 5
        await session.record(1)
        await elapse(1)
        session.broker.link.deliver("ack", session.ack(2))
        await elapse(15)
        assert session.broker.numbers() == [1, 2, 3, 4, 5, 3, 4, 5]
        session.broker.slow_s = 0

    scene(play, tmp_path)


def test_no_more_than_a_thousand_lines_wait_for_an_ack(tmp_path):
    async def play(session: Session) -> None:
        await session.record(LINES_MAX + 300, reason="x" * 700)
        await elapse(10)
        assert session.broker.numbers() == list(range(1, LINES_MAX + 1))
        sizes = [len(one.payload) for one in session.broker.of("event")]
        assert max(sizes) <= BATCH_SIZE_MAX
        assert len(sizes) < 10
        session.broker.link.deliver("ack", session.ack(100))
        await elapse(1)
        assert session.broker.numbers()[-1] == LINES_MAX + 100

    scene(play, tmp_path)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"rubbish", "malformed"),
        (WORLD.ack(compact(WORLD.ack_document(printer="p2"))), "wrong-printer"),
    ],
    ids=["rubbish", "for another printer"],
)
def test_an_ack_that_cannot_be_believed_is_counted_and_moves_nothing(
    tmp_path, message, reason
):
    async def play(session: Session) -> None:
        await session.record(2)
        await elapse(1)
        session.broker.link.deliver("ack", message)
        session.broker.link.deliver("ack", message)
        await elapse(1)
        assert len(session.broker.acked) == 2
        assert session.journal.head().acked == 0
        await elapse(61)
        session.broker.link.deliver("ack", session.ack(1))
        await elapse(1)
        line = session.broker.of("event")[-1].payload.splitlines()[-1]
        counted = json.loads(line[65:])["data"]
        assert counted == {"kind": "agent-refusals", "counts": {reason: 2}}

    scene(play, tmp_path)


def test_an_ack_for_another_history_is_an_incident(tmp_path):
    async def play(session: Session) -> None:
        await session.record(2)
        await elapse(1)
        document = WORLD.ack_document(ledger=session.journal.ledger, no=9)
        session.broker.link.deliver("ack", WORLD.ack(compact(document)))
        await elapse(1)
        assert session.journal.forked
        assert session.broker.kinds()[-1] == "incident-raised"

    scene(play, tmp_path)


def test_an_ack_that_echoes_the_question_makes_the_clock_sure(tmp_path, monkeypatch):
    monkeypatch.setattr(LoopClock, "synchronised", lambda _: False)

    async def play(session: Session) -> None:
        await session.record(1)
        session.broker.link.deliver("ack", session.ack(1, nonce="of another boot"))
        session.broker.link.deliver("ack", session.ack(1, nonce="of-another-boot"))
        await elapse(1)
        assert not session.journal.now().sure
        nonce = session.broker.of("ask")[0].document["nonce"]
        session.broker.link.deliver("ack", session.ack(1, nonce=nonce))
        await elapse(1)
        assert not session.journal.now().sure  # 8 h behind this clock
        now = LoopClock().wall().isoformat()
        session.broker.link.deliver("ack", session.ack(1, nonce=nonce, at=now))
        await elapse(1)
        assert session.journal.now().sure

    scene(play, tmp_path)


def test_the_state_goes_out_at_most_once_a_second_and_every_five_minutes(tmp_path):
    async def play(session: Session) -> None:
        for _ in range(50):
            await session.record(1)
            await elapse(0.1)
        await elapse(2)
        times = [one.at_s for one in session.broker.of("state")]
        assert 5 <= len(times) <= 8
        assert min(b - a for a, b in pairwise(times)) >= 1
        session.broker.link.deliver("ack", session.ack(50))
        await elapse(2)
        before = len(session.broker.of("state"))
        await elapse(STATE_EVERY_S * 3 + 1)
        assert len(session.broker.of("state")) == before + 3

    scene(play, tmp_path)


def test_an_absent_broker_is_tried_ever_more_rarely_and_found_again(tmp_path):
    async def play(session: Session) -> None:
        broker = session.broker
        broker.refusing = LinkError("Connection refused")
        broker.link.lose()
        await elapse(3600)
        gaps = [b - a for a, b in pairwise(broker.tries_s)]
        assert gaps[1] < 2
        assert max(gaps) <= RETRY_MAX_S + 0.01
        assert 60 <= len(gaps) <= 150
        assert not session.uplink.connected
        assert session.uplink.trouble == "Connection refused"
        broker.refusing = None
        await session.record(1)
        await elapse(RETRY_MAX_S + 1)
        assert session.uplink.connected
        assert broker.numbers() == [1]

    scene(play, tmp_path)


def test_taken_over_twice_in_a_minute_is_a_second_agent(tmp_path):
    async def play(session: Session) -> None:
        session.broker.link.lose(TAKEN_OVER)
        await elapse(5)
        assert session.duels == []
        session.broker.link.lose(TAKEN_OVER)
        await elapse(5)
        assert session.duels == [True]
        count = len(session.broker.links)
        await elapse(DUEL_RETRY_S - 10)
        assert len(session.broker.links) == count, "it went on fighting"
        await elapse(120)
        assert session.duels == [True, False], "let alone, it works again"
        assert set(session.broker.kinds()) == {"incident-raised"}
        assert session.journal.head().no == 1

    scene(play, tmp_path)


def test_a_second_agent_is_known_by_its_birth_where_the_broker_says_nothing(tmp_path):
    theirs = b'{"online":true,"connection":7,"boot":"theirs"}'

    async def play(session: Session) -> None:
        session.broker.link.deliver("online", theirs)  # of the process before this one
        await elapse(1)
        for _ in range(2):
            assert session.duels == []
            session.broker.link.lose()
            await elapse(5)
            session.broker.link.deliver("online", theirs)
            await elapse(1)
        assert session.duels == [True]

    scene(play, tmp_path)


def test_taken_over_now_and_then_is_no_duel(tmp_path):
    async def play(session: Session) -> None:
        for _ in range(4):
            session.broker.link.lose(TAKEN_OVER)
            await elapse(61)
        assert session.duels == []

    scene(play, tmp_path)


def test_an_orderly_end_sends_what_is_written_and_then_its_death(tmp_path):
    async def play(session: Session) -> None:
        await elapse(5)
        await session.journal.record(AgentStopped(reason="asked to stop"))

    session = scene(play, tmp_path)
    assert session.broker.kinds() == ["agent-stopped"]
    last = session.broker.sent[-1]
    assert (last.topic, last.retain) == (f"{ROOT}/online", True)
    assert last.document["online"] is False
    assert last.document["connection"] == 1
    assert session.broker.link.closed


def test_an_orderly_end_does_not_wait_for_a_broker_that_is_not_there(tmp_path):
    async def play(session: Session) -> None:
        session.broker.refusing = LinkError("Connection refused")
        session.broker.link.lose()
        await elapse(100)

    scene(play, tmp_path)
