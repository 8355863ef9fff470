"""Single values that outlast a start: the newest signed time, counters, a ribbon."""

from __future__ import annotations

import random
import sqlite3
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from agent.clock import AHEAD_MAX
from agent.contract.agent_events import AgentKey
from agent.contract.events import Evidence
from agent.journal.store import Transaction

if TYPE_CHECKING:
    from agent.contract.jose import Signer


def newest_signed(db: sqlite3.Connection) -> datetime | None:
    """Return the newest time that was signed for; None before the first."""
    row = db.execute("SELECT value FROM meta WHERE name = 'signed-time'").fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def keep_issued_time(tx: Transaction, at: datetime) -> None:
    """Keep when a document was issued, unless that is far ahead of now."""
    if at <= tx.stamp.at + AHEAD_MAX:
        keep_signed_time(tx, at)


def keep_signed_time(tx: Transaction, at: datetime) -> None:
    """Keep a signed time, unless a newer one is kept."""
    before = newest_signed(tx.db)
    if before is None or at > before:
        tx.db.execute("REPLACE INTO meta VALUES ('signed-time', ?)", (at.isoformat(),))


def connection(db: sqlite3.Connection) -> int:
    """Return the number of the last connection that was kept; 0 before the first."""
    row = db.execute("SELECT value FROM meta WHERE name = 'connection'").fetchone()
    return 0 if row is None else int(row[0])


def count_connection(tx: Transaction, above: int) -> int:
    """Return a number higher than that of every connection before, and `above`."""
    number = max(connection(tx.db), above) + 1
    tx.db.execute("REPLACE INTO meta VALUES ('connection', ?)", (str(number),))
    return number


def leave(tx: Transaction) -> None:
    """Keep that a retired agent has ended its session with the broker."""
    tx.db.execute("REPLACE INTO meta VALUES ('left', '1')")


def has_left(db: sqlite3.Connection) -> bool:
    """Return whether it has."""
    return db.execute("SELECT 1 FROM meta WHERE name = 'left'").fetchone() is not None


def faults(db: sqlite3.Connection) -> frozenset[str]:
    """Return the state reasons that were raised and not cleared."""
    return frozenset(row[0] for row in db.execute("SELECT reason FROM faults"))


def counted(db: sqlite3.Connection) -> Evidence | None:
    """Return where the counters stood last with no attempt open; None: unknown."""
    row = db.execute("SELECT value FROM latest WHERE name = 'counted'").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=Evidence)


def ribbon(db: sqlite3.Connection) -> tuple[str, str] | None:
    """Return kind and serial of the ribbon that was reported last."""
    row = db.execute("SELECT value FROM latest WHERE name = 'ribbon'").fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=tuple[str, str])


def name_key(tx: Transaction, signer: Signer) -> None:
    """Announce the key that signs checkpoints from here on, unless it is known."""
    row = tx.db.execute(
        "SELECT value FROM latest WHERE name = 'signing-key'"
    ).fetchone()
    if row != (signer.public.kid,):
        tx.append(AgentKey(kid=signer.agent_kid, signing=signer.public))


def new_uuid(dice: random.Random) -> str:
    """Return a random UUID out of these dice."""
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))
