"""What the disk is asked beside SQLite: for room, for a reserve, and for the truth.

On Linux a failed fsync is told once; then the pages count as clean and the cache may
show bytes that are not on the disk (ext4, XFS) or no more show them (Btrfs). So asking
again proves nothing, a new process neither, and `cure` believes the disk alone.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from agent.journal import chain, opening
from agent.journal.chain import Head
from agent.journal.errors import JournalError
from agent.journal.opening import failure

RESERVE_SIZE = 2**20
"""Bytes for refusals and for the end of a card, when others have filled the disk."""


def reserve_of(path: Path) -> Path:
    """Return the name of the reserve of the journal at `path`."""
    return path.with_name(path.name + "-reserve")


def no_room(path: Path, needed: int) -> str:
    """Return why the disk cannot take `needed` bytes more; empty when it can.

    Raises:
        StorageError: the disk does not even say that.
    """
    try:
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise failure(path, error) from error
    free = disk.f_bavail * disk.f_frsize
    if free >= needed:
        return ""
    return f"the disk has {free} bytes left, {needed} are needed"


def keep_reserve(path: Path) -> None:
    """Take room on the disk, unless it is taken, that `spend_reserve` gives back.

    Raises:
        StorageError: this disk cannot be written, or is full.
    """
    reserve = reserve_of(path)
    try:
        if reserve.exists() and reserve.stat().st_size == RESERVE_SIZE:
            return
        file = os.open(reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, RESERVE_SIZE)
        finally:
            os.close(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            reserve.unlink(missing_ok=True)
        raise failure(path, error) from error


def spend_reserve(path: Path) -> bool:
    """Give the room back to the disk; False: it was spent before."""
    try:
        reserve_of(path).unlink()
    except OSError:
        return False
    return True


def require_writing(path: Path) -> None:
    """Write and sync a file of no meaning.

    Raises:
        StorageError: the disk does not take it.
    """
    probe = path.with_name(path.name + "-probe")
    try:
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, bytes(4096))
            os.fsync(file)
        finally:
            os.close(file)
        probe.unlink()
    except OSError as error:
        raise failure(path, error) from error


def cure(path: Path, ledger: str, known: Head) -> None:
    """Bring a journal whose writing failed to where all of it is on the disk.

    Nobody has the file open. The cache is let go, so that the disk itself is read; a
    first connection, alone with the file, makes SQLite check every frame of the -wal;
    `known`, the last event whose commit returned, must be there (one more may be: its
    commit failed, and it is there all the same); then the -wal is copied and cut, for
    which all of it is written and synced anew.

    Raises:
        StorageError: the disk fails yet.
        JournalError: another process reads the file, so it cannot be had alone.
        ChainError: what was on disk is not: a person must decide.
    """
    for side in ("", "-wal"):
        file = path.with_name(path.name + side)
        if file.exists():
            _forget_cached(file)
    if not path.exists() or not path.stat().st_size:
        raise chain.ChainError(known.no, "the file is gone")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA synchronous = FULL")
        end = opening.end(db, ledger)
        lost = known.no and opening.hash_at(db, known.no) != known.hash
        if lost or end.head.no < known.no:
            raise chain.ChainError(known.no, "it was on the disk, and is not any more")
        if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise JournalError(f"journal {path}: another process reads it")


def _forget_cached(file: Path) -> None:
    # Only while SQLite has it not open: its locks would go with this descriptor.
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
