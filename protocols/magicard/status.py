"""What the port's byte and the printer's own words mean, in the words of the field.

PURE.
"""

from __future__ import annotations

from enum import StrEnum

from protocols.contract import PortStatus, Status
from protocols.magicard.codec import ErrorReply
from protocols.vocabulary import (
    CardPosition,
    PrinterState,
    Reason,
    Severity,
    StateReason,
)


class Port(StrEnum):
    """The three bytes that a real printer was seen to answer (MAG-05)."""

    IDLE = "idle"
    BUSY = "busy"
    ERROR = "error"


def port_of(status: PortStatus) -> Port:
    """Any byte but the three is read by the class's own error bit, and is not idle."""
    if status.error:
        return Port.ERROR
    return Port.IDLE if status.selected else Port.BUSY


# Only these are known from a real printer; the others say what they say.       MAG-15
_REASONS = {(11, 1): StateReason.MEDIA_NEEDED}


def reasons_of(error: ErrorReply | None) -> frozenset[Reason]:
    """What stops the printer; `error` None: it cannot be asked just now."""
    if error is None:
        return frozenset({Reason(StateReason.OTHER, Severity.ERROR)})
    if not error.up:
        return frozenset()
    keyword = _REASONS.get((error.major, error.minor), StateReason.OTHER)
    return frozenset({Reason(keyword, Severity.ERROR)})


def status_of(reasons: frozenset[Reason], *, busy: bool) -> Status:
    """No sensor of this family tells where a card stands (MAG-46)."""
    if reasons:
        state = PrinterState.STOPPED
    else:
        state = PrinterState.PROCESSING if busy else PrinterState.IDLE
    return Status(
        state=state,
        reasons=reasons,
        card=CardPosition.UNSENSED,
        busy=busy,
        session_foreign=False,
        restarted=False,
    )
