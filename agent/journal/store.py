"""The SQLite file itself: opening, one writer, one commit for each piece of work.

Blocking: the journal calls it in its one executor. Knows no job and no printer.
SQLite is trusted that a commit which returned is on the disk and whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from agent.contract.events import (
    Data,
    Event,
    JobAborted,
    JobCanceled,
    JobCompleted,
)
from agent.contract.messages import Clock
from agent.journal import chain, schema
from agent.journal.chain import Head
from agent.journal.errors import JournalError, StorageFullError
from agent.journal.projections import apply

T = TypeVar("T")

_ENDS = (JobCompleted, JobCanceled, JobAborted)
_CACHE_KIB = 512
_BUSY_MS = 5000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What each event says of where and when it was written."""

    ledger: str
    boot: str
    at: datetime
    clock: Clock
    mono_ms: int


class Transaction:
    """One commit in the making: `db` to read and write, `append` for events."""

    def __init__(self, db: sqlite3.Connection, head: Head, stamp: Stamp) -> None:
        self.db = db
        self.head = head
        self.stamp = stamp
        self.erases = False  # a job ended, and its sealed message went with it

    @property
    def sure(self) -> bool:
        """Whether the time of this commit may be relied on."""
        return self.stamp.clock is Clock.SURE

    def append(
        self,
        data: Data,
        *,
        job: str | None = None,
        attempt: int | None = None,
        who: str | None = None,
    ) -> Event:
        """Add the next event to the chain and bring the tables up to it."""
        event = Event(
            ledger=self.stamp.ledger,
            no=self.head.no + 1,
            prev=self.head.hash,
            boot=self.stamp.boot,
            at=self.stamp.at,
            clock=self.stamp.clock,
            mono=self.stamp.mono_ms,
            data=data,
            job=job,
            attempt=attempt,
            who=who,
        )
        self.head, line = chain.seal(event)
        self.db.execute("INSERT INTO events VALUES (?, ?, ?)", (event.no, job, line))
        apply(self.db, event)
        self.erases = self.erases or isinstance(data, _ENDS)
        return event


class Store:
    """The open file; exactly one process holds it."""

    def __init__(self, path: Path, ledger_for_new: str) -> None:
        """Open or make the file.

        Raises:
            JournalError: it is held by another agent, damaged, of a newer schema, or
                not a journal; it is left as it is.
        """
        self.path = path
        self._erase_due = True  # what a crash left in the -wal
        self._lock = _hold(path)
        try:
            self._db = self._open(ledger_for_new)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, ledger_for_new: str) -> sqlite3.Connection:
        with _named(self.path):
            db = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False
            )
            try:
                _set_up(db)
                _check(db, self.path, ledger_for_new)
                self.ledger: str = db.execute(
                    "SELECT value FROM meta WHERE name = 'ledger'"
                ).fetchone()[0]
                self.head = _head(db, self.path, self.ledger)
                self._erase(db)
            except BaseException:
                db.close()
                raise
        return db

    def reader(self) -> sqlite3.Connection:
        """Return a connection that sees every commit and can change nothing."""
        with _named(self.path):
            db = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB // 2}")
            db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        return db

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `query` finds; it changes nothing."""
        with _named(self.path):
            return query(self._db)

    def write(
        self, work: Callable[[Transaction], T], stamp: Stamp, *, synced: bool = True
    ) -> T:
        """Do `work` in one transaction: on return all of it is on disk, else nothing.

        `synced` False leaves the disk's cache to itself, for what may be lost in a
        power cut. Whatever `work` raises goes on, and nothing was written.
        """
        with _named(self.path):
            if not synced:
                self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                result, done = self._commit(work, stamp)
            finally:
                if not synced:
                    self._db.execute("PRAGMA synchronous = FULL")
        self.head = done.head
        self._erase_due = self._erase_due or done.erases
        if self._erase_due:
            # What was committed stands, so a failure here is no failure of `work`.
            with contextlib.suppress(sqlite3.Error):
                self._erase(self._db)
        return result

    def _commit(
        self, work: Callable[[Transaction], T], stamp: Stamp
    ) -> tuple[T, Transaction]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(self._db, self.head, stamp)
            result = work(transaction)
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back by itself already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return result, transaction

    def _erase(self, db: sqlite3.Connection) -> None:
        # Freed pages are zero in the main file; the -wal still holds the old ones
        # until it is cut. A reader in the way makes us try again at the next commit.
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        self._erase_due = bool(busy)

    def free_size(self) -> int:
        """Return how many bytes the disk still takes."""
        disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
        """Let go of the file, whole and without a -wal."""
        with _named(self.path):
            self._db.close()
        os.close(self._lock)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        kind = StorageFullError if code == sqlite3.SQLITE_FULL else JournalError
        raise kind(f"journal {path}: {error}") from error


def _hold(path: Path) -> int:
    lock_path = path.with_name(path.name + "-lock")
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Made here, so that SQLite's three files are nobody else's to read.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise JournalError(f"journal {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise JournalError(f"journal {path}: another agent holds it") from error
    return lock


def _set_up(db: sqlite3.Connection) -> None:
    for name, value in (
        ("busy_timeout", str(_BUSY_MS)),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("secure_delete", "ON"),
        ("cache_size", f"-{_CACHE_KIB}"),
        ("temp_store", "MEMORY"),
    ):
        db.execute(f"PRAGMA {name} = {value}").fetchall()


def _check(db: sqlite3.Connection, path: Path, ledger_for_new: str) -> None:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and not version:
        db.executescript(f"BEGIN IMMEDIATE; {schema.TABLES}")
        db.execute("INSERT INTO meta VALUES ('ledger', ?)", (ledger_for_new,))
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {schema.VERSION}")
        db.execute("COMMIT")
        return
    if application != schema.APPLICATION_ID:
        raise JournalError(f"journal {path}: an SQLite file, but not a journal")
    if version > schema.VERSION:
        raise JournalError(
            f"journal {path}: written with schema version {version}, this agent knows"
            f" {schema.VERSION}: run the newer agent again"
        )


def _head(db: sqlite3.Connection, path: Path, ledger: str) -> Head:
    row = db.execute("SELECT no, line FROM events ORDER BY no DESC LIMIT 1").fetchone()
    if row is None:
        return Head()
    no, line = row
    try:
        digest, event = chain.open_line(line, no)
    except chain.ChainError as error:
        raise JournalError(f"journal {path}: {error}") from error
    if event.no != no or event.ledger != ledger:
        raise JournalError(f"journal {path}: event {no} belongs to another ledger")
    return Head(no, digest)
