"""Where a card of ours stands, and so what may be sent, and what an error must say.

PURE. Between the first byte of a job and its last nothing else goes into the stream:
a request would be taken for dots (MAG-08).
"""

from __future__ import annotations

from enum import StrEnum

from protocols.errors import LocalProtocolError
from protocols.vocabulary import CardFate


class State(StrEnum):
    FREE = "free"
    CLAIMED = "claimed"
    SENDING = "sending"  # the first byte may have gone
    HELD_BACK = "held back"  # all but the last bytes have
    SENT = "sent"
    DONE = "done"


class Session:
    """One card after the other; never steps back."""

    def __init__(self) -> None:
        self.state = State.FREE

    @property
    def card(self) -> CardFate:
        untouched = self.state in (State.FREE, State.CLAIMED)
        return CardFate.UNTOUCHED if untouched else CardFate.UNKNOWN

    @property
    def in_job(self) -> bool:
        """Whether the stream belongs to a job."""
        return self.state in (State.SENDING, State.HELD_BACK)

    def step(self, now: State, then: State) -> None:
        """Raises: LocalProtocolError: the state is not `now`."""
        self.check(now)
        self.state = then

    def check(self, now: State) -> None:
        """Raises: LocalProtocolError: the state is not `now`."""
        if self.state is not now:
            raise LocalProtocolError(
                f"asked for in the state {self.state!r}, expected {now!r}",
                card=self.card,
            )

    def free(self) -> None:
        """The card has been accounted for."""
        self.state = State.FREE
