"""The journal on a real file: what is accepted stays, what is refused is on record."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from agent.clock import InlineExecutor, ThreadExecutor
from agent.contract.agent_events import LedgerBegun
from agent.contract.events import (
    AgentStarted,
    JobRejected,
    Place,
    Stage,
)
from agent.contract.messages import Ack, JobKind, Outcome, RejectReason, Retry
from agent.journal import chain, schema
from agent.journal.journal import (
    Accepted,
    AckVerdict,
    Closing,
    Journal,
    JournalError,
    Redelivered,
    Refusal,
    Refused,
    Rejection,
)
from agent.lifecycle.states import JobState
from tests.agent.paper_printer import FEEDING, START, VirtualClock, make_job, opened

NOTHING = FEEDING.before
CANARY = b"CONTOH-SATU-0011220101900000"


def drive(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(test())


async def new(folder: Path, clock: VirtualClock | None = None) -> Journal:
    path = folder / "journal.db"
    return await Journal.open(path, clock or VirtualClock(), InlineExecutor())


async def events(journal: Journal) -> list[dict[str, object]]:
    lines = await journal.lines_after(0, 99_999, 2**26)
    return [
        msgspec.to_builtins(chain.open_line(line, no)[1].data) for no, line in lines
    ]


async def print_one(journal: Journal, job_id: str = "J1") -> None:
    attempt = await journal.begin(job_id, (), FEEDING)
    for stage in (Stage.SENDING, Stage.SENT):
        await journal.advance(job_id, attempt, stage)
    await journal.advance(
        job_id, attempt, Stage.DELIVERING, destination=Place.OUTPUT, evidence=NOTHING
    )
    await journal.close_attempt(job_id, attempt, Closing(Outcome.GOOD))


def test_a_job_is_on_disk_when_accept_returns(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        assert await journal.accept(opened(make_job()), b"sealed") == Accepted("J1")
        after = tmp_path / "after"
        after.mkdir()
        for file in tmp_path.glob("journal.db*"):
            shutil.copy(file, after)
        again = await new(after)
        assert again.open_job_ids() == ["J1"]
        assert await again.spooled("J1") == b"sealed"
        assert again.head() == journal.head()

    drive(test)


def test_the_same_job_again_is_answered_with_its_state_and_writes_nothing(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.accept(opened(make_job()), b"sealed")
        await journal.load_stock(5)
        await print_one(journal)
        before = journal.head()
        again = await journal.accept(opened(make_job()), b"sealed otherwise")
        assert again == Redelivered("J1", JobState.COMPLETED)
        assert journal.head() == before
        assert await journal.spooled("J1") is None

    drive(test)


def test_a_smaller_number_that_came_since_the_choice_is_named_all_the_same(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(5)
        numbers = {"J0": 2, "J1": 1, "J2": 2, "J3": 3}
        for job_id, queue_no in numbers.items():
            job = make_job(job_id, queue_no=queue_no, subject=f"S-{job_id}")
            await journal.accept(opened(job), b"sealed")
        await journal.begin("J2", ("J0 not-before",), FEEDING)
        (started,) = [
            one["passed_over"]
            for one in await events(journal)
            if one["kind"] == "job-started"
        ]
        assert started == ("J0 not-before", "J1 came-since")

    drive(test)


def refusal_of(
    folder: Path,
    prepare: Callable[[Journal, VirtualClock], Coroutine[None, None, Refused]],
) -> tuple[Refused, dict[str, object]]:
    found: list[tuple[Refused, dict[str, object]]] = []

    async def test() -> None:
        clock = VirtualClock()
        journal = await new(folder, clock)
        refused = await prepare(journal, clock)
        found.append((refused, (await events(journal))[-1]))

    drive(test)
    return found[0]


async def refused(journal: Journal, job_id: str = "J1", **changes: object) -> Refused:
    result = await journal.accept(opened(make_job(job_id, **changes)), b"other")
    assert isinstance(result, Refused)
    return result


def test_the_same_id_with_other_content_is_refused_and_the_first_stands(
    tmp_path: Path,
) -> None:
    async def prepare(journal: Journal, _: VirtualClock) -> Refused:
        await journal.accept(opened(make_job()), b"sealed")
        result = await refused(journal, queue_no=7)
        assert journal.open_job_ids() == ["J1"]
        assert await journal.spooled("J1") == b"sealed"
        return result

    result, event = refusal_of(tmp_path, prepare)
    assert result.reason is RejectReason.DUPLICATE_DIFFERS
    assert (event["reason"], event["retry"]) == ("duplicate-differs", "never")


def test_a_second_first_card_for_a_subject_is_refused(tmp_path: Path) -> None:
    async def prepare(journal: Journal, _: VirtualClock) -> Refused:
        await journal.accept(opened(make_job("J1", subject="S")), b"sealed")
        return await refused(journal, "J2", subject="S")

    result, _ = refusal_of(tmp_path, prepare)
    assert result.reason is RejectReason.SECOND_FIRST


def test_a_card_is_replaced_only_once_its_own_fate_is_known(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.accept(opened(make_job("J1")), b"sealed")
        replacement = {"kind": JobKind.REPLACEMENT, "subject": "S"}
        result = await refused(journal, "J2", reprint_of="J1", **replacement)
        assert result.detail == "job J1, which it replaces, is pending"
        told = (await events(journal))[-1]
        assert (told["reason"], told["retry"]) == ("fate-open", "later")
        await journal.abort(["J1"], "expired")
        for job_id, first in (("J2", "J1"), ("J3", "of-another-printer")):
            job = opened(make_job(job_id, reprint_of=first, **replacement))
            assert await journal.accept(job, b"sealed") == Accepted(job_id)

    drive(test)


def test_a_first_card_that_was_given_up_leaves_room_for_another(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.accept(opened(make_job("J1", subject="S")), b"sealed")
        await journal.abort(["J1"], "expired")
        second = opened(make_job("J2", subject="S"))
        assert await journal.accept(second, b"sealed") == Accepted("J2")

    drive(test)


def test_a_first_card_whose_blank_is_missing_leaves_no_room(tmp_path: Path) -> None:
    async def prepare(journal: Journal, _: VirtualClock) -> Refused:
        await journal.accept(opened(make_job("J1", subject="S")), b"sealed")
        await journal.abort(["J1"], "blank-missing")
        return await refused(journal, "J2", subject="S")

    result, _ = refusal_of(tmp_path, prepare)
    assert result.reason is RejectReason.SECOND_FIRST


@pytest.mark.parametrize(
    ("sure", "reason"),
    [(True, RejectReason.EXPIRED), (False, RejectReason.CLOCK_UNSURE)],
)
def test_an_expired_job_is_refused_for_good_only_by_a_clock_that_is_sure(
    tmp_path: Path, sure: bool, reason: RejectReason
) -> None:
    async def prepare(journal: Journal, clock: VirtualClock) -> Refused:
        clock.sure = sure
        past = START - timedelta(days=1)
        return await refused(journal, issued_at=past, expires_at=START)

    result, event = refusal_of(tmp_path, prepare)
    assert result.reason is reason
    assert event["retry"] == ("never" if sure else "later")


def test_a_full_disk_refuses_jobs_but_not_the_word_about_it(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await Journal.open(
            tmp_path / "journal.db", VirtualClock(), InlineExecutor(), 2**60
        )
        result = await journal.accept(opened(make_job()), b"sealed")
        assert isinstance(result, Refused)
        assert result.reason is RejectReason.STORAGE_FULL
        (event,) = await events(journal)
        assert (event["reason"], event["retry"]) == ("storage-full", "later")
        assert journal.open_job_ids() == []

    drive(test)


def test_a_disk_that_fills_up_in_mid_write_refuses_the_job_whole(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        db = journal._store._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 20}")
        result = await journal.accept(opened(make_job()), b"x" * 500_000)
        assert isinstance(result, Refused)
        assert result.reason is RejectReason.STORAGE_FULL
        assert journal.open_job_ids() == []
        lines = [line for _, line in await journal.lines_after(0, 9, 2**20)]
        assert chain.verify(lines).no == 1

    drive(test)


def test_a_message_that_was_no_job_is_put_on_record(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        rejection = Rejection(RejectReason.BAD_SIGNATURE, "kid of nobody", "cd" * 32)
        await journal.reject(rejection)
        (_, line) = (await journal.lines_after(0, 1, 9_999))[0]
        event = chain.open_line(line, 1)[1]
        assert event.job is None
        assert isinstance(event.data, JobRejected)
        assert event.data.retry is Retry.OTHER_KEY

    drive(test)


def raw_bytes(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


@pytest.mark.parametrize("end", ["completed", "aborted"])
def test_a_sealed_message_is_in_no_byte_of_any_file_once_its_job_has_ended(
    tmp_path: Path, end: str
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(5)
        sealed = CANARY * 20_000
        await journal.accept(opened(make_job("J1")), sealed)
        await journal.accept(opened(make_job("J2")), b"another")
        assert CANARY in raw_bytes(tmp_path)
        if end == "completed":
            await print_one(journal)
        else:
            await journal.abort(["J1"], "expired")
        assert CANARY not in raw_bytes(tmp_path)
        assert await journal.spooled("J2") == b"another"

    drive(test)


def test_what_a_crash_left_of_a_sealed_message_is_gone_at_the_next_start(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.accept(opened(make_job("J1")), CANARY * 20_000)
        # A reader in the way keeps the -wal from being cut.
        reader = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM spool").fetchall()
        journal._store._db.execute("PRAGMA busy_timeout = 1")
        await journal.abort(["J1"], "expired")
        assert CANARY in raw_bytes(tmp_path)
        after = tmp_path / "after"
        after.mkdir()
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(tmp_path / name, after)
        again = await new(after)
        assert again.open_job_ids() == []
        assert CANARY not in raw_bytes(after)
        # And without a crash, at the next commit.
        reader.close()
        await journal.load_stock(1)
        assert CANARY not in raw_bytes(tmp_path)

    drive(test)


@pytest.mark.parametrize(
    "statement", ["UPDATE events SET job = 'X'", "DELETE FROM events"]
)
def test_an_event_can_neither_be_changed_nor_deleted(
    tmp_path: Path, statement: str
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(1)
        other = sqlite3.connect(tmp_path / "journal.db")
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            other.execute(statement)
        other.close()
        assert len(await events(journal)) == 1

    drive(test)


def open_error(path: Path) -> str:
    async def test() -> None:
        await Journal.open(path, VirtualClock(), InlineExecutor())

    with pytest.raises(JournalError) as caught:
        drive(test)
    return str(caught.value)


def test_a_journal_of_a_newer_agent_is_refused_with_the_reason(tmp_path: Path) -> None:
    async def make() -> None:
        await (await new(tmp_path)).close()

    drive(make)
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    db.close()
    text = open_error(path)
    assert str(path) in text
    assert f"schema version {schema.VERSION + 1}" in text


def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database at all" * 500)
    before = path.read_bytes()
    assert str(path) in open_error(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE notes (text)")
    db.close()
    assert "not a journal" in open_error(path)


def test_a_last_event_that_was_edited_is_noticed_at_the_start(tmp_path: Path) -> None:
    async def make() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(5)
        await journal.close()

    drive(make)
    path = tmp_path / "journal.db"
    db = sqlite3.connect(path)
    db.execute("DROP TRIGGER events_stand")
    db.execute("UPDATE events SET line = replace(line, '5', '6')")
    db.commit()
    db.close()
    assert "event 1" in open_error(path)


def test_two_agents_cannot_hold_one_journal(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        with pytest.raises(JournalError, match="another agent holds it"):
            await new(tmp_path)
        await journal.close()
        await (await new(tmp_path)).close()

    drive(test)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "journal.db"
    assert str(path) in open_error(path)


def test_what_fails_half_way_leaves_no_trace(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.accept(opened(make_job()), b"sealed")
        await journal.load_stock(1)
        before = journal.head()
        attempt = await journal.begin("J1", (), FEEDING)
        with pytest.raises(Exception, match="from feeding to sent"):
            await journal.advance("J1", attempt, Stage.SENT)
        assert journal.head().no == before.no + 2
        await journal.advance("J1", attempt, Stage.SENDING)
        lines = [line for _, line in await journal.lines_after(0, 99, 2**20)]
        assert chain.verify(lines).no == journal.head().no

    drive(test)


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_a_load_that_cannot_be_is_refused_and_changes_nothing(
    tmp_path: Path, count: int
) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        with pytest.raises(Refusal) as caught:
            await journal.load_stock(count)
        assert caught.value.code == "count-impossible"
        assert journal.head().no == 0

    drive(test)


def test_what_is_read_at_one_moment_is_of_one_commit(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(5)
        with journal.at_one_moment():
            before = journal.stock()
            await journal.load_stock(3)  # as the writing thread would, in between
            assert journal.stock() == before
            assert journal.head().no == 1
        assert journal.stock()[Place.HOPPER] == 8
        assert journal.head().no == 2

    drive(test)


def ack(journal: Journal, no: int, hash_: str, **changes: object) -> Ack:
    fields: dict[str, object] = {
        "station": "s",
        "printer": "p",
        "ledger": journal.ledger,
        "no": no,
        "hash": hash_,
        "at": START,
    }
    return Ack(**(fields | changes))  # type: ignore[arg-type]


def test_an_acknowledgement_means_what_the_chain_says(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(1)
        first = journal.head()
        await journal.load_stock(1)
        second = journal.head()

        async def store(no: int, hash_: str, **changes: object) -> AckVerdict:
            return await journal.store_ack(ack(journal, no, hash_, **changes), b"raw")

        assert await store(0, chain.GENESIS) is AckVerdict.REPEATED
        assert await store(2, second.hash) is AckVerdict.ADVANCED
        assert journal.head().acked == 2
        assert await store(2, second.hash) is AckVerdict.REPEATED
        assert await store(1, first.hash) is AckVerdict.LOWER
        assert journal.head().acked == 1
        assert not journal.forked
        assert await store(1, second.hash) is AckVerdict.FORK
        assert await store(7, second.hash) is AckVerdict.FORK
        assert journal.forked
        assert journal.head().acked == 1
        incidents = [one for one in await events(journal) if "incident" in one]
        assert [one["incident"] for one in incidents] == ["ledger-fork"]
        await journal.close()
        assert (await new(tmp_path)).forked

    drive(test)


def test_an_acknowledgement_of_another_ledger_stops_printing(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        await journal.load_stock(1)
        of_another = ack(journal, 9, "0" * 64, ledger="another")
        assert await journal.store_ack(of_another, b"raw") is AckVerdict.FORK
        assert journal.forked
        (told,) = [one for one in await events(journal) if "incident" in one]
        assert told["detail"] == (
            "the centre signed for ledger another, which is not ours"
        )

    drive(test)


@pytest.mark.parametrize("old_ledger", ["old", None])
def test_of_the_ledger_that_ours_took_the_place_of_it_means_nothing(
    tmp_path: Path, old_ledger: str | None
) -> None:
    """The broker keeps it until the centre has one of ours."""

    async def test() -> None:
        journal = await new(tmp_path)
        begun = LedgerBegun(
            because="the disk failed",
            counts={},
            old_ledger=old_ledger,
            identity="unproven",
        )
        await journal.record(begun)
        of_old = ack(journal, 9, "0" * 64, ledger="old")
        assert await journal.store_ack(of_old, b"raw") is AckVerdict.OTHER_LEDGER
        assert not journal.forked
        later = START + timedelta(days=1)
        of_third = ack(journal, 9, "0" * 64, ledger="third", at=later)
        assert await journal.store_ack(of_third, b"raw") is AckVerdict.FORK

    drive(test)


def test_lines_come_within_both_limits_but_at_least_one(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        for _ in range(5):
            await journal.load_stock(1)
        size = len((await journal.lines_after(0, 1, 1))[0][1])
        assert [no for no, _ in await journal.lines_after(0, 3, 2**20)] == [1, 2, 3]
        two = await journal.lines_after(1, 9, size * 2 + size // 2)
        assert [no for no, _ in two] == [2, 3]
        assert [no for no, _ in await journal.lines_after(4, 9, 1)] == [5]
        assert await journal.lines_after(5, 9, 2**20) == []

    drive(test)


def test_connections_are_counted_over_restarts(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        assert [await journal.next_connection() for _ in range(2)] == [1, 2]
        await journal.close()
        assert await (await new(tmp_path)).next_connection() == 3

    drive(test)


def test_who_waits_for_a_change_is_woken_by_the_commit(tmp_path: Path) -> None:
    async def test() -> None:
        journal = await new(tmp_path)
        version = journal.changed.version
        waiter = asyncio.ensure_future(journal.changed.beyond(version))
        await asyncio.sleep(0)
        assert not waiter.done()
        await journal.load_stock(1)
        assert await waiter > version

    drive(test)


def test_a_commit_is_told_to_others_even_when_its_caller_was_cancelled(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        executor = ThreadExecutor("journal")
        journal = await Journal.open(tmp_path / "journal.db", VirtualClock(), executor)
        version = journal.changed.version
        load = asyncio.ensure_future(journal.load_stock(3))
        await asyncio.sleep(0)
        load.cancel()
        async with asyncio.timeout(5):
            await journal.changed.beyond(version)
        assert journal.stock()[Place.HOPPER] == 3
        await journal.close()
        executor.close()

    drive(test)


def test_the_newest_signed_time_outlives_a_clock_that_was_set_back(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        clock = VirtualClock()
        clock.sure = False
        journal = await new(tmp_path, clock)
        later = START + timedelta(days=3)
        signed = ack(journal, 0, chain.GENESIS, at=later)
        await journal.store_ack(signed, b"raw", echoed=False)
        assert not journal.now().sure
        assert journal.now().at >= later
        await journal.store_ack(signed, b"raw", echoed=True)
        assert journal.now().sure
        soon = later + timedelta(minutes=9)
        await journal.accept(opened(make_job(issued_at=soon)), b"sealed")
        await journal.close()
        again = await new(tmp_path, clock)
        assert not again.now().sure
        assert again.now().at >= soon
        await again.close()

    drive(test)


def test_a_job_from_the_future_is_refused_for_now_and_moves_no_time(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        ahead = clock.wall() + timedelta(days=2)
        job = opened(make_job(issued_at=ahead))
        refused = await journal.accept(job, b"sealed")
        assert isinstance(refused, Refused)
        assert refused.reason is RejectReason.CLOCK_UNSURE
        assert "10 minutes ahead" in refused.detail
        assert journal.now().at == clock.wall()
        clock.sure = False  # then it may be this clock that is wrong
        assert await journal.accept(job, b"sealed") == Accepted("J1")
        assert journal.now().at == clock.wall()
        assert await journal.store_ack(
            ack(journal, 0, chain.GENESIS, at=ahead), b"raw", echoed=True
        )
        assert journal.now().at == ahead  # the centre was asked what time it is
        await journal.close()

    drive(test)


def test_events_say_where_and_when_they_were_written(tmp_path: Path) -> None:
    async def test() -> None:
        clock = VirtualClock()
        journal = await new(tmp_path, clock)
        clock.ms += 250
        await journal.record(AgentStarted(version="0.1.0", contract=0))
        (_, line) = (await journal.lines_after(0, 1, 9_999))[0]
        event = chain.open_line(line, 1)[1]
        assert (event.ledger, event.boot) == (journal.ledger, journal.boot)
        assert event.mono == 250
        assert event.at == clock.wall()
        assert b'"at":"2026-03-02T08:00:01.250000Z"' in line

    drive(test)
