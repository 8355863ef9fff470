"""Checkpoints: when the agent signs for its ledger, and what it signs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.clock import InlineExecutor
from agent.contract.agent_events import AgentKey, Checkpoint
from agent.contract.checkpoints import CheckpointError, check_checkpoint, sign_head
from agent.contract.events import AgentStopped, Event, FaultRaised
from agent.contract.jose import Signer
from agent.contract.messages import Ack
from agent.journal import chain
from agent.journal.journal import AckVerdict, Journal
from agent.journal.signing import sign_days
from agent.journal.verify import Verdict, verify
from tests.agent.envelope_by_hand import World
from tests.agent.paper_printer import VirtualClock

SIGNER = World().keyring().signer()
NEWS = FaultRaised(reasons=["media-empty-error"])


@pytest.fixture(autouse=True)
def in_jakarta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Seven hours before UTC: the virtual clock begins at three in the afternoon."""
    monkeypatch.setenv("TZ", "WIB-7")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def new(folder: Path, clock: VirtualClock) -> Journal:
    return await Journal.open(folder / "journal.db", clock, InlineExecutor())


async def events(journal: Journal) -> list[Event]:
    lines = await journal.lines_after(0, 99_999, 2**26)
    return [chain.open_line(line, no)[1] for no, line in lines]


async def signed(journal: Journal) -> list[int]:
    """Return the numbers of the checkpoints."""
    found = await events(journal)
    return [event.no for event in found if isinstance(event.data, Checkpoint)]


def drive(test: Coroutine[None, None, None], folder: Path) -> None:
    asyncio.run(test)
    assert verify(folder / "journal.db", SIGNER.public).verdict is Verdict.GOOD


def test_the_key_is_named_once_before_it_signs(tmp_path: Path) -> None:
    async def test() -> None:
        for _ in range(2):
            journal = await new(tmp_path, VirtualClock())
            await journal.sign_with(SIGNER)
            await journal.close()
        journal = await new(tmp_path, VirtualClock())
        (event,) = await events(journal)
        assert event.data == AgentKey(kid=SIGNER.agent_kid, signing=SIGNER.public)
        await journal.close()

    drive(test(), tmp_path)


def test_after_a_hundred_events_the_agent_signs(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path, VirtualClock())
        await journal.sign_with(SIGNER)
        for _ in range(250):
            await journal.record(NEWS)
        assert await signed(journal) == [101, 202]
        await journal.close()

    drive(test(), tmp_path)


def test_a_restart_counts_on_from_the_last_checkpoint(tmp_path: Path) -> None:
    async def test() -> None:
        for _ in range(2):
            journal = await new(tmp_path, VirtualClock())
            await journal.sign_with(SIGNER)
            await journal.record(*[NEWS] * 60)
            await journal.close()
        journal = await new(tmp_path, VirtualClock())
        assert await signed(journal) == [122]
        await journal.close()

    drive(test(), tmp_path)


def test_an_end_in_good_order_is_signed_for(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path, VirtualClock())
        await journal.sign_with(SIGNER)
        await journal.record(AgentStopped(reason="asked to stop"))
        assert await signed(journal) == [3]
        await journal.close()

    drive(test(), tmp_path)


def test_a_day_is_over_at_the_stations_midnight_and_signed_for_once(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        await journal.sign_with(SIGNER)
        await journal.record(NEWS)
        clock.ms += 8 * 3_600_000  # eleven in the evening
        await journal.end_day()
        assert await signed(journal) == []
        clock.ms += 2 * 3_600_000
        await journal.end_day()
        await journal.end_day()
        assert await signed(journal) == [3]
        clock.ms += 24 * 3_600_000  # a day on which nothing was written
        await journal.end_day()
        assert await signed(journal) == [3]
        await journal.close()

    drive(test(), tmp_path)


def test_no_event_hangs_on_a_commit_that_a_power_cut_may_take_back(
    tmp_path: Path,
) -> None:
    """Sent to the centre and then lost, it would be a fork of the ledger."""

    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        await journal.sign_with(SIGNER)
        await journal.record(NEWS)
        clock.ms += 20 * 3_600_000  # the first word of the new day is the centre's
        head = journal.head()
        ack = Ack(
            station="s",
            printer="p",
            ledger=head.ledger,
            no=head.no,
            hash=head.hash,
            at=clock.wall(),
        )
        assert await journal.store_ack(ack, b"raw") is AckVerdict.ADVANCED
        assert journal.head().no == head.no
        await journal.record(NEWS)
        assert await signed(journal) == [3]
        with pytest.raises(AssertionError, match="power cut may take"):
            await journal._write(lambda tx: tx.append(NEWS), synced=False)
        assert journal.head().no == 4
        await journal.close()

    drive(test(), tmp_path)


def test_who_was_off_at_midnight_signs_before_the_next_days_first_event(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        await journal.sign_with(SIGNER)
        await journal.record(NEWS)
        await journal.close()
        clock.ms += 20 * 3_600_000
        journal = await new(tmp_path, clock)
        await journal.sign_with(SIGNER)
        await journal.record(NEWS)
        assert await signed(journal) == [3]
        await journal.close()

    drive(test(), tmp_path)


def test_a_journal_that_fails_does_not_end_the_signing(tmp_path: Path) -> None:
    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        db = journal._store._db
        db.execute("PRAGMA query_only = 1")  # what a disk gone read-only comes to
        signing = asyncio.ensure_future(sign_days(journal, clock, SIGNER))
        for _ in range(50):
            await asyncio.sleep(0)
        assert journal.head().no == 0
        db.execute("PRAGMA query_only = 0")
        assert await journal.mend()
        mended = journal.head().no
        while journal.head().no == mended and not signing.done():
            clock.ms += int(timedelta(minutes=10).total_seconds() * 1000)
            await asyncio.sleep(0)
        assert not signing.done()
        signing.cancel()
        await asyncio.wait([signing])
        await journal.close()

    drive(test(), tmp_path)


@pytest.mark.parametrize("change", ["ledger", "no", "hash", "key", "cut"])
def test_a_signature_over_anything_else_is_refused(change: str) -> None:
    good = {"ledger": "L", "no": "7", "hash": "ab" * 32}
    signature = sign_head(SIGNER, "L", 7, "ab" * 32)
    keys = {SIGNER.public.kid: SIGNER.public}
    check_checkpoint(signature, keys, ("L", 7, "ab" * 32))
    if change == "key":
        keys = {}
    elif change == "cut":
        signature = signature[:-1]
    else:
        good[change] = {"ledger": "M", "no": "8", "hash": "cd" * 32}[change]
    with pytest.raises(CheckpointError):
        check_checkpoint(
            signature, keys, (good["ledger"], int(good["no"]), good["hash"])
        )


@pytest.mark.parametrize("kind", ["P-256", "X25519"])
def test_each_kind_of_agent_key_gives_one_signing_key(kind: str) -> None:
    agent = World(agent_kind=kind).keyring().agent
    assert Signer(agent).public == Signer(agent).public
    assert Signer(agent).public != SIGNER.public
