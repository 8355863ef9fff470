"""Orders: commands of the centre, and what a person at the machine holds back.

Each is one commit with its answer. What the centre sends twice is answered twice and
done once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from agent.clock import TrustedTime
from agent.contract.commands import (
    EXECUTED,
    Cancel,
    Clean,
    Command,
    Confirm,
    CountPlace,
    Hold,
    Inspect,
    Load,
    Move,
    Owner,
    Pause,
    Query,
    Release,
    Resolve,
    Result,
    Resume,
    Retire,
    SelfTest,
)
from agent.contract.events import JobCanceled
from agent.contract.operation_events import Operation
from agent.contract.order_events import (
    AgentCommand,
    AgentPaused,
    AgentResumed,
    AgentRetired,
    JobHeld,
    JobReleased,
)
from agent.contract.stock_events import centre_by
from agent.journal import errands, jobs, kept, operation_book, standing
from agent.journal.errors import Refusal
from agent.journal.operation_book import Wish
from agent.journal.standing import Told
from agent.journal.store import Transaction
from agent.lifecycle.ledger import NOBODY, Signers
from agent.lifecycle.owners import taken_back
from agent.lifecycle.states import JobState

if TYPE_CHECKING:
    from agent.contract.envelope import OpenedCommand

T = TypeVar("T")

WAITING = (JobState.PENDING, JobState.PENDING_HELD)
WITHDRAWN = "withdrawn by the centre"


@dataclass(frozen=True, slots=True)
class Ordered:
    """Whose word an order is, and who stands for it when that is a person."""

    owner: Owner
    by: Signers = NOBODY

    @property
    def identity(self) -> str | None:
        """What the event says of `who`."""
        if self.owner is not Owner.OPERATOR:
            return None
        return "proven" if self.by.proven else "unproven"


CENTRE = Ordered(Owner.CENTRE)


@dataclass(frozen=True, slots=True)
class _Answer:
    result: Result
    detail: str = ""
    until: datetime | None = None


# What may be ordered


def pause(tx: Transaction, ordered: Ordered, reason: str | None) -> bool:
    """Let no new card start; False: it was so by the same owner's word."""
    if ordered.owner in standing.paused_by(tx.db):
        return False
    told = AgentPaused(owner=ordered.owner, reason=reason, identity=ordered.identity)
    tx.append(told, who=ordered.by.who)
    return True


def resume(tx: Transaction, ordered: Ordered) -> list[Owner] | None:
    """Take pauses back; return whose are left, None: there was none.

    Raises:
        Refusal: they are others' pauses.
    """
    before = standing.paused_by(tx.db)
    if not before:
        return None
    owners = taken_back(set(before), ordered.owner)
    if not owners:
        raise _not_yours("printing is paused", before)
    still = [owner for owner in before if owner not in owners]
    told = AgentResumed(owners=sorted(owners), still=still, identity=ordered.identity)
    tx.append(told, who=ordered.by.who)
    return still


def hold(tx: Transaction, ordered: Ordered, job_id: str, reason: str | None) -> bool:
    """Let a waiting job not start; False: it was so by the same owner's word.

    Raises:
        Refusal: no such job, or it does not wait any more.
    """
    job = _waiting(tx, job_id)
    if ordered.owner in standing.held_by(tx.db, job.job_id):
        return False
    told = JobHeld(reason=reason or "", owner=ordered.owner, identity=ordered.identity)
    tx.append(told, job=job_id, who=ordered.by.who)
    return True


def release(tx: Transaction, ordered: Ordered, job_id: str) -> list[Owner] | None:
    """Take holds back; return whose are left, None: there was none.

    Raises:
        Refusal: no such job, it does not wait any more, or they are others' holds.
    """
    _waiting(tx, job_id)
    before = standing.held_by(tx.db, job_id)
    if not before:
        return None
    owners = taken_back(set(before), ordered.owner)
    if not owners:
        raise _not_yours(f"job {job_id} is held", before)
    still = [owner for owner in before if owner not in owners]
    told = JobReleased(owners=sorted(owners), still=still, identity=ordered.identity)
    tx.append(told, job=job_id, who=ordered.by.who)
    return still


def _waiting(tx: Transaction, job_id: str) -> jobs.JobView:
    job = jobs.view(tx.db, job_id)
    if job is None:
        raise Refusal("unknown-job", f"no job {job_id} was ever accepted here")
    if job.state not in WAITING:
        raise Refusal("too-late", f"job {job_id} is {job.state}")
    return job


def _not_yours(what: str, owners: list[Owner]) -> Refusal:
    names = " and ".join(owners)
    return Refusal("not-yours", f"{what} by {names}: only they, or the centre, end it")


# What the centre commands


def take(tx: Transaction, came: OpenedCommand) -> Told:
    """Do what a command says, once, and return its answer; or the answer it had."""
    before = standing.told(tx.db, came.payload_sha256)
    if before is not None and before.result is not Result.CLOCK_UNSURE:
        return before
    answer = _judge(tx, came)
    if before is not None and answer.result is Result.CLOCK_UNSURE:
        return before
    job = getattr(came.command, "job_id", None)
    event = tx.append(
        AgentCommand(
            command_id=came.command_id,
            command_no=came.command_no,
            command=came.kind,
            payload_sha256=came.payload_sha256,
            result=answer.result,
            detail=answer.detail,
            until=answer.until,
        ),
        job=job,
        who=centre_by(came.key_id),
    )
    if came.command is not None and answer.result in EXECUTED:
        kept.keep_issued_time(tx, came.command.issued_at)
    return Told(
        came.command_id,
        came.command_no,
        came.kind,
        answer.result,
        answer.detail,
        job,
        event.no,
    )


def _judge(tx: Transaction, came: OpenedCommand) -> _Answer:
    if standing.differs(tx.db, came.command_id, came.payload_sha256):
        return _Answer(Result.DUPLICATE_DIFFERS, "another document came under this id")
    command, last = came.command, standing.last_no(tx.db)
    if command is None:
        return _Answer(came.refused or Result.MALFORMED, came.detail)
    if command.command_no <= last:
        return _Answer(Result.STALE, f"number {last} was executed before")
    lost = standing.loss(tx.db, tx.stamp.at, sure=tx.sure)
    if lost is not None and not lost.known:
        when = "a lost ledger was replaced here, and this clock does not know when"
        return _Answer(Result.CLOCK_UNSURE, when)
    if lost is not None and command.issued_at <= lost.until:
        when = (
            f"issued before {lost.until.isoformat()}, when a lost ledger was replaced"
        )
        return _Answer(Result.STALE, when)  # its number may have been executed then
    if command.expires_at <= tx.stamp.at:
        when = f"expires_at {command.expires_at.isoformat()} has passed"
        if tx.sure:
            return _Answer(Result.EXPIRED, when)
        return _Answer(Result.CLOCK_UNSURE, f"{when}, if this clock is right")
    try:
        with tx.all_or_nothing():
            return _execute(tx, command, Signers(centre_by(came.key_id), proven=True))
    except Refusal as refusal:
        return _Answer(Result(refusal.code), refusal.message)


def _execute(tx: Transaction, command: Command, by: Signers) -> _Answer:
    match command:
        case Pause(reason=reason):
            news = pause(tx, CENTRE, reason)
            return _Answer(Result.DONE, "" if news else "it was paused before")
        case Resume():
            none = resume(tx, CENTRE) is None
            return _Answer(Result.DONE, "it was not paused" if none else "")
        case Hold(job_id=job_id, reason=reason):
            news = hold(tx, CENTRE, job_id, reason)
            return _Answer(Result.DONE, "" if news else "it was held before")
        case Release(job_id=job_id):
            none = release(tx, CENTRE, job_id) is None
            return _Answer(Result.DONE, "it was not held" if none else "")
        case Cancel():
            return _cancel(tx, command)
        case Query(job_id=job_id):
            return _query(tx, job_id)
        case Resolve() | Inspect() | Load() | Move() | CountPlace() | Confirm():
            return _Answer(Result.DONE, errands.carry_out(tx, command, by))
        case Clean():
            return _operate(tx, Operation.CLEAN, command, by)
        case SelfTest():
            return _operate(tx, Operation.SELF_TEST, command, by)
        case Retire():
            return _retire(tx)


def _cancel(tx: Transaction, command: Cancel) -> _Answer:
    job = jobs.view(tx.db, command.job_id)
    if job is None:
        until = command.expires_at
        return _Answer(Result.REMEMBERED, "it has not come yet", until)
    if job.state is JobState.CANCELED:
        return _Answer(Result.CANCELED, "it was canceled before")
    if job.state not in WAITING:
        return _Answer(Result.TOO_LATE, f"the job is {job.state}")
    reason = command.reason or WITHDRAWN
    tx.append(JobCanceled(reason=reason), job=command.job_id)
    return _Answer(Result.CANCELED)


def _query(tx: Transaction, job_id: str | None) -> _Answer:
    if job_id is not None and jobs.view(tx.db, job_id) is None:
        return _Answer(Result.UNKNOWN_JOB, "no such job was ever accepted here")
    return _Answer(Result.DONE)


def _operate(
    tx: Transaction, operation: Operation, command: Clean | SelfTest, by: Signers
) -> _Answer:
    wish = Wish(
        Owner.CENTRE, by.who, "proven", command.command_id, reason=command.reason
    )
    news = operation_book.ask(tx, operation, wish)
    return _Answer(Result.DONE, "" if news else "it was asked for before")


def _retire(tx: Transaction) -> _Answer:
    if standing.is_retired(tx.db):
        return _Answer(Result.DONE, "it was retired before")
    if left := jobs.open_count(tx.db):
        return _Answer(Result.JOBS_OPEN, f"{left} jobs have not ended")
    tx.append(AgentRetired())
    return _Answer(Result.DONE)


# How the rest of the agent asks


class Read(Protocol):
    """Reads what was committed last."""

    def __call__(self, query: Callable[[sqlite3.Connection], T]) -> T: ...


class Write(Protocol):
    """Makes one commit."""

    async def __call__(
        self, work: Callable[[Transaction], T], *, synced: bool = True
    ) -> T: ...


class Orders:
    """The journal's part about orders; its readings are as cheap as the journal's."""

    def __init__(self, read: Read, write: Write, time: TrustedTime) -> None:
        self._read = read
        self._write = write
        self._time = time

    async def take(self, came: OpenedCommand) -> Told:
        """Do what a command says, once; when this returns, answer and effect stand."""
        told = await self._write(lambda tx: take(tx, came))
        if came.command is not None and told.result in EXECUTED:
            self._time.learn_issued(came.command.issued_at)
        return told

    async def pause(self, by: Signers, reason: str | None) -> None:
        """Let no new card start, by a person's word."""
        ordered = Ordered(Owner.OPERATOR, by)
        await self._write(lambda tx: pause(tx, ordered, reason))

    async def resume(self, by: Signers) -> None:
        """Take a person's pause back.

        Raises:
            Refusal: there is none, or it is another's.
        """

        def work(tx: Transaction) -> None:
            if resume(tx, Ordered(Owner.OPERATOR, by)) is None:
                raise Refusal("not-paused", "printing is not paused")

        await self._write(work)

    async def stop_by_itself(self, reason: str) -> None:
        """Let no new card start, by the agent's own word."""
        await self._write(lambda tx: pause(tx, Ordered(Owner.SYSTEM), reason))

    async def go_on_by_itself(self) -> None:
        """Take the agent's own pause back, if there is one."""
        if Owner.SYSTEM in self.paused_by():
            await self._write(lambda tx: resume(tx, Ordered(Owner.SYSTEM)))

    async def hold(self, job_id: str, by: Signers, reason: str) -> None:
        """Let a waiting job not start, by a person's word.

        Raises:
            Refusal: no such job, or it does not wait any more.
        """
        ordered = Ordered(Owner.OPERATOR, by)
        await self._write(lambda tx: hold(tx, ordered, job_id, reason))

    async def release(self, job_id: str, by: Signers) -> None:
        """Take a person's hold back.

        Raises:
            Refusal: no such job, it is not held, or it is another's hold.
        """

        def work(tx: Transaction) -> None:
            if release(tx, Ordered(Owner.OPERATOR, by), job_id) is None:
                raise Refusal("not-held", f"job {job_id} is not held")

        await self._write(work)

    def paused_by(self) -> list[Owner]:
        """Return whose word it is that no card starts."""
        return self._read(standing.paused_by)

    @property
    def retired(self) -> bool:
        """True once the centre has retired this agent: it takes no job any more."""
        return self._read(standing.is_retired)

    @property
    def left(self) -> bool:
        """True once a retired agent has ended its session with the broker."""
        return self._read(kept.has_left)

    async def leave(self) -> None:
        """Remember that the session has ended: it is never opened again."""
        await self._write(kept.leave)
