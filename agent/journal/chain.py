"""Event lines: canonical JSON, its hash, and the chain they form. Pure.

    <64 hex digits> <JSON with sorted keys>\\n      hash = SHA-256 of the JSON bytes

Each JSON holds the number of its line and the hash of the line before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from agent.contract.events import Event

GENESIS = "0" * 64  # what line 1 names as the hash before it

BODY_AT = 65  # where the JSON of a line begins

_HASH_SIZE = 64
_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Event)


class ChainError(Exception):
    """A line that cannot stand where it stands: `no` is its place in the chain."""

    def __init__(self, no: int, what: str) -> None:
        super().__init__(f"event {no}: {what}")
        self.no = no


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line of a chain; `no` 0 and GENESIS when there is none."""

    no: int = 0
    hash: str = GENESIS


def canonical(line: bytes, event: Event) -> bool:
    """True when the JSON of a line, which says `event`, is written in the one way.

    What the encoder makes of the event is that way, so a line that is just this needs
    no second look. Any other is judged without its type: types grow, lines of old stay.
    """
    body = line[BODY_AT:-1]
    if _encoder.encode(event) == body:
        return True
    return _encoder.encode(msgspec.json.decode(body)) == body


def seal(event: Event) -> tuple[Head, bytes]:
    """Return the line of an event, newline included, and the head it makes."""
    body = _encoder.encode(event)
    digest = hashlib.sha256(body).hexdigest()
    return Head(event.no, digest), digest.encode() + b" " + body + b"\n"


def open_line(line: bytes, no: int) -> tuple[str, Event]:
    """Return hash and event of one line, as it was kept.

    Raises:
        ChainError: it is not a line, its hash is of other bytes, or its JSON is none.
    """
    if not isinstance(line, bytes):  # SQLite holds whatever it was given
        raise ChainError(no, "not kept as bytes")
    head, body = line[:_HASH_SIZE], line[BODY_AT:-1]
    if line[_HASH_SIZE:BODY_AT] != b" " or line[-1:] != b"\n":
        raise ChainError(no, "not a line of the form `<hash> <JSON>`")
    digest = hashlib.sha256(body).hexdigest()
    if digest.encode() != head:
        raise ChainError(no, f"its bytes hash to {digest}, the line says otherwise")
    try:
        return digest, _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise ChainError(no, f"not an event: {error}") from error


def verify(lines: Iterable[bytes], start: Head | None = None) -> Head:
    """Follow a chain from `start` (the beginning when absent) and return its head.

    Raises:
        ChainError: the first line that does not fit.
    """
    head = start or Head()
    for line in lines:
        no = head.no + 1
        digest, event = open_line(line, no)
        if event.no != no:
            raise ChainError(no, f"it says that it is event {event.no}")
        if event.prev != head.hash:
            raise ChainError(no, "it follows another line than the one before it")
        head = Head(no, digest)
    return head
