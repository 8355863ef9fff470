"""The table of docs/stock.md, written from the rules that the books are kept by.

`python -m agent.lifecycle.stock_page FILE` writes it anew; the text around it stays.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from agent.contract.events import Item, Place, StockCause
from agent.lifecycle.ledger import RULES, Rule

BEGIN = "<!-- the table: make docs -->"
END = "<!-- end of the table -->"

_PEOPLE = {0: "the agent", 1: "one", 2: "two"}


def table() -> str:
    """Return every legal movement as one row, those that differ in a place together."""
    groups: dict[tuple[object, ...], list[Rule]] = {}
    for rule in RULES:
        back = rule.cause is StockCause.COUNT and rule.source is Place.DIFFERENCE
        key = (rule.item, rule.cause, rule.people, _when(rule), _papers(rule), back)
        groups.setdefault(key, []).append(rule)
    rows = ["| cause | from | to | who stands for it | with |", "|---|---|---|---|---|"]
    for rules in groups.values():
        first = rules[0]
        what = f"`{first.cause}`"
        if first.item is Item.OLD_CARD:
            what += " of old cards"
        people = _PEOPLE[first.people]
        if first.people == 2:
            people += f", {_when(first)}"
        sources = _places(rule.source for rule in rules)
        destinations = _places(rule.destination for rule in rules)
        rows.append(
            f"| {what} | {sources} | {destinations} | {people} | {_papers(first)} |"
        )
    return "\n".join(rows)


def _places(places: Iterable[Place]) -> str:
    return ", ".join(dict.fromkeys(places))


def _when(rule: Rule) -> str:
    hours = rule.within // timedelta(hours=1)
    return "both at once" if rule.at_once else f"the second within {hours} h"


def _papers(rule: Rule) -> str:
    return "a reason" if rule.reason else "a record" if rule.record else ""


def page(text: str) -> str:
    """Return the page with the table of now between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    FILE = Path(sys.argv[1])
    FILE.write_text(page(FILE.read_text(encoding="utf-8")), encoding="utf-8")
