"""What `blanko job why` says of a decision: in words, with row and evidence."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from agent.cli.why import in_words
from agent.contract.events import Decision
from agent.lifecycle.facts import Moved, Printed
from protocols.vocabulary import CardPosition
from tests.agent.test_cli import answered

DECIDED = {
    "kind": "attempt-decided",
    "decision": "reject",
    "row": 8,
    "reason": "it cannot have left by itself, and is not proven good",
    "stage": "sent",
    "card": "inside",
    "unbroken": False,
    "moved": "one",
    "printed": "less",
    "detail": "ribbon sets fell by 0, expected 1",
    "hint": None,
    "evidence": {"card": "inside", "reasons": [], "cards_fed": 11},
}


def shown(folder: Path, data: dict[str, Any]) -> str:
    event = {"no": 7, "at": "2026-03-02T08:02:04.000Z", "attempt": 1, "data": data}
    reply = {"ok": True, "events": [event]}
    result, _ = answered(folder, reply, "job", "why", "J-1")
    assert result.exit_code == 0
    return " ".join(result.output.split())


def test_a_decision_names_what_is_done_why_by_which_row_and_what_was_seen(
    tmp_path: Path,
) -> None:
    text = shown(tmp_path, DECIDED)
    assert "decided: put the card inside into the reject bin" in text
    assert (
        "because: it cannot have left by itself, and is not proven good"
        " (row 8 of the table; it had come to sent)"
    ) in text
    assert "a fault, a hand or a power cut lies between" in text
    assert "ribbon sets fell by 0, expected 1" in text
    assert "evidence.cards_fed=11" in text


def test_a_gate_is_no_row_and_an_interruption_says_what_broke(tmp_path: Path) -> None:
    assert "a gate before the table" in shown(tmp_path, DECIDED | {"row": 0})
    interrupted = {
        "kind": "attempt-interrupted",
        "stage": "sending",
        "detail": "stopped",
        "reasons": ["media-jam-error"],
    }
    text = shown(tmp_path, interrupted)
    assert "at sending: stopped" in text
    assert "broken by media-jam-error" in text


def test_every_word_of_a_decision_has_its_plain_one() -> None:
    every = product(Decision, CardPosition, Moved, Printed)
    for decision, card, moved, printed in every:
        words = {
            "decision": decision,
            "card": card,
            "moved": moved,
            "printed": printed,
        }
        done, _, seen = in_words(DECIDED | words)
        assert done != f"decided: {decision}"
        assert all(" " in part for part in seen.removeprefix("seen: ").split("; "))
