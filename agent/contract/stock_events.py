"""The event lines about blanks and old cards: places, movements, counts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from agent.contract.messages import END, Count, Message, Natural, Sha256, Text

PERSON_PATTERN = r"^[a-z][a-z0-9.-]{0,31}" + END

PersonId = Annotated[str, msgspec.Meta(pattern=PERSON_PATTERN)]
Identity = Annotated[str, msgspec.Meta(pattern="^(proven|unproven)" + END)]
CENTRE_PREFIX = "centre:"
"""What `who` begins with where the centre itself stands for something."""

Moved = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


def centre_by(key_id: str) -> str:
    """Return the centre as an identity: its word, signed with the key `key_id`."""
    return f"{CENTRE_PREFIX}{key_id}"


class Place(StrEnum):
    """Where a blank is. `received` is the source of every blank this printer was given.

    Balance, at any instant: what left `received` equals the sum of all other places.
    """

    RECEIVED = "received"
    DESK = "desk"  # handed to this printer, not loaded
    HOPPER = "hopper"
    PATH = "path"
    OUTPUT = "output"
    REJECT_BIN = "reject-bin"
    WASTE = "waste"  # the sealed bag of the reject bin
    SUSPENSE = "suspense"  # not known where: an attempt in doubt
    DIFFERENCE = "difference"  # found by counting, may be negative
    MISSING = "missing"
    ISSUED = "issued"  # handed over, out of this book
    DESTROYED = "destroyed"
    RETURNED = "returned"


class Item(StrEnum):
    """What is counted. Old cards that citizens hand in are never blanks."""

    BLANK = "blank"
    OLD_CARD = "old-card"


class StockCause(StrEnum):
    """Why blanks went from one place to another; `stock.json` says which may."""

    FEED = "feed"
    PRINT = "print"
    REJECT = "reject"
    UNTOUCHED = "untouched"
    DOUBT = "doubt"
    UNACCOUNTED = "unaccounted"  # a counter moved with no attempt open
    RESOLVE = "resolve"
    RESOLVE_MARKED = "resolve-marked"  # its word buys a second card
    RECEIVE = "receive"
    LOAD = "load"
    UNLOAD = "unload"
    HAND_OVER = "hand-over"
    SEAL = "seal"  # the bag of the reject bin is closed
    DESTROY = "destroy"
    RETURN = "return"
    COUNT = "count"
    EXPLAIN = "explain"  # a person says where a blank in suspense was
    MISSING = "missing"
    SURPLUS = "surplus"  # more were counted than were ever received
    FIND = "find"  # what was missing turned up
    INSPECT = "inspect"  # a card that the printer took for good, thrown out
    HAND_IN = "hand-in"  # a citizen's old card


class Moving(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A count going from one place to another; `stock.json` says which may."""

    source: Place
    destination: Place
    count: Moved
    cause: StockCause
    after: dict[str, Count]  # how many are at the two places afterwards
    identity: Identity | None = None  # of `who`; absent when the agent itself booked it
    second: PersonId | None = None  # the other person who stands for it
    unconfirmed: bool = False  # a `stock-confirmed` is due, when `stock.json` says
    reason: Text | None = None
    record: Text | None = None  # the number of the signed paper
    record_sha256: Sha256 | None = None  # of its file


class StockMoved(
    Moving, frozen=True, kw_only=True, tag_field="kind", tag="stock-moved"
):
    """Blanks going from one place to another; `stock.json` says which movements may."""


class StockOldCards(
    Moving, frozen=True, kw_only=True, tag_field="kind", tag="stock-old-cards"
):
    """Old cards going from one place to another: a book of its own, never blanks."""


class StockCounted(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="stock-counted"
):
    """A person counted a place; what differs is the `stock-moved` that follows."""

    place: Place
    book: Count  # what the book said until now
    counted: Natural
    identity: Identity


class StockConfirmed(
    Message, frozen=True, kw_only=True, tag_field="kind", tag="stock-confirmed"
):
    """`who` is the second person of what waited for one, by the number of its event.

    That is a movement, a new ledger or another printer.
    """

    movement: Natural  # the number of its event
    late: bool  # after the time for it
    identity: Identity
