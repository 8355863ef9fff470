"""Attempts: each stage on disk before its motion, and what became of the blank."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import msgspec

from agent.contract.events import (
    AttemptClosed,
    AttemptDecided,
    AttemptInterrupted,
    AttemptResolved,
    AttemptStage,
    Evidence,
    Expected,
    Found,
    IncidentRaised,
    JobAborted,
    JobCompleted,
    JobReturned,
    JobStarted,
    JobStopped,
    Place,
    Stage,
    StockCause,
)
from agent.contract.messages import CurrentJob, Outcome
from agent.contract.order_events import JobHeld
from agent.journal import acks, chain, jobs, standing, stock, swapped
from agent.journal.errors import Refusal
from agent.journal.store import Transaction
from agent.lifecycle.doubt import (
    BLANK_MISSING,
    BLANKS_USED,
    AnswerRefusedError,
    answer,
    cause_of,
    closing_movement,
    next_state,
    resolving_movement,
)
from agent.lifecycle.facts import Begun
from agent.lifecycle.ledger import Movement, MovementRefusedError, Signers
from agent.lifecycle.recovery import Finding
from agent.lifecycle.states import JobState


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """The attempt that was begun and not closed: at most one a printer."""

    job_id: str
    attempt: int
    state: JobState  # of its job
    begun: Begun

    @property
    def stage(self) -> Stage:
        return self.begun.stage


@dataclass(frozen=True, slots=True)
class Closing:
    """What became of an attempt's blank, and how that is known."""

    outcome: Outcome
    detail: str = ""
    evidence: Evidence | None = None
    incident: IncidentRaised | None = None
    reasons: tuple[str, ...] = ()  # state reasons, when a person must act


@dataclass(frozen=True, slots=True)
class Resolution:
    """What people say of a card in doubt; `proven`: each by a PIN of the roster.

    `bin_count`: how many cards lie in the reject bin now, this one included; of one
    that was found in the hopper, how many lie there.
    """

    found: Found
    good: bool | None
    reason: str
    who: str | None = None
    second: str | None = None
    proven: bool = False
    bin_count: int | None = None


def begin(
    tx: Transaction,
    job_id: str,
    passed_over: tuple[str, ...],
    begun: Begun,
) -> int:
    """Write down the first stage, before its motion; return the attempt's number.

    No sensor shows when a printer that feeds by itself takes the blank: in the books
    it stands in the path from `sending` on.

    Raises:
        Refusal: since it was chosen the job was withdrawn or held, printing paused, or
            something came up that stops this printer.
    """
    job = jobs.view(tx.db, job_id)
    assert job is not None
    if job.state is not JobState.PENDING:
        raise Refusal("not-pending", f"job {job_id} is {job.state}")
    if standing.paused_by(tx.db):
        raise Refusal("paused", "no new card may start")
    if acks.forked(tx.db) or swapped.incident(tx.db) is not None:
        raise Refusal("stopped", "a person must decide before a new card starts")
    attempt = job.attempts + 1
    passed_over += jobs.came_since(tx.db, job, passed_over)
    tx.append(
        JobStarted(queue_no=job.queue_no, passed_over=passed_over),
        job=job_id,
        attempt=attempt,
    )
    tx.append(
        AttemptStage(
            stage=begun.stage,
            digest=begun.digest,
            expected=begun.expected,
            evidence=begun.before,
        ),
        job=job_id,
        attempt=attempt,
    )
    if begun.stage is not Stage.FEEDING:
        _into_path(tx, job_id, attempt)
    return attempt


def advance(
    tx: Transaction,
    job_id: str,
    attempt: int,
    stage: Stage,
    *,
    destination: Place | None = None,
    evidence: Evidence | None = None,
) -> None:
    """Write down the next stage, before the motion it announces.

    Raises:
        Refusal: the attempt is closed, and nobody asks any more for its card's reject.
    """
    before, outcome = _standing(tx.db, job_id, attempt)
    if outcome is not None:
        job = jobs.view(tx.db, job_id)
        if job is None or not job.reject_asked:
            said = f"a person has said where the card of job {job_id} is"
            raise Refusal("answered-before", said)
    tx.append(
        AttemptStage(stage=stage, destination=destination, evidence=evidence),
        job=job_id,
        attempt=attempt,
    )
    if before is Stage.FEEDING and outcome is None:  # now it was seen in the path
        _into_path(tx, job_id, attempt)


def _into_path(tx: Transaction, job_id: str, attempt: int) -> None:
    feed = Movement(Place.HOPPER, Place.PATH, 1, StockCause.FEED)
    stock.move(tx, feed, job=job_id, attempt=attempt)


def close(tx: Transaction, job_id: str, attempt: int, closing: Closing) -> JobState:
    """Write down the outcome, the blank's movement and where the job goes."""
    stage, _ = _standing(tx.db, job_id, attempt)
    if closing.incident is not None:
        tx.append(closing.incident, job=job_id, attempt=attempt)
    tx.append(
        AttemptClosed(
            outcome=closing.outcome,
            stage=stage,
            cause=cause_of(closing.outcome),
            detail=closing.detail,
            evidence=closing.evidence,
        ),
        job=job_id,
        attempt=attempt,
    )
    movement = closing_movement(stage, closing.outcome)
    if movement is not None:
        stock.move(tx, movement, job=job_id, attempt=attempt)
    return _end(tx, job_id, attempt, closing.outcome, closing.reasons)


def interrupt(
    tx: Transaction, job_id: str, attempt: int, detail: str, reasons: tuple[str, ...]
) -> None:
    """Write down why a run ended without an outcome; reasons: it is unbroken no more.

    Nothing is written once a person has answered.
    """
    stage, outcome = _standing(tx.db, job_id, attempt)
    if outcome is None:
        told = AttemptInterrupted(stage=stage, detail=detail, reasons=reasons)
        tx.append(told, job=job_id, attempt=attempt)


def stop(tx: Transaction, job_id: str, attempt: int, reasons: tuple[str, ...]) -> None:
    """Put an open attempt before a person: its printer does not come to rest."""
    _, outcome = _standing(tx.db, job_id, attempt)
    if outcome is None:
        tx.append(JobStopped(reasons=list(reasons)), job=job_id, attempt=attempt)


def decide(
    tx: Transaction,
    job_id: str,
    attempt: int,
    finding: Finding,
    closing: Closing | None,
) -> bool:
    """Write down what is done about an open attempt; False: a person was faster.

    `closing` where the decision ends it; else what it announces may begin now.
    """
    stage, outcome = _standing(tx.db, job_id, attempt)
    if outcome is not None:
        return False
    verdict, found = finding.verdict, finding.facts
    tx.append(
        AttemptDecided(
            decision=verdict.decision,
            row=verdict.row,
            reason=verdict.reason,
            stage=stage,
            card=finding.evidence.card,
            unbroken=found.unbroken,
            moved=found.moved,
            printed=found.printed,
            detail=finding.detail,
            hint=verdict.hint,
            evidence=finding.evidence,
        ),
        job=job_id,
        attempt=attempt,
    )
    if closing is not None:
        close(tx, job_id, attempt, closing)
    return True


def _standing(
    db: sqlite3.Connection, job_id: str, attempt: int
) -> tuple[Stage, str | None]:
    stage, outcome = db.execute(
        "SELECT stage, outcome FROM attempts WHERE job_id = ? AND attempt = ?",
        (job_id, attempt),
    ).fetchone()
    return Stage(stage), outcome


@dataclass(frozen=True, slots=True)
class _Way:
    """How far an attempt came, whether or not its card was then moved out."""

    fed_by_us: bool  # it began with our feed, and not with the bytes of its job
    reached: Stage


def _way(db: sqlite3.Connection, job: jobs.JobView) -> _Way:
    """Return what was written of the way of a job's last attempt.

    To move a card out marks it with nothing: the stage before says what it may bear.
    """
    lines = db.execute(
        "SELECT no, line FROM events WHERE job = ? ORDER BY no", (job.job_id,)
    )
    events = (chain.open_line(line, no)[1] for no, line in lines)
    stages = [
        event.data.stage
        for event in events
        if event.attempt == job.attempts and isinstance(event.data, AttemptStage)
    ]
    making = [stage for stage in stages if stage is not Stage.DELIVERING]
    return _Way(stages[0] is Stage.FEEDING, making[-1])


def _end(
    tx: Transaction,
    job_id: str,
    attempt: int,
    outcome: Outcome,
    reasons: tuple[str, ...],
) -> JobState:
    job = jobs.view(tx.db, job_id)
    assert job is not None
    state = next_state(outcome, job.spoiled, job.blanks)
    match state:
        case JobState.COMPLETED:
            tx.append(JobCompleted(attempts=attempt), job=job_id, attempt=attempt)
        case JobState.PENDING_HELD:
            tx.append(JobHeld(reason=BLANKS_USED), job=job_id, attempt=attempt)
        case JobState.PROCESSING_STOPPED:
            stopped = JobStopped(reasons=list(reasons))
            tx.append(stopped, job=job_id, attempt=attempt)
        case _:
            tx.append(JobReturned(outcome=outcome), job=job_id, attempt=attempt)
    return state


def resolve(tx: Transaction, job_id: str, resolution: Resolution) -> JobState:
    """Take a person's answer about a card in doubt; return the job's state then.

    Raises:
        Refusal: no such job, it is not in doubt, the answer cannot be true, or it
            needs a count of where it was found.
    """
    job = jobs.view(tx.db, job_id)
    if job is None:
        raise Refusal("unknown-job", f"no job {job_id} was ever accepted here")
    if not job.in_doubt:
        raise Refusal(
            "not-in-doubt", f"job {job_id} is {job.state}: nothing is in doubt"
        )
    way = _way(tx.db, job)
    try:
        row = answer(
            resolution.found, resolution.good, way.reached, fed_by_us=way.fed_by_us
        )
    except AnswerRefusedError as error:
        raise Refusal("answer-impossible", str(error)) from error
    by = Signers(resolution.who, resolution.second, resolution.proven)
    attempt = job.attempts
    if job.outcome is None:
        _give_to_person(tx, job_id, attempt)
    tx.append(
        AttemptResolved(
            found=resolution.found,
            good=resolution.good,
            reason=resolution.reason,
            identity="proven" if by.proven else "unproven",
            second=by.second,
        ),
        job=job_id,
        attempt=attempt,
        who=by.who,
    )
    movement = resolving_movement(row, way.reached)
    if movement is not None:
        try:
            stock.move(tx, movement, job=job_id, attempt=attempt, by=by)
        except MovementRefusedError as error:
            raise Refusal(error.code, str(error)) from error
        _count_bin(tx, job_id, movement, resolution.bin_count, by)
    if row.outcome is None:
        return job.state
    if row.outcome is Outcome.UNKNOWN:
        tx.append(JobAborted(reason=BLANK_MISSING), job=job_id, attempt=attempt)
        return JobState.ABORTED
    return _end(tx, job_id, attempt, row.outcome, ())


def _count_bin(
    tx: Transaction, job_id: str, movement: Movement, counted: int | None, by: Signers
) -> None:
    in_hopper = movement.destination is Place.HOPPER
    where = Place.HOPPER if in_hopper else Place.REJECT_BIN
    if counted is not None:
        stock.count(tx, where, counted, by, job_id)
    elif movement.cause is StockCause.RESOLVE_MARKED:
        named = "hopper" if in_hopper else "reject bin"
        raise Refusal(
            "count-needed",
            f"say how many cards lie in the {named} now, this one included",
        )


def _give_to_person(tx: Transaction, job_id: str, attempt: int) -> None:
    """Close an attempt that waits for its printer, for a person knows already."""
    stage, _ = _standing(tx.db, job_id, attempt)
    detail = "a person answered before the printer could"
    closed = AttemptClosed(outcome=Outcome.UNKNOWN, stage=stage, detail=detail)
    tx.append(closed, job=job_id, attempt=attempt)
    movement = closing_movement(stage, Outcome.UNKNOWN)
    assert movement is not None
    stock.move(tx, movement, job=job_id, attempt=attempt)


def ask_again(
    tx: Transaction, job_id: str, attempt: int, reasons: tuple[str, ...]
) -> None:
    """Put a card in doubt before a person again, after the command to reject it.

    Nothing is written once a person has answered otherwise.
    """
    job = jobs.view(tx.db, job_id)
    if job is None or not job.in_doubt:
        return
    tx.append(JobStopped(reasons=list(reasons)), job=job_id, attempt=attempt)


def open_attempt(db: sqlite3.Connection) -> OpenAttempt | None:
    """Return the attempt that was begun and not closed."""
    row = db.execute(
        "SELECT a.job_id, attempt, state, stage, evidence, expected, destination,"
        " canary, broken, digest FROM attempts a"
        " JOIN jobs j ON j.job_id = a.job_id WHERE outcome IS NULL"
    ).fetchone()
    if row is None:
        return None
    begun = Begun(
        stage=Stage(row[3]),
        before=msgspec.json.decode(row[4], type=Evidence),
        expected=msgspec.json.decode(row[5], type=Expected),
        destination=Place(row[6]) if row[6] else None,
        canary=row[7],
        broken=bool(row[8]),
        digest=row[9],
    )
    return OpenAttempt(row[0], row[1], JobState(row[2]), begun)


def doubtful(db: sqlite3.Connection) -> jobs.JobView | None:
    """Return the job whose card a person must find: at most one a printer."""
    row = db.execute(
        "SELECT job_id FROM jobs WHERE state = ?",
        (JobState.PROCESSING_STOPPED,),
    ).fetchone()
    return None if row is None else jobs.view(db, row[0])


def current(db: sqlite3.Connection) -> CurrentJob | None:
    """Return the job whose attempt is open, or in doubt."""
    row = db.execute(
        "SELECT j.job_id, state, attempt, stage FROM jobs j"
        " JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempts"
        " WHERE state IN (?, ?)",
        (JobState.PROCESSING, JobState.PROCESSING_STOPPED),
    ).fetchone()
    if row is None:
        return None
    return CurrentJob(job=row[0], state=row[1], attempt=row[2], stage=row[3])
