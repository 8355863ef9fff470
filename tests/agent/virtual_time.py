"""A loop whose clock jumps to the next timer, so that hours pass in a blink.

Not for threads or sockets: to them an empty selector is not a deadlock.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


class _JumpingSelector(selectors.SelectSelector):
    now_s = 1_000.0

    def select(self, timeout: float | None = None) -> Any:
        # No system call: nothing outside of this loop is waited for.
        if timeout is None:
            raise RuntimeError("deadlock: nothing is left that could happen")
        self.now_s += max(timeout, 0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def leap(self, seconds: float) -> None:
        """Let time pass in which nobody looks: every timer of it fires at its end."""
        self._jumping.now_s += seconds


async def elapse(seconds: float) -> None:
    """Let virtual time pass: nobody waits for it."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, done.set_result, None)
    try:
        await done
    finally:
        timer.cancel()


class LoopClock:
    """The agent's clock, told by the running loop."""

    def wall(self) -> datetime:
        return START + timedelta(milliseconds=self.mono_ms())

    def mono_ms(self) -> int:
        return round(asyncio.get_running_loop().time() * 1000)

    def synchronised(self) -> bool:
        return True

    async def sleep(self, seconds: float) -> None:
        await elapse(seconds)


def run(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene in virtual time; a hang is an error at once."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(scene)
