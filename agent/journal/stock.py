"""Blanks and old cards: each movement an event, each refused that cannot be."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from agent.contract.events import (
    Evidence,
    Incident,
    IncidentRaised,
    Item,
    Place,
    PrinterCounted,
    StockCause,
    StockConfirmed,
    StockCounted,
    StockMoved,
    StockOldCards,
)
from agent.journal import jobs, people
from agent.journal.errors import Refusal
from agent.journal.store import Transaction
from agent.lifecycle import ledger
from agent.lifecycle.ledger import (
    ASKED,
    NOBODY,
    Movement,
    MovementRefusedError,
    Note,
    Signers,
)
from agent.lifecycle.states import JobState

_MOVING: dict[Item, type[StockMoved] | type[StockOldCards]] = {
    Item.BLANK: StockMoved,
    Item.OLD_CARD: StockOldCards,
}
_NO_NOTE = Note()
HOUR = timedelta(hours=1)


def book(db: sqlite3.Connection, item: Item = Item.BLANK) -> dict[Place, int]:
    """Return how many are at every place."""
    counts = ledger.empty_book()
    rows = db.execute("SELECT place, count FROM stock WHERE item = ?", (item,))
    for place, count in rows:
        counts[Place(place)] = count
    return counts


def hopper_short(db: sqlite3.Connection) -> int:
    """Return how many blanks counts of the hopper missed since counters were read."""
    row = db.execute("SELECT value FROM latest WHERE name = 'hopper-short'").fetchone()
    return 0 if row is None else int(row[0])


def word(signers: Signers) -> str | None:
    """Return what an event says of the identity of whoever stands for it."""
    if signers.who is None:
        return None
    return "proven" if signers.proven else "unproven"


def move(
    tx: Transaction,
    movement: Movement,
    *,
    job: str | None = None,
    attempt: int | None = None,
    by: Signers = NOBODY,
    note: Note = _NO_NOTE,
) -> dict[Place, int]:
    """Write a movement down; return the book after it.

    Raises:
        MovementRefusedError: no rule allows it, the place does not hold so many, or
            the people or papers it needs are not there.
    """
    after = ledger.move(book(tx.db, movement.item), movement)
    rule = ledger.rule_of(movement)
    tx.append(
        _MOVING[movement.item](
            source=movement.source,
            destination=movement.destination,
            count=movement.count,
            cause=movement.cause,
            after={
                place: after[place] for place in (movement.source, movement.destination)
            },
            identity=word(by) if rule.people else None,
            second=by.second,
            unconfirmed=ledger.unconfirmed(rule, by, note),
            reason=note.reason,
            record=note.record,
            record_sha256=note.record_sha256,
        ),
        job=job,
        attempt=attempt,
        who=by.who,
    )
    return after


def load(tx: Transaction, count: int, by: Signers) -> dict[Place, int]:
    """Book blanks into the hopper: from the desk if it holds any, else as new ones.

    Raises:
        Refusal: a count that cannot be.
    """
    source = Place.DESK if book(tx.db)[Place.DESK] else Place.RECEIVED
    return ask(tx, Movement(source, Place.HOPPER, count, StockCause.LOAD), by, _NO_NOTE)


def movement_of(
    cause: StockCause,
    count: int,
    item: Item,
    source: Place | None,
    destination: Place | None,
) -> Movement:
    """Return the movement that was named; places that follow from the cause may lack.

    Raises:
        Refusal: none is like that, or several are.
    """
    try:
        rule = ledger.way_of(cause, item, source, destination)
    except MovementRefusedError as error:
        raise Refusal(error.code, str(error)) from error
    return Movement(rule.source, rule.destination, count, cause, item)


def ask(
    tx: Transaction, movement: Movement, by: Signers, note: Note
) -> dict[Place, int]:
    """Book what a person says they have moved; return the book after it.

    Raises:
        Refusal: it cannot have happened, or they may not book it like this.
    """
    if movement.cause not in ASKED:
        raise Refusal(
            "movement-illegal", f"`{movement.cause}` is not for a person to book"
        )
    if movement.source is Place.SUSPENSE:
        _check_suspense(tx.db, movement.count)
    try:
        return move(tx, movement, by=by, note=note)
    except MovementRefusedError as error:
        raise Refusal(error.code, str(error)) from error


def _check_suspense(db: sqlite3.Connection, count: int) -> None:
    """A card in doubt leaves suspense by its job's answer, and by nothing else."""
    row = db.execute(
        "SELECT job_id FROM jobs WHERE state = ?", (JobState.PROCESSING_STOPPED,)
    ).fetchone()
    view = None if row is None else jobs.view(db, row[0])
    if view is None or view.outcome is None:
        return  # the attempt is open yet: its blank is not in suspense
    if view.in_doubt and count > book(db)[Place.SUSPENSE] - 1:
        raise Refusal(
            "in-doubt",
            f"a blank in suspense is the card of job {view.job_id}: resolve the job",
        )


def count(
    tx: Transaction, place: Place, counted: int, by: Signers, job: str | None = None
) -> dict[Place, int]:
    """Take in how many a person counted at a place; return the book then.

    What differs goes to or comes from `difference`, and is an incident.

    Raises:
        Refusal: nobody can count that, or a card is on its way through it.
    """
    before = book(tx.db)
    try:
        movement = ledger.counting(place, before[place], counted)
    except MovementRefusedError as error:
        raise Refusal(error.code, str(error)) from error
    _check_still(tx.db, place)
    tx.append(
        StockCounted(
            place=place,
            book=before[place],
            counted=counted,
            identity=word(by) or "unproven",
        ),
        job=job,
        who=by.who,
    )
    if movement is None:
        return before
    tx.append(
        IncidentRaised(
            incident=Incident.STOCK_MISMATCH,
            detail=f"{place} was counted, and the book said otherwise",
            place=place,
            book=before[place],
            seen=counted,
        ),
        job=job,
    )
    return move(tx, movement, job=job, by=by)


def _check_still(db: sqlite3.Connection, place: Place) -> None:
    if place in (Place.DESK, Place.WASTE):
        return
    row = db.execute("SELECT job_id FROM attempts WHERE outcome IS NULL").fetchone()
    if row is not None:
        raise Refusal(
            "card-under-way",
            f"a card of job {row[0]} is on its way; count {place} when it is done",
        )


def confirm(tx: Transaction, no: int, by: Signers) -> people.Unconfirmed:
    """Take in the second identity of what waits for one; return that.

    Raises:
        Refusal: none of that number waits, or it is the same person.
    """
    waiting = {one.no: one for one in people.unconfirmed(tx.db)}
    if no not in waiting:
        raise Refusal("nothing-to-confirm", f"event {no} waits for nobody")
    one = waiting[no]
    if ledger.one_and_the_same(one.who, by.who):
        raise Refusal("same-person", "the second identity must be another person")
    if not by.proven:
        raise Refusal("no-roster", "without a roster nobody can prove an identity")
    late = tx.stamp.at >= one.until
    tx.append(
        StockConfirmed(movement=no, late=late, identity="proven"),
        job=one.job,
        who=by.who,
    )
    return one


def overdue(db: sqlite3.Connection, now: datetime) -> list[people.Unconfirmed]:
    """Return what waited too long and was not yet reported."""
    return [
        one for one in people.unconfirmed(db) if not one.overdue and now >= one.until
    ]


def report_overdue(tx: Transaction) -> None:
    """Raise an incident for whatever waited too long."""
    for one in overdue(tx.db, tx.stamp.at):
        tx.append(
            IncidentRaised(
                incident=Incident.UNCONFIRMED,
                detail=f"no second identity for {one.what} by {one.who}"
                f" within {(one.until - one.at) // HOUR} hours",
                movement=one.no,
            ),
            job=one.job,
        )


def unaccounted(tx: Transaction, cards: int, evidence: Evidence, detail: str) -> None:
    """Write down cards that were fed with no attempt open: printing may go on.

    Their blanks go to suspense; a counter that fell, or rose by more than the hopper
    held, is not believed and moves none. What a count of the hopper has missed since
    the counter was read is what the counter tells of: it left the hopper's book then.
    """
    held, short = book(tx.db)[Place.HOPPER], hopper_short(tx.db)
    believed = 1 <= cards <= held + short
    kind = Incident.UNACCOUNTED_CARD if believed else Incident.COUNTER_MISMATCH
    tx.append(
        IncidentRaised(incident=kind, detail=detail, place=Place.HOPPER, book=held)
    )
    if believed:
        missed = min(cards, short)
        for source, count in (
            (Place.DIFFERENCE, missed),
            (Place.HOPPER, cards - missed),
        ):
            if count:
                cause = StockCause.UNACCOUNTED
                move(tx, Movement(source, Place.SUSPENSE, count, cause))
    tx.append(PrinterCounted(evidence=evidence))
