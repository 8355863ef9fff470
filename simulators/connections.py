"""The open connections of a server, each in a task that can be ended at any point."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LinkLostError(Exception):
    """The link died under a connection."""


@dataclass(slots=True)
class Connections:
    """`serve` is the callback of a server; `converse` is what each connection does."""

    converse: Converse
    count_max: int  # one more, and the oldest is dropped
    _open: dict[asyncio.StreamWriter, asyncio.Future[None]] = field(
        default_factory=dict
    )
    _none_open: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(self._open) >= self.count_max:
            self._drop(next(iter(self._open)))
        talk = asyncio.ensure_future(self.converse(reader, writer))
        self._open[writer] = talk
        try:
            await asyncio.wait({talk})
            if talk.cancelled() or _link_lost(talk.exception()):
                writer.transport.abort()
        finally:
            self._open.pop(writer, None)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            if not self._open:
                self._none_open.set()

    async def hang_up(self) -> None:
        """Drop all connections, and return when they are gone."""
        for writer in list(self._open):
            self._drop(writer)
        while self._open:
            self._none_open.clear()
            await self._none_open.wait()

    def _drop(self, writer: asyncio.StreamWriter) -> None:
        self._open[writer].cancel()
        writer.transport.abort()


def _link_lost(error: BaseException | None) -> bool:
    """True where the other side, or the cable, ended it; raise what is a mistake."""
    if error is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        _, other = error.split((LinkLostError, ConnectionError))
        if other is None:
            return True
    elif isinstance(error, LinkLostError | ConnectionError):
        return True
    raise error
