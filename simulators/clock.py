"""How wall time becomes the machine's own time, and who lets the machine live in it.

`Clock` has three ways: at a speed, at once, or by steps only. `Pacemaker` sleeps until
the machine's next happening, so that an idle machine costs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.mechanism import Mechanism

STEP_MAX_S = 1e6


@dataclass(slots=True)
class Clock:
    """`speed`: machine seconds in a wall second; 0: time moves by steps only."""

    speed: float = 1.0
    instant: bool = False
    stepped_s: float = 0.0
    _wall_s: float = field(default_factory=time.monotonic)

    def elapsed_s(self) -> float:
        """Machine seconds that have gone by since the last call."""
        now_s = time.monotonic()
        gone_s, self._wall_s = now_s - self._wall_s, now_s
        return gone_s * (1.0 if self.instant else self.speed)

    def wall_wait_s(self, machine_s: float) -> float | None:
        """How long to wait on the wall for `machine_s`; None: for ever."""
        if self.instant:
            return 0.0
        return machine_s / self.speed if self.speed > 0 else None

    def host_s(self) -> float:
        """The time of timers that concern the host, such as a session's.

        It runs with the wall whatever the speed, for hosts are not sped up; when time
        goes by steps, so does this.
        """
        if self.speed == 0 and not self.instant:
            return self.stepped_s
        return time.monotonic() + self.stepped_s


@dataclass(slots=True)
class Pacemaker:
    """Ticks one machine; `settle` collects what happened after each tick."""

    machine: Mechanism
    clock: Clock
    settle: Callable[[], None]
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _pulse: asyncio.Event = field(default_factory=asyncio.Event)

    def catch_up(self) -> None:
        """Bring the machine to the present; call it before looking or touching."""
        self.machine.tick(self.clock.elapsed_s())
        self.settle()
        self.beat()

    def touched(self) -> None:
        """Say that the machine's plans or state were changed from outside."""
        self.catch_up()
        self._wake.set()

    def beat(self) -> None:
        """Wake all who wait for a change."""
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()

    def step(self, dt_s: float) -> None:
        """Let `dt_s` of machine time pass now, besides what the clock gives."""
        self.clock.stepped_s += dt_s
        self.catch_up()
        self.machine.tick(dt_s)
        self.touched()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return once `holds` is true; it is asked after each change."""
        while not holds():
            await self._pulse.wait()

    async def run(self) -> None:
        """Let the machine live, for ever."""
        while True:
            self._wake.clear()
            self.catch_up()
            due_s = self.machine.next_s
            wait_s = None if due_s is None else self.clock.wall_wait_s(due_s)
            if due_s is not None and self.clock.instant:
                self.machine.tick(due_s)
                self.settle()
                self.beat()
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
