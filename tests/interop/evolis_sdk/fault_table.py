"""What the vendor's SDK makes of each fault, before a print and during it.

Tests and `make show-interop` read these tables. What the printer warns of before a
job keeps the job from being sent (PRINT_NEEDACTION); what it reports as an error,
before or during, is PRINT_EMECHANICAL, and only the state says which. No code tells
where the card is: that is the last word of each row, from the emulator's own truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from simulators.faults import FaultKind


class When(StrEnum):
    BEFORE = "before"  # struck while the printer is idle
    DURING = "during"  # struck at the first card, at the moment of its kind


@dataclass(frozen=True, slots=True)
class Seen:
    """What a host sees of one print on a printer with one fault, and what is true."""

    code: str  # of the print
    state: str  # afterwards, `major/minor`; empty: not asked
    card: str  # the first blank: its place and its state
    again: str = ""  # the code of a second print, nothing mended; empty: not tried


WAITS = "(waits)"  # no code within the patience of these trials

_OK, _ACTION, _ERROR = "OK", "PRINT_NEEDACTION", "PRINT_EMECHANICAL"
_GONE, _LATE = "PRINTER_ENOCOM", "ETIMEOUT"
_READY, _OFFLINE = "READY/PRINTER_READY", "OFF/PRINTER_OFFLINE"
_NO_STATUS = "OFF/PRINTER_STATUS_DISABLED"
_BLANK, _FED = "hopper, blank", "path, blank"
_HALF, _PRINTED, _OUT = "path, part-printed", "path, complete", "output, complete"

_FEEDER, _MECHANICAL = "ERROR/ERR_FEEDER_ERROR", "ERROR/ERR_MECHANICAL"
_RIBBON = "ERROR/ERR_RIBBON_ERROR"
_EMPTY, _COVER = "WARNING/DEF_FEEDER_EMPTY", "WARNING/DEF_COVER_OPEN"
_UNKNOWN_RIBBON, _ENDED = "WARNING/DEF_UNSUPPORTED_RIBBON", "WARNING/DEF_RIBBON_ENDED"
_FULL, _BIN_FULL = "WARNING/DEF_HOPPER_FULL", "WARNING/DEF_REJECT_BOX_FULL"
_COOLING = "WARNING/DEF_COOLING"

_CARD_IS_FINE = Seen(_OK, _READY, _OUT)

# kind: before, during
_BY_KIND: dict[FaultKind, tuple[Seen, Seen]] = {
    FaultKind.HOPPER_EMPTY: (
        Seen(_ACTION, _EMPTY, _BLANK, _ACTION),
        Seen(_ERROR, _FEEDER, _BLANK, _ACTION),
    ),
    FaultKind.FEED_FAILURE: (
        Seen(_ERROR, _FEEDER, _BLANK, _ERROR),
        Seen(_ERROR, _FEEDER, _BLANK, _ERROR),
    ),
    # The second blank stays inside, and is what the second print prints on.
    FaultKind.DOUBLE_FEED: (
        Seen(_OK, _READY, _OUT, _OK),
        Seen(_OK, _READY, _OUT, _OK),
    ),
    FaultKind.JAM_PATH: (
        Seen(_ERROR, _MECHANICAL, _FED, _ERROR),
        Seen(_ERROR, _MECHANICAL, _HALF, _ERROR),
    ),
    FaultKind.JAM_EXIT: (
        Seen(_ERROR, _MECHANICAL, _PRINTED, _ERROR),
        Seen(_ERROR, _MECHANICAL, _PRINTED, _ERROR),
    ),
    FaultKind.STUCK_HALF_PRINTED: (
        Seen(_ERROR, _MECHANICAL, _HALF, _ERROR),
        Seen(_ERROR, _MECHANICAL, _HALF, _ERROR),
    ),
    FaultKind.COVER_OPEN: (
        Seen(_ACTION, _COVER, _BLANK, _ACTION),
        Seen(_ERROR, "ERROR/ERR_COVER_OPEN", _HALF, _ACTION),
    ),
    FaultKind.RIBBON_ENDED: (
        Seen(_ACTION, _ENDED, _BLANK, _ACTION),
        Seen(_ERROR, "ERROR/ERR_RIBBON_ENDED", _HALF, _ACTION),
    ),
    FaultKind.RIBBON_BROKEN: (
        Seen(_ERROR, _RIBBON, _FED, _ERROR),
        Seen(_ERROR, _RIBBON, _HALF, _ERROR),
    ),
    # ERR_BAD_RIBBON is up, and is the only error that the SDK calls a warning.
    FaultKind.WRONG_RIBBON: (
        Seen(_ACTION, _UNKNOWN_RIBBON, _BLANK, _ACTION),
        Seen(_ERROR, _UNKNOWN_RIBBON, _FED, _ACTION),
    ),
    # A warning that is not a call for action: nothing was sent all the same.
    FaultKind.HEAD_HOT: (
        Seen(_ERROR, _COOLING, _BLANK, _ERROR),
        Seen(_ERROR, "ERROR/ERR_HEAD_TEMP", _HALF, _ERROR),
    ),
    FaultKind.OUTPUT_FULL: (
        Seen(_ACTION, _FULL, _BLANK, _ACTION),
        Seen(_ERROR, "ERROR/ERR_HOPPER_FULL", _PRINTED, _ACTION),
    ),
    FaultKind.REJECT_BIN_FULL: (
        Seen(_ACTION, _BIN_FULL, _BLANK, _ACTION),
        Seen(_OK, _BIN_FULL, _OUT, _ACTION),
    ),
    FaultKind.MAGSTRIPE_WRITE: (_CARD_IS_FINE, _CARD_IS_FINE),  # no stripe is written
    FaultKind.COUNTER_RESET: (_CARD_IS_FINE, _CARD_IS_FINE),
    FaultKind.COUNTER_JUMP: (_CARD_IS_FINE, _CARD_IS_FINE),
    FaultKind.POWER_CUT: (
        Seen(_GONE, _OFFLINE, _BLANK, _GONE),
        Seen(_GONE, _OFFLINE, _HALF, _GONE),
    ),
    FaultKind.LINK_CUT: (
        Seen(_GONE, _OFFLINE, _BLANK, _GONE),
        Seen(_GONE, _OFFLINE, _BLANK, _GONE),
    ),
    # With a limit that the bytes alone use up: the card is out, the code denies it.
    FaultKind.SLOW_LINK: (
        Seen(_LATE, _READY, _OUT),
        Seen(_LATE, _READY, _OUT),
    ),
    # Told nothing before the job, it gives up after 5 s. Told nothing after it, it
    # still waits when the card is long out: ETIMEOUT after 93 s, whatever the limit.
    FaultKind.SILENT: (
        Seen(_GONE, "", _BLANK),
        Seen(WAITS, "", _OUT),
    ),
    FaultKind.GARBAGE: (
        Seen("EUNDEFINED", _NO_STATUS, _BLANK, "EUNDEFINED"),
        Seen("PRINTER_NOSTATUS", _NO_STATUS, _OUT, "EUNDEFINED"),
    ),
}

TABLE: dict[tuple[FaultKind, When], Seen] = {
    (kind, when): seen
    for kind, pair in _BY_KIND.items()
    for when, seen in zip(When, pair, strict=True)
}


@dataclass(frozen=True, slots=True)
class WayBack:
    """From a fault during a print to the next good card: a person's act, then `Scs`."""

    person: str  # what the person does, in words
    act: dict[str, object]  # and as a request of the emulator's control socket
    rejects: bool  # the host sends the card inside to the reject bin, before `Scs`
    card: str  # the first blank at the end: its place and its state
    good_card_no: int = 2  # the blank that the next print makes a good card


def _clear(kind: FaultKind) -> dict[str, object]:
    return {"do": "clear", "kind": kind}


def _hand(act: str, **how: object) -> dict[str, object]:
    return {"do": "hand", "act": act, **how}


_SHUT = _hand("cover", open=False)
_NEW_RIBBON = _hand("ribbon", kind="YMCKO", sets=100)
_TAKE_OUT = _hand("take", **{"from": "path"})
_REJECTED = "reject-bin, part-printed"

_K = FaultKind
WAYS_BACK: dict[FaultKind, WayBack] = {
    _K.HOPPER_EMPTY: WayBack("loads blanks", _hand("load", count=5), False, _OUT, 1),
    _K.FEED_FAILURE: WayBack(
        "loosens the stack", _clear(_K.FEED_FAILURE), False, _OUT, 1
    ),
    _K.JAM_PATH: WayBack("takes the card", _TAKE_OUT, False, "hand, part-printed"),
    _K.JAM_EXIT: WayBack("takes the card", _TAKE_OUT, False, "hand, complete"),
    _K.STUCK_HALF_PRINTED: WayBack("looks inside", _SHUT, True, _REJECTED),
    _K.COVER_OPEN: WayBack("closes the cover", _SHUT, True, _REJECTED),
    _K.RIBBON_ENDED: WayBack("changes the ribbon", _NEW_RIBBON, True, _REJECTED),
    _K.RIBBON_BROKEN: WayBack("changes the ribbon", _NEW_RIBBON, True, _REJECTED),
    _K.WRONG_RIBBON: WayBack(
        "changes the ribbon", _NEW_RIBBON, True, "reject-bin, blank"
    ),
    _K.HEAD_HOT: WayBack("lets it cool", _clear(_K.HEAD_HOT), True, _REJECTED),
    _K.OUTPUT_FULL: WayBack(
        "makes room", _clear(_K.OUTPUT_FULL), True, "reject-bin, complete"
    ),
    _K.POWER_CUT: WayBack(
        "switches it on", {"do": "power", "on": True}, True, _REJECTED
    ),
}
