"""The page of the card cycle says what the code does: diagrams and table."""

from __future__ import annotations

from pathlib import Path

from agent.contract.events import Stage
from agent.lifecycle.cycle_page import PARTS, page
from agent.lifecycle.recovery import ROWS
from agent.lifecycle.states import LEAVES_TO, STAGE_LEAVES_TO

TEXT = (Path(__file__).parents[2] / "docs/card-cycle.md").read_text()


def test_the_page_in_the_tree_is_the_one_that_the_code_writes() -> None:
    assert page(TEXT) == TEXT, "docs/card-cycle.md is stale: make docs"


def test_a_row_that_was_changed_by_hand_is_written_anew() -> None:
    changed = TEXT.replace("| 8 | ", "| 8 | if one likes, ")
    assert changed != TEXT
    assert page(changed) == TEXT


def test_every_row_every_step_and_every_stage_stands_there() -> None:
    assert set(PARTS) == {"jobs", "stages", "recovery"}
    for row in ROWS:
        (line,) = [
            one for one in TEXT.splitlines() if one.startswith(f"| {row.number} |")
        ]
        assert row.reason in line
    for state, next_ones in LEAVES_TO.items():
        assert all(f"    {state} --> {then}\n" in TEXT for then in next_ones)
    for stage, later in STAGE_LEAVES_TO.items():
        assert all(f"    {stage} --> {then}\n" in TEXT for then in later)
        assert stage is Stage.CLOSED or f"    {stage} --> closed\n" in TEXT
