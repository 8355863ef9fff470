"""A person begins a new ledger in the place of one that is damaged or gone."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path

from agent.clock import Clock, SystemClock
from agent.contract.agent_events import LedgerBegun
from agent.contract.messages import Clock as ClockWord
from agent.journal.errors import JournalError
from agent.journal.opening import SIDES, salvage
from agent.journal.store import Stamp, Store

UNPROVEN = "unproven"


def begin(
    folder: Path,
    because: str,
    counts: Mapping[str, int],
    old_ledger: str | None,
    who: str,
    clock: Clock | None = None,
) -> str:
    """Begin the ledger in `folder`, the daemon's; return its id.

    `clock` None: the system's.

    Raises:
        JournalError: there is a journal, the daemon is running, or the disk fails.
    """
    path = folder / "journal.db"
    found = salvage(path)
    begun = LedgerBegun(
        because=because,
        counts=dict(counts),
        old_ledger=found.ledger or old_ledger,
        old_no=found.acked.no if found.acked else None,
        old_hash=found.acked.hash if found.acked else None,
        set_aside=found.aside,
        identity=UNPROVEN,
    )
    store = Store(path, str(uuid.uuid4()), anew=True)
    try:
        if store.head.no:
            raise JournalError(f"journal {path}: only a lost one is replaced")
        store.write(
            lambda tx: tx.append(begun, who=who),
            _stamp(store.ledger, clock or SystemClock()),
        )
        store.settle()
    finally:
        store.close()
    _give(path)
    return store.ledger


def _stamp(ledger: str, clock: Clock) -> Stamp:
    now = clock.wall()
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
