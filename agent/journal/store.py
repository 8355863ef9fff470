"""The SQLite file itself: opening, one writer, one commit for each piece of work.

Blocking: the journal calls it in its one executor. Knows no job and no printer.
SQLite is trusted that a commit which returned is on the disk and whole. Once the disk
has failed it, nothing of the open file is trusted until `reopen`: see `disk` beside.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from agent.contract.agent_events import Checkpoint
from agent.contract.events import (
    AgentStopped,
    Data,
    Event,
    JobAborted,
    JobCanceled,
    JobCompleted,
)
from agent.contract.messages import Clock
from agent.journal import chain, disk, opening
from agent.journal.chain import Head
from agent.journal.errors import StorageError, StorageFullError
from agent.journal.opening import End
from agent.journal.projections import apply

T = TypeVar("T")

_ENDS = (JobCompleted, JobCanceled, JobAborted)
CHECKPOINT_EVERY = 100  # events
CARD_SIZE_MAX = 8 * 2**20  # bytes to the end of a card, the erasing of its job too

Sign = Callable[[Head], str]
"""From the newest event to the agent's signature over it."""


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

    def __init__(self, db: sqlite3.Connection, end: End, stamp: Stamp) -> None:
        self.db = db
        self.end = end
        self.stamp = stamp
        self.erases = False  # a job ended, and its sealed message went with it
        self.ends = False  # the program ends in good order

    @property
    def head(self) -> Head:
        """The newest event, those of this commit included."""
        return self.end.head

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
        head, line = chain.seal(event)
        signed = event.no if isinstance(data, Checkpoint) else self.end.signed_no
        self.end = End(head, event.at, signed)
        self.db.execute("INSERT INTO events VALUES (?, ?, ?)", (event.no, job, line))
        apply(self.db, event)
        self.erases = self.erases or isinstance(data, _ENDS)
        self.ends = self.ends or isinstance(data, AgentStopped)
        return event

    @contextlib.contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Undo what was written inside if an exception leaves it; the rest stands."""
        before = (self.end, self.erases, self.ends)
        self.db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:  # a full disk may have ended the whole
                self.db.execute("ROLLBACK TO part")
                self.db.execute("RELEASE part")
            self.end, self.erases, self.ends = before
            raise
        self.db.execute("RELEASE part")


class Store:
    """The open file; exactly one process holds it."""

    def __init__(self, path: Path, ledger_for_new: str, *, anew: bool = False) -> None:
        """Open or make the file; `anew` where a person takes the place of a lost one.

        Raises:
            JournalDamagedError: it is not what was written, or it is gone.
            JournalForeignError: it is of a newer schema, or not a journal.
            StorageError: the disk fails.
            JournalError: it is held by another agent. Always it is left as it is.
        """
        self.path = path
        self._turn = threading.RLock()
        self._spent: StorageError | None = None  # why the open file is trusted no more
        self.sign: Sign | None = None  # no checkpoints without it
        self._erase_due = True  # what a crash left in the -wal
        self._hold = opening.Hold(path)
        try:
            self._hold.require_file()
            self._look(anew=anew)
            with opening.named(path):
                self._db = opening.connect(path, ledger_for_new)
            self.ledger = self._begin(anew=anew)
        except BaseException:
            self._hold.release()
            raise

    def _look(self, *, anew: bool) -> None:
        """See that it is ours and whole while nothing of it is changed yet."""
        with opening.named(self.path), opening.looking(self.path) as db:
            if opening.is_empty(db):
                if not anew:
                    self._hold.require_none()
                return
            opening.require_ours(db, self.path)
            opening.require_whole(db)
            ledger = opening.ledger_of(db)
            opening.end(db, ledger)
            opening.require_made(db)
            if not anew:
                self._settle(db, ledger)

    def _begin(self, *, anew: bool) -> str:
        try:
            with opening.named(self.path):
                ledger = opening.ledger_of(self._db)
                self._end = opening.end(self._db, ledger)
                with contextlib.suppress(StorageFullError):
                    self._erase()
            if not anew:
                self._settle(self._db, ledger)
        except BaseException:
            self._db.close()
            raise
        return ledger

    def settle(self) -> None:
        """Remember beside the file that this ledger is the one that must be there.

        Raises:
            JournalDamagedError: another one was there, and nobody took its place.
        """
        self._settle(self._db, self.ledger)

    def _settle(self, db: sqlite3.Connection, ledger: str) -> None:
        with opening.named(self.path):
            hash_at = partial(opening.hash_at, db)
            self._hold.settle(ledger, opening.first(db), hash_at)

    @property
    def head(self) -> Head:
        """The newest event on disk."""
        return self._end.head

    def reader(self) -> sqlite3.Connection:
        """Return a connection that sees every commit and can change nothing."""
        with opening.named(self.path):
            db = sqlite3.connect(
                f"file:{quote(str(self.path))}?mode=ro",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            db.execute(f"PRAGMA cache_size = -{opening.CACHE_KIB // 2}")
            db.execute(f"PRAGMA busy_timeout = {opening.BUSY_MS}")
        return db

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `query` finds; it changes nothing."""
        with self._turn, opening.named(self.path):
            return query(self._db)

    def write(
        self,
        work: Callable[[Transaction], T],
        stamp: Stamp,
        *,
        synced: bool = True,
        ends: bool = False,
        reserved: bool = True,
    ) -> T:
        """Do `work` in one transaction: on return all of it is on disk, else nothing.

        `synced` False leaves the disk's cache to itself, for what may be lost in a
        power cut, as no event may. `ends` says that a job is likely to end: the erasing
        that then follows syncs the -wal before anything else, so the commit need not.
        What is not `reserved` may fail on a full disk where the rest is written yet.
        Whatever `work` raises goes on, and nothing was written.

        Raises:
            StorageFullError: the disk is full, the reserve spent.
            StorageError: the disk fails. It is not known whether the work will be
                there after `reopen`; until then every write is refused.
        """
        with self._turn:
            if self._spent is not None:
                raise StorageError(f"{self._spent}; nothing was written since")
            try:
                return self._write(work, stamp, synced=synced, ends=ends)
            except StorageFullError:
                if not reserved or not disk.spend_reserve(self.path):
                    raise
                return self._write(work, stamp, synced=synced, ends=ends)
            except StorageError as error:
                self._spent = error
                raise

    def _write(
        self,
        work: Callable[[Transaction], T],
        stamp: Stamp,
        *,
        synced: bool,
        ends: bool,
    ) -> T:
        lazy = ends or not synced
        with opening.named(self.path):
            if lazy:
                self._db.execute("PRAGMA synchronous = NORMAL")
            try:
                result, done = self._commit(work, stamp, lasts=synced or ends)
            finally:
                if lazy:
                    self._db.execute("PRAGMA synchronous = FULL")
        self._erase_due = self._erase_due or done.erases
        erased = self._erase_due and self._erase_after(ends=ends)
        if ends and not erased:
            self._sync()
        self._end = done.end
        if (synced or ends) and done.end.head.no:
            self._hold.reached(self.ledger, self.head)
        return result

    def _erase_after(self, *, ends: bool) -> bool:
        """Erase after a commit, which stands unless it `ends` and the disk fails."""
        try:
            return self._erase()
        except StorageFullError:
            return False  # again at the next commit
        except StorageError as error:
            # A sync that failed here is told to nobody else: a commit that was to be
            # synced by it is not known to be on the disk.
            if ends:
                raise
            self._spent = error
            return False

    def _commit(
        self, work: Callable[[Transaction], T], stamp: Stamp, *, lasts: bool
    ) -> tuple[T, Transaction]:
        """One that a power cut may take back has no event: the centre may have it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            transaction = Transaction(self._db, self._end, stamp)
            last_at = self._end.at
            if lasts and last_at is not None and _day(last_at) != _day(stamp.at):
                self._checkpoint(transaction)
            result = work(transaction)
            unsigned = transaction.head.no - transaction.end.signed_no
            if lasts and (transaction.ends or unsigned >= CHECKPOINT_EVERY):
                self._checkpoint(transaction)
            assert lasts or transaction.head == self.head, (
                "a power cut may take an event"
            )
            if transaction.head != self.head:
                self._db.execute(
                    "REPLACE INTO head VALUES (1, ?, ?)",
                    (transaction.head.no, transaction.head.hash),
                )
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled back by itself already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return result, transaction

    def _checkpoint(self, transaction: Transaction) -> None:
        """Sign for every event so far, if there is one that is not signed for."""
        head = transaction.head
        if self.sign is not None and head.no > transaction.end.signed_no:
            signature = self.sign(head)
            transaction.append(Checkpoint(signature=signature))

    def _erase(self) -> bool:
        """Cut the -wal; true when it is done, and all that was in it is on disk.

        Freed pages are zero in the main file; the -wal still holds the old ones until
        it is cut. A reader in the way makes us try again at the next commit.
        """
        with opening.named(self.path):
            busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        self._erase_due = bool(busy)
        return not busy

    def _sync(self) -> None:
        # SQLite holds no locks on the -wal, so this descriptor may come and go.
        with opening.named(self.path):
            wal = os.open(self.path.with_name(self.path.name + "-wal"), os.O_RDWR)
            try:
                os.fsync(wal)
            finally:
                os.close(wal)

    @property
    def spent(self) -> bool:
        """True once the disk has failed, until `reopen`."""
        return self._spent is not None

    def reopen(self) -> None:
        """Trust the file again after the disk has failed; no reader may be open.

        Raises:
            JournalDamagedError: an event whose commit returned is not there.
            StorageError: the disk fails yet.
            JournalError: another process is in the way.
        """
        with self._turn, opening.named(self.path):
            self._hold.require_same_place()
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            disk.cure(self.path, self.ledger, self.head)
            self._db = opening.connect(self.path, self.ledger)
            self._end = opening.end(self._db, self.ledger)
            self._spent = None

    def doubt(self, error: StorageError) -> None:
        """Trust the open file no more: somebody could not read it."""
        self._spent = self._spent or error

    def require_room_for_card(self) -> None:
        """Raises: StorageFullError: what a card writes to its end might not fit."""
        if no_room := disk.no_room(self.path, CARD_SIZE_MAX):
            raise StorageFullError(f"journal {self.path}: {no_room}")

    def close(self) -> None:
        """Let go of the file, whole and without a -wal."""
        try:
            with self._turn, opening.named(self.path):
                self._db.close()
        finally:
            self._hold.release()


def _day(at: datetime) -> date:
    """The day at this computer's place: its time zone is the station's."""
    return at.astimezone().date()
