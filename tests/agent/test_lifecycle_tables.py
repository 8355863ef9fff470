"""The rules of the card cycle, walked through whole."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from agent.contract.events import Found, Place, Stage
from agent.contract.messages import Cause, Outcome
from agent.lifecycle import decide, doubt, ledger
from agent.lifecycle.doubt import AnswerRefusedError, answer
from agent.lifecycle.states import (
    ENDED,
    LEAVES_TO,
    IllegalStepError,
    JobState,
    check_job_step,
    check_stage_step,
)
from protocols.contract import Supplies
from protocols.vocabulary import CardPosition, Reason, Severity, StateReason
from tests.agent.paper_printer import CAN, START, PaperMachine, error

OPEN_STAGES = [stage for stage in Stage if stage is not Stage.CLOSED]
NOW = decide.Now(START, sure=True)


def test_a_job_that_has_ended_goes_nowhere_and_no_other_state_is_a_trap() -> None:
    assert {JobState.COMPLETED, JobState.CANCELED, JobState.ABORTED} == ENDED
    for now, then in product(JobState, JobState):
        if then in LEAVES_TO[now]:
            check_job_step(now, then)
        else:
            with pytest.raises(IllegalStepError):
                check_job_step(now, then)
    reached = {then for next_ones in LEAVES_TO.values() for then in next_ones}
    assert reached == set(JobState)


def test_no_job_completes_without_having_been_at_work() -> None:
    before = {now for now in JobState if JobState.COMPLETED in LEAVES_TO[now]}
    assert before == {JobState.PROCESSING, JobState.PROCESSING_STOPPED}


def test_stages_only_go_forward() -> None:
    order = list(Stage)
    for now, then in product(Stage, Stage):
        forward = order.index(then) > order.index(now) or now is then
        try:
            check_stage_step(now, then)
        except IllegalStepError:
            continue
        assert forward


# found, good -> stages that allow it, outcome, destination (None: asked again)
EXPECTED: dict[tuple[Found, bool | None], tuple[str, Outcome | None, Place | None]] = {
    (Found.OUTPUT, True): ("marked", Outcome.GOOD, Place.OUTPUT),
    (Found.OUTPUT, False): ("any", Outcome.SPOILED, Place.REJECT_BIN),
    (Found.REJECT_BIN, None): ("any", Outcome.SPOILED, Place.REJECT_BIN),
    (Found.REJECT_BIN, False): ("any", Outcome.SPOILED, Place.REJECT_BIN),
    (Found.PRINTER, None): ("any", None, None),
    (Found.HOPPER, None): ("feeding", Outcome.UNTOUCHED, Place.HOPPER),
    (Found.MISSING, None): ("any", Outcome.UNKNOWN, Place.MISSING),
}


@pytest.mark.parametrize("stage", OPEN_STAGES)
@pytest.mark.parametrize("good", [True, False, None])
@pytest.mark.parametrize("found", Found)
def test_every_answer_of_a_person_is_decided_or_refused_with_words(
    found: Found, good: bool | None, stage: Stage
) -> None:
    stages, outcome, destination = EXPECTED.get((found, good), ("none", None, None))
    feeding = stage is Stage.FEEDING
    allowed = {"any": True, "marked": not feeding, "feeding": feeding, "none": False}
    if not allowed[stages]:
        with pytest.raises(AnswerRefusedError, match="card"):
            answer(found, good, stage)
        return
    row = answer(found, good, stage)
    assert (row.outcome, row.destination) == (outcome, destination)
    movement = doubt.resolving_movement(row, stage)
    assert (movement is None) == (destination is None)
    if movement is not None:
        two = destination is Place.MISSING or (
            destination is Place.REJECT_BIN and not feeding
        )
        assert ledger.rule_of(movement).people == (2 if two else 1)


@pytest.mark.parametrize("stage", OPEN_STAGES)
def test_of_a_whole_job_the_blank_may_be_in_the_hopper_for_two_once_all_was_sent(
    stage: Stage,
) -> None:
    if stage is not Stage.DELIVERING:
        row = answer(Found.HOPPER, None, stage, fed_by_us=False)
        assert (row.outcome, row.destination) == (Outcome.UNTOUCHED, Place.HOPPER)
        movement = doubt.resolving_movement(row, stage)
        assert movement is not None
        two = stage in (Stage.LAST, Stage.SENT)
        assert ledger.rule_of(movement).people == (2 if two else 1)
    else:
        with pytest.raises(AnswerRefusedError, match="cannot be back there"):
            answer(Found.HOPPER, None, stage, fed_by_us=False)


@pytest.mark.parametrize(
    ("outcome", "spoiled", "state"),
    [
        (Outcome.GOOD, 0, JobState.COMPLETED),
        (Outcome.UNTOUCHED, 9, JobState.PENDING),
        (Outcome.SPOILED, 1, JobState.PENDING),
        (Outcome.SPOILED, 2, JobState.PENDING_HELD),
        (Outcome.UNKNOWN, 0, JobState.PROCESSING_STOPPED),
    ],
)
def test_what_an_outcome_means_for_the_job(
    outcome: Outcome, spoiled: int, state: JobState
) -> None:
    assert doubt.next_state(outcome, spoiled, 2) is state


@pytest.mark.parametrize("stage", OPEN_STAGES)
@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.TEST}))
def test_a_closed_attempt_leaves_its_blank_in_one_place(
    outcome: Outcome, stage: Stage
) -> None:
    book = ledger.empty_book() | {Place.RECEIVED: 1, doubt.BOOKED_AT[stage]: 1}
    movement = doubt.closing_movement(stage, outcome)
    if stage is Stage.FEEDING and outcome in (Outcome.GOOD, Outcome.SPOILED):
        assert movement is not None
        with pytest.raises(ledger.MovementRefusedError, match="from hopper"):
            ledger.move(book, movement)
        return
    after = ledger.move(book, movement) if movement else book
    assert ledger.balanced(after)
    assert after[Place.PATH] == 0


def test_only_a_spoiled_blank_has_a_cause() -> None:
    assert doubt.cause_of(Outcome.SPOILED) is Cause.GAGAL_CETAK
    assert doubt.cause_of(Outcome.GOOD) is None


def waiting(job_id: str = "J1", queue_no: int = 1, **changes: object) -> decide.Waiting:
    fields: dict[str, object] = {
        "job_id": job_id,
        "queue_no": queue_no,
        "state": JobState.PENDING,
        "expires_at": START + timedelta(days=1),
        "not_before": None,
        "side_count": 1,
        "ribbon": None,
        "held_for": "",
    }
    return decide.Waiting(**(fields | changes))  # type: ignore[arg-type]


def test_the_smallest_queue_number_is_next() -> None:
    jobs = [waiting("B", 7), waiting("A", 3), waiting("C", 9)]
    choice = decide.choose(jobs, "YMCKO", CAN, NOW)
    assert choice is not None
    assert (choice.job.job_id, choice.passed_over) == ("A", ())


def test_who_is_passed_over_is_named_with_the_reason() -> None:
    held = {"state": JobState.PENDING_HELD}
    jobs = [
        waiting("A", 1, held_for="x-blanks-used", **held),
        waiting("B", 2, not_before=START + timedelta(hours=1)),
        waiting("C", 3, ribbon="KO"),
        waiting("D", 4, **held),
        waiting("E", 5),
        waiting("F", 6),
    ]
    choice = decide.choose(jobs, "YMCKO", CAN, NOW)
    assert choice is not None
    assert choice.job.job_id == "E"
    assert choice.passed_over == (
        "A x-blanks-used",
        "B not-before",
        "C x-wrong-ribbon",
        "D held",
    )


def test_a_crowd_passed_over_is_counted_where_it_is_not_named() -> None:
    held = [
        waiting(f"H{n:03}", n, state=JobState.PENDING_HELD, held_for="held")
        for n in range(150)
    ]
    choice = decide.choose([*held, waiting("Z", 999)], "YMCKO", CAN, NOW)
    assert choice is not None
    assert len(choice.passed_over) == decide.PASSED_OVER_MAX + 1
    assert choice.passed_over[-1] == "+50 more"


def test_when_all_wait_for_another_ribbon_the_first_asks_for_it() -> None:
    jobs = [waiting("A", 1, ribbon="KO"), waiting("B", 2, ribbon="KO")]
    choice = decide.choose(jobs, "YMCKO", CAN, NOW)
    assert choice is not None
    assert choice.job.job_id == "A"


def test_a_job_that_names_no_ribbon_waits_for_one_with_colour() -> None:
    jobs = [waiting("A", 1), waiting("B", 2, ribbon="KO")]
    choice = decide.choose(jobs, "KO", CAN, NOW)
    assert choice is not None
    assert (choice.job.job_id, choice.passed_over) == ("B", ("A x-wrong-ribbon",))


def test_no_time_passes_for_a_clock_that_is_not_sure() -> None:
    unsure = decide.Now(START + timedelta(days=9), sure=False)
    early = waiting(not_before=START)
    assert decide.choose([early], "YMCKO", CAN, unsure) is None
    assert decide.expired([waiting()], unsure) == []
    assert decide.expired([waiting()], decide.Now(unsure.at, sure=True)) == ["J1"]


def test_a_job_at_work_never_expires() -> None:
    late = decide.Now(START + timedelta(days=9), sure=True)
    for state in set(JobState) - {JobState.PENDING, JobState.PENDING_HELD}:
        assert decide.expired([waiting(state=state)], late) == []


def reasons_for(machine: PaperMachine, book: int, **job: object) -> set[str]:
    from protocols.contract import Identity, Observation

    seen = Observation(
        status=machine.status(),
        identity=Identity("Paper", "P1", "1.0", "H1"),
        supplies=Supplies(machine.ribbon, "R1", machine.ribbon_left, 100),
        cards_fed=0,
        canary="2",
    )
    books = ledger.empty_book() | {Place.RECEIVED: book, Place.HOPPER: book}
    return {str(one) for one in decide.obstacles(seen, CAN, books, waiting(**job))}  # type: ignore[arg-type]


def test_nothing_stands_in_the_way_of_a_printer_that_is_ready() -> None:
    machine = PaperMachine()
    machine.load(1)
    assert reasons_for(machine, 1) == set()


@pytest.mark.parametrize("keyword", [*StateReason])
def test_whatever_the_printer_calls_an_error_stops_the_next_card(
    keyword: StateReason,
) -> None:
    machine = PaperMachine(latched=frozenset({error(keyword)}))
    machine.load(1)
    assert f"{keyword}-error" in reasons_for(machine, 1)


def test_a_warning_stops_nothing_but_a_full_reject_bin_does() -> None:
    low = Reason(StateReason.RIBBON_ALMOST_EMPTY, Severity.WARNING)
    full = Reason(StateReason.REJECT_BIN_FULL, Severity.WARNING)
    machine = PaperMachine(latched=frozenset({low}))
    machine.load(1)
    assert reasons_for(machine, 1) == set()
    machine.latched = frozenset({full})
    assert reasons_for(machine, 1) == {"x-reject-bin-full-error"}


@pytest.mark.parametrize(
    ("real", "book", "expected"),
    [
        (0, 0, {"media-empty-error"}),
        (0, 1, {"media-empty-error", "x-stock-mismatch-error"}),
        (1, 0, {"x-stock-mismatch-error"}),
        (1, 5, set()),
    ],
)
def test_the_hopper_is_empty_exactly_when_the_book_says_so(
    real: int, book: int, expected: set[str]
) -> None:
    machine = PaperMachine()
    machine.load(real)
    assert reasons_for(machine, book) == expected


@pytest.mark.parametrize(
    ("ribbon", "left", "job", "expected"),
    [
        ("YMCKO", 2, {"side_count": 2}, set()),
        ("YMCKO", 1, {"side_count": 2}, {"marker-print-ribbon-empty-error"}),
        ("YMCKOK", 1, {"side_count": 2}, set()),  # a set prints both sides
        ("YMCKOK", 0, {"side_count": 1}, {"marker-print-ribbon-empty-error"}),
        ("YMCKO", 9, {"ribbon": "KO"}, {"x-wrong-ribbon-error"}),
        ("KO", 9, {"ribbon": "KO"}, set()),
        ("KO", 9, {"ribbon": None}, {"x-wrong-ribbon-error"}),  # it has no colour
        ("vendor's own", 9, {}, {"x-wrong-ribbon-error"}),
        ("", 9, {}, {"x-ribbon-missing-error"}),
    ],
)
def test_the_ribbon_must_be_right_and_long_enough(
    ribbon: str, left: int, job: dict[str, object], expected: set[str]
) -> None:
    machine = PaperMachine(ribbon=ribbon, ribbon_left=left)
    machine.load(1)
    assert reasons_for(machine, 1, **job) == expected


def test_a_card_in_the_path_or_the_exit_stops_the_next_one() -> None:
    from dataclasses import replace

    machine = PaperMachine()
    machine.load(1)
    for card, expected in (
        (CardPosition.INSIDE, {"x-foreign-card-error"}),
        (CardPosition.EXIT, {"output-area-full-error"}),
        (CardPosition.UNSENSED, set()),
    ):
        status = replace(machine.status(), card=card)
        found = decide.machine_reasons(status, CAN)
        assert {str(one) for one in found} == expected
