"""What happened in a world, a line each: when, who, what."""

from __future__ import annotations

from collections.abc import Callable

WHO_SIZE = 9


class Story:
    """Told by everybody in a world; the same seed tells the same story."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._start_s = now_s()
        self.lines: list[str] = []
        self.complaints: list[str] = []

    @property
    def at_s(self) -> float:
        """Seconds since the world began."""
        return self._now_s() - self._start_s

    def tell(self, who: str, what: str) -> None:
        """Add a line."""
        self.lines.append(f"{self.at_s:10.3f}  {who:<{WHO_SIZE}} {what}")

    def complain(self, what: str) -> None:
        """Put on record that something is as it must never be."""
        self.complaints.append(what)
        self.tell("JUDGE", what)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
