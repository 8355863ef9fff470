"""An attempt whose own run could not say how it ended: settle first, then decide.

The gates come first, then the table, whose first row that fits decides. Rows are data;
docs/card-cycle.md is written from them. Refuses to know how anything is carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from agent.contract.events import Decision, Evidence, Found, Incident, Place, Stage
from agent.contract.messages import Outcome
from agent.lifecycle.facts import (
    Begun,
    Facts,
    Moved,
    Printed,
    evidence_of,
    facts,
    faults_of,
    mismatch,
)
from protocols.contract import Capabilities, Observation
from protocols.vocabulary import CardPosition

NO_ROW = 0  # a gate decided

MOVES = frozenset({Decision.GO_ON, Decision.DELIVER, Decision.REJECT})
"""Decisions that are carried out by moving the card; the others close the attempt."""

OUTCOMES: Mapping[Decision, Outcome] = {
    Decision.UNTOUCHED: Outcome.UNTOUCHED,
    Decision.GOOD: Outcome.GOOD,
    Decision.SPOILED: Outcome.SPOILED,
    Decision.UNKNOWN: Outcome.UNKNOWN,
}


class Way(StrEnum):
    """Who moves a card out: a page of the table holds for one way, or for both."""

    STEPWISE = "stepwise"  # we eject
    WHOLE_JOB = "whole job"  # the printer does, once it has the last byte


class Need(StrEnum):
    """A fact that a row asks for; the text is what the page says."""

    UNBROKEN = "unbroken"
    MOVED_NO = "moved no"
    MOVED_SILENT = "moved silent"
    NOT_COMPLETE = "printed not complete"
    WITNESS = "witness"


_HOLDS: Mapping[Need, Callable[[Facts], bool]] = {
    Need.UNBROKEN: lambda found: found.unbroken,
    Need.MOVED_NO: lambda found: found.moved is Moved.NO,
    Need.MOVED_SILENT: lambda found: found.moved is Moved.SILENT,
    Need.NOT_COMPLETE: lambda found: found.printed is not Printed.COMPLETE,
    Need.WITNESS: lambda found: found.witness,
}


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the table looks at."""

    stage: Stage
    destination: Place | None  # of `delivering`
    way: Way
    reject_bin: bool
    card: CardPosition
    facts: Facts


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done, by which row (`NO_ROW`: a gate), and why."""

    decision: Decision
    row: int
    reason: str
    incident: Incident | None = None
    hint: Found | None = None  # where a person should look first


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; an empty set of cards or needs asks for nothing."""

    number: int
    stages: tuple[tuple[Stage, Way | None], ...]  # a way of None: either
    cards: tuple[CardPosition, ...]
    needs: tuple[Need, ...]
    decision: Decision
    reason: str
    destination: Place | None = None  # of `delivering`
    incident: Incident | None = None

    def fits(self, now: Situation) -> bool:
        """Whether this row speaks of `now`."""
        return (
            any(now.stage is one and way in (None, now.way) for one, way in self.stages)
            and self.destination in (None, now.destination)
            and (not self.cards or now.card in self.cards)
            and all(_HOLDS[need](now.facts) for need in self.needs)
        )


_NONE, _INSIDE = CardPosition.NONE, CardPosition.INSIDE
_EXIT, _UNSENSED = CardPosition.EXIT, CardPosition.UNSENSED

_FEEDING = ((Stage.FEEDING, None),)
_SENT_STEPWISE = ((Stage.SENT, Way.STEPWISE),)
_STEPWISE = ((Stage.SENDING, Way.STEPWISE), (Stage.SENT, Way.STEPWISE))
# A family that ejects by itself writes no `last` and `sent` that another could have.
_WHOLE_JOB = (
    (Stage.SENDING, Way.WHOLE_JOB),
    (Stage.LAST, None),
    (Stage.SENT, Way.WHOLE_JOB),
)
_DELIVERING = ((Stage.DELIVERING, None),)

ROWS = (
    Row(
        1,
        _FEEDING,
        (_NONE, _UNSENSED),
        (Need.MOVED_NO,),
        Decision.UNTOUCHED,
        "the counter proves that nothing was fed",
    ),
    Row(
        2,
        _FEEDING,
        (_NONE,),
        (Need.UNBROKEN, Need.MOVED_SILENT),
        Decision.UNTOUCHED,
        "it would be inside; nobody was there",
    ),
    Row(
        3,
        (*_FEEDING, (Stage.SENDING, Way.WHOLE_JOB)),
        (_INSIDE,),
        (Need.MOVED_NO,),
        Decision.UNKNOWN,
        "nothing was fed, so the card inside is not ours",
        incident=Incident.FOREIGN_CARD,
    ),
    Row(
        4,
        _FEEDING,
        (_INSIDE,),
        (Need.UNBROKEN,),
        Decision.GO_ON,
        "ours, and unmarked",
    ),
    Row(
        5,
        _FEEDING,
        (_INSIDE,),
        (),
        Decision.REJECT,
        "a hand, a fault or a power cut lies between",
    ),
    Row(6, _FEEDING, (), (), Decision.UNKNOWN, "fed and gone, flushed or hidden"),
    Row(
        7,
        _SENT_STEPWISE,
        (_INSIDE,),
        (Need.WITNESS,),
        Decision.DELIVER,
        "printed to the end, by our data",
    ),
    Row(
        8,
        (*_STEPWISE, (Stage.SENDING, Way.WHOLE_JOB)),
        (_INSIDE,),
        (),
        Decision.REJECT,
        "it cannot have left by itself, and is not proven good",
    ),
    Row(
        9,
        _STEPWISE,
        (_UNSENSED,),
        (Need.UNBROKEN,),
        Decision.REJECT,
        "it was fed, and nobody was there",
    ),
    Row(10, _STEPWISE, (), (), Decision.UNKNOWN, "a hand took it, or a power-up"),
    Row(
        11,
        _WHOLE_JOB,
        (_NONE, _UNSENSED),
        (Need.UNBROKEN, Need.MOVED_NO, Need.NOT_COMPLETE),
        Decision.UNTOUCHED,
        "the printer dropped the job",
    ),
    Row(
        12,
        ((Stage.SENT, Way.WHOLE_JOB),),
        (_NONE, _EXIT, _UNSENSED),
        (Need.WITNESS,),
        Decision.GOOD,
        "as in the normal run",
    ),
    Row(
        13,
        _WHOLE_JOB,
        (),
        (),
        Decision.UNKNOWN,
        "ours may be out already: never rejected and printed again",
    ),
    Row(
        14,
        _DELIVERING,
        (_NONE, _EXIT),
        (Need.WITNESS,),
        Decision.GOOD,
        "it was good, and has left",
        destination=Place.OUTPUT,
    ),
    Row(
        15,
        _DELIVERING,
        (_INSIDE,),
        (Need.WITNESS,),
        Decision.DELIVER,
        "the command had not run",
        destination=Place.OUTPUT,
    ),
    Row(
        16,
        _DELIVERING,
        (),
        (),
        Decision.UNKNOWN,
        "a power-up may have flushed it, or a hand took it",
        destination=Place.OUTPUT,
    ),
    Row(
        17,
        _DELIVERING,
        (_NONE,),
        (Need.UNBROKEN,),
        Decision.SPOILED,
        "it has left for the reject bin",
        destination=Place.REJECT_BIN,
    ),
    Row(
        18,
        _DELIVERING,
        (_INSIDE,),
        (Need.UNBROKEN,),
        Decision.REJECT,
        "the command had not run",
        destination=Place.REJECT_BIN,
    ),
    Row(
        19,
        _DELIVERING,
        (),
        (),
        Decision.UNKNOWN,
        "it may have left for somewhere else; it is never good by itself",
        destination=Place.REJECT_BIN,
    ),
)


def settled(
    first: Observation, second: Observation, gap_s: float, can: Capabilities
) -> bool:
    """True when two looks, `gap_s` apart, show a printer at rest, without a fault."""
    status = second.status
    fault = faults_of(map(str, status.reasons))
    quiet = not (status.busy or status.session_foreign or fault)
    return quiet and first == second and gap_s >= can.settle_gap_s


def decide(now: Situation, rows: tuple[Row, ...] = ROWS) -> Verdict:
    """Return what is done about an open attempt, of a printer that is settled."""
    found = now.facts
    if not found.same_printer:
        return Verdict(
            Decision.UNKNOWN,
            NO_ROW,
            "another printer answers than the one that was fed",
            Incident.PRINTER_CHANGED,
        )
    if found.wrong:
        return Verdict(
            Decision.UNKNOWN,
            NO_ROW,
            "the printer's counters moved as no card of ours moves them",
            Incident.COUNTER_MISMATCH,
            _hint(now),
        )
    row = next(row for row in rows if row.fits(now))
    verdict = Verdict(row.decision, row.number, row.reason, row.incident, _hint(now))
    if row.decision is Decision.REJECT and not now.reject_bin:
        reason = f"{row.reason}; there is no reject bin"
        return replace(verdict, decision=Decision.UNKNOWN, reason=reason)
    return verdict


def _hint(now: Situation) -> Found | None:
    return Found.PRINTER if now.card is CardPosition.INSIDE else None


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, with what it rests on."""

    verdict: Verdict
    facts: Facts
    evidence: Evidence
    detail: str  # the counters that differ, in words


def recover(
    begun: Begun, seen: Observation, can: Capabilities, blind_s: float | None
) -> Finding:
    """Judge an open attempt by what is `seen` of a printer that is settled."""
    evidence = evidence_of(seen)
    found = facts(begun, evidence, can, blind_s)
    situation = Situation(
        stage=begun.stage,
        destination=begun.destination,
        way=Way.WHOLE_JOB if can.whole_job else Way.STEPWISE,
        reject_bin=can.reject_bin,
        card=seen.status.card,
        facts=found,
    )
    return Finding(decide(situation), found, evidence, mismatch(begun, evidence, can))
