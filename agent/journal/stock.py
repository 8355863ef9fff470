"""Blanks: each movement an event, each book refused that cannot be."""

from __future__ import annotations

import sqlite3

from agent.contract.events import Place, StockMoved
from agent.journal.errors import Refusal
from agent.journal.store import Transaction
from agent.lifecycle import ledger
from agent.lifecycle.ledger import Movement, MovementRefusedError


def book(db: sqlite3.Connection) -> dict[Place, int]:
    """Return the blanks at every place."""
    counts = ledger.empty_book()
    for place, count in db.execute("SELECT place, count FROM stock"):
        counts[Place(place)] = count
    return counts


def move(
    tx: Transaction,
    movement: Movement,
    *,
    job: str | None = None,
    attempt: int | None = None,
    who: str | None = None,
) -> dict[Place, int]:
    """Write a movement down; return the book after it.

    Raises:
        MovementRefusedError: the place does not hold so many.
    """
    after = ledger.move(book(tx.db), movement)
    tx.append(
        StockMoved(
            source=movement.source,
            destination=movement.destination,
            count=movement.count,
            cause=movement.cause,
            after={
                place: after[place] for place in (movement.source, movement.destination)
            },
            identity="unproven" if who else None,
        ),
        job=job,
        attempt=attempt,
        who=who,
    )
    return after


def load(tx: Transaction, count: int, who: str | None) -> dict[Place, int]:
    """Book new blanks into the hopper.

    Raises:
        Refusal: a count that cannot be.
    """
    movement = Movement(Place.RECEIVED, Place.HOPPER, count, "load")
    try:
        return move(tx, movement, who=who)
    except MovementRefusedError as error:
        raise Refusal("count-impossible", str(error)) from error
