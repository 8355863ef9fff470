"""What two people at the centre declare of a job that nobody else can tell of.

Its agent lost the ledger that knew of it. How they prove who they are is another
centre's affair: this stand-in takes two names, and refuses one name twice.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from simulators.centre.contract import Document

FATES = ("completed", "aborted")
"""There is a card of it, or there is none: with `aborted` it may be asked for anew."""


class FateError(Exception):
    """Words that declare nothing, or nothing that may be declared."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One job's fate, and the two who stand for it."""

    job_id: str
    fate: str
    by: str
    second: str

    @classmethod
    def read(cls, words: str) -> Declaration:
        """Take it from words such as `J-7 completed by=siti second=rina`.

        Raises:
            FateError: they are not these, or both are one person.
        """
        job_id, fate, *rest = [*shlex.split(words), "", ""]
        rest = [word for word in rest if word]
        named = dict(word.split("=", 1) for word in rest if "=" in word)
        if fate not in FATES or set(named) != {"by", "second"} or len(rest) != 2:
            wish = f"JOB_ID {'|'.join(FATES)} by=NAME second=NAME"
            raise FateError(f"expected {wish}, not {words!r}")
        if not all(named.values()) or named["by"] == named["second"]:
            raise FateError("two people declare a job's fate, not one")
        return cls(job_id, fate, **named)

    @property
    def document(self) -> Document:
        """As it is kept on disk."""
        return {
            name: getattr(self, name) for name in ("job_id", "fate", "by", "second")
        }
