"""A printer made of a list: requests that must come, in this order, and the replies.

A second real implementation of the Transport seam, and a loop whose clock jumps to
the next timer, so that a minute of silence takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from protocols.contract import EndOfStream
from protocols.errors import TransportError


class Trouble(Enum):
    """What may happen instead of a reply."""

    REFUSED = auto()  # nobody listens
    CUT_IN_REQUEST = auto()
    CUT_IN_REPLY = auto()
    CLOSED = auto()  # ends without a byte
    SILENT = auto()


@dataclass(frozen=True)
class Step:
    request: bytes  # of a panel or a whole job only the head
    reply: bytes | Trouble


class ScriptedTransport:
    name = "scripted"
    exchange_per_connection = True
    beside = None

    def __init__(self, steps: Iterable[Step], *, piece_size: int = 3) -> None:
        self._piece_size = piece_size
        self.steps = deque(steps)
        self.writes: list[bytes] = []
        self.is_open = False
        self._step: Step | None = None
        self._request = b""
        self._rest = b""

    async def open(self) -> None:
        assert not self.is_open, "opened twice"
        assert self.steps, "a connection that the script does not know"
        self._step = self.steps.popleft()
        if self._step.reply is Trouble.REFUSED:
            raise TransportError("scripted: cannot connect: refused")
        self.is_open = True
        self._request = b""

    async def write(self, data: bytes) -> None:
        self.writes.append(data)
        self._request += data
        if self._current.reply is Trouble.CUT_IN_REQUEST:
            raise TransportError("scripted: cut while sending")

    async def finish(self) -> None:
        expected = self._current.request
        is_long = expected.startswith((b"\x1bDb", b"\x1bPsync"))
        same = self._request.startswith(expected) if is_long else None
        assert same or self._request == expected, (self._request[:40], expected)
        reply = self._current.reply
        self._rest = reply if isinstance(reply, bytes) else b"OK\x00"

    async def read(self, size_max: int) -> bytes | EndOfStream:
        reply = self._current.reply
        if reply is Trouble.SILENT:
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)  # as a socket would: others get their turn
        if reply is Trouble.CUT_IN_REPLY and not self._rest:
            raise TransportError("scripted: cut while reading")
        if reply is Trouble.CLOSED or not self._rest:
            return EndOfStream.END
        size = self._piece_size
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece

    async def close(self) -> None:
        self.is_open = False

    @property
    def _current(self) -> Step:
        assert self._step is not None
        assert self.is_open
        return self._step


FITTED = 0x00102020  # flip-over unit, feeder, reject slot


def status(
    inf: int = 0, war: int = 0, err: int = 0, session: int = 7, cfg: int = FITTED
) -> bytes:
    words = struct.pack(">IIII", cfg, inf, war, err)
    return b"\x00\x00\x10" + words + b"\x02" + struct.pack(">H", session)


def poll(reply: bytes | Trouble | None = None, **words: int) -> Step:
    return Step(b"", b"\x00" + status(**words) if reply is None else reply)


def says(command: str, text: str, **words: int) -> Step:
    request = b"\x1b" + command.encode() + b"\r\x00"
    return Step(request, text.encode() + b"\x00" + status(**words))


def fails(command: str, trouble: Trouble | bytes) -> Step:
    return Step(b"\x1b" + command.encode() + b"\r\x00", trouble)


def panel(head: str, reply: bytes | Trouble | None = None, **words: int) -> Step:
    good = b"OK\x00" + status(**words)
    return Step(b"\x1bDb;" + head.encode() + b";", good if reply is None else reply)


class _JumpingSelector(selectors.SelectSelector):
    now_s = 0.0

    def select(self, timeout: float | None = None):
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("deadlock: nothing is left that could happen")
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run_in_virtual_time(main: Callable[[], Awaitable[object]]) -> float:
    """Run to the end and return how many seconds that would have taken."""

    async def timed() -> float:
        await main()
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(timed())
