"""The table of the card's way, walked from every state with every command."""

from __future__ import annotations

import pytest

from protocols.errors import LocalProtocolError
from protocols.evolis.commands import COMMANDS, Op
from protocols.evolis.session import TRANSITIONS, Session, State
from protocols.vocabulary import CardFate

CARD_OPS = (
    Op.RESERVE,
    Op.HOST_DECIDES,
    Op.FEED,
    Op.BEGIN,
    Op.FRONT,
    Op.PANEL,
    Op.BACK,
    Op.PANEL,
)
UNTOUCHED, UNKNOWN, PRINTED = CardFate.UNTOUCHED, CardFate.UNKNOWN, CardFate.PRINTED


def session_in(state: State) -> Session:
    session = Session()
    session.state = state
    return session


def walked(*ops: Op) -> Session:
    session = Session()
    for op in ops:
        session.sending(op)
        session.accepted()
    return session


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("op", Op)
def test_what_is_not_in_the_table_is_illegal(state, op):
    session = session_in(state)
    if (state, op) in TRANSITIONS:
        session.sending(op)
        session.accepted()
        assert session.state is TRANSITIONS[state, op]
    else:
        with pytest.raises(LocalProtocolError, match=f"in state {state}"):
            session.sending(op)
        assert session.state is state


@pytest.mark.parametrize(("state", "op"), TRANSITIONS)
def test_a_motion_in_flight_makes_the_fate_unknown(state, op):
    session = session_in(state)
    before = session.card
    session.sending(op)
    assert session.card is (UNKNOWN if COMMANDS[op].moves_card else before)


def test_looking_is_legal_everywhere_and_changes_nothing():
    looks = (Op.POLL, Op.MODEL, Op.SERIAL, Op.RIBBON, Op.CARD_COUNTER, Op.WHO_DECIDES)
    assert all(TRANSITIONS[state, op] is state for state in State for op in looks)


def test_every_state_but_doubt_can_be_reached_and_none_is_a_trap():
    reached = {State.FREE, State.PRINTED}  # printed is seen, not commanded
    while more := {TRANSITIONS[pair] for pair in TRANSITIONS if pair[0] in reached}:
        if more <= reached:
            break
        reached |= more
    assert reached == set(State) - {State.DOUBT}


def test_a_card_is_untouched_until_it_is_fed_and_unknown_until_it_is_out():
    fates = [walked(*CARD_OPS[:count]).card for count in range(len(CARD_OPS) + 1)]
    assert fates == [UNTOUCHED] * 3 + [UNKNOWN] * 6
    session = walked(*CARD_OPS)
    session.all_printed()
    assert session.card is UNKNOWN
    session.sending(Op.EJECT)
    session.accepted()
    assert session.card is PRINTED


def test_an_unprinted_card_is_never_ejected_to_the_output():
    for state in set(State) - {State.PRINTED, State.CLAIMED}:
        assert (state, Op.EJECT) not in TRANSITIONS
        assert (state, Op.EJECT_STRAY) not in TRANSITIONS
    assert (State.CLAIMED, Op.EJECT) not in TRANSITIONS


def test_nothing_is_rejected_between_the_first_panel_and_the_end_of_printing():
    printing = (State.FRONT, State.FRONT_SENT, State.BACK, State.BACK_SENT)
    assert not [state for state in printing if (state, Op.REJECT) in TRANSITIONS]


def test_a_card_is_rejected_from_where_it_can_be_left():
    ways = {state for state, op in TRANSITIONS if op is Op.REJECT}
    assert ways == {State.CLAIMED, State.FED, State.PRINTED}


def test_a_refused_motion_leaves_only_looking():
    session = walked(*CARD_OPS[:2])
    session.sending(Op.FEED)
    session.refused()
    assert session.state is State.DOUBT
    assert session.card is UNKNOWN
    legal = {op for state, op in TRANSITIONS if state is State.DOUBT}
    assert not any(COMMANDS[op].moves_card for op in legal)


def test_a_refused_question_changes_nothing():
    session = walked(Op.RESERVE)
    session.sending(Op.WHO_DECIDES)
    session.refused()
    assert session.state is State.RESERVED
    assert session.card is UNTOUCHED


def test_a_card_that_was_there_before_is_a_doubt_until_it_is_gone():
    session = walked(Op.RESERVE, Op.HOST_DECIDES)
    session.saw_card(inside=True)
    assert session.card is UNKNOWN
    session.saw_card(inside=False)
    assert session.card is UNTOUCHED


def test_our_own_card_is_no_stray():
    session = walked(*CARD_OPS[:3])
    session.saw_card(inside=True)
    session.state = State.DELIVERED
    assert session.card is PRINTED


@pytest.mark.parametrize(
    "state", sorted(set(State) - {State.FRONT_SENT, State.BACK_SENT})
)
def test_a_card_without_panels_cannot_be_printed_to_the_end(state):
    with pytest.raises(LocalProtocolError, match="no panel was sent"):
        session_in(state).all_printed()


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        (State.FREE, UNTOUCHED),
        (State.CLAIMED, UNTOUCHED),
        (State.FED, UNKNOWN),
        (State.DELIVERED, PRINTED),
    ],
)
def test_a_command_out_of_place_says_what_became_of_the_card(state, fate):
    for illegal in (lambda one: one.check(Op.BACK), Session.all_printed):
        with pytest.raises(LocalProtocolError) as caught:
            illegal(session_in(state))
        assert caught.value.card is fate


@pytest.mark.parametrize("state", [State.FREE, State.RESERVED, State.CLAIMED])
def test_between_cards_one_may_let_go_clear_a_fault_and_see_a_stray(state):
    assert TRANSITIONS[state, Op.RELEASE] is State.FREE
    assert TRANSITIONS[state, Op.CLEAR_FAULT] is state
    session = session_in(state)
    session.saw_card(inside=True)
    assert session.card is UNKNOWN


def test_a_printer_is_let_go_between_cards_and_after_one():
    ways = {state for state, op in TRANSITIONS if op is Op.RELEASE}
    between = {State.FREE, State.RESERVED, State.CLAIMED}
    assert ways == between | {State.DELIVERED, State.REJECTED}


def test_a_whole_job_begins_with_a_claim_and_is_ended_by_us_or_for_a_dead_self():
    of_jobs = {
        (state, op): after
        for (state, op), after in TRANSITIONS.items()
        if op in (Op.JOB, Op.JOB_END)
    }
    assert of_jobs == {
        (State.CLAIMED, Op.JOB): State.JOB_SENT,
        (State.JOB_SENT, Op.JOB_END): State.JOB_ENDED,
        (State.FREE, Op.JOB_END): State.FREE,
    }


def test_where_a_card_is_sent_is_where_it_is_then():
    after = {
        (state, op): TRANSITIONS[state, op]
        for state, op in TRANSITIONS
        if op in (Op.EJECT, Op.EJECT_STRAY, Op.REJECT)
    }
    assert after == {
        (State.PRINTED, Op.EJECT): State.DELIVERED,
        (State.CLAIMED, Op.EJECT_STRAY): State.DELIVERED,
        (State.CLAIMED, Op.REJECT): State.REJECTED,
        (State.FED, Op.REJECT): State.REJECTED,
        (State.PRINTED, Op.REJECT): State.REJECTED,
    }


@pytest.mark.parametrize(
    "op", [Op.SET_INPUT_TRAY, Op.SET_OUTPUT_TRAY, Op.SET_ERROR_TRAY]
)
def test_trays_are_set_between_cards_alone_and_move_none(op):
    between = (State.FREE, State.RESERVED, State.CLAIMED)
    legal = {state: TRANSITIONS[state, one] for state, one in TRANSITIONS if one is op}
    assert legal == {state: state for state in between}
