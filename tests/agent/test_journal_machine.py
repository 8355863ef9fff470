"""The journal under any sequence of legal and illegal work, restarts and crashes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent.clock import InlineExecutor
from agent.contract.events import (
    AgentStopped,
    FaultCleared,
    FaultRaised,
    Found,
    Place,
    Stage,
)
from agent.contract.messages import Ack, Outcome
from agent.journal.attempts import Resolution
from agent.journal.journal import AckVerdict, Closing, Journal, Refusal
from agent.journal.verify import Verdict, verify
from agent.lifecycle.doubt import ANSWERS
from agent.lifecycle.ledger import balanced
from agent.lifecycle.states import IllegalStepError, JobState
from tests.agent.envelope_by_hand import World
from tests.agent.paper_printer import FEEDING, START, VirtualClock, make_job, opened

T = TypeVar("T")
SIGNER = World().keyring().signer()
FILES = ("journal.db", "journal.db-wal", "journal.db-lock")
NUMBERS = st.integers(1, 6)
ANSWERED = (*ANSWERS, (Found.OUTPUT, None), (Found.HOPPER, True))
OUTCOMES = (Outcome.GOOD, Outcome.SPOILED, Outcome.UNKNOWN)
MOTIONS = (Stage.FEEDING, Stage.SENDING, Stage.SENT, Stage.DELIVERING)


class JournalMachine(RuleBasedStateMachine):
    """Draws work from the journal's own state, so that legal steps are common."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="blanko-machine-"))
        self._runner = asyncio.Runner()
        self._lives = 0
        self._cards = 0

    @initialize()
    def begin_life(self) -> None:
        self._open(self._new_life())
        self._do(self.journal.load_stock(2))

    def _new_life(self) -> Path:
        self._lives += 1
        folder = self._folder / str(self._lives)
        folder.mkdir()
        return folder

    def _open(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        opening = Journal.open(self.path, VirtualClock(), InlineExecutor())
        self.journal = self._do(opening)
        self._do(self.journal.sign_with(SIGNER))

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def _refused(self, work: Coroutine[Any, Any, object]) -> None:
        """What may not be done raises, and leaves no trace."""
        before = self._books()
        try:
            self._do(work)
        except (Refusal, IllegalStepError):
            assert self._books() == before
        else:
            raise AssertionError("an illegal step was taken")

    def _books(self) -> object:
        journal = self.journal
        return journal.head(), journal.stock(), journal.waiting(), journal.faults()

    def _pending(self) -> list[str]:
        waiting = self.journal.waiting()
        return [one.job_id for one in waiting if one.state is JobState.PENDING]

    def _free(self) -> bool:
        journal = self.journal
        return journal.open_attempt() is None and journal.doubtful() is None

    # Legal work

    @rule(number=NUMBERS, queue_no=st.integers(1, 3))
    def accept(self, number: int, queue_no: int) -> None:
        job = make_job(f"J{number}", queue_no=queue_no, subject=f"S{number % 4}")
        self._do(self.journal.accept(opened(job), b"sealed" * 500))

    @rule(count=st.integers(1, 4))
    def load(self, count: int) -> None:
        self._do(self.journal.load_stock(count))

    @precondition(lambda self: self._free() and self._pending())
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self._pending()))
        if self.journal.forked:
            self._refused(self.journal.begin(job_id, (), FEEDING))
        elif self.journal.stock()[Place.HOPPER]:
            self._do(self.journal.begin(job_id, (), FEEDING))

    @precondition(lambda self: self.journal.open_attempt() is not None)
    @rule(stage=st.sampled_from(MOTIONS[1:]))
    def advance_to(self, stage: Stage) -> None:
        found = self.journal.open_attempt()
        assert found is not None
        place = Place.OUTPUT if stage is Stage.DELIVERING else None
        step = self.journal.advance(
            found.job_id, found.attempt, stage, destination=place
        )
        legal = MOTIONS.index(stage) == MOTIONS.index(found.stage) + 1
        if legal:
            self._do(step)
        elif MOTIONS.index(stage) <= MOTIONS.index(found.stage) and (
            stage is not Stage.DELIVERING
        ):
            self._refused(step)
        else:
            step.close()

    @precondition(lambda self: self.journal.open_attempt() is not None)
    @rule(outcome=st.sampled_from(OUTCOMES))
    def close(self, outcome: Outcome) -> None:
        found = self.journal.open_attempt()
        assert found is not None
        if found.stage is Stage.FEEDING:
            outcome = Outcome.UNTOUCHED
        self._do(
            self.journal.close_attempt(found.job_id, found.attempt, Closing(outcome))
        )

    @precondition(lambda self: self._free() and not self.journal.forked)
    @rule(
        motions=st.integers(2, 4),
        outcome=st.sampled_from((*OUTCOMES, None)),
        said=st.sampled_from((*ANSWERED, None)),
    )
    def whole_card(
        self,
        motions: int,
        outcome: Outcome | None,
        said: tuple[Found, bool | None] | None,
    ) -> None:
        """By single steps alone few come so far; None: it stays open, or in doubt."""
        self._cards += 1
        job = make_job(f"K{self._cards}", queue_no=9, subject=f"K{self._cards}")
        self._do(self.journal.accept(opened(job), b"sealed" * 500))
        self._do(self.journal.load_stock(1))
        self._do(self.journal.begin(job.job_id, (), FEEDING))
        for stage in MOTIONS[1:motions]:
            self.advance_to(stage)
        if outcome is not None:
            self.close(outcome)
        if outcome is Outcome.UNKNOWN and said is not None:
            self.resolve(said)

    @precondition(lambda self: self._free() and self._pending())
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        job_id = data.draw(st.sampled_from(self._pending()))
        self._do(self.journal.abort([job_id], "expired"))

    @precondition(lambda self: self.journal.doubtful() is not None)
    @rule(said=st.sampled_from(ANSWERED))
    def resolve(self, said: tuple[Found, bool | None]) -> None:
        found, good = said
        job = self.journal.doubtful()
        assert job is not None
        before = self._books()
        answer = Resolution(found, good, "seen", "siti", bin_count=1)
        try:
            state = self._do(self.journal.resolve(job.job_id, answer))
        except Refusal:
            assert self._books() == before
        else:
            after = self.journal.job(job.job_id)
            assert after is not None
            assert after.state is state
            assert after.in_doubt == after.reject_asked == (found is Found.PRINTER)

    @rule(reason=st.sampled_from(("media-jam-error", "media-empty-error")))
    def fault(self, reason: str) -> None:
        known = reason in self.journal.faults()
        kind = FaultCleared if known else FaultRaised
        self._do(self.journal.record(kind(reasons=[reason])))
        assert (reason in self.journal.faults()) is not known

    @rule(back=st.integers(0, 5))
    def acknowledge(self, back: int) -> None:
        head = self.journal.head()
        no = max(head.no - back, 1)
        ((_, line),) = self._do(self.journal.lines_after(no - 1, 1, 1))
        verdict = self._do(self._ack(no, line[:64].decode()))
        assert verdict is not AckVerdict.FORK
        assert self.journal.head().acked == no

    # Illegal work

    # Late in a life, for no card begins after it.
    @precondition(lambda self: len(self.journal.jobs_ended(3)) == 3)
    @rule(no=st.integers(1, 99))
    def acknowledge_what_was_never_sent(self, no: int) -> None:
        before = self.journal.head().acked
        ahead = self.journal.head().no + no
        assert self._do(self._ack(ahead, "ab" * 32)) is AckVerdict.FORK
        assert self.journal.head().acked == before
        assert self.journal.forked

    @rule(count=st.sampled_from((0, -3, 10**9)))
    def load_what_cannot_be(self, count: int) -> None:
        self._refused(self.journal.load_stock(count))

    @rule(number=NUMBERS)
    def resolve_what_is_not_in_doubt(self, number: int) -> None:
        job = self.journal.job(f"J{number}")
        if job is None or not job.in_doubt:
            answer = Resolution(Found.OUTPUT, True, "seen", "siti")
            self._refused(self.journal.resolve(f"J{number}", answer))

    @precondition(lambda self: self.journal.jobs_ended(1))
    @rule()
    def begin_or_abort_what_has_ended(self) -> None:
        (ended,) = self.journal.jobs_ended(1)
        self._refused(self.journal.begin(ended.job_id, (), FEEDING))
        before = self._books()
        self._do(self.journal.abort([ended.job_id], "expired"))
        assert self._books() == before

    # Restarts and crashes

    @rule()
    def restart(self) -> None:
        self._do(self.journal.record(AgentStopped(reason="asked to stop")))
        before = self._books()
        self._do(self.journal.close())
        self._open(self.path.parent)
        assert self._books() == before

    @rule(torn=st.integers(0, 3))
    def crash(self, torn: int) -> None:
        """Only the files stay; where `torn`, without the last bytes of the -wal.

        That is a power cut amid a commit: what -lock says of later ones was never kept.
        """
        before, folder = self._books(), self._new_life()
        for name in FILES:
            if self.path.with_name(name).exists():
                shutil.copy(self.path.with_name(name), folder)
        wal = folder / "journal.db-wal"
        if torn and wal.exists():
            size = wal.stat().st_size
            with wal.open("r+b") as file:
                file.truncate(size - min(size, torn * 1500))
            (folder / "journal.db-lock").write_text(self.journal.ledger)
        self._do(self.journal.close())
        self._open(folder)
        if not torn:
            assert self._books() == before

    def _ack(self, no: int, digest: str) -> Coroutine[Any, Any, AckVerdict]:
        ack = Ack(
            station="s",
            printer="p",
            ledger=self.journal.ledger,
            no=no,
            hash=digest,
            at=START,
        )
        return self.journal.store_ack(ack, b"raw")

    # What always holds

    @invariant()
    def the_ledger_is_good_and_every_table_follows_from_it(self) -> None:
        if self._lives:
            report = verify(self.path, SIGNER.public)
            assert report.verdict is Verdict.GOOD, report.detail
            assert report.head.no == self.journal.head().no

    @invariant()
    def every_blank_is_somewhere(self) -> None:
        if self._lives:
            assert balanced(self.journal.stock())

    def teardown(self) -> None:
        if self._lives:
            self._do(self.journal.close())
        self._runner.close()
        shutil.rmtree(self._folder)


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=20, stateful_step_count=40, deadline=None, print_blob=True
)
