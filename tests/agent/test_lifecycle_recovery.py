"""The recovery table, walked through whole, and what no row of it may ever say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from agent.contract.events import Decision, Found, Incident, Place, Stage
from agent.lifecycle.facts import Facts, Moved, Printed
from agent.lifecycle.recovery import (
    MOVES,
    NO_ROW,
    OUTCOMES,
    ROWS,
    Row,
    Situation,
    Way,
    decide,
    recover,
)
from protocols.vocabulary import CardPosition
from tests.agent.paper_printer import CAN
from tests.agent.test_lifecycle_facts import begun, look

OPEN = [stage for stage in Stage if stage is not Stage.CLOSED]
ENDS = (Place.OUTPUT, Place.REJECT_BIN)
NONE, INSIDE = CardPosition.NONE, CardPosition.INSIDE
EXIT, UNSENSED = CardPosition.EXIT, CardPosition.UNSENSED


def situations() -> Iterator[Situation]:
    """Every combination that could be put before the table, the absurd ones too."""
    flags = product((True, False), repeat=4)
    values = product(OPEN, Way, CardPosition, Moved, Printed, flags)
    for stage, way, card, moved, printed, (same, power, unbroken, has_bin) in values:
        found = Facts(same, power, unbroken, moved, printed)
        ends = (
            (Place.OUTPUT, Place.REJECT_BIN) if stage is Stage.DELIVERING else (None,)
        )
        for end in ends:
            yield Situation(stage, end, way, has_bin, card, found)


EVERY = tuple(situations())


def test_every_situation_is_decided_with_a_reason() -> None:
    # stages and ends, ways, cards, moved, printed, four flags
    assert len(EVERY) == 6 * 2 * 4 * 4 * 5 * 16
    for now in EVERY:
        verdict = decide(now)
        assert verdict.reason
        assert (verdict.decision in MOVES) != (verdict.decision in OUTCOMES)


def said(now: Situation) -> Decision:
    """The same rules a second time, by hand and by where the card is seen."""
    found, stage = now.facts, now.stage
    wrong = Moved.WRONG is found.moved or Printed.WRONG is found.printed
    if not found.same_printer or wrong:
        return Decision.UNKNOWN
    moved, unbroken = found.moved, found.unbroken
    proof = moved is Moved.ONE or found.printed in (Printed.COMPLETE, Printed.USED)
    denied = moved is Moved.NO or found.printed is Printed.LESS
    witness = unbroken and proof and not denied
    reject = Decision.REJECT if now.reject_bin else Decision.UNKNOWN
    ejects_itself = now.way is Way.WHOLE_JOB or stage is Stage.LAST
    if stage is Stage.DELIVERING:
        return said_of_leaving(now, witness, reject)
    if now.card is INSIDE:
        if stage is Stage.FEEDING or (stage is Stage.SENDING and ejects_itself):
            if moved is Moved.NO:
                return Decision.UNKNOWN
            fresh = stage is Stage.FEEDING and unbroken
            return Decision.GO_ON if fresh else reject
        if ejects_itself:
            return Decision.UNKNOWN
        return Decision.DELIVER if witness and stage is Stage.SENT else reject
    if now.card is not EXIT:
        if stage is Stage.FEEDING and moved is Moved.NO:
            return Decision.UNTOUCHED
        nobody_there = now.card is NONE and unbroken and moved is Moved.SILENT
        if stage is Stage.FEEDING and nobody_there:
            return Decision.UNTOUCHED
        if stage is not Stage.FEEDING and ejects_itself:
            dropped = moved is Moved.NO and found.printed is not Printed.COMPLETE
            if unbroken and dropped:
                return Decision.UNTOUCHED
        elif stage is not Stage.FEEDING and now.card is UNSENSED and unbroken:
            return reject
    if stage is Stage.SENT and ejects_itself and witness:
        return Decision.GOOD
    return Decision.UNKNOWN


def said_of_leaving(now: Situation, witness: bool, reject: Decision) -> Decision:
    if now.destination is Place.OUTPUT:
        seen = {NONE: Decision.GOOD, EXIT: Decision.GOOD, INSIDE: Decision.DELIVER}
        return seen.get(now.card, Decision.UNKNOWN) if witness else Decision.UNKNOWN
    seen = {NONE: Decision.SPOILED, INSIDE: reject}
    unbroken = now.facts.unbroken
    return seen.get(now.card, Decision.UNKNOWN) if unbroken else Decision.UNKNOWN


def differing(rows: tuple[Row, ...]) -> Situation | None:
    """The first situation that this table decides otherwise than it is said to."""
    for now in EVERY:
        try:
            decision = decide(now, rows).decision
        except StopIteration:
            return now
        if decision is not said(now):
            return now
    return None


def test_the_table_says_what_was_said_by_hand() -> None:
    assert differing(ROWS) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row-{row.number}")
def test_no_row_can_be_dropped(row: Row) -> None:
    assert differing(tuple(one for one in ROWS if one is not row)) is not None


LOOSENED = [
    (row, replace(row, needs=tuple(need for need in row.needs if need is not lost)))
    for row in ROWS
    for lost in row.needs
] + [(row, replace(row, cards=())) for row in ROWS if row.cards]


@pytest.mark.parametrize(
    ("row", "looser"), LOOSENED, ids=[str(row.number) for row, _ in LOOSENED]
)
def test_no_row_can_ask_for_less(row: Row, looser: Row) -> None:
    changed = tuple(looser if one is row else one for one in ROWS)
    assert differing(changed) is not None


def test_rows_are_numbered_in_the_order_they_are_tried() -> None:
    assert [row.number for row in ROWS] == list(range(1, 20))
    assert NO_ROW not in {row.number for row in ROWS}


def decided(*decisions: Decision) -> list[Situation]:
    return [now for now in EVERY if decide(now).decision in decisions]


def test_a_broken_chain_of_evidence_never_makes_a_card_good() -> None:
    for now in decided(Decision.GOOD, Decision.DELIVER):
        assert now.facts.witness
    for now in decided(Decision.GO_ON, Decision.SPOILED):
        assert now.facts.unbroken


def test_once_dye_may_have_been_sent_only_two_proofs_make_it_untouched() -> None:
    for now in decided(Decision.UNTOUCHED):
        assert now.card in (NONE, UNSENSED)
        if now.stage is not Stage.FEEDING:
            assert now.facts.unbroken
            assert now.facts.moved is Moved.NO
            assert now.way is Way.WHOLE_JOB or now.stage is Stage.LAST


def test_a_card_that_may_have_left_by_itself_is_never_rejected() -> None:
    for now in decided(Decision.REJECT):
        assert now.stage is not Stage.LAST
        assert now.way is Way.STEPWISE or now.stage is not Stage.SENT
        assert now.card in (INSIDE, UNSENSED)


def test_no_card_is_printed_on_but_one_that_was_seen_and_bears_nothing() -> None:
    for now in decided(Decision.GO_ON):
        assert (now.stage, now.card) == (Stage.FEEDING, INSIDE)
        assert now.facts.moved in (Moved.ONE, Moved.SILENT)


def test_a_wrong_counter_or_another_printer_is_for_a_person_and_an_incident() -> None:
    for now in EVERY:
        verdict = decide(now)
        if not now.facts.same_printer:
            assert verdict.incident is Incident.PRINTER_CHANGED
        elif now.facts.wrong:
            assert verdict.incident is Incident.COUNTER_MISMATCH
        else:
            continue
        assert (verdict.decision, verdict.row) == (Decision.UNKNOWN, NO_ROW)


def test_without_a_reject_bin_a_person_is_told_where_to_look() -> None:
    without = [now for now in EVERY if not now.reject_bin]
    assert all(decide(now).decision is not Decision.REJECT for now in without)
    inside = [now for now in without if now.card is INSIDE and now.facts.same_printer]
    unknown = [now for now in inside if decide(now).decision is Decision.UNKNOWN]
    assert unknown
    assert {decide(now).hint for now in unknown} == {Found.PRINTER}


def test_a_finding_names_its_row_its_facts_and_what_differs() -> None:
    card = look(11, 50)
    inside = replace(card, status=replace(card.status, card=INSIDE))
    finding = recover(begun(look(10, 50)), inside, CAN, None)
    assert (finding.verdict.row, finding.verdict.decision) == (8, Decision.REJECT)
    assert finding.facts.printed is Printed.LESS
    assert finding.detail == "ribbon sets fell by 0, expected 1"
    assert finding.evidence.card == "inside"
