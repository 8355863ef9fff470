"""The emulated printer in virtual time, and what its cards really did.

Everything of the emulator but what carries it to a host: mechanism, memory, parser,
gallery, hand, and where it has one its USB port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from simulators.blanks import Blank, Place
from simulators.build import Build, CountsAt, PowerUp
from simulators.clock import Clock, Pacemaker
from simulators.faults import FaultKind, Faults
from simulators.gallery import Gallery
from simulators.hand import Hand
from simulators.links.usb_device import UsbDevice
from simulators.mechanism import Mechanism
from simulators.motions import Timing
from tests.world.families import FAMILIES
from tests.world.story import Story

BRISK = Timing(
    feed_s=1.0, press_s=1.0, flip_s=0.75, eject_s=0.75, reject_s=1.0, warm_up_s=2.0
)
"""A fast machine: while it prints, the driver polls four times a second."""

_WAIT_MIN_S = 1e-6  # a shorter one would not move a clock that is a float


class LoopTime(Clock):
    """The machine lives in the time of the running loop."""

    def elapsed_s(self) -> float:
        now_s = asyncio.get_running_loop().time()
        gone_s, self._wall_s = now_s - self._wall_s, now_s
        return gone_s

    def wall_wait_s(self, machine_s: float) -> float | None:
        return max(machine_s, _WAIT_MIN_S)

    def host_s(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(frozen=True)
class Pick:
    """Blanks that one feed took from the hopper."""

    fed_no: int
    blank_ids: tuple[str, ...]


@dataclass
class Witness:
    """What was seen of the cards, whoever moved them."""

    places: dict[str, Place] = field(default_factory=dict)
    outsiders: set[str] = field(default_factory=set)  # never loaded as blanks
    delivered: dict[str, list[str | None]] = field(default_factory=dict)
    """The digest of each card (None: not complete) at each arrival in the output."""


class Machine:
    """One printer; `run` brings it to life."""

    def __init__(
        self,
        story: Story,
        family: str,
        seed: int,
        power_up: PowerUp,
        *,
        counts_at: CountsAt | None,
        loses_last_count: bool,
    ) -> None:
        """`counts_at`: when it counts a card; None: as its model does."""
        self.family = FAMILIES[family]
        model = self.family.emulated
        build = Build(
            timing=BRISK,
            cards_count_at=counts_at or model.cards_count_at,
            ribbon_counts_at=model.ribbon_counts_at,
            power_up=power_up,
            has_reject_bin=model.has_reject_bin,
            loses_last_count=loses_last_count,
        )
        self.mechanism = Mechanism(build, Faults(seed))
        self.hand = Hand(self.mechanism)
        clock = LoopTime(_wall_s=asyncio.get_running_loop().time())
        self.pacemaker = Pacemaker(self.mechanism, clock, self._settle)
        self.gallery = Gallery(partial(self.family.draw, model), None)
        self.printer = self.family.printer(self.mechanism, self.pacemaker, self.gallery)
        self.stranger = self.family.stranger(self.printer)
        self.device: UsbDevice[Any] | None = None
        if self.family.usb is not None:
            faults = self.mechanism.faults
            self.device = UsbDevice(
                self.printer, self.family.usb, faults, self.pacemaker
            )
        self.witness = Witness()
        self.picked: Callable[[Pick], None] = lambda _: None
        self._story = story
        self._fed_count = 0
        self._latched: list[str] = []
        self._powered = True

    async def run(self) -> None:
        """Live, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pacemaker.run())
            if self.device is not None:
                group.create_task(self.device.run())

    def touched(self, who: str = "hand") -> None:
        """Say that a hand was at it."""
        self.pacemaker.touched()
        self._watch(who)

    def strike(self, kind: FaultKind) -> None:
        """Let a trouble come true now."""
        self.pacemaker.catch_up()
        self.mechanism.strike(kind)
        self.touched("chance")

    def power(self, *, on: bool) -> None:
        """Switch it."""
        self.pacemaker.catch_up()
        self.mechanism.switch_power(on=on)
        self.touched("chance")

    def blank(self, blank_id: str) -> Blank:
        return next(b for b in self.mechanism.blanks if b.blank_id == blank_id)

    def digest(self, blank: Blank) -> str | None:
        return self.gallery.digest(blank)

    def _settle(self) -> None:
        self.printer.settle()
        self._watch("printer")

    def _watch(self, who: str) -> None:
        machine, story = self.mechanism, self._story
        if machine.powered != self._powered:
            self._powered = machine.powered
            story.tell(who, "printer on" if machine.powered else "printer off")
        latched = [str(stop) for stop in machine.latched]
        if latched != self._latched:
            story.tell("printer", f"faults: {', '.join(latched) or 'none'}")
            self._latched = latched
        if machine.cards_fed != self._fed_count:
            self._fed_count = machine.cards_fed
            ids = [b.blank_id for b in machine.blanks if b.fed_no == self._fed_count]
            self.picked(Pick(self._fed_count, tuple(ids)))
        for blank in machine.blanks:
            self._follow(blank, who)

    def _follow(self, blank: Blank, who: str) -> None:
        before = self.witness.places.get(blank.blank_id)
        if before is blank.place:
            return
        self.witness.places[blank.blank_id] = blank.place
        if before is None and blank.place is Place.HOPPER:
            return  # loaded
        if before is None:
            self.witness.outsiders.add(blank.blank_id)
        what = f"{blank.blank_id} {before or 'outside'} → {blank.place}"
        self._story.tell(who, f"{what} ({blank.state})")
        if blank.place is Place.OUTPUT:
            arrivals = self.witness.delivered.setdefault(blank.blank_id, [])
            arrivals.append(self.digest(blank))
