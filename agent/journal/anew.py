"""A person begins a new ledger in the place of one that is damaged, gone or forked."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agent.clock import EARLIEST, Clock, SystemClock
from agent.contract.agent_events import LedgerBegun
from agent.contract.events import AgentRoster
from agent.contract.messages import Clock as ClockWord
from agent.journal.acks import forked
from agent.journal.errors import JournalError
from agent.journal.lost import salvage
from agent.journal.opening import SIDES, read_only_uri, set_aside
from agent.journal.stock import word
from agent.journal.store import Stamp, Store, Transaction
from agent.lifecycle.ledger import Signers, one_and_the_same


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a person says who begins a ledger, and who that is."""

    because: str
    counts: Mapping[str, int]  # blanks by place, counted now
    by: Signers
    old_ledger: str | None = None  # where no file names it
    roster: AgentRoster | None = None  # who can prove an identity, if anybody can


def begin(folder: Path, said: Beginning, clock: Clock | None = None) -> str:
    """Begin the ledger in `folder`, the daemon's; return its id.

    A ledger of which the centre holds another history is set aside first, whole. Who is
    proven and alone has 24 hours for a second identity, as for a movement of blanks.
    `clock` None: the system's.

    Raises:
        JournalError: there is a journal, the daemon is running, the disk fails, the
            clock is plainly wrong, or both identities are one.
    """
    path, by = folder / "journal.db", said.by
    if one_and_the_same(by.who, by.second):
        raise JournalError("the second identity must be another person")
    clock = clock or SystemClock()
    if clock.wall() < EARLIEST:
        raise JournalError(
            f"the clock says {clock.wall():%Y-%m-%d}: set it first, for no job that was"
            " issued before now is printed here again"
        )
    if _is_forked(path):
        set_aside(path, clock.wall())
    found = salvage(path)
    begun = LedgerBegun(
        because=said.because,
        counts=dict(said.counts),
        old_ledger=found.ledger or said.old_ledger,
        old_no=found.acked.no if found.acked else None,
        old_hash=found.acked.hash if found.acked else None,
        set_aside=found.aside,
        identity=word(by) or "unproven",
        second=by.second,
        unconfirmed=by.proven and by.second is None,
    )

    def work(tx: Transaction) -> None:
        tx.append(begun, who=by.who)
        if said.roster is not None:
            tx.append(said.roster)

    store = Store(path, str(uuid.uuid4()), anew=True)
    try:
        if store.head.no:
            raise JournalError(f"journal {path}: only a lost one is replaced")
        store.write(work, _stamp(store.ledger, clock, found.newest))
        store.settle()
    finally:
        store.close()
    _give(path)
    return store.ledger


def _is_forked(path: Path) -> bool:
    """Whether the centre has signed for a history that is not this journal's."""
    if not path.exists() or not path.stat().st_size:
        return False
    try:
        with closing(sqlite3.connect(read_only_uri(path), uri=True)) as db:
            return forked(db)
    except sqlite3.Error:
        return False  # damaged or foreign: it is told so where it is opened


def _stamp(ledger: str, clock: Clock, newest: datetime | None) -> Stamp:
    """Jobs issued before it are refused, so a clock that is behind must not name it."""
    wall = clock.wall()
    now = wall if newest is None else max(wall, newest)
    return Stamp(
        ledger=ledger,
        boot=str(uuid.uuid4()),
        at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        clock=ClockWord.SURE if clock.synchronised() else ClockWord.UNSURE,
        mono_ms=0,
    )


def _give(path: Path) -> None:
    """Let the files be the daemon's, where root has made them."""
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    for side in (*SIDES, "-lock"):
        file = path.with_name(path.name + side)
        if file.exists():
            os.chown(file, owner.st_uid, owner.st_gid)
