"""The books of blanks, walked through whole: no movement makes or loses a card."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.events import Item, Place, StockCause
from agent.lifecycle import ledger, stock_page
from agent.lifecycle.ledger import (
    RULES,
    Movement,
    MovementRefusedError,
    Note,
    Rule,
    Signers,
)
from tests.conftest import ROOT

OUTSIDE = {Place.ISSUED, Place.DESTROYED, Place.RETURNED}
NOTED = Note(reason="seen", record="BA-1")
ALONE = Signers("siti", proven=True)
BOTH = Signers("siti", "rina", proven=True)

counts = st.integers(-2, 30)
any_movement = st.builds(
    Movement,
    st.sampled_from(Place),
    st.sampled_from(Place),
    counts,
    st.sampled_from(StockCause),
    st.sampled_from(Item),
)
by_rule = st.tuples(st.sampled_from(RULES), counts).map(
    lambda pair: going(pair[0], pair[1])
)


def going(rule: Rule, count: int = 1) -> Movement:
    return Movement(rule.source, rule.destination, count, rule.cause, rule.item)


def named(rule: Rule) -> str:
    return f"{rule.item} {rule.cause} {rule.source} {rule.destination}"


@given(st.lists(st.one_of(by_rule, any_movement), max_size=60))
def test_no_movement_makes_or_loses_a_blank(movements: list[Movement]) -> None:
    book = ledger.empty_book()
    for movement in movements:
        before = dict(book)
        try:
            book = ledger.move(book, movement)
        except MovementRefusedError:
            assert book == before
        assert ledger.balanced(book)
        held = [n for place, n in book.items() if place is not Place.DIFFERENCE]
        assert min(held) >= 0
        assert book[Place.RECEIVED] >= before[Place.RECEIVED]
        assert all(book[place] >= before[place] for place in OUTSIDE)


@given(any_movement)
def test_what_is_in_no_row_of_the_table_is_refused(movement: Movement) -> None:
    rows = {(r.source, r.destination, r.cause, r.item) for r in RULES}
    way = (movement.source, movement.destination, movement.cause, movement.item)
    try:
        rule = ledger.rule_of(movement)
    except MovementRefusedError as error:
        assert error.code == "movement-illegal"
        assert way not in rows
    else:
        assert way in rows
        assert named(rule) == named(going_rule(movement))


def going_rule(movement: Movement) -> Rule:
    return Rule(
        movement.cause, movement.source, movement.destination, 0, item=movement.item
    )


def test_the_table_has_each_way_once_and_uses_every_cause_and_place() -> None:
    ways = [named(rule) for rule in RULES]
    assert len(set(ways)) == len(ways)
    assert {rule.cause for rule in RULES} == set(StockCause)
    assert {r.source for r in RULES} | {r.destination for r in RULES} == set(Place)
    assert all(rule.destination is not Place.RECEIVED for rule in RULES)
    assert all(rule.source not in OUTSIDE for rule in RULES)


def test_who_must_stand_for_what_is_as_the_law_of_the_house_says() -> None:
    """Written by hand, so that a row that is eased shows here."""
    two_at_once = {"destroy", "return"}
    two = two_at_once | {"receive", "missing", "surplus", "resolve-marked"}
    for rule in RULES:
        new_blanks = rule.source is Place.RECEIVED and rule.item is Item.BLANK
        lost = rule.destination is Place.MISSING
        empties = rule.source is Place.DIFFERENCE and rule.cause is not StockCause.COUNT
        wanted = rule.cause in two or new_blanks or lost or empties
        machine = rule.cause in {
            "feed", "print", "reject", "untouched", "doubt", "unaccounted",
        }  # fmt: skip
        assert rule.people == (0 if machine else 2 if wanted else 1), named(rule)
        assert rule.at_once == rule.record == (rule.cause in two_at_once), named(rule)
        hours = 12 if rule.cause == "resolve-marked" else 24  # a shift, or a day
        assert ledger.within(rule.cause) == timedelta(hours=hours)
        assert rule.within == timedelta(hours=hours)


def test_more_than_a_place_holds_cannot_leave_it() -> None:
    book = ledger.empty_book() | {Place.RECEIVED: 3, Place.HOPPER: 3}
    feed = Movement(Place.HOPPER, Place.PATH, 4, StockCause.FEED)
    with pytest.raises(MovementRefusedError, match="which holds 3"):
        ledger.move(book, feed)


@given(st.sampled_from(Place), st.integers(0, 50), st.integers(-3, 80))
def test_after_a_count_the_book_is_what_was_counted(
    place: Place, held: int, counted: int
) -> None:
    book = ledger.empty_book() | {Place.RECEIVED: held, place: held}
    try:
        movement = ledger.counting(place, held, counted)
    except MovementRefusedError:
        assert place not in ledger.COUNTED or counted < 0
        return
    after = ledger.move(book, movement) if movement else book
    assert after[place] == counted
    assert after[Place.DIFFERENCE] == held - counted
    assert ledger.balanced(after)


@given(st.integers(-20, 20), st.integers(1, 30))
def test_a_difference_is_emptied_to_nothing_and_never_beyond(
    difference: int, count: int
) -> None:
    """What counting found too few goes missing, what it found too many is surplus."""
    book = ledger.empty_book() | {
        Place.RECEIVED: 20,
        Place.HOPPER: 20 - difference,
        Place.DIFFERENCE: difference,
    }
    missing = Movement(Place.DIFFERENCE, Place.MISSING, count, StockCause.MISSING)
    surplus = Movement(Place.RECEIVED, Place.DIFFERENCE, count, StockCause.SURPLUS)
    for movement, allowed in (
        (missing, count <= difference),
        (surplus, count <= -difference),
    ):
        try:
            after = ledger.move(book, movement)
        except MovementRefusedError:
            assert not allowed
        else:
            assert allowed
            assert abs(after[Place.DIFFERENCE]) == abs(difference) - count


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_movement_waits_for_its_second_only_where_one_may_come_later(
    rule: Rule,
) -> None:
    assert not ledger.unconfirmed(rule, BOTH, NOTED)
    if rule.people == 2 and rule.at_once:
        with pytest.raises(MovementRefusedError, match="two people") as caught:
            ledger.unconfirmed(rule, ALONE, NOTED)
        assert caught.value.code == "second-needed"
        return
    assert ledger.unconfirmed(rule, ALONE, NOTED) == (rule.people == 2)


@pytest.mark.parametrize("rule", [r for r in RULES if r.people], ids=named)
def test_one_person_is_not_two(rule: Rule) -> None:
    for proven in (True, False):
        with pytest.raises(MovementRefusedError) as caught:
            ledger.unconfirmed(rule, Signers("siti", "siti", proven), NOTED)
        assert caught.value.code == "same-person"


@pytest.mark.parametrize("rule", [r for r in RULES if r.reason or r.record], ids=named)
def test_what_the_table_wants_on_paper_is_asked_for(rule: Rule) -> None:
    with pytest.raises(MovementRefusedError) as caught:
        ledger.unconfirmed(rule, BOTH, Note())
    assert caught.value.code == ("reason-needed" if rule.reason else "record-needed")


def test_without_a_roster_nobody_is_waited_for_but_two_names_are_wanted_at_once() -> (
    None
):
    for rule in RULES:
        name = Signers("siti")
        if rule.at_once:
            with pytest.raises(MovementRefusedError):
                ledger.unconfirmed(rule, name, NOTED)
        else:
            assert not ledger.unconfirmed(rule, name, NOTED)


def test_the_page_has_the_table_of_the_code() -> None:
    text = (ROOT / "docs/stock.md").read_text()
    assert stock_page.page(text) == text, "run `make docs`"
    for place in Place:
        assert f"`{place}`" in text
    for rule in RULES:
        assert f"| `{rule.cause}`" in text


def test_old_cards_are_never_blanks() -> None:
    """A book of their own: no cause takes them anywhere near the printer."""
    places = {
        place
        for rule in RULES
        if rule.item is Item.OLD_CARD
        for place in (rule.source, rule.destination)
    }
    assert places == {Place.RECEIVED, Place.WASTE, Place.DESTROYED}
