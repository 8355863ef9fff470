"""What a person's hand can do to the machine, each as one whole act.

The acts are physical: nothing is reported to anybody, the machine's sensors see what
they see. Each raises `HandError`, saying what is in the way, and then changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.blanks import Blank, Place
from simulators.faults import LINK_KINDS, STANDING_KINDS, FaultKind
from simulators.mechanism import Mechanism
from simulators.ribbons import RIBBON_KINDS, Ribbon

LOAD_MAX = 1000  # far more than any hopper holds; bounds what `truth` answers


class HandError(Exception):
    """The hand cannot do that."""


@dataclass(slots=True)
class Hand:
    machine: Mechanism
    made_count: int = 0
    ribbon_count: int = 0
    serial_prefix: str = field(default="R")
    held_ribbon: tuple[Ribbon, int] | None = None  # taken out, and its used sets

    def load(self, count: int) -> None:
        """Put `count` new blanks on the hopper's stack, and the stack right."""
        if not 0 <= count <= LOAD_MAX:
            raise HandError(f"a load of {count} blanks: expected 0 to {LOAD_MAX}")
        if len(self.machine.blanks) + count > 100 * LOAD_MAX:
            raise HandError(f"this machine has had {len(self.machine.blanks)} cards")
        for _ in range(count):
            self.machine.blanks.append(self._new(Place.HOPPER))
        self.machine.hopper_stuck = False
        self.machine.standing.discard(FaultKind.FEED_FAILURE)

    def insert(self) -> None:
        """Slide a card of unknown origin into the path."""
        if self.machine.at(Place.PATH):
            raise HandError("a card is in the path already")
        blank = self._new(Place.PATH)
        blank.strange = True
        self.machine.blanks.append(blank)

    def take(self, origin: Place, destination: Place) -> Blank:
        """Move the topmost or last card of `origin`; for the path, through the cover.

        A closed cover is opened for that and closed again, which stops what moves.
        """
        cards = self.machine.at(origin)
        if not cards:
            raise HandError(f"no card in {origin}")
        if origin is destination:
            raise HandError(f"from {origin} to {destination} is no move")
        if destination is Place.PATH and self.machine.at(Place.PATH):
            raise HandError("a card is in the path already")
        if origin is Place.PATH:
            return self._take_from_path(cards[0], destination)
        blank = cards[-1]
        blank.place = destination
        blank.strange = destination is Place.PATH
        self._made_room(origin)
        return blank

    def take_ribbon(self) -> None:
        """Take the ribbon out and keep it."""
        machine = self.machine
        if machine.ribbon is None:
            raise HandError("there is no ribbon in the machine")
        self._leave_alone_while_pressing()
        self.held_ribbon = machine.ribbon, machine.counters.used_sets
        machine.ribbon = None
        machine.ribbon_in_way = False
        machine.counters.change_ribbon(0)

    def return_ribbon(self) -> None:
        """Put the ribbon that was taken out in again."""
        if self.held_ribbon is None:
            raise HandError("no ribbon was taken out")
        if self.machine.ribbon is not None:
            raise HandError("there is a ribbon in the machine")
        if self.machine.cleaning:
            raise HandError("the machine is cleaning itself")
        ribbon, used_sets = self.held_ribbon
        self.held_ribbon = None
        ribbon.wind_on()
        self.machine.ribbon = ribbon
        self.machine.counters.change_ribbon(used_sets)

    def lay_cleaning_card(self) -> None:
        """Lay a cleaning card before the rollers, where a cleaning cycle takes it."""
        if self.machine.cleaning_card:
            raise HandError("a cleaning card lies there already")
        self.machine.cleaning_card = True

    def change_ribbon(self, kind: str, sets: int) -> None:
        """Put in another ribbon, of which `sets` sets are left."""
        if kind not in RIBBON_KINDS:
            allowed = ", ".join(RIBBON_KINDS)
            raise HandError(f"ribbon {kind!r}: expected one of {allowed}")
        if not 0 <= sets <= LOAD_MAX:
            raise HandError(f"a ribbon of {sets} sets: expected 0 to {LOAD_MAX}")
        self._leave_alone_while_pressing()
        if self.machine.cleaning:
            raise HandError("the machine is cleaning itself")
        self.ribbon_count += 1
        serial = f"{self.serial_prefix}{self.ribbon_count:04d}"
        self.machine.ribbon = Ribbon(RIBBON_KINDS[kind], sets, sets, serial)
        self.machine.counters.change_ribbon(0)
        self.machine.standing -= {FaultKind.RIBBON_BROKEN, FaultKind.WRONG_RIBBON}

    def empty_reject_bin(self) -> int:
        """Take all cards out of the reject bin; returns how many there were."""
        cards = self.machine.at(Place.REJECT_BIN)
        for blank in cards:
            blank.place = Place.HAND
        self._made_room(Place.REJECT_BIN)
        return len(cards)

    def _leave_alone_while_pressing(self) -> None:
        if self.machine.pressing:
            raise HandError("the head is down: the machine is printing")

    def _made_room(self, place: Place) -> None:
        if place is Place.OUTPUT:
            self.machine.standing.discard(FaultKind.OUTPUT_FULL)
        elif place is Place.REJECT_BIN:
            self.machine.standing.discard(FaultKind.REJECT_BIN_FULL)

    def _take_from_path(self, blank: Blank, destination: Place) -> Blank:
        was_open = self.machine.cover_open
        if self.machine.moving:
            self.machine.open_cover(is_open=True)
        self.machine.put(blank, destination)
        self.machine.jammed = False
        self.machine.standing.discard(FaultKind.JAM_EXIT)
        self.machine.open_cover(is_open=was_open)
        return blank

    def _new(self, place: Place) -> Blank:
        self.made_count += 1
        return Blank(f"card-{self.made_count:06d}", place)


def causes(machine: Mechanism) -> list[FaultKind]:
    """The troubles whose physical cause is there now."""
    there = {
        FaultKind.HOPPER_EMPTY: machine.hopper_seems_empty,
        FaultKind.DOUBLE_FEED: machine.double_feed_next,
        FaultKind.JAM_PATH: machine.jammed
        and FaultKind.JAM_EXIT not in machine.standing,
        FaultKind.COVER_OPEN: machine.cover_open,
        FaultKind.RIBBON_ENDED: machine.ribbon is None or machine.ribbon.left == 0,
        FaultKind.POWER_CUT: not machine.powered,
    }
    found = [kind for kind, is_there in there.items() if is_there]
    return found + sorted(machine.standing) + sorted(machine.faults.on_link)


def clear(hand: Hand, kind: FaultKind) -> None:
    """Take the physical cause of `kind` away; what is latched stays latched."""
    machine = hand.machine
    if kind in LINK_KINDS:
        machine.faults.on_link.discard(kind)
    elif kind in STANDING_KINDS:
        machine.standing.discard(kind)
        if kind is FaultKind.JAM_EXIT:
            machine.jammed = False
    elif kind in (FaultKind.COUNTER_RESET, FaultKind.COUNTER_JUMP):
        raise HandError(f"{kind}: a counter that has moved does not move back")
    elif kind is FaultKind.DOUBLE_FEED:
        machine.double_feed_next = False
    elif kind is FaultKind.HOPPER_EMPTY:
        if not machine.at(Place.HOPPER):
            raise HandError("there is no blank in the hopper: load some")
        machine.hopper_stuck = False
    elif kind is FaultKind.JAM_PATH:
        machine.jammed = False
    elif kind is FaultKind.COVER_OPEN:
        machine.open_cover(is_open=False)
    elif kind is FaultKind.POWER_CUT:
        machine.switch_power(on=True)
    elif machine.ribbon is None or machine.ribbon.capacity == 0:
        raise HandError("there is no ribbon to take the like of: change the ribbon")
    elif machine.ribbon.left == 0:
        hand.change_ribbon(machine.ribbon.kind.name, machine.ribbon.capacity)
