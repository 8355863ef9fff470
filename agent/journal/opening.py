"""What must hold before a journal is used: it is ours, whole, and ends where it says.

Beside the file lies `-lock`: whoever holds it is the only writer. It names the ledger
and the last event that was on the disk, so that a file that is gone, older than it was
or exchanged is not silently gone on with.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from agent.contract.agent_events import LedgerBegun
from agent.contract.events import Event
from agent.journal import chain, schema
from agent.journal.chain import GENESIS, ChainError, Head
from agent.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalForeignError,
    StorageError,
    StorageFullError,
)

CACHE_KIB = 512
BUSY_MS = 5000
TAIL_COUNT = 200  # events at the end of the chain that are looked at
SIDES = ("", "-wal", "-shm")  # the files that are one database

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FAILED = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_PRIMARY = 0xFF  # of an extended result code
_LOCK_SIZE_MAX = 256
HashAt = Callable[[int], str | None]
"""From an event's number to its hash, as it stands in the file; None: it does not."""
UNKNOWN = "unknown"  # a ledger that was there, and whose id cannot be read


@dataclass(frozen=True, slots=True)
class End:
    """Where the chain ends."""

    head: Head
    at: datetime | None  # when the newest event was written
    signed_no: int  # number of the newest checkpoint, 0 when there is none


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn SQLite's errors, and the chain's, into ours, with the file's name."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        kind = JournalError
        if code == sqlite3.SQLITE_FULL:
            kind = StorageFullError
        elif code in _FAILED:
            kind = StorageError
        elif code in _DAMAGED:
            kind = JournalDamagedError
        raise kind(f"journal {path}: {error}") from error
    except OSError as error:
        raise failure(path, error) from error
    except ChainError as error:
        raise JournalDamagedError(f"journal {path}: {error}") from error


def failure(path: Path, error: OSError) -> StorageError:
    """Return what an error of the operating system means for the journal."""
    kind = StorageFullError if error.errno in _FULL else StorageError
    return kind(f"journal {path}: {error.strerror}")


def _require_file(path: Path) -> None:
    """Refuse a link, which may lead anywhere, and what is no file.

    Raises:
        JournalForeignError: one stands there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        what = "a symbolic link" if stat.S_ISLNK(mode) else "no file"
        raise JournalForeignError(f"journal {path}: what stands here is {what}")


class Hold:
    """The right to write, and the memory of which ledger there is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lock_path = path.with_name(path.name + "-lock")
        try:
            self._lock = os.open(
                lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise failure(path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _require_file(path)
            # Made here, so that SQLite's three files are nobody else's to read.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except BlockingIOError as error:
            self.release()
            raise JournalError(f"journal {path}: another agent holds it") from error
        except OSError as error:
            self.release()
            raise failure(path, error) from error
        except JournalForeignError:
            self.release()
            raise

    @property
    def ledger(self) -> str:
        """The ledger that must be there; empty where there never was one."""
        return self._written()[0]

    def _written(self) -> tuple[str, Head | None]:
        return written_in(os.pread(self._lock, _LOCK_SIZE_MAX, 0))

    def require_file(self) -> None:
        """Refuse a -wal without its file: SQLite would delete it.

        Raises:
            JournalDamagedError: so it is.
        """
        if is_there(self._path) and not self._path.stat().st_size:
            raise JournalDamagedError(
                f"journal {self._path}: the file is gone, its -wal is here"
            )

    def require_none(self) -> None:
        """Refuse to begin anew what was there before.

        Raises:
            JournalDamagedError: there was a ledger, and its file is empty or gone.
        """
        if ledger := self.ledger:
            raise JournalDamagedError(
                f"journal {self._path}: ledger {ledger} was here and is gone"
            )

    def require_same_place(self) -> None:
        """Refuse to go on in another folder than the one that was locked.

        Raises:
            StorageError: another file system stands in its place.
        """
        here = self._path.with_name(self._path.name + "-lock").stat()
        ours = os.fstat(self._lock)
        if (here.st_dev, here.st_ino) != (ours.st_dev, ours.st_ino):
            raise StorageError(f"journal {self._path}: another disk stands here now")

    def settle(self, ledger: str, first: Event | None, hash_at: HashAt) -> None:
        """Remember this ledger; one that takes another's place says so first.

        Raises:
            JournalDamagedError: it is another, or it lacks what was on the disk.
        """
        before, last = self._written()
        if before == ledger:
            if last is not None and hash_at(last.no) != last.hash:
                raise JournalDamagedError(
                    f"journal {self._path}: event {last.no} was on this disk, and is"
                    " gone or another: is this an old copy, or its -wal lost?"
                )
            return
        if before and not _takes_the_place(first, before):
            raise JournalDamagedError(
                f"journal {self._path}: ledger {before} was here, this is {ledger}"
            )
        self.name(ledger)

    def name(self, ledger: str) -> None:
        """Write down which ledger must be there."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, ledger.encode(), 0)
        os.fsync(self._lock)

    def reached(self, ledger: str, head: Head) -> None:
        """Write down the last event, which is on the disk.

        This need not be there after a power cut: then an older one is asked for. Of a
        fixed size and in one block, so that no half of it ever is.
        """
        word = f"{ledger} {head.no:020d} {head.hash}\n".encode()
        with contextlib.suppress(OSError):  # the journal has it
            os.pwrite(self._lock, word, 0)

    def release(self) -> None:
        os.close(self._lock)


def _takes_the_place(first: Event | None, before: str) -> bool:
    """Whether people began a ledger in the place of this one, and of no other."""
    if first is None or not isinstance(first.data, LedgerBegun):
        return False
    return before in (first.data.old_ledger, UNKNOWN)


def written_in(raw: bytes) -> tuple[str, Head | None]:
    """Return what the lock file says: the ledger, and its last event."""
    ledger, *rest = raw.decode(errors="replace").split() or [""]
    if len(rest) == 2 and rest[0].isdecimal():
        return ledger, Head(int(rest[0]), rest[1])
    return ledger, None


def is_there(path: Path) -> bool:
    """Whether anything is left of the journal at `path`, its file or another's."""
    files = [path.with_name(path.name + side) for side in SIDES]
    return any(file.exists() and file.stat().st_size for file in files)


def set_aside(path: Path, at: datetime) -> Path:
    """Rename a damaged journal, all its files with it; return its new name.

    Nothing is deleted. What took the place of `path` must be begun by a person.

    Raises:
        JournalError: another agent holds it, or it cannot be renamed.
    """
    hold = Hold(path)
    try:
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = path.with_name(f"{path.stem}-damaged-{stamp}{path.suffix}")
        while aside.exists():
            aside = aside.with_name(f"{aside.stem}x{aside.suffix}")
        # The -wal first: alone it is nothing, and the file without it is whole but old.
        for side in reversed(SIDES):
            file = path.with_name(path.name + side)
            if file.exists():
                file.rename(aside.with_name(aside.name + side))
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise failure(path, error) from error
    finally:
        hold.release()
    return aside


def read_only_uri(path: Path) -> str:
    """How SQLite is to open the file without writing beside it.

    Without -wal and -shm nobody has it open and all of it is in the one file: then it
    may lie on a medium that cannot be written, as evidence should.
    """
    names = [path.with_name(path.name + end) for end in ("-wal", "-shm")]
    alone = not any(name.exists() and name.stat().st_size for name in names)
    how = "&immutable=1" if alone else ""
    return f"file:{quote(str(path))}?mode=ro{how}"


@contextlib.contextmanager
def looking(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file so that not a byte of it or its -wal is changed.

    Who may not write cannot copy the -wal into it either, not even at the close; only
    -shm is made anew, which is an index of the -wal and nothing else.
    """
    uri = f"file:{quote(str(path))}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        yield db


def connect(path: Path, ledger_for_new: str) -> sqlite3.Connection:
    """Return the writer's connection to the file, which is made if it is empty."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for name, value in (
            ("busy_timeout", str(BUSY_MS)),
            ("journal_mode", "WAL"),
            ("synchronous", "FULL"),
            ("secure_delete", "ON"),
            ("cache_size", f"-{CACHE_KIB}"),
            ("temp_store", "MEMORY"),
        ):
            db.execute(f"PRAGMA {name} = {value}").fetchall()
        _make(db, ledger_for_new)
    except BaseException:
        db.close()
        raise
    return db


def _make(db: sqlite3.Connection, ledger_for_new: str) -> None:
    if is_empty(db):
        db.executescript(f"BEGIN IMMEDIATE; {schema.TABLES}")
        db.execute("INSERT INTO meta VALUES ('ledger', ?)", (ledger_for_new,))
        db.execute("INSERT INTO head VALUES (1, 0, ?)", (GENESIS,))
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {schema.VERSION}")
        db.execute("COMMIT")


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether nothing was ever written there, by this program or another."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not tables and not version


def require_ours(db: sqlite3.Connection, path: Path) -> None:
    """Refuse what another program wrote, or a newer one.

    Raises:
        JournalForeignError: it is left as it is.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != schema.APPLICATION_ID:
        raise JournalForeignError(f"journal {path}: an SQLite file, but not a journal")
    if version > schema.VERSION:
        raise JournalForeignError(
            f"journal {path}: written with schema version {version}, this agent knows"
            f" {schema.VERSION}: run the newer agent again"
        )


def require_whole(db: sqlite3.Connection) -> None:
    """Let SQLite look at every page, and hold each index against its table.

    Raises:
        ChainError: one of them is not what it was.
    """
    (word,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if word != "ok":
        raise ChainError(0, f"the file is damaged: {word}")


def require_made(db: sqlite3.Connection) -> None:
    """Compare the tables, indexes and triggers with what they were made as.

    Raises:
        ChainError: one is another, or lacks.
    """
    with contextlib.closing(sqlite3.connect(":memory:")) as meant:
        meant.executescript(schema.TABLES)
        if _made_of(db) != _made_of(meant):
            raise ChainError(0, "its tables are not as they were made")


def _made_of(db: sqlite3.Connection) -> list[tuple[str, str]]:
    query = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    return db.execute(query).fetchall()


def ledger_of(db: sqlite3.Connection) -> str:
    """Return the id of the ledger in a file."""
    row = db.execute("SELECT value FROM meta WHERE name = 'ledger'").fetchone()
    if row is None:
        raise ChainError(0, "it does not say which ledger it is")
    return str(row[0])


def first(db: sqlite3.Connection) -> Event | None:
    """Return the event that began the ledger."""
    row = db.execute("SELECT line FROM events WHERE no = 1").fetchone()
    return None if row is None else chain.open_line(row[0], 1)[1]


def hash_at(db: sqlite3.Connection, no: int) -> str | None:
    """Return the hash of an event; None: it is not in the file."""
    query = "SELECT substr(line, 1, 64) FROM events WHERE no = ?"
    row = db.execute(query, (no,)).fetchone()
    return None if row is None else bytes(row[0]).decode(errors="replace")


def end(db: sqlite3.Connection, ledger: str) -> End:
    """Return where the chain ends, after a look at its last links.

    Raises:
        ChainError: they are not what was written.
    """
    wanted = db.execute("SELECT no, hash FROM head").fetchone()
    if wanted is None:
        raise ChainError(0, "it does not say which event is its last")
    rows = db.execute(
        "SELECT line FROM events ORDER BY no DESC LIMIT ?", (TAIL_COUNT,)
    ).fetchall()
    lines = [row[0] for row in reversed(rows)]
    head, at = Head(), None
    if lines:
        number = max(1, wanted[0] - len(lines) + 1)
        before = chain.open_line(lines[0], number)[1]
        head = chain.verify(lines, Head(number - 1, before.prev))
        last = chain.open_line(lines[-1], head.no)[1]
        at = last.at
        if last.ledger != ledger:
            raise ChainError(head.no, f"it belongs to another ledger, {last.ledger}")
    if (head.no, head.hash) != wanted:
        raise ChainError(head.no, f"it is the last here, {wanted[0]} were written")
    row = db.execute("SELECT value FROM latest WHERE name = 'checkpoint'").fetchone()
    return End(head, at, 0 if row is None else int(row[0]))
