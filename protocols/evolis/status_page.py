"""The page docs/evolis-status.md, written from flags.py: all 256 bits, and our reading.

`python -m protocols.evolis.status_page FILE` writes it (`make docs`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from protocols.evolis.codec import Word
from protocols.evolis.flags import FAULT, FLAGS, NEEDS_CARE, Flag, Meaning
from protocols.vocabulary import CardPosition

BITS = tuple(1 << number for number in reversed(range(32)))  # as they are written
TITLES = {
    Word.CONFIG: "CFG: what the printer has",
    Word.INFORMATION: "INF: what it does, and where cards are",
    Word.WARNING: "WAR: what needs a person",
    Word.ERROR: "ERR: what went wrong",
    Word.EXTENSION_1: "EX1: feeders, lamination",
    Word.EXTENSION_2: "EX2: retransfer film, lamination module",
    Word.EXTENSION_3: "EX3: transport between modules",
    Word.EXTENSION_4: "EX4: indenting",
}
_UNNAMED = {Word.WARNING: NEEDS_CARE, Word.ERROR: FAULT}
_NAMES_FACT = "EVO-24"
# The first that a row's name begins or ends with says on what its meaning rests.
_FACT_OF_NAME = (
    (("CFG_",), (), "EVO-44"),
    (("INF_CARD_HOPPER", "INF_CARD_FEEDER"), (), "EVO-25"),
    (("INF_RESET",), (), "EVO-29"),
    (("ERR_MECHANICAL",), (), "EVO-28"),
    (("INF_WRONG_ZONE", "INF_LAMINATE_UNKNOWN", "INF_SLEEP_MODE"), (), "EVO-47"),
    (("INF_HEATING", "INF_LAMI_TEMP_NOT_READY"), (), "EVO-47"),
    (("INF_FEEDER_NEAR_EMPTY",), (), "EVO-10"),
    (("INF_FEEDER",), ("_EMPTY",), "EVO-49"),
)
_PATH_WORDS = (Word.INFORMATION, Word.WARNING, Word.ERROR)


def fact_of(flag: Flag) -> str:
    """The row of PROTOCOL.md on which our reading of this bit rests."""
    name, meaning = flag.name, flag.meaning
    for begins, ends, fact in _FACT_OF_NAME:
        if name.startswith(begins) and (not ends or name.endswith(ends)):
            return fact
    if meaning.card is not None:
        known = flag.word in _PATH_WORDS or name == "INF_CARD_REAR"
        return "EVO-25" if known else "EVO-45"
    if meaning.busy:
        return "EVO-26" if flag.word is Word.INFORMATION else "EVO-46"
    if "CLEAN" in name and meaning.reason is not None:
        return "EVO-48"
    if flag.word in (Word.WARNING, Word.ERROR) and name.startswith(("WAR_", "ERR_")):
        return "EVO-27"
    if "LAMI" in name or "CLEAR" in name:
        return "EVO-50"
    return _NAMES_FACT


def reading_of(meaning: Meaning) -> str:
    """What blanko makes of a bit that is up, in a few words."""
    parts = []
    if meaning.reason is not None:
        parts.append(f"`{meaning.reason}`")
    if meaning.stops_card:
        parts.append("ends a card under way")
    if meaning.card is CardPosition.INSIDE:
        parts.append("a card is inside")
    if meaning.card is CardPosition.EXIT:
        parts.append("a card is in the exit")
    if meaning.busy:
        parts.append("at work")
    if meaning.restarted:
        parts.append("the printer restarted")
    return ", ".join(parts) or "informational"


def rows() -> Iterator[tuple[Word, int, str, str, str]]:
    """Word, bit, the vendor's name or "", our reading and its fact, for all 256 bits.

    Words in the order of the wire, bits from the highest.
    """
    named = {(flag.word, flag.bit): flag for flag in FLAGS}
    for word in Word:
        for bit in BITS:
            flag = named.get((word, bit))
            if flag is not None:
                yield word, bit, flag.name, reading_of(flag.meaning), fact_of(flag)
            elif word in _UNNAMED:
                yield word, bit, "", reading_of(_UNNAMED[word]), _NAMES_FACT
            else:
                yield word, bit, "", "says nothing", _NAMES_FACT


def page() -> str:
    """The whole page, in Markdown."""
    named = len(FLAGS)
    lines = [
        "# The status bits of Evolis printers",
        "",
        "Written by `make docs` from `protocols/evolis/flags.py`; do not edit.",
        "",
        "Each reply of a printer may end in a status: CFG, INF, WAR and ERR, and up to",
        f"four extension words. The sources name {named} of the 256 bits; the rest is",
        "*reserved*. A reserved bit that comes up is never lost: in WAR it asks for",
        "care, in ERR it is a fault, elsewhere it says nothing.",
        "",
        "`…-error` lets no new card begin. Only *ends a card under way* means that the",
        "card in the path will not be finished either. *Informational* is of no weight",
        "for a card. Facts are rows of",
        "[PROTOCOL.md](../protocols/evolis/PROTOCOL.md), which says how sure each is.",
    ]
    last: Word | None = None
    for word, bit, name, reading, fact in rows():
        if word is not last:
            lines += ["", f"## {TITLES[word]}", ""]
            lines += [
                "| bit | name | what blanko makes of it | fact |",
                "|---|---|---|---|",
            ]
            last = word
        shown = f"{name}" if name else "*reserved*"
        lines.append(f"| {bit:08X} | {shown} | {reading} | {fact} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page())
