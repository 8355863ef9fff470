"""Keep every daemon off a printer for a while, without a byte written to its ledger."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent.journal.errors import JournalError
from agent.journal.lost import is_bare
from agent.journal.opening import named, read_only_uri

_OPEN = "SELECT DISTINCT job_id FROM attempts WHERE outcome IS NULL ORDER BY job_id"


@contextmanager
def kept_off(path: Path) -> Iterator[list[str]]:
    """Hold the journal as its daemon would; give the jobs with a card still open.

    Nothing is made or changed. Where there is no ledger yet there is none to hold.

    Raises:
        JournalError: a daemon holds it, or it cannot be read.
    """
    with named(path):
        held = _held(path.with_name(path.name + "-lock"))
    try:
        if held is not None:
            _take(held, path)
        with named(path):
            jobs = [] if is_bare(path) else _jobs_open(path)
        yield jobs
    finally:
        if held is not None:
            os.close(held)


def _held(lock: Path) -> int | None:
    try:
        return os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _take(held: int, path: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JournalError(f"journal {path}: its daemon runs") from error


def _jobs_open(path: Path) -> list[str]:
    with closing(sqlite3.connect(read_only_uri(path), uri=True)) as db:
        return [str(job) for (job,) in db.execute(_OPEN)]
