"""What is left, here or elsewhere, of a ledger that was lost: for its successor."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from agent.contract.messages import Clock
from agent.journal import chain
from agent.journal.chain import ChainError, Head
from agent.journal.opening import TAIL_COUNT, UNKNOWN, Hold, named, written_in


class Lost(msgspec.Struct, frozen=True):
    """What others know of a ledger that was here and is gone."""

    ledger: str
    no: int  # of the last event that the centre signed for; 0 where none is known
    hash: str
    at: datetime | None = None  # when it signed


def is_bare(path: Path) -> bool:
    """Whether there is no journal at `path`, and no sign that there was one."""
    lock = path.with_name(path.name + "-lock")
    return not any(file.exists() and file.stat().st_size for file in (path, lock))


def remember(path: Path, lost: Lost) -> None:
    """Have it known from here on that there was a ledger, which a person replaces.

    Raises:
        StorageError: the disk does not take it.
    """
    with named(path):
        path.with_name(path.name + "-lost").write_bytes(msgspec.json.encode(lost))
        hold = Hold(path)
        try:
            hold.name(lost.ledger)
        finally:
            hold.release()


def _remembered(path: Path) -> Lost | None:
    try:
        raw = path.with_name(path.name + "-lost").read_bytes()
        return msgspec.json.decode(raw, type=Lost)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
        return None


@dataclass(frozen=True, slots=True)
class Salvage:
    """What could still be read of a ledger that is lost."""

    ledger: str | None = None
    acked: Head | None = None  # what the centre signed for last
    aside: str | None = None  # the name of its file, if there is one
    newest: datetime | None = None  # it was later than this when it was lost


def salvage(path: Path) -> Salvage:
    """Return what is left of the journal that was at `path` and was set aside."""
    asides = sorted(path.parent.glob(f"{path.stem}-damaged-*{path.suffix}"))
    try:
        ledger = written_in(path.with_name(path.name + "-lock").read_bytes())[0] or None
    except OSError:
        ledger = None
    acked, times = None, list[datetime]()
    if asides and asides[-1].stat().st_size:
        uri = f"file:{quote(str(asides[-1]))}?mode=ro"
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(uri, uri=True)) as db,
        ):
            acked = db.execute("SELECT no, hash FROM ack").fetchone()
            times += _times(db)
    lost = _remembered(path)
    if lost is not None and lost.at is not None:
        times.append(lost.at)
    if acked is None and lost is not None and lost.ledger == ledger and lost.no:
        acked = (lost.no, lost.hash)
    return Salvage(
        None if ledger == UNKNOWN else ledger,
        None if acked is None else Head(*acked),
        asides[-1].name if asides else None,
        max(times, default=None),
    )


def _times(db: sqlite3.Connection) -> Iterator[datetime]:
    """Yield what a lost ledger knew of the time, as far as it was sure of it."""
    row = db.execute("SELECT value FROM meta WHERE name = 'signed-time'").fetchone()
    with contextlib.suppress(ValueError):
        if row is not None:
            yield datetime.fromisoformat(row[0])
    query = "SELECT no, line FROM events ORDER BY no DESC LIMIT ?"
    for no, line in db.execute(query, (TAIL_COUNT,)):
        with contextlib.suppress(ChainError):
            event = chain.open_line(line, no)[1]
            if event.clock is Clock.SURE:
                yield event.at
