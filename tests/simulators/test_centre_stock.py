"""The centre adds the blanks up itself, and finds what no honest agent could write."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.centre.book import ZEROS, Book, BookError
from simulators.centre.contract import CONTRACT_DIR, Contract, ContractError
from simulators.centre.stock import StockBook

LINES = (CONTRACT_DIR / "examples/events.txt").read_bytes().splitlines(keepends=True)


def new_book() -> Book:
    return Book(stock=StockBook(Contract().stock, centre=frozenset({"dukcapil-2026"})))


def replay(events: list[dict[str, Any]]) -> StockBook:
    """Chain the events anew, as a forger with the agent's key would, and take them."""
    book, prev = new_book(), ZEROS
    for no, event in enumerate(events, 1):
        whole = event | {"no": no, "prev": prev}
        body = json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()
        prev = hashlib.sha256(body).hexdigest()
        book.add(book.ledger.read(prev.encode() + b" " + body + b"\n"), 0.0)
    assert book.stock is not None
    return book.stock


def story() -> list[dict[str, Any]]:
    return [json.loads(line[65:]) for line in LINES]


def test_the_example_day_adds_up():
    stock = replay(story())
    assert stock.balanced
    assert stock.waiting == {}
    held = {place: n for place, n in stock.places["blank"].items() if n}
    assert held == {
        "received": 100, "hopper": 96, "reject-bin": 1, "destroyed": 2, "difference": 1,
    }  # fmt: skip
    assert stock.places["old-card"] == {"received": 3, "waste": 3}


def of(kind: str, **fields: Any) -> Callable[[dict[str, Any]], bool]:
    def fits(event: dict[str, Any]) -> bool:
        return bool({"kind": kind, **fields}.items() <= event["data"].items())

    return fits


def moved(cause: str) -> Callable[[dict[str, Any]], bool]:
    return of("stock-moved", cause=cause)


@pytest.mark.parametrize(
    ("which", "change", "complaint"),
    [
        (moved("load"), {"count": 99}, "it leaves"),
        (moved("print"), {"after": {"path": 0}}, "it leaves"),
        (
            of("stock-moved", cause="print"),
            {"cause": "steal"},
            "no rule takes blank st",
        ),
        (moved("print"), {"destination": "desk"}, "no rule takes"),
        (
            of("stock-moved", cause="print"),
            {"identity": "proven"},
            "no movement that a",
        ),
        (
            of("stock-moved", cause="seal"),
            {"count": 3},
            "3 left reject-bin, which held 2",
        ),
        (moved("destroy"), {"second": None}, "two people at once"),
        (moved("destroy"), {"second": "siti"}, "siti is both people"),
        (
            of("stock-moved", cause="destroy"),
            {"second": "dewi"},
            "dewi is called proven",
        ),
        (moved("destroy"), {"record": None}, "without its record"),
        (
            of("stock-moved", cause="receive"),
            {"unconfirmed": False},
            "waits for nobody",
        ),
        (moved("seal"), {"unconfirmed": True}, "nobody is lacking"),
        (of("stock-confirmed"), {"movement": 6}, "waits for nobody"),
        (of("stock-confirmed"), {"late": True}, "in time"),
        (of("stock-counted", place="hopper"), {"book": 96}, "the events say 97"),
        (of("stock-old-cards"), {"cause": "load"}, "no rule takes old-card load"),
        (of("printer-confirmed"), {"second": "siti"}, "siti is both people"),
        (of("printer-confirmed"), {"second": None}, "who waits for another"),
    ],
)
def test_what_an_honest_agent_cannot_have_written_is_found(which, change, complaint):
    events = story()
    changed = [event for event in events if which(event)]
    assert changed, "the example day has none"
    changed[0]["data"] |= change
    with pytest.raises(BookError, match=complaint):
        replay(events)


def test_a_movement_left_out_is_missed():
    events = story()
    feed = next(event for event in events if moved("feed")(event))
    events.remove(feed)
    with pytest.raises(BookError, match="1 left path, which held 0"):
        replay(events)


def test_nobody_confirms_a_movement_of_their_own():
    events = story()
    confirmed = next(event for event in events if of("stock-confirmed")(event))
    confirmed["who"] = "siti"
    with pytest.raises(BookError, match="siti confirms a movement of their own"):
        replay(events)


def test_another_printer_waits_for_its_second_identity():
    events = story()
    confirmed = next(event for event in events if of("printer-confirmed")(event))
    confirmed["data"] |= {"second": None, "unconfirmed": True}
    waiting = replay(events).waiting
    assert [one.who for one in waiting.values()] == ["siti"]


def test_whoever_is_in_no_roster_proves_nothing():
    events = [one for one in story() if not of("agent-roster")(one)]
    with pytest.raises(BookError, match="siti is called proven, but is in no roster"):
        replay(events)


def test_a_contract_without_its_table_of_movements_is_refused(tmp_path: Path):
    for file in CONTRACT_DIR.glob("*.schema.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ContractError, match=r"stock\.json: No such file"):
        Contract(tmp_path)
