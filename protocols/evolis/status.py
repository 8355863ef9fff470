"""What the bits of a status mean in the words of the field (EVO-24 to EVO-29).

A bit without a row is never lost: in the words WAR and ERR it becomes `other`, with
the severity of its word.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.contract import Status
from protocols.evolis.codec import Trailer, Word
from protocols.vocabulary import (
    CardPosition,
    PrinterState,
    Reason,
    Severity,
    StateReason,
)

REPORT, WARNING, ERROR = Severity.REPORT, Severity.WARNING, Severity.ERROR


@dataclass(frozen=True, slots=True)
class Flag:
    """One bit that is a reason. Error: no new card may start while it is up."""

    word: Word
    bit: int
    keyword: StateReason
    severity: Severity
    stops_card: bool = False  # a card under way will not be finished either


def _inf(bit: int, keyword: StateReason, severity: Severity) -> Flag:
    return Flag(Word.INFORMATION, bit, keyword, severity)


def _war(bit: int, keyword: StateReason, severity: Severity = ERROR) -> Flag:
    return Flag(Word.WARNING, bit, keyword, severity)


def _err(bit: int, keyword: StateReason) -> Flag:
    return Flag(Word.ERROR, bit, keyword, ERROR, stops_card=True)


FLAGS = (
    _inf(0x0008_0000, StateReason.RIBBON_ALMOST_EMPTY, WARNING),  # RIBBON_LOW
    _inf(0x0004_0000, StateReason.CLEANER_LIFE_OVER, WARNING),  # CLEANING_MANDATORY
    _inf(0x0000_0100, StateReason.CLEANER_LIFE_ALMOST_OVER, WARNING),  # …_REQUIRED
    _inf(0x0000_0008, StateReason.WRONG_RIBBON, ERROR),  # WRONG_ZONE_EXPIRED
    _war(0x4000_0000, StateReason.OTHER),  # REMOVE_RIBBON
    _war(0x0800_0000, StateReason.REJECT_BIN_FULL),
    _war(0x0400_0000, StateReason.OTHER),  # CARD_ON_EJECT, see also EXIT_BITS
    _war(0x0200_0000, StateReason.MEDIA_NEEDED),  # WAIT_CARD
    _war(0x0100_0000, StateReason.MEDIA_EMPTY),  # FEEDER_EMPTY
    _war(0x0020_0000, StateReason.OVER_TEMPERATURE),  # COOLING
    _war(0x0010_0000, StateReason.OUTPUT_AREA_FULL),  # HOPPER_FULL
    _war(0x0008_0000, StateReason.RIBBON_EMPTY),  # RIBBON_ENDED
    _war(0x0004_0000, StateReason.OTHER),  # PRINTER_LOCKED
    # The vendor's program fails a card whose printing ends with this one up (EVO-27).
    Flag(Word.WARNING, 0x0002_0000, StateReason.COVER_OPEN, ERROR, stops_card=True),
    _war(0x0001_0000, StateReason.RIBBON_MISSING),  # NO_RIBBON
    _war(0x0000_8000, StateReason.WRONG_RIBBON),  # UNSUPPORTED_RIBBON
    _war(0x0000_0400, StateReason.OTHER),  # REJECT_BOX_COVER_OPEN
    _war(0x0000_0200, StateReason.OTHER, REPORT),  # an INF by its name
    _war(0x0000_0100, StateReason.HOPPER_OPEN, WARNING),  # FEEDER_OPEN
    _err(0x2000_0000, StateReason.OVER_TEMPERATURE),  # HEAD_TEMP
    _err(0x0400_0000, StateReason.RIBBON_BROKEN),  # RIBBON_ERROR
    _err(0x0200_0000, StateReason.COVER_OPEN),
    _err(0x0100_0000, StateReason.MEDIA_JAM),  # MECHANICAL; inferred: EVO-28
    _err(0x0080_0000, StateReason.REJECT_BIN_FULL),
    _err(0x0040_0000, StateReason.WRONG_RIBBON),  # BAD_RIBBON
    _err(0x0020_0000, StateReason.RIBBON_EMPTY),  # RIBBON_ENDED
    _err(0x0010_0000, StateReason.OUTPUT_AREA_FULL),  # HOPPER_FULL
    _err(0x0000_0100, StateReason.MEDIA_NEEDED),  # NO_CARD_INSERTED
    _err(0x0000_0080, StateReason.HOPPER_OPEN),  # FEEDER_OPEN
    Flag(Word.EXTENSION_1, 0x0000_0100, StateReason.MEDIA_LOW, WARNING),  # EVO-10
)

# INF: CARD_FLIP, CARD_CONTACTLESS, CARD_SMART, CARD_PRINT; EX2: CARD_REAR   EVO-25
INSIDE_BITS = {Word.INFORMATION: 0x1E00_0000, Word.EXTENSION_2: 0x0001_0000}
# INF CARD_EJECT, WAR CARD_ON_EJECT, ERR CARD_ON_EJECT                       EVO-25
EXIT_BITS = {
    Word.INFORMATION: 0x0100_0000,
    Word.WARNING: 0x0400_0000,
    Word.ERROR: 0x0000_0200,
}
PRINTING = {Word.INFORMATION: 0x0000_0080}  # PRINTING_RUNNING               EVO-35
# CLAIM, PRINTING, ENCODING, CLEANING, UPDATING_FIRMWARE, BUSY               EVO-26
BUSY_BITS = {Word.INFORMATION: 0x8000_00E3}
RESET_BITS = {Word.INFORMATION: 0x0001_0000}  # guessed: EVO-29

_WORDS = tuple({flag.word for flag in FLAGS} | {Word.WARNING, Word.ERROR})
_ROWS_OF = {word: [flag for flag in FLAGS if flag.word is word] for word in _WORDS}
_KNOWN = {word: sum(flag.bit for flag in rows) for word, rows in _ROWS_OF.items()}
_UNNAMED = {Word.WARNING: WARNING, Word.ERROR: ERROR}  # words whose every bit counts
_ALL = 0xFFFF_FFFF


def flags_up(trailer: Trailer) -> list[Flag]:
    """Every reason that a status gives, those without a row among them."""
    up: list[Flag] = []
    for word in _WORDS:
        bits = trailer.word(word)
        if not bits:
            continue
        up += [flag for flag in _ROWS_OF[word] if bits & flag.bit]
        unnamed = bits & _ALL & ~_KNOWN[word] if word in _UNNAMED else 0
        while unnamed:
            bit = unnamed & -unnamed
            unnamed ^= bit
            stops = word is Word.ERROR
            up.append(Flag(word, bit, StateReason.OTHER, _UNNAMED[word], stops))
    return up


def any_up(trailer: Trailer, bits: dict[Word, int]) -> bool:
    return any(trailer.word(word) & mask for word, mask in bits.items())


def read_status(trailer: Trailer, session_id: int) -> Status:
    """Say a status in the words of the field; `session_id` is our own."""
    flags = flags_up(trailer)
    reasons = {Reason(flag.keyword, flag.severity) for flag in flags}
    foreign = trailer.session not in (0, session_id)
    if foreign:
        reasons.add(Reason(StateReason.PRINTER_IN_USE, WARNING))
    busy = any_up(trailer, BUSY_BITS)
    if any(flag.stops_card for flag in flags):
        state = PrinterState.STOPPED
    elif busy or foreign:
        state = PrinterState.PROCESSING
    elif any(reason.severity is ERROR for reason in reasons):
        state = PrinterState.STOPPED
    else:
        state = PrinterState.IDLE
    if any_up(trailer, INSIDE_BITS):
        card = CardPosition.INSIDE
    elif any_up(trailer, EXIT_BITS):
        card = CardPosition.EXIT
    else:
        card = CardPosition.NONE
    return Status(
        state=state,
        reasons=frozenset(reasons),
        card=card,
        busy=busy,
        session_foreign=foreign,
        restarted=any_up(trailer, RESET_BITS),
    )
