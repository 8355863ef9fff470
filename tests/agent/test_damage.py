"""A journal that is not what was written: set aside whole, and a person decides."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.clock import InlineExecutor
from agent.contract.agent_events import LedgerBegun
from agent.contract.envelope import OpenedJob
from agent.contract.events import Place
from agent.contract.messages import Ack, RejectReason
from agent.journal import chain
from agent.journal.anew import Beginning, begin
from agent.journal.errors import JournalDamagedError, JournalError
from agent.journal.journal import Accepted, AckVerdict, Journal, Refused
from agent.journal.lost import Lost, remember, salvage
from agent.journal.opening import set_aside
from agent.journal.verify import Verdict, verify
from agent.lifecycle.ledger import Signers
from tests.agent.ledgers import Ledger, made, tampered
from tests.agent.paper_printer import START, VirtualClock, make_job, opened
from tests.agent.test_daemon import Centre, Desk, play
from tests.conftest import Mosquitto, Processes

MISCONFIGURED = 78
COUNTS = ("desk=0", "hopper=36", "output=12", "reject-bin=1", "waste=0")
COUNTED = dict.fromkeys(("desk", "hopper", "output", "reject-bin", "waste"), 1)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return made(tmp_path_factory.mktemp("ledger"))


@pytest.fixture
def journal_db(pristine: Ledger, tmp_path: Path) -> Path:
    """A journal in the state directory of a daemon that has ended."""
    folder = tmp_path / "state"
    folder.mkdir()
    lock = pristine.file.with_name("journal.db-lock")
    (folder / "journal.db-lock").write_bytes(lock.read_bytes())
    return pristine.copied_to(folder / "journal.db").file


def garbage_header(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.write(b"not a database at all")


def torn_page(file: Path) -> None:
    with file.open("r+b") as raw:
        raw.seek(12 * 4096)
        raw.write(os.urandom(4096))


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def gone(file: Path) -> None:
    file.unlink()


def edited_near_the_end(file: Path) -> None:
    line = "CAST(replace(CAST(line AS TEXT), '\"count\":1', '\"count\":2') AS BLOB)"
    tampered(file, f"UPDATE events SET line = {line} WHERE no > 100")


def last_events_missing(file: Path) -> None:
    tampered(file, "DELETE FROM events WHERE no > 120")


def a_trigger_gone(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("DROP TRIGGER events_stay")


def rewritten_schema(file: Path, old: str, new: str) -> None:
    """As SQLite keeps it: `old` of the texts that made the tables is `new` now."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA writable_schema = ON")
        text = "replace(sql, ?, ?) WHERE instr(sql, ?)"
        changed = db.execute(f"UPDATE sqlite_schema SET sql = {text}", (old, new, old))
        assert changed.rowcount
        db.commit()


def a_check_gone(file: Path) -> None:
    rewritten_schema(file, " CHECK (one = 1)", "")


HARMS = (
    garbage_header,
    torn_page,
    cut_off,
    empty,
    gone,
    edited_near_the_end,
    last_events_missing,
    a_trigger_gone,
    a_check_gone,
)


def reopened(file: Path) -> None:
    async def test() -> None:
        journal = await Journal.open(file, VirtualClock(), InlineExecutor())
        await journal.close()

    asyncio.run(test())


@pytest.mark.parametrize("harm", HARMS)
def test_whatever_befell_it_a_damaged_journal_is_not_opened(
    journal_db: Path, harm: Callable[[Path], None]
) -> None:
    reopened(journal_db)
    harm(journal_db)
    for _ in range(2):  # and not the second time either
        with pytest.raises(JournalDamagedError, match=r"journal\.db"):
            reopened(journal_db)


def test_a_ledger_outlives_another_comment_or_line_break_in_the_schema(
    journal_db: Path,
) -> None:
    with closing(sqlite3.connect(journal_db)) as db:
        texts = db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        kept = [text for (text,) in texts]
    assert kept
    assert [
        text for text in kept if "--" in text or text.split() != text.split(" ")
    ] == []


def test_it_is_set_aside_whole_under_the_date(journal_db: Path) -> None:
    wal = journal_db.with_name("journal.db-wal")
    wal.write_bytes(b"what a crash left")
    before = journal_db.read_bytes()
    aside = set_aside(journal_db, START)
    assert aside.name == "journal-damaged-20260302T080000Z.db"
    assert aside.read_bytes() == before
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"what a crash left"
    again = journal_db
    again.write_bytes(b"second")
    second = set_aside(journal_db, START)
    assert second != aside
    assert aside.read_bytes() == before


def test_what_another_agent_holds_is_not_set_aside(journal_db: Path) -> None:
    async def test() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        with pytest.raises(JournalError, match="another agent holds it"):
            set_aside(journal_db, START)
        await journal.close()

    asyncio.run(test())


def config_of(state: Path) -> Path:
    file = state.parent / "p1.toml"
    for name in ("agent.jwk", "trust.jwks"):
        (state.parent / name).write_text("{}")
    file.write_text(
        'station = "s"\nprinter = "p"\nstate_dir = "state"\n'
        '[mqtt]\nuri = "mqtt://127.0.0.1"\n'
        '[keys]\nagent = "agent.jwk"\ntrust = "trust.jwks"\n'
        '[device]\nfamily = "evolis"\nmodel = "Primacy"\nuri = "tcp://127.0.0.1:9"\n'
    )
    return file


def new_ledger(state: Path, *more: str, counts: tuple[str, ...] = COUNTS) -> str:
    arguments = ["ledger", "open", "--config", str(config_of(state))]
    arguments += ["--because", "the disk is full of errors", "--as", "siti", *more]
    for count in counts:
        arguments += ["--count", count]
    result = CliRunner().invoke(main, arguments)
    return f"{result.exit_code} {result.output}"


def first_event(file: Path) -> tuple[LedgerBegun, str | None]:
    db = sqlite3.connect(file)
    (line,) = db.execute("SELECT line FROM events WHERE no = 1").fetchone()
    db.close()
    event = chain.open_line(line, 1)[1]
    assert isinstance(event.data, LedgerBegun)
    return event.data, event.who


def test_a_person_begins_a_new_ledger_that_says_what_it_replaces(
    journal_db: Path,
) -> None:
    before = verify(journal_db)
    aside = set_aside(journal_db, START)
    assert new_ledger(journal_db.parent).startswith("0 ledger ")
    begun, who = first_event(journal_db)
    assert (begun.because, who) == ("the disk is full of errors", "siti")
    assert (begun.old_ledger, begun.old_no) == (before.ledger, before.acked_no)
    assert begun.set_aside == aside.name
    assert begun.counts["hopper"] == 36

    async def test() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        assert journal.ledger != before.ledger
        book = journal.stock()
        assert (book[Place.OUTPUT], book[Place.RECEIVED]) == (12, 49)
        await journal.load_stock(5)
        await journal.close()

    asyncio.run(test())
    assert verify(journal_db).verdict is Verdict.GOOD
    assert verify(aside).verdict is Verdict.GOOD  # it was not really damaged


@pytest.mark.parametrize("knows", ["the file", "the centre", "nobody"])
def test_a_clock_that_is_behind_does_not_let_old_jobs_in_again(
    journal_db: Path, knows: str
) -> None:
    """They were printed perhaps, before the ledger was lost."""
    signed_at = START + timedelta(hours=5)
    aside = set_aside(journal_db, START)
    if knows == "the file":
        with closing(sqlite3.connect(aside)) as db:
            when = (signed_at.isoformat(),)
            db.execute("REPLACE INTO meta VALUES ('signed-time', ?)", when)
            db.commit()
    else:
        aside.unlink()
    if knows == "the centre":
        lock = journal_db.with_name("journal.db-lock")
        ledger = lock.read_text().split()[0]
        remember(journal_db, Lost(ledger, 9, "ab" * 32, signed_at))
    behind = VirtualClock()
    behind.offset = timedelta(days=-400)
    begin(journal_db.parent, Beginning("lost", COUNTED, Signers("siti")), behind)

    async def test() -> None:
        clock = VirtualClock()
        clock.offset = timedelta(hours=6)
        journal = await Journal.open(journal_db, clock, InlineExecutor())
        late = {"expires_at": START + timedelta(days=9)}
        old = opened(make_job("J1", issued_at=signed_at, **late))
        result = await journal.accept(old, b"sealed")
        assert isinstance(result, Accepted if knows == "nobody" else Refused)
        new = opened(make_job("J2", issued_at=signed_at + timedelta(minutes=1), **late))
        assert await journal.accept(new, b"sealed") == Accepted("J2")
        await journal.close()

    asyncio.run(test())


def test_a_ledger_begun_by_an_unsure_clock_is_dated_by_the_first_sure_word(
    journal_db: Path,
) -> None:
    set_aside(journal_db, START).unlink()
    clock = VirtualClock()
    clock.sure, clock.offset = False, timedelta(days=-400)
    begin(journal_db.parent, Beginning("lost", COUNTED, Signers("siti")), clock)
    now = START + timedelta(hours=6)

    def job(job_id: str, issued: timedelta) -> OpenedJob:
        ends = now + timedelta(days=9)
        return opened(make_job(job_id, issued_at=now + issued, expires_at=ends))

    async def test() -> None:
        journal = await Journal.open(journal_db, clock, InlineExecutor())
        old, new = job("J1", timedelta(hours=-1)), job("J2", timedelta(minutes=1))
        for one in (old, new):
            assert await reason_of(journal, one) is RejectReason.CLOCK_UNSURE
        clock.sure, clock.offset = True, now - START
        for one in (old, old):  # it may have been printed before the loss
            assert await reason_of(journal, one) is RejectReason.BEFORE_LEDGER
        clock.offset += timedelta(hours=1)
        assert await journal.accept(new, b"sealed") == Accepted("J2")
        await journal.close()

    asyncio.run(test())
    report = verify(journal_db)
    assert (report.verdict, report.detail) == (Verdict.GOOD, "")


async def reason_of(journal: Journal, job: OpenedJob) -> RejectReason:
    result = await journal.accept(job, b"sealed")
    assert isinstance(result, Refused)
    return result.reason


def test_a_forked_ledger_is_set_aside_whole_before_a_new_one_takes_its_place(
    journal_db: Path,
) -> None:
    before = verify(journal_db)

    async def forked_and_open() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        head = journal.head()
        ahead = ack_of(head.ledger, head.no + 9)
        assert await journal.store_ack(ahead, b"raw") is AckVerdict.FORK
        assert "another agent holds it" in new_ledger(journal_db.parent)
        await journal.close()

    asyncio.run(forked_and_open())
    with closing(sqlite3.connect(journal_db)) as db:
        lines = db.execute("SELECT line FROM events").fetchall()
    assert new_ledger(journal_db.parent).startswith("0 ledger ")
    begun, _ = first_event(journal_db)
    assert (begun.old_ledger, begun.old_no) == (before.ledger, before.acked_no)
    assert begun.set_aside is not None
    with closing(sqlite3.connect(journal_db.with_name(begun.set_aside))) as db:
        assert db.execute("SELECT line FROM events").fetchall() == lines

    async def anew() -> None:
        journal = await Journal.open(journal_db, VirtualClock(), InlineExecutor())
        assert not journal.forked
        retained = ack_of(before.ledger, before.head.no + 9)
        verdict = await journal.store_ack(retained, b"raw")
        assert verdict is AckVerdict.OTHER_LEDGER
        assert not journal.forked
        await journal.close()

    asyncio.run(anew())


def ack_of(ledger: str, no: int) -> Ack:
    return Ack(station="s", printer="p", ledger=ledger, no=no, hash="ab" * 32, at=START)


def test_a_job_issued_before_the_loss_is_refused_for_good(journal_db: Path) -> None:
    set_aside(journal_db, START)
    clock = VirtualClock()
    begin(journal_db.parent, Beginning("lost", COUNTED, Signers("siti")), clock)

    async def test() -> None:
        journal = await Journal.open(journal_db, clock, InlineExecutor())
        begun = (await journal.lines_after(0, 1, 9_999))[0][1]
        at = chain.open_line(begun, 1)[1].at
        clock.offset = at - START + timedelta(hours=2)
        late = {"expires_at": at + timedelta(days=9)}
        old = opened(make_job("J1", issued_at=at - timedelta(hours=1), **late))
        refused = await journal.accept(old, b"sealed")
        assert isinstance(refused, Refused)
        assert refused.reason is RejectReason.BEFORE_LEDGER
        new = opened(make_job("J2", issued_at=at + timedelta(hours=1), **late))
        assert await journal.accept(new, b"sealed") == Accepted("J2")
        await journal.close()

    asyncio.run(test())


def test_a_crash_while_a_new_ledger_is_begun_leaves_the_decision_open(
    journal_db: Path,
) -> None:
    set_aside(journal_db, START)
    # All that is there after a crash before the first event: tables, and no event.
    elsewhere = journal_db.parent.parent / "journal.db"
    reopened(elsewhere)
    elsewhere.rename(journal_db)
    with pytest.raises(JournalDamagedError):
        reopened(journal_db)
    assert new_ledger(journal_db.parent).startswith("0 ")
    reopened(journal_db)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        (COUNTS[:-1], "count also: waste"),
        ((*COUNTS, "hopper=1"), "--count hopper=1"),
        (("shelf=4",), "--count shelf=4"),
        (("hopper=-4",), "--count hopper=-4"),
    ],
)
def test_every_place_must_be_counted_once(
    journal_db: Path, counts: tuple[str, ...], text: str
) -> None:
    set_aside(journal_db, START)
    said = new_ledger(journal_db.parent, counts=counts)
    assert said.startswith("2 ")
    assert text in said
    assert not journal_db.exists()


def test_a_journal_in_order_is_not_replaced(journal_db: Path) -> None:
    before = journal_db.read_bytes()
    said = new_ledger(journal_db.parent)
    assert said.startswith("1 ")
    assert "only a lost one is replaced" in said
    assert journal_db.read_bytes() == before


def test_nothing_of_an_unreadable_ledger_is_made_up(journal_db: Path) -> None:
    garbage_header(journal_db)
    ledger = salvage(journal_db).ledger
    set_aside(journal_db, START)
    assert new_ledger(journal_db.parent).startswith("0 ")
    begun, _ = first_event(journal_db)
    assert begun.old_ledger == ledger
    assert (begun.old_no, begun.old_hash) == (None, None)


@pytest.mark.mosquitto
def test_the_daemon_sets_it_aside_tells_the_centre_and_does_not_start_again(
    tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes
) -> None:
    desk = Desk(tmp_path, stopped_mosquitto, processes)

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: bool(centre.states))
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(20) == 0
        garbage_header(tmp_path / "state/journal.db")
        for _ in range(2):
            agent = desk.start_agent()
            assert agent.wait(20) == MISCONFIGURED
            assert "blanko ledger open" in desk.log_of(agent)
        reason = "x-journal-damaged-error"
        await centre.until(lambda: centre.states[-1]["state_reasons"] == [reason])
        assert not centre.states[-1]["accepting"]
        assert not centre.online[-1]["online"]
        begin = ["-m", "agent", "ledger", "open", "--config", str(desk.config)]
        begin += ["--because", "test", "--as", "siti"]
        for count in COUNTS:
            begin += ["--count", count]
        done = processes.start(*begin)
        assert done.wait(20) == 0
        desk.start_agent()
        await centre.until(lambda: centre.states[-1]["stock"].get("hopper") == 36)

    play(desk, scene)
    asides = list((tmp_path / "state").glob("journal-damaged-*.db"))
    assert len(asides) == 1
