"""The words in which `blanko job why` says what was decided about a card, and on what.

Reads an event as it came; what it does not know it shows as it stands.
"""

from __future__ import annotations

from typing import Any

_DONE = {
    "untouched": "nothing has happened to its blank: the job goes again",
    "go-on": "print on the card inside",
    "deliver": "deliver the card inside",
    "reject": "put the card inside into the reject bin",
    "good": "the card is good",
    "spoiled": "the blank is spoiled",
    "unknown": "unknown: a person must find the card",
}
_CARD = {
    "none": "no card is in the path",
    "inside": "a card is inside",
    "exit": "a card lies in the exit",
    "unsensed": "this printer cannot say where the card is",
}
_MOVED = {
    "one": "one card was fed, as expected",
    "no": "the counter proves that no card was fed",
    "wrong": "the counter of fed cards does not fit",
    "silent": "the counter of fed cards proves nothing",
}
_PRINTED = {
    "complete": "the counters say that it was printed to the end",
    "used": "the ribbon was used as expected",
    "less": "less ribbon was used than a whole card takes",
    "wrong": "the ribbon does not fit",
    "silent": "no counter follows the printing",
}


def in_words(data: dict[str, Any]) -> list[str]:
    """Return what a decision or an interruption says; nothing for other events."""
    match data["kind"]:
        case "attempt-decided":
            return _decided(data)
        case "attempt-interrupted":
            return _interrupted(data)
    return []


def _decided(data: dict[str, Any]) -> list[str]:
    gate = "a gate before the table"
    row = f"row {data['row']} of the table" if data["row"] else gate
    whole = "nobody was there, and the power stayed on"
    broken = "a fault, a hand or a power cut lies between, or cannot be ruled out"
    seen = [
        _CARD.get(data["card"], data["card"]),
        whole if data["unbroken"] else broken,
        _MOVED.get(data["moved"], data["moved"]),
        _PRINTED.get(data["printed"], data["printed"]),
    ]
    if data.get("detail"):
        seen.append(data["detail"])
    return [
        f"decided: {_DONE.get(data['decision'], data['decision'])}",
        f"because: {data['reason']} ({row}; it had come to {data['stage']})",
        f"seen: {'; '.join(seen)}",
    ]


def _interrupted(data: dict[str, Any]) -> list[str]:
    lines = [f"at {data['stage']}: {data['detail']}"]
    if data.get("reasons"):
        lines.append(f"evidence of before is broken by {', '.join(data['reasons'])}")
    return lines
