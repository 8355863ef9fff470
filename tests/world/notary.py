"""A second reader of the ledger: what is durable at this moment, by its own reckoning.

Reads each event line once its commit stands, knows no table of the journal, and says
which command to the printer the ledger allows. What it has read must never be lost.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.world.files import NAME
from tests.world.story import Story

Key = tuple[str, int]
ENDED = ("completed", "canceled", "aborted")

# Command words that move or mark a card, with the stage and the destination that must
# have been written down before.
ALLOWED = {
    "Si": ("feeding", None),
    "Ss": ("sending", None),
    "Sr": ("sending", None),
    "Sv": ("sending", None),
    "Db": ("sending", None),
    "Se": ("delivering", "output"),
    "Sce": ("delivering", "output"),
    "Ser": ("delivering", "reject-bin"),
    # Of a whole job: its beginning, its bytes, and the last ones, held back till then.
    "JOB": ("sending", None),
    "PAGE": ("sending", None),
    "DOTS": ("sending", None),
    "LAST": ("last", None),
}
MARKING = ("Db", "LAST")
"""Without one of these no dye of ours gets on a card."""
PUT_RIGHT = ("count", "missing", "surplus", "find", "explain")
"""Causes by which people make the books agree with what they have found."""

ONCE = ("Si", "Ss", "JOB", "LAST")
"""Commands of which a second one for the same attempt would use a second blank."""


@dataclass
class Attempt:
    """One use of a blank, as the events tell it."""

    job: str
    number: int
    digest: str | None = None
    stage: str = "feeding"
    destination: str | None = None
    outcome: str | None = None
    found: str | None = None  # what a person said
    good: bool | None = None
    commands: Counter[str] = field(default_factory=Counter)

    @property
    def may_have_marked(self) -> bool:
        """Whether dye of ours can have been put on a card."""
        return any(self.commands[word] for word in MARKING)


@dataclass
class Books:
    """What the events add up to."""

    attempts: dict[Key, Attempt] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)  # to their last word
    stock: Counter[str] = field(default_factory=Counter)
    lines: list[bytes] = field(default_factory=list)
    completed: Counter[str] = field(default_factory=Counter)
    incidents: list[str] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)  # put right by a count
    unaccounted: int = 0  # blanks whose leaving only the printer's counter showed
    explained: int = 0  # of those, how many a person has found
    anew: bool = False  # an earlier ledger was lost: what it held is not known here

    @property
    def newest(self) -> Attempt | None:
        """The attempt that was begun last."""
        return next(reversed(self.attempts.values()), None)


class Notary:
    def __init__(self, story: Story) -> None:
        self.books = Books()
        self.story = story
        self.heard: list[tuple[float, str]] = []  # each command, and when
        self._db: sqlite3.Connection | None = None
        self._folder: Path | None = None

    def follow(self, folder: Path) -> None:
        """Read this file from now on; all that stood before must stand in it."""
        self.leave()
        self._folder = folder
        self._open()
        kept = self.rows(0)
        for number, line in enumerate(self.books.lines, 1):
            if number > len(kept):
                self.story.complain(f"event {number} was durable and is lost")
                return
            if kept[number - 1] != line:
                self.story.complain(f"event {number} was durable and is another now")
        self.read()

    def begin_anew(self) -> None:
        """A person has begun a new ledger: what the old one left open is in doubt."""
        old = self.books
        for attempt in old.attempts.values():
            attempt.outcome = attempt.outcome or "unknown"
            attempt.stage, attempt.destination = "closed", None
        jobs = {job: word for job, word in old.jobs.items() if word in ENDED}
        self.books = Books(
            attempts=old.attempts,
            jobs=jobs,
            completed=old.completed,
            incidents=old.incidents,
            anew=True,
        )

    def _open(self) -> None:
        assert self._folder is not None
        self._db = sqlite3.connect(f"file:{self._folder / NAME}?mode=ro", uri=True)

    def leave(self) -> None:
        """Let go of the file, so that others may have it alone, and follow none."""
        self.let_go()
        self._folder = None

    def let_go(self) -> None:
        """Let go of the file until the next commit."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def read(self) -> None:
        """Take in what was committed."""
        if self._db is None and self._folder is not None:
            self._open()
        for line in self.rows(len(self.books.lines)):
            self.books.lines.append(line)
            self._take(json.loads(line[65:]))

    def rows(self, after: int) -> list[bytes]:
        """Return the lines that are durable now, but the first `after` of them."""
        if self._db is None:
            return []
        rows = self._db.execute(
            "SELECT line FROM events WHERE no > ? ORDER BY no", (after,)
        )
        return [bytes(row[0]) for row in rows]

    def command(self, word: str) -> None:
        """Judge a command, told just before its first byte goes out."""
        self.heard.append((self.story.at_s, word))
        if word not in ALLOWED:
            return
        self.story.tell("wire", word)
        stage, destination = ALLOWED[word]
        attempt = self.books.newest
        if attempt is None:
            self.story.complain(f"{word} went out, and no attempt was ever begun")
            return
        name = f"{attempt.job}/{attempt.number}"
        if (attempt.stage, attempt.destination) != (stage, destination):
            self.story.complain(
                f"{word} went out at stage {attempt.stage} of {name}: "
                f"{stage} {destination or ''} was not on disk"
            )
        attempt.commands[word] += 1
        if word in ONCE and attempt.commands[word] > 1:
            self.story.complain(f"{word} went out twice for {name}")

    def _take(self, event: dict[str, Any]) -> None:
        data, job = event["data"], event.get("job", "")
        kind = data["kind"]
        self.story.tell("agent", _told(event))
        if kind == "job-rejected" and job in self.books.jobs:
            pass  # another message of a job that stands
        elif kind == "job-inspected":
            pass  # its card was thrown out, and it stays completed
        elif kind.startswith("job-"):
            self.books.jobs[job] = kind.removeprefix("job-")
            self.books.completed[job] += kind == "job-completed"
        elif kind.startswith("attempt-"):
            self._attempt(kind, (job, event["attempt"]), data)
        elif kind == "stock-moved":
            if data["cause"] == "unaccounted":
                self.books.unaccounted += data["count"]
                if data["source"] == "difference":  # a count had missed it before
                    self.books.counted["hopper"] += data["count"]
                    self.books.counted["difference"] -= data["count"]
            source, count = data["source"], data["count"]
            if data["cause"] == "explain":
                self.books.explained += count
            if data["cause"] in PUT_RIGHT:
                self.books.counted[source] -= count
                self.books.counted[data["destination"]] += count
            self.books.stock[source] += count if source == "received" else -count
            self.books.stock[data["destination"]] += count
        elif kind == "ledger-begun":
            self.books.stock.update(data["counts"])
            self.books.stock["received"] = sum(data["counts"].values())
        elif kind == "incident-raised":
            self.books.incidents.append(data["incident"])

    def _attempt(self, kind: str, key: Key, data: dict[str, Any]) -> None:
        attempt = self.books.attempts.setdefault(key, Attempt(*key))
        if kind == "attempt-stage":
            attempt.stage = data["stage"]
            attempt.destination = data.get("destination")
            attempt.digest = data.get("digest") or attempt.digest
        elif kind == "attempt-closed":
            attempt.outcome = data["outcome"]
            attempt.stage, attempt.destination = "closed", None
        elif kind == "attempt-resolved":
            attempt.found, attempt.good = data["found"], data.get("good")
            attempt.outcome = _RESOLVED.get((attempt.found, attempt.good), "unknown")


_RESOLVED = {
    ("output", True): "good",
    ("output", False): "spoiled",
    ("reject-bin", None): "spoiled",
    ("reject-bin", False): "spoiled",
    ("hopper", None): "untouched",
    ("missing", None): "missing",
}


WORDS = (
    "operation",
    "result",
    "stage",
    "outcome",
    "found",
    "good",
    "source",
    "destination",
)
"""Fields of an event that a story tells."""


def _told(event: dict[str, Any]) -> str:
    data = event["data"]
    name = event.get("job", "")
    if "attempt" in event:
        name += f"/{event['attempt']}"
    words = [str(data[key]) for key in WORDS if data.get(key) is not None]
    for key in ("count", "cause", "reason", "reasons", "incident", "detail"):
        if data.get(key):
            words.append(str(data[key]))
    return f"#{event['no']} {data['kind']} {name} {' '.join(words)}".replace("  ", " ")
