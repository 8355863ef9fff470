"""Disks that fill up or fail: nothing is half written, no card begins, all comes back.

On a disk of a few MB, with a daemon, `test_full_disk.py` tries the same.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.clock import InlineExecutor
from agent.contract.events import Place, Stage
from agent.contract.messages import Outcome, RejectReason
from agent.journal import disk
from agent.journal.errors import JournalDamagedError, StorageError, StorageFullError
from agent.journal.journal import Accepted, Closing, Journal, Refused, Rejection
from agent.journal.mending import RETRY_MAX_S, mend
from agent.journal.verify import Verdict, verify
from agent.lifecycle.states import JobState
from protocols.vocabulary import PrinterState, StateReason
from tests.agent.paper_printer import FEEDING, Station, VirtualClock, make_job, opened

NOTHING = FEEDING.before
Step = Callable[[Journal], Awaitable[object]]

STEPS: dict[str, Step] = {
    "begin": lambda journal: journal.begin("J1", (), FEEDING),
    "sending": lambda journal: journal.advance("J1", 1, Stage.SENDING),
    "sent": lambda journal: journal.advance("J1", 1, Stage.SENT),
    "delivering": lambda journal: journal.advance(
        "J1", 1, Stage.DELIVERING, destination=Place.OUTPUT, evidence=NOTHING
    ),
    "close": lambda journal: journal.close_attempt("J1", 1, Closing(Outcome.GOOD)),
}


@contextmanager
def failing() -> Iterator[None]:
    """Let every write end in an I/O error, as a disk that is going does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs():  # which may go to a file
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def full(journal: Journal, spare_count: int = 0) -> Iterator[None]:
    """Let the file not grow any more, but for so many pages."""
    db = journal._store._db
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + spare_count}")
    yield
    db.execute("PRAGMA max_page_count = 1000000")


async def ready(folder: Path) -> Journal:
    path = folder / "journal.db"
    journal = await Journal.open(path, VirtualClock(), InlineExecutor())
    await journal.load_stock(5)
    await journal.accept(opened(make_job()), b"x" * 50_000)
    return journal


@pytest.mark.parametrize("at", STEPS)
def test_a_write_that_fails_at_any_stage_leaves_the_stage_before_it(
    tmp_path: Path, at: str
) -> None:
    async def test() -> None:
        journal = await ready(tmp_path)
        for name, step in STEPS.items():
            if name == at:
                before, stock = journal.head(), journal.stock()
                with failing():
                    with pytest.raises(StorageError, match="journal"):
                        await step(journal)
                    assert journal.trouble is StateReason.STORAGE_FAILED
                    assert not await journal.mend()
                with pytest.raises(StorageError, match="nothing was written since"):
                    await step(journal)  # the file that failed is not believed
                assert (journal.head(), journal.stock()) == (before, stock)
                assert await journal.mend()
                assert journal.head().no == before.no + 1  # which says so
            await step(journal)
        view = journal.job("J1")
        assert view is not None
        assert view.ended
        await journal.close()

    asyncio.run(test())
    assert verify(tmp_path / "journal.db").verdict is Verdict.GOOD


def test_a_card_begins_only_where_all_of_it_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        journal = await ready(tmp_path)
        before = journal.head()
        disk = os.statvfs(tmp_path)
        little = os.statvfs_result((*disk[:4], 3, *disk[5:]))
        with monkeypatch.context() as patch:
            patch.setattr(os, "statvfs", lambda _: little)
            with pytest.raises(StorageFullError, match="bytes left"):
                await STEPS["begin"](journal)
            assert journal.head() == before
        await STEPS["begin"](journal)
        with monkeypatch.context() as patch:
            patch.setattr(os, "statvfs", lambda _: little)
            for name in ("sending", "sent", "delivering", "close"):  # it is finished
                await STEPS[name](journal)
        await journal.close()

    asyncio.run(test())


def played(folder: Path, scene: Callable[[Journal], Awaitable[None]]) -> None:
    async def test() -> None:
        journal = await ready(folder)
        await scene(journal)
        await journal.close()

    asyncio.run(test())
    assert verify(folder / "journal.db").verdict is Verdict.GOOD


def test_what_must_be_written_still_is_when_the_disk_is_full(tmp_path: Path) -> None:
    """A job is refused for good, and the card in the path is finished."""

    async def scene(journal: Journal) -> None:
        reserve = disk.reserve_of(tmp_path / "journal.db")
        assert reserve.stat().st_size == disk.RESERVE_SIZE
        await STEPS["begin"](journal)
        spent: list[int] = []
        with full(journal, 40):
            job = opened(make_job("J2"))
            verdict = await journal.accept(job, b"y" * 500_000)
            assert isinstance(verdict, Refused)
            assert verdict.reason is RejectReason.STORAGE_FULL
            assert journal.trouble is StateReason.SPOOL_AREA_FULL
            for name in ("sending", "sent", "delivering", "close"):
                await STEPS[name](journal)
                spent.append(journal.head().no)
        assert spent == sorted(set(spent))
        assert journal.stopped
        assert await journal.mend()
        assert journal.trouble is None
        assert await journal.accept(job, b"y" * 500_000) == Accepted("J2")

    played(tmp_path, scene)


def test_the_reserve_is_spent_where_nothing_else_is_left(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        reserve = disk.reserve_of(tmp_path / "journal.db")
        refusal = Rejection(RejectReason.MALFORMED, "no" * 90, "ab" * 32)
        with full(journal), pytest.raises(StorageFullError):
            while True:
                await journal.reject(refusal)
        assert not reserve.exists()
        assert await journal.mend()
        assert reserve.exists()

    played(tmp_path, scene)


def test_a_commit_that_failed_and_is_there_is_taken_for_what_it_is(
    tmp_path: Path,
) -> None:
    """As after an fsync that failed with all bytes in the file."""

    async def scene(journal: Journal) -> None:
        store = journal._store
        before = store._end
        await STEPS["begin"](journal)
        after = journal.head().no
        store._end = before  # the caller was told that it failed
        error = StorageError("the sync has failed")
        store.doubt(error)
        journal._fail(error)
        assert journal.head().no == before.head.no
        assert await journal.lines_after(before.head.no, 9, 9_999) == []
        assert await journal.mend()
        assert journal.head().no == after + 1
        assert journal.open_attempt() is not None  # nothing moved: the table decides
        for name in ("sending", "sent", "delivering", "close"):
            await STEPS[name](journal)

    played(tmp_path, scene)


def test_a_commit_that_returned_and_is_gone_is_damage(tmp_path: Path) -> None:
    """As after writes that were synced into a cache and never reached the disk."""

    async def test() -> None:
        journal = await ready(tmp_path)
        files = [tmp_path / f"journal.db{side}" for side in ("", "-wal")]
        old = [file.read_bytes() for file in files]
        await STEPS["begin"](journal)
        error = StorageError("the sync has failed")
        journal._store.doubt(error)
        journal._fail(error)
        journal._reader.close()
        journal._store._db.close()
        for file, content in zip(files, old, strict=True):
            file.write_bytes(content)
        with pytest.raises(JournalDamagedError, match="is not any more"):
            await journal.mend()

    asyncio.run(test())


def test_it_is_not_mended_while_another_process_reads_the_file(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        other = sqlite3.connect(f"file:{tmp_path}/journal.db?mode=ro", uri=True)
        other.execute("SELECT count(*) FROM events").fetchone()
        error = StorageError("the sync has failed")
        journal._store.doubt(error)
        journal._fail(error)
        assert not await journal.mend()
        assert journal.open_job_ids() == ["J1"]  # it is still read
        other.close()
        assert await journal.mend()

    played(tmp_path, scene)


def test_the_agent_stops_before_the_next_card_and_goes_on_by_itself(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        station = await Station.make(tmp_path)
        journal = station.journal
        await station.stock(5)
        for number in (1, 2):
            await station.send(make_job(f"J{number}", queue_no=number))
        await station.work_until(lambda: station.state() is JobState.COMPLETED)
        station.again()
        worker = station.worker
        head = journal.head().no
        working = asyncio.create_task(worker.run())
        mending = asyncio.create_task(mend(journal, station.clock))
        with failing():
            with pytest.raises(StorageError):
                await journal.load_stock(1)
            while "x-storage-failed-error" not in worker.picture.reasons:
                await asyncio.sleep(0)
            began_ms = station.clock.ms
            while station.clock.ms - began_ms < 10 * RETRY_MAX_S * 1000:
                await asyncio.sleep(0)
            assert journal.head().no == head
            assert worker.picture.state is PrinterState.STOPPED
        while station.state("J2") is not JobState.COMPLETED:
            await asyncio.sleep(0)
        assert worker.picture.reasons == []
        worker.stop()
        await working
        mending.cancel()
        await journal.close()

    asyncio.run(test())
    assert verify(tmp_path / "journal.db").verdict is Verdict.GOOD
