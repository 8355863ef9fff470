"""One bit of a journal turned over, anywhere, and what else befalls files.

At the start SQLite looks at every page, and the chain's last links are followed; the
rest is found by `blanko ledger verify`. What neither finds must change nothing.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from agent.clock import InlineExecutor
from agent.contract.envelope import EnvelopeRefused, read_ack
from agent.contract.keyring import CentreKey, trust_of
from agent.contract.messages import Ack, LedgerHead
from agent.journal import schema
from agent.journal.anew import Beginning, begin
from agent.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalForeignError,
    StorageError,
)
from agent.journal.journal import AckVerdict, Journal
from agent.journal.verify import Verdict, verify
from agent.lifecycle.ledger import Signers
from tests.agent.ledgers import Ledger, made
from tests.agent.paper_printer import START, VirtualClock

FLIPS_A_PAGE = 6


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return made(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def journal_db(pristine: Ledger, tmp_path: Path) -> Path:
    lock = pristine.file.with_name("journal.db-lock")
    (tmp_path / "journal.db-lock").write_bytes(lock.read_bytes())
    return pristine.copied_to(tmp_path / "journal.db").file


def start_error(file: Path) -> JournalError | None:
    async def test() -> JournalError | None:
        try:
            journal = await Journal.open(file, VirtualClock(), InlineExecutor())
        except JournalError as error:
            return error
        await journal.close()
        return None

    return asyncio.run(test())


def judged(file: Path, trust: dict[str, CentreKey]) -> Verdict:
    """What an auditor says who has the centre's keys, too."""

    def open_ack(message: bytes) -> Ack:
        try:
            return read_ack(message, trust)
        except EnvelopeRefused as refused:
            raise ValueError(refused.detail) from refused

    return verify(file, open_ack=open_ack).verdict


def signed_for(head: LedgerHead) -> Ack:
    return Ack(
        station="s",
        printer="p",
        ledger=head.ledger,
        no=head.no,
        hash=head.hash,
        at=START,
    )


def content(file: Path) -> list[str]:
    db = sqlite3.connect(file)
    try:
        return list(db.iterdump())
    finally:
        db.close()


def test_a_bit_turned_over_anywhere_is_found_or_changes_nothing(
    pristine: Ledger, journal_db: Path, record_property
) -> None:
    trust = trust_of(pristine.trust)
    whole = journal_db.read_bytes()
    lock = journal_db.with_name("journal.db-lock").read_bytes()
    meant, dice = content(journal_db), random.Random(7)
    found: Counter[str] = Counter()
    for page in range(0, len(whole), 4096):
        places = [page + dice.randrange(4096) for _ in range(FLIPS_A_PAGE)]
        for at in [page, *places]:
            flipped = bytearray(whole)
            flipped[at] ^= 1 << dice.randrange(8)
            for side in ("-wal", "-shm"):
                journal_db.with_name(f"journal.db{side}").unlink(missing_ok=True)
            journal_db.write_bytes(flipped)
            journal_db.with_name("journal.db-lock").write_bytes(lock)
            error = start_error(journal_db)
            if error is not None:
                assert isinstance(error, JournalDamagedError | JournalForeignError), at
                found["refused at the start"] += 1
            elif judged(journal_db, trust) is not Verdict.GOOD:
                found["found by verify"] += 1
            else:
                assert content(journal_db) == meant, f"byte {at} of page {at // 4096}"
                found["of no meaning"] += 1
    told = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
    record_property("figure", f"bits turned over in a journal: {told}")
    assert found["refused at the start"] > len(whole) // 4096
    assert found["found by verify"]


def test_a_newer_schema_is_left_where_it_is(journal_db: Path) -> None:
    db = sqlite3.connect(journal_db)
    db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    before = journal_db.read_bytes()
    assert isinstance(start_error(journal_db), JournalForeignError)
    assert journal_db.read_bytes() == before


def restored(folder: Path, to: Path, *, whole: bool) -> Path:
    """Put back an older copy of the journal: the whole folder, or the file alone."""
    for file in folder.iterdir() if whole else [folder / "journal.db"]:
        shutil.copy(file, to)
    return to / "journal.db"


def backup_and_life_after(journal_db: Path, backup: Path) -> LedgerHead:
    """Copy the folder, then write more; return where the ledger ends."""
    backup.mkdir()
    for name in ("journal.db", "journal.db-lock"):
        shutil.copy(journal_db.with_name(name), backup)

    async def test() -> LedgerHead:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        await journal.load_stock(5)
        head = journal.head()
        await journal.close()
        return head

    return asyncio.run(test())


def test_an_old_backup_of_the_file_is_known_at_the_start(
    journal_db: Path, tmp_path: Path
) -> None:
    """Before a card that was printed since could be printed again, broker or not."""
    backup_and_life_after(journal_db, tmp_path / "backup")
    restored(tmp_path / "backup", tmp_path, whole=False)
    error = start_error(journal_db)
    assert isinstance(error, JournalDamagedError)
    assert "an old copy" in str(error)


def test_an_old_backup_of_the_folder_is_known_by_what_the_centre_has_signed_for(
    journal_db: Path, tmp_path: Path
) -> None:
    head = backup_and_life_after(journal_db, tmp_path / "backup")
    restored(tmp_path / "backup", tmp_path, whole=True)

    async def test() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        ack = signed_for(head)
        assert await journal.store_ack(ack, b"raw") is AckVerdict.FORK
        assert journal.forked  # no new card, and an incident
        await journal.close()

    asyncio.run(test())


def test_a_lost_wal_is_missed(journal_db: Path) -> None:
    async def test() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        await journal.load_stock(5)
        kept = journal_db.with_name("kept")
        shutil.copy(journal_db, kept)  # without its -wal, as it lies there now
        await journal.close()
        shutil.copy(kept, journal_db)

    asyncio.run(test())
    error = start_error(journal_db)
    assert isinstance(error, JournalDamagedError)
    assert "its -wal lost" in str(error)


def test_a_power_cut_that_took_the_last_word_of_the_lock_stops_nobody(
    journal_db: Path,
) -> None:
    lock = journal_db.with_name("journal.db-lock")
    before = lock.read_bytes()
    backup_and_life_after(journal_db, journal_db.with_name("backup"))
    assert lock.read_bytes() != before
    lock.write_bytes(before)
    assert start_error(journal_db) is None
    lock.write_bytes(before.split()[0])  # as of an agent that wrote no more
    assert start_error(journal_db) is None


def test_a_file_that_cannot_be_made_is_a_disk_that_fails_and_no_damage(
    tmp_path: Path,
) -> None:
    (tmp_path / "journal.db-lock").mkdir()
    assert isinstance(start_error(tmp_path / "journal.db"), StorageError)


def test_another_printers_ledger_is_not_ours_though_people_opened_it(
    journal_db: Path, tmp_path: Path
) -> None:
    ours = journal_db.with_name("journal.db-lock").read_bytes()
    (tmp_path / "other").mkdir()
    begin(tmp_path / "other", Beginning("lost", {"hopper": 1}, Signers("siti")))
    shutil.copy(tmp_path / "other/journal.db", journal_db)
    error = start_error(journal_db)
    assert isinstance(error, JournalDamagedError)
    assert f"ledger {ours.split()[0].decode()} was here" in str(error)
