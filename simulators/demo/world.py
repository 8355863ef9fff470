"""The emulator's control socket: what only a bystander sees, and what hands can do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

Truth = dict[str, Any]
"""The answer to `{"do": "truth"}`: the physical world."""

_REPLY_SIZE_MAX = 2**24
_ANSWER_S = 20.0


class WorldError(Exception):
    """The emulator refused, or does not answer."""


class World:
    """One emulated printer, seen and touched."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def truth(self) -> Truth:
        """Every card, place, counter and the ribbon, as they really are."""
        return await self._do({"do": "truth"})

    async def hand(self, act: str, **how: object) -> None:
        """A hand does something: take, load, cover, ribbon, empty-reject-bin."""
        await self._do({"do": "hand", "act": act, **how})

    async def power(self, *, on: bool) -> None:
        """The printer's mains switch."""
        await self._do({"do": "power", "on": on})

    async def strike(self, kind: str) -> None:
        """Something goes wrong, now."""
        await self._do({"do": "fault", "kind": kind})

    async def clear(self, kind: str) -> None:
        """Its physical cause is taken away."""
        await self._do({"do": "clear", "kind": kind})

    async def _do(self, request: dict[str, object]) -> Truth:
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(
                    self._path, limit=_REPLY_SIZE_MAX
                )
                try:
                    writer.write(json.dumps(request).encode() + b"\n")
                    await writer.drain()
                    reply = json.loads(await reader.readline())
                finally:
                    writer.close()
        except (OSError, ValueError) as error:
            raise WorldError(f"the emulator does not answer: {error}") from error
        if not reply.get("ok"):
            raise WorldError(f"the emulator refused {request}: {reply.get('error')}")
        answer: Truth = reply
        return answer
