"""Give memory back to the system when work has paused: an idle agent should be small.

glibc keeps what pictures and messages took, in an arena of each thread. Letting it give
back at once (mallopt) was measured, and costs more than the whole raster of each card:
every large block is then mapped, zeroed and unmapped anew. So it is asked once, later.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from agent.clock import Clock
from agent.journal.changed import Changed

QUIET_S = 1.0  # without a commit


async def give_back_when_quiet(
    changed: Changed, clock: Clock, give_back: Callable[[], None]
) -> None:
    """Call `give_back` after each spell of commits, once it has been quiet."""
    while True:
        version = await changed.beyond(changed.version)
        await clock.sleep(QUIET_S)
        while version != changed.version:
            version = changed.version
            await clock.sleep(QUIET_S)
        give_back()


def trim() -> None:
    """Return free pages to the system; does nothing under another C library."""
    try:
        give_back = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return
    give_back(0)
