"""The event lines about attempts: how far one came, and what became of its blank."""

from __future__ import annotations

from enum import StrEnum

from agent.contract.messages import Cause, Message, Natural, Outcome, Sha256
from agent.contract.stock_events import Identity, PersonId, Place


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
