"""What two looks at a printer prove, and what is made of an attempt found open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.contract.events import Stage
from agent.lifecycle import facts as pure
from agent.lifecycle.facts import Begun, Facts, Moved, Printed, evidence_of, expected_of
from agent.lifecycle.recovery import settled
from protocols.contract import Capabilities, CountsAt, Identity, Observation, Supplies
from protocols.vocabulary import StateReason
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


def begun(before: Observation, side_count: int = 1, stage: Stage = Stage.SENT) -> Begun:
    return Begun(
        stage=stage,
        before=evidence_of(before),
        expected=expected_of(before, CAN, side_count),
        canary=before.canary,
    )


def facts(
    before: Observation, after: Observation, can: Capabilities, side_count: int
) -> Facts:
    return pure.facts(begun(before, side_count), evidence_of(after), can, 0.0)


def mismatch(
    before: Observation, after: Observation, can: Capabilities, side_count: int
) -> str:
    return pure.mismatch(begun(before, side_count), evidence_of(after), can)


def moved(before: Observation, after: Observation, can: Capabilities = CAN) -> Moved:
    return facts(before, after, can, 1).moved


def test_the_normal_run_has_a_witness() -> None:
    found = facts(look(10, 50), look(11, 49), CAN, 1)
    assert (found.moved, found.printed) == (Moved.ONE, Printed.USED)
    assert found.witness
    assert not found.wrong
    assert mismatch(look(10, 50), look(11, 49), CAN, 1) == ""


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
    found = facts(look(10, 50), look(11, 49), at_end, 1)
    assert (found.moved, found.printed) == (Moved.ONE, Printed.COMPLETE)


@pytest.mark.parametrize(
    ("left", "ribbon", "expected"),
    [
        (48, "R1", Printed.USED),
        (50, "R1", Printed.LESS),
        (49, "R1", Printed.LESS),
        (47, "R1", Printed.WRONG),
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
    [(49, Printed.USED), (48, Printed.WRONG), (50, Printed.LESS)],
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
    text = mismatch(before, after, CAN, side_count)
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
        assert mismatch(before, after, CAN, 1) == ""


def test_a_mismatch_names_each_counter_and_what_was_expected() -> None:
    text = mismatch(look(10, 50), look(12, 50, serial="P2"), CAN, 1)
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


def test_an_empty_hopper_or_an_ended_ribbon_does_not_keep_it_from_rest() -> None:
    for keyword in (StateReason.MEDIA_EMPTY, StateReason.RIBBON_EMPTY):
        last = with_reason(look(), keyword)
        assert settled(last, last, 2.0, CAN)


def test_a_counter_that_should_have_moved_denies_the_card() -> None:
    """Fed as expected, at rest, and no set of ribbon used: a blank is no good card."""
    found = facts(look(10, 50), look(11, 50), CAN, 1)
    assert (found.moved, found.printed) == (Moved.ONE, Printed.LESS)
    assert not found.witness
    at_end = replace(CAN, feed_counter=CountsAt.END)
    assert facts(look(10, 50), look(10, 49), at_end, 1).printed is Printed.LESS


def test_two_counters_that_contradict_each_other_are_both_wrong() -> None:
    assert facts(look(10, 50), look(10, 49), CAN, 1).moved is Moved.WRONG


def test_before_any_dye_was_sent_no_ribbon_of_ours_is_used() -> None:
    feeding = begun(look(10, 50), stage=Stage.FEEDING)
    for left, expected in ((50, Printed.LESS), (49, Printed.WRONG)):
        after = evidence_of(look(11, left))
        assert pure.facts(feeding, after, CAN, 0.0).printed is expected


def test_a_new_ribbon_or_head_shows_that_a_hand_was_inside() -> None:
    before = look(10, 50)
    assert facts(before, look(11, 49), CAN, 1).unbroken
    assert not facts(before, look(11, 99, ribbon="R2"), CAN, 1).unbroken
    assert not facts(before, look(11, 49, head="H2"), CAN, 1).unbroken


def test_what_was_broken_once_stays_broken() -> None:
    once = replace(begun(look(10, 50)), broken=True)
    assert not pure.facts(once, evidence_of(look(11, 49)), CAN, 0.0).unbroken


@pytest.mark.parametrize(
    ("blind_s", "latch", "expected"),
    [
        (0.0, False, True),
        (90.0, False, True),
        (90.1, False, False),
        (None, False, False),
        (None, True, True),
        (9e9, True, True),
    ],
)
def test_blindness_is_forgiven_where_faults_wait_for_the_host(
    blind_s: float | None, latch: bool, expected: bool
) -> None:
    can = replace(CAN, faults_latch=latch)
    found = pure.facts(begun(look(10, 50)), evidence_of(look(11, 49)), can, blind_s)
    assert found.unbroken is expected


def test_a_claim_renews_the_canary_that_is_compared() -> None:
    """Power was lost, a card is rejected: from the claim on its own canary counts."""
    again = replace(begun(look(10, 50, canary="2")), canary="7")
    assert pure.facts(again, evidence_of(look(11, canary="7")), CAN, 0.0).same_power
    assert not pure.facts(again, evidence_of(look(11, canary="2")), CAN, 0.0).same_power
