"""When the printer was used: few rows, however old the ledger grows."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from agent.contract.events import AttemptStage, Event, FaultCleared, JobCompleted, Stage
from agent.contract.messages import Clock
from agent.contract.operation_events import (
    Operation,
    OperationEnded,
    OperationResult,
)
from agent.lifecycle.duty import HISTORY_MAX, Moment, Wear
from protocols.vocabulary import StateReason


def worn(db: sqlite3.Connection, event: Event) -> None:
    """Remember of an event what it says of the printer's use."""
    match event.data:
        case AttemptStage(stage=Stage.SENDING):
            _note(db, event, Wear.CARD)
        case JobCompleted():
            value = str(count(db) + 1)
            db.execute("REPLACE INTO latest VALUES ('completed', ?)", (value,))
        case FaultCleared(reasons=reasons):
            hot = StateReason.OVER_TEMPERATURE
            if any(reason.startswith(hot) for reason in reasons):
                _note(db, event, Wear.COOL)
        case OperationEnded(operation=Operation.SELF_TEST, result=result):
            if result is OperationResult.DONE:
                _note(db, event, Wear.TESTED)
                db.execute("DELETE FROM wear WHERE what = ?", (Wear.FAILED,))
            elif result is OperationResult.FAILED:
                _note(db, event, Wear.FAILED)
        case _:
            pass


def _note(db: sqlite3.Connection, event: Event, what: Wear) -> None:
    """Remember when this happened; of what is no card, the last time is enough."""
    if what is not Wear.CARD:
        db.execute("DELETE FROM wear WHERE what = ?", (what,))
    elif _remembered(db) == HISTORY_MAX:  # the oldest makes room
        db.execute(
            "DELETE FROM wear WHERE what = ? AND no ="
            " (SELECT min(no) FROM wear WHERE what = ?)",
            (what, what),
        )
    else:
        db.execute(
            "REPLACE INTO latest VALUES ('worn', ?)", (str(_remembered(db) + 1),)
        )
    db.execute(
        "INSERT INTO wear VALUES (?, ?, ?, ?, ?, ?)",
        (
            what,
            event.no,
            event.boot,
            event.mono,
            event.at.isoformat(),
            event.clock is Clock.SURE,
        ),
    )


def _remembered(db: sqlite3.Connection) -> int:
    """Return how many cards are remembered: to count them costs more than a card."""
    row = db.execute("SELECT value FROM latest WHERE name = 'worn'").fetchone()
    return 0 if row is None else int(row[0])


def count(db: sqlite3.Connection) -> int:
    """Return how many cards were completed since the ledger began."""
    row = db.execute("SELECT value FROM latest WHERE name = 'completed'").fetchone()
    return 0 if row is None else int(row[0])


def moments(db: sqlite3.Connection, what: Wear, count_max: int) -> list[Moment]:
    """Return when it happened, the newest first."""
    rows = db.execute(
        "SELECT boot, mono, at, sure FROM wear WHERE what = ? ORDER BY no DESC LIMIT ?",
        (what, count_max),
    )
    return [
        Moment(boot, mono, datetime.fromisoformat(at), bool(sure))
        for boot, mono, at, sure in rows
    ]


def last_use(db: sqlite3.Connection) -> Moment | None:
    """Return when a card was printed, or a test was passed, whatever came last."""
    row = db.execute(
        "SELECT boot, mono, at, sure FROM wear WHERE what IN (?, ?)"
        " ORDER BY no DESC LIMIT 1",
        (Wear.CARD, Wear.TESTED),
    ).fetchone()
    if row is None:
        return None
    return Moment(row[0], row[1], datetime.fromisoformat(row[2]), bool(row[3]))
