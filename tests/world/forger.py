"""Somebody who has a ledger's file and SQLite: each way to make it tell another story.

A forgery is told by what finds it: the verdict of `verify`, whether the agent refuses
to open such a file, and whether the lines no longer are those that the centre holds.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.journal.errors import JournalError
from agent.journal.store import Store
from agent.journal.verify import Report, Verdict, verify
from simulators.centre.book import BookError, Ledger
from tests.world.files import NAME
from tests.world.story import Story
from tests.world.trust import SIGNER, open_ack

FREE_COUNT_AT = 36  # in the header of an SQLite file: how many pages are free

Forging = Callable[[sqlite3.Connection], None]


@dataclass(frozen=True)
class Forgery:
    """One deed, and who must find it out."""

    name: str
    forge: Forging
    verdict: Verdict
    opens: bool = False  # the agent does not see it when it starts
    lines: bool = True  # the event lines are others, or fewer, than the centre's
    patch: tuple[int, bytes] | None = None  # and these bytes in the file


def statements(*sql: str) -> Forging:
    def forge(db: sqlite3.Connection) -> None:
        for one in sql:
            db.execute(one)

    return forge


def _last_no(db: sqlite3.Connection) -> int:
    (no,) = db.execute("SELECT max(no) FROM events").fetchone()
    return int(no)


def _line(db: sqlite3.Connection, no: int) -> bytes:
    return bytes(
        db.execute("SELECT line FROM events WHERE no = ?", (no,)).fetchone()[0]
    )


def _put(db: sqlite3.Connection, no: int, line: bytes | str) -> None:
    db.execute("UPDATE events SET line = ? WHERE no = ?", (line, no))


def _sealed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n"


def _encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(
        event, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def last_line(change: Callable[[bytes], bytes | str]) -> Forging:
    """Another line at the end, with whatever hash `change` gives it."""

    def forge(db: sqlite3.Connection) -> None:
        no = _last_no(db)
        _put(db, no, change(_line(db, no)))

    return forge


def last_event(**fields: object) -> Forging:
    """Another event at the end, whose hash is right."""
    return last_line(
        lambda line: _sealed(_encoded(json.loads(line[65:]) | fields)),
    )


def told_anew(kind: str, **data: object) -> Forging:
    """One event is another, and every later one follows it as if it always had."""

    def forge(db: sqlite3.Connection) -> None:
        prev, digest = "", ""
        for no in range(1, _last_no(db) + 1):
            event = json.loads(_line(db, no)[65:])
            if event["data"]["kind"] == kind:
                event["data"] |= data
            event["prev"] = prev or event["prev"]
            line = _sealed(_encoded(event))
            prev = digest = line[:64].decode()
            _put(db, no, line)
            db.execute("UPDATE ack SET hash = ? WHERE no = ?", (digest, no))
        db.execute("UPDATE head SET hash = ?", (digest,))

    return forge


def swapped(db: sqlite3.Connection) -> None:
    one, other = _last_no(db) - 1, _last_no(db)
    lines = _line(db, one), _line(db, other)
    _put(db, one, lines[1])
    _put(db, other, lines[0])


def _loose(line: bytes) -> bytes:
    return _sealed(line[65:-1].replace(b'":', b'": ', 1))


END = "(SELECT max(no) FROM events)"
NO_HASH = "'" + "f" * 64 + "'"

FORGERIES = (
    Forgery(
        "a bit of the last line",
        last_line(lambda line: b"0" * 64 + line[64:]),
        Verdict.EDITED,
    ),
    Forgery(
        "the last line is no line", last_line(lambda line: line[:-1]), Verdict.EDITED
    ),
    Forgery(
        "the last line is text", last_line(lambda line: line.decode()), Verdict.EDITED
    ),
    Forgery(
        "the last line is no event", last_line(lambda _: _sealed(b"{}")), Verdict.EDITED
    ),
    Forgery("another spelling of the last line", last_line(_loose), Verdict.EDITED),
    Forgery(
        "another time of the last event", last_event(mono=987_654_321), Verdict.EDITED
    ),
    Forgery("an event of another ledger", last_event(ledger="other"), Verdict.EDITED),
    Forgery("another event before the last", last_event(prev="e" * 64), Verdict.EDITED),
    Forgery("two events swapped", swapped, Verdict.REORDERED),
    Forgery(
        "the last event gone",
        statements(f"DELETE FROM events WHERE no = {END}"),
        Verdict.TRUNCATED,
    ),
    Forgery(
        "the last event gone, and its mark",
        statements(f"DELETE FROM events WHERE no = {END}", "DELETE FROM head"),
        Verdict.EDITED,
    ),
    Forgery(
        "an event gone",
        statements(f"DELETE FROM events WHERE no = {END} - 1"),
        Verdict.TRUNCATED,
    ),
    Forgery(
        "the end moved back",
        statements(f"UPDATE head SET no = {END} - 1"),
        Verdict.EDITED,
        lines=False,
    ),
    Forgery(
        "the mark of the end gone",
        statements("DELETE FROM head"),
        Verdict.EDITED,
        lines=False,
    ),
    Forgery(
        "an event under another job",
        statements("UPDATE events SET job = 'J99' WHERE no = 1"),
        Verdict.TABLES,
        opens=True,
        lines=False,
    ),
    Forgery(
        "a blank more in the hopper",
        statements("UPDATE stock SET count = count + 1 WHERE place = 'hopper'"),
        Verdict.TABLES,
        opens=True,
        lines=False,
    ),
    Forgery(
        "a pause that nobody asked for",
        statements("INSERT INTO pauses VALUES ('system')"),
        Verdict.TABLES,
        opens=True,
        lines=False,
    ),
    Forgery(
        "a citizen's data kept",
        statements("INSERT INTO spool VALUES ('J98', x'00')"),
        Verdict.TABLES,
        opens=True,
        lines=False,
    ),
    Forgery(
        "an ack of the future",
        statements(f"UPDATE ack SET no = {END} + 1"),
        Verdict.TRUNCATED,
        opens=True,
        lines=False,
    ),
    Forgery(
        "an ack of another event",
        statements(f"UPDATE ack SET hash = {NO_HASH}"),
        Verdict.EDITED,
        opens=True,
        lines=False,
    ),
    Forgery(
        "an ack that nobody signed",
        statements("UPDATE ack SET raw = x'7b7d'"),
        Verdict.SIGNATURE,
        opens=True,
        lines=False,
    ),
    Forgery(
        "an ack that was signed for another",
        statements(
            "UPDATE ack SET raw = CAST(replace(CAST(raw AS TEXT), "
            "'\"no\":', '\"no\":1') AS BLOB)"
        ),
        Verdict.SIGNATURE,
        opens=True,
        lines=False,
    ),
    Forgery(
        "no ledger id",
        statements("DELETE FROM meta WHERE name = 'ledger'"),
        Verdict.EDITED,
        lines=False,
    ),
    Forgery(
        "a file of another program",
        statements("PRAGMA application_id = 7"),
        Verdict.DAMAGED,
        lines=False,
    ),
    Forgery(
        "a file of a newer agent",
        statements("PRAGMA user_version = 99"),
        Verdict.DAMAGED,
        lines=False,
    ),
    Forgery(
        "all told anew, another version",
        told_anew("agent-started", version="forged"),
        Verdict.SIGNATURE,
    ),
    Forgery(
        "all told anew, another key",
        told_anew("agent-key", signing={"x": "x" * 43, "kid": "k" * 43}),
        Verdict.SIGNATURE,
    ),
    Forgery(
        "the list of free pages",
        statements(),
        Verdict.DAMAGED,
        lines=False,
        patch=(FREE_COUNT_AT, b"\0\0\0\x63"),
    ),
)


def forged(folder: Path, forgery: Forgery, to: Path) -> Path:
    """Return a copy of the journal in `folder` with this done to it."""
    to.mkdir()
    copy = to / NAME
    with (
        closing(sqlite3.connect(folder / NAME)) as db,
        closing(sqlite3.connect(copy)) as other,
    ):
        db.backup(other)
    shutil.copy(folder / f"{NAME}-lock", to / f"{NAME}-lock")
    forge_in_place(copy, forgery)
    return copy


def forge_in_place(path: Path, forgery: Forgery) -> None:
    """Do it to this very file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        guards = db.execute(query).fetchall()
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        forgery.forge(db)
        for _, guard in guards:  # it must look untouched
            db.execute(guard)
    if forgery.patch is not None:
        at, data = forgery.patch
        with path.open("r+b") as file:
            file.seek(at)
            file.write(data)


def audited(path: Path) -> Report:
    """What `blanko ledger verify` says of a ledger to whom has every key."""
    return verify(path, SIGNER.public, open_ack)


def unseen(folder: Path, forgery: Forgery, held: list[bytes], story: Story) -> None:
    """Complain if this forgery is not found by whoever must find it."""
    copy = forged(folder, forgery, folder.with_name("forged"))
    found = audited(copy)
    if found.verdict is not forgery.verdict:
        story.complain(
            f"{forgery.name}: verify says {found.verdict} {found.detail},"
            f" it is {forgery.verdict}"
        )
    with closing(sqlite3.connect(copy)) as db:
        lines = [row[0] for row in db.execute("SELECT line FROM events ORDER BY no")]
    if same_lines(lines, held) is forgery.lines:
        story.complain(f"{forgery.name}: the centre's lines say otherwise")
    if opens(copy) is not forgery.opens:
        story.complain(f"{forgery.name}: the agent's start says otherwise")


def same_lines(lines: list[bytes | str], held: list[bytes]) -> bool:
    """Whether these lines are a whole chain, and the one that the centre holds."""
    ledger = Ledger()
    try:
        for line in lines:
            if isinstance(line, str) or not ledger.add(ledger.read(line)):
                return False
    except BookError:
        return False
    return [line.raw for line in ledger.lines] == held


def opens(path: Path) -> bool:
    """Whether the agent takes this file for its own."""
    try:
        Store(path, "new").close()
    except JournalError:
        return False
    return True
