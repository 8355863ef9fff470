"""The job that came last, kept open until it is printed: mostly that is at once.

At rest there is only the sealed message. Without this it would be decrypted, verified
and drawn twice for each card, and that is a third of the agent's work.
"""

from __future__ import annotations

from collections.abc import Callable

from agent import artwork
from agent.contract.envelope import OpenedJob


class LastOpened:
    """Opens messages, and remembers one. Called in one thread, but for `forget`."""

    def __init__(self, open_job: Callable[[bytes], OpenedJob]) -> None:
        self._open_job = open_job
        self._last: tuple[bytes, OpenedJob] | None = None

    def open(self, message: bytes) -> OpenedJob:
        """Open a message at the door; what came before it is forgotten.

        Raises:
            EnvelopeRefused: as `open_job`.
        """
        self.forget()
        opened = self._open_job(message)
        self._last = message, opened
        return opened

    def take(self, message: bytes) -> OpenedJob:
        """Open a message out of the spool, to print it; then nothing is remembered.

        Raises:
            EnvelopeRefused: as `open_job`.
        """
        last, self._last = self._last, None
        if last is not None and last[0] == message:
            return last[1]
        return self._open_job(message)

    def forget(self) -> None:
        """Drop what is remembered, because its job was refused or has ended."""
        self._last = None
        artwork.forget()
