"""Who reads along with the printer, and what each reader has not been given yet.

A driver only appends to a reader's queue, which is bounded; making text of it is the
work of the reader's own task. So no reader, slow or broken, holds up a card.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import msgspec

from agent.contract.messages import PrinterIdentity
from protocols.contract import Happening, WireEvent
from protocols.registry import annotated

WAITING_MAX = 256  # connections that a reader may be behind
WAITING_SIZE_MAX = 8 * 2**20  # bytes in them: the panels of some three cards
WRITE_WAIT_S = 30  # for a reader that takes nothing

Connection = tuple[WireEvent, ...]


@dataclass(frozen=True, slots=True)
class Title:
    """Whose bytes these are, and since when."""

    printer: str
    at: datetime

    @classmethod
    def of(cls, printer: PrinterIdentity | None, at: datetime) -> Title:
        known = f"{printer.model} {printer.firmware}" if printer else "a printer unread"
        return cls(known, at)

    @property
    def source(self) -> str:
        return f"trace of {self.printer}, {self.at:%Y-%m-%d}"

    @property
    def head(self) -> str:
        """The begin of the file: comments alone."""
        printable = "".join(c if c.isprintable() else "?" for c in self.printer)
        return (
            f"# blanko: trace of {printable}\n"
            f"# began {self.at:%Y-%m-%dT%H:%M:%SZ}; times are seconds since then\n"
            "# dots of panels and data of magnetic stripes are left out\n\n"
        )


class Reader:
    """One reader's queue."""

    def __init__(self, title: Title, began_s: float) -> None:
        self.title = title
        self.began_s = began_s
        self.exchanges = 0  # taken
        self.dropped = 0  # never taken: the reader was too slow
        self._waiting: deque[Connection] = deque()
        self._size = 0
        self._news = asyncio.Event()

    def offer(self, connection: Connection) -> None:
        """Keep it for the reader, or count it as dropped."""
        size = _size(connection)
        full = len(self._waiting) >= WAITING_MAX
        if full or self._size + size > WAITING_SIZE_MAX:
            self.dropped += 1
            return
        self._waiting.append(connection)
        self._size += size
        self._news.set()

    async def next(self) -> Connection:
        """The oldest that was not taken yet."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        connection = self._waiting.popleft()
        self._size -= _size(connection)
        self.exchanges += 1
        return connection


class Tracing:
    """All readers; implements `contract.WireSink`."""

    def __init__(self, family: str) -> None:
        self.family = family
        self._readers: set[Reader] = set()
        self._under_way: list[WireEvent] = []

    @property
    def wanted(self) -> bool:
        return bool(self._readers)

    def tell(self, event: WireEvent) -> None:
        if event.what is Happening.OPEN:
            self._under_way = []
        self._under_way.append(event)
        if event.what is Happening.CLOSE:
            connection, self._under_way = tuple(self._under_way), []
            for reader in self._readers:
                reader.offer(connection)

    @contextmanager
    def reader(self, title: Title) -> Iterator[Reader]:
        began_s = asyncio.get_running_loop().time()
        reader = Reader(title, began_s)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the stream: text of the file, and what was taken and dropped."""

    ok: bool = True
    text: str
    exchanges: int
    dropped: int
    ended: bool = False  # no more lines: the time is over


async def stream(
    trace: Reader,
    family: str,
    pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    seconds: int | None,
) -> None:
    """Tell one client until it goes away, takes nothing any more, or the time is over.

    Raises:
        OSError: the client is gone.
        TimeoutError: it took nothing for `WRITE_WAIT_S`.
    """
    reader, writer = pipe
    leaving = asyncio.create_task(reader.read(1))
    telling = asyncio.create_task(_tell(trace, family, writer))
    try:
        await asyncio.wait(
            {leaving, telling}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if telling.done():
            telling.result()
        if leaving.done():
            return
    finally:
        leaving.cancel()
        telling.cancel()
        await asyncio.wait({leaving, telling})
    writer.write(_line(trace, "", ended=True))
    writer.close()
    async with asyncio.timeout(WRITE_WAIT_S):
        await writer.wait_closed()


async def _tell(trace: Reader, family: str, writer: asyncio.StreamWriter) -> None:
    writer.write(_line(trace, trace.title.head))
    while True:
        async with asyncio.timeout(WRITE_WAIT_S):
            await writer.drain()
        connection = await trace.next()
        text = annotated(
            family,
            connection,
            no=trace.exchanges,
            source=trace.title.source,
            began_s=trace.began_s,
        )
        writer.write(_line(trace, text))


def _line(trace: Reader, text: str, *, ended: bool = False) -> bytes:
    line = Line(
        text=text, exchanges=trace.exchanges, dropped=trace.dropped, ended=ended
    )
    return msgspec.json.encode(line) + b"\n"


def _size(connection: Connection) -> int:
    return sum(len(event.data) for event in connection)
