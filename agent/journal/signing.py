"""Has the ledger signed: from the first moment there is a key, and as each day ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from agent.clock import Clock
from agent.journal.journal import Journal, JournalError

if TYPE_CHECKING:
    from agent.contract.jose import Signer

LOOK_S = 600.0  # at most between two looks, for the clock may be set meanwhile

log = structlog.get_logger(__name__)


async def sign_days(journal: Journal, clock: Clock, signer: Signer) -> None:
    """Sign checkpoints with this key for ever; a journal that fails is tried again."""
    named = False
    while True:
        try:
            if not named:
                await journal.sign_with(signer)
                named = True
            await journal.end_day()
        except JournalError as error:
            log.critical("journal_failed", error=str(error))
        await clock.sleep(min(LOOK_S, _day_left_s(clock.wall())))


def _day_left_s(now: datetime) -> float:
    """Seconds until the next day begins in this computer's time zone; at least one."""
    local = now.astimezone()
    midnight = (local + timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return max((midnight - local).total_seconds(), 1.0)
