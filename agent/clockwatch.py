"""Notices when the system clock jumps: dates decide what is printed, and since when.

The agent's own time never runs backwards of what the centre signed (`agent.clock`); a
jump is evidence for an auditor, and changes nothing.
"""

from __future__ import annotations

from datetime import timedelta

from agent.clock import Clock
from agent.contract.events import Incident, IncidentRaised
from agent.journal.journal import Journal

LOOK_S = 60.0
JUMP_MIN = timedelta(seconds=30)
"""What a time server does in a minute, or a slow look, is far less."""


async def watch_clock(journal: Journal, clock: Clock) -> None:
    """Raise an incident whenever the clock did not follow the time that passed."""
    wall, mono_ms = clock.wall(), clock.mono_ms()
    while True:
        await clock.sleep(LOOK_S)
        before, wall = wall, clock.wall()
        before_ms, mono_ms = mono_ms, clock.mono_ms()
        jump = wall - before - timedelta(milliseconds=mono_ms - before_ms)
        if abs(jump) < JUMP_MIN:
            continue
        way = "forward" if jump > timedelta() else "back"
        detail = f"the system clock was set {abs(jump) // timedelta(seconds=1)} s {way}"
        await journal.record(
            IncidentRaised(incident=Incident.CLOCK_JUMP, detail=detail)
        )
