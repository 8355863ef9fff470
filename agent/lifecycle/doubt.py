"""What becomes of a blank when an attempt closes, and what a person's answer means.

Tables only. What no row allows is refused, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.contract.events import Found, Place, Stage, StockCause
from agent.contract.messages import Cause, Outcome
from agent.lifecycle.ledger import Movement
from agent.lifecycle.states import JobState

BLANKS_USED = "x-blanks-used"
BLANK_MISSING = "blank-missing"


class AnswerRefusedError(Exception):
    """An answer that cannot be true, or that says too little."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person's word about a card in doubt leads to.

    `outcome` None: nothing is decided yet, the card is put into the reject bin by
    command and the person is asked again.
    """

    outcome: Outcome | None
    destination: Place | None  # of the blank, out of suspense
    stages: frozenset[Stage]  # how far the attempt may have come
    why_not: str  # said when it had come to another stage


_ANY = frozenset(Stage) - {Stage.CLOSED}
_MARKED = _ANY - {Stage.FEEDING}
_MAY_BE_OUT = frozenset({Stage.LAST, Stage.SENT})  # of a whole job: it had every byte
_SENT_WHOLE = _MAY_BE_OUT | {Stage.SENDING}

ANSWERS: dict[tuple[Found, bool | None], Answer] = {
    (Found.OUTPUT, True): Answer(
        Outcome.GOOD,
        Place.OUTPUT,
        _MARKED,
        "no dye was ever sent for this card, so it cannot be good",
    ),
    (Found.OUTPUT, False): Answer(Outcome.SPOILED, Place.REJECT_BIN, _ANY, ""),
    (Found.REJECT_BIN, None): Answer(Outcome.SPOILED, Place.REJECT_BIN, _ANY, ""),
    (Found.REJECT_BIN, False): Answer(Outcome.SPOILED, Place.REJECT_BIN, _ANY, ""),
    (Found.PRINTER, None): Answer(None, None, _ANY, ""),
    (Found.HOPPER, None): Answer(
        Outcome.UNTOUCHED,
        Place.HOPPER,
        frozenset({Stage.FEEDING}),
        "the card had left the hopper and may be marked, so it cannot be back there",
    ),
    (Found.MISSING, None): Answer(Outcome.UNKNOWN, Place.MISSING, _ANY, ""),
}


def answer(
    found: Found, good: bool | None, stage: Stage, *, fed_by_us: bool = True
) -> Answer:
    """Return what the answer means for an attempt that had come to `stage`.

    A printer that feeds by itself has no stage for it, and may never have fed: so the
    blank may be in the hopper whatever it was sent. Once it had the last bytes of the
    job that is a person's word alone, see `resolving_movement`.

    Raises:
        AnswerRefusedError: it says too little, or contradicts what was written down.
    """
    if found is Found.OUTPUT and good is None:
        raise AnswerRefusedError("a card found at the output is either good or bad")
    row = ANSWERS.get((found, good))
    if row is None:
        word = "good" if good else "bad"
        raise AnswerRefusedError(f"only a card at the output is called {word}")
    may_be_unfed = stage in _SENT_WHOLE and not fed_by_us
    if found is Found.HOPPER and may_be_unfed:
        return row
    if stage not in row.stages:
        raise AnswerRefusedError(row.why_not)
    return row


def resolving_movement(row: Answer, stage: Stage) -> Movement | None:
    """Return how an answer takes the blank out of suspense; None: it stays there.

    A card thrown out that may bear a picture buys a second card, and so does one that
    is said not to have been made: the cause is one that needs two people, and the place
    where it was found is counted with the answer.
    """
    if row.destination is None:
        return None
    marked = {Place.REJECT_BIN: _MARKED, Place.HOPPER: _MAY_BE_OUT}
    buys = stage in marked.get(row.destination, ())
    cause = StockCause.RESOLVE_MARKED if buys else StockCause.RESOLVE
    return Movement(Place.SUSPENSE, row.destination, 1, cause)


# Where the blank of an open attempt stands in the books, by the stage written last.
BOOKED_AT: dict[Stage, Place] = {
    Stage.FEEDING: Place.HOPPER,  # it moves in the books once it is seen in the path
    Stage.SENDING: Place.PATH,
    Stage.LAST: Place.PATH,
    Stage.SENT: Place.PATH,
    Stage.DELIVERING: Place.PATH,
}

_CLOSING: dict[Outcome, tuple[Place, StockCause]] = {
    Outcome.GOOD: (Place.OUTPUT, StockCause.PRINT),
    Outcome.SPOILED: (Place.REJECT_BIN, StockCause.REJECT),
    Outcome.UNTOUCHED: (Place.HOPPER, StockCause.UNTOUCHED),
    Outcome.UNKNOWN: (Place.SUSPENSE, StockCause.DOUBT),
}


def closing_movement(stage: Stage, outcome: Outcome) -> Movement | None:
    """Return the movement that closes an attempt; None where the blank stays put."""
    destination, cause = _CLOSING[outcome]
    source = BOOKED_AT[stage]
    return None if source is destination else Movement(source, destination, 1, cause)


def cause_of(outcome: Outcome) -> Cause | None:
    """Return why a blank was spoiled, as far as an attempt without encoding can."""
    return Cause.GAGAL_CETAK if outcome is Outcome.SPOILED else None


def next_state(outcome: Outcome, spoiled_count: int, blanks: int) -> JobState:
    """Return where a job goes once its attempt has this outcome.

    `spoiled_count` includes this attempt; `blanks` is how many the job may spoil.
    Untouched goes again by itself, spoiled while blanks are left, unknown never.
    """
    if outcome is Outcome.GOOD:
        return JobState.COMPLETED
    if outcome is Outcome.UNKNOWN:
        return JobState.PROCESSING_STOPPED
    if outcome is Outcome.SPOILED and spoiled_count >= blanks:
        return JobState.PENDING_HELD
    return JobState.PENDING
