"""What follows from an event about a cleaning or a test: one request at most."""

from __future__ import annotations

import sqlite3

import msgspec

from agent.contract.attempt_events import Evidence, Expected
from agent.contract.commands import Owner
from agent.contract.events import Event
from agent.contract.operation_events import (
    Operation,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationResult,
)


class OpenOperation(msgspec.Struct, frozen=True):
    """A request that has not ended; `begun` once its command may have been sent."""

    request: int  # the number of its event
    operation: Operation
    owner: Owner
    begun: bool = False
    expected: Expected | None = None
    evidence: Evidence | None = None  # as it stood before it was begun


class EndedOperation(msgspec.Struct, frozen=True):
    """What became of the newest request that has ended."""

    request: int
    operation: Operation
    result: OperationResult
    detail: str


def apply(db: sqlite3.Connection, event: Event) -> None:
    """Take in that an operation is wanted, begun or over."""
    match event.data:
        case OperationAsked(operation=operation, owner=owner):
            _keep(db, OpenOperation(event.no, operation, owner))
        case OperationBegun(expected=expected, evidence=evidence):
            asked = opened(db)
            if asked is not None:
                begun = msgspec.structs.replace(
                    asked, begun=True, expected=expected, evidence=evidence
                )
                _keep(db, begun)
        case OperationEnded() as ended:
            db.execute("DELETE FROM latest WHERE name = 'operation'")
            value = msgspec.json.encode(
                EndedOperation(
                    ended.request, ended.operation, ended.result, ended.detail
                )
            ).decode()
            db.execute("REPLACE INTO latest VALUES ('operation-ended', ?)", (value,))


def _keep(db: sqlite3.Connection, one: OpenOperation) -> None:
    value = msgspec.json.encode(one).decode()
    db.execute("REPLACE INTO latest VALUES ('operation', ?)", (value,))


def opened(db: sqlite3.Connection) -> OpenOperation | None:
    """Return the request that has not ended."""
    row = db.execute("SELECT value FROM latest WHERE name = 'operation'").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=OpenOperation)


def ended(db: sqlite3.Connection) -> EndedOperation | None:
    """Return what became of the newest request that has ended."""
    query = "SELECT value FROM latest WHERE name = 'operation-ended'"
    row = db.execute(query).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=EndedOperation)
