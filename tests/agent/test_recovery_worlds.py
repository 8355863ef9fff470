"""Every way a card can have gone, played out on paper, and what the table makes of it.

A small model of the physical possibilities: what was carried out before the silence,
what came between (nothing, a hand, a fault, a power cut), and what each kind of printer
then shows. The table sees only that; the truth judges what it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import product

from agent.contract.events import Decision, Evidence, Expected, Place, Stage
from agent.lifecycle.facts import Begun
from agent.lifecycle.recovery import Finding, recover
from protocols.contract import Capabilities, CountsAt, Identity, Observation, Supplies
from protocols.vocabulary import CardPosition
from tests.agent.paper_printer import CAN, PaperMachine


class At(StrEnum):
    """Where the blank of this attempt really is."""

    HOPPER = "hopper"
    INSIDE = "inside"
    OUTPUT = "output"
    BIN = "bin"
    HAND = "hand"


class Dye(StrEnum):
    """What is really on it."""

    NO = "no"
    PART = "part"
    WHOLE = "whole"
    STRANGE = "strange"  # another host has printed on it


class Between(StrEnum):
    """What happened while nobody looked."""

    NOTHING = "nothing"
    TAKEN = "taken"  # a hand takes the card out of the path
    PUT = "put"  # a hand puts a card into an empty path
    FAULT = "fault"
    CUT_STAYS = "cut-stays"  # power cuts, by what the power-up does with a card inside
    CUT_HIDES = "cut-hides"
    CUT_TO_OUTPUT = "cut-to-output"
    CUT_TO_BIN = "cut-to-bin"


CUTS = {
    Between.CUT_STAYS: At.INSIDE,
    Between.CUT_HIDES: At.INSIDE,
    Between.CUT_TO_OUTPUT: At.OUTPUT,
    Between.CUT_TO_BIN: At.BIN,
}


@dataclass(frozen=True, slots=True)
class World:
    """One possibility."""

    stage: Stage
    destination: Place | None
    between: Between
    at: At
    dye: Dye
    hidden: bool = False
    strange_inside: bool = False
    fed: bool = True  # the counter of feeds has moved


def before(whole_job: bool) -> Iterator[tuple[Stage, Place | None, At, Dye, bool]]:
    """What the machine can have done by itself; False: only if something broke it."""
    inside, output, hopper = At.INSIDE, At.OUTPUT, At.HOPPER
    if whole_job:
        for stage in (Stage.SENDING, Stage.LAST, Stage.SENT):
            yield stage, None, hopper, Dye.NO, True  # dropped, or not begun
        for dye in (Dye.NO, Dye.PART):
            yield Stage.SENDING, None, inside, dye, True
        for stage in (Stage.LAST, Stage.SENT):
            for dye in (Dye.NO, Dye.PART, Dye.WHOLE):
                yield stage, None, inside, dye, False
            yield stage, None, output, Dye.WHOLE, True
        yield Stage.SENT, None, output, Dye.PART, True  # somebody pressed "cancel"
    else:
        yield Stage.FEEDING, None, hopper, Dye.NO, True
        yield Stage.FEEDING, None, inside, Dye.NO, True
        yield Stage.FEEDING, None, inside, Dye.STRANGE, True
        for dye in (Dye.NO, Dye.PART, Dye.WHOLE):
            yield Stage.SENDING, None, inside, dye, True
            yield Stage.SENT, None, inside, dye, True  # it may drop the rest
        yield Stage.DELIVERING, Place.OUTPUT, inside, Dye.WHOLE, True
        yield Stage.DELIVERING, Place.OUTPUT, output, Dye.WHOLE, True
    for dye, at in product((Dye.NO, Dye.PART, Dye.WHOLE), (inside, At.BIN)):
        yield Stage.DELIVERING, Place.REJECT_BIN, at, dye, True


def worlds(whole_job: bool) -> Iterator[World]:
    """Everything that may have happened, to the card and between."""
    for (stage, end, at, dye, by_itself), between in product(
        before(whole_job), Between
    ):
        world = World(stage, end, between, at, dye, fed=at is not At.HOPPER)
        breaks = between is Between.FAULT or between in CUTS
        if not (by_itself or breaks):
            continue
        if between is Between.TAKEN and at is At.INSIDE:
            yield replace(world, at=At.HAND)
        elif between is Between.PUT and at is At.HOPPER:
            yield replace(world, strange_inside=True)
        elif between in CUTS and at is At.INSIDE:
            hidden = between is Between.CUT_HIDES
            yield replace(world, at=CUTS[between], hidden=hidden)
        elif between not in (Between.TAKEN, Between.PUT):
            yield world


def machines(whole_job: bool) -> Iterator[tuple[Capabilities, bool, bool]]:
    """Every kind of printer; whether it senses cards, and forgets a count uncut."""
    counts = (None, *CountsAt)
    flags = (True, False)
    for feed, ribbon, canary, latch, sensed, forgets in product(
        counts, (None, CountsAt.START, CountsAt.END), flags, flags, flags, flags
    ):
        can = replace(
            CAN,
            feed_counter=feed,
            ribbon_counter=ribbon,
            power_canary=canary,
            faults_latch=latch,
            whole_job=whole_job,
        )
        yield can, sensed, forgets


def count(world: World, moment: CountsAt | None, forgets: bool) -> int | None:
    """How far a counter of this kind has moved."""
    if moment is None:
        return None
    if forgets and world.between in CUTS and world.at is not At.HOPPER:
        return 0
    started = world.dye is not Dye.NO
    ended = world.dye in (Dye.WHOLE, Dye.STRANGE)
    moved = {CountsAt.FEED: world.fed, CountsAt.START: started, CountsAt.END: ended}
    return int(moved[moment])


def shown(world: World, can: Capabilities, sensed: bool, forgets: bool) -> Observation:
    """What such a printer shows of this world, at rest and without a fault."""
    inside = (world.at is At.INSIDE and not world.hidden) or world.strange_inside
    card = CardPosition.INSIDE if inside else CardPosition.NONE
    fed = count(world, can.feed_counter, forgets)
    used = count(world, can.ribbon_counter, forgets)
    cut = world.between in CUTS
    status = replace(PaperMachine().status(), reasons=frozenset())
    return Observation(
        status=replace(status, card=card if sensed else CardPosition.UNSENSED),
        identity=Identity("Paper", "P1", "1.0", "H1"),
        supplies=Supplies("YMCKO", "R1", None if used is None else 50 - used, 100),
        cards_fed=None if fed is None else 10 + fed,
        canary=("0" if cut else "2") if can.power_canary else None,
    )


def judged(world: World, can: Capabilities, sensed: bool, forgets: bool) -> Finding:
    canary = "2" if can.power_canary else None
    evidence = Evidence(
        card="none",
        reasons=[],
        cards_fed=None if can.feed_counter is None else 10,
        ribbon_left=None if can.ribbon_counter is None else 50,
        printer_serial="P1",
        head_serial="H1",
        ribbon_serial="R1",
        canary=canary,
    )
    # A printer whose faults latch shows a hand or a fault, and that is written down.
    seen = world.between in (Between.FAULT, Between.TAKEN, Between.PUT)
    begun = Begun(
        stage=world.stage,
        before=evidence,
        expected=Expected(cards=1, sets=1),
        destination=world.destination,
        canary=canary,
        broken=seen and can.faults_latch,
    )
    return recover(begun, shown(world, can, sensed, forgets), can, None)


def harm(world: World, decision: Decision) -> str:
    """What goes wrong in this world if that is done; empty: nothing."""
    ours = (world.at, world.dye)
    if decision is Decision.GOOD and ours != (At.OUTPUT, Dye.WHOLE):
        return "a job completed without a good card"
    if decision is Decision.DELIVER and ours != (At.INSIDE, Dye.WHOLE):
        return "something else than a good card delivered as one"
    if decision is Decision.GO_ON and ours != (At.INSIDE, Dye.NO):
        return "printed on something else than our blank"
    again = (Decision.UNTOUCHED, Decision.REJECT, Decision.SPOILED)
    if decision in again and world.dye is Dye.WHOLE:
        stays = world.at if decision is not Decision.REJECT else At.OUTPUT
        if world.at in (At.OUTPUT, At.HAND) or stays is At.INSIDE:
            return "printed a second time while a good card exists"
    if decision is Decision.UNTOUCHED and world.at not in (At.HOPPER, At.HAND):
        return "a blank booked into the hopper that is not there"
    if decision is Decision.SPOILED and world.at is not At.BIN:
        return "a blank booked into the reject bin that is not there"
    if decision is Decision.REJECT and world.at in (At.OUTPUT, At.BIN):
        return "a blank rejected that is elsewhere"
    return ""


def detectable(world: World, can: Capabilities) -> bool:
    """What happens without a fault to see is told by the right counter, or by none."""
    counts = {can.ribbon_counter, can.feed_counter}
    starts, ends = bool(counts & {CountsAt.START, CountsAt.END}), CountsAt.END in counts
    sent = world.stage is Stage.SENT
    if world.dye is Dye.STRANGE or (sent and world.dye is Dye.NO and world.fed):
        return starts
    return ends or not (sent and world.dye is Dye.PART)


@cache
def played() -> list[tuple[World, Finding]]:
    """Every world on every machine that could tell, and what is said of it."""
    return [
        (world, judged(world, can, sensed, forgets))
        for whole_job in (False, True)
        for (can, sensed, forgets), world in product(
            machines(whole_job), worlds(whole_job)
        )
        if detectable(world, can)
    ]


def test_in_no_world_does_the_table_make_a_second_card_or_lose_one() -> None:
    for world, finding in played():
        found = harm(world, finding.verdict.decision)
        assert not found, (found, world, finding)
    assert len(played()) > 40_000


def test_every_row_is_met_in_some_world() -> None:
    assert {finding.verdict.row for _, finding in played()} == set(range(20))


def test_a_printer_that_can_prove_everything_needs_no_person_for_a_silence() -> None:
    """Nothing but silence lay between: the table decides it alone."""
    for world in worlds(whole_job=False):
        if world.between is Between.NOTHING and world.dye is not Dye.STRANGE:
            finding = judged(world, CAN, sensed=True, forgets=False)
            assert finding.verdict.decision is not Decision.UNKNOWN, (world, finding)
