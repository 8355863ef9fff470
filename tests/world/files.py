"""The journal's files as a crash leaves them.

What returned from a commit with `synchronous = FULL` is there; of what was written
since, any prefix, torn anywhere. SQLite is trusted for what it says of itself: that it
syncs the -wal before a commit returns and before it copies pages into the main file,
and that it syncs the main file before it cuts the -wal. So the torn states are the
prefixes of a -wal that grew, a main file copied in part beside its whole -wal, and a
whole main file beside any prefix of a -wal. -shm is rebuilt and kept by no crash. What
-lock says of a commit is written after it: a commit cut short leaves the word before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

NAME = "journal.db"


@dataclass(frozen=True)
class Files:
    db: bytes
    wal: bytes
    lock: bytes

    @classmethod
    def read(cls, folder: Path) -> Files:
        wal = folder / f"{NAME}-wal"
        return cls(
            (folder / NAME).read_bytes(),
            wal.read_bytes() if wal.exists() else b"",
            (folder / f"{NAME}-lock").read_bytes(),
        )

    def write(self, folder: Path) -> None:
        folder.mkdir()
        (folder / NAME).write_bytes(self.db)
        (folder / f"{NAME}-lock").write_bytes(self.lock)
        if self.wal:
            (folder / f"{NAME}-wal").write_bytes(self.wal)


def torn(before: Files, after: Files, dice: Random) -> Files:
    """Return what may be left when the write from `before` to `after` was cut short."""
    if before.db == after.db:
        same = _same(before.wal, after.wal)
        wal = after.wal[: dice.randint(same, len(after.wal))]
        return Files(before.db, wal, before.lock)
    if not after.wal:  # pages are copied, then the -wal is cut
        if dice.random() < 0.5:
            wal = before.wal[: dice.randint(0, len(before.wal))]
            return Files(after.db, wal, before.lock)
        cut = dice.randint(0, len(after.db))
        return Files(after.db[:cut] + before.db[cut:], before.wal, before.lock)
    return dice.choice([before, after])


def _same(one: bytes, other: bytes) -> int:
    """How many bytes of `one` still stand in `other`; a -wal begun anew shares few."""
    if other.startswith(one):
        return len(one)
    limit = min(len(one), len(other))
    return next((at for at in range(limit) if one[at] != other[at]), limit)
