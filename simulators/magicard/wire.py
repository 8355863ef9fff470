"""Bytes from the host to pages and requests: `05… SOH text FS …planes… ETX`.

The parser is the printer's, not a connection's: it goes on where the last byte left
it. Inside a plane it counts and does not look, so that a request cut into one is
picture. Between frames, all that does not begin one is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from simulators.magicard.header import Header, HeaderError, read

SOH, ETX, CALL, FS = 0x01, 0x03, 0x05, 0x1C
CALLS_OF_A_PAGE = 64
TEXT_SIZE_MAX = 4096  # of a header or request
REQUEST_WORDS = ("REQ", "QPR", "SNR", "RST", "EJT", "TST")


@dataclass(frozen=True, slots=True)
class Request:
    """`words` is what lies between commas, without an empty beginning or end."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    header: Header
    planes: dict[str, bytes]  # by letter, as they came


@dataclass(frozen=True, slots=True)
class Refused:
    """A page that cannot be; what follows of it is passed over."""

    reason: str


Frame = Request | Page | Refused


class _Awaits(Enum):
    FRAME = auto()
    TEXT = auto()
    END = auto()  # ETX, after the FS of a frame without planes
    PLANE = auto()
    MARK = auto()  # FS, letter and colon, after a plane
    LAST = auto()  # ETX, after the last plane's mark


@dataclass(slots=True)
class Parser:
    """`accept(header)` raises `HeaderError` for a page that cannot be taken."""

    accept: Callable[[Header], None]
    _awaits: _Awaits = _Awaits.FRAME
    _calls: int = 0  # 0x05 that came one after the other, just now
    _called: int = 0  # how often it came before the frame begun
    _text: bytearray = field(default_factory=bytearray)
    _frame: Frame | None = None  # what its ETX will make whole
    _sizes: dict[str, int] = field(default_factory=dict)  # of the page's planes
    _planes: dict[str, bytes] = field(default_factory=dict)
    _letter: str = ""  # of the plane being received
    _plane: bytearray = field(default_factory=bytearray)
    _mark: bytearray = field(default_factory=bytearray)
    plane_size: int = 0  # of the plane being received; 0 outside a plane

    @property
    def in_page(self) -> bool:
        """True from a page's header until its end."""
        return self._awaits in (_Awaits.PLANE, _Awaits.MARK, _Awaits.LAST)

    @property
    def missing_size(self) -> int:
        """Bytes that the plane being received still wants; 0 outside a plane."""
        return self.plane_size - len(self._plane)

    def reset(self) -> None:
        """Forget what was begun, as at power-up."""
        self._awaits = _Awaits.FRAME
        self._calls = self.plane_size = 0
        self._text.clear()
        self._plane.clear()
        self._planes = {}
        self._frame = None

    def receive(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that became whole with them."""
        frames: list[Frame] = []
        at = 0
        while at < len(data):
            if self._awaits is _Awaits.FRAME:
                at = self._pass_over(data, at)
            elif self._awaits is _Awaits.PLANE:
                part = data[at : at + self.missing_size]
                at += len(part)
                self._plane += part
                if not self.missing_size:
                    self._awaits = _Awaits.MARK
                    self._mark.clear()
            else:
                frame = self._byte(data[at])
                if frame is not None:
                    frames.append(frame)
                at += 1
        return frames

    def _pass_over(self, data: bytes, at: int) -> int:
        """Go on behind the next SOH, counting the calls right before it."""
        start = data.find(SOH, at)
        noise = data[at : len(data) if start < 0 else start]
        calls = len(noise) - len(noise.rstrip(bytes([CALL])))
        calls += self._calls if calls == len(noise) else 0
        self._calls = min(calls, CALLS_OF_A_PAGE)
        if start < 0:
            return len(data)
        self._begin_text(self._calls)
        return start + 1

    def _begin_text(self, called: int) -> None:
        self._awaits = _Awaits.TEXT
        self._called, self._calls = called, 0
        self._text.clear()

    def _byte(self, byte: int) -> Frame | None:
        if self._awaits is _Awaits.TEXT:
            return self._text_byte(byte)
        if self._awaits is _Awaits.MARK:
            return self._mark_byte(byte)
        frame, self._frame = self._frame, None
        last = self._awaits is _Awaits.LAST
        self.reset()
        if byte == ETX:
            return frame
        return Refused("the page does not end after its planes") if last else None

    def _text_byte(self, byte: int) -> Frame | None:
        if byte == FS:
            return self._text_ended()
        if byte == SOH:  # the frame before was never ended: a new one begins
            self._begin_text(0)
        elif not 0x20 <= byte <= 0x7E or len(self._text) >= TEXT_SIZE_MAX:
            self.reset()
            self._calls = int(byte == CALL)
        else:
            self._text.append(byte)
        return None

    def _text_ended(self) -> Frame | None:
        """Know what it is: a request, a page with planes or without, or nothing."""
        text = self._text.decode("ascii")
        self._awaits = _Awaits.END
        if text.removeprefix(",").startswith(REQUEST_WORDS):
            words = text.removeprefix(",").removesuffix(",").split(",")
            self._frame = Request(tuple(words))
            return None
        if self._called < CALLS_OF_A_PAGE or not text.startswith(","):
            self.reset()
            return None
        try:
            header = read(text[1:])
            self.accept(header)
        except HeaderError as error:
            self.reset()
            return Refused(str(error))
        self._frame = Page(header, self._planes)
        self._sizes = dict(header.sizes)
        self._next_plane()
        return None

    def _next_plane(self) -> None:
        """Await the next plane, if one is still to come."""
        self._plane.clear()
        self._mark.clear()
        for letter in self._sizes:
            if letter not in self._planes:
                self._awaits = _Awaits.PLANE
                self._letter, self.plane_size = letter, self._sizes[letter]
                return
        self.plane_size = 0
        self._awaits = _Awaits.LAST if self._sizes else _Awaits.END

    def _mark_byte(self, byte: int) -> Frame | None:
        self._mark.append(byte)
        mark = bytes([FS]) + self._letter.encode() + b":"
        if not mark.startswith(self._mark):
            self.reset()
            return Refused(f"plane {self._letter} does not end after its size")
        if mark == self._mark:
            self._planes[self._letter] = bytes(self._plane)
            self._next_plane()
        return None
