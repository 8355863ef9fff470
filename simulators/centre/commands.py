"""Commands to one agent: numbered for ever, sent until they are answered.

A directory keeps each document's signed bytes, and its reply once it has come.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from simulators.centre.contract import Document, parse
from simulators.centre.orders import Addressee

VALID_FOR = timedelta(days=1)
RESEND_S = 20.0
"""A command nobody has answered is sent again after this time."""

UNSURE_S = 60.0
"""Likewise one that the agent could not judge for lack of a sure clock."""

NUMBERS = frozenset({"count", "bin_count", "movement"})
"""Fields whose value is a number."""

GOOD = ("done", "canceled", "remembered")
"""Results that are what was wanted."""


class CommandError(Exception):
    """Words that are no command."""


@dataclass(slots=True)
class Sent:
    """One command, and the reply to it."""

    payload: bytes
    document: Document
    reply: Document | None = None
    due_s: float = 0.0

    @property
    def words(self) -> str:
        """What it says, for a person."""
        job = self.document.get("job_id")
        return f"{self.document['kind']} {job}" if job else str(self.document["kind"])

    @property
    def open(self) -> bool:
        """Whether it is to be sent again."""
        return self.reply is None or self.reply["result"] == "clock-unsure"


def _field(word: str) -> tuple[str, str | int | bool]:
    name, _, value = word.partition("=")
    try:
        if name in NUMBERS:
            return name, int(value)
    except ValueError:
        raise CommandError(f"{name} is a number, not {value!r}") from None
    return name, {"true": True, "false": False}.get(value, value)


class Commands:
    """Every command that was ever sent to one agent, by its number."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.sent: dict[int, Sent] = {}
        for path in sorted(directory.glob("*.payload")):
            payload = path.read_bytes()
            reply = path.with_suffix(".reply")
            told = parse(reply.read_bytes(), str(reply)) if reply.exists() else None
            sent = Sent(payload, parse(payload, str(path)), told)
            self.sent[int(path.stem)] = sent

    def order(self, words: str, to: Addressee, now: datetime) -> Document:
        """Return the document of a command, numbered, not kept.

        Such as `cancel J-7`, or with fields: `count place=hopper count=96`.

        Raises:
            CommandError: it is not a kind, a job's id where there is one, and fields.
        """
        kind, *rest = shlex.split(words) or [""]
        ids = [word for word in rest if "=" not in word]
        if not kind or "=" in kind or len(ids) > 1:
            raise CommandError(
                f"a command is KIND [JOB_ID] [NAME=VALUE], not {words!r}"
            )
        fields = dict(_field(word) for word in rest if "=" in word)
        number = max(self.sent, default=0) + 1
        document: Document = {
            "command_id": f"C-{number:06d}",
            "command_no": number,
            "station": to.station,
            "printer": to.printer,
            "issued_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "expires_at": (now + VALID_FOR).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "kind": kind,
        }
        return document | ({"job_id": ids[0]} if ids else {}) | fields

    def keep(self, document: Document) -> None:
        """Keep a command for ever: sent again, it must have the same bytes."""
        number = int(document["command_no"])
        payload = json.dumps(document, separators=(",", ":")).encode()
        self._path(number, "payload").write_bytes(payload)
        self.sent[number] = Sent(payload, document)

    def due(self, now_s: float) -> list[Sent]:
        """Commands to send now, by number; each is due again after a while."""
        due = [
            one
            for _, one in sorted(self.sent.items())
            if one.open and one.due_s <= now_s
        ]
        for one in due:
            one.due_s = now_s + RESEND_S
        return due

    def answered(self, reply: Document, now_s: float) -> Sent | None:
        """Take a reply; return its command the first time that it is final."""
        for number, one in self.sent.items():
            if one.document["command_id"] == reply["command_id"] and one.open:
                one.reply, one.due_s = reply, now_s + UNSURE_S
                if one.open:
                    return None
                self._path(number, "reply").write_text(json.dumps(reply))
                return one
        return None

    @property
    def done(self) -> bool:
        """Whether every command has its answer."""
        return not any(one.open for one in self.sent.values())

    def good(self, count: int) -> bool:
        """Whether the newest `count` commands had the effect that was wanted."""
        newest = [one for _, one in sorted(self.sent.items())][-count:] if count else []
        return all(one.reply and one.reply["result"] in GOOD for one in newest)

    def _path(self, number: int, ending: str) -> Path:
        return self._directory / f"{number:08d}.{ending}"
