"""What two looks at a printer prove, and what is made of an attempt found open."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from agent.attempt import evidence_of
from agent.contract.events import Stage
from agent.contract.messages import Outcome
from agent.lifecycle.facts import Moved, Printed, facts, mismatch
from agent.lifecycle.recovery import recover, settled
from protocols.contract import Capabilities, CountsAt, Identity, Observation, Supplies
from protocols.vocabulary import CardPosition, StateReason
from tests.agent.paper_printer import CAN, PaperMachine, error


def look(
    fed: int | None = 10,
    left: int | None = 50,
    *,
    canary: str | None = "2",
    head: str = "H1",
    serial: str = "P1",
    ribbon: str = "R1",
) -> Observation:
    machine = PaperMachine()
    machine.load(1)
    return Observation(
        status=machine.status(),
        identity=Identity("Paper", serial, "1.0", head),
        supplies=Supplies("YMCKO", ribbon, left, 100),
        cards_fed=fed,
        canary=canary,
    )


def with_reason(seen: Observation, keyword: StateReason) -> Observation:
    status = replace(seen.status, reasons=frozenset({error(keyword)}))
    return replace(seen, status=status)


def moved(before: Observation, after: Observation, can: Capabilities = CAN) -> Moved:
    return facts(before, after, can, 1).moved


def test_the_normal_run_has_a_witness() -> None:
    found = facts(look(10, 50), look(11, 49), CAN, 1)
    assert (found.moved, found.printed) == (Moved.ONE, Printed.USED)
    assert found.witness
    assert not found.wrong
    assert mismatch(look(10, 50), look(11, 49), CAN, 1) is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (look(11), Moved.ONE),
        (look(10), Moved.NO),
        (look(12), Moved.WRONG),
        (look(9), Moved.WRONG),
        (look(None), Moved.SILENT),
        (look(11, head="H2"), Moved.SILENT),
        (look(10, canary="0"), Moved.SILENT),
        (look(10, canary=None), Moved.SILENT),
        (look(12, canary="0"), Moved.WRONG),
    ],
)
def test_what_the_feed_counter_says(after: Observation, expected: Moved) -> None:
    assert moved(look(10), after) is expected


def test_a_counter_that_counts_at_the_end_never_says_that_nothing_was_fed() -> None:
    at_end = replace(CAN, feed_counter=CountsAt.END)
    assert moved(look(10), look(10), at_end) is Moved.SILENT
    found = facts(look(10), look(11), at_end, 1)
    assert (found.moved, found.printed) == (Moved.ONE, Printed.COMPLETE)


@pytest.mark.parametrize(
    ("left", "ribbon", "expected"),
    [
        (48, "R1", Printed.USED),
        (50, "R1", Printed.SILENT),
        (49, "R1", Printed.WRONG),
        (51, "R1", Printed.WRONG),
        (None, "R1", Printed.SILENT),
        (48, "R2", Printed.SILENT),
    ],
)
def test_what_the_ribbon_says_of_a_card_with_two_sides(
    left: int | None, ribbon: str, expected: Printed
) -> None:
    found = facts(look(10, 50), look(11, left, ribbon=ribbon), CAN, 2)
    assert found.printed is expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [(49, Printed.USED), (48, Printed.WRONG), (50, Printed.SILENT)],
)
@pytest.mark.parametrize("side_count", [1, 2])
def test_a_set_with_a_second_black_prints_both_sides(
    left: int, expected: Printed, side_count: int
) -> None:
    before, after = (
        replace(seen, supplies=replace(seen.supplies, ribbon_kind="YMCKOK"))
        for seen in (look(10, 50), look(11, left))
    )
    assert facts(before, after, CAN, side_count).printed is expected
    text = mismatch(before, after, CAN, side_count) or ""
    assert ("expected 1" in text) is (left != 49)


def test_a_fault_or_a_lost_power_session_leaves_no_witness() -> None:
    before, after = look(10, 50), look(11, 49)
    assert not facts(before, with_reason(after, StateReason.MEDIA_JAM), CAN, 1).witness
    assert not facts(before, look(11, 49, canary="0"), CAN, 1).witness
    assert not facts(look(canary=None), look(11, 49, canary=None), CAN, 1).witness
    again = replace(after, status=replace(after.status, restarted=True))
    assert not facts(before, again, CAN, 1).witness


def test_an_empty_hopper_says_nothing_of_the_card_that_was_its_last() -> None:
    after = with_reason(look(11, 49), StateReason.MEDIA_EMPTY)
    assert facts(look(10, 50), after, CAN, 1).witness


def test_without_any_counter_there_is_no_witness() -> None:
    blind = replace(CAN, feed_counter=None, ribbon_counter=None)
    assert not facts(look(), look(11, 49), blind, 1).witness


def test_two_different_counters_are_never_compared() -> None:
    before = replace(look(10, None), cards_counter="Rco;card")
    for fed in (9, 10, 11, 5_000):
        after = replace(look(fed, None), cards_counter="Rco;c")
        assert moved(before, after) is Moved.SILENT
        assert mismatch(before, after, CAN, 1) is None


def test_a_mismatch_names_each_counter_and_what_was_expected() -> None:
    text = mismatch(look(10, 50), look(12, 50, serial="P2"), CAN, 1)
    assert text is not None
    assert "cards fed rose by 2, expected 1" in text
    assert "ribbon sets fell by 0, expected 1" in text
    assert "another printer" in text


def test_settled_is_rest_for_long_enough_and_no_fault() -> None:
    seen = look()
    assert settled(seen, look(), 2.0, CAN)
    assert not settled(seen, look(), 1.9, CAN)
    assert not settled(seen, look(11), 2.0, CAN)
    for change in ({"busy": True}, {"session_foreign": True}):
        busy = replace(seen, status=replace(seen.status, **change))  # type: ignore[arg-type]
        assert not settled(busy, busy, 2.0, CAN)
    jammed = with_reason(seen, StateReason.MEDIA_JAM)
    assert not settled(jammed, jammed, 2.0, CAN)


def test_only_a_proof_makes_an_attempt_found_open_untouched() -> None:
    """Every combination; the single row that is decided needs all of its facts."""
    before = evidence_of(look(10))
    looks = {
        (fed, canary, head, serial, card): replace(
            look(fed, canary=canary, head=head, serial=serial),
            status=replace(look().status, card=card),
        )
        for fed, canary, head, serial, card in product(
            (10, 11, None), ("2", "0", None), ("H1", "H2"), ("P1", "P2"), CardPosition
        )
    }
    stages = [stage for stage in Stage if stage is not Stage.CLOSED]
    counters = (CountsAt.FEED, CountsAt.END, None)
    untouched = [
        (stage, counter, *key)
        for stage, counter, (key, seen) in product(stages, counters, looks.items())
        if recover(stage, before, seen, replace(CAN, feed_counter=counter))
        is Outcome.UNTOUCHED
    ]
    proof = (Stage.FEEDING, CountsAt.FEED, 10, "2", "H1", "P1")
    assert untouched == [
        (*proof, CardPosition.NONE),
        (*proof, CardPosition.UNSENSED),
    ]


def test_a_printer_that_could_not_be_settled_proves_nothing() -> None:
    assert recover(Stage.FEEDING, evidence_of(look()), None, CAN) is Outcome.UNKNOWN
