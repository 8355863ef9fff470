"""What befalls a printer besides its cards: hands that nobody asked, power, foreigners.

Each deed that moves a blank behind the agent's back is noted: it is what the judge must
find again as the difference between books and truth.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.blanks import Blank, Place
from simulators.faults import FaultKind
from simulators.hand import HandError, clear
from tests.agent.virtual_time import elapse
from tests.world.machine import Machine
from tests.world.person import Deeds
from tests.world.plan import What
from tests.world.story import Story

OFF_S = 4.0
OPEN_S = 3.0
STRANGER = "strange"
OTHER_SERIAL = "E100001"


class Mischief:
    def __init__(self, machine: Machine, story: Story, deeds: Deeds) -> None:
        self._machine = machine
        self._story = story
        self._deeds = deeds
        self._deed_of: dict[What, Callable[[], None]] = {
            What.STEAL_BLANK: lambda: self._take(Place.HOPPER, Place.HAND),
            What.STEAL_CARD: lambda: self._take(Place.OUTPUT, Place.HAND),
            What.PUT_BACK: lambda: self._take(Place.REJECT_BIN, Place.HOPPER),
            What.PULL_TO_HAND: lambda: self._take(Place.PATH, Place.HAND),
            What.PULL_TO_OUTPUT: lambda: self._take(Place.PATH, Place.OUTPUT),
            What.PULL_TO_HOPPER: lambda: self._take(Place.PATH, Place.HOPPER),
            What.INSERT: self._insert,
            What.CHANGE_RIBBON: lambda: self._machine.hand.change_ribbon("YMCKO", 20),
            What.BLACK_RIBBON: lambda: self._machine.hand.change_ribbon("K", 20),
            What.TAKE_RIBBON: self._machine.hand.take_ribbon,
            What.PLUG_IN: lambda: clear(self._machine.hand, FaultKind.LINK_CUT),
            What.LAY_CARD: self._machine.hand.lay_cleaning_card,
        }

    async def do(self, what: What) -> None:
        """Do it, as far as it can be done now."""
        self._machine.pacemaker.catch_up()
        self._story.tell("somebody", what)
        if what is What.PRINT_ALONE:
            await self._print_alone()
        elif what in (What.SWITCH_OFF, What.OTHER_PRINTER):
            self._machine.power(on=False)
            await elapse(OFF_S)
            if what is What.OTHER_PRINTER:
                self._machine.printer.serial = OTHER_SERIAL
            self._machine.power(on=True)
        elif what is What.OPEN_COVER:
            self._cover(is_open=True)
            await elapse(OPEN_S)
            self._cover(is_open=False)
        else:
            try:
                self._deed_of[what]()
            except HandError as error:
                self._story.tell("somebody", f"cannot: {error}")
            self._machine.touched("somebody")

    def _cover(self, *, is_open: bool) -> None:
        self._machine.pacemaker.catch_up()
        self._machine.mechanism.open_cover(is_open=is_open)
        self._machine.touched("somebody")

    def _take(self, origin: Place, destination: Place) -> None:
        blank = self._machine.hand.take(origin, destination)
        self._note(blank, f"taken from {origin} to {destination}")

    def _note(self, blank: Blank, what: str) -> None:
        self._deeds.strayed[blank.blank_id] = what

    def _insert(self) -> None:
        self._machine.hand.insert()

    async def _print_alone(self) -> None:
        """Another host prints a card of its own, when the printer is free."""
        mechanism, stranger = self._machine.mechanism, self._machine.stranger
        in_use = mechanism.moving or mechanism.at(Place.PATH)
        reachable = self._machine.printer.reachable
        if in_use or not (reachable and stranger.finds_it_free()):
            self._story.tell("somebody", "finds the printer in use")
            return
        self._deeds.alone = True
        try:
            await stranger.print()
        finally:
            self._deeds.alone = False
