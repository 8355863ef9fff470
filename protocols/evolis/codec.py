"""Bytes of the Evolis protocol, both ways; sees one exchange, never a link.

request  ESC word { ; param } CR NUL          Db adds ; and raw dots     EVO-01..04
reply    text NUL [ trailer ]                                            EVO-08
trailer  b0 b1  10 CFG INF WAR ERR  02 SID  { 04 EXTn }                  EVO-09
                 4   4   4   4       2           4        big-endian
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from string import hexdigits

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.evolis.commands import COMMANDS, Answer, Op

ESC, CR, NUL = b"\x1b", b"\r", b"\x00"  # EVO-01, EVO-03
TEXT_SIZE_MAX = 2048  # EVO-05: the read buffer of the vendor's program
EXTENSION_COUNT_MAX = 16  # four are named (EVO-10); more are skipped, not unbounded
SESSION_MAX = 0xFFFF

_HEAD = struct.Struct(">2sB4IBH")  # EVO-09
_EXTENSION = struct.Struct(">BI")
_WORDS_SIZE, _SESSION_SIZE, _EXTENSION_SIZE = 0x10, 0x02, 0x04
_EXTENSIONS_NAMED = 4
REPLY_SIZE_MAX = (
    TEXT_SIZE_MAX + len(NUL) + _HEAD.size + EXTENSION_COUNT_MAX * _EXTENSION.size
)


class Word(StrEnum):
    """The words of a status, in the order of the wire."""

    CONFIG = "cfg"
    INFORMATION = "inf"
    WARNING = "war"
    ERROR = "err"
    EXTENSION_1 = "ex1"
    EXTENSION_2 = "ex2"
    EXTENSION_3 = "ex3"
    EXTENSION_4 = "ex4"


@dataclass(frozen=True, slots=True)
class Trailer:
    """The status that ends a reply; a word that was not sent is 0."""

    words: tuple[int, int, int, int, int, int, int, int]  # in the order of `Word`
    session: int  # id of the host that holds the printer, 0: nobody

    def word(self, which: Word) -> int:
        return self.words[_ORDER[which]]


@dataclass(frozen=True, slots=True)
class Reply:
    text: str  # without the blanks at its end
    trailer: Trailer | None


class RefusalWord(StrEnum):
    """The refusals that sources name, as they stand on the wire (EVO-13)."""

    FEEDER = "ERROR FEEDER"
    CARD = "ERROR CARD"
    TIME_OUT = "ERROR TIME OUT"
    MECHANICAL = "ERROR MECHANICAL"
    MECHANICAL_SHORT = "ERROR MECA"
    COMMAND = "ERROR CDE"
    PARAMETERS = "ERROR PARAMETRES"
    RIBBON_DETECTION = "ERR RIB DETECTION"
    MAGNETIC = "ERROR MAGN"
    MAGNETIC_CHECKSUM = "ERROR MAGN CHEKSUM"
    MAGNETIC_DATA = "ERROR MAGN DATA"
    BLANK_TRACK = "ERROR BLANK TRACK"
    NO_OPTION = "OPTION NOT AVAILABLE"
    OTHER = "ERR"  # any other text that begins so


STRIPE_REFUSALS = frozenset(
    {
        RefusalWord.MAGNETIC,
        RefusalWord.MAGNETIC_CHECKSUM,
        RefusalWord.MAGNETIC_DATA,
        RefusalWord.BLANK_TRACK,
    }
)
_ORDER = {word: index for index, word in enumerate(Word)}


def encode(op: Op, *parameters: str | int) -> bytes:
    """The bytes of a request, with the NUL that ends it; empty for a status poll.

    Raises:
        LocalProtocolError: parameters that the command does not take.
    """
    command = COMMANDS[op]
    if op is Op.PANEL:
        raise LocalProtocolError("a panel has dots: encode_panel writes it")
    if command.answer is Answer.IGNORED:
        raise LocalProtocolError(f"{command} begins a stream: job.py writes it")
    if len(parameters) != command.free_count:
        raise LocalProtocolError(
            f"{command} takes {command.free_count} parameters, got {len(parameters)}"
        )
    if not command.word:
        return b""
    return ESC + _joined(command.word, command.fixed + parameters) + CR + NUL


def line(word: str, *parameters: str | int) -> bytes:
    """One command of many in a stream: without the NUL that ends a request (EVO-04).

    Raises:
        LocalProtocolError: it would not be one command.
    """
    return ESC + _joined(word, parameters) + CR


def encode_panel(
    letter: str, levels: int, dots: bytes, resolution: tuple[int, int] | None = None
) -> tuple[bytes, bytes, bytes]:
    """The request that sends one panel (EVO-33): head, the very dots, and tail.

    In three pieces, so that no panel is ever copied. `resolution`: dots an inch along
    and across the card, if not 300 (EVO-52).
    """
    word = COMMANDS[Op.PANEL].word
    if resolution is None:
        head = _joined(word, (letter, levels, ""))
    else:
        head = _joined(f"{word}x", (letter, levels, *resolution, ""))
    return ESC + head, dots, CR + NUL


def encode_compressed(letter: str, data: bytes) -> bytes:
    """The whole request that sends one compressed panel of two levels (EVO-54)."""
    word = f"{COMMANDS[Op.PANEL].word}c"
    head = _joined(word, (letter, 2, len(data), ""))
    return b"".join((ESC, head, data, CR, NUL))


def _joined(word: str, parameters: tuple[str | int, ...]) -> bytes:
    text = ";".join((word, *map(str, parameters)))
    if not text.isascii() or not text.isprintable():
        raise LocalProtocolError(f"not a command: {text!r}")
    return text.encode("ascii")


class Decoder:
    """Collects one reply; bounded, incremental.

    It ends where the printer closes, or, on a link that stays open, with the transfer
    after which it is `whole` (EVO-90).
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def begun(self) -> bool:
        return bool(self._buffer)

    @property
    def has_text(self) -> bool:
        """The text is there to its end; a status may follow."""
        return NUL in self._buffer

    @property
    def whole(self) -> bool:
        """Text and status are there, and of a size at which a reply may end."""
        _, found, rest = self._buffer.partition(NUL)
        over_size = len(rest) - _HEAD.size
        return bool(found) and over_size >= 0 and over_size % _EXTENSION.size == 0

    def receive(self, data: bytes) -> None:
        """Add bytes as they came off the link.

        Raises:
            RemoteProtocolError: this can no longer become a reply.
        """
        self._buffer += data
        if self._buffer.find(NUL, 0, TEXT_SIZE_MAX + 1) < 0:
            if len(self._buffer) > TEXT_SIZE_MAX:
                raise RemoteProtocolError(
                    f"reply text longer than {TEXT_SIZE_MAX} bytes"
                )
        elif len(self._buffer) > REPLY_SIZE_MAX:
            raise RemoteProtocolError(f"reply longer than {REPLY_SIZE_MAX} bytes")

    def receive_eof(self) -> Reply | None:
        """No byte will follow: return the reply, or None if the printer sent nothing.

        Raises:
            RemoteProtocolError: the bytes are not a reply, or only the head of one.
        """
        if not self._buffer:
            return None
        text, found, rest = bytes(self._buffer).partition(NUL)
        if not found:
            raise RemoteProtocolError(
                f"reply text without its end: {_shown(text)} ({len(text)} bytes)"
            )
        return Reply(_text(text), _trailer(rest) if rest else None)


def refusal(text: str) -> RefusalWord | None:
    """Which refusal a reply's text is; None: it is none."""
    if text == RefusalWord.NO_OPTION:
        return RefusalWord.NO_OPTION
    if not text.startswith(RefusalWord.OTHER):
        return None
    try:
        return RefusalWord(text)
    except ValueError:
        return RefusalWord.OTHER


def is_status_words(text: str) -> bool:
    """Whether a text is what `Rpst` is answered with: 4 to 8 words (EVO-89)."""
    size, rest = divmod(len(text), 8)
    return not rest and 4 <= size <= len(_ORDER) and set(text) <= set(hexdigits)


def pairs(text: str) -> dict[str, str]:
    """Read lines of `key:value`, or of a key and a value with a blank between (EVO-15).

    Raises:
        RemoteProtocolError: a line that is neither, or a key that comes twice.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        cut = min((at for at in map(line.find, ": ") if at > 0), default=-1)
        if cut < 0:
            raise RemoteProtocolError(f"expected key:value, got {line[:40]!r}")
        key = line[:cut]
        if key in found:
            raise RemoteProtocolError(f"{key!r} comes twice in one reply")
        found[key] = line[cut + 1 :].strip()
    return found


def count_in(values: dict[str, str], key: str) -> int:
    """The natural number under `key`.

    Raises:
        RemoteProtocolError: there is none.
    """
    value = values.get(key)
    if value is None:
        raise RemoteProtocolError(f"the reply has no {key!r}, only {sorted(values)}")
    return natural(value, key)


def natural(text: str, what: str) -> int:
    """The natural number that `text` is.

    Raises:
        RemoteProtocolError: it is none, or longer than any counter.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > 10:
        raise RemoteProtocolError(f"{what} is {text[:40]!r}, expected a count")
    return int(text)


def _text(raw: bytes) -> str:
    text = raw.decode("latin-1").rstrip(" \r\n")  # EVO-08
    if not text.isascii() or not text.replace("\r", "").replace("\n", "").isprintable():
        raise RemoteProtocolError(f"reply text is not plain ASCII: {_shown(raw)}")
    return text


def _trailer(raw: bytes) -> Trailer:
    if len(raw) < _HEAD.size:
        raise RemoteProtocolError(
            f"status trailer of {len(raw)} bytes, expected at least {_HEAD.size}"
        )
    # The meaning of the first two bytes is an open question: EVO-12.
    _, words_size, cfg, inf, war, err, session_size, session = _HEAD.unpack_from(raw)
    if words_size != _WORDS_SIZE:
        raise RemoteProtocolError(
            f"status of {words_size} bytes, expected {_WORDS_SIZE}: {_shown(raw)}"
        )
    if session_size != _SESSION_SIZE:
        raise RemoteProtocolError(
            f"session id of {session_size} bytes, expected {_SESSION_SIZE}"
        )
    extensions: list[int] = []
    for at in range(_HEAD.size, len(raw), _EXTENSION.size):
        if len(raw) - at < _EXTENSION.size:
            raise RemoteProtocolError("status extension is cut short")
        size, word = _EXTENSION.unpack_from(raw, at)
        if size != _EXTENSION_SIZE:
            raise RemoteProtocolError(
                f"status extension of {size} bytes, expected {_EXTENSION_SIZE}"
            )
        extensions.append(word)
    ex1, ex2, ex3, ex4 = (*extensions, 0, 0, 0, 0)[:_EXTENSIONS_NAMED]
    return Trailer((cfg, inf, war, err, ex1, ex2, ex3, ex4), session)


def _shown(raw: bytes) -> str:
    return raw[:32].hex(" ") + (" …" if len(raw) > 32 else "")
