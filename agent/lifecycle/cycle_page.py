"""The parts of docs/card-cycle.md that are written from the rules: diagrams, table.

`python -m agent.lifecycle.cycle_page FILE` writes them anew between their marks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from agent.contract.events import Decision, Incident, Stage
from agent.lifecycle.recovery import ROWS, Row
from agent.lifecycle.states import ENDED, LEAVES_TO, STAGE_LEAVES_TO

_DONE = {
    Decision.GO_ON: "print on it",
    Decision.DELIVER: "deliver it",
    Decision.REJECT: "reject it",
}
_MARK = re.compile(
    r"(<!-- (\w+): written by `make docs` -->\n).*?(<!-- end of \2 -->\n)", re.DOTALL
)


def jobs() -> Iterator[str]:
    """The states of a job, and which may follow which."""
    yield from ("```mermaid", "stateDiagram-v2", "    [*] --> pending")
    for state, next_ones in LEAVES_TO.items():
        yield from (f"    {state} --> {then}" for then in sorted(next_ones))
    yield from (f"    {state} --> [*]" for state in sorted(ENDED))
    yield "```"


def stages() -> Iterator[str]:
    """The stages of an attempt, which may be closed at any of them."""
    yield from ("```mermaid", "stateDiagram-v2", "    [*] --> feeding")
    for stage, next_ones in STAGE_LEAVES_TO.items():
        if stage is Stage.CLOSED:
            yield "    closed --> [*]"
            continue
        order = [then for then in Stage if then in {*next_ones, Stage.CLOSED}]
        yield from (f"    {stage} --> {then}" for then in order)
    yield "```"


def recovery() -> Iterator[str]:
    """The table, in the order in which its rows are tried."""
    yield "| # | stage | card | facts | decision | because |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        cells = (
            str(row.number),
            _stages_of(row),
            ", ".join(row.cards) or "anywhere",
            ", ".join(row.needs),
            _decision_of(row),
            row.reason,
        )
        yield f"| {' | '.join(cells)} |"


def _stages_of(row: Row) -> str:
    if row.destination is not None:
        return f"delivering to {row.destination}"
    names = (f"{stage}, {way}" if way else str(stage) for stage, way in row.stages)
    return "; ".join(names)


def _decision_of(row: Row) -> str:
    word = _DONE.get(row.decision, str(row.decision))
    return word if row.incident is None else f"{word}, {_incident(row.incident)}"


def _incident(incident: Incident) -> str:
    return f"incident `{incident}`"


PARTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "jobs": jobs,
    "stages": stages,
    "recovery": recovery,
}
"""By the name that stands in the page's marks."""


def page(text: str) -> str:
    """Return `text` with each marked part as the rules have it now."""

    def part(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        lines = "\n".join(PARTS[name]())
        return f"{begin}\n{lines}\n\n{end}"

    return _MARK.sub(part, text)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(page(file.read_text()))
