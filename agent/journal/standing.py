"""What orders leave behind: pauses, holds, answered commands, withdrawn jobs.

The part of the projections that orders come into, and what is read of it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from agent.contract.commands import EXECUTED, Owner, Result
from agent.contract.events import Event
from agent.contract.messages import Clock
from agent.contract.order_events import (
    AgentCommand,
    AgentPaused,
    AgentResumed,
    AgentRetired,
    JobHeld,
    JobReleased,
)


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to a command, as it stands on record."""

    command_id: str
    command_no: int | None
    command: str | None
    result: Result
    detail: str
    job: str | None
    event: int


def ordered(db: sqlite3.Connection, event: Event) -> None:
    """Take in an order that is about no job's state."""
    match event.data:
        case AgentCommand() as command:
            _commanded(db, event, command)
        case AgentPaused(owner=owner):
            db.execute("INSERT OR IGNORE INTO pauses VALUES (?)", (owner,))
        case AgentResumed(owners=owners):
            rows = [(owner,) for owner in owners]
            db.executemany("DELETE FROM pauses WHERE owner = ?", rows)
        case AgentRetired():
            _latest(db, "retired", str(event.no))


def _commanded(db: sqlite3.Connection, event: Event, data: AgentCommand) -> None:
    """Remember an answer, what number was executed, and a job that is to be refused."""
    dated(db, event)
    db.execute(
        "REPLACE INTO commands VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            data.payload_sha256,
            data.command_id,
            data.command_no,
            data.command,
            data.result,
            data.detail,
            event.job,
            event.no,
        ),
    )
    if data.result in EXECUTED:
        _latest(db, "command-no", str(data.command_no))
    if data.until is not None:
        until = data.until.isoformat()
        db.execute("REPLACE INTO withdrawn VALUES (?, ?)", (event.job, until))
        if event.clock is Clock.SURE:
            now = event.at.isoformat()
            db.execute("DELETE FROM withdrawn WHERE until <= ?", (now,))


def held(db: sqlite3.Connection, event: Event) -> list[str]:
    """Take in a hold, or its end; return the job's reasons then, none if it is free."""
    match event.data:
        case JobHeld(owner=owner, reason=reason):
            word = reason if owner is Owner.SYSTEM else f"held-by-{owner}"
            row = (event.job, owner, word)
            db.execute("REPLACE INTO holds VALUES (?, ?, ?)", row)
        case JobReleased(owners=owners):
            rows = [(event.job, owner) for owner in owners]
            db.executemany("DELETE FROM holds WHERE job_id = ? AND owner = ?", rows)
    words = db.execute(
        "SELECT word FROM holds WHERE job_id = ? ORDER BY owner", (event.job,)
    )
    return [row[0] for row in words]


def ended(db: sqlite3.Connection, event: Event) -> None:
    """Forget the holds of a job that has ended."""
    db.execute("DELETE FROM holds WHERE job_id = ?", (event.job,))


def _latest(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("REPLACE INTO latest VALUES (?, ?)", (name, value))


# What is read of it


def told(db: sqlite3.Connection, payload_sha256: str) -> Told | None:
    """Return the answer to this very document; None: it comes for the first time."""
    row = db.execute(
        "SELECT command_id, command_no, command, result, detail, job, no FROM commands"
        " WHERE payload_sha256 = ?",
        (payload_sha256,),
    ).fetchone()
    if row is None:
        return None
    return Told(row[0], row[1], row[2], Result(row[3]), row[4], row[5], row[6])


def differs(db: sqlite3.Connection, command_id: str, payload_sha256: str) -> bool:
    """Whether another document came under this id before."""
    row = db.execute(
        "SELECT 1 FROM commands WHERE command_id = ? AND payload_sha256 <> ?",
        (command_id, payload_sha256),
    ).fetchone()
    return row is not None


def last_no(db: sqlite3.Connection) -> int:
    """Return the number of the command that was executed last; 0: none was."""
    row = db.execute("SELECT value FROM latest WHERE name = 'command-no'").fetchone()
    return 0 if row is None else int(row[0])


def begun(db: sqlite3.Connection, event: Event) -> None:
    """Remember when this ledger took a lost one's place, as far as its clock knew."""
    _latest(db, "begun", event.at.isoformat())
    if event.clock is Clock.UNSURE:
        _latest(db, "begun-unsure", str(event.no))


def dated(db: sqlite3.Connection, event: Event) -> None:
    """Date a ledger that was begun by an unsure clock: by now it had been begun."""
    if event.clock is Clock.SURE and begun_unsure(db):
        db.execute("DELETE FROM latest WHERE name = 'begun-unsure'")
        before = begun_at(db) or event.at
        _latest(db, "begun", max(before, event.at).isoformat())


def begun_at(db: sqlite3.Connection) -> datetime | None:
    """Return when this ledger took a lost one's place; None: it is the first."""
    row = db.execute("SELECT value FROM latest WHERE name = 'begun'").fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def begun_unsure(db: sqlite3.Connection) -> bool:
    """Whether it is not known for sure since when that was later."""
    query = "SELECT 1 FROM latest WHERE name = 'begun-unsure'"
    return db.execute(query).fetchone() is not None


@dataclass(frozen=True, slots=True)
class Loss:
    """What must be older than a ledger that took a lost one's place is refused."""

    until: datetime  # what was issued by then may have been done before the loss
    known: bool  # False: nobody can tell yet when that was


def loss(db: sqlite3.Connection, now: datetime, *, sure: bool) -> Loss | None:
    """Return what was lost with the ledger before this one; None: this is the first."""
    at = begun_at(db)
    if at is None:
        return None
    if not begun_unsure(db):
        return Loss(at, known=True)
    return Loss(max(at, now), known=sure)


def paused_by(db: sqlite3.Connection) -> list[Owner]:
    """Return whose word it is that no card starts."""
    rows = db.execute("SELECT owner FROM pauses ORDER BY owner")
    return [Owner(row[0]) for row in rows]


def held_by(db: sqlite3.Connection, job_id: str) -> list[Owner]:
    """Return whose word it is that this job does not start."""
    query = "SELECT owner FROM holds WHERE job_id = ? ORDER BY owner"
    return [Owner(row[0]) for row in db.execute(query, (job_id,))]


def withdrawn_until(db: sqlite3.Connection, job_id: str) -> datetime | None:
    """Return until when a job is to be refused because it was canceled unseen."""
    row = db.execute(
        "SELECT until FROM withdrawn WHERE job_id = ?", (job_id,)
    ).fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def is_retired(db: sqlite3.Connection) -> bool:
    """True once the centre has retired this agent."""
    row = db.execute("SELECT 1 FROM latest WHERE name = 'retired'").fetchone()
    return row is not None
