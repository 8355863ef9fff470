"""The event lines: one type for the data of each kind, here or beside it.

A line is `<sha256 hex> <JSON>\\n`; `agent.journal.chain` builds it. Nothing here names
a citizen: jobs are named by id, staff by roster id. No field is a float.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from agent.contract.agent_events import (
    AgentKey,
    AgentMended,
    AgentRefusals,
    Checkpoint,
    LedgerBegun,
)
from agent.contract.attempt_events import (
    AttemptClosed,
    AttemptDecided,
    AttemptInterrupted,
    AttemptResolved,
    AttemptStage,
    Decision,
    Evidence,
    Expected,
    Found,
    Stage,
)
from agent.contract.messages import (
    END,
    Cause,
    Clock,
    Count,
    Id,
    JobKind,
    Keyword,
    Message,
    Natural,
    Outcome,
    RejectReason,
    Retry,
    Sha256,
    Text,
    Time,
)
from agent.contract.operation_events import OperationData
from agent.contract.order_events import OrderData
from agent.contract.stock_events import (
    Identity,
    Item,
    Moving,
    PersonId,
    Place,
    StockCause,
    StockConfirmed,
    StockCounted,
    StockMoved,
    StockOldCards,
)

__all__ = [
    "AgentDenied",
    "AgentKey",
    "AgentMended",
    "AgentRefusals",
    "AgentRoster",
    "AgentStarted",
    "AgentStopped",
    "AttemptClosed",
    "AttemptDecided",
    "AttemptInterrupted",
    "AttemptResolved",
    "AttemptStage",
    "Checkpoint",
    "Data",
    "Decision",
    "Event",
    "Evidence",
    "Expected",
    "FaultCleared",
    "FaultRaised",
    "Found",
    "Identity",
    "Incident",
    "IncidentRaised",
    "Item",
    "JobAborted",
    "JobAccepted",
    "JobCanceled",
    "JobCompleted",
    "JobInspected",
    "JobRejected",
    "JobReturned",
    "JobStarted",
    "JobStopped",
    "LedgerBegun",
    "Moving",
    "OperationData",
    "OrderData",
    "PersonId",
    "Place",
    "PrinterConfirmed",
    "PrinterCounted",
    "Stage",
    "StockCause",
    "StockConfirmed",
    "StockCounted",
    "StockMoved",
    "StockOldCards",
    "SupplyRibbon",
]


class Incident(StrEnum):
    """What an auditor must look at."""

    STOCK_MISMATCH = "stock-mismatch"  # hopper empty and book not 0, or the reverse
    COUNTER_MISMATCH = "counter-mismatch"
    UNACCOUNTED_CARD = "unaccounted-card"  # counters moved with no attempt open
    FOREIGN_CARD = "foreign-card"
    PRINTER_CHANGED = "printer-changed"
    LEDGER_FORK = "ledger-fork"
    SECOND_AGENT = "second-agent"
    CLOCK_JUMP = "clock-jump"  # the system clock was set
    UNCONFIRMED = "unconfirmed"  # no second identity in time


class JobAccepted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-accepted"
):
    """On disk, waiting its turn; all that is known of it once the message is erased."""

    payload_sha256: Sha256  # of the signed document: what makes a job the same
    queue_no: Natural
    subject: Id
    job_kind: JobKind
    expires_at: Time
    not_before: Time | None = None
    blanks: Natural  # it may use, spoiled ones too
    side_count: Natural
    ribbon: str | None = None


class JobRejected(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-rejected"
):
    """Refused at the door; never a job. `job` of the line is set if it verified."""

    reason: RejectReason
    retry: Retry
    message_sha256: Sha256  # of the MQTT payload as received
    payload_sha256: Sha256 | None = None  # of the signed document, if it verified
    detail: str = ""  # for the programmer of the centre; no citizen's data


class JobStarted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-started"
):
    """An attempt begins; the smaller queue numbers it passed over, with the reason."""

    queue_no: Natural
    passed_over: tuple[str, ...] = ()  # "<job id> <reason>"


class JobStopped(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-stopped"
):
    """A person must act; why, as state reasons."""

    reasons: list[str]


class JobReturned(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-returned"
):
    """Back to pending: its blank was untouched or spoiled, and more are allowed."""

    outcome: Outcome


class JobCompleted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-completed"
):
    """One good card left the printer."""

    attempts: Natural


class JobInspected(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-inspected"
):
    """A person found its card bad and threw it out; the job stays completed."""

    inspection: Annotated[str, msgspec.Meta(pattern="^failed" + END)]
    cause: Cause
    destination: Place  # reject-bin or waste
    reason: Text
    identity: Identity


class JobCanceled(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-canceled"
):
    """Withdrawn before a card could be marked."""

    reason: str


class JobAborted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="job-aborted"
):
    """Given up: `expired`, `blank-missing`, or what made it impossible."""

    reason: str


class PrinterCounted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="printer-counted"
):
    """Where the counters stand with no attempt open, when that is news."""

    evidence: Evidence


class SupplyRibbon(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="supply-ribbon"
):
    """Another ribbon is in the printer."""

    ribbon_kind: str
    serial: str
    left: Natural | None
    capacity: Natural | None


class FaultRaised(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="fault-raised"
):
    """State reasons that came up."""

    reasons: list[Keyword]


class FaultCleared(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="fault-cleared"
):
    """State reasons that went away."""

    reasons: list[Keyword]


class IncidentRaised(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="incident-raised"
):
    """Something an auditor must look at."""

    incident: Incident
    detail: str
    place: Place | None = None
    book: Count | None = None
    seen: Count | None = None
    movement: Natural | None = None  # the number of the event it is about


class PrinterConfirmed(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="printer-confirmed"
):
    """People stand for it that another printer is here: cards may start again."""

    serial: str
    incident: Natural  # the number of the `printer-changed`
    reason: Text
    identity: Identity
    second: PersonId | None = None
    unconfirmed: bool = False  # a second person has 24 hours for `stock-confirmed`


class AgentStarted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-started"
):
    """The first line of a boot."""

    version: str
    contract: Natural


class AgentStopped(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-stopped"
):
    """The daemon ends in good order."""

    reason: str


class AgentRoster(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-roster"
):
    """Another roster is in force: who can prove an identity from here on."""

    sha256: Sha256 | None  # of the file; null: there is none, nobody proves anything
    people: list[str]  # "<id> <role>"


class AgentDenied(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="agent-denied"
):
    """What a person asked for was not done, and nothing was changed."""

    request: str  # of the control socket
    error: Keyword
    message: str
    login: str  # of the asking process: no identity, only a trace
    identity: Identity | None = None  # of `who`, as far as it was proven by then


Data = (
    JobAccepted
    | JobRejected
    | JobStarted
    | JobStopped
    | JobReturned
    | JobCompleted
    | JobCanceled
    | JobInspected
    | JobAborted
    | AttemptStage
    | AttemptInterrupted
    | AttemptDecided
    | AttemptClosed
    | AttemptResolved
    | StockMoved
    | StockOldCards
    | StockCounted
    | StockConfirmed
    | SupplyRibbon
    | FaultRaised
    | FaultCleared
    | IncidentRaised
    | PrinterCounted
    | PrinterConfirmed
    | AgentStarted
    | AgentStopped
    | AgentMended
    | AgentRefusals
    | AgentRoster
    | AgentDenied
    | AgentKey
    | LedgerBegun
    | Checkpoint
    | OrderData
    | OperationData
)


class Event(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON of one event line, written with sorted keys; `data.kind` says what."""

    ledger: Id
    no: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    prev: Sha256  # hash of the line before; 64 zeros for line 1
    boot: Id
    at: Time
    clock: Clock
    mono: Natural  # milliseconds since the daemon started
    data: Data
    job: Id | None = None
    attempt: Natural | None = None
    who: str | None = None
