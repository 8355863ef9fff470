"""The judge: planted lies, each found and named."""

import copy
import json

import pytest

from simulators.centre.book import Line
from simulators.demo.judge import (
    attempts_of,
    compare_jobs,
    compare_places,
    pair_cards,
    sum_moves,
)
from simulators.demo.table import Row, job_table, place_table

DIGESTS = {"J1": "a" * 64, "J2": "b" * 64}


def line(no, kind, job=None, attempt=None, **data):
    event = {"no": no, "data": {"kind": kind, **data}}
    if job:
        event |= {"job": job, "attempt": attempt}
    return Line(no, "0" * 64, json.dumps(event).encode(), event)


def moved(no, source, destination, count=1):
    return line(no, "stock-moved", source=source, destination=destination, count=count)


@pytest.fixture
def lines():
    """Five blanks loaded; J1 good; J2 spoiled by a jam, then good."""
    told = [("received", "hopper", 5)]
    told += [("hopper", "path", 1), ("path", "output", 1)]
    told += [("hopper", "path", 1), ("path", "reject-bin", 1)]
    told += [("hopper", "path", 1), ("path", "output", 1)]
    moves = [moved(no, *move) for no, move in enumerate(told, 1)]
    story = []
    for job, number, outcome in (
        ("J1", 1, "good"),
        ("J2", 1, "spoiled"),
        ("J2", 2, "good"),
    ):
        story += [
            line(0, "attempt-stage", job, number, stage="feeding", digest=DIGESTS[job]),
            line(0, "attempt-stage", job, number, stage="sending"),
            line(0, "attempt-closed", job, number, outcome=outcome, stage="delivering"),
        ]
        if outcome == "good":
            story.append(line(0, "job-completed", job, number))
    return moves + story


@pytest.fixture
def stock():
    return {"received": 5, "hopper": 2, "path": 0, "output": 2, "reject-bin": 1}


@pytest.fixture
def truth():
    def card(number, place, state, digest=None):
        name = f"card-{number:06d}"
        return {"id": name, "place": place, "state": state, "digest": digest, "png": []}

    return {
        "cards": [
            card(1, "output", "complete", DIGESTS["J1"]),
            card(2, "reject-bin", "part-printed"),
            card(3, "output", "complete", DIGESTS["J2"]),
            card(4, "hopper", "blank"),
            card(5, "hopper", "blank"),
        ],
        "places": {"hopper": 2, "path": 0, "output": 2, "reject-bin": 1, "hand": 0},
    }


def findings_of(lines, stock, truth):
    return (
        compare_jobs(["J1", "J2"], lines)
        + compare_places(stock, sum_moves(lines), truth)
        + pair_cards(lines, truth).findings
    )


def test_an_honest_end_has_no_finding(lines, stock, truth):
    assert findings_of(lines, stock, truth) == []
    pairs = pair_cards(lines, truth).cards
    assert pairs == {"J1": "card-000001", "J2": "card-000003"}


def test_a_blank_that_a_hand_took_is_missed_at_its_place(lines, stock, truth):
    truth["cards"][4]["place"] = "hand"
    truth["places"] |= {"hopper": 1, "hand": 1}
    found = findings_of(lines, stock, truth)
    assert "hopper: the books say 2, the machine holds 1" in found
    assert any(each.startswith("hand: 1") for each in found)


def test_a_card_that_vanished_altogether_is_missed(lines, stock, truth):
    del truth["cards"][1]
    truth["places"]["reject-bin"] = 0
    found = findings_of(lines, stock, truth)
    assert "reject-bin: the books say 1, the machine holds 0" in found
    assert "5 blanks in the books, 4 exist" in found


def test_books_that_hide_a_blank_in_another_account_are_found(lines, stock, truth):
    stock |= {"hopper": 1, "difference": 1}
    found = findings_of(lines, stock, truth)
    assert any(each.startswith("difference: 1 blanks") for each in found)
    assert any(each.startswith("hopper: the books say 1") for each in found)


def test_an_agent_that_says_other_than_its_events_is_found(lines, stock, truth):
    lines.append(moved(99, "hopper", "missing"))
    found = findings_of(lines, stock, truth)
    assert "hopper: the agent says 2, its events add up to 1" in found


def test_other_panels_on_a_card_name_the_card_and_the_job(lines, stock, truth):
    truth["cards"][2]["digest"] = "c" * 64
    assert findings_of(lines, stock, truth) == [
        "card-000003: other panels than the agent sent for J2"
    ]


def test_two_cards_that_changed_places_are_still_themselves(lines, stock, truth):
    first, _, third = truth["cards"][:3]
    first["digest"], third["digest"] = third["digest"], first["digest"]
    pairing = pair_cards(lines, truth)
    assert pairing.findings == []
    assert pairing.cards == {"J1": "card-000003", "J2": "card-000001"}


def test_a_part_printed_card_in_the_output_is_found(lines, stock, truth):
    truth["cards"][0]["state"] = "part-printed"
    found = findings_of(lines, stock, truth)
    assert "card-000001: lies in the output part-printed" in found
    assert "J1: no such card in the output" in found


def test_a_card_printed_twice_is_found(lines, stock, truth):
    truth["cards"].append({**copy.deepcopy(truth["cards"][0]), "id": "card-000009"})
    truth["places"]["output"] = 3
    found = findings_of(lines, stock, truth)
    assert "card-000009: a card nobody sent" in found
    assert "output: the books say 2, the machine holds 3" in found


def test_jobs_that_are_open_repeated_or_strange_are_found(lines):
    lines.append(line(0, "job-completed", "J1", 1))
    found = compare_jobs(["J1", "J3"], lines)
    assert found == [
        "J3: not completed",
        "J1: completed 2 times",
        "J2: completed, but nobody ordered it",
    ]


def test_attempts_are_told_apart_by_job_and_number(lines):
    told = [(each.job_id, each.number, each.outcome) for each in attempts_of(lines)]
    assert told == [("J1", 1, "good"), ("J2", 1, "spoiled"), ("J2", 2, "good")]


def test_tables_are_ascii_and_fit_eighty_columns(stock, truth):
    cells = ("demo-abcd-12", "two-sided", "completed", 2, "card-000012")
    rows = [Row(*cells, digest="same", picture="exact")]
    lines = job_table(rows) + place_table(stock, stock, truth)
    assert all(len(each) <= 80 and each.isascii() for each in lines)
    assert any(each.split() == ["hopper", "2", "2", "2"] for each in lines)
