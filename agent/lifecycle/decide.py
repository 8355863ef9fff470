"""What a printer may do next: which job is next, and what stands in its way.

Pure: the books, an observation and the waiting jobs come in as arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from agent.contract.events import Place
from agent.lifecycle.facts import errors_of
from agent.lifecycle.states import JobState
from protocols.contract import Capabilities, Observation, Status, Supplies
from protocols.vocabulary import DYES, CardPosition, Reason, Severity, StateReason

PASSED_OVER_MAX = 100  # named in one event; the rest is counted


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that has not ended, as far as the choice of the next one needs it."""

    job_id: str
    queue_no: int
    state: JobState
    expires_at: datetime
    not_before: datetime | None
    side_count: int
    ribbon: str | None
    held_for: str  # why it is held; empty when it is not


@dataclass(frozen=True, slots=True)
class Choice:
    """The job whose turn it is, and the smaller queue numbers it passes over."""

    job: Waiting
    passed_over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Now:
    """The agent's time, and whether it may be relied on."""

    at: datetime
    sure: bool


def expired(jobs: Iterable[Waiting], now: Now) -> list[str]:
    """Return the jobs that must not be printed any more; none while time is unsure."""
    waits = (JobState.PENDING, JobState.PENDING_HELD)
    return [
        job.job_id
        for job in jobs
        if now.sure and job.state in waits and job.expires_at <= now.at
    ]


def choose(
    jobs: Iterable[Waiting], ribbon_kind: str, can: Capabilities, now: Now
) -> Choice | None:
    """Return the first job by queue number that may start; None when none may.

    Each one before it is named as `<job id> <reason>`. When every job waits only for
    another ribbon, the first is chosen, so that the printer asks for that ribbon.
    """
    passed: list[tuple[str, str]] = []
    wrong_ribbon: Waiting | None = None
    for job in sorted(jobs, key=lambda one: (one.queue_no, one.job_id)):
        reason = _why_not(job, ribbon_kind, can, now)
        if not reason:
            return Choice(job, _named(passed))
        if reason == StateReason.WRONG_RIBBON and wrong_ribbon is None:
            wrong_ribbon = job
        passed.append((job.job_id, reason))
    if wrong_ribbon is None:
        return None
    before = [job_id for job_id, _ in passed].index(wrong_ribbon.job_id)
    return Choice(wrong_ribbon, _named(passed[:before]))


def _why_not(job: Waiting, ribbon_kind: str, can: Capabilities, now: Now) -> str:
    if job.state is JobState.PENDING_HELD:
        return job.held_for or "held"
    if job.state is not JobState.PENDING:
        return str(job.state)
    if job.not_before is not None and not (now.sure and job.not_before <= now.at):
        return "not-before"
    if ribbon_kind in can.ribbons and not _fits(job, ribbon_kind, can):
        return StateReason.WRONG_RIBBON
    return ""


def _fits(job: Waiting, ribbon_kind: str, can: Capabilities) -> bool:
    """Whether a known ribbon may print this job; one that names none needs colour.

    On resin alone it would come out black, and no picture says that it may.
    """
    if job.ribbon is not None:
        return job.ribbon == ribbon_kind
    return set(DYES) <= set(can.ribbons[ribbon_kind].front)


def _named(passed: list[tuple[str, str]]) -> tuple[str, ...]:
    names = tuple(f"{job_id} {reason}" for job_id, reason in passed[:PASSED_OVER_MAX])
    more = len(passed) - len(names)
    return (*names, f"+{more} more") if more else names


def _error(keyword: StateReason) -> Reason:
    return Reason(keyword, Severity.ERROR)


def hopper_reasons(status: Status, book: Mapping[Place, int]) -> frozenset[Reason]:
    """Compare the hopper's sensor with the book; only while no attempt is open."""
    seen_empty = _has(status, StateReason.MEDIA_EMPTY)
    if seen_empty and book[Place.HOPPER] > 0:
        empty, wrong = StateReason.MEDIA_EMPTY, StateReason.STOCK_MISMATCH
        return frozenset({_error(empty), _error(wrong)})
    if seen_empty:
        return frozenset({_error(StateReason.MEDIA_EMPTY)})
    if book[Place.HOPPER] <= 0:
        return frozenset({_error(StateReason.STOCK_MISMATCH)})
    return frozenset()


def machine_reasons(status: Status, can: Capabilities) -> frozenset[Reason]:
    """Return what keeps the machine from taking any card; none while it is at work."""
    found = set(errors_of(status.reasons))
    if status.card is CardPosition.INSIDE:
        found.add(_error(StateReason.FOREIGN_CARD))
    if status.card is CardPosition.EXIT:  # the next card would push it
        found.add(_error(StateReason.OUTPUT_AREA_FULL))
    if status.session_foreign:
        found.add(_error(StateReason.PRINTER_IN_USE))
    if can.reject_bin and _has(status, StateReason.REJECT_BIN_FULL):
        found.add(_error(StateReason.REJECT_BIN_FULL))
    return frozenset(found)


def ribbon_reasons(
    supplies: Supplies, can: Capabilities, job: Waiting
) -> frozenset[Reason]:
    """Return what keeps this ribbon from printing this job: kind, or sets left."""
    kind, left = supplies.ribbon_kind, supplies.ribbon_left
    if not kind:
        return frozenset({_error(StateReason.RIBBON_MISSING)})
    if kind not in can.ribbons or not _fits(job, kind, can):
        return frozenset({_error(StateReason.WRONG_RIBBON)})
    if left is not None and left < can.ribbons[kind].sets_for(job.side_count):
        return frozenset({_error(StateReason.RIBBON_EMPTY)})
    return frozenset()


def obstacles(
    seen: Observation, can: Capabilities, book: Mapping[Place, int], job: Waiting
) -> frozenset[Reason]:
    """Return every reason why this job must not start on what was just seen."""
    return (
        machine_reasons(seen.status, can)
        | hopper_reasons(seen.status, book)
        | ribbon_reasons(seen.supplies, can, job)
    )


def _has(status: Status, keyword: StateReason) -> bool:
    return any(one.keyword is keyword for one in status.reasons)
