"""The books of blanks: places, movements, balance. Knows no job and no printer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.contract.events import Place

COUNT_MAX = 1_000_000

# Their counts may fall below zero: what counting found missing.
_MAY_BE_NEGATIVE = frozenset({Place.DIFFERENCE})


class MovementRefusedError(Exception):
    """A movement that cannot have happened; the books stay as they are."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Blanks that go from one place to another."""

    source: Place
    destination: Place
    count: int
    cause: str  # load, feed, print, reject, doubt, resolve


def empty_book() -> dict[Place, int]:
    """Return the book of a printer that never had a blank."""
    return dict.fromkeys(Place, 0)


def move(book: Mapping[Place, int], movement: Movement) -> dict[Place, int]:
    """Return the book after `movement`.

    `received` counts every blank this printer was ever given, so it grows when blanks
    leave it for a place inside; nothing ever goes back there.

    Raises:
        MovementRefusedError: a count below one or too large, a place that nothing goes
            to, or more blanks than the place holds.
    """
    source, destination, count = movement.source, movement.destination, movement.count
    if not 1 <= count <= COUNT_MAX:
        raise MovementRefusedError(
            f"a movement of {count} blanks, expected 1 to {COUNT_MAX}"
        )
    if source is destination:
        raise MovementRefusedError(f"a movement from {source} to itself")
    if destination is Place.RECEIVED:
        raise MovementRefusedError(f"a movement from {source} back to {destination}")
    after = dict(book)
    if source is Place.RECEIVED:
        after[source] += count
    elif source in _MAY_BE_NEGATIVE or book[source] >= count:
        after[source] -= count
    else:
        raise MovementRefusedError(
            f"a movement of {count} from {source}, which holds {book[source]}"
        )
    after[destination] += count
    return after


def balanced(book: Mapping[Place, int]) -> bool:
    """True when every blank received is in exactly one place."""
    inside = sum(count for place, count in book.items() if place is not Place.RECEIVED)
    return book[Place.RECEIVED] == inside
