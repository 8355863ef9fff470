"""What came of all jobs, in figures: counted in cards, not in words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from simulators.centre.book import Line
from simulators.demo import judge
from simulators.demo.operator import has
from simulators.demo.world import Truth

IN_DOUBT = "x-outcome-unknown"


@dataclass(frozen=True, slots=True)
class Reckoning:
    """One printer's figures, or those of several."""

    jobs: int = 0
    good: int = 0  # complete cards in the output
    twice: int = 0  # cards too many of a job
    lost: int = 0  # jobs without a card
    in_doubt: int = 0  # attempts that a person was asked about
    resolved: int = 0  # of these, by an answer or by the printer's own word
    events: int = 0
    events_lost: int = 0  # the centre acknowledged them and has them not
    findings: list[str] = field(default_factory=list)  # where books and truth differ

    def __add__(self, other: Reckoning) -> Reckoning:
        return Reckoning(
            *(
                getattr(self, name) + getattr(other, name)
                for name in Reckoning.__slots__
            )
        )

    def lines(self) -> list[str]:
        """The report."""
        books = "books = truth"
        if self.findings:
            books = f"books DIFFER from truth {len(self.findings)} times"
        return [
            f"jobs {self.jobs}, good cards {self.good}, "
            f"printed twice {self.twice}, lost {self.lost}",
            f"in doubt {self.in_doubt} and resolved {self.resolved}, "
            f"events lost {self.events_lost} of {self.events}, {books}",
        ]


def reckon(
    job_ids: Sequence[str],
    lines: Sequence[Line],
    stock: Mapping[str, int],
    truth: Truth,
    acked_no: int,
) -> Reckoning:
    """`stock`: by the agent; `acked_no`: the newest event it was told to be safe."""
    cards = _cards_by_job(lines, truth)
    asked, answered = _doubts(lines)
    events_lost = max(0, acked_no - len(lines))
    twice = sum(count - 1 for count in cards.values() if count > 1)
    lost = sum(not cards[job] for job in job_ids)
    said = [
        *([f"the centre lacks {events_lost} events"] if events_lost else []),
        *([f"{twice} cards were printed twice"] if twice else []),
        *([f"{lost} jobs have no card"] if lost else []),
        *(f"{job}: in doubt to the end" for job, _ in sorted(asked - answered)),
    ]
    return Reckoning(
        jobs=len(job_ids),
        good=sum(map(_is_good, truth["cards"])),
        twice=twice,
        lost=lost,
        in_doubt=len(asked),
        resolved=len(asked & answered),
        events=len(lines),
        events_lost=events_lost,
        findings=[
            *said,
            *judge.compare_jobs(job_ids, lines),
            *judge.compare_places(stock, judge.sum_moves(lines), truth),
            *judge.pair_cards(lines, truth).findings,
        ],
    )


def _is_good(card: Mapping[str, object]) -> bool:
    return card["place"] == "output" and card["state"] == "complete"


def _cards_by_job(lines: Iterable[Line], truth: Truth) -> Counter[str]:
    """Good cards by the job whose panels they bear, whatever the books say of them."""
    job_of = {
        attempt.digest: attempt.job_id
        for attempt in judge.attempts_of(lines)
        if attempt.digest
    }
    return Counter(
        job_of[card["digest"]]
        for card in truth["cards"]
        if _is_good(card) and card["digest"] in job_of
    )


def _doubts(lines: Iterable[Line]) -> tuple[set[tuple[str, int]], set[tuple[str, int]]]:
    """Attempts that somebody was asked about, and those that have an answer."""
    asked: set[tuple[str, int]] = set()
    answered: set[tuple[str, int]] = set()
    for line in lines:
        if "attempt" not in line.event:
            continue
        key = str(line.event["job"]), int(line.event["attempt"])
        data = line.event["data"]
        stopped = line.kind == "job-stopped" and has(data["reasons"], IN_DOUBT)
        closed = line.kind == "attempt-closed"
        if stopped or (closed and data["outcome"] == "unknown"):
            asked.add(key)
        elif closed or line.kind in ("attempt-resolved", "job-completed"):
            answered.add(key)
    return asked, answered
