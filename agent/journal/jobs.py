"""Jobs at the door and in the queue: accepted, known already, or refused."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from agent.clock import AHEAD_MAX
from agent.contract.events import (
    JobAborted,
    JobAccepted,
    JobRejected,
)
from agent.contract.messages import (
    RETRY,
    Job,
    JobKind,
    Outcome,
    RejectReason,
    Retry,
)
from agent.journal import standing
from agent.journal.store import Transaction
from agent.lifecycle.decide import Waiting
from agent.lifecycle.doubt import BLANK_MISSING
from agent.lifecycle.states import ENDED, JobState

if TYPE_CHECKING:
    from agent.contract.envelope import OpenedJob


CAME_SINCE = "came-since"
"""Why a smaller number was passed over: another job had been chosen when it came."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job is on disk, and so is its `job-accepted`."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Redelivered:
    """The same job came again: nothing was written.

    The centre learns what it missed from the event lines, which are sent again until
    it acknowledges them, and from `state`.
    """

    job_id: str
    state: JobState


@dataclass(frozen=True, slots=True)
class Refused:
    """The job was refused, and `job-rejected` is on disk."""

    reason: RejectReason
    detail: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message refused before it was a job; the ids only if it verified."""

    reason: RejectReason
    detail: str
    message_sha256: str
    job_id: str | None = None
    payload_sha256: str | None = None


def accept(
    tx: Transaction,
    opened: OpenedJob,
    message: bytes,
    no_room: str,
    seal: Callable[[bytes], bytes] = bytes,
) -> Accepted | Redelivered | Refused:
    """Take a verified job in, or say why not; `no_room` says why the disk cannot.

    `seal` makes of the message what is kept of it.
    """
    job = opened.job
    row = tx.db.execute(
        "SELECT payload_sha256, state FROM jobs WHERE job_id = ?", (job.job_id,)
    ).fetchone()
    if row is not None and row[0] == opened.payload_sha256:
        return Redelivered(job.job_id, JobState(row[1]))
    refused = _refusal(tx, job, known=row is not None)
    if refused is None and no_room:
        refused = Refused(RejectReason.STORAGE_FULL, no_room)
    if refused is not None:
        message_sha256 = hashlib.sha256(message).hexdigest()
        reject(
            tx,
            Rejection(
                refused.reason,
                refused.detail,
                message_sha256,
                job.job_id,
                opened.payload_sha256,
            ),
        )
        return refused
    tx.db.execute("INSERT INTO spool VALUES (?, ?)", (job.job_id, seal(message)))
    tx.append(
        JobAccepted(
            payload_sha256=opened.payload_sha256,
            queue_no=job.queue_no,
            subject=job.subject,
            job_kind=job.kind,
            expires_at=job.expires_at,
            not_before=job.not_before,
            blanks=job.blanks,
            side_count=1 if job.sides.back is None else 2,
            ribbon=job.ribbon,
        ),
        job=job.job_id,
    )
    return Accepted(job.job_id)


def _refusal(tx: Transaction, job: Job, *, known: bool) -> Refused | None:
    if known:
        return Refused(
            RejectReason.DUPLICATE_DIFFERS,
            "a job of this id with other content was accepted before and stands",
        )
    if standing.is_retired(tx.db):
        return Refused(RejectReason.RETIRED, "this agent takes no job any more")
    until = standing.withdrawn_until(tx.db, job.job_id)
    if until is not None and not (tx.sure and until <= tx.stamp.at):
        return Refused(RejectReason.CANCELED, "it was withdrawn before it came")
    if tx.sure and job.issued_at > tx.stamp.at + AHEAD_MAX:
        return Refused(
            RejectReason.CLOCK_UNSURE,
            f"issued_at {job.issued_at.isoformat()} is more than"
            f" {AHEAD_MAX // timedelta(minutes=1)} minutes ahead of this agent's time",
        )
    if job.expires_at <= tx.stamp.at:
        when = f"expires_at {job.expires_at.isoformat()} has passed"
        if tx.sure:
            return Refused(RejectReason.EXPIRED, when)
        return Refused(RejectReason.CLOCK_UNSURE, f"{when}, if this clock is right")
    lost = standing.loss(tx.db, tx.stamp.at, sure=tx.sure)
    if lost is not None and not lost.known:
        return Refused(
            RejectReason.CLOCK_UNSURE,
            "a lost ledger was replaced here, and this clock does not know when",
        )
    if lost is not None and job.issued_at <= lost.until:
        when = lost.until.isoformat()
        return Refused(
            RejectReason.BEFORE_LEDGER,
            f"issued before {when}, when a lost ledger was replaced here",
        )
    replaced = None if job.reprint_of is None else view(tx.db, job.reprint_of)
    if replaced is not None and not replaced.ended:
        return Refused(
            RejectReason.FATE_OPEN,
            f"job {replaced.job_id}, which it replaces, is {replaced.state}",
        )
    first = _first_of(tx.db, job) if job.kind is JobKind.FIRST else None
    if first is not None:
        return Refused(
            RejectReason.SECOND_FIRST, f"job {first} is the first card of this subject"
        )
    return None


def _first_of(db: sqlite3.Connection, job: Job) -> str | None:
    # A job that ended without a card leaves room for another first; one whose blank
    # is missing does not, for that blank may be a good card in somebody's pocket.
    rows = db.execute(
        "SELECT job_id, state, reasons FROM jobs WHERE subject = ? AND kind = 'first'",
        (job.subject,),
    ).fetchall()
    for job_id, state, reasons in rows:
        without_card = state in (JobState.CANCELED, JobState.ABORTED)
        if not without_card or BLANK_MISSING in msgspec.json.decode(reasons):
            return str(job_id)
    return None


def reject(tx: Transaction, rejection: Rejection) -> None:
    """Put on record that a message was refused."""
    tx.append(
        JobRejected(
            reason=rejection.reason,
            retry=RETRY.get(rejection.reason, Retry.NEVER),
            message_sha256=rejection.message_sha256,
            payload_sha256=rejection.payload_sha256,
            detail=rejection.detail,
        ),
        job=rejection.job_id,
    )


def abort(tx: Transaction, job_ids: list[str], reason: str) -> None:
    """Give up jobs of which no attempt is open; one that was withdrawn stays so."""
    for job_id in job_ids:
        job = view(tx.db, job_id)
        if job is not None and not job.ended:
            tx.append(JobAborted(reason=reason), job=job_id)


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as the books have it."""

    job_id: str
    queue_no: int
    kind: str
    state: JobState
    reasons: list[str]  # why it is held, stopped or aborted
    attempts: int
    spoiled: int
    blanks: int
    side_count: int
    ribbon: str | None
    accepted_at: datetime
    expires_at: datetime
    not_before: datetime | None
    stage: str | None  # of the last attempt: the last written before its motion
    outcome: str | None  # of the last attempt; None while it is open
    reject_asked: bool  # a person saw its card inside the printer

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def in_doubt(self) -> bool:
        """A person must say what became of its card."""
        waits = self.outcome in (None, Outcome.UNKNOWN)
        return self.state is JobState.PROCESSING_STOPPED and waits


_SELECT = """
SELECT j.job_id, queue_no, kind, state, reasons, attempts, spoiled, blanks, side_count,
    ribbon, accepted_at, expires_at, not_before, stage, outcome, reject_asked
FROM jobs j
LEFT JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempts
"""


def _view(row: tuple[Any, ...]) -> JobView:
    return JobView(
        job_id=row[0],
        queue_no=row[1],
        kind=row[2],
        state=JobState(row[3]),
        reasons=msgspec.json.decode(row[4], type=list[str]),
        attempts=row[5],
        spoiled=row[6],
        blanks=row[7],
        side_count=row[8],
        ribbon=row[9],
        accepted_at=datetime.fromisoformat(row[10]),
        expires_at=datetime.fromisoformat(row[11]),
        not_before=datetime.fromisoformat(row[12]) if row[12] else None,
        stage=row[13],
        outcome=row[14],
        reject_asked=bool(row[15]),
    )


def view(db: sqlite3.Connection, job_id: str) -> JobView | None:
    """Return one job, or None when no such job was ever accepted."""
    row = db.execute(f"{_SELECT} WHERE j.job_id = ?", (job_id,)).fetchone()
    return None if row is None else _view(row)


def views_open(db: sqlite3.Connection, count_max: int) -> list[JobView]:
    """Return jobs that have not ended, by queue number."""
    query = f"{_SELECT} WHERE ended = 0 ORDER BY queue_no, j.job_id LIMIT ?"
    return [_view(row) for row in db.execute(query, (count_max,))]


def views_ended(db: sqlite3.Connection, count_max: int) -> list[JobView]:
    """Return jobs that have ended, the newest first."""
    query = f"{_SELECT} WHERE ended > 0 ORDER BY ended DESC LIMIT ?"
    return [_view(row) for row in db.execute(query, (count_max,))]


def waiting(db: sqlite3.Connection) -> list[Waiting]:
    """Return what the choice of the next job needs, of every job not ended."""
    rows = db.execute(
        "SELECT job_id, queue_no, state, expires_at, not_before, side_count, ribbon,"
        " reasons FROM jobs WHERE ended = 0 ORDER BY queue_no, job_id"
    ).fetchall()
    return [
        Waiting(
            job_id=row[0],
            queue_no=row[1],
            state=JobState(row[2]),
            expires_at=datetime.fromisoformat(row[3]),
            not_before=datetime.fromisoformat(row[4]) if row[4] else None,
            side_count=row[5],
            ribbon=row[6],
            held_for=" ".join(msgspec.json.decode(row[7])),
        )
        for row in rows
    ]


def came_since(
    db: sqlite3.Connection, job: JobView, passed_over: tuple[str, ...]
) -> tuple[str, ...]:
    """Name each smaller number that was accepted after `job` had been chosen."""
    named = {entry.partition(" ")[0] for entry in passed_over}
    if any(entry.startswith("+") for entry in passed_over):
        return ()  # too many to name, and all of them counted
    rows = db.execute(
        "SELECT job_id FROM jobs WHERE ended = 0"
        " AND (queue_no, job_id) < (?, ?) ORDER BY queue_no, job_id",
        (job.queue_no, job.job_id),
    )
    return tuple(f"{row[0]} {CAME_SINCE}" for row in rows if row[0] not in named)


def spooled(db: sqlite3.Connection, job_id: str) -> bytes | None:
    """Return a job's sealed message; None once the job has ended."""
    row = db.execute("SELECT sealed FROM spool WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else bytes(row[0])


def open_ids(db: sqlite3.Connection) -> list[str]:
    """Return the ids of every job that has not ended, by queue number."""
    rows = db.execute(
        "SELECT job_id FROM jobs WHERE ended = 0 ORDER BY queue_no, job_id"
    )
    return [row[0] for row in rows]


def open_count(db: sqlite3.Connection) -> int:
    """Return how many jobs have not ended."""
    (count,) = db.execute("SELECT count(*) FROM jobs WHERE ended = 0").fetchone()
    return int(count)


def events(db: sqlite3.Connection, job_id: str) -> list[bytes]:
    """Return the JSON of every event of a job, oldest first."""
    rows = db.execute("SELECT line FROM events WHERE job = ? ORDER BY no", (job_id,))
    return [bytes(row[0]).split(b" ", 1)[1].rstrip(b"\n") for row in rows]
