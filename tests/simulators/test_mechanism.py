"""The machine by itself: no wire, no sockets, and time only by `tick`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.blanks import Blank, Place, Side
from simulators.build import Build, CountsAt, PowerUp
from simulators.faults import FaultKind, Faults
from simulators.hand import Hand, HandError, causes, clear
from simulators.mechanism import Mechanism
from simulators.motions import Action, Motion, Stop
from simulators.ribbons import RIBBON_KINDS

LONG_S = 1000.0


def stocked(
    blanks: int = 3, sets: int = 10, build: Build | None = None, seed: int = 0
) -> tuple[Mechanism, Hand]:
    machine = Mechanism(build or Build(), Faults(seed))
    hand = Hand(machine)
    hand.load(blanks)
    hand.change_ribbon("YMCKO", sets)
    return machine, hand


def do(machine: Mechanism, motion: Motion, panel: str = "") -> Stop | None:
    action = machine.submit(Action(motion, panel=panel))
    machine.tick(LONG_S)
    assert action.done
    return action.stop


def press_side(machine: Mechanism) -> list[Stop | None]:
    return [do(machine, Motion.PRESS, panel) for panel in "ymcko"]


def only(machine: Mechanism, place: Place) -> Blank:
    (blank,) = machine.at(place)
    return blank


def test_a_card_goes_from_the_hopper_through_the_head_to_the_output():
    machine, _ = stocked()

    assert do(machine, Motion.FEED) is None
    assert press_side(machine) == [None] * 5
    assert do(machine, Motion.EJECT) is None

    blank = only(machine, Place.OUTPUT)
    assert blank.state == "complete"
    assert [mark.panel for mark in blank.marks[Side.FRONT]] == list("ymcko")
    assert machine.counters.cards == machine.cards_fed == 1
    assert machine.ribbon is not None
    assert machine.ribbon.left == machine.sets_left_by_counter == 9


def test_a_flipped_card_is_marked_on_its_back_and_takes_a_second_set():
    machine, _ = stocked()
    do(machine, Motion.FEED)
    press_side(machine)
    do(machine, Motion.FLIP)
    press_side(machine)
    do(machine, Motion.REJECT)

    blank = only(machine, Place.REJECT_BIN)
    assert set(blank.marks) == {Side.FRONT, Side.BACK}
    assert blank.state == "complete"
    assert machine.sets_left_by_counter == 8
    assert machine.sides_printed == 2


def test_time_passes_only_as_it_is_given():
    machine, _ = stocked()
    feed = machine.submit(Action(Motion.FEED))
    machine.tick(0)
    assert machine.next_s == pytest.approx(2.5)
    machine.tick(2.4)
    assert not feed.done
    machine.tick(0.11)
    assert feed.done
    assert machine.clock_s == pytest.approx(2.51)


def test_the_same_time_in_pieces_or_at_once_ends_in_the_same_state():
    whole, pieces = stocked()[0], stocked()[0]
    for machine in (whole, pieces):
        machine.faults.schedule(FaultKind.JAM_PATH, 1)
        machine.submit(Action(Motion.FEED))
        for panel in "ymcko":
            machine.submit(Action(Motion.PRESS, panel=panel))
    whole.tick(64.0)
    for _ in range(1024):
        pieces.tick(0.0625)

    assert whole.blanks == pieces.blanks
    assert whole.latched == pieces.latched == [Stop.JAMMED]
    assert whole.clock_s == pieces.clock_s == 64.0


def test_a_motion_without_a_card_says_so_and_latches_nothing():
    machine, _ = stocked()
    assert do(machine, Motion.EJECT) is Stop.NO_CARD
    assert do(machine, Motion.PRESS, "y") is Stop.NO_CARD
    assert not machine.latched


def test_an_empty_hopper_stops_a_feed_but_not_the_card_inside():
    machine, _ = stocked(blanks=1)
    do(machine, Motion.FEED)
    assert machine.hopper_seems_empty
    assert press_side(machine) == [None] * 5
    assert do(machine, Motion.EJECT) is None
    assert do(machine, Motion.FEED) is Stop.HOPPER_EMPTY


def test_a_second_feed_takes_no_second_card():
    machine, _ = stocked()
    do(machine, Motion.FEED)
    assert do(machine, Motion.FEED) is None
    assert machine.cards_fed == len(machine.at(Place.PATH)) == 1


def test_a_double_feed_leaves_a_second_card_in_the_path():
    machine, _ = stocked()
    machine.double_feed_next = True
    do(machine, Motion.FEED)
    press_side(machine)
    do(machine, Motion.EJECT)

    assert only(machine, Place.OUTPUT).state == "complete"
    assert only(machine, Place.PATH).state == "blank"
    assert machine.counters.cards == 1


def test_a_ribbon_that_ends_between_the_sides_leaves_the_card_inside():
    machine, hand = stocked(sets=1)
    do(machine, Motion.FEED)
    press_side(machine)
    do(machine, Motion.FLIP)

    assert do(machine, Motion.PRESS, "y") is Stop.RIBBON_ENDED
    assert machine.latched == [Stop.RIBBON_ENDED]
    hand.change_ribbon("YMCKO", 5)
    assert do(machine, Motion.PRESS, "y") is Stop.RIBBON_ENDED, "it is latched"
    machine.acknowledge()
    assert do(machine, Motion.PRESS, "y") is None


def test_a_panel_that_the_ribbon_has_not_is_refused():
    machine, _ = stocked()
    do(machine, Motion.FEED)
    assert do(machine, Motion.PRESS, "s") is Stop.WRONG_RIBBON


def test_a_panel_pressed_twice_takes_another_set_and_spoils_the_card():
    machine, _ = stocked()
    do(machine, Motion.FEED)
    do(machine, Motion.PRESS, "y")
    press_side(machine)
    assert machine.sets_left_by_counter == 8
    assert only(machine, Place.PATH).state == "part-printed"


def test_a_fault_drops_all_that_was_to_follow():
    machine, _ = stocked()
    machine.faults.schedule(FaultKind.COVER_OPEN, 1)
    actions = [machine.submit(Action(Motion.FEED))]
    actions += [machine.submit(Action(Motion.PRESS, panel=p)) for p in "ymcko"]
    actions.append(machine.submit(Action(Motion.EJECT)))
    machine.tick(LONG_S)

    assert all(action.done for action in actions)
    assert actions[-1].stop is Stop.COVER_OPEN
    assert only(machine, Place.PATH).state == "part-printed"
    assert not machine.moving


def test_a_fault_in_the_middle_of_a_panel_leaves_half_of_it():
    machine, _ = stocked()
    machine.faults.schedule(FaultKind.JAM_PATH, 1)
    do(machine, Motion.FEED)
    press_side(machine)
    marks = only(machine, Place.PATH).marks[Side.FRONT]
    assert [mark.share for mark in marks[:-1]] == [1.0] * (len(marks) - 1)
    assert marks[-1].share == pytest.approx(0.5)


def test_a_jam_holds_every_motion_until_the_card_is_out():
    machine, hand = stocked()
    do(machine, Motion.FEED)
    machine.strike(FaultKind.JAM_PATH)
    for motion in (Motion.EJECT, Motion.REJECT, Motion.FLIP):
        assert do(machine, motion) is Stop.JAMMED
    machine.acknowledge()
    assert do(machine, Motion.EJECT) is Stop.JAMMED, "its cause is still there"
    machine.acknowledge()
    hand.take(Place.PATH, Place.HAND)
    assert do(machine, Motion.FEED) is None


def test_a_jam_in_an_empty_path_catches_the_next_card():
    machine, _ = stocked()
    machine.strike(FaultKind.JAM_PATH)
    assert do(machine, Motion.FEED) is Stop.JAMMED
    assert len(machine.at(Place.PATH)) == 1


@pytest.mark.parametrize(
    ("counts_at", "after_feed", "after_first_panel", "after_side", "at_the_end"),
    [
        (CountsAt.FEED, 1, 1, 1, 1),
        (CountsAt.START, 0, 1, 1, 1),
        (CountsAt.END, 0, 0, 0, 1),
    ],
)
def test_the_card_counter_moves_at_the_moment_of_its_model(
    counts_at, after_feed, after_first_panel, after_side, at_the_end
):
    machine, _ = stocked(build=Build(cards_count_at=counts_at))
    do(machine, Motion.FEED)
    assert machine.counters.cards == after_feed
    do(machine, Motion.PRESS, "y")
    assert machine.counters.cards == after_first_panel
    for panel in "mcko":
        do(machine, Motion.PRESS, panel)
    assert machine.counters.cards == after_side
    do(machine, Motion.EJECT)
    assert machine.counters.cards == at_the_end


@pytest.mark.parametrize(
    ("counts_at", "at_start", "at_end"),
    [(CountsAt.START, 9, 9), (CountsAt.END, 10, 9)],
)
def test_the_ribbon_counter_moves_at_the_moment_of_its_model(
    counts_at, at_start, at_end
):
    machine, _ = stocked(build=Build(ribbon_counts_at=counts_at))
    do(machine, Motion.FEED)
    do(machine, Motion.PRESS, "y")
    assert machine.sets_left_by_counter == at_start
    for panel in "mcko":
        do(machine, Motion.PRESS, panel)
    assert machine.sets_left_by_counter == at_end


@pytest.mark.parametrize(
    ("front", "back", "before", "after"),
    [("ymcko", "k", 9, 9), ("ymcko", "", 10, 9), ("ymcko", "ymcko", 9, 8)],
)
def test_a_set_not_used_up_is_counted_when_its_card_leaves(front, back, before, after):
    machine, hand = stocked(build=Build(ribbon_counts_at=CountsAt.END))
    hand.change_ribbon("YMCKOK", 10)
    do(machine, Motion.FEED)
    for panel in front:
        do(machine, Motion.PRESS, panel)
    do(machine, Motion.FLIP)
    for panel in back:
        do(machine, Motion.PRESS, panel)
    assert machine.sets_left_by_counter == before
    do(machine, Motion.EJECT)
    assert machine.sets_left_by_counter == after
    assert machine.ribbon is not None
    assert machine.ribbon.left == after


def test_a_cleaning_card_runs_into_a_card_that_no_sensor_sees():
    machine, hand = stocked(build=Build(power_up=PowerUp.HIDE))
    do(machine, Motion.FEED)
    machine.switch_power(on=False)
    machine.switch_power(on=True)
    hand.take_ribbon()
    hand.lay_cleaning_card()
    assert do(machine, Motion.CLEAN) is Stop.JAMMED
    assert machine.cleanings_done == 0


@pytest.mark.parametrize(("loses", "cards", "sets_left"), [(False, 2, 8), (True, 1, 9)])
def test_a_power_cut_may_take_the_last_step_of_the_counters(loses, cards, sets_left):
    machine, _ = stocked(build=Build(loses_last_count=loses))
    for _ in range(2):
        do(machine, Motion.FEED)
        press_side(machine)
        if machine.cards_fed == 1:
            do(machine, Motion.EJECT)
    machine.switch_power(on=False)

    assert machine.counters.cards == cards
    assert machine.sets_left_by_counter == sets_left
    assert machine.cards_fed == 2, "the machine's memory does not change the world"
    assert machine.ribbon is not None
    assert machine.ribbon.left == 8


def test_a_power_cut_after_the_card_is_out_takes_nothing():
    machine, _ = stocked(build=Build(loses_last_count=True))
    do(machine, Motion.FEED)
    do(machine, Motion.EJECT)
    machine.switch_power(on=False)
    assert machine.counters.cards == 1


@pytest.mark.parametrize(
    ("power_up", "place", "sensed"),
    [
        (PowerUp.KEEP, Place.PATH, True),
        (PowerUp.HIDE, Place.PATH, False),
        (PowerUp.FLUSH, Place.OUTPUT, False),
    ],
)
def test_power_up_keeps_hides_or_flushes_the_card(power_up, place, sensed):
    machine, _ = stocked(build=Build(power_up=power_up))
    machine.faults.schedule(FaultKind.POWER_CUT, 1)
    do(machine, Motion.FEED)
    press_side(machine)
    assert not machine.powered
    assert not machine.latched
    machine.switch_power(on=True)
    machine.tick(LONG_S)

    assert only(machine, place).state == "part-printed"
    assert (machine.sensed_card is not None) is sensed


def test_power_up_forgets_the_fault_and_how_far_the_ribbon_was():
    machine, _ = stocked()
    do(machine, Motion.FEED)
    do(machine, Motion.PRESS, "y")
    machine.strike(FaultKind.JAM_PATH)
    assert do(machine, Motion.EJECT) is Stop.JAMMED
    machine.switch_power(on=False)
    machine.jammed = False
    machine.switch_power(on=True)
    machine.tick(LONG_S)
    assert machine.latched == []
    assert do(machine, Motion.PRESS, "m") is None
    assert machine.sets_left_by_counter == 8, "it winds on to a new set"


def test_without_power_nothing_moves_but_the_clock():
    machine, _ = stocked()
    machine.switch_power(on=False)
    assert do(machine, Motion.FEED) is Stop.POWER_OFF
    assert not machine.at(Place.PATH)
    assert machine.clock_s == LONG_S


def test_a_hidden_card_collides_with_the_next_one_fed():
    machine, _ = stocked(build=Build(power_up=PowerUp.HIDE))
    do(machine, Motion.FEED)
    machine.switch_power(on=False)
    machine.switch_power(on=True)
    assert do(machine, Motion.FEED) is Stop.JAMMED
    assert len(machine.at(Place.PATH)) == 2


def test_a_strange_card_is_sensed_like_any_other_and_counted_by_nobody():
    machine, hand = stocked()
    hand.insert()
    blank = machine.sensed_card
    assert blank is not None
    assert blank.strange
    assert blank.fed_no is None
    assert machine.counters.cards == 0
    with pytest.raises(HandError, match="in the path already"):
        hand.insert()


def test_taking_the_card_that_moves_stops_the_machine():
    machine, hand = stocked()
    feed = machine.submit(Action(Motion.FEED))
    machine.tick(1.0)
    hand.take(Place.PATH, Place.HAND)
    assert feed.stop is Stop.COVER_OPEN
    assert machine.latched == [Stop.COVER_OPEN]
    assert not machine.cover_open, "the hand closed it again"


@pytest.mark.parametrize(
    ("kind", "stop"),
    [
        (FaultKind.HOPPER_EMPTY, Stop.HOPPER_EMPTY),
        (FaultKind.JAM_PATH, Stop.JAMMED),
        (FaultKind.COVER_OPEN, Stop.COVER_OPEN),
        (FaultKind.RIBBON_ENDED, Stop.RIBBON_ENDED),
        (FaultKind.POWER_CUT, Stop.POWER_OFF),
        (FaultKind.FEED_FAILURE, Stop.FEED_FAILED),
        (FaultKind.JAM_EXIT, Stop.JAMMED),
        (FaultKind.RIBBON_BROKEN, Stop.RIBBON_BROKEN),
        (FaultKind.WRONG_RIBBON, Stop.WRONG_RIBBON),
        (FaultKind.HEAD_HOT, Stop.HEAD_HOT),
        (FaultKind.OUTPUT_FULL, Stop.OUTPUT_FULL),
    ],
)
def test_a_scheduled_fault_strikes_its_card_and_goes_away_when_cleared(kind, stop):
    machine, hand = stocked()
    machine.faults.schedule(kind, 2)
    stops = []
    for _ in range(2):
        stops += [do(machine, Motion.FEED), *press_side(machine)]
        stops.append(do(machine, Motion.EJECT))
    first_card, second_card = stops[:7], stops[7:]
    assert first_card == [None] * 7
    assert stop in second_card
    assert kind in causes(machine)
    clear(hand, kind)
    assert kind not in causes(machine)


def test_a_hanging_stack_keeps_its_blanks():
    machine, _ = stocked(blanks=3)
    machine.faults.schedule(FaultKind.HOPPER_EMPTY, 1)
    assert do(machine, Motion.FEED) is Stop.HOPPER_EMPTY
    assert len(machine.at(Place.HOPPER)) == 3
    assert machine.cards_fed == 0


def test_loading_blanks_puts_a_hanging_stack_right():
    machine, hand = stocked(blanks=3)
    machine.strike(FaultKind.HOPPER_EMPTY)
    hand.load(1)
    assert do(machine, Motion.FEED) is None


OPERATIONS = st.one_of(
    st.tuples(st.just("do"), st.sampled_from([*Motion])),
    st.tuples(st.just("queue"), st.sampled_from([*Motion])),
    st.tuples(st.just("tick"), st.floats(0, 30)),
    st.tuples(st.just("strike"), st.sampled_from([*FaultKind])),
    st.tuples(st.just("clear"), st.sampled_from([*FaultKind])),
    st.tuples(st.just("take"), st.tuples(*[st.sampled_from([*Place])] * 2)),
    st.tuples(st.just("power"), st.booleans()),
    st.tuples(st.just("cover"), st.booleans()),
    st.tuples(st.just("load"), st.integers(0, 3)),
    st.tuples(st.just("insert"), st.none()),
    st.tuples(st.just("bin"), st.none()),
    st.tuples(st.just("double"), st.none()),
    st.tuples(st.just("acknowledge"), st.none()),
    st.tuples(st.just("reset"), st.none()),
    st.tuples(
        st.just("ribbon"),
        st.tuples(st.sampled_from([*RIBBON_KINDS]), st.integers(0, 3)),
    ),
    st.tuples(st.just("ribbon-out"), st.none()),
    st.tuples(st.just("ribbon-back"), st.none()),
    st.tuples(st.just("cleaning-card"), st.none()),
)


def acts(machine: Mechanism, hand: Hand) -> dict[str, Callable[[Any], object]]:
    return {
        "do": lambda motion: do(machine, motion, "k"),
        "queue": lambda motion: machine.submit(
            Action(motion, panel="y", may_feed=True)
        ),
        "tick": machine.tick,
        "strike": machine.strike,
        "clear": lambda kind: clear(hand, kind),
        "take": lambda places: hand.take(*places),
        "power": lambda on: machine.switch_power(on=on),
        "cover": lambda is_open: machine.open_cover(is_open=is_open),
        "load": hand.load,
        "insert": lambda _: hand.insert(),
        "bin": lambda _: hand.empty_reject_bin(),
        "double": lambda _: setattr(machine, "double_feed_next", True),
        "acknowledge": lambda _: machine.acknowledge(),
        "reset": lambda _: machine.reset(),
        "ribbon": lambda ribbon: hand.change_ribbon(*ribbon),
        "ribbon-out": lambda _: hand.take_ribbon(),
        "ribbon-back": lambda _: hand.return_ribbon(),
        "cleaning-card": lambda _: hand.lay_cleaning_card(),
    }


def operate(machine: Mechanism, hand: Hand, name: str, value: object) -> int:
    """Do one thing; return how many cards it brought in from outside."""
    before = hand.made_count
    try:
        acts(machine, hand)[name](value)
    except HandError:
        assert hand.made_count == before, "what a hand cannot do, it does not do"
    return hand.made_count - before if name in ("load", "insert") else 0


def _sides(machine: Mechanism) -> set[Side]:
    """The sides on which some card is marked."""
    return {side for blank in machine.blanks for side in blank.marks}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(OPERATIONS, max_size=40),
    st.builds(
        Build,
        cards_count_at=st.sampled_from([*CountsAt]),
        ribbon_counts_at=st.sampled_from([*CountsAt]),
        power_up=st.sampled_from([*PowerUp]),
        has_flipper=st.booleans(),
        has_reject_bin=st.booleans(),
        loses_last_count=st.booleans(),
    ),
    st.lists(st.tuples(st.sampled_from([*FaultKind]), st.integers(1, 4)), max_size=3),
)
def test_no_card_vanishes_and_none_is_made_but_by_hand(operations, build, plan):
    machine, hand = stocked(build=build)
    for kind, card_no in plan:
        machine.faults.schedule(kind, card_no)
    count = len(machine.blanks)
    for name, value in operations:
        fed, ribbon = machine.cards_fed, machine.ribbon
        left = ribbon.left if ribbon else 0
        count += operate(machine, hand, name, value)

        ids = Counter(blank.blank_id for blank in machine.blanks)
        assert len(machine.blanks) == count
        assert set(ids.values()) == {1}
        assert sum(len(machine.at(place)) for place in Place) == count
        assert machine.cards_fed >= fed
        if ribbon is not None:
            assert 0 <= ribbon.left <= left, "no panel is pressed twice"
        assert build.has_flipper or Side.BACK not in _sides(machine)
        assert machine.powered or not machine.moving
    machine.tick(LONG_S)
    assert not machine.moving, "whatever was asked comes to an end"
