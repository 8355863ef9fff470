"""Whatever people ask for, the books balance, and an auditor's replay has the same."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.events import Found, Item, Place, Stage
from agent.contract.messages import Outcome
from agent.journal.journal import Closing, Refusal
from agent.lifecycle import ledger
from agent.lifecycle.ledger import ASKED, RULES, balanced
from simulators.centre.book import Book
from simulators.centre.contract import Contract
from simulators.centre.stock import StockBook
from tests.agent.paper_printer import FEEDING, make_job, opened
from tests.agent.test_people import PINS, Desk, by

CONTRACT = Contract()

people = st.fixed_dictionaries(
    {"who": st.sampled_from([*PINS, "dewi"])},
    optional={"second": st.sampled_from([*PINS])},
)
numbers = st.integers(-1, 12)
asked = st.sampled_from([rule for rule in RULES if rule.cause in ASKED])


def movement(rule: ledger.Rule, count: int, paper: bool) -> dict[str, Any]:
    wish = {
        "do": "stock-move",
        "cause": str(rule.cause),
        "source": str(rule.source),
        "destination": str(rule.destination),
        "item": str(rule.item),
        "count": count,
    }
    return wish | ({"reason": "seen", "record": "BA-1"} if paper else {})


wishes = st.one_of(
    st.builds(movement, asked, numbers, st.sampled_from([True, True, False])),
    st.builds(lambda n: {"do": "stock-load", "count": n}, st.integers(0, 30)),
    st.builds(
        lambda place, n: {"do": "stock-count", "place": str(place), "count": n},
        st.sampled_from([*ledger.COUNTED, Place.PATH]),
        numbers,
    ),
    st.builds(lambda n: {"do": "stock-confirm", "movement": n}, st.integers(1, 40)),
    st.builds(
        lambda found, good, n: {
            "do": "resolve", "job": "J1", "found": str(found), "good": good,
            "reason": "seen", "bin_count": n,
        },
        st.sampled_from(Found), st.sampled_from([True, False, None]), numbers,
    ),
)  # fmt: skip
steps = st.one_of(
    st.tuples(wishes, people),
    st.sampled_from(["attempt", "doubt", "good", "an hour", "a day", "restart"]),
)


async def step(desk: Desk, what: Any) -> Desk:
    journal = desk.journal
    match what:
        case "restart":
            return await desk.restart()
        case "an hour" | "a day":
            desk.clock.ms += (1 if what == "an hour" else 24) * 3_600_000
            await journal.report_unconfirmed()
        case "attempt":
            job = journal.job("J1")
            ready = job is not None and str(job.state) == "pending"
            if ready and journal.stock()[Place.HOPPER]:
                attempt = await journal.begin("J1", (), FEEDING)
                await journal.advance("J1", attempt, Stage.SENDING)
        case "doubt" | "good":
            found = journal.open_attempt()
            if found is not None:
                outcome = Outcome.UNKNOWN if what == "doubt" else Outcome.GOOD
                await journal.close_attempt("J1", found.attempt, Closing(outcome))
        case wish, who:
            await desk.ask(**wish, **who, **pins(wish, who))
    return desk


def pins(wish: dict[str, Any], who: dict[str, str]) -> dict[str, str]:
    found = {"pin": PINS.get(who["who"], "0")}
    if "second" in who:
        found["second_pin"] = PINS[who["second"]]
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=40))
def test_any_sequence_keeps_the_balance_and_replays_to_the_same_book(
    sequence: list[Any],
) -> None:
    async def scene(folder: Path) -> None:
        desk = await Desk.make(folder)
        await desk.journal.accept(opened(make_job(blanks=9)), b"sealed")
        await desk.ask("stock-load", count=12, **by("siti", "rina"))
        for what in sequence:
            before = (desk.journal.stock(), desk.journal.unconfirmed())
            try:
                desk = await step(desk, strip(what))
            except Refusal:
                assert before == (desk.journal.stock(), desk.journal.unconfirmed())
            book = desk.journal.stock()
            assert balanced(book)
            assert min(n for p, n in book.items() if p is not Place.DIFFERENCE) >= 0
        await audit(desk)
        await desk.journal.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scene(Path(folder)))


def strip(what: Any) -> Any:
    """A count or a confirmation is one person's; nobody stands for it with them."""
    if isinstance(what, tuple) and what[0]["do"] in {"stock-count", "stock-confirm"}:
        return what[0], {"who": what[1]["who"]}
    return what


async def audit(desk: Desk) -> None:
    """Add up the lines by the contract alone, and compare."""
    auditor = Book(stock=StockBook(CONTRACT.stock))
    for _, raw in await desk.journal.lines_after(0, 99_999, 2**26):
        line = auditor.ledger.read(raw)
        CONTRACT.check("event", line.event, "the agent")
        assert auditor.add(line, 0.0)
    stock = auditor.stock
    assert stock is not None
    assert stock.balanced
    for item in Item:
        held = {str(p): n for p, n in desk.journal.stock(item).items() if n}
        assert {p: n for p, n in stock.places[str(item)].items() if n} == held
    waiting = {one.no: one.who for one in desk.journal.unconfirmed()}
    assert {no: one.who for no, one in stock.waiting.items()} == waiting
