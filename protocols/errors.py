"""What can go wrong with a printer, and what became of the card.

Branch on the type, never on the text. Nothing at this level ever retries.
"""

from __future__ import annotations

from protocols.vocabulary import CardFate, Reason


class PrinterError(Exception):
    """Base of every error a driver or transport raises.

    `card` answers the one question that matters: may the job be printed again?
    After any `PrinterError` the driver is spent: close it and open a new one.
    """

    def __init__(self, message: str, *, card: CardFate = CardFate.UNKNOWN) -> None:
        super().__init__(message)
        self.card = card


class TransportError(PrinterError):
    """The link failed: absent, refused, cut, or silent beyond the command's limit."""


class RemoteProtocolError(PrinterError):
    """The printer broke its own protocol; reopen the link to get back in step."""


class LocalProtocolError(PrinterError):
    """We asked for something illegal in this state: our bug, never retried."""


class DeviceError(PrinterError):
    """The printer understood, and says that it cannot: `reasons` say why."""

    def __init__(
        self,
        message: str,
        *,
        reasons: frozenset[Reason] = frozenset(),
        card: CardFate = CardFate.UNKNOWN,
    ) -> None:
        super().__init__(message, card=card)
        self.reasons = reasons
