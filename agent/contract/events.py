"""The event lines: one type for the data of each kind.

A line is `<sha256 hex> <JSON>\\n`; `agent.journal.chain` builds it. Nothing here names
a citizen: jobs are named by id, staff by roster id. No field is a float.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from agent.contract.agent_events import AgentKey, AgentRefusals, Checkpoint, LedgerBegun
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
from agent.contract.order_events import OrderData

PERSON_PATTERN = r"^[a-z][a-z0-9.-]{0,31}" + END

PersonId = Annotated[str, msgspec.Meta(pattern=PERSON_PATTERN)]
Identity = Annotated[str, msgspec.Meta(pattern="^(proven|unproven)" + END)]
Moved = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Place(StrEnum):
    """Where a blank is. `received` is the source of every blank this printer was given.

    Balance, at any instant: what left `received` equals the sum of all other places.
    """

    RECEIVED = "received"
    DESK = "desk"  # handed to this printer, not loaded
    HOPPER = "hopper"
    PATH = "path"
    OUTPUT = "output"
    REJECT_BIN = "reject-bin"
    WASTE = "waste"  # the sealed bag of the reject bin
    SUSPENSE = "suspense"  # not known where: an attempt in doubt
    DIFFERENCE = "difference"  # found by counting, may be negative
    MISSING = "missing"
    ISSUED = "issued"  # handed over, out of this book
    DESTROYED = "destroyed"
    RETURNED = "returned"


class Item(StrEnum):
    """What is counted. Old cards that citizens hand in are never blanks."""

    BLANK = "blank"
    OLD_CARD = "old-card"


class StockCause(StrEnum):
    """Why blanks went from one place to another; `stock.json` says which may."""

    FEED = "feed"
    PRINT = "print"
    REJECT = "reject"
    UNTOUCHED = "untouched"
    DOUBT = "doubt"
    UNACCOUNTED = "unaccounted"  # a counter moved with no attempt open
    RESOLVE = "resolve"
    RESOLVE_MARKED = "resolve-marked"  # thrown out, though it may bear a picture
    RECEIVE = "receive"
    LOAD = "load"
    UNLOAD = "unload"
    HAND_OVER = "hand-over"
    SEAL = "seal"  # the bag of the reject bin is closed
    DESTROY = "destroy"
    RETURN = "return"
    COUNT = "count"
    EXPLAIN = "explain"  # a person says where a blank in suspense was
    MISSING = "missing"
    SURPLUS = "surplus"  # more were counted than were ever received
    FIND = "find"  # what was missing turned up
    HAND_IN = "hand-in"  # a citizen's old card


class Stage(StrEnum):
    """How far an attempt has been written down; each before the motion it announces."""

    FEEDING = "feeding"
    SENDING = "sending"
    LAST = "last"  # only where the printer ejects by itself: before its last bytes
    SENT = "sent"
    DELIVERING = "delivering"
    CLOSED = "closed"


class Found(StrEnum):
    """Where a person found the card of an attempt in doubt."""

    OUTPUT = "output"
    REJECT_BIN = "reject-bin"
    PRINTER = "printer"
    HOPPER = "hopper"
    MISSING = "missing"


class Decision(StrEnum):
    """What is done about an attempt whose outcome its own run could not say."""

    UNTOUCHED = "untouched"
    GO_ON = "go-on"  # with the card inside, which bears no mark yet
    DELIVER = "deliver"
    REJECT = "reject"
    GOOD = "good"
    SPOILED = "spoiled"
    UNKNOWN = "unknown"  # a person must find the card


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
    UNCONFIRMED = "unconfirmed"  # no second identity within 24 hours


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


class Evidence(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What the printer could prove at one moment; absent what it does not say."""

    card: str
    reasons: list[str]
    cards_fed: Natural | None = None
    cards_counter: str = ""  # which one `cards_fed` is of; two are never compared
    ribbon_left: Natural | None = None
    printer_serial: str | None = None
    head_serial: str | None = None
    ribbon_serial: str | None = None
    canary: str | None = None  # a value that is lost with the printer's power
    restarted: bool = False  # it says that it was switched on or reset since


class Expected(Message, frozen=True, kw_only=True):
    """What the printer's counters will have moved by when the card is done."""

    cards: Natural
    sets: Natural  # of the ribbon


class AttemptStage(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="attempt-stage"
):
    """Written before the motion it announces."""

    stage: Stage
    destination: Place | None = None  # of `delivering`
    digest: Sha256 | None = None  # of the panel bytes that will be sent
    expected: Expected | None = None
    evidence: Evidence | None = None


class AttemptInterrupted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="attempt-interrupted"
):
    """Its run ended without an outcome, or a fault came up while it stood open."""

    stage: Stage
    detail: str
    reasons: tuple[str, ...] = ()  # a fault or a hand: it is unbroken no more


class AttemptDecided(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="attempt-decided"
):
    """What is done about an open attempt, by which row, on what evidence.

    Written before the command it leads to, if any. `row`: of the table in
    docs/card-cycle.md, 0 where one of the gates before it decided.
    """

    decision: Decision
    row: Natural
    reason: str
    stage: Stage
    card: str
    unbroken: bool  # one power session, no fault, no hand since the feed
    moved: str  # what the counter of fed cards says: one, no, wrong, silent
    printed: str  # the counters of printing: complete, used, less, wrong, silent
    detail: str = ""  # counters that differ from what was expected, in words
    hint: Found | None = None  # where the card should be looked for first
    evidence: Evidence | None = None


class PrinterCounted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="printer-counted"
):
    """Where the counters stand with no attempt open, when that is news."""

    evidence: Evidence


class AttemptClosed(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="attempt-closed"
):
    """What became of the attempt's blank."""

    outcome: Outcome
    stage: Stage  # how far it had come
    cause: Cause | None = None
    detail: str = ""
    evidence: Evidence | None = None


class AttemptResolved(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="attempt-resolved"
):
    """What a person said became of a card in doubt."""

    found: Found
    good: bool | None
    reason: str
    identity: Identity
    second: PersonId | None = None


class Moving(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A count going from one place to another; `stock.json` says which may."""

    source: Place
    destination: Place
    count: Moved
    cause: StockCause
    after: dict[str, Count]  # how many are at the two places afterwards
    identity: Identity | None = None  # of `who`; absent when the agent itself booked it
    second: PersonId | None = None  # the other person who stands for it
    unconfirmed: bool = False  # a second person has 24 hours for `stock-confirmed`
    reason: Text | None = None
    record: Text | None = None  # the number of the signed paper
    record_sha256: Sha256 | None = None  # of its file


class StockMoved(
    Moving, frozen=True, kw_only=True, tag_field="kind", tag="stock-moved"
):
    """Blanks going from one place to another; `stock.json` says which movements may."""


class StockOldCards(
    Moving, frozen=True, kw_only=True, tag_field="kind", tag="stock-old-cards"
):
    """Old cards going from one place to another: a book of its own, never blanks."""


class StockCounted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="stock-counted"
):
    """A person counted a place; what differs is the `stock-moved` that follows."""

    place: Place
    book: Count  # what the book said until now
    counted: Natural
    identity: Identity


class StockConfirmed(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="stock-confirmed"
):
    """`who` is the second person of an unconfirmed movement."""

    movement: Natural  # the number of its event
    late: bool  # after the 24 hours
    identity: Identity


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
    | AgentStarted
    | AgentStopped
    | AgentRefusals
    | AgentRoster
    | AgentDenied
    | AgentKey
    | LedgerBegun
    | Checkpoint
    | OrderData
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
