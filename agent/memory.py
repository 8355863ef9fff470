"""The process's memory: given back when work has paused, and never dumped.

An idle agent should be small.

glibc keeps what pictures and messages took, in an arena of each thread. Letting it give
back at once (mallopt) was measured, and costs more than the whole raster of each card:
every large block is then mapped, zeroed and unmapped anew. So it is asked once, later.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
from collections.abc import Callable
from pathlib import Path

from agent.clock import Clock
from agent.journal.changed import Changed

CORE_FILTER = Path("/proc/self/coredump_filter")

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


def keep_out_of_cores() -> None:
    """Have no memory of this process written down when it is killed by a signal.

    In it are pictures, names and keys, and what watches over a hung daemon kills it by
    a signal that dumps. The limit forbids the file; a program that the kernel pipes the
    dump to instead need not heed it, so the filter leaves nothing in it.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # no /proc, or another kernel
        CORE_FILTER.write_text("0")
