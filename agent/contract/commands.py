"""Commands of the centre, and what the agent answers.

A command is a signed document: addressed, numbered, and of a limited time. A reply says
what became of it; the same command again gets the same answer and does nothing twice.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, get_args

import msgspec

from agent.contract.attempt_events import Found
from agent.contract.messages import (
    Cause,
    Count,
    Id,
    Keyword,
    Message,
    Name,
    Natural,
    Sha256,
    State,
    Text,
    Time,
    require_utc,
)
from agent.contract.stock_events import Item, Place, StockCause

COMMAND_VALID_FOR_MAX = timedelta(days=31)
"""From a command's `issued_at` to its `expires_at`."""


class Owner(StrEnum):
    """Whose word a pause or a hold is: only its owner or the centre takes it back."""

    CENTRE = "centre"
    OPERATOR = "operator"  # a person at the machine
    SYSTEM = "system"  # the agent itself


class Ordered(Message, frozen=True, kw_only=True, tag_field="kind"):
    """What every command has; `command_no` rises with each, gaps are normal."""

    command_id: Id
    command_no: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    station: Name
    printer: Name
    issued_at: Time
    expires_at: Time

    def __post_init__(self) -> None:
        require_utc(self, "issued_at", "expires_at")
        if self.expires_at <= self.issued_at:
            raise ValueError("`expires_at` must be later than `issued_at`")
        if self.expires_at - self.issued_at > COMMAND_VALID_FOR_MAX:
            days = COMMAND_VALID_FOR_MAX.days
            raise ValueError(
                f"`expires_at` must be {days} days after `issued_at` at most"
            )


class Pause(Ordered, frozen=True, kw_only=True, tag="pause"):
    """No new card starts; the card in the path is finished."""

    reason: Text | None = None


class Resume(Ordered, frozen=True, kw_only=True, tag="resume"):
    """Cards may start again, whoever paused."""


class Hold(Ordered, frozen=True, kw_only=True, tag="hold"):
    """One waiting job must not start."""

    job_id: Id
    reason: Text | None = None


class Release(Ordered, frozen=True, kw_only=True, tag="release"):
    """A held job may start, whoever held it; after `x-blanks-used`: one more blank."""

    job_id: Id


class Cancel(Ordered, frozen=True, kw_only=True, tag="cancel"):
    """Withdraw a job; one that has not come is refused until `expires_at`."""

    job_id: Id
    reason: Text | None = None


class Query(Ordered, frozen=True, kw_only=True, tag="query"):
    """Say how a job stands, or without `job_id` the agent."""

    job_id: Id | None = None


class Resolve(Ordered, frozen=True, kw_only=True, tag="resolve"):
    """Say where the card of a job in doubt was found, as a person on site told you."""

    job_id: Id
    found: Found
    good: bool | None = None  # needed for `output`, where it decides the job
    reason: Text
    bin_count: Count | None = None  # where it was found, this one included


class Inspect(Ordered, frozen=True, kw_only=True, tag="inspect"):
    """A card of a completed job was found bad and thrown out."""

    job_id: Id
    cause: Cause
    destination: Place = Place.REJECT_BIN  # or waste
    reason: Text


class Load(Ordered, frozen=True, kw_only=True, tag="load"):
    """Book blanks into the hopper: from the desk if it holds any, else new ones."""

    count: Count


class Move(Ordered, frozen=True, kw_only=True, tag="move"):
    """Book blanks that went somewhere; `stock.json` says from where to where."""

    cause: StockCause
    count: Count
    source: Place | None = None  # needed where the cause goes several ways
    destination: Place | None = None  # likewise
    item: Item = Item.BLANK
    reason: Text | None = None
    record: Text | None = None  # the number of the signed paper
    record_sha256: Sha256 | None = None  # of its file


class CountPlace(Ordered, frozen=True, kw_only=True, tag="count"):
    """Book what was counted at a place; what differs goes to `difference`."""

    place: Place
    count: Count


class Confirm(Ordered, frozen=True, kw_only=True, tag="confirm"):
    """Be the second identity of what waits for one: a movement, ledger or printer."""

    movement: Natural  # the number of its event


class Clean(Ordered, frozen=True, kw_only=True, tag="clean"):
    """Clean the printer between two cards; `operation-ended` says how it went."""

    reason: Text | None = None


class SelfTest(Ordered, frozen=True, kw_only=True, tag="self-test"):
    """Test the printer between two cards, without a blank; likewise."""

    reason: Text | None = None


class Retire(Ordered, frozen=True, kw_only=True, tag="retire"):
    """Take no job any more, deliver every event, empty the topics, end the session."""


Command = (
    Pause
    | Resume
    | Hold
    | Release
    | Cancel
    | Query
    | Resolve
    | Inspect
    | Load
    | Move
    | CountPlace
    | Confirm
    | Clean
    | SelfTest
    | Retire
)

KINDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Command))


class Result(StrEnum):
    """What became of a command; the comment says what the centre does about it."""

    DONE = "done"  # it is so now, also when it was so before
    CANCELED = "canceled"  # no card of this job was marked, and none will be
    TOO_LATE = "too-late"  # its card may exist: wait for the event that ends it
    REMEMBERED = "remembered"  # the job has not come; it will be refused
    UNKNOWN_JOB = "unknown-job"  # it was never accepted here: send it, or ask later
    JOBS_OPEN = "jobs-open"  # not retired: end every job first
    BUSY = "busy"  # another cleaning or test waits or runs: ask when it has ended
    NOT_IN_DOUBT = "not-in-doubt"  # the job's card needs no answer (any more)
    NOT_COMPLETED = "not-completed"  # it has no card, or that was thrown out before
    ANSWER_IMPOSSIBLE = "answer-impossible"  # the card cannot be there, or like that
    COUNT_NEEDED = "count-needed"  # say with `bin_count` what lies where it was found
    COUNT_IMPOSSIBLE = "count-impossible"  # below one, or more than the place holds
    MOVEMENT_ILLEGAL = "movement-illegal"  # no rule takes blanks that way
    MOVEMENT_UNCLEAR = "movement-unclear"  # it goes several ways: name the places
    REASON_NEEDED = "reason-needed"
    RECORD_NEEDED = "record-needed"  # the number of the signed paper
    SECOND_NEEDED = "second-needed"  # two at once, both at the machine
    SAME_PERSON = "same-person"  # the centre stands for it already
    IN_DOUBT = "in-doubt"  # that blank is a job's card: resolve the job
    CARD_UNDER_WAY = "card-under-way"  # count when it is done
    NOTHING_TO_CONFIRM = "nothing-to-confirm"  # no movement of that number waits
    STALE = "stale"  # a later number or ledger was first: give it a new id and number
    EXPIRED = "expired"  # likewise, if it is wanted still
    CLOCK_UNSURE = "clock-unsure"  # the same again, once an ack made the clock sure
    DUPLICATE_DIFFERS = "duplicate-differs"  # another document had this id
    UNKNOWN_KIND = "unknown-kind"  # this agent knows no such command
    MALFORMED = "malformed"  # `detail` says where
    WRONG_PRINTER = "wrong-printer"  # `station` or `printer` is another agent's


EXECUTED = frozenset(Result) - {
    Result.STALE,
    Result.EXPIRED,
    Result.CLOCK_UNSURE,
    Result.DUPLICATE_DIFFERS,
    Result.UNKNOWN_KIND,
    Result.MALFORMED,
    Result.WRONG_PRINTER,
}
"""Results of commands that were carried out or judged: their number counts."""


class JobStanding(Message, frozen=True, kw_only=True):
    """How a job stands when the reply is written."""

    job: Id
    state: Keyword
    reasons: list[str]  # why it is held, stopped or aborted
    attempt: Natural  # the last one; 0 before the first
    stage: str | None  # of that attempt
    outcome: str | None  # likewise; null while it is open


class Reply(Message, frozen=True, kw_only=True):
    """The answer to a command; published again whenever the command comes again."""

    command_id: Id
    command_no: Natural | None  # null: it could not be read
    command: Keyword | None  # its kind, likewise
    result: Result
    detail: str = ""
    at: Time
    event: Natural  # the number of the `agent-command` that has it on record
    job: JobStanding | None = None  # of the job it names, if that was accepted here
    state: State | None = None  # the whole picture, for a `query` without a job
