"""A transport that lets somebody read along: passes everything on unchanged.

Whether anybody wants to is asked once an opening; otherwise nothing is kept or told. A
link that stays open is told exchange by exchange, as if each had a connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from protocols.contract import (
    EndOfStream,
    Happening,
    PrinterClass,
    Transport,
    WireEvent,
    WireSink,
)


class TraceTransport:
    """`inner` with `sink` told of each step; implements `contract.Transport`."""

    def __init__(
        self,
        inner: Transport,
        sink: WireSink,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._sink = sink
        self._now_s = now_s
        self._telling = False
        self._answered = False  # bytes came since some were sent last

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def exchange_per_connection(self) -> bool:
        return self._inner.exchange_per_connection

    @property
    def beside(self) -> PrinterClass | None:
        return self._inner.beside

    async def open(self) -> None:
        self._answered = False
        self._begin()
        try:
            await self._inner.open()
        except BaseException as error:
            self._tell_failure(error)
            raise

    async def write(self, data: bytes) -> None:
        if self._answered and not self.exchange_per_connection:
            self._answered = False
            self._tell(Happening.END)
            self._tell(Happening.CLOSE)
            self._begin()
        self._tell(Happening.OUT, data)
        try:
            await self._inner.write(data)
        except BaseException as error:
            self._tell_failure(error)
            raise

    async def finish(self) -> None:
        self._tell(Happening.FINISH)
        try:
            await self._inner.finish()
        except BaseException as error:
            self._tell_failure(error)
            raise

    async def read(self, size_max: int) -> bytes | EndOfStream:
        try:
            data = await self._inner.read(size_max)
        except BaseException as error:
            self._tell_failure(error)
            raise
        if isinstance(data, EndOfStream):
            self._tell(Happening.END)
        else:
            self._answered = True
            self._tell(Happening.IN, data)
        return data

    async def close(self) -> None:
        self._tell(Happening.CLOSE)
        self._telling = False
        await self._inner.close()

    def _begin(self) -> None:
        self._telling = self._sink.wanted
        self._tell(Happening.OPEN, detail=self.name)

    def _tell_failure(self, error: BaseException) -> None:
        # A cancel has no text: somebody above has stopped waiting.
        self._tell(Happening.FAILURE, detail=str(error) or "given up waiting")

    def _tell(self, what: Happening, data: bytes = b"", detail: str = "") -> None:
        if self._telling:
            self._sink.tell(WireEvent(self._now_s(), what, data, detail))
