"""docs/contract as files: everything in it that the code itself can say.

Pages and sealed examples there are written by hand and stay as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from agent.contract import asyncapi
from agent.contract.events import Place
from agent.contract.examples import examples
from agent.contract.messages import RejectReason
from agent.contract.private import reveal
from agent.contract.reasons import ADVICE, retry_of
from agent.contract.schemas import MESSAGES, schema_of
from agent.contract.story import story
from agent.lifecycle.ledger import CONFIRM_WITHIN, RULES, Rule


def export(directory: Path) -> list[Path]:
    """Write every generated file below `directory`; return their paths.

    The same code writes the same bytes, whenever and wherever.

    Raises:
        OSError: a file cannot be written.
    """
    paths = []
    for name, text in files().items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def files() -> dict[str, str]:
    """Return the text of every generated file by its path."""
    lines, head = story()
    found = {f"{name}.schema.json": _json(schema_of(name)) for name in MESSAGES}
    found["asyncapi.json"] = _json(asyncapi.document())
    found["reasons.json"] = _json(_reasons())
    found["reasons.md"] = _reasons_page()
    found["stock.json"] = _json(_stock())
    for name, (_, message) in examples(head).items():
        plain = msgspec.to_builtins(message, enc_hook=reveal)
        found[f"examples/{name}.json"] = _json(plain)
    found["examples/events.txt"] = b"".join(lines).decode()
    return found


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _reasons() -> dict[str, dict[str, str]]:
    return {
        str(reason): {
            "retry": str(retry_of(reason)),
            "meaning": ADVICE[reason].meaning,
            "remedy": ADVICE[reason].remedy,
        }
        for reason in RejectReason
    }


def _stock() -> dict[str, Any]:
    """Return every legal movement, for a centre that keeps the same books."""
    movements = [
        {
            "item": rule.item,
            "cause": rule.cause,
            "source": rule.source,
            "destination": rule.destination,
            "people": rule.people,
            "at_once": rule.at_once,
            "confirm_within_s": _within_s(rule),
            "reason": rule.reason,
            "record": rule.record,
        }
        for rule in RULES
    ]
    return {
        "source_of_all": Place.RECEIVED,
        "may_be_negative": [Place.DIFFERENCE],
        "confirm_within_s": round(CONFIRM_WITHIN.total_seconds()),
        "movements": movements,
    }


def _within_s(rule: Rule) -> int | None:
    """Return how long a second identity may be waited for; None: for none."""
    waits = rule.people == 2 and not rule.at_once
    return round(rule.within.total_seconds()) if waits else None


def _reasons_page() -> str:
    rows = [
        "# Why a job is refused, and what to do\n",
        "`job-rejected` carries `reason`, `retry` and, for the programmer, `detail`.",
        "`never`: these bytes will always be refused. `later`: the same bytes, after",
        "60 s, then doubling up to an hour. `other-key`: the same job, sealed or",
        "signed anew.\n",
        "| reason | retry | meaning | what to do |",
        "|---|---|---|---|",
    ]
    for reason in RejectReason:
        advice = ADVICE[reason]
        rows.append(
            f"| `{reason}` | {retry_of(reason)} | {advice.meaning} | {advice.remedy} |"
        )
    return "\n".join(rows) + "\n"
