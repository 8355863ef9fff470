"""What follows from an event: the tables of jobs, attempts, stock, supplies, faults.

Called for each event in the transaction that appends it, and for nothing else, so the
tables cannot say what the chain does not, and a replay makes them again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import msgspec

from agent.contract.agent_events import AgentKey, Checkpoint, LedgerBegun
from agent.contract.events import (
    AgentDenied,
    AgentRoster,
    AttemptClosed,
    AttemptDecided,
    AttemptInterrupted,
    AttemptResolved,
    AttemptStage,
    Event,
    Evidence,
    Expected,
    FaultCleared,
    FaultRaised,
    Found,
    Incident,
    IncidentRaised,
    Item,
    JobAborted,
    JobAccepted,
    JobCanceled,
    JobCompleted,
    JobInspected,
    JobRejected,
    JobReturned,
    JobStarted,
    JobStopped,
    Place,
    PrinterConfirmed,
    PrinterCounted,
    Stage,
    StockCause,
    StockConfirmed,
    StockMoved,
    StockOldCards,
    SupplyRibbon,
)
from agent.contract.messages import Outcome
from agent.contract.operation_events import (
    OperationAsked,
    OperationBegun,
    OperationEnded,
)
from agent.contract.order_events import (
    AgentCommand,
    AgentPaused,
    AgentResumed,
    AgentRetired,
    JobHeld,
    JobReleased,
)
from agent.journal import operations, people, standing, swapped, wear
from agent.lifecycle.recovery import MOVES
from agent.lifecycle.states import (
    ENDED,
    IllegalStepError,
    JobState,
    check_job_step,
    check_stage_step,
)


def apply(db: sqlite3.Connection, event: Event) -> None:
    """Bring the tables up to `event`; an illegal step raises IllegalStepError."""
    people.proven(db, event)
    wear.worn(db, event)
    swapped.apply(db, event)
    match event.data:
        case JobAccepted() as accepted:
            _accepted(db, event, accepted)
        case JobStarted():
            _job(db, event, JobState.PROCESSING, [])
        case JobHeld() | JobReleased():
            words = standing.held(db, event)
            _job(db, event, JobState.PENDING_HELD if words else JobState.PENDING, words)
        case JobStopped(reasons=reasons):
            _job(db, event, JobState.PROCESSING_STOPPED, reasons)
        case JobReturned():
            _job(db, event, JobState.PENDING, [])
        case JobCompleted():
            _job(db, event, JobState.COMPLETED, [])
        case JobInspected():
            _inspected(db, event)
        case JobCanceled(reason=reason):
            _job(db, event, JobState.CANCELED, [reason])
        case JobAborted(reason=reason):
            _job(db, event, JobState.ABORTED, [reason])
        case AttemptStage() as stage:
            _stage(db, event, stage)
        case AttemptInterrupted(reasons=reasons):
            if reasons:
                _broken(db, event)
        case AttemptDecided(decision=decision, unbroken=unbroken):
            if not unbroken:
                _broken(db, event)
            if decision in MOVES and _state(db, event) is JobState.PROCESSING_STOPPED:
                _job(db, event, JobState.PROCESSING, [])
        case AttemptClosed(outcome=outcome, evidence=evidence):
            _outcome(db, event, outcome)
            _counted(db, evidence)
        case AttemptResolved(found=found, good=good):
            _resolved(db, event, found, good=good)
        case _:
            _no_job(db, event)


def _no_job(db: sqlite3.Connection, event: Event) -> None:
    """What moves no job on: blanks, people, faults, the printer, the agent itself."""
    match event.data:
        case StockMoved() as moved:
            people.moved(db, event, Item.BLANK, moved)
            _missed(db, moved)
        case StockOldCards() as moved:
            people.moved(db, event, Item.OLD_CARD, moved)
        case StockConfirmed(movement=no):
            db.execute("DELETE FROM unconfirmed WHERE no = ?", (no,))
        case IncidentRaised(incident=Incident.UNCONFIRMED, movement=no):
            db.execute("UPDATE unconfirmed SET reported = 1 WHERE no = ?", (no,))
        case AgentDenied(error=error):
            people.denied(db, event, error)
        case AgentRoster(sha256=sha256):
            _latest(db, "roster", sha256 or "")
        case FaultRaised() | FaultCleared() as change:
            _faults(db, change)
        case PrinterCounted(evidence=evidence):
            _counted(db, evidence)
        case SupplyRibbon(ribbon_kind=kind, serial=serial):
            _latest(db, "ribbon", msgspec.json.encode([kind, serial]).decode())
        case IncidentRaised(incident=Incident.LEDGER_FORK):
            _latest(db, "forked", str(event.no))
        case LedgerBegun() as begun:
            _begun(db, event, begun.counts)
            people.begun(db, event, begun)
        case PrinterConfirmed() as confirmed:
            people.stood_for(db, event, confirmed)
        case JobRejected():
            standing.dated(db, event)
        case AgentKey(signing=signing):
            _latest(db, "signing-key", signing.kid)
        case AgentCommand() | AgentPaused() | AgentResumed() | AgentRetired():
            standing.ordered(db, event)
        case OperationAsked() | OperationBegun():
            operations.apply(db, event)
        case OperationEnded(evidence=evidence):
            operations.apply(db, event)
            if evidence is not None:
                _counted(db, evidence)
        case Checkpoint():
            _latest(db, "checkpoint", str(event.no))
        case _:
            pass  # on the record only


def _state(db: sqlite3.Connection, event: Event) -> JobState:
    row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (event.job,)).fetchone()
    if row is None:
        raise IllegalStepError("a job that was never accepted takes no step")
    return JobState(row[0])


def _faults(db: sqlite3.Connection, change: FaultRaised | FaultCleared) -> None:
    raised = "INSERT OR IGNORE INTO faults VALUES (?)"
    cleared = "DELETE FROM faults WHERE reason = ?"
    rows = [(reason,) for reason in change.reasons]
    db.executemany(raised if isinstance(change, FaultRaised) else cleared, rows)


def _begun(db: sqlite3.Connection, event: Event, counts: Mapping[str, int]) -> None:
    """Take a person's count for the books; what came before is not known."""
    standing.begun(db, event)
    whole = {**counts, Place.RECEIVED: sum(counts.values())}
    books = [(Item.BLANK, place, count) for place, count in whole.items()]
    db.executemany("REPLACE INTO stock VALUES (?, ?, ?)", books)


def _accepted(db: sqlite3.Connection, event: Event, job: JobAccepted) -> None:
    not_before = job.not_before.isoformat() if job.not_before else None
    db.execute(
        "INSERT INTO jobs VALUES"
        " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', 0, 0, 0, 0)",
        (
            event.job,
            job.queue_no,
            job.job_kind,
            job.subject,
            job.payload_sha256,
            event.at.isoformat(),
            job.expires_at.isoformat(),
            not_before,
            job.blanks,
            job.side_count,
            job.ribbon,
            JobState.PENDING,
        ),
    )


def _job(
    db: sqlite3.Connection, event: Event, state: JobState, reasons: list[str]
) -> None:
    check_job_step(_state(db, event), state)
    ended = event.no if state in ENDED else 0
    db.execute(
        "UPDATE jobs SET state = ?, reasons = ?, ended = ?, reject_asked = 0"
        " WHERE job_id = ?",
        (state, msgspec.json.encode(reasons).decode(), ended, event.job),
    )
    if ended:
        db.execute("DELETE FROM spool WHERE job_id = ?", (event.job,))
        standing.ended(db, event)


def _inspected(db: sqlite3.Connection, event: Event) -> None:
    """Its card was thrown out; the job stays what it is."""
    if _state(db, event) is not JobState.COMPLETED:
        raise IllegalStepError("a job without a card is inspected by nobody")
    reasons = '["inspection-failed"]'
    db.execute("UPDATE jobs SET reasons = ? WHERE job_id = ?", (reasons, event.job))


_WHOLE_CARD = Expected(cards=1, sets=1)


def _stage(db: sqlite3.Connection, event: Event, data: AttemptStage) -> None:
    key = (event.job, event.attempt)
    row = db.execute(
        "SELECT stage FROM attempts WHERE job_id = ? AND attempt = ?", key
    ).fetchone()
    if row is None:
        evidence = data.evidence or Evidence(card="", reasons=[])
        expected = data.expected or _WHOLE_CARD
        db.execute(
            "INSERT INTO attempts VALUES (?, ?, ?, NULL, ?, ?, ?, NULL, ?, 0)",
            (
                *key,
                data.stage,
                msgspec.json.encode(evidence).decode(),
                msgspec.json.encode(expected).decode(),
                data.digest or "",
                evidence.canary,
            ),
        )
        db.execute(
            "UPDATE jobs SET attempts = attempts + 1 WHERE job_id = ?", (event.job,)
        )
        return
    check_stage_step(Stage(row[0]), data.stage)
    if data.evidence is None:
        db.execute(
            "UPDATE attempts SET stage = ?, destination = ?"
            " WHERE job_id = ? AND attempt = ?",
            (data.stage, data.destination, *key),
        )
        return
    # A claim sets the canary anew, so from here on this one is compared. A card that
    # goes to the reject bin needs no proof of what came before.
    mended = data.destination is Place.REJECT_BIN
    db.execute(
        "UPDATE attempts SET stage = ?, destination = ?, canary = ?,"
        " broken = broken AND NOT ? WHERE job_id = ? AND attempt = ?",
        (data.stage, data.destination, data.evidence.canary, mended, *key),
    )


def _broken(db: sqlite3.Connection, event: Event) -> None:
    db.execute(
        "UPDATE attempts SET broken = 1 WHERE job_id = ? AND attempt = ?",
        (event.job, event.attempt),
    )


def _counted(db: sqlite3.Connection, evidence: Evidence | None) -> None:
    """Keep where the counters stand with no attempt open; None: look again."""
    db.execute("DELETE FROM latest WHERE name = 'hopper-short'")
    if evidence is None:
        db.execute("DELETE FROM latest WHERE name = 'counted'")
        return
    value = msgspec.json.encode(evidence).decode()
    _latest(db, "counted", value)


def _missed(db: sqlite3.Connection, moved: StockMoved) -> None:
    """Add up what counts of the hopper missed since the counters were read."""
    if moved.cause is not StockCause.COUNT or moved.source is not Place.HOPPER:
        return
    row = db.execute("SELECT value FROM latest WHERE name = 'hopper-short'").fetchone()
    before = 0 if row is None else int(row[0])
    _latest(db, "hopper-short", str(before + moved.count))


def _outcome(db: sqlite3.Connection, event: Event, outcome: Outcome) -> None:
    db.execute(
        "UPDATE attempts SET outcome = ? WHERE job_id = ? AND attempt = ?",
        (outcome, event.job, event.attempt),
    )
    if outcome is Outcome.SPOILED:
        db.execute(
            "UPDATE jobs SET spoiled = spoiled + 1 WHERE job_id = ?", (event.job,)
        )


_RESOLVED: dict[Found, Outcome] = {
    Found.REJECT_BIN: Outcome.SPOILED,
    Found.HOPPER: Outcome.UNTOUCHED,
    Found.MISSING: Outcome.UNKNOWN,
}


def _resolved(
    db: sqlite3.Connection, event: Event, found: Found, *, good: bool | None
) -> None:
    if found is Found.PRINTER:
        db.execute("UPDATE jobs SET reject_asked = 1 WHERE job_id = ?", (event.job,))
        return
    at_output = Outcome.GOOD if good else Outcome.SPOILED
    _outcome(db, event, _RESOLVED.get(found, at_output))


def _latest(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("REPLACE INTO latest VALUES (?, ?)", (name, value))
