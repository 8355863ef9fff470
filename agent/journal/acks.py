"""What the centre has signed for: how far it holds our events."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

import msgspec

from agent.contract.agent_events import LedgerBegun
from agent.contract.events import Event, Incident, IncidentRaised
from agent.contract.messages import Ack
from agent.journal import opening
from agent.journal.chain import GENESIS, Head
from agent.journal.store import Transaction


class AckVerdict(StrEnum):
    """What an acknowledgement means for the events still to be sent."""

    ADVANCED = "advanced"
    REPEATED = "repeated"
    LOWER = "lower"  # the centre wants the lines after it once more
    FORK = "fork"  # it holds what we never wrote: no new card, a person decides
    OTHER_LEDGER = "other-ledger"  # of the one that ours took the place of; not stored


def acked(db: sqlite3.Connection) -> Head:
    """Return the newest line the centre has signed for."""
    row = db.execute("SELECT no, hash FROM ack").fetchone()
    return Head() if row is None else Head(row[0], row[1])


def newest(db: sqlite3.Connection) -> Head:
    """Return the newest line there is."""
    no, digest = db.execute("SELECT no, hash FROM head").fetchone()
    return Head(no, digest)


def judge(db: sqlite3.Connection, ledger: str, ack: Ack) -> AckVerdict:
    """Compare an acknowledgement with the chain."""
    if ack.ledger != ledger:
        older = _took_its_place(db, ack)
        return AckVerdict.OTHER_LEDGER if older else AckVerdict.FORK
    if (opening.hash_at(db, ack.no) if ack.no else GENESIS) != ack.hash:
        return AckVerdict.FORK
    before = acked(db).no
    if ack.no == before:
        return AckVerdict.REPEATED
    return AckVerdict.ADVANCED if ack.no > before else AckVerdict.LOWER


def _took_its_place(db: sqlite3.Connection, ack: Ack) -> bool:
    """Whether a person began our ledger in the place of the one this ack is of.

    The broker keeps that ack until the centre has one of ours. Of any other ledger we
    know nothing: somebody prints, or printed, under our name.
    """
    row = db.execute("SELECT line FROM events WHERE no = 1").fetchone()
    if row is None:
        return False
    first = msgspec.json.decode(bytes(row[0]).split(b" ", 1)[1], type=Event)
    if not isinstance(first.data, LedgerBegun):
        return False
    return ack.ledger == first.data.old_ledger or ack.at <= first.at


def keep(tx: Transaction, ack: Ack, raw: bytes) -> None:
    """Keep the centre's signature; the one before it is replaced."""
    tx.db.execute("REPLACE INTO ack VALUES (1, ?, ?, ?)", (ack.no, ack.hash, raw))


def mark_fork(tx: Transaction, ack: Ack) -> None:
    """Remember that the centre holds another history; reported once."""
    if not forked(tx.db):
        detail = f"the centre signed for event {ack.no} with another hash than ours"
        if ack.ledger != tx.stamp.ledger:
            detail = f"the centre signed for ledger {ack.ledger}, which is not ours"
        incident = IncidentRaised(incident=Incident.LEDGER_FORK, detail=detail)
        tx.append(incident)


def forked(db: sqlite3.Connection) -> bool:
    """True once the centre has signed for a history that is not ours."""
    row = db.execute("SELECT 1 FROM latest WHERE name = 'forked'").fetchone()
    return row is not None


def lines_after(
    db: sqlite3.Connection, no: int, count_max: int, size_max: int
) -> list[tuple[int, bytes]]:
    """Return lines from `no` + 1 on, oldest first, as far as both limits allow.

    The first line is returned even when it alone is larger than `size_max`.
    """
    rows = db.execute(
        "SELECT no, line FROM events WHERE no > ? ORDER BY no LIMIT ?", (no, count_max)
    )
    lines: list[tuple[int, bytes]] = []
    size = 0
    for number, line in rows:
        size += len(line)
        if lines and size > size_max:
            break
        lines.append((number, bytes(line)))
    rows.close()
    return lines
