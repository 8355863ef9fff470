"""Books against the machine: what an auditor would find, in words. Pure.

Books are the agent's stock by place, and the event lines the centre holds. The machine
is the emulator's truth: cards with places, marks and digests. Each finding names the
place, the card or the job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulators.centre.book import Line
from simulators.demo.world import Truth

MACHINE_PLACES = ("hopper", "path", "output", "reject-bin")
"""Places that the books and the machine both know."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One use of a blank, as the events tell it."""

    job_id: str
    number: int
    digest: str | None
    outcome: str | None  # None: still open


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which card each completed job became, and what did not fit."""

    cards: dict[str, str]  # job id -> card id
    findings: list[str]


def attempts_of(lines: Iterable[Line]) -> list[Attempt]:
    """Every attempt in the order of its first event."""
    found: dict[tuple[str, int], Attempt] = {}
    for line in lines:
        if line.kind not in ("attempt-stage", "attempt-closed", "attempt-resolved"):
            continue
        key = (str(line.event["job"]), int(line.event["attempt"]))
        before = found.get(key, Attempt(*key, digest=None, outcome=None))
        data = line.event["data"]
        found[key] = Attempt(
            *key,
            digest=data.get("digest") or before.digest,
            outcome=data.get("outcome") or before.outcome,
        )
    return list(found.values())


def completed_of(lines: Iterable[Line]) -> list[str]:
    """Job ids of every `job-completed`, in order."""
    return [str(line.event["job"]) for line in lines if line.kind == "job-completed"]


def count_cards(truth: Truth) -> Counter[str]:
    """Count the cards themselves, one by one, at each place."""
    return Counter(str(card["place"]) for card in truth["cards"])


def sum_moves(lines: Iterable[Line]) -> Counter[str]:
    """Blanks by place, added up from the centre's own copy of the events.

    `received` counts what ever came from there, the other places what they hold.
    """
    places: Counter[str] = Counter()
    for line in lines:
        if line.kind == "stock-moved":
            data = line.event["data"]
            came = data["source"] == "received"
            places[data["source"]] += data["count"] if came else -data["count"]
            places[data["destination"]] += data["count"]
    return places


def compare_places(
    stock: Mapping[str, int], summed: Mapping[str, int], truth: Truth
) -> list[str]:
    """The agent's books, the centre's sum and the counted cards, place by place."""
    counted = count_cards(truth)
    findings = []
    for place in MACHINE_PLACES:
        book, real = stock.get(place, 0), counted[place]
        if book != real:
            findings.append(f"{place}: the books say {book}, the machine holds {real}")
        if truth["places"].get(place, 0) != real:
            findings.append(f"{place}: the machine's sensors and its cards disagree")
    for place in sorted(set(stock) | set(summed)):
        if stock.get(place, 0) != summed.get(place, 0):
            findings.append(
                f"{place}: the agent says {stock.get(place, 0)}, "
                f"its events add up to {summed.get(place, 0)}"
            )
        if place not in (*MACHINE_PLACES, "received") and stock.get(place, 0):
            findings.append(f"{place}: {stock[place]} blanks are not where they belong")
    if counted["hand"]:
        findings.append(f"hand: {counted['hand']} blanks that no book speaks of")
    inside = sum(count for place, count in stock.items() if place != "received")
    if inside != len(truth["cards"]):
        findings.append(f"{inside} blanks in the books, {len(truth['cards'])} exist")
    return findings


def compare_jobs(job_ids: Sequence[str], lines: Sequence[Line]) -> list[str]:
    """Each job completed, and once."""
    completed = Counter(completed_of(lines))
    findings = [f"{job}: not completed" for job in job_ids if not completed[job]]
    for job, times in completed.items():
        if times > 1:
            findings.append(f"{job}: completed {times} times")
        if job not in job_ids:
            findings.append(f"{job}: completed, but nobody ordered it")
    return findings


def pair_cards(lines: Sequence[Line], truth: Truth) -> Pairing:
    """Match the digest each good attempt was to print with a finished card's.

    A job and a card that stay alone are matched in order, to name them together.
    """
    completed = set(completed_of(lines))
    last = {each.job_id: each for each in attempts_of(lines)}
    cards = [
        card
        for card in truth["cards"]
        if card["place"] == "output" and card["state"] == "complete"
    ]
    waiting: dict[str, list[str]] = {}
    for card in cards:
        waiting.setdefault(str(card["digest"]), []).append(str(card["id"]))
    pairs: dict[str, str] = {}
    alone = []
    for job, attempt in last.items():
        if job not in completed:
            continue
        same = waiting.get(attempt.digest or "", [])
        if same:
            pairs[job] = same.pop(0)
        else:
            alone.append(job)
    left = sorted(card for same in waiting.values() for card in same)
    findings = [
        f"{card['id']}: lies in the output {card['state']}"
        for card in truth["cards"]
        if card["place"] == "output" and card["state"] != "complete"
    ]
    for job, card_id in zip(alone, left, strict=False):
        pairs[job] = card_id
        findings.append(f"{card_id}: other panels than the agent sent for {job}")
    findings += [f"{job}: no such card in the output" for job in alone[len(left) :]]
    findings += [f"{card}: a card nobody sent" for card in left[len(alone) :]]
    return Pairing(pairs, findings)
