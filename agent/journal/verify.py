"""Is a ledger what was written? Chain, tables against a replay, and who signed for it.

Reads a journal, also while its daemon runs, or a copy of one; changes nothing. Never
holds the file for longer than one slice, so that a card need not wait.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from agent.contract.agent_events import AgentKey, Checkpoint, SigningKey
from agent.contract.checkpoints import (
    CheckpointError,
    check_checkpoint,
    genuine,
)
from agent.contract.events import Event
from agent.contract.messages import Ack
from agent.journal import chain, schema
from agent.journal.chain import GENESIS, Head
from agent.journal.opening import read_only_uri
from agent.journal.projections import apply
from agent.lifecycle.states import IllegalStepError

_SLICE_COUNT = 2_000  # events
_BUSY_MS = 5_000

OpenAck = Callable[[bytes], Ack]
"""From the stored message to the ack in it; raises ValueError if it is not signed."""


class Verdict(StrEnum):
    """What a ledger is found to be; the first thing that is wrong decides."""

    GOOD = "good"
    TRUNCATED = "truncated"  # events are missing, at the end or in between
    EDITED = "edited"  # an event is not the one that was written
    REORDERED = "reordered"  # a whole event stands where another one stood
    TABLES = "tables"  # the chain is whole, what the agent goes by says otherwise
    SIGNATURE = "signature"  # whole, but not signed by who should have
    DAMAGED = "damaged"  # not to be read, or no journal


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict, and what it is about."""

    verdict: Verdict
    detail: str = ""  # what is wrong, or what could not be checked
    ledger: str = ""
    head: Head = field(default_factory=Head)
    checkpoint_count: int = 0
    signed_no: int = 0  # the newest event under a checkpoint
    signers: tuple[str, ...] = ()  # key ids, as the ledger announced them
    acked_no: int = 0
    ack_checked: bool = False


class _Wrong(Exception):  # noqa: N818 - a finding, not a fault
    def __init__(self, verdict: Verdict, detail: str) -> None:
        super().__init__(detail)
        self.verdict = verdict


def verify(
    path: Path, signing: SigningKey | None = None, open_ack: OpenAck | None = None
) -> Report:
    """Return what the journal at `path` is.

    `signing` is the agent's key, known from elsewhere than from the ledger itself;
    `open_ack` opens what the centre signed. What is not given is not checked.
    """
    audit = _Audit(signing, open_ack)
    try:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
            audit.run(db, path)
    except _Wrong as wrong:
        return audit.report(wrong.verdict, str(wrong))
    except sqlite3.Error as error:
        return audit.report(Verdict.DAMAGED, str(error))
    return audit.report(Verdict.GOOD, "")


class _Audit:
    def __init__(self, signing: SigningKey | None, open_ack: OpenAck | None) -> None:
        self._signing = signing
        self._open_ack = open_ack
        self._ledger = ""
        self._head = Head()
        self._keys: dict[str, SigningKey] = {}
        self._checkpoint_count = 0
        self._signed_no = 0
        self._acked_no = 0
        self._ack_checked = False

    def report(self, verdict: Verdict, detail: str) -> Report:
        return Report(
            verdict=verdict,
            detail=detail,
            ledger=self._ledger,
            head=self._head,
            checkpoint_count=self._checkpoint_count,
            signed_no=self._signed_no,
            signers=tuple(self._keys),
            acked_no=self._acked_no,
            ack_checked=self._ack_checked,
        )

    def run(self, db: sqlite3.Connection, path: Path) -> None:
        _lay_tables(db)
        db.execute("ATTACH ? AS found", (read_only_uri(path),))
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        self._ledger = _identify(db)
        while rows := _slice(db, self._head.no):
            self._follow(db, rows)
        # The last events and the tables in one read: nothing moves in between.
        db.execute("BEGIN")
        self._follow(db, _slice(db, self._head.no), begun=True)
        self._end(db)
        _compare(db)
        db.execute("COMMIT")
        _require_whole(db)
        if self._signing is not None and self._signing.kid not in self._keys:
            raise _Wrong(
                Verdict.SIGNATURE, f"the key {self._signing.kid} is not named in it"
            )

    def _follow(
        self,
        db: sqlite3.Connection,
        rows: list[tuple[int, str | None, bytes]],
        *,
        begun: bool = False,
    ) -> None:
        if not begun:
            db.execute("BEGIN")
        for no, job, line in rows:
            event = self._next(no, line)
            if event.job != job:
                raise _Wrong(
                    Verdict.TABLES, f"event {no} is listed under job {job}, not its own"
                )
            self._check_signature(event)
            try:
                apply(db, event)
            except (IllegalStepError, sqlite3.Error) as error:
                raise _Wrong(
                    Verdict.EDITED, f"event {no} cannot have happened: {error}"
                ) from error
        if not begun:
            db.execute("COMMIT")

    def _next(self, no: int, line: bytes) -> Event:
        expected = self._head.no + 1
        if no != expected:
            raise _Wrong(Verdict.TRUNCATED, f"event {expected} is missing")
        try:
            digest, event = chain.open_line(line, no)
        except chain.ChainError as error:
            raise _Wrong(Verdict.EDITED, str(error)) from error
        if not chain.canonical(line, event):
            raise _Wrong(Verdict.EDITED, f"event {no}: its JSON is not canonical")
        if event.no != no:
            raise _Wrong(
                Verdict.REORDERED, f"event {event.no} stands in the place of {no}"
            )
        if event.ledger != self._ledger:
            raise _Wrong(Verdict.EDITED, f"event {no} is of ledger {event.ledger}")
        if event.prev != self._head.hash:
            raise _Wrong(
                Verdict.EDITED, f"event {no} follows another event {no - 1} than ours"
            )
        self._head = Head(no, digest)
        return event

    def _check_signature(self, event: Event) -> None:
        match event.data:
            case AgentKey(signing=signing):
                if not genuine(signing):
                    raise _Wrong(
                        Verdict.SIGNATURE,
                        f"event {event.no} names a key that is not what its id says",
                    )
                self._keys[signing.kid] = signing
            case Checkpoint(signature=signature):
                before = (self._ledger, event.no - 1, event.prev)
                try:
                    check_checkpoint(signature, self._keys, before)
                except CheckpointError as error:
                    raise _Wrong(
                        Verdict.SIGNATURE, f"checkpoint {event.no}: {error}"
                    ) from error
                self._checkpoint_count += 1
                self._signed_no = event.no - 1

    def _end(self, db: sqlite3.Connection) -> None:
        """Is what should be the end the end?"""
        last = self._head
        written = db.execute("SELECT no, hash FROM found.head").fetchone()
        acked = db.execute("SELECT no, hash, raw FROM found.ack").fetchone()
        if written is None:
            raise _Wrong(Verdict.EDITED, "it does not say which event is its last")
        if written[0] > last.no:
            missing = f"{written[0]} events were written, {last.no} are here"
            raise _Wrong(Verdict.TRUNCATED, missing)
        if written != (last.no, last.hash):
            raise _Wrong(
                Verdict.EDITED, f"event {written[0]} was written last, with another end"
            )
        if acked is not None:
            self._check_ack(db, *acked)

    def _check_ack(
        self, db: sqlite3.Connection, no: int, digest: str, raw: bytes
    ) -> None:
        if no > self._head.no:
            raise _Wrong(
                Verdict.TRUNCATED,
                f"the centre has signed for event {no}, {self._head.no} are here",
            )
        line = db.execute("SELECT line FROM found.events WHERE no = ?", (no,))
        held = line.fetchone()[0][:64].decode() if no else GENESIS
        if held != digest:
            raise _Wrong(Verdict.EDITED, f"the centre signed for another event {no}")
        self._acked_no = no
        if self._open_ack is None:
            return
        try:
            ack = self._open_ack(raw)
        except ValueError as error:
            raise _Wrong(Verdict.SIGNATURE, f"the centre's ack: {error}") from error
        if (ack.ledger, ack.no, ack.hash) != (self._ledger, no, digest):
            raise _Wrong(Verdict.SIGNATURE, "the centre's ack is of another event")
        self._ack_checked = True


def _lay_tables(db: sqlite3.Connection) -> None:
    """Make the tables, as lightly as a replay needs them: no index, no way back."""
    db.execute("PRAGMA journal_mode = OFF")
    db.executescript(schema.TABLES)
    query = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    for (name,) in db.execute(query).fetchall():
        db.execute(f"DROP INDEX {name}")


def _identify(db: sqlite3.Connection) -> str:
    (application,) = db.execute("PRAGMA found.application_id").fetchone()
    (version,) = db.execute("PRAGMA found.user_version").fetchone()
    if application != schema.APPLICATION_ID:
        raise _Wrong(Verdict.DAMAGED, "an SQLite file, but not a journal")
    if version != schema.VERSION:
        raise _Wrong(
            Verdict.DAMAGED,
            f"schema version {version}, this program knows {schema.VERSION}",
        )
    row = db.execute("SELECT value FROM found.meta WHERE name = 'ledger'").fetchone()
    if row is None:
        raise _Wrong(Verdict.EDITED, "it has lost its ledger id")
    return str(row[0])


def _slice(db: sqlite3.Connection, after: int) -> list[tuple[int, str | None, bytes]]:
    query = "SELECT no, job, line FROM found.events WHERE no > ? ORDER BY no LIMIT ?"
    return db.execute(query, (after, _SLICE_COUNT)).fetchall()


def projected(db: sqlite3.Connection) -> list[str]:
    """Return the names of the tables that a replay makes anew."""
    rows = db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")
    return sorted(row[0] for row in rows if row[0] not in schema.BESIDE)


def _compare(db: sqlite3.Connection) -> None:
    """Compare each table with the one that the events have made."""
    for table in projected(db):
        for one, other in (("main", "found"), ("found", "main")):
            row = db.execute(
                f"SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table}"  # noqa: S608 - names of our own schema
            ).fetchone()
            if row is not None:
                what = "lacks" if one == "main" else "has"
                raise _Wrong(
                    Verdict.TABLES, f"table {table} {what} {_short(row)} wrongly"
                )
    kept = "SELECT job_id FROM found.spool"
    wanted = "SELECT job_id FROM main.jobs WHERE ended = 0"
    for query, what in (
        (f"{kept} EXCEPT {wanted}", "still holds"),
        (f"{wanted} EXCEPT {kept}", "has lost"),
    ):
        row = db.execute(query).fetchone()
        if row is not None:
            raise _Wrong(Verdict.TABLES, f"the spool {what} job {row[0]}")


def _short(row: Mapping[str, object] | tuple[object, ...]) -> str:
    return msgspec.json.encode(row).decode()[:120]


def _require_whole(db: sqlite3.Connection) -> None:
    (word,) = db.execute("PRAGMA found.integrity_check(1)").fetchone()
    if word != "ok":
        raise _Wrong(Verdict.DAMAGED, str(word))
