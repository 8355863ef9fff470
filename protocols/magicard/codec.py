"""Requests to bytes, and bytes to replies: frames from SOH to ETX, every byte defended.

PURE. A reply is never longer than `REPLY_SIZE_MAX`, noise before it never longer than
`NOISE_SIZE_MAX`; what breaks the grammar is named, with what was expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import RemoteProtocolError
from protocols.vocabulary import CardFate

SOH, ETX, FS, ATTENTION = b"\x01", b"\x03", b"\x1c", b"\x05"  # MAG-10
REPLY_SIZE_MAX = 1024  # what the vendor's host reads at once                    MAG-07
NOISE_SIZE_MAX = 64
TEXT_SHOWN_MAX = 60

INFO_HEAD, ERROR_HEAD = "STA$$", "STA"
INFO_COUNT_MIN = 25  # up to the film's name                                     MAG-16
_MAX_DIGITS = 9


class Request(StrEnum):
    """What may be asked when no job is under way; the value is its words."""

    INFO = "REQ,INF"
    ERROR = "REQ,ERR"


def encode_request(words: str) -> bytes:
    """Frame a request as the vendor's host does: without attention bytes (MAG-11)."""
    return SOH + f",{words},".encode("ascii") + FS + ETX


def value_request(key: str) -> bytes:
    """Ask for one value by its key of three letters (MAG-18)."""
    return encode_request(f"REQ,STA,{key}")


class Decoder:
    """Finds one reply in what a printer sends, however it is cut."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._noise_size = 0
        self._begun = False

    def receive(self, data: bytes) -> str | None:
        """Take in bytes; return the text between SOH and ETX once it is whole.

        Raises:
            RemoteProtocolError: noise or a reply without end, a second SOH in it, or
                bytes after its ETX.
        """
        if not self._begun:
            noise, begun, data = data.partition(SOH)
            self._noise_size += len(noise)
            if self._noise_size > NOISE_SIZE_MAX:
                raise _broken(f"{self._noise_size} bytes and no SOH among them", noise)
            self._begun = bool(begun)
        body, ended, rest = data.partition(ETX)
        self._received += body
        if len(self._received) > REPLY_SIZE_MAX:
            raise _broken(
                f"a reply longer than {REPLY_SIZE_MAX} bytes", bytes(self._received)
            )
        if SOH in self._received:
            raise _broken("a second SOH within a reply", bytes(self._received))
        if not ended:
            return None
        if rest:
            raise _broken(f"{len(rest)} bytes after the end of a reply", rest)
        # Texts come in the printer's language; no source names their encoding.
        return self._received.decode("latin-1")

    @property
    def partial(self) -> bool:
        """Whether a reply has begun that is not whole."""
        return self._begun


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """What stops a printer, in its own words; 00:00 is nothing (MAG-15)."""

    text: str
    major: int
    minor: int

    @property
    def up(self) -> bool:
        return (self.major, self.minor) != (0, 0)

    @property
    def code(self) -> str:
        return f"{self.major:02}:{self.minor:02}"


@dataclass(frozen=True, slots=True)
class InfoReply:
    """What a printer says of itself (MAG-16). None: it says no number there."""

    bits: int
    model: str
    head_type: int | None
    serial: str
    head_serial: str
    firmware: str
    cards_printed: int | None
    panels_printed: int | None
    head_position: int | None
    film_serial: str
    film_shots: int | None
    film_used: int | None
    film_name: str

    @property
    def two_sided(self) -> bool:
        return bool(self.bits & 0x02)  # MAG-17

    @property
    def magnetic(self) -> bool:
        return bool(self.bits & 0x01)  # MAG-17

    @property
    def film_left(self) -> int | None:
        """Shots left on the film; None where the film says none."""
        if self.film_shots is None or self.film_used is None or not self.film_shots:
            return None
        return max(self.film_shots - self.film_used, 0)


# The last line says what no source explains, and may be absent.                 MAG-15
_ERROR = re.compile(
    r"STA(?P<text>.*?)\n?(?:[^\n:]* )?(?P<major>\d\d):(?P<minor>\d\d)\s*"
    r"(?:\(c[0-9A-Fa-f]{4}\))?\s*",
    re.DOTALL,
)
_SEPARATOR = re.compile("[,:]")  # MAG-16


def parse_error(body: str) -> ErrorReply:
    """Raises: RemoteProtocolError: not an answer to `Request.ERROR`."""
    found = _ERROR.fullmatch(body)
    if found is None or body.startswith(INFO_HEAD):
        expected = "STA, a text and an error code such as 11:01"
        raise _broken(f"an answer that is not {expected}", body)
    text = " ".join(found["text"].split())
    return ErrorReply(text, int(found["major"]), int(found["minor"]))


def parse_info(body: str) -> InfoReply:
    """Raises: RemoteProtocolError: not an answer to `Request.INFO`, or cut short."""
    if not body.startswith(INFO_HEAD):
        raise _broken(f"an answer that does not begin with {INFO_HEAD}", body)
    fields = _SEPARATOR.split(body.removeprefix(INFO_HEAD).removesuffix(","))
    if len(fields) < INFO_COUNT_MIN:
        raise _broken(
            f"{len(fields)} fields about itself, expected {INFO_COUNT_MIN} or more",
            body,
        )
    fields = [one.strip() for one in fields]
    bits = _number(fields[0])
    if bits is None:
        raise _broken("no number where its model bits stand", fields[0])
    return InfoReply(
        bits=bits,
        model=fields[1],
        head_type=_number(fields[2]),
        serial=fields[3],
        head_serial=fields[4],
        firmware=fields[6],
        cards_printed=_number(fields[9]),
        panels_printed=_number(fields[11]),
        head_position=_number(fields[16]),
        film_serial=fields[21],
        film_shots=_number(fields[22]),
        film_used=_number(fields[23]),
        film_name=fields[24],
    )


def parse_value(key: str, body: str) -> str:
    """Return the value that was asked for by `value_request` (MAG-18).

    Raises:
        RemoteProtocolError: it is not the answer to this key.
    """
    head = f"STA,{key}"
    if not body.startswith(head) or not body.endswith(","):
        raise _broken(f"an answer that is not {head}, a value and a comma", body)
    return body[len(head) : -1]


def _number(text: str) -> int | None:
    whole = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    return int(text) if whole else None


def _broken(what: str, seen: str | bytes) -> RemoteProtocolError:
    shown = seen[:TEXT_SHOWN_MAX]
    return RemoteProtocolError(f"it sent {what}: {shown!r}", card=CardFate.UNKNOWN)
