"""What the centre says of cards and blanks: the same books as for a person on site.

Its signed command is one proven identity; where two are wanted, somebody at the machine
is the other.
"""

from __future__ import annotations

from agent.contract.commands import Confirm, CountPlace, Inspect, Load, Move, Resolve
from agent.contract.events import Place
from agent.journal import attempts, inspection, people, stock
from agent.journal.attempts import Resolution
from agent.journal.store import Transaction
from agent.lifecycle.ledger import Note, Signers

Errand = Resolve | Inspect | Load | Move | CountPlace | Confirm


def carry_out(tx: Transaction, command: Errand, by: Signers) -> str:
    """Book what the command says; return, in words, what it led to.

    Raises:
        Refusal: it cannot be, or not by this identity alone; what was written must be
            undone.
    """
    first = tx.head.no + 1
    said = _book(tx, command, by)
    waiting = [one.no for one in people.unconfirmed(tx.db) if one.no >= first]
    wanted = [f"event {no} waits for a second identity" for no in waiting]
    return "; ".join([said, *wanted])


def _book(tx: Transaction, command: Errand, by: Signers) -> str:
    match command:
        case Resolve():
            return _resolve(tx, command, by)
        case Inspect(job_id=job_id, cause=cause, destination=to, reason=reason):
            inspection.fail(tx, job_id, cause, to, reason, by)
            return _held(stock.book(tx.db), Place.OUTPUT, to)
        case Load(count=count):
            return _held(stock.load(tx, count, by), Place.HOPPER)
        case Move():
            return _move(tx, command, by)
        case CountPlace(place=place, count=count):
            book = stock.count(tx, place, count, by)
            return _held(book, place, Place.DIFFERENCE)
        case Confirm(movement=no):
            one = stock.confirm(tx, no, by)
            return f"{one.what} by {one.who} has its second identity"


def _move(tx: Transaction, command: Move, by: Signers) -> str:
    movement = stock.movement_of(
        command.cause,
        command.count,
        command.item,
        command.source,
        command.destination,
    )
    note = Note(command.reason, command.record, command.record_sha256)
    book = stock.ask(tx, movement, by, note)
    return _held(book, movement.source, movement.destination)


def _resolve(tx: Transaction, command: Resolve, by: Signers) -> str:
    resolution = Resolution(
        found=command.found,
        good=command.good,
        reason=command.reason,
        who=by.who,
        proven=by.proven,
        bin_count=command.bin_count,
    )
    return f"the job is {attempts.resolve(tx, command.job_id, resolution)}"


def _held(book: dict[Place, int], *places: Place) -> str:
    return ", ".join(f"{place} {book[place]}" for place in places)
