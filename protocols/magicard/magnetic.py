"""What a magnetic stripe is to bear, as fields of a job's header (MAG-27).

PURE. Data that the track's alphabet does not have is refused, before a blank moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import LocalProtocolError
from protocols.vocabulary import CardFate


class Coercivity(StrEnum):
    HIGH = "COEH"
    LOW = "COEL"


@dataclass(frozen=True, slots=True)
class Track:
    """The data of one track, without its sentinels."""

    number: int  # 1 to 3
    data: str


@dataclass(frozen=True, slots=True)
class _Alphabet:
    first: str  # lowest and highest character of the data
    last: str
    start: str  # sentinel; the end is a question mark on all three
    bits: int  # of a character
    density: int  # bits an inch
    length_max: int


# Lengths: ISO/IEC 7811-2, sentinels and check character taken off.
_ALPHABETS = {
    1: _Alphabet(" ", "_", "%", bits=7, density=210, length_max=76),
    2: _Alphabet("0", "?", ";", bits=5, density=75, length_max=37),
    3: _Alphabet("0", "?", ";", bits=5, density=210, length_max=104),
}
_END = "?"


def stripe_fields(tracks: Sequence[Track], coercivity: Coercivity) -> Iterator[str]:
    """Return the fields for these tracks, and that each is read back after writing.

    Raises:
        LocalProtocolError: as `check`.
    """
    check(tracks)
    if tracks:
        yield "MGVON"
    for track in tracks:
        alphabet = _ALPHABETS[track.number]
        yield f"MAG{track.number}"
        yield f"BPI{alphabet.density}"
        yield f"MPC{alphabet.bits}"
        yield coercivity.value
        # Joined, not formatted: private text shows dots where it is formatted.
        yield alphabet.start + track.data + _END


def check(tracks: Sequence[Track]) -> None:
    """Refuse what no stripe can bear.

    Raises:
        LocalProtocolError: a track twice or unknown, or data that it cannot bear.
    """
    numbers = [track.number for track in tracks]
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set(_ALPHABETS):
        raise _refused(f"tracks {numbers}, expected some of 1, 2 and 3, each once")
    for track in tracks:
        _check(track, _ALPHABETS[track.number])


def _check(track: Track, alphabet: _Alphabet) -> None:
    # The data themselves stay out of the message: they may be a person's.
    if not 1 <= len(track.data) <= alphabet.length_max:
        raise _refused(
            f"{len(track.data)} characters for track {track.number}, "
            f"expected 1 … {alphabet.length_max}"
        )
    for at, one in enumerate(track.data):
        allowed = alphabet.first <= one <= alphabet.last
        if not allowed or one in (alphabet.start, _END):
            raise _refused(
                f"character {at + 1} for track {track.number} is not one of "
                f"{alphabet.first!r} … {alphabet.last!r} without its sentinels"
            )


def _refused(what: str) -> LocalProtocolError:
    return LocalProtocolError(what, card=CardFate.UNTOUCHED)
