"""Who works with the stock: people of a roster, who say what they do, and then do it.

Each is asked for a PIN, as at the control socket. What is refused changes nothing: no
blank is carried. What a death cut short is done when the ledger has it, else not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import InlineExecutor
from agent.contract.events import Item
from agent.contract.events import Place as StockPlace
from agent.journal.journal import Journal, JournalError, Refusal
from agent.lifecycle.ledger import way_of
from agent.people.identities import People
from agent.people.requests import (
    Inspect,
    StockConfirm,
    StockCount,
    StockLoad,
    StockMove,
    Written,
)
from agent.people.stockroom import Stockroom
from simulators.blanks import Blank, Place
from tests.world.machine import Machine
from tests.world.notary import Notary
from tests.world.person import Deeds

PINS = {"siti": "271828", "budi": "314159", "agus": "161803"}
ROLES = {"siti": "operator", "budi": "supervisor", "agus": "auditor"}
DONE = "done"
THE_OLDEST = 0  # of the movements that wait for a second identity
AS_IT_IS = -1  # a count of what is really there
STANDING = {
    StockPlace.HOPPER: Place.HOPPER,
    StockPlace.OUTPUT: Place.OUTPUT,
    StockPlace.REJECT_BIN: Place.REJECT_BIN,
}
"""Places at the machine; of all others the hands keep the account."""


@dataclass(frozen=True)
class Errand:
    """What somebody asks for at a moment; `told`: the answer it must get."""

    at_s: float
    request: Written  # without PINs: they are typed
    told: str | None = None  # `done` or the code of a refusal; None: either
    pin: str = ""  # a wrong one

    def __str__(self) -> str:
        asks = msgspec.to_builtins(self.request)
        words = [f"{key} {value}" for key, value in asks.items() if value is not None]
        return f"{', '.join(words)}{' with a wrong PIN' if self.pin else ''}"


class Staff:
    def __init__(self, machine: Machine, notary: Notary, deeds: Deeds) -> None:
        self._machine = machine
        self._notary = notary
        self._deeds = deeds
        self._asked: tuple[Errand, int] | None = None  # and the lines before it
        self._found_done = False

    def join(
        self, journal: Journal, *, roster: bool, folder: Path
    ) -> tuple[People, Stockroom]:
        """Stand at this life of the agent; `roster` False: it has none any more."""
        path = folder / "roster.toml" if roster else None
        if path is not None:
            write_roster(path)
        people = People(journal, InlineExecutor(), path)
        return people, Stockroom(journal, people)

    async def run(self, stockroom: Stockroom, journal: Journal, errand: Errand) -> None:
        """Ask, and carry what the answer allows."""
        request = self._typed(errand, journal)
        if request is None:
            self._say(f"cannot: {errand}")
            return
        self._asked = errand, len(self._notary.books.lines)
        self._say(str(errand))
        try:
            await stockroom.take(request, "station")
        except Refusal as refusal:
            told = refusal.code
        except JournalError:
            self._asked = None
            raise
        else:
            told = DONE
            self._carry(errand.request)
        self._asked = None
        self._say(f"is told: {told}")
        if errand.told not in (None, told):
            self._notary.story.complain(f"{errand}: told {told}, not {errand.told}")

    def was_done(self) -> bool:
        """True once after each errand that a death cut short and the ledger has."""
        found, self._found_done = self._found_done, False
        return found

    def catch_up(self) -> None:
        """After a death: do what the ledger has of what was asked for then."""
        if self._asked is None:
            return
        errand, after = self._asked
        self._asked = None
        done = any(
            self._is_about(msgspec.json.decode(line[65:]), errand)
            for line in self._notary.books.lines[after:]
        )
        if done:
            self._say("finds that it was written down")
            self._carry(errand.request)
        self._found_done = done

    @staticmethod
    def _is_about(event: dict[str, Any], errand: Errand) -> bool:
        data = event["data"]
        return event.get("who") == errand.request.who and data["kind"] != "agent-denied"

    def _say(self, what: str) -> None:
        self._notary.story.tell("staff", what)

    def _typed(self, errand: Errand, journal: Journal) -> Written | None:
        """The request with PINs and figures; None: nobody could do that."""
        request = errand.request
        fields: dict[str, object] = {}
        if request.who in PINS:
            fields["pin"] = errand.pin or PINS[request.who]
        second = getattr(request, "second", None)
        if second in PINS:
            fields["second_pin"] = PINS[second]
        match request:
            case StockConfirm(movement=no) if no == THE_OLDEST:
                waiting = journal.unconfirmed()
                if not waiting:
                    return None
                fields["movement"] = waiting[0].no
            case StockCount(place=place, count=count) if count == AS_IT_IS:
                fields["count"] = len(self._at(place))
            case StockMove() | StockLoad() if errand.told is None:
                source, _, count = self._way(request)
                if source is not StockPlace.RECEIVED and len(self._at(source)) < count:
                    return None
        # Made anew, so that its PINs are wrapped as those of a real request are.
        return type(request)(**(_fields(request) | fields))

    def _way(
        self, request: StockMove | StockLoad
    ) -> tuple[StockPlace, StockPlace, int]:
        if isinstance(request, StockMove):
            item, source = request.item, request.source
            rule = way_of(request.cause, item, source, request.destination)
            return rule.source, rule.destination, request.count
        source = StockPlace.DESK if self._at(StockPlace.DESK) else StockPlace.RECEIVED
        return source, StockPlace.HOPPER, request.count

    def _at(self, place: StockPlace) -> list[Blank]:
        if place in STANDING:
            return self._machine.mechanism.at(STANDING[place])
        names = [name for name, at in self._deeds.carried.items() if at == place]
        return [self._machine.blank(name) for name in names]

    def _carry(self, request: Written) -> None:
        if isinstance(request, Inspect):
            self._throw_out(request)
            return
        if not isinstance(request, StockMove | StockLoad):
            return
        if isinstance(request, StockMove) and request.item is not Item.BLANK:
            return
        source, destination, count = self._way(request)
        if source is StockPlace.RECEIVED:
            self._deeds.received_count += count
        paper = (StockPlace.DIFFERENCE, StockPlace.SUSPENSE, StockPlace.MISSING)
        if source in paper or destination in paper:
            return  # a matter of the books: what there is lies where it lies
        if source is StockPlace.RECEIVED:
            self._machine.hand.load(count)
            self._machine.touched("staff")
            source = StockPlace.HOPPER
        for blank in self._at(source)[-count:]:
            self._deeds.carried.pop(blank.blank_id, None)
            blank.place = STANDING.get(destination, Place.HAND)
            if destination not in STANDING:
                self._deeds.carried[blank.blank_id] = str(destination)
        self._machine.touched("staff")

    def _throw_out(self, request: Inspect) -> None:
        """Bring the uppermost card of the output, if any lies there, where it goes."""
        for blank in self._at(StockPlace.OUTPUT)[-1:]:
            blank.place = STANDING.get(request.destination, Place.HAND)
            self._deeds.carried[blank.blank_id] = str(request.destination)
        self._machine.touched("staff")


def _fields(request: Written) -> dict[str, Any]:
    names = request.__struct_fields__
    return {
        name: getattr(request, name)
        for name in names
        if name not in ("pin", "second_pin")
    }


def write_roster(path: Path) -> None:
    """Write a roster whose PINs cost nothing to check."""
    path.write_text("".join(_entry(name) for name in PINS))


def _entry(name: str) -> str:
    salt = hashlib.sha256(name.encode()).digest()[:16]
    made = hashlib.scrypt(PINS[name].encode(), salt=salt, n=2, r=1, p=1, dklen=32)
    pin = f"scrypt:1:1:1:{salt.hex()}:{made.hex()}"
    role = ROLES[name]
    return f'[[person]]\nid = "{name}"\nrole = "{role}"\npin = "{pin}"\n'
