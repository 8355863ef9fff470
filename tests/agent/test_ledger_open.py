"""Two people open a new ledger: each by a PIN, at once or within 24 hours."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.clock import InlineExecutor
from agent.contract.events import AgentRoster, Place
from agent.journal.anew import Beginning, begin
from agent.journal.errors import JournalError, Refusal
from agent.journal.journal import Journal
from agent.journal.verify import Verdict, verify
from agent.lifecycle.ledger import Signers
from agent.people.roster import Role, entry
from simulators.centre.book import Book, BookError
from simulators.centre.contract import Contract
from simulators.centre.stock import StockBook
from tests.agent.paper_printer import VirtualClock
from tests.agent.test_daemon_pin import at_the_terminal
from tests.agent.test_damage import COUNTS, config_of

PINS = {"siti": "739214", "rina": "260481"}
WRONG = "604417"
BOTH = ["--as", "siti", "--second", "rina"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder whose ledger is gone, at a station with a roster."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "journal.db-lock").write_text("0b8f3c1e-6d0a-4a58-9d3e-5a8f5a5f0e11")
    roster = "\n".join(entry(who, Role.OPERATOR, pin) for who, pin in PINS.items())
    (tmp_path / "roster.toml").write_text(roster)
    config = config_of(folder)
    config.write_text('roster = "roster.toml"\n' + config.read_text())
    return folder


def typed(state: Path, people: list[str], *pins: str) -> tuple[int, str]:
    words = ["ledger", "open", "--config", str(state.parent / "p1.toml")]
    words += ["--because", "the disk was replaced", *people]
    for count in COUNTS:
        words += ["--count", count]
    return at_the_terminal(words, list(pins))


def events(state: Path) -> list[dict[str, Any]]:
    db = sqlite3.connect(state / "journal.db")
    rows = db.execute("SELECT line FROM events ORDER BY no").fetchall()
    db.close()
    return [json.loads(line[65:]) for (line,) in rows]


def the_centre_takes(state: Path) -> StockBook:
    """Have the stand-in centre read the ledger; it refuses what is not honest."""
    stock = StockBook(Contract().stock)
    book = Book(stock=stock)
    db = sqlite3.connect(state / "journal.db")
    for (line,) in db.execute("SELECT line FROM events ORDER BY no").fetchall():
        assert book.add(book.ledger.read(bytes(line)), 0.0)
    db.close()
    return stock


def test_two_people_with_their_pins_open_it(state: Path) -> None:
    code, said = typed(state, BOTH, PINS["siti"], PINS["rina"])
    assert code == 0, said
    begun, roster = events(state)
    assert begun["who"] == "siti"
    told = {name: begun["data"][name] for name in ("identity", "second", "unconfirmed")}
    assert told == {"identity": "proven", "second": "rina", "unconfirmed": False}
    assert roster["data"]["kind"] == "agent-roster"
    assert roster["data"]["people"] == ["siti operator", "rina operator"]
    assert verify(state / "journal.db").verdict is Verdict.GOOD
    assert the_centre_takes(state).waiting == {}
    assert not [pin for pin in PINS.values() if pin in said]


@pytest.mark.parametrize(
    ("people", "pins", "text"),
    [
        (BOTH, [WRONG, PINS["rina"]], "that is not the PIN of siti"),
        (BOTH, [PINS["siti"], WRONG], "that is not the PIN of rina"),
        (["--as", "siti", "--second", "siti"], [], "must be another one"),
        (["--as", "eko"], [], "nobody of that id is in the roster"),
        ([], [], "an account of the computer is no identity"),
    ],
)
def test_who_cannot_prove_it_opens_none(
    state: Path, people: list[str], pins: list[str], text: str
) -> None:
    code, said = typed(state, people, *pins)
    assert code == 1
    assert text in said
    assert not (state / "journal.db").exists()


def test_one_alone_opens_it_and_another_has_24_hours(state: Path) -> None:
    code, said = typed(state, ["--as", "siti"], PINS["siti"])
    assert code == 0
    assert "blanko stock confirm 1" in said
    assert events(state)[0]["data"]["unconfirmed"]
    assert list(the_centre_takes(state).waiting) == [1]

    async def test() -> None:
        clock = VirtualClock()
        journal = await Journal.open(state / "journal.db", clock, InlineExecutor())
        (waits,) = journal.unconfirmed()
        assert (waits.no, waits.who, waits.cause) == (1, "siti", "new-ledger")
        assert waits.count == sum(journal.stock().values()) - waits.count
        for by, code in (
            (Signers("siti", proven=True), "same-person"),
            (Signers("rina"), "no-roster"),
        ):
            with pytest.raises(Refusal) as refused:
                await journal.confirm_stock(1, by)
            assert refused.value.code == code
        clock.offset = waits.at - clock.wall() + timedelta(hours=25)
        await journal.report_unconfirmed()
        assert journal.unconfirmed()[0].overdue
        await journal.confirm_stock(1, Signers("rina", proven=True))
        assert journal.unconfirmed() == []
        assert journal.stock()[Place.HOPPER] == 36
        await journal.close()

    asyncio.run(test())
    kinds = [event["data"]["kind"] for event in events(state)]
    assert kinds[2:] == ["incident-raised", "stock-confirmed"]
    assert events(state)[3]["data"]["late"]
    assert verify(state / "journal.db").verdict is Verdict.GOOD
    assert the_centre_takes(state).waiting == {}


def test_a_beginner_whom_no_roster_knows_is_found_out_by_the_centre(
    state: Path,
) -> None:
    said = Beginning("test", {"hopper": 1}, Signers("eko", "rina", proven=True))
    begin(state, said)

    async def test() -> None:
        clock = VirtualClock()
        journal = await Journal.open(state / "journal.db", clock, InlineExecutor())
        await journal.record(AgentRoster(sha256="ab" * 32, people=["rina operator"]))
        await journal.close()

    asyncio.run(test())
    with pytest.raises(BookError, match="eko is called proven"):
        the_centre_takes(state)


def test_one_name_twice_is_one_person_without_a_roster_too(tmp_path: Path) -> None:
    said = Beginning("test", {"hopper": 1}, Signers("siti", "siti"))
    with pytest.raises(JournalError, match="another person"):
        begin(tmp_path, said)
    assert list(tmp_path.iterdir()) == []


def test_no_ledger_is_opened_by_a_clock_that_is_plainly_wrong(tmp_path: Path) -> None:
    """Jobs of the lost one would all have been issued after it."""
    clock = VirtualClock()
    clock.offset = datetime(1970, 1, 1, tzinfo=UTC) - clock.wall()
    with pytest.raises(JournalError, match="the clock says 1970-01-01: set it first"):
        begin(tmp_path, Beginning("test", {"hopper": 1}, Signers("siti")), clock)
    assert list(tmp_path.iterdir()) == []
