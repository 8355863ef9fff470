"""Theft, lies and strangers: the difference they make stands where it must be seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from agent.contract.messages import Outcome
from agent.journal.journal import Journal
from protocols.evolis.commands import Op
from protocols.evolis.driver import EvolisDriver
from simulators.blanks import Place
from simulators.faults import FaultKind
from tests.world.centre import Order
from tests.world.notary import Books
from tests.world.plan import (
    STANDARD,
    Act,
    Plan,
    Strike,
    What,
    death_at,
    random_plan,
)
from tests.world.world import World, play

TWO = (Order("J1", 1), Order("J2", 2, at_s=20.0))


def books_of(plan: Plan, monkeypatch) -> tuple[Books, Counter[str]]:
    """Play a plan that must be found right; return its books and its real places."""
    seen: list[World] = []
    whole = World._judge

    def keep(world: World) -> None:
        seen.append(world)
        whole(world)

    monkeypatch.setattr(World, "_judge", keep)
    result = play(plan)
    assert not result.complaints, result.story
    (world,) = seen
    blanks = world.machine.mechanism.blanks
    return world.notary.books, Counter(str(blank.place) for blank in blanks)


def test_a_stolen_blank_shows_when_the_hopper_is_empty(monkeypatch):
    act = Act(1.0, What.STEAL_BLANK)
    plan = Plan(0, TWO, hopper_count=2, acts=(act,))
    books, _ = books_of(plan, monkeypatch)
    assert "stock-mismatch" in books.incidents
    assert books.counted["hopper"] == -1


def test_a_card_out_of_the_output_shows_when_the_output_is_counted(monkeypatch):
    plan = Plan(0, TWO, acts=(Act(15.0, What.STEAL_CARD),))
    books, _ = books_of(plan, monkeypatch)
    assert books.counted["output"] == -1


def test_a_strange_card_in_the_path_is_an_incident(monkeypatch):
    plan = Plan(0, TWO, acts=(Act(15.0, What.INSERT),))
    books, _ = books_of(plan, monkeypatch)
    assert "foreign-card" in books.incidents
    assert books.completed == Counter({"J1": 1, "J2": 1})


def test_a_card_of_another_host_is_an_incident_and_its_blank_in_suspense(monkeypatch):
    plan = Plan(0, TWO, acts=(Act(10.0, What.PRINT_ALONE),))
    books, real = books_of(plan, monkeypatch)
    assert "unaccounted-card" in books.incidents
    assert books.unaccounted == 1 == books.stock["suspense"]
    assert books.stock["hopper"] == real[Place.HOPPER]


def test_a_counter_that_jumps_under_a_card_is_an_incident(monkeypatch):
    plan = Plan(0, TWO[:1], strikes=(Strike(5.0, FaultKind.COUNTER_JUMP),))
    books, _ = books_of(plan, monkeypatch)
    assert "counter-mismatch" in books.incidents


def test_a_card_that_nobody_finds_is_missing_and_ends_its_job(monkeypatch):
    plan = Plan(0, TWO[:1], acts=(Act(5.0, What.PULL_TO_HAND),))
    books, real = books_of(plan, monkeypatch)
    assert books.jobs["J1"] == "aborted"
    assert books.stock["missing"] == 1 == real[Place.HAND]


def test_a_lie_that_buys_a_second_card_shows_when_the_bin_is_counted(monkeypatch):
    (trace,) = play(STANDARD["simplex"]).trace
    last_look = len(trace) - trace[::-1].index("Rrt")
    before_closing = 2 * trace.index("commit", last_look) + 1
    death = death_at(before_closing, "both")
    plan = replace(STANDARD["simplex"], deaths=(death,), lie_share=0.9)
    seen = []
    for seed in range(6):
        books, real = books_of(replace(plan, seed=seed), monkeypatch)
        if real[Place.OUTPUT] == 2:
            seen.append(books.counted["reject-bin"])
    assert seen, "no lie bought a second card"
    assert set(seen) == {-1}


def distrustful(monkeypatch) -> None:
    """An agent that calls every good card spoiled, and so prints it again."""
    whole = Journal.close_attempt

    async def distrust(journal, job_id, attempt, closing):
        if closing.outcome is Outcome.GOOD:
            closing = replace(closing, outcome=Outcome.SPOILED)
        return await whole(journal, job_id, attempt, closing)

    monkeypatch.setattr(Journal, "close_attempt", distrust)


def greedy(monkeypatch) -> None:
    """A driver that feeds once more when it has fed."""
    whole = EvolisDriver.feed

    async def feed_twice(driver):
        await whole(driver)
        await driver._link._run(Op.POLL, [b"\x1bSi\r"])

    monkeypatch.setattr(EvolisDriver, "feed", feed_twice)


def hasty(monkeypatch) -> None:
    """An agent that moves the card first and writes it down never."""

    async def nothing(*_args, **_named):
        return None

    monkeypatch.setattr(Journal, "advance", nothing)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (distrustful, "good cards were made"),
        (distrustful, "booked in reject-bin, lies in output"),
        (greedy, "Si went out twice"),
        (hasty, "was not on disk"),
    ],
)
def test_an_agent_that_breaks_the_rules_is_caught(monkeypatch, fault, complaint):
    fault(monkeypatch)
    complaints = play(STANDARD["simplex"]).complaints
    assert any(complaint in one for one in complaints), complaints


@pytest.mark.parametrize("seed", [795, 1097])
def test_a_hopper_that_is_counted_while_another_host_prints_loses_one_blank_once(
    monkeypatch, seed
):
    """The count misses the blank, the counter tells of it later: it is the same."""
    books, real = books_of(random_plan(seed), monkeypatch)
    assert "unaccounted-card" in books.incidents
    assert books.stock["hopper"] == real[Place.HOPPER]
    assert books.unaccounted == 1 == books.stock["suspense"]
