"""The magnetic encoder's own memory: what is to be written, what was read, and how.

Data is checked as it comes; it gets on a stripe, or off it, when a card passes.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, field

TRACKS = ("1", "2", "3")
NOT_FITTED = "OPTION NOT AVAILABLE"
BAD_DATA = "ERROR MAGN DATA"
BLANK_TRACK = "ERROR BLANK TRACK"

_DIGITS = frozenset(string.digits + ":;<=>?")
_SIGNS = frozenset(chr(code) for code in range(0x20, 0x60))
_LAYOUTS = {
    "0": (_SIGNS, 104),  # as the printer has it set
    "1": (_SIGNS, 76),  # ISO 7811 track 1
    "2": (_DIGITS, 37),
    "3": (_DIGITS, 104),
    "4": (_DIGITS, 104),  # vendors' own: lengths are not known
    "5": (_SIGNS, 104),
    "6": (_SIGNS, 69),
    "7": (_SIGNS, 104),
}


@dataclass(slots=True)
class Encoder:
    layouts: dict[str, str] = field(
        default_factory=lambda: dict(zip(TRACKS, ("1", "2", "3"), strict=True))
    )
    coercivity: str = "h"
    to_write: dict[str, str] = field(default_factory=dict)
    was_read: dict[str, str] = field(default_factory=dict)

    def set_layout(self, parameters: tuple[str, ...]) -> bool:
        """`Pmt;track;layout`; False: no such track or layout."""
        if len(parameters) != 2 or parameters[0] not in TRACKS:
            return False
        if parameters[1] not in _LAYOUTS:
            return False
        self.layouts[parameters[0]] = parameters[1]
        return True

    def set_coercivity(self, parameters: tuple[str, ...]) -> bool:
        """`Pmc;h` or `Pmc;l`; False: neither."""
        if parameters not in (("h",), ("l",)):
            return False
        self.coercivity = parameters[0]
        return True

    def take(self, parameters: tuple[str, ...]) -> bool:
        """`Dm;track;data`; False: the track's layout cannot hold that."""
        if len(parameters) < 2 or parameters[0] not in TRACKS:
            return False
        text = ";".join(parameters[1:])
        signs, size_max = _LAYOUTS[self.layouts[parameters[0]]]
        if not text or len(text) > size_max or not signs.issuperset(text):
            return False
        self.to_write[parameters[0]] = text
        return True
