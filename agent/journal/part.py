"""What a part of the journal's face stands on: one way to read, one way to write."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from agent.clock import Executor, TrustedTime
from agent.journal.store import Stamp, Store, Transaction

T = TypeVar("T")


class Part(ABC):
    """Base of each part; `agent.journal.journal` joins them."""

    time: TrustedTime
    _store: Store
    _executor: Executor

    @abstractmethod
    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Read what was committed last."""

    @abstractmethod
    async def _write(
        self,
        work: Callable[[Transaction], T],
        *,
        synced: bool = True,
        ends: bool = False,
    ) -> T:
        """Make one commit; when this returns it is on disk, unless not `synced`."""

    @abstractmethod
    def _stamp(self) -> Stamp:
        """Return what an event would say of the time, if it were written now."""
