"""Brings a journal back whose disk did not take what was written, when it does again.

Until then the agent lives: it begins no card, says why, and keeps what comes to it at
the broker.
"""

from __future__ import annotations

import structlog

from agent.clock import Clock
from agent.journal.journal import Journal

RETRY_FIRST_S = 1.0  # doubled each time
RETRY_MAX_S = 30.0

log = structlog.get_logger(__name__)


async def mend(journal: Journal, clock: Clock) -> None:
    """Try for ever, whenever a write has failed, until one succeeds.

    Raises:
        JournalDamagedError: what was on the disk is not there any more.
    """
    while True:
        await journal.failing()
        pause_s = RETRY_FIRST_S
        await clock.sleep(pause_s)
        while not await journal.mend():
            pause_s = min(pause_s * 2, RETRY_MAX_S)
            await clock.sleep(pause_s)
        log.warning("journal_mended")
