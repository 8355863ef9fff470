"""Disks that fill up or fail: nothing is half written, and no card begins."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.clock import InlineExecutor
from agent.contract.events import Place, Stage
from agent.contract.messages import Outcome
from agent.journal.errors import JournalError, StorageFullError
from agent.journal.journal import Closing, Journal
from agent.journal.verify import Verdict, verify
from tests.agent.paper_printer import FEEDING, VirtualClock, make_job, opened

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
def failing(journal: Journal) -> Iterator[type[JournalError]]:
    """Let every write end in an I/O error, as a disk that is going does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield JournalError
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


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
                with failing(journal) as error, pytest.raises(error, match="journal"):
                    await step(journal)
                assert (journal.head(), journal.stock()) == (before, stock)
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
