"""How one loop tells the others that the journal has moved on."""

from __future__ import annotations

import asyncio


class Changed:
    """Counts commits, and wakes who waits for the next one."""

    def __init__(self) -> None:
        self.version = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def move(self) -> None:
        self.version += 1
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def beyond(self, version: int) -> int:
        """Return the version as soon as it is higher than `version`."""
        while self.version <= version:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await future
            finally:
                self._waiting.discard(future)
        return self.version
