"""What the fields at the head of a page say: `NOC1,VER1.00,LANENG,…,SZB512064`.

Fields have no separators of their own inside: what takes several commas is read by its
place. A page that says what no source knows is refused whole, so that a misspelt field
does not get lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

PLANES = {"B": "y", "G": "m", "R": "c", "K": "k"}
"""Letters of the planes in the order in which they come, and their panels."""
COPIES_MAX = 9999
Area = tuple[int, int, int, int]  # left, bottom, right, top, in dots

_SIGNS = {"7": (0x20, 0x5F), "5": (0x30, 0x3F), "1": (0x30, 0x31)}
_USUAL_BITS = {"1": "7", "2": "5", "3": "5"}
_START_OF = {"1": "%", "2": ";", "3": ";"}

# Known, and of no consequence here: colours, heat, positions, film, laminator, …
_PASSED_OVER = re.compile(
    r"VER[ -~]{0,80}|TDT[0-9A-F]{8}|CR79|RSP(DEF|FAST|HQ)|LC[1368]|ESS[12]"
    r"|SLW(ON|OFF)|XLI\d+:\d+|BAC(CKO|CK|CO|C|KO|K|O)|IMF(BGR|BGRK|K)"
    r"|XCO\d+|YCO\d+|HGT\d+|(NNN|USF|CKI)(ON|OFF)|HKT\d+|HKM[0-9A-F]{6}"
    r"|TRO(0|90|180|270|ON|OFF)|HOL(LAN|POR)|PAT\d+|HPH(ON|OFF)|ICC[0-4]"
    r"|[CKO]PW\d{1,3}|(DDD|SOI|EOI)\d{1,3}|LAM(_[A-Z]{3})? ?\d+|RT2|JIS2"
    r"|ERA(ON|OFF)|EA[SEW]\d+|MGV(ON|OFF)|COE[HL]"
)


class HeaderError(Exception):
    """The page cannot be; the text says which field."""


@dataclass(slots=True)
class Header:
    copies: int = 1
    language: str | None = None
    tag: str = ""
    duplex: bool = False
    page_no: int = 1
    back_only: bool = False
    hand_fed: bool = False
    reject_faulty: bool = False
    overcoat: bool = False
    area: Area | None = None  # of the overcoat; None: all of the card
    holes: list[Area] = field(default_factory=list)  # that it leaves free
    line_count: int | None = None
    sizes: dict[str, int] = field(default_factory=dict)  # of the planes, by letter
    tracks: dict[str, str] = field(default_factory=dict)


def read(text: str) -> Header:
    """Read the fields between SOH and FS.

    Raises:
        HeaderError: a field that is not known, or not as it should be.
    """
    header = Header()
    tokens = _Tokens(text.split(","))
    while tokens.left:
        _read_field(header, tokens)
    return header


class _Tokens:
    """What lies between commas, taken one after the other."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._words) - self._at

    def take(self) -> str:
        if not self.left:
            raise HeaderError("the header ends inside a field")
        self._at += 1
        return self._words[self._at - 1]

    def next_is(self, pattern: str) -> bool:
        return bool(self.left) and bool(re.fullmatch(pattern, self._words[self._at]))


def _read_field(header: Header, tokens: _Tokens) -> None:
    word = tokens.take()
    for prefix, reader in _READERS.items():
        if word.startswith(prefix):
            reader(header, word.removeprefix(prefix), tokens)
            return
    if word in ("KEE", "KGE", "KGE2", "KEE1", "KEE4"):
        header.tag = word
    elif not _PASSED_OVER.fullmatch(word):
        raise HeaderError(f"field {word[:20]!r} is not known")


def _number(text: str, largest: int) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:9]) <= largest):
        raise HeaderError(f"{text[:20]!r}: expected 0 to {largest}")
    return int(text[:9])


def _switch(text: str) -> bool:
    if text not in ("ON", "OFF"):
        raise HeaderError(f"{text[:20]!r}: expected ON or OFF")
    return text == "ON"


def _copies(header: Header, text: str, _: _Tokens) -> None:
    header.copies = _number(text, COPIES_MAX)


def _language(header: Header, text: str, _: _Tokens) -> None:
    if not re.fullmatch("[A-Z]{3}", text):
        raise HeaderError(f"LAN{text[:20]!r}: expected three letters")
    header.language = text


def _duplex(header: Header, text: str, _: _Tokens) -> None:
    header.duplex = _switch(text)


def _page(header: Header, text: str, _: _Tokens) -> None:
    if text not in ("1", "2"):
        raise HeaderError(f"PAG{text[:20]}: expected 1 or 2")
    header.page_no = int(text)


def _back_only(header: Header, text: str, _: _Tokens) -> None:
    header.back_only = True


def _hand_fed(header: Header, text: str, _: _Tokens) -> None:
    header.hand_fed = _switch(text)


def _reject(header: Header, text: str, _: _Tokens) -> None:
    header.reject_faulty = _switch(text)


def _overcoat(header: Header, text: str, _: _Tokens) -> None:
    header.overcoat = _switch(text)


def _area_from(text: str, tokens: _Tokens) -> Area:
    edges = [_number(one, 2000) for one in (text, *(tokens.take() for _ in range(3)))]
    return edges[0], edges[1], edges[2], edges[3]


def _area(header: Header, text: str, tokens: _Tokens) -> None:
    header.area = _area_from(text, tokens)


def _hole(header: Header, text: str, tokens: _Tokens) -> None:
    header.holes.append(_area_from(text, tokens))


def _erased(header: Header, text: str, tokens: _Tokens) -> None:
    _area_from(text, tokens)  # of a rewritable card, which this one is not


def _lines(header: Header, text: str, _: _Tokens) -> None:
    header.line_count = _number(text, 2000)


def _size(header: Header, text: str, _: _Tokens) -> None:
    letter = text[:1]
    known = letter in PLANES and letter not in header.sizes
    if not known or not header.sizes.keys() <= set("BGRK"[: "BGRK".index(letter)]):
        raise HeaderError(f"SZ{text[:20]}: no plane that comes here")
    header.sizes[letter] = _number(text[1:], 10_000_000)


def _track(header: Header, track: str, tokens: _Tokens) -> None:
    """`MAG1,BPI210,MPC7,COEH,%…?`; what is left out is as usual."""
    if track not in _USUAL_BITS or track in header.tracks:
        raise HeaderError(f"MAG{track[:20]}: no such track, or told twice")
    bits = _USUAL_BITS[track]
    while tokens.next_is("BPI(210|75)|MPC[751]|COE[HL]"):
        word = tokens.take()
        bits = word[3:] if word.startswith("MPC") else bits
    data = tokens.take()
    sentinel = _START_OF[track]
    if data.startswith(sentinel):
        while not data.endswith("?"):
            data += "," + tokens.take()
        data = data[1:-1]
    lowest, highest = _SIGNS[bits]
    if not data or not all(lowest <= ord(sign) <= highest for sign in data):
        raise HeaderError(f"MAG{track}: data that the track cannot hold")
    header.tracks[track] = data


_READERS: dict[str, Callable[[Header, str, _Tokens], None]] = {
    "NOC": _copies,
    "BBB": _copies,
    "LAN": _language,
    "DPX": _duplex,
    "PAG": _page,
    "BSO": _back_only,
    "HFD": _hand_fed,
    "REJ": _reject,
    "OVR": _overcoat,
    "PCT": _area,
    "NCT": _hole,
    "REA": _erased,
    "WID": _lines,
    "SZ": _size,
    "MAG": _track,
}
