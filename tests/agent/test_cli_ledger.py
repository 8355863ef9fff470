"""`blanko ledger verify`: what it says of a ledger, whatever was done to it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.cli.ledger import EXIT_CODES
from agent.contract.keys import public_of
from agent.journal import schema
from agent.journal.verify import Verdict, projected, verify
from tests.agent.envelope_by_hand import World, public_jwk
from tests.agent.ledgers import (
    TAMPERINGS,
    Ledger,
    made,
    script_of_the_page,
    tampered,
)

CODES = {"good": 0, "truncated": 10, "edited": 11, "reordered": 12}
SCRIPT_LINES_MAX = 60


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return made(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def ledger(pristine: Ledger, tmp_path: Path) -> Ledger:
    return pristine.copied_to(tmp_path / "journal.db")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["ledger", "verify", *map(str, arguments)])
    return result.exit_code, result.output


def found(ledger: Ledger, *statements: str) -> tuple[Verdict, str]:
    tampered(ledger.file, *statements)
    report = verify(ledger.file)
    return report.verdict, report.detail


def rewritten(file: Path, first: int, old: str, new: str) -> None:
    """Change one event and hash everything after it anew, as a clever hand would."""
    db = sqlite3.connect(file)
    rows = db.execute("SELECT no, line FROM events ORDER BY no").fetchall()
    lines, before = [], "0" * 64
    for no, line in rows:
        event = json.loads(line[65:])
        if no == first:
            event = json.loads(line[65:].decode().replace(old, new))
        event["prev"] = before
        body = json.dumps(event, sort_keys=True, separators=(",", ":")).encode()
        before = sha256(body).hexdigest()
        lines.append((before.encode() + b" " + body + b"\n", no))
    db.execute("DROP TRIGGER IF EXISTS events_stand")
    db.executemany("UPDATE events SET line = ? WHERE no = ?", lines)
    db.execute("UPDATE head SET hash = ?", (before,))
    db.execute("DELETE FROM ack")
    db.commit()
    db.close()


def test_a_good_ledger_is_called_good_in_one_line(ledger: Ledger) -> None:
    code, said = run(ledger.file, "--key", ledger.public_key, "--trust", ledger.trust)
    assert code == 0
    assert said.count("\n") == 1
    assert said.startswith("good: ")
    assert "by the given key" in said
    assert ", checked" in said


def test_what_was_not_checked_is_said(ledger: Ledger) -> None:
    _, said = run(ledger.file)
    assert "by the key that it names itself" in said
    assert "its signature not checked" in said


def test_every_verdict_has_an_exit_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(Verdict)
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_the_command_tells_the_four_kinds_of_ledger_apart(
    ledger: Ledger, kind: str
) -> None:
    TAMPERINGS[kind](ledger.file)
    code, said = run(ledger.file)
    assert (code, said.partition(":")[0]) == (CODES[kind], kind)


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_so_does_the_script_of_the_page_with_the_standard_library_alone(
    ledger: Ledger, kind: str, tmp_path: Path
) -> None:
    script = tmp_path / "check.py"
    script.write_text(script_of_the_page())
    assert len(script.read_text().splitlines()) <= SCRIPT_LINES_MAX
    TAMPERINGS[kind](ledger.file)
    command = [sys.executable, "-I", "-S", str(script), str(ledger.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.partition(":")[0] == kind
    assert done.returncode == CODES[kind]


def test_nothing_is_written_by_verifying(ledger: Ledger) -> None:
    before = ledger.file.read_bytes()
    ledger.file.parent.chmod(0o500)
    try:
        assert verify(ledger.file).verdict is Verdict.GOOD
    finally:
        ledger.file.parent.chmod(0o700)
    assert ledger.file.read_bytes() == before
    assert [file.name for file in ledger.file.parent.iterdir()] == ["journal.db"]


def test_events_missing_in_between_are_missed(ledger: Ledger) -> None:
    verdict, detail = found(ledger, "DELETE FROM events WHERE no IN (30, 31)")
    assert (verdict, detail) == (Verdict.TRUNCATED, "event 30 is missing")


def test_a_cut_that_hides_its_own_trace_is_betrayed_by_the_centres_ack(
    ledger: Ledger,
) -> None:
    verdict, detail = found(
        ledger,
        "DELETE FROM events WHERE no > 50",
        "UPDATE head SET no = 50, hash ="
        " (SELECT CAST(substr(line, 1, 64) AS TEXT) FROM events WHERE no = 50)",
    )
    assert verdict is Verdict.TRUNCATED
    assert "the centre has signed for event" in detail


def test_an_event_rewritten_with_its_hash_breaks_the_next_one(ledger: Ledger) -> None:
    db = sqlite3.connect(ledger.file)
    (line,) = db.execute("SELECT line FROM events WHERE no = 40").fetchone()
    db.close()
    body = line[65:-1].replace(b'"mono":', b'"mono":1')
    forged = sha256(body).hexdigest().encode() + b" " + body + b"\n"
    verdict, detail = found(
        ledger, f"UPDATE events SET line = x'{forged.hex()}' WHERE no = 40"
    )
    assert verdict is Verdict.EDITED
    assert detail.startswith("event 41")


def test_a_history_written_anew_lacks_the_agents_signature(ledger: Ledger) -> None:
    rewritten(ledger.file, 3, '"who"', '"who"')
    assert verify(ledger.file).verdict is Verdict.GOOD
    rewritten(ledger.file, 3, '"count":50', '"count":60')
    report = verify(ledger.file)
    assert report.verdict is Verdict.SIGNATURE
    assert "over another event" in report.detail


def test_json_that_is_not_canonical_is_seen_even_with_the_right_hash(
    ledger: Ledger,
) -> None:
    db = sqlite3.connect(ledger.file)
    (line,) = db.execute("SELECT line FROM events ORDER BY no DESC").fetchone()
    (no,) = db.execute("SELECT max(no) FROM events").fetchone()
    db.close()
    body = line[65:-1].replace(b'"boot":', b'"boot": ')
    digest = sha256(body).hexdigest()
    forged = digest.encode() + b" " + body + b"\n"
    verdict, detail = found(
        ledger,
        f"UPDATE events SET line = x'{forged.hex()}' WHERE no = {no}",
        f"UPDATE head SET hash = '{digest}'",
    )
    assert (verdict, detail) == (
        Verdict.EDITED,
        f"event {no}: its JSON is not canonical",
    )


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("UPDATE stock SET count = count + 1 WHERE place = 'output'", "stock"),
        ("UPDATE jobs SET state = 'pending', ended = 0 WHERE job_id = 'J3'", "jobs"),
        ("DELETE FROM attempts WHERE job_id = 'J3'", "attempts"),
        ("INSERT INTO faults VALUES ('media-jam-error')", "faults"),
        ("INSERT INTO latest VALUES ('forked', '7')", "latest"),
        ("DELETE FROM spool", "spool"),
        ("UPDATE events SET job = 'J9' WHERE no = 20", "event 20"),
    ],
)
def test_a_table_that_says_what_no_event_says_is_named(
    ledger: Ledger, statement: str, table: str
) -> None:
    verdict, detail = found(ledger, statement)
    assert verdict is Verdict.TABLES
    assert table in detail


def test_every_table_but_the_five_that_stand_beside_is_replayed() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(schema.TABLES)
    rows = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    assert {row[0] for row in rows} == set(projected(db)) | schema.BESIDE
    db.close()


def test_the_agents_own_key_must_be_the_one_that_signed(
    ledger: Ledger, tmp_path: Path
) -> None:
    other = tmp_path / "other.pub"
    other.write_text(json.dumps(public_of(World().keyring().agent)))
    code, said = run(ledger.file, "--key", other)
    assert code == EXIT_CODES["signature"]
    assert "is not named in it" in said


def test_an_ack_that_no_key_of_the_centre_signed_is_seen(
    ledger: Ledger, tmp_path: Path
) -> None:
    world, other = World(), tmp_path / "other.jwks"
    key = {**public_jwk(world.centre), "kid": world.centre_kid, "alg": world.alg}
    other.write_text(json.dumps({"keys": [key]}))
    code, said = run(ledger.file, "--trust", other)
    assert code == EXIT_CODES["signature"]
    assert said.startswith("signature: the centre's ack")


@pytest.mark.parametrize("where", [0, 10 * 4096, 20 * 4096])
def test_a_torn_file_is_damaged_and_not_edited(ledger: Ledger, where: int) -> None:
    raw = bytearray(ledger.file.read_bytes())
    raw[where : where + 3_000] = b"\x00\xff" * 1_500
    ledger.file.write_bytes(raw)
    code, said = run(ledger.file)
    assert said.startswith("damaged: ")
    assert code == EXIT_CODES["damaged"]


def test_to_look_for_a_file_does_not_make_it(tmp_path: Path) -> None:
    report = verify(tmp_path / "none.db")
    assert report.verdict is Verdict.DAMAGED
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    code, said = run(tmp_path / "nothing.db")
    assert code == 1
    assert "there is no such file" in said
    assert list(tmp_path.iterdir()) == []
