"""A status in the words of the field; what each bit means stands in flags.py.

A bit without a row is never lost: in the words WAR and ERR it becomes `other`, with
the severity of its word.
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.contract import Status
from protocols.evolis.codec import Trailer, Word
from protocols.evolis.flags import FAULT, FLAGS, NEEDS_CARE, Flag, Meaning
from protocols.vocabulary import (
    CardPosition,
    PrinterState,
    Reason,
    Severity,
    StateReason,
)

_ALL = 0xFFFF_FFFF


def _bits(wanted: Callable[[Meaning], bool]) -> dict[Word, int]:
    found: dict[Word, int] = {}
    for flag in FLAGS:
        if wanted(flag.meaning):
            found[flag.word] = found.get(flag.word, 0) | flag.bit
    return found


INSIDE_BITS = _bits(lambda meaning: meaning.card is CardPosition.INSIDE)  # EVO-25
EXIT_BITS = _bits(lambda meaning: meaning.card is CardPosition.EXIT)  # EVO-25
BUSY_BITS = _bits(lambda meaning: meaning.busy)  # EVO-26
RESET_BITS = _bits(lambda meaning: meaning.restarted)  # guessed: EVO-29
FLIP_UNIT = {Word.CONFIG: 0x0010_0000}  # CFG_FLIP                            EVO-58
REJECT_SLOT = {Word.CONFIG: 0x0000_0020}  # CFG_REJECT_SLOT                   EVO-58
CLAIM = {Word.INFORMATION: 0x8000_0000}  # CLAIM                              EVO-71
CLEANING = {Word.INFORMATION: 0x0000_0020}  # CLEANING_RUNNING                 EVO-85
PRINTING = {Word.INFORMATION: 0x0000_0080}  # PRINTING_RUNNING               EVO-35

_UNNAMED = {Word.WARNING: NEEDS_CARE, Word.ERROR: FAULT}  # words whose every bit counts
_KNOWN = _bits(lambda meaning: meaning.reason is not None)
_REASONS = _KNOWN | dict.fromkeys(_UNNAMED, _ALL)
_ROWS_OF = {
    word: [flag for flag in FLAGS if flag.word is word and flag.meaning.reason]
    for word in _REASONS
}


def flags_up(trailer: Trailer) -> list[Flag]:
    """Every bit that gives a reason, those without a row among them."""
    up: list[Flag] = []
    for word, mask in _REASONS.items():
        bits = trailer.word(word) & mask
        if not bits:
            continue
        up += [flag for flag in _ROWS_OF[word] if bits & flag.bit]
        unnamed = bits & ~_KNOWN[word]
        while unnamed:
            bit = unnamed & -unnamed
            unnamed ^= bit
            up.append(Flag(word, bit, "", _UNNAMED[word]))
    return up


def faults_up(trailer: Trailer) -> frozenset[Reason]:
    """Return the reasons for which a card under way will not be finished."""
    meanings = [flag.meaning for flag in flags_up(trailer)]
    return frozenset(one.reason for one in meanings if one.stops_card and one.reason)


def any_up(trailer: Trailer, bits: dict[Word, int]) -> bool:
    return any(trailer.word(word) & mask for word, mask in bits.items())


def names_up(trailer: Trailer, bits: dict[Word, int]) -> list[str]:
    """The vendor's names of those of `bits` that are up."""
    return [
        flag.name
        for flag in FLAGS
        if trailer.word(flag.word) & bits.get(flag.word, 0) & flag.bit
    ]


def read_status(trailer: Trailer, session_id: int) -> Status:
    """Say a status in the words of the field; `session_id` is our own."""
    meanings = [flag.meaning for flag in flags_up(trailer)]
    reasons = {one.reason for one in meanings if one.reason is not None}
    foreign = trailer.session not in (0, session_id)
    if foreign:
        reasons.add(Reason(StateReason.PRINTER_IN_USE, Severity.WARNING))
    busy = any_up(trailer, BUSY_BITS)
    if any(one.stops_card for one in meanings):
        state = PrinterState.STOPPED
    elif busy or foreign:
        state = PrinterState.PROCESSING
    elif any(reason.severity is Severity.ERROR for reason in reasons):
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
