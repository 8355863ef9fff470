"""Notices when the system clock jumps: dates decide what is printed, and since when.

A jump is evidence for an auditor. It stops new cards until the clock is sure again, by
a time server or by the centre's word: the agent's own time never runs backwards of what
the centre signed (`agent.clock`).
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from agent.clock import Clock
from agent.contract.events import Incident, IncidentRaised
from agent.journal.journal import Journal, JournalError

log = structlog.get_logger(__name__)

LOOK_S = 60.0
JUMP_MIN = timedelta(seconds=30)
"""What a time server does in a minute, or a slow look, is far less."""
JUMPED = "clock-jump"


async def watch_clock(journal: Journal, clock: Clock) -> None:
    """Raise an incident whenever the clock did not follow the time that passed."""
    wall, mono_ms = clock.wall(), clock.mono_ms()
    while True:
        await clock.sleep(LOOK_S)
        wall_now, mono_now_ms = clock.wall(), clock.mono_ms()
        jump = wall_now - wall - timedelta(milliseconds=mono_now_ms - mono_ms)
        try:
            if abs(jump) >= JUMP_MIN:
                await journal.record(_incident(jump))
            await _stop_or_go_on(journal, jumped=abs(jump) >= JUMP_MIN)
        except JournalError as error:
            log.critical("journal_failed", error=str(error))
            continue  # it is seen again at the next look
        wall, mono_ms = wall_now, mono_now_ms


async def _stop_or_go_on(journal: Journal, *, jumped: bool) -> None:
    """The pause is on disk, and outlives a restart."""
    sure = journal.now().sure
    if jumped and not sure:
        await journal.orders.stop_by_itself(JUMPED)
    elif sure:
        await journal.orders.go_on_by_itself()


def _incident(jump: timedelta) -> IncidentRaised:
    way = "forward" if jump > timedelta() else "back"
    detail = f"the system clock was set {abs(jump) // timedelta(seconds=1)} s {way}"
    return IncidentRaised(incident=Incident.CLOCK_JUMP, detail=detail)
