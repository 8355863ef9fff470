"""The words of the field, in one place: registered IPP and PWG keywords first.

Nothing here knows a wire or a job; every other package speaks these words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CardSide(StrEnum):
    """A face of a card; the front is the side that `sides.front` of a job describes."""

    FRONT = "front"
    BACK = "back"


class Panel(StrEnum):
    """One area of the ribbon, by the trade's letter; a plane is the image for it."""

    YELLOW = "y"
    MAGENTA = "m"
    CYAN = "c"
    BLACK = "k"  # resin, one bit a dot
    OVERLAY = "o"  # clear varnish, one bit a dot


DYES = (Panel.YELLOW, Panel.MAGENTA, Panel.CYAN)  # what colour is made of


class PrinterState(StrEnum):
    """IPP "printer-state" (RFC 8011 section 5.4.11)."""

    IDLE = "idle"
    PROCESSING = "processing"
    STOPPED = "stopped"


class Severity(StrEnum):
    """The suffix of a state reason (RFC 8011 section 5.4.12)."""

    REPORT = "report"
    WARNING = "warning"
    ERROR = "error"


class StateReason(StrEnum):
    """Why a printer needs attention, as IPP "printer-state-reasons" keywords.

    Sources: RFC 8011 section 5.4.12; PWG 5100.9-2009 section 8.1.
    A word of our own starts with "x-": no registered keyword says it.
    """

    MEDIA_EMPTY = "media-empty"  # the input hopper has no blank
    MEDIA_LOW = "media-low"
    MEDIA_JAM = "media-jam"  # a card stands in the path and cannot move
    MEDIA_NEEDED = "media-needed"  # it waits for a card put in by hand
    COVER_OPEN = "cover-open"
    RIBBON_EMPTY = "marker-print-ribbon-empty"
    RIBBON_ALMOST_EMPTY = "marker-print-ribbon-almost-empty"
    CLEANER_LIFE_ALMOST_OVER = "cleaner-life-almost-over"
    CLEANER_LIFE_OVER = "cleaner-life-over"
    OVER_TEMPERATURE = "subunit-over-temperature"
    OUTPUT_AREA_FULL = "output-area-full"
    CONNECTING_TO_DEVICE = "connecting-to-device"  # it cannot be reached
    PAUSED = "paused"
    SPOOL_AREA_FULL = "spool-area-full"
    OTHER = "other"
    RIBBON_MISSING = "x-ribbon-missing"
    REJECT_BIN_FULL = "x-reject-bin-full"
    WRONG_RIBBON = "x-wrong-ribbon"
    RIBBON_BROKEN = "x-ribbon-broken"
    HOPPER_OPEN = "x-hopper-open"
    ENCODE_FAILED = "x-encode-failed"
    PRINTER_IN_USE = "x-printer-in-use"  # another host holds its session
    PRINTER_CHANGED = "x-printer-changed"  # another serial number answers
    FOREIGN_CARD = "x-foreign-card"  # a card inside that no attempt put there
    OUTCOME_UNKNOWN = "x-outcome-unknown"  # a person must say what became of a card
    STOCK_MISMATCH = "x-stock-mismatch"  # the books and the machine disagree
    RESTING = "x-resting"  # its setting lets no new card start for a while
    SELF_TEST_FAILED = "x-self-test-failed"
    BLANKS_USED = "x-blanks-used"  # the job spoiled all the blanks it was allowed
    JOURNAL_DAMAGED = "x-journal-damaged"  # a person must begin a new ledger
    LEDGER_FORK = "x-ledger-fork"  # the centre signed for another history: likewise
    STORAGE_FAILED = "x-storage-failed"  # the agent's disk fails, or is read-only
    SECOND_AGENT = "x-second-agent"  # somebody else uses our MQTT client id


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """A state reason with its severity; `str()` gives the registered spelling."""

    keyword: StateReason
    severity: Severity

    def __str__(self) -> str:
        return f"{self.keyword}-{self.severity}"


class CardPosition(StrEnum):
    """Where a printer's sensors see a card between hopper and output."""

    NONE = "none"
    INSIDE = "inside"
    EXIT = "exit"  # it lies in the exit slot, out of reach of the rollers
    UNSENSED = "unsensed"  # this printer cannot say


class CardFate(StrEnum):
    """What an error knows of the card: whether printing again could make a second."""

    UNTOUCHED = "untouched"  # no blank moved or was marked: safe to try again
    UNKNOWN = "unknown"  # a person, or evidence, must decide
    PRINTED = "printed"  # a finished card exists
