"""The table at the end: jobs, then blanks by place; ASCII, at most 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulators.demo.judge import MACHINE_PLACES, count_cards
from simulators.demo.world import Truth


@dataclass(frozen=True, slots=True)
class Row:
    """One job."""

    job_id: str
    form: str  # image, layout or two-sided
    outcome: str
    attempts: int
    card_id: str
    digest: str  # same, OTHER or -
    picture: str  # exact, OTHER or -


def job_table(rows: Sequence[Row]) -> list[str]:
    """One line a job, under a heading."""
    head = ("job", "form", "outcome", "attempts", "card", "panels", "picture")
    cells = [
        (
            row.job_id,
            row.form,
            row.outcome,
            str(row.attempts),
            row.card_id,
            row.digest,
            row.picture,
        )
        for row in rows
    ]
    return _aligned([head, *cells])


def place_table(
    stock: Mapping[str, int], summed: Mapping[str, int], truth: Truth
) -> list[str]:
    """One line a place: the agent's books, the centre's sum, the counted cards."""
    counted = count_cards(truth)
    others = sorted(
        place
        for place in {*stock, *summed}
        if place not in (*MACHINE_PLACES, "received")
        and (stock.get(place) or summed.get(place))
    )
    cells = [("blanks", "agent", "centre", "machine")]
    for place in (*MACHINE_PLACES, *others):
        real = str(counted[place]) if place in MACHINE_PLACES else "-"
        cells.append((place, str(stock.get(place, 0)), str(summed.get(place, 0)), real))
    if counted["hand"]:
        cells.append(("hand", "-", "-", str(counted["hand"])))
    inside = [
        sum(count for place, count in book.items() if place != "received")
        for book in (stock, summed)
    ]
    total = str(len(truth["cards"]))
    cells.append(("together", str(inside[0]), str(inside[1]), total))
    return _aligned(cells)


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    return [line.rstrip() for line in (lines[0], rule, *lines[1:])]
