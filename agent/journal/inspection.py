"""A card that left the printer good and was found bad by eye: thrown out, on record."""

from __future__ import annotations

from agent.contract.events import JobInspected, Place, StockCause
from agent.contract.messages import Cause
from agent.journal import jobs, stock
from agent.journal.errors import Refusal
from agent.journal.store import Transaction
from agent.lifecycle.ledger import Movement, MovementRefusedError, Signers
from agent.lifecycle.states import JobState

FAILED = "inspection-failed"


def fail(
    tx: Transaction,
    job_id: str,
    cause: Cause,
    destination: Place,
    reason: str,
    by: Signers,
) -> None:
    """Throw the card of a completed job out; the job stays completed.

    Raises:
        Refusal: no such job, it has no card to inspect, or it cannot have gone there.
    """
    job = jobs.view(tx.db, job_id)
    if job is None:
        raise Refusal("unknown-job", f"no job {job_id} was ever accepted here")
    if job.state is not JobState.COMPLETED:
        raise Refusal("not-completed", f"job {job_id} is {job.state}: it has no card")
    if FAILED in job.reasons:
        raise Refusal(
            "not-completed", f"the card of job {job_id} was thrown out before"
        )
    told = JobInspected(
        inspection="failed",
        cause=cause,
        destination=destination,
        reason=reason,
        identity=stock.word(by) or "unproven",
    )
    tx.append(told, job=job_id, attempt=job.attempts, who=by.who)
    movement = Movement(Place.OUTPUT, destination, 1, StockCause.INSPECT)
    try:
        stock.move(tx, movement, job=job_id, attempt=job.attempts, by=by)
    except MovementRefusedError as error:
        raise Refusal(error.code, str(error)) from error
