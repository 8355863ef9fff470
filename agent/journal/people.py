"""What follows from an event about people: books, second identities, wrong PINs.

The part of the projections that staff comes into. Knows no PIN.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from agent.contract.agent_events import LedgerBegun
from agent.contract.events import (
    Event,
    Item,
    Moving,
    Place,
    PrinterConfirmed,
)
from agent.lifecycle.ledger import within

WRONG_MAX = 5
LOCKED_FOR = timedelta(minutes=10)
PIN_WRONG = "pin-wrong"
NEW_LEDGER = "new-ledger"
OTHER_PRINTER = "other-printer"
"""Causes of what is no movement, and waits for a second identity likewise."""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A movement, a new ledger or another printer that waits for a second identity."""

    no: int  # of its event
    at: datetime
    who: str
    job: str | None
    item: Item
    cause: str  # of the movement, or `NEW_LEDGER`, `OTHER_PRINTER`
    source: Place | None  # None: no movement
    destination: Place | None
    count: int  # 0 where it is about no blanks
    overdue: bool  # it is too late, and an incident says so

    @property
    def until(self) -> datetime:
        """When it is too late for the second identity."""
        return self.at + within(self.cause)

    @property
    def what(self) -> str:
        return f"{self.cause} of {self.count}" if self.count else self.cause


class _Way(msgspec.Struct, frozen=True):
    item: Item
    cause: str
    source: Place | None
    destination: Place | None
    count: int


def moved(db: sqlite3.Connection, event: Event, item: Item, data: Moving) -> None:
    """Take in what a movement leaves at its two places."""
    rows = [(item, place, count) for place, count in data.after.items()]
    db.executemany("REPLACE INTO stock VALUES (?, ?, ?)", rows)
    if data.unconfirmed:
        way = _Way(item, data.cause, data.source, data.destination, data.count)
        _wait(db, event, way)


def begun(db: sqlite3.Connection, event: Event, data: LedgerBegun) -> None:
    """Let a new ledger wait for its second identity, if it does."""
    if data.unconfirmed:
        count = sum(data.counts.values())
        _wait(db, event, _Way(Item.BLANK, NEW_LEDGER, None, None, count))


def stood_for(db: sqlite3.Connection, event: Event, data: PrinterConfirmed) -> None:
    """Let another printer wait for its second identity, if it does."""
    if data.unconfirmed:
        _wait(db, event, _Way(Item.BLANK, OTHER_PRINTER, None, None, 0))


def _wait(db: sqlite3.Connection, event: Event, way: _Way) -> None:
    raw = msgspec.json.encode(way).decode()
    row = (event.no, event.at.isoformat(), event.who, event.job, raw)
    db.execute("INSERT INTO unconfirmed VALUES (?, ?, ?, ?, ?, 0)", row)


def unconfirmed(db: sqlite3.Connection) -> list[Unconfirmed]:
    """Return all that waits for its second identity, oldest first."""
    rows = db.execute(
        "SELECT no, at, who, job, movement, reported FROM unconfirmed ORDER BY no"
    ).fetchall()
    found = []
    for no, at, who, job, raw, reported in rows:
        way = msgspec.json.decode(raw, type=_Way)
        found.append(
            Unconfirmed(
                no=no,
                at=datetime.fromisoformat(at),
                who=who,
                job=job,
                item=way.item,
                cause=way.cause,
                source=way.source,
                destination=way.destination,
                count=way.count,
                overdue=bool(reported),
            )
        )
    return found


def denied(db: sqlite3.Connection, event: Event, error: str) -> None:
    """Count a wrong PIN; the fifth in a row locks that identity for ten minutes."""
    if error != PIN_WRONG:
        return
    wrong = wrong_pins(db, event.who or "").count + 1
    until = (event.at + LOCKED_FOR).isoformat() if wrong >= WRONG_MAX else None
    count = 0 if until else wrong
    db.execute("REPLACE INTO pins VALUES (?, ?, ?)", (event.who, count, until))


def proven(db: sqlite3.Connection, event: Event) -> None:
    """Forget the wrong PINs of whoever has just proven an identity."""
    if getattr(event.data, "identity", None) != "proven":
        return
    for person in (event.who, getattr(event.data, "second", None)):
        if person is not None:
            db.execute("DELETE FROM pins WHERE person = ?", (person,))


@dataclass(frozen=True, slots=True)
class WrongPins:
    """How often in a row a PIN was wrong, and until when no other is tried."""

    count: int
    locked_until: datetime | None


def wrong_pins(db: sqlite3.Connection, person: str) -> WrongPins:
    """Return what is remembered of a person's wrong PINs."""
    row = db.execute(
        "SELECT wrong, locked_until FROM pins WHERE person = ?", (person,)
    ).fetchone()
    if row is None:
        return WrongPins(0, None)
    return WrongPins(row[0], datetime.fromisoformat(row[1]) if row[1] else None)


def roster(db: sqlite3.Connection) -> str | None:
    """Return the SHA-256 of the roster that was reported last; None: never one."""
    row = db.execute("SELECT value FROM latest WHERE name = 'roster'").fetchone()
    return row[0] or None if row else None
