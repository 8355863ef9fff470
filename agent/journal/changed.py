"""How one loop tells the others that the journal has moved on."""

from __future__ import annotations

import asyncio


class Changed:
    """Counts commits, and wakes who waits for the next one."""

    def __init__(self) -> None:
        self.version = 0
        self._waiting: dict[asyncio.Future[None], None] = {}  # woken in this order

    def move(self) -> None:
        self.version += 1
        waiting, self._waiting = self._waiting, {}
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def beyond(self, version: int) -> int:
        """Return the version as soon as it is higher than `version`."""
        while self.version <= version:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[future] = None
            try:
                await future
            finally:
                self._waiting.pop(future, None)
        return self.version
