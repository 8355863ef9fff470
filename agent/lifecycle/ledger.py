"""The books of blanks: places, movements, balance, and who must stand for each.

A table and the functions that read it; knows no job, no printer and no PIN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent.contract.events import Item, Place, StockCause
from agent.contract.stock_events import CENTRE_PREFIX

COUNT_MAX = 1_000_000
CONFIRM_WITHIN = timedelta(hours=24)
"""How long a movement may wait for its second identity before it is an incident."""
SHIFT = timedelta(hours=12)
"""The same where it must come before the shift ends: none lasts longer."""


class MovementRefusedError(Exception):
    """A movement that cannot have happened, or that nobody may make like this.

    The books stay as they are. `code` is for programs: count-impossible,
    movement-illegal, movement-unclear, second-needed, same-person, reason-needed,
    record-needed.
    """

    def __init__(self, message: str, code: str = "count-impossible") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Rule:
    """One way a blank may go, and how many people must stand for it.

    `people` 0: the agent itself books what the printer did. With 2, the second may
    come `within` that time, unless both are wanted `at_once`.
    """

    cause: StockCause
    source: Place
    destination: Place
    people: int
    at_once: bool = False
    reason: bool = False  # a person must say why
    record: bool = False  # the number of a signed paper must be given
    item: Item = Item.BLANK
    within: timedelta = CONFIRM_WITHIN


def _ways(
    cause: StockCause,
    sources: Iterable[Place],
    destinations: Iterable[Place],
    people: int,
    *,
    reason: bool = False,
    within: timedelta = CONFIRM_WITHIN,
) -> Iterator[Rule]:
    for source in sources:
        for destination in destinations:
            yield Rule(cause, source, destination, people, reason=reason, within=within)


# Where a person can stand and count.
COUNTED = (Place.DESK, Place.HOPPER, Place.OUTPUT, Place.REJECT_BIN, Place.WASTE)
_THROWN = (Place.REJECT_BIN, Place.WASTE)

RULES: tuple[Rule, ...] = (
    # What the printer did, as far as it proves it.
    Rule(StockCause.FEED, Place.HOPPER, Place.PATH, 0),
    Rule(StockCause.PRINT, Place.PATH, Place.OUTPUT, 0),
    Rule(StockCause.REJECT, Place.PATH, Place.REJECT_BIN, 0),
    Rule(StockCause.UNTOUCHED, Place.PATH, Place.HOPPER, 0),
    *_ways(StockCause.DOUBT, (Place.HOPPER, Place.PATH), (Place.SUSPENSE,), 0),
    *_ways(
        StockCause.UNACCOUNTED,
        # A count may have found it missing before the counter told of it.
        (Place.HOPPER, Place.DIFFERENCE),
        (Place.SUSPENSE,),
        0,
    ),
    # A person's answer about the card of a job in doubt.
    *_ways(
        StockCause.RESOLVE,
        (Place.SUSPENSE,),
        (Place.OUTPUT, Place.REJECT_BIN, Place.HOPPER),
        1,
    ),
    Rule(StockCause.RESOLVE, Place.SUSPENSE, Place.MISSING, 2),
    *_ways(
        StockCause.RESOLVE_MARKED,
        (Place.SUSPENSE,),
        (Place.REJECT_BIN, Place.HOPPER),
        2,
        within=SHIFT,
    ),
    # Blanks on their way in.
    Rule(StockCause.RECEIVE, Place.RECEIVED, Place.DESK, 2),
    Rule(StockCause.LOAD, Place.RECEIVED, Place.HOPPER, 2),
    Rule(StockCause.LOAD, Place.DESK, Place.HOPPER, 1),
    Rule(StockCause.UNLOAD, Place.HOPPER, Place.DESK, 1),
    # Cards and blanks on their way out.
    Rule(StockCause.HAND_OVER, Place.OUTPUT, Place.ISSUED, 1),
    *_ways(StockCause.INSPECT, (Place.OUTPUT,), _THROWN, 1),
    Rule(StockCause.SEAL, Place.REJECT_BIN, Place.WASTE, 1),
    Rule(
        StockCause.DESTROY,
        Place.WASTE,
        Place.DESTROYED,
        2,
        at_once=True,
        record=True,
    ),
    Rule(StockCause.RETURN, Place.DESK, Place.RETURNED, 2, at_once=True, record=True),
    # What does not add up.
    *_ways(StockCause.COUNT, COUNTED, (Place.DIFFERENCE,), 1),
    *_ways(StockCause.COUNT, (Place.DIFFERENCE,), COUNTED, 1),
    *_ways(
        StockCause.EXPLAIN,
        (Place.SUSPENSE,),
        (Place.DESK, Place.HOPPER, Place.OUTPUT, *_THROWN),
        1,
        reason=True,
    ),
    *_ways(
        StockCause.MISSING,
        (Place.SUSPENSE, Place.DIFFERENCE),
        (Place.MISSING,),
        2,
        reason=True,
    ),
    Rule(StockCause.SURPLUS, Place.RECEIVED, Place.DIFFERENCE, 2, reason=True),
    *_ways(StockCause.FIND, (Place.MISSING,), COUNTED, 1, reason=True),
    # Old cards that citizens hand in: burnt with the rest, never counted as blanks.
    Rule(StockCause.HAND_IN, Place.RECEIVED, Place.WASTE, 1, item=Item.OLD_CARD),
    Rule(
        StockCause.DESTROY,
        Place.WASTE,
        Place.DESTROYED,
        2,
        at_once=True,
        record=True,
        item=Item.OLD_CARD,
    ),
)
"""Every legal movement; what is not here cannot be booked by anybody."""

_BY_WAY = {
    (rule.item, rule.cause, rule.source, rule.destination): rule for rule in RULES
}

_BY_COUNTING = (StockCause.COUNT, StockCause.UNACCOUNTED)

ASKED = frozenset(rule.cause for rule in RULES if rule.people) - {
    StockCause.RESOLVE,
    StockCause.RESOLVE_MARKED,
    StockCause.COUNT,
    StockCause.INSPECT,
}
"""Causes that a person names; the others follow from an answer or a count."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Blanks, or old cards, that go from one place to another."""

    source: Place
    destination: Place
    count: int
    cause: StockCause
    item: Item = Item.BLANK


@dataclass(frozen=True, slots=True)
class Signers:
    """Who stands for what is written down.

    `proven`: each by a PIN of the roster, or the centre by the key that it signs with.
    """

    who: str | None
    second: str | None = None
    proven: bool = False


def one_and_the_same(first: str | None, second: str | None) -> bool:
    """Whether two identities are one.

    The centre is one, whichever of its keys it signs with: a new key makes no second
    person.
    """
    if first is None or second is None:
        return False
    both = first.startswith(CENTRE_PREFIX) and second.startswith(CENTRE_PREFIX)
    return first == second or both


NOBODY = Signers(None)
"""The agent itself."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a person adds to a movement; names no citizen."""

    reason: str | None = None
    record: str | None = None  # the number of the signed paper
    record_sha256: str | None = None  # of its file


def empty_book() -> dict[Place, int]:
    """Return the book of a printer that never had a blank."""
    return dict.fromkeys(Place, 0)


def rule_of(movement: Movement) -> Rule:
    """Return the rule that allows this movement.

    Raises:
        MovementRefusedError: there is none.
    """
    source, destination = movement.source, movement.destination
    rule = _BY_WAY.get((movement.item, movement.cause, source, destination))
    if rule is None:
        what = "" if movement.item is Item.BLANK else f" for {movement.item}s"
        raise MovementRefusedError(
            f"no rule{what} takes `{movement.cause}` from {source} to {destination}",
            "movement-illegal",
        )
    return rule


def way_of(
    cause: StockCause, item: Item, source: Place | None, destination: Place | None
) -> Rule:
    """Return the one rule of a cause that fits the places named; None: not named.

    Raises:
        MovementRefusedError: none fits, or several do.
    """
    of_cause = [rule for rule in RULES if rule.cause is cause and rule.item is item]
    fitting = [
        rule
        for rule in of_cause
        if source in (None, rule.source) and destination in (None, rule.destination)
    ]
    if len(fitting) == 1:
        return fitting[0]
    ways = ", ".join(f"{rule.source} to {rule.destination}" for rule in of_cause)
    if fitting:
        raise MovementRefusedError(
            f"`{cause}` goes several ways, say which: {ways}", "movement-unclear"
        )
    raise MovementRefusedError(
        f"`{cause}` goes {ways or f'no way for an {item}'}", "movement-illegal"
    )


_WITHIN: Mapping[str, timedelta] = {rule.cause: rule.within for rule in RULES}


def within(cause: str) -> timedelta:
    """Return how long what waits may wait for its second identity.

    What is no movement, a new ledger or another printer, has no rule: it waits a day.
    """
    return _WITHIN.get(cause, CONFIRM_WITHIN)


def move(book: Mapping[Place, int], movement: Movement) -> dict[Place, int]:
    """Return the book after `movement`.

    `received` counts every blank this printer was ever given, so it grows when blanks
    leave it for another place; nothing ever goes back there. `difference` falls below
    zero when more is counted than the book has, by people or by a counter of the
    printer, and never otherwise.

    Raises:
        MovementRefusedError: no rule allows it, a count below one or too large, or
            more blanks than the place holds.
    """
    rule_of(movement)
    source, destination, count = movement.source, movement.destination, movement.count
    if not 1 <= count <= COUNT_MAX:
        raise MovementRefusedError(
            f"a movement of {count} blanks, expected 1 to {COUNT_MAX}"
        )
    _check_held(book, movement)
    after = dict(book)
    after[source] += count if source is Place.RECEIVED else -count
    after[destination] += count
    return after


def _check_held(book: Mapping[Place, int], movement: Movement) -> None:
    source, count = movement.source, movement.count
    if movement.cause is StockCause.SURPLUS:
        if count > -book[Place.DIFFERENCE]:
            raise MovementRefusedError(
                f"a surplus of {count}, where counting found"
                f" {max(0, -book[Place.DIFFERENCE])} too many"
            )
    elif movement.cause in _BY_COUNTING and source is Place.DIFFERENCE:
        pass  # the one count that may fall below zero: more were found than booked
    elif source is not Place.RECEIVED and book[source] < count:
        raise MovementRefusedError(
            f"a movement of {count} from {source}, which holds {book[source]}"
        )


def balanced(book: Mapping[Place, int]) -> bool:
    """True when every blank received is in exactly one place."""
    inside = sum(count for place, count in book.items() if place is not Place.RECEIVED)
    return book[Place.RECEIVED] == inside


def counting(place: Place, book_count: int, counted: int) -> Movement | None:
    """Return the movement that makes the book agree with a count; None if it does.

    Raises:
        MovementRefusedError: nobody can count that place, or not so many.
    """
    if place not in COUNTED:
        raise MovementRefusedError(
            f"{place} cannot be counted, only {', '.join(COUNTED)}", "movement-illegal"
        )
    if not 0 <= counted <= COUNT_MAX:
        raise MovementRefusedError(
            f"a count of {counted} blanks, expected 0 to {COUNT_MAX}"
        )
    if counted == book_count:
        return None
    too_few = counted < book_count
    source, destination = (
        (place, Place.DIFFERENCE) if too_few else (Place.DIFFERENCE, place)
    )
    return Movement(source, destination, abs(counted - book_count), StockCause.COUNT)


def unconfirmed(rule: Rule, signers: Signers, note: Note) -> bool:
    """Return whether a second identity is still to come for this movement.

    Where no roster proves anybody, none is waited for: every event says `unproven`.

    Raises:
        MovementRefusedError: the people or the papers that the rule wants are not here.
    """
    if rule.people and one_and_the_same(signers.who, signers.second):
        raise MovementRefusedError(
            "the second identity must be another person", "same-person"
        )
    if rule.reason and not note.reason:
        raise MovementRefusedError(
            f"`{rule.cause}` needs a reason, for the record", "reason-needed"
        )
    if rule.record and not note.record:
        raise MovementRefusedError(
            f"`{rule.cause}` needs the number of the signed record", "record-needed"
        )
    lacking = rule.people == 2 and signers.second is None
    if lacking and rule.at_once:
        raise MovementRefusedError(
            f"`{rule.cause}` needs two people at once; only one is named",
            "second-needed",
        )
    return lacking and signers.proven
