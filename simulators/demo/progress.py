"""What is told while the demo runs: one plain line for each thing that happens."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import Callable

COLUMNS = 80
_OVER = re.compile(r"^(\S+) (completed|rejected|canceled|aborted)\b")


class Teller:
    """Prints lines with the time since the start; ASCII, cut to `COLUMNS`, at once."""

    def __init__(self, reader_left: Callable[[], object]) -> None:
        """`reader_left` is called once if nobody reads the lines any more."""
        self._start_s = time.monotonic()
        self._reader_left: Callable[[], object] | None = reader_left

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start_s

    def tell(self, who: str, text: str) -> None:
        """One line: when, who, what."""
        line = f"[{self.elapsed_s():5.1f} s] {who:<9}{text}"
        self.plain(line if len(line) <= COLUMNS else f"{line[: COLUMNS - 3]}...")

    def plain(self, text: str = "") -> None:
        """A line as it is, for tables and commands."""
        if self._reader_left is None:
            return
        try:
            sys.stdout.write(text.encode("ascii", "replace").decode() + "\n")
            sys.stdout.flush()
        except OSError:
            left, self._reader_left = self._reader_left, None
            left()


class Follower:
    """Reads the centre's lines along: which jobs are over, and when it last spoke."""

    def __init__(self, teller: Teller, job_count: int) -> None:
        self._teller = teller
        self._job_count = job_count
        self._over: dict[str, str] = {}
        self._spoken = asyncio.Event()
        self.deaf = False

    @property
    def completed_count(self) -> int:
        """Jobs that have become a card."""
        return list(self._over.values()).count("completed")

    def hear(self, line: str) -> None:
        """One line of the centre."""
        if self.deaf:
            return
        found = _OVER.match(line)
        if found:
            self._over[found[1]] = found[2]
            line = f"{line}  ({self.completed_count} of {self._job_count})"
        self._teller.tell("centre", line)
        self._spoken.set()

    async def until_over(self, quiet_s: float) -> str | None:
        """Wait until every job is over; or say that nothing happened for `quiet_s`."""
        while len(self._over) < self._job_count:
            self._spoken.clear()
            try:
                async with asyncio.timeout(quiet_s):
                    await self._spoken.wait()
            except TimeoutError:
                return f"the centre heard nothing for {quiet_s:.0f} s"
        return None

    async def until_completed(self, count: int) -> None:
        """Wait until so many jobs have become cards."""
        while self.completed_count < count:
            self._spoken.clear()
            await self._spoken.wait()
