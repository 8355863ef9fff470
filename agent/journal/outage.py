"""A disk that does not take what must be written: since when, why, in which word."""

from __future__ import annotations

from dataclasses import dataclass

from agent.journal.errors import StorageError, StorageFullError
from protocols.vocabulary import StateReason

DETAIL_MAX = 300


@dataclass(frozen=True, slots=True)
class Outage:
    """No new card begins until it is over."""

    error: StorageError
    since_ms: int  # of the monotonic clock


def word_of(error: StorageError) -> StateReason:
    """Return what the state says of it."""
    if isinstance(error, StorageFullError):
        return StateReason.SPOOL_AREA_FULL
    return StateReason.STORAGE_FAILED
