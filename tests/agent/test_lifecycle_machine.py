"""The rules of the card cycle under any sequence of work, crashes, hands and answers.

A tiny model of blanks is the truth. The agent's side keeps only what it would have on
disk, and asks the pure rules for everything else; the truth judges what they say.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from agent.contract.commands import Owner
from agent.contract.events import Decision, Found, Place, Stage, StockCause
from agent.contract.messages import Outcome
from agent.lifecycle import ledger
from agent.lifecycle.decide import Now, Waiting, choose, expired, obstacles
from agent.lifecycle.doubt import (
    BLANKS_USED,
    Answer,
    AnswerRefusedError,
    answer,
    closing_movement,
    next_state,
    resolving_movement,
)
from agent.lifecycle.facts import Begun, evidence_of, expected_of, facts
from agent.lifecycle.ledger import Movement, balanced, counting
from agent.lifecycle.owners import taken_back
from agent.lifecycle.recovery import MOVES, OUTCOMES, recover, settled
from agent.lifecycle.states import (
    ENDED,
    JobState,
    check_job_step,
    check_stage_step,
    first_stage,
)
from protocols.contract import (
    Capabilities,
    CountsAt,
    Identity,
    Observation,
    Supplies,
)
from protocols.vocabulary import CardPosition
from tests.agent.paper_printer import CAN, START, WHOLE_JOB, PaperMachine
from tests.agent.test_recovery_worlds import Between, Dye

WAITING = (JobState.PENDING, JobState.PENDING_HELD)
CUTS = frozenset(one for one in Between if one.startswith("cut"))
ORDER = (Dye.NO, Dye.PART, Dye.WHOLE)
NEXT = {
    False: (Stage.FEEDING, Stage.SENDING, Stage.SENT, Stage.DELIVERING),
    True: (Stage.SENDING, Stage.LAST, Stage.SENT),
}
# What is never counted by a sensor or a person shows up here.
ELSEWHERE = (Place.SUSPENSE, Place.MISSING, Place.DIFFERENCE)

OWNERS = st.sampled_from((Owner.CENTRE, Owner.OPERATOR))
HOW_FAR = st.integers(0, 2)  # a motion has: not begun, begun, ended
BETWEEN = st.just(Between.NOTHING) | st.sampled_from(Between)
# Half of them prove all that a printer can: else most cards are a person's to find.
MACHINES = st.sampled_from((CAN, WHOLE_JOB)) | st.builds(
    replace,
    st.just(CAN),
    feed_counter=st.sampled_from((None, *CountsAt)),
    ribbon_counter=st.sampled_from((None, CountsAt.START, CountsAt.END)),
    power_canary=st.booleans(),
    faults_latch=st.booleans(),
    reject_bin=st.booleans(),
    whole_job=st.booleans(),
)


class At(StrEnum):
    """Where a blank really is."""

    HOPPER = "hopper"
    PATH = "path"
    OUTPUT = "output"
    BIN = "reject-bin"
    HAND = "hand"


@dataclass(eq=False)
class Blank:
    """One physical card."""

    at: At = At.HOPPER
    job_id: str = ""  # that it was fed for last
    dye: Dye = Dye.NO

    @property
    def good(self) -> bool:
        return self.dye is Dye.WHOLE


@dataclass
class Truth:
    """What is really there, and what this kind of printer shows of it at rest."""

    can: Capabilities
    sensed: bool
    blanks: list[Blank] = field(default_factory=list)
    hidden: bool = False  # the card inside stands where no sensor is
    strange_inside: bool = False  # a card that nobody ever gave to this printer
    moved: Counter[CountsAt] = field(default_factory=Counter)  # every counter
    cuts: int = 0

    def count(self, at: At) -> int:
        return sum(one.at is at for one in self.blanks)

    @property
    def inside(self) -> Blank | None:
        return next((one for one in self.blanks if one.at is At.PATH), None)

    def feed(self, job_id: str) -> Blank:
        assert self.inside is None, "fed into a path that is not empty"
        assert not self.strange_inside, "fed into a path that is not empty"
        blank = next(one for one in self.blanks if one.at is At.HOPPER)
        assert blank.dye is Dye.NO, "a marked card lies in the hopper"
        blank.at, blank.job_id, self.hidden = At.PATH, job_id, False
        self.moved[CountsAt.FEED] += 1
        return blank

    def mark(self, dye: Dye) -> None:
        """Print on the card inside, up to `dye`; never less than is on it."""
        blank = self.inside
        assert blank is not None, "printed on something else than our blank"
        before, after = ORDER.index(blank.dye), ORDER.index(dye)
        self.moved[CountsAt.START] += before == 0 < after
        self.moved[CountsAt.END] += before < 2 == after
        blank.dye = ORDER[max(before, after)]

    def look(self) -> Observation:
        shown = self.strange_inside or (self.inside is not None and not self.hidden)
        card = CardPosition.INSIDE if shown else CardPosition.NONE
        reasons = frozenset() if self.count(At.HOPPER) else frozenset({_EMPTY})
        status = replace(PaperMachine().status(), reasons=reasons)
        fed, ribbon = self.can.feed_counter, self.can.ribbon_counter
        left = None if ribbon is None else 1000 - self.moved[ribbon]
        return Observation(
            status=replace(status, card=card if self.sensed else CardPosition.UNSENSED),
            identity=Identity("Paper", "P1", "1.0", "H1"),
            supplies=Supplies("YMCKO", "R1", left, 1000),
            cards_fed=None if fed is None else self.moved[fed],
            canary=str(self.cuts) if self.can.power_canary else None,
        )


(_EMPTY,) = PaperMachine().status().reasons


@dataclass
class Job:
    """What is on disk about a job."""

    job_id: str
    queue_no: int
    expires_at: datetime
    blanks: int
    state: JobState = JobState.PENDING
    holds: set[Owner] = field(default_factory=set)
    spoiled: int = 0
    allowed_more: int = 0  # blanks, by releasing it after they were used up
    unknown: bool = False  # and nobody has answered yet

    def to(self, state: JobState) -> None:
        check_job_step(self.state, state)
        self.state = state

    def waiting(self) -> Waiting:
        held_for = BLANKS_USED if Owner.SYSTEM in self.holds else ""
        return Waiting(
            self.job_id,
            self.queue_no,
            self.state,
            self.expires_at,
            not_before=None,
            side_count=1,
            ribbon=None,
            held_for=held_for,
        )


@dataclass
class Attempt:
    """What is on disk about the attempt, and, for the truth alone, its blank."""

    job: Job
    begun: Begun
    reached: Stage = Stage.FEEDING  # how far its card was made
    running: bool = True
    closed: bool = False  # as unknown: a person is asked
    carried: bool = False  # the motion of its stage has been made
    blind_s: float | None = 0.0
    blank: Blank | None = None
    disturbed: bool = False


class LifecycleMachine(RuleBasedStateMachine):
    """One printer, its few jobs, and people who say what they see."""

    def __init__(self) -> None:
        super().__init__()
        self.truth = Truth(CAN, sensed=True)
        self.book = ledger.empty_book()
        self.jobs: list[Job] = []
        self.attempt: Attempt | None = None
        self.now = START

    @initialize(can=MACHINES, sensed=st.booleans())
    def install(self, can: Capabilities, sensed: bool) -> None:
        self.truth = Truth(can, sensed)
        self.load(6)
        for queue_no in (1, 2, 3):
            self.accept(queue_no, 40, 2)

    @property
    def can(self) -> Capabilities:
        return self.truth.can

    def _move(self, movement: Movement | None) -> None:
        if movement is not None:
            self.book = ledger.move(self.book, movement)

    def _waits(self, index: int) -> Job | None:
        found = [job for job in self.jobs if job.state in WAITING]
        return found[index % len(found)] if found else None

    # Jobs and blanks come, and jobs are ordered about

    @rule(count=st.integers(1, 3))
    def load(self, count: int) -> None:
        self._move(Movement(Place.RECEIVED, Place.HOPPER, count, StockCause.LOAD))
        self.truth.blanks += [Blank() for _ in range(count)]

    @precondition(lambda self: len(self.jobs) < 6)
    @rule(
        queue_no=st.integers(1, 3), hours=st.integers(2, 40), blanks=st.integers(1, 2)
    )
    def accept(self, queue_no: int, hours: int, blanks: int) -> None:
        ends = self.now + timedelta(hours=hours)
        self.jobs.append(Job(f"J{len(self.jobs)}", queue_no, ends, blanks))

    @rule(index=st.integers(0, 5), owner=OWNERS, release=st.booleans())
    def hold_or_release(self, index: int, owner: Owner, release: bool) -> None:
        job = self._waits(index)
        if release:
            self._release(index, owner)
        elif job is not None:
            job.holds.add(owner)
            job.to(JobState.PENDING_HELD)

    def _release(self, index: int, owner: Owner) -> None:
        job = self._waits(index)
        if job is None or not (owners := taken_back(job.holds, owner)):
            return
        job.allowed_more += Owner.SYSTEM in owners
        job.holds -= owners
        job.to(JobState.PENDING_HELD if job.holds else JobState.PENDING)

    @rule(index=st.integers(0, 30), hours=st.integers(0, 3), sure=st.booleans())
    def cancel_or_expire(self, index: int, hours: int, sure: bool) -> None:
        """Time passes; a job may be withdrawn in it."""
        if index < 4 and (job := self._waits(index)):
            job.to(JobState.CANCELED)
        self.now += timedelta(hours=hours)
        late = expired([job.waiting() for job in self.jobs], Now(self.now, sure))
        for job in self.jobs:
            if job.job_id in late:
                assert job.expires_at <= self.now
                job.to(JobState.ABORTED)

    # A card

    @rule(fars=st.lists(HOW_FAR, min_size=1, max_size=10))
    def work(self, fars: list[int]) -> None:
        """What the agent does by itself, step by step, until a person must act."""
        for far in fars:
            attempt = self.attempt
            if attempt is None:
                self._begin()
            elif attempt.running:
                self._go_on(attempt, far)
            elif not attempt.closed:
                self._settle_and_decide(attempt)
            self._check()

    def _begin(self) -> None:
        """Choose a job and write its first stage down, if nothing stands in the way."""
        left = [job for job in self.jobs if job.state not in ENDED]
        now = Now(self.now, sure=True)
        choice = choose([job.waiting() for job in left], "YMCKO", self.can, now)
        if choice is None:
            return
        seen = self.truth.look()
        if obstacles(seen, self.can, self.book, choice.job):
            return
        (job,) = [one for one in left if one.job_id == choice.job.job_id]
        assert not any(one.unknown for one in self.jobs), "an unknown card, and on"
        assert not job.holds
        job.to(JobState.PROCESSING)
        begun = Begun(
            stage=first_stage(whole_job=self.can.whole_job),
            before=evidence_of(seen),
            expected=expected_of(seen, self.can, 1),
            canary=seen.canary,
        )
        if begun.stage is not Stage.FEEDING:
            self._move(Movement(Place.HOPPER, Place.PATH, 1, StockCause.FEED))
        self.attempt = Attempt(job, begun, begun.stage)

    def _write(self, attempt: Attempt, stage: Stage, end: Place | None = None) -> None:
        """Write the next stage down; a claim for the bin makes its canary count."""
        before = attempt.begun
        check_stage_step(before.stage, stage)
        canary = before.canary if end is None else self.truth.look().canary
        attempt.begun = replace(
            before,
            stage=stage,
            destination=end,
            canary=canary,
            broken=before.broken and end is not Place.REJECT_BIN,
        )
        attempt.carried = False
        if stage is not Stage.DELIVERING:
            attempt.reached = stage
        if before.stage is Stage.FEEDING and not attempt.closed:
            self._move(Movement(Place.HOPPER, Place.PATH, 1, StockCause.FEED))

    def _go_on(self, attempt: Attempt, far: int) -> None:
        """Make the motion that is written down, then write the next one, or close."""
        if not attempt.carried:
            self._carry(attempt, far, ended=True)
            attempt.carried = True
            return
        begun = attempt.begun
        if begun.destination is Place.REJECT_BIN:
            self._close(attempt, Outcome.SPOILED)
            return
        way = NEXT[self.can.whole_job]
        leaves = begun.stage is way[-1]
        if leaves or begun.stage is Stage.SENT:
            seen = self.truth.look()
            found = facts(begun, evidence_of(seen), self.can, attempt.blind_s)
            inside = seen.status.card is CardPosition.INSIDE
            if not found.witness or (leaves and inside):
                attempt.running = False  # the table decides
            elif leaves:
                self._close(attempt, Outcome.GOOD)
                return
        if attempt.running:
            stage = way[way.index(begun.stage) + 1]
            end = Place.OUTPUT if stage is Stage.DELIVERING else None
            self._write(attempt, stage, end)

    def _carry(self, attempt: Attempt, far: int, *, ended: bool) -> None:
        """Make a motion; where not `ended`, something broke it when it had come so far.

        What the printer has taken it carries out by itself, whoever has died.
        """
        stage, truth = attempt.begun.stage, self.truth
        whole_job = self.can.whole_job
        if stage is Stage.FEEDING:
            if ended or far:
                attempt.blank = truth.feed(attempt.job.job_id)
            return
        if stage is Stage.DELIVERING:
            if (ended or far) and truth.inside is not None:
                to_bin = attempt.begun.destination is Place.REJECT_BIN
                truth.inside.at = At.BIN if to_bin else At.OUTPUT
            return
        if attempt.blank is None and (far or (ended and stage is Stage.SENT)):
            attempt.blank = truth.feed(attempt.job.job_id)
        if attempt.blank is None or truth.inside is not attempt.blank:
            return
        if stage is Stage.SENDING:
            truth.mark(ORDER[max(far - whole_job, 0)])
        elif stage is Stage.SENT or far == 2:
            truth.mark(Dye.WHOLE if ended else ORDER[far])
            if whole_job and ended:
                attempt.blank.at = At.OUTPUT

    # It does not go as it should

    def _droppable(self, attempt: Attempt) -> bool:
        """Whether this printer's counters would tell that it dropped the rest.

        Where none does, a dropped side is beyond any table (test_recovery_worlds).
        """
        if attempt.begun.stage is not Stage.SENT or attempt.blank is None:
            return self.can.whole_job
        counts = {self.can.feed_counter, self.can.ribbon_counter}
        return CountsAt.END in counts

    @rule(
        fars=st.lists(HOW_FAR, min_size=1, max_size=8),
        drops=st.booleans(),
        between=BETWEEN,
        crash=st.booleans(),
        late=st.booleans(),
    )
    def interrupt(
        self, fars: list[int], drops: bool, between: Between, crash: bool, late: bool
    ) -> None:
        """The run ends, by a crash or an error, and something may come between.

        At most one such thing an attempt: two may undo each other's traces.
        """
        self.work(fars)
        attempt, far = self.attempt, fars[0]
        if attempt is None or not attempt.running:
            return
        if attempt.disturbed:
            between = Between.NOTHING
        breaks = between is Between.FAULT or between in CUTS
        if not attempt.carried and not (drops and self._droppable(attempt)):
            accepted = attempt.begun.stage is Stage.SENT and not breaks
            self._carry(attempt, far, ended=accepted)
        happened = self._come_between(attempt, between)
        attempt.disturbed = attempt.disturbed or happened
        shows = self.can.faults_latch or not crash
        hands = happened and between not in CUTS
        broken = attempt.begun.broken or (hands and shows)
        attempt.begun = replace(attempt.begun, broken=broken)
        attempt.running, attempt.blind_s = False, None if crash else 0.0
        if late and attempt.job.state is JobState.PROCESSING:
            attempt.job.to(JobState.PROCESSING_STOPPED)

    def _come_between(self, attempt: Attempt, between: Between) -> bool:
        """Return whether it could happen at all."""
        truth, blank = self.truth, self.truth.inside
        # Where nothing proves that none was fed, a strange card passes for ours, and
        # is found by counting the hopper.
        proves = self.can.feed_counter is CountsAt.FEED and self.can.power_canary
        if between in CUTS:
            truth.cuts += 1
            truth.hidden = between is Between.CUT_HIDES
            if blank is not None and between is Between.CUT_TO_OUTPUT:
                blank.at = At.OUTPUT
            if blank is not None and between is Between.CUT_TO_BIN:
                blank.at = At.BIN
        elif between is Between.TAKEN and blank is not None:
            blank.at = At.HAND
        elif (
            between is Between.PUT and attempt.blank is None and proves and truth.sensed
        ):
            truth.strange_inside = True
        else:
            return between is Between.FAULT
        return True

    def _settle_and_decide(self, attempt: Attempt) -> None:
        first, seen = self.truth.look(), self.truth.look()
        assert settled(first, seen, self.can.settle_gap_s, self.can)
        finding = recover(attempt.begun, seen, self.can, attempt.blind_s)
        decision = finding.verdict.decision
        if not finding.facts.unbroken:
            attempt.begun = replace(attempt.begun, broken=True)
        if decision not in MOVES:
            self._close(attempt, OUTCOMES[decision])
            return
        if attempt.job.state is not JobState.PROCESSING:
            attempt.job.to(JobState.PROCESSING)
        attempt.running, attempt.blind_s = True, 0.0
        if decision is Decision.GO_ON:
            attempt.carried = True  # the card is fed
        else:
            rejects = decision is Decision.REJECT
            end = Place.REJECT_BIN if rejects else Place.OUTPUT
            self._write(attempt, Stage.DELIVERING, end)

    def _close(self, attempt: Attempt, outcome: Outcome) -> None:
        self._move(closing_movement(attempt.begun.stage, outcome))
        self._end(attempt, outcome)

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        job = attempt.job
        job.spoiled += outcome is Outcome.SPOILED
        job.to(next_state(outcome, job.spoiled, job.blanks))
        job.unknown = outcome is Outcome.UNKNOWN
        if job.state is JobState.PENDING_HELD:
            job.holds.add(Owner.SYSTEM)
        if job.unknown:
            attempt.running, attempt.closed = False, True
        else:
            self.attempt = None

    # A person

    def _in_doubt(self) -> bool:
        attempt = self.attempt
        return attempt is not None and (
            attempt.job.state is JobState.PROCESSING_STOPPED
        )

    @precondition(_in_doubt)
    @rule(brings_back=st.booleans(), says_bad=st.booleans())
    def resolve(self, brings_back: bool, says_bad: bool) -> None:
        """A person finds the card and says the truth, perhaps before the printer."""
        attempt = self.attempt
        assert attempt is not None
        if not attempt.closed:
            self._close(attempt, Outcome.UNKNOWN)
        said = self._answered(attempt, brings_back, says_bad)
        self.truth.strange_inside = False  # it is handed in with the answer
        movement = resolving_movement(said, attempt.reached)
        self._move(movement)
        if movement is not None and movement.cause is StockCause.RESOLVE_MARKED:
            place = movement.destination
            lies = self.truth.count(At.HOPPER if place is Place.HOPPER else At.BIN)
            assert counting(place, self.book[place], lies) is None
        if said.outcome is None:
            self._reject_by_command(attempt)
        elif said.outcome is Outcome.UNKNOWN:
            attempt.job.to(JobState.ABORTED)
            attempt.job.unknown, self.attempt = False, None
        else:
            self._end(attempt, said.outcome)

    def _answered(self, attempt: Attempt, brings_back: bool, says_bad: bool) -> Answer:
        truth, blank = self.truth, attempt.blank
        at = At.HOPPER if blank is None else blank.at
        bad = False if says_bad else None
        if at is At.OUTPUT and blank is not None and blank.good:
            return self._says(attempt, Found.OUTPUT, good=True)
        seen_inside = truth.look().status.card is CardPosition.INSIDE
        if at is At.PATH and seen_inside and self.can.reject_bin:
            return self._says(attempt, Found.PRINTER, good=None)
        if at is At.HOPPER:
            try:
                return self._says(attempt, Found.HOPPER, good=None)
            except AnswerRefusedError:
                pass  # nobody believes it; the next count finds the blank there
        if blank is None or (at is At.HAND and not brings_back):
            said = self._says(attempt, Found.MISSING, good=None)
            hopper = self.book[Place.HOPPER]
            self._move(counting(Place.HOPPER, hopper, truth.count(At.HOPPER)))
            return said
        blank.at = At.BIN
        if at is At.OUTPUT:
            return self._says(attempt, Found.OUTPUT, good=False)
        return self._says(attempt, Found.REJECT_BIN, good=bad)

    def _says(self, attempt: Attempt, found: Found, *, good: bool | None) -> Answer:
        by_us = not self.can.whole_job
        return answer(found, good, attempt.reached, fed_by_us=by_us)

    def _reject_by_command(self, attempt: Attempt) -> None:
        assert attempt.blank is not None
        self._write(attempt, Stage.DELIVERING, Place.REJECT_BIN)
        attempt.blank.at = At.BIN
        attempt.job.to(JobState.PROCESSING_STOPPED)

    # What always holds

    def _check(self) -> None:
        """After every step of the agent, and not only after every rule."""
        self.no_card_is_made_twice()
        self.completed_is_one_good_card_at_the_output()
        self.every_blank_is_where_the_book_says()
        self.no_job_spoils_more_than_it_may()
        self.what_is_unknown_waits_for_a_person()

    def _good(self, job: Job, *places: At) -> int:
        return sum(
            one.good and one.job_id == job.job_id and one.at in places
            for one in self.truth.blanks
        )

    @invariant()
    def no_card_is_made_twice(self) -> None:
        for job in self.jobs:
            assert self._good(job, At.OUTPUT, At.PATH, At.HAND) <= 1, job

    @invariant()
    def completed_is_one_good_card_at_the_output(self) -> None:
        for job in self.jobs:
            good = self._good(job, At.OUTPUT)
            open_still = self.attempt is not None and self.attempt.job is job
            if not open_still:
                assert good == (job.state is JobState.COMPLETED), job
            else:
                assert job.state not in ENDED

    @invariant()
    def every_blank_is_where_the_book_says(self) -> None:
        assert balanced(self.book)
        truth, book, attempt = self.truth, self.book, self.attempt
        own = attempt.blank.at if attempt and attempt.blank else At.HOPPER
        for place, at in (
            (Place.HOPPER, At.HOPPER),
            (Place.PATH, At.PATH),
            (Place.OUTPUT, At.OUTPUT),
            (Place.REJECT_BIN, At.BIN),
        ):
            there = truth.count(at) - (attempt is not None and own is at)
            booked = book[place]
            if attempt is not None and not attempt.closed:
                feeding = attempt.begun.stage is Stage.FEEDING
                booked -= place is (Place.HOPPER if feeding else Place.PATH)
            assert booked == there, (place, booked, there)
        assert book[Place.SUSPENSE] == int(attempt is not None and attempt.closed)
        lost = sum(book[place] for place in ELSEWHERE) - book[Place.SUSPENSE]
        own_lost = attempt is not None and own is At.HAND
        assert lost == truth.count(At.HAND) - own_lost

    @invariant()
    def no_job_spoils_more_than_it_may(self) -> None:
        for job in self.jobs:
            thrown = sum(
                one.job_id == job.job_id and one.at is At.BIN
                for one in self.truth.blanks
            )
            assert thrown <= job.blanks + job.allowed_more, job

    @invariant()
    def what_is_unknown_waits_for_a_person(self) -> None:
        for job in self.jobs:
            if job.unknown:
                assert job.state is JobState.PROCESSING_STOPPED
                assert self.attempt is not None
                assert self.attempt.job is job


TestLifecycle = LifecycleMachine.TestCase
TestLifecycle.settings = settings(
    max_examples=90, stateful_step_count=50, deadline=None, print_blob=True
)
