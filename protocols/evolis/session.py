"""The legal order of the commands of one card, as a table, and what is known of it.

PURE: told what was sent, answered and seen; sends, waits and retries nothing.
"""

from __future__ import annotations

from enum import StrEnum

from protocols.errors import LocalProtocolError
from protocols.evolis.commands import COMMANDS, Answer, Op
from protocols.vocabulary import CardFate


class State(StrEnum):
    """How far the card of this session has come."""

    FREE = "free"
    RESERVED = "reserved"  # the printer is ours
    CLAIMED = "claimed"  # and leaves every decision to us
    FED = "fed"
    BEGUN = "begun"
    FRONT = "front"  # it waits for panels
    FRONT_SENT = "front-sent"
    BACK = "back"
    BACK_SENT = "back-sent"
    JOB_SENT = "job-sent"  # it prints a whole card by itself
    JOB_ENDED = "job-ended"  # and may let it go
    PRINTED = "printed"  # every panel is on the card, which stands inside
    DELIVERED = "delivered"
    REJECTED = "rejected"
    DOUBT = "doubt"  # a motion was refused or denied: only looking is legal


_TOLD = (Answer.STATUS, Answer.TEXT, Answer.PAIRS)
_READS = [
    op
    for op, row in COMMANDS.items()
    if (row.answer in _TOLD and not row.private) or op is Op.ENABLE_STATUS
]
_BETWEEN_CARDS = (State.FREE, State.RESERVED, State.CLAIMED)
_RELEASABLE = (*_BETWEEN_CARDS, State.DELIVERED, State.REJECTED)

# (state, command) -> state once the printer has said OK. The rest is illegal.
TRANSITIONS: dict[tuple[State, Op], State] = {
    (State.FREE, Op.RESERVE): State.RESERVED,
    (State.RESERVED, Op.HOST_DECIDES): State.CLAIMED,
    (State.CLAIMED, Op.FEED): State.FED,
    (State.FED, Op.BEGIN): State.BEGUN,
    (State.BEGUN, Op.FRONT): State.FRONT,
    (State.FRONT, Op.PANEL): State.FRONT_SENT,
    (State.FRONT_SENT, Op.PANEL): State.FRONT_SENT,
    (State.FRONT_SENT, Op.BACK): State.BACK,
    (State.BACK, Op.PANEL): State.BACK_SENT,
    (State.BACK_SENT, Op.PANEL): State.BACK_SENT,
    (State.CLAIMED, Op.JOB): State.JOB_SENT,
    (State.JOB_SENT, Op.JOB_END): State.JOB_ENDED,
    (State.FREE, Op.JOB_END): State.FREE,  # of a job that our own dead self has sent
    (State.PRINTED, Op.EJECT): State.DELIVERED,
    (State.FED, Op.REJECT): State.REJECTED,
    (State.PRINTED, Op.REJECT): State.REJECTED,
    # A card that an earlier session left inside: go on with it, or clear it away.
    (State.CLAIMED, Op.BEGIN): State.BEGUN,
    (State.CLAIMED, Op.EJECT_STRAY): State.DELIVERED,
    (State.CLAIMED, Op.REJECT): State.REJECTED,
}
TRANSITIONS |= {(state, Op.RELEASE): State.FREE for state in _RELEASABLE}
TRANSITIONS |= {(state, Op.CLEAR_FAULT): state for state in _BETWEEN_CARDS}
TRANSITIONS |= {(state, op): state for state in State for op in _READS}
# A person's work between cards.
_TRAYS = (Op.SET_INPUT_TRAY, Op.SET_OUTPUT_TRAY, Op.SET_ERROR_TRAY)
TRANSITIONS |= {(state, op): state for state in _BETWEEN_CARDS for op in _TRAYS}
TRANSITIONS |= {(State.CLAIMED, Op.CLEAN): State.CLAIMED}
TRANSITIONS |= {(State.CLAIMED, Op.RESET): State.FREE}
# The stripe, once the card is begun and before its first side.
_STRIPE = (
    *(Op.COERCIVITY, Op.TRACK_FORMAT, Op.TRACK_DATA, Op.WRITE_TRACKS),
    *(Op.READ_TRACKS, Op.TRACK_TEXT),
)
TRANSITIONS |= {(State.BEGUN, op): State.BEGUN for op in _STRIPE}

_FATES = {
    State.FREE: CardFate.UNTOUCHED,
    State.RESERVED: CardFate.UNTOUCHED,
    State.CLAIMED: CardFate.UNTOUCHED,
    State.DELIVERED: CardFate.PRINTED,
}


class Session:
    """One link's conversation. A motion in flight makes the card's fate unknown."""

    def __init__(self) -> None:
        self.state = State.FREE
        self._pending: Op | None = None
        self._stray = False

    @property
    def card(self) -> CardFate:
        """What is known of the card; weaker than hoped wherever there is a doubt."""
        if self._pending is not None and COMMANDS[self._pending].moves_card:
            return CardFate.UNKNOWN
        fate = _FATES.get(self.state, CardFate.UNKNOWN)
        if self._stray and fate is CardFate.UNTOUCHED:
            return CardFate.UNKNOWN
        return fate

    def check(self, op: Op) -> None:
        """Refuse a command that has no place here, before anything is sent.

        Raises:
            LocalProtocolError: the command is illegal in this state.
        """
        if (self.state, op) not in TRANSITIONS:
            raise LocalProtocolError(
                f"{COMMANDS[op]} ({op.name}) is illegal in state {self.state}",
                card=self.card,
            )

    def sending(self, op: Op) -> None:
        """From here on some byte of it may reach the printer."""
        self.check(op)
        self._pending = op

    def accepted(self) -> None:
        """The printer has said that the pending command is done."""
        assert self._pending is not None
        self.state = TRANSITIONS[self.state, self._pending]
        self._pending = None

    def refused(self) -> None:
        """The printer has said no; a motion may have begun all the same."""
        assert self._pending is not None
        if COMMANDS[self._pending].moves_card:
            self.doubt()
        self._pending = None

    def doubt(self) -> None:
        """What the printer answered and what it shows do not fit together."""
        self.state = State.DOUBT

    def saw_card(self, inside: bool) -> None:
        """What a status says; before a feed, a card is not one of this session."""
        if self.state in _BETWEEN_CARDS:
            self._stray = inside

    def job_done(self) -> None:
        """The printer has dropped its claim without a fault: the card is out.

        Raises:
            LocalProtocolError: no whole job has been ended.
        """
        if self.state is not State.JOB_ENDED:
            raise LocalProtocolError(
                f"no job was ended in state {self.state}", card=self.card
            )
        self.state = State.DELIVERED

    def all_printed(self) -> None:
        """The printer reports that it has put every panel on the card.

        Raises:
            LocalProtocolError: no panel was sent.
        """
        if self.state not in (State.FRONT_SENT, State.BACK_SENT):
            raise LocalProtocolError(
                f"no panel was sent in state {self.state}", card=self.card
            )
        self.state = State.PRINTED
