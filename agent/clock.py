"""Time and threads as seams: the daemon has real ones, a test virtual ones.

Also the agent's own idea of the time, which may be later than the system clock's.
"""

from __future__ import annotations

import asyncio
import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_SIZE = 512  # struct timex is 208 bytes on 64-bit Linux; room to spare


AHEAD_MAX = timedelta(minutes=10)
"""How far the centre's clock may be ahead of ours and still be taken for right."""


EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""It is later than this wherever this program runs, whatever a clock without a battery
says; and the contract has no earlier time."""


class Clock(Protocol):
    """What the agent knows of time; everything that waits, waits through it."""

    def wall(self) -> datetime:
        """The system's time, in UTC; it may jump."""
        ...

    def mono_ms(self) -> int:
        """Milliseconds that never run backwards, from an arbitrary start."""
        ...

    def synchronised(self) -> bool:
        """True when the kernel says that `wall` follows a time server."""
        ...

    async def sleep(self, seconds: float) -> None: ...


class Executor(Protocol):
    """Where blocking work is done: one piece at a time, in order of asking."""

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T: ...


class SystemClock:
    """The clock of this computer."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def mono_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def synchronised(self) -> bool:
        # All zero: modes 0 reads only. A sandbox that forbids the call gives -1,
        # which proves nothing, so the clock is then not called synchronised.
        answer: int = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_SIZE))
        return answer not in (-1, _TIME_ERROR)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ThreadExecutor:
    """One thread of its own, so that a disk that is slow holds nothing else up."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    def close(self) -> None:
        """Finish what was asked for and end the thread."""
        self._pool.shutdown(wait=True)


class InlineExecutor:
    """Does the work at once, where it is asked for: for tests and virtual time."""

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        return work(*args)


class TrustedTime:
    """The later of the system clock and the newest signed time, which goes on running.

    Never before `EARLIEST`: a station without a clock of its own begins in 1970.

    Sure when the kernel says so, or when a signed time answered a question of this
    very boot; while unsure nothing expires and no `not_before` passes.
    """

    def __init__(self, clock: Clock, newest: datetime | None) -> None:
        self._clock = clock
        self._newest = EARLIEST if newest is None else newest
        self._newest_mono_ms = clock.mono_ms()
        self._echoed = False

    def now(self) -> datetime:
        return max(self._clock.wall(), self._signed())

    def _signed(self) -> datetime:
        """The newest signed time, as it has gone on running."""
        since_ms = self._clock.mono_ms() - self._newest_mono_ms
        return self._newest + timedelta(milliseconds=since_ms)

    @property
    def sure(self) -> bool:
        """Whether dates may be judged; not by a clock far ahead of who answered us."""
        if self._clock.synchronised():
            return True
        return self._echoed and self._clock.wall() <= self._signed() + AHEAD_MAX

    def believes(self, signed_at: datetime) -> bool:
        """Whether a signed time may be so: not far ahead of what a time server says."""
        synchronised = self._clock.synchronised()
        return not synchronised or signed_at <= self._clock.wall() + AHEAD_MAX

    def learn_issued(self, issued_at: datetime) -> None:
        """Take in when a document was issued: it never moves the time far.

        That it was signed by then says little of now; only an `ack` says what time it
        is, in answer to our question.
        """
        if issued_at <= self.now() + AHEAD_MAX:
            self._learn(issued_at)

    def learn(self, signed_at: datetime, *, echoed: bool) -> bool:
        """Take in a signed time; true when it moves the agent's own forward.

        `echoed` says that it answers a nonce of this boot.
        """
        self._echoed = self._echoed or echoed
        return self.believes(signed_at) and self._learn(signed_at)

    def _learn(self, signed_at: datetime) -> bool:
        if signed_at <= self._signed():
            return False
        self._newest, self._newest_mono_ms = signed_at, self._clock.mono_ms()
        return True
