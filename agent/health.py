"""What systemd is told: ready, status, alive, stopping (sd_notify, own few lines).

Without NOTIFY_SOCKET every call does nothing. The watchdog is fed only while each loop
that announced itself has shown a sign of life within its own limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from time import monotonic

_STATUS_SIZE_MAX = 200


class Health:
    """Signs of life of the daemon's loops, and the way to systemd."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self._interval_s = int(usec) / 2e6 if ours and usec.isdecimal() else None
        self._now_s = now_s
        self._limits: dict[str, tuple[float, float]] = {}

    def beat(self, loop: str, within_s: float = 60) -> None:
        """Show a sign of life; the next is due within `within_s` from now."""
        self._limits[loop] = (self._now_s(), within_s)

    def rest(self, loop: str) -> None:
        """Expect no sign of life: the loop waits for something that may never come."""
        self._limits.pop(loop, None)

    def late(self) -> list[str]:
        """Return the loops whose sign of life is overdue."""
        now = self._now_s()
        return [loop for loop, (at, limit) in self._limits.items() if now - at > limit]

    def ready(self) -> None:
        """The broker need not be there yet: to wait for it is the daemon's work."""
        self._send("READY=1")

    def alive(self) -> None:
        """Feed the watchdog once."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={text[:_STATUS_SIZE_MAX]}".replace("\n", " "))

    def stopping(self) -> None:
        """The orderly end has begun."""
        self._send("STOPPING=1")

    async def run(self) -> None:
        """Feed the watchdog for ever, at half its interval; nothing without one."""
        while self._interval_s:
            if not self.late():
                self.alive()
            await asyncio.sleep(self._interval_s)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # systemd may be restarting itself; an unheard line is not worth a card.
        with (
            contextlib.suppress(OSError),
            socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
            ) as to,
        ):
            to.setblocking(False)
            to.sendto(message.encode(), self._address)
