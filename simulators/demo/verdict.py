"""Gathers what the books and the machine say at the end, and what does not agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.centre.book import BookError, Ledger, Line
from simulators.centre.store import Store, parts_of
from simulators.demo import judge
from simulators.demo.pictures import Face, compare_pictures
from simulators.demo.table import Row
from simulators.demo.world import Truth

SIDES = ("front", "back")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The tables' content, and the findings: none means that all agrees."""

    rows: list[Row]
    stock: Mapping[str, int]
    summed: Mapping[str, int]
    truth: Truth
    findings: list[str]


def verified_lines(store: Store) -> list[Line]:
    """The centre's event lines, read anew from its disk.

    Raises:
        BookError: the chain does not hold, or a line is missing.
    """
    ledger = Ledger()
    for raw in store.lines():
        line = ledger.read(raw)
        if not ledger.add(line):
            raise BookError(f"the centre kept event {line.no} after {ledger.no}")
    return ledger.lines


def reach_verdict(
    job_ids: Sequence[str],
    store: Store,
    stock: Mapping[str, int],
    truth: Truth,
    pictures: Path,
    face: Face,
) -> Verdict:
    """Compare everything; `pictures` is where the emulator put its PNGs.

    Raises:
        BookError: the centre's events are no chain.
    """
    lines = verified_lines(store)
    summed = judge.sum_moves(lines)
    pairing = judge.pair_cards(lines, truth)
    findings = [
        *judge.compare_jobs(job_ids, lines),
        *judge.compare_places(stock, summed, truth),
        *pairing.findings,
    ]
    completed = set(judge.completed_of(lines))
    attempts = judge.attempts_of(lines)
    rows = []
    for job_id in job_ids:
        job, parts = parts_of(*store.job(job_id))
        card_id = pairing.cards.get(job_id, "-")
        wrong = []
        if card_id != "-":
            printed = printed_sides(truth, card_id, pictures)
            wrong = compare_pictures(job, parts, card_id, printed, face)
            findings += wrong
        finished = job["sides"]["front"]["kind"] == "image"
        other = any(found.startswith(f"{card_id}: other") for found in pairing.findings)
        rows.append(
            Row(
                job_id=job_id,
                form=_form(job["sides"]),
                outcome="completed" if job_id in completed else "OPEN",
                attempts=sum(each.job_id == job_id for each in attempts),
                card_id=card_id,
                digest="-" if card_id == "-" else ("OTHER" if other else "same"),
                picture=_picture(card_id, finished, wrong),
            )
        )
    return Verdict(rows, stock, summed, truth, findings)


def printed_sides(truth: Truth, card_id: str, pictures: Path) -> dict[str, Path]:
    """The PNG of each side of a card, as the emulator names them."""
    names = {
        str(name)
        for card in truth["cards"]
        if card["id"] == card_id
        for name in card["png"]
    }
    found = {}
    for side in SIDES:
        path = pictures / f"{card_id}-{side}.png"
        if path.name in {Path(name).name for name in names} and path.exists():
            found[side] = path
    return found


def _form(sides: Mapping[str, object]) -> str:
    front = sides["front"]
    assert isinstance(front, dict)
    return "two-sided" if sides.get("back") else str(front["kind"])


def _picture(card_id: str, finished: bool, wrong: Sequence[str]) -> str:
    if card_id == "-" or not finished:
        return "-"
    return "OTHER" if wrong else "exact"
