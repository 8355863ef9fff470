"""Which event lines may go out next: the centre's acks decide, not the broker.

PURE: told the time and the acks, it answers with numbers.
"""

from __future__ import annotations

LINES_MAX = 1_000  # sent and not acknowledged
BATCH_SIZE_MAX = 256 * 1024  # bytes of one message
PATIENCE_MS = 60_000  # without progress, then the lines are sent again
REPEATED_MS = 5_000  # likewise, once the centre has said the same number again


class Outbox:
    """The window of one connection. A new connection begins at the stored ack."""

    def __init__(self, acked: int, now_ms: int) -> None:
        self.sent = acked  # number of the last line handed to the broker
        self._acked = acked
        self._progress_ms = now_ms
        self._patience_ms = PATIENCE_MS
        self._repeated = False  # since the last progress

    @property
    def room(self) -> int:
        """How many more lines may be on their way."""
        return max(0, LINES_MAX - (self.sent - self._acked))

    def published(self, no: int, now_ms: int) -> None:
        """Lines up to `no` have gone out."""
        if self.sent == self._acked:
            self._progress_ms = now_ms  # the wait for an answer begins here
        self.sent = no

    def acknowledged(self, no: int, now_ms: int) -> None:
        """The centre holds every line up to `no`; a lower number asks for a replay.

        The same number again may come from a centre that subscribed late and found a
        gap: patience is short then, but only once until there is progress, or a centre
        whose disk is full would be sent the same lines every few seconds.
        """
        if no < self._acked:
            self.sent = no
        if no != self._acked:
            self._progress_ms = now_ms
            self._patience_ms, self._repeated = PATIENCE_MS, False
        elif self.sent > no and not self._repeated:
            self._patience_ms, self._repeated = REPEATED_MS, True
        self._acked = no
        self.sent = max(self.sent, no)

    def rewind_if_stuck(self, now_ms: int) -> bool:
        """Go back to the ack when it has not moved for too long; true if it did so."""
        if self.wait_ms(now_ms) != 0:
            return False
        self.sent = self._acked
        self._progress_ms = now_ms
        self._patience_ms = PATIENCE_MS
        return True

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until patience ends; None when nothing is on its way."""
        if self.sent == self._acked:
            return None
        return max(0, self._progress_ms + self._patience_ms - now_ms)
