"""The centre's own book of blanks: every movement added up again, by `stock.json`.

Believes nothing but the lines: what the agent says is left at a place must be what is
left here too, by a movement that the contract allows, with the people it wants.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.centre.contract import Document

CENTRE = "centre:"
"""What an identity begins with that is the centre's own; its key id follows."""

KINDS = {"stock-moved": "blank", "stock-old-cards": "old-card"}


def is_centre(who: str) -> bool:
    """Whether this is the centre, and no person of a roster."""
    return who.startswith(CENTRE)


def one_and_the_same(first: str | None, second: str | None) -> bool:
    """Whether two identities are one; the centre is one whatever key it signs with."""
    if first is None or second is None:
        return False
    return first == second or (is_centre(first) and is_centre(second))


class StockError(Exception):
    """A line that cannot stand in honest books: why not."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A movement whose second person is still to come."""

    who: str
    until: datetime


@dataclass(slots=True)
class StockBook:
    """`rules` is the contract's `stock.json`."""

    rules: Document
    places: dict[str, Counter[str]] = field(
        default_factory=lambda: {item: Counter() for item in KINDS.values()}
    )
    waiting: dict[int, Waiting] = field(default_factory=dict)
    people: frozenset[str] = frozenset()  # who can prove an identity now
    beginners: frozenset[str] = frozenset()  # of a new ledger; the roster is to come
    centre: frozenset[str] = frozenset()  # ids of the keys that it signs with itself

    def add(self, event: Document) -> None:
        """Take the next event in order.

        Raises:
            StockError: the books would not be honest with it; nothing was changed.
        """
        data = event["data"]
        kind = data["kind"]
        if kind == "agent-roster":
            self._announce(data)
            return
        if kind == "ledger-begun":
            self._begin(event)
            return
        self._check_identity(event)
        if kind in KINDS:
            self._move(event, KINDS[kind])
        elif kind == "stock-counted":
            self._check_counted(data)
        elif kind == "stock-confirmed":
            self._confirm(event)
        elif kind == "printer-confirmed":
            self._stand_for_printer(event)

    def _announce(self, data: Document) -> None:
        people = frozenset(entry.split()[0] for entry in data["people"])
        unknown = sorted(self.beginners - people)
        if unknown:
            raise StockError(f"{unknown[0]} is called proven, but is in no roster")
        self.people, self.beginners = people, frozenset()

    def _begin(self, event: Document) -> None:
        """Take what people counted after a disk was lost; nothing before it counts."""
        data = event["data"]
        who, second = event.get("who"), data.get("second")
        if second is not None and one_and_the_same(who, second):
            raise StockError(f"{who} is both people of one new ledger")
        proven = data["identity"] == "proven"
        if (proven and second is None) != data.get("unconfirmed", False):
            raise StockError(f"a new ledger by {who} alone, and who waits for another?")
        self.places = {item: Counter() for item in KINDS.values()}
        self.places["blank"] = Counter(data["counts"])
        source = self.rules["source_of_all"]
        self.places["blank"][source] = sum(data["counts"].values())
        self.waiting, self.people = {}, frozenset()
        if proven:  # the roster that says so stands in the next line
            self.beginners = frozenset(filter(None, (who, second)))
        if data.get("unconfirmed", False):
            self._wait(event)

    def _stand_for_printer(self, event: Document) -> None:
        data = event["data"]
        who, second = event.get("who"), data.get("second")
        if second is not None and one_and_the_same(who, second):
            raise StockError(f"{who} is both people of one printer")
        alone = data["identity"] == "proven" and second is None
        if alone != data.get("unconfirmed", False):
            raise StockError(f"a printer by {who} alone, and who waits for another?")
        if alone:
            self._wait(event)

    def _wait(self, event: Document, within_s: int | None = None) -> None:
        """Wait as long as the movement's rule says; what is no movement has none."""
        until = datetime.fromisoformat(event["at"])
        until += timedelta(seconds=within_s or self.rules["confirm_within_s"])
        self.waiting[event["no"]] = Waiting(event["who"], until)

    def _check_identity(self, event: Document) -> None:
        data = event["data"]
        if data.get("identity") != "proven":
            return
        for person in (event.get("who"), data.get("second")):
            if person is None or person in self.people:
                continue
            if not is_centre(person) or person[len(CENTRE) :] not in self.centre:
                raise StockError(f"{person} is called proven, but is in no roster")

    def _move(self, event: Document, item: str) -> None:
        data = event["data"]
        rule = self._rule(data, item)
        self._check_people(event, rule)
        after = self._after(data, item)
        said = data["after"]
        if any(said.get(place) != after[place] for place in self._ends(data)):
            left = {place: after[place] for place in self._ends(data)}
            raise StockError(f"it leaves {said} by the agent, {left} by its events")
        self.places[item] = after
        if data.get("unconfirmed", False):
            self._wait(event, rule["confirm_within_s"])

    @staticmethod
    def _ends(data: Document) -> tuple[str, str]:
        return data["source"], data["destination"]

    def _rule(self, data: Document, item: str) -> Document:
        way = {"item": item} | {
            name: data[name] for name in ("cause", "source", "destination")
        }
        for rule in self.rules["movements"]:
            if way.items() <= rule.items():
                found: Document = rule
                return found
        raise StockError(f"no rule takes {' '.join(way.values())}")

    def _after(self, data: Document, item: str) -> Counter[str]:
        source, destination = self._ends(data)
        count = data["count"]
        after = self.places[item].copy()
        after[source] += count if source == self.rules["source_of_all"] else -count
        after[destination] += count
        if after[source] < 0 and source not in self.rules["may_be_negative"]:
            raise StockError(
                f"{count} left {source}, which held {count + after[source]}"
            )
        return after

    def _check_people(self, event: Document, rule: Document) -> None:
        data = event["data"]
        who, second = event.get("who"), data.get("second")
        identity = data.get("identity")
        if rule["people"] == 0 and identity is not None:
            raise StockError(f"{rule['cause']} is no movement that a person books")
        if second is not None and one_and_the_same(who, second):
            raise StockError(f"{who} is both people of one movement")
        for paper in ("reason", "record"):
            if rule[paper] and not data.get(paper):
                raise StockError(f"{rule['cause']} without its {paper}")
        alone = rule["people"] == 2 and second is None
        if alone and rule["at_once"]:
            raise StockError(f"{rule['cause']} needs two people at once")
        waits = alone and identity == "proven"
        if waits != data.get("unconfirmed", False):
            word = "waits for nobody" if waits else "waits, though nobody is lacking"
            raise StockError(f"{rule['cause']} by {who or 'nobody'} {word}")

    def _check_counted(self, data: Document) -> None:
        held = self.places["blank"][data["place"]]
        if data["book"] != held:
            raise StockError(
                f"{data['place']} was counted against a book of {data['book']}, "
                f"and the events say {held}"
            )

    def _confirm(self, event: Document) -> None:
        number = event["data"]["movement"]
        waits = self.waiting.get(number)
        if waits is None:
            raise StockError(f"event {number} is confirmed, but waits for nobody")
        if one_and_the_same(waits.who, event.get("who")):
            raise StockError(f"{waits.who} confirms a movement of their own")
        late = datetime.fromisoformat(event["at"]) >= waits.until
        if late != event["data"]["late"]:
            raise StockError(f"event {number} is called confirmed in time, and was not")
        del self.waiting[number]

    @property
    def balanced(self) -> bool:
        """Whether what ever came equals the sum of all other places."""
        source = self.rules["source_of_all"]
        return all(book.total() == 2 * book[source] for book in self.places.values())
