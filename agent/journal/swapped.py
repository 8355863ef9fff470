"""Another printer answers: no card starts until people stand for it."""

from __future__ import annotations

import sqlite3

from agent.contract.events import (
    Event,
    Incident,
    IncidentRaised,
    PrinterConfirmed,
)


def apply(db: sqlite3.Connection, event: Event) -> None:
    """Take in that another printer answers, or that people stand for it."""
    match event.data:
        case IncidentRaised(incident=Incident.PRINTER_CHANGED):
            db.execute("REPLACE INTO latest VALUES ('swapped', ?)", (str(event.no),))
        case PrinterConfirmed():
            db.execute("DELETE FROM latest WHERE name = 'swapped'")
        case _:
            pass


def incident(db: sqlite3.Connection) -> int | None:
    """Return the number of the incident nobody has stood for; None: there is none."""
    row = db.execute("SELECT value FROM latest WHERE name = 'swapped'").fetchone()
    return None if row is None else int(row[0])
