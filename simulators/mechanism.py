"""The physical machine: hopper, path, head, ribbon, flipper, bins, sensors.

It moves blanks and says what stopped it; it knows no wire, no picture and no clock:
time is what `tick` gives it. Its counters are the machine's own memory, which may
differ from what really happened.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulators.blanks import Blank, Mark, Place, Side
from simulators.build import Build, CountsAt, PowerUp
from simulators.counters import JUMP, Counters
from simulators.faults import (
    LINK_KINDS,
    STANDING_KINDS,
    FaultKind,
    Faults,
    Moment,
)
from simulators.motions import (
    LATCHING,
    Action,
    Happening,
    Left,
    Motion,
    Pressed,
    Stop,
)
from simulators.ribbons import Ribbon

_LEAVING = (Motion.EJECT, Motion.REJECT)
_STRIPE = (Motion.WRITE_STRIPE, Motion.READ_STRIPE)


@dataclass(slots=True)
class Mechanism:
    build: Build = field(default_factory=Build)
    faults: Faults = field(default_factory=Faults)
    ribbon: Ribbon | None = None
    blanks: list[Blank] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    clock_s: float = 0.0
    powered: bool = True
    cover_open: bool = False
    jammed: bool = False
    hopper_stuck: bool = False
    facing: Side = Side.FRONT  # the side of the card under the head
    latched: list[Stop] = field(default_factory=list)  # until `acknowledge`
    cards_fed: int = 0  # really, whatever the counters say
    sides_printed: int = 0
    cleanings_done: int = 0
    double_feed_next: bool = False
    cleaning_card: bool = False  # a hand has laid one before the rollers
    ribbon_in_way: bool = False  # a cleaning was asked for with the ribbon in
    standing: set[FaultKind] = field(default_factory=set)  # of STANDING_KINDS
    happened: list[Happening] = field(default_factory=list)
    queue: deque[Action] = field(default_factory=deque)
    current: Action | None = None

    # --- asked from outside ---------------------------------------------------

    def submit(self, action: Action) -> Action:
        """Queue a motion; it begins when those before it are done."""
        if self.powered:
            self.queue.append(action)
        else:
            action.end(Stop.POWER_OFF)
        return action

    def acknowledge(self) -> None:
        """Drop the latched faults; a cause that is still there will latch again."""
        self.latched.clear()
        self.ribbon_in_way = False

    def reset(self) -> None:
        """Forget all that was asked for, as at a restart; cards stay where they are."""
        self._halt(Stop.RESET)
        self.acknowledge()

    def tick(self, dt_s: float) -> None:
        """Let `dt_s` seconds pass. The same ticks always end in the same state."""
        while True:
            if self.current is None and self.powered and self.queue:
                self._begin(self.queue.popleft())
                continue
            action = self.current
            if action is None:
                self.clock_s += dt_s
                return
            step_s = min(dt_s, action.next_s)
            if step_s <= 0 and action.next_s > 0:
                return
            self.clock_s += step_s
            dt_s -= step_s
            action.remaining_s -= step_s
            if action.strike is not None and action.next_s <= 0:
                self.strike(action.strike)
            elif action.remaining_s <= 0:
                self._finish(action)

    @property
    def next_s(self) -> float | None:
        """Seconds until something happens by itself; None: never."""
        if self.current is not None:
            return self.current.next_s
        return 0.0 if self.queue and self.powered else None

    @property
    def moving(self) -> bool:
        return self.current is not None or bool(self.queue)

    @property
    def pressing(self) -> bool:
        """True until the last panel asked for is on its card."""
        actions = (*self.queue, *([self.current] if self.current else []))
        return any(action.motion is Motion.PRESS for action in actions)

    @property
    def encoding(self) -> bool:
        return self.current is not None and self.current.motion in _STRIPE

    @property
    def cleaning(self) -> bool:
        return self.current is not None and self.current.motion is Motion.CLEAN

    def at(self, place: Place) -> list[Blank]:
        """The blanks of a place; those of the path in order of arrival."""
        return [blank for blank in self.blanks if blank.place is place]

    @property
    def hopper_seems_empty(self) -> bool:
        return self.hopper_stuck or not self.at(Place.HOPPER)

    @property
    def sensed_card(self) -> Blank | None:
        """The card in the path as the sensors see it."""
        return next((b for b in self.at(Place.PATH) if not b.hidden), None)

    @property
    def facing_when_idle(self) -> Side:
        """The side under the head once all that was asked for is done."""
        facing = self.facing if self.at(Place.PATH) else Side.FRONT
        for action in (*([self.current] if self.current else []), *self.queue):
            if action.motion is Motion.FLIP:
                facing = facing.other
            elif action.motion is not Motion.PRESS and action.motion not in _STRIPE:
                facing = Side.FRONT
        return facing

    @property
    def sets_left_by_counter(self) -> int:
        ribbon = self.ribbon
        return max(0, ribbon.capacity - self.counters.used_sets) if ribbon else 0

    # --- trouble --------------------------------------------------------------

    def strike(self, kind: FaultKind) -> None:
        """Make the physical cause of `kind` come true now."""
        if kind in LINK_KINDS:
            self.faults.on_link.add(kind)
        elif kind in STANDING_KINDS:
            self.standing.add(kind)
            self._feel(kind)
        elif kind is FaultKind.DOUBLE_FEED:
            self.double_feed_next = True
        elif kind is FaultKind.COUNTER_RESET:
            self.counters.begin_anew()
        elif kind is FaultKind.COUNTER_JUMP:
            self.counters.cards += JUMP
        elif kind is FaultKind.HOPPER_EMPTY:
            self.hopper_stuck = True
        elif kind is FaultKind.POWER_CUT:
            self.switch_power(on=False)
        elif kind is FaultKind.RIBBON_ENDED:
            self._end_ribbon()
        elif kind is FaultKind.JAM_PATH:
            self.jammed = True
            self._interrupt(Stop.JAMMED)
        else:
            self.open_cover(is_open=True)

    def _feel(self, kind: FaultKind) -> None:
        """Let a cause that has come to stand stop what it concerns, if that moves."""
        motion = self.current.motion if self.current else None
        if kind is FaultKind.JAM_EXIT and motion in _LEAVING:
            self.jammed = True
            self._interrupt(Stop.JAMMED)
        elif motion is Motion.PRESS:
            if kind is FaultKind.STUCK_HALF_PRINTED:
                self.standing.discard(kind)
                self._interrupt(Stop.STUCK)
            elif kind is FaultKind.RIBBON_BROKEN:
                self._interrupt(Stop.RIBBON_BROKEN)
            elif kind is FaultKind.HEAD_HOT:
                self._interrupt(Stop.HEAD_HOT)

    def open_cover(self, *, is_open: bool) -> None:
        """Open or close the cover; opening it stops whatever moves."""
        self.cover_open = is_open
        if is_open:
            self._interrupt(Stop.COVER_OPEN)

    def switch_power(self, *, on: bool) -> None:
        """Switch the machine off, at once and wherever it is, or on again."""
        if on == self.powered:
            return
        if on:
            self.powered = True
            self._power_up()
            return
        self._halt(Stop.POWER_OFF)
        self.powered = False
        self.acknowledge()
        if self.build.loses_last_count and self.at(Place.PATH):
            self.counters.lose_last()
        self.counters.save()

    def _power_up(self) -> None:
        self.submit(Action(Motion.WARM_UP))
        for blank in self.at(Place.PATH):
            if self.build.power_up is PowerUp.HIDE:
                blank.hidden = True
            elif self.build.power_up is PowerUp.FLUSH:
                self.submit(Action(Motion.EJECT))
        if self.ribbon is not None:
            self.ribbon.wind_on()

    def _end_ribbon(self) -> None:
        if self.ribbon is None:
            return
        self.ribbon.left = 0
        self.counters.change_ribbon(self.ribbon.capacity)
        if self.current is not None and self.current.motion is Motion.PRESS:
            self._interrupt(Stop.RIBBON_ENDED)

    # --- one motion -----------------------------------------------------------

    def _begin(self, action: Action) -> None:
        """Make `action` the current one, or end it with the reason against it."""
        if action.motion is Motion.FLIP and not self.build.has_flipper:
            self._fail(action, Stop.NO_FLIPPER)
            return
        if action.motion is not Motion.WARM_UP:
            if action.may_feed and self.sensed_card is None:
                self.queue.appendleft(action)
                action.may_feed = False
                action = Action(Motion.FEED)
                by_itself = True
            else:
                by_itself = False
            stop = self._hindrance(action)
            if stop is Stop.HOPPER_EMPTY and by_itself:
                stop = Stop.FEED_FAILED  # no answer would tell it: the status must
            if stop is not None:
                self._fail(action, stop)
                return
        action.remaining_s = self.build.timing.of(action.motion)
        action.begun = True
        self.current = action
        if action.motion is Motion.FEED:
            self._pick(action)
        elif action.motion is Motion.PRESS:
            self._press(action)
        elif action.motion is Motion.CLEAN and self.at(Place.PATH):
            action.plan_strike(FaultKind.JAM_PATH)  # with one that no sensor sees
        elif action.motion in _LEAVING and FaultKind.JAM_EXIT in self.standing:
            action.plan_strike(FaultKind.JAM_EXIT)

    def _hindrance(self, action: Action) -> Stop | None:
        if self.cover_open:
            return Stop.COVER_OPEN
        if self.jammed and self.at(Place.PATH):
            return Stop.JAMMED
        if action.motion is Motion.FEED:
            return self._feed_hindrance()
        if action.motion is Motion.CLEAN:
            return self._clean_hindrance()
        blank = self.sensed_card
        if blank is None:
            return Stop.NO_CARD
        if action.motion is Motion.PRESS:
            return self._press_hindrance(action)
        if action.motion is Motion.REJECT and not self.build.has_reject_bin:
            return Stop.NO_REJECT_BIN
        if action.motion in _LEAVING:
            self._strike_due(Moment.LEAVING, blank.fed_no)
        if action.motion in _STRIPE:
            self._strike_due(Moment.ENCODING, blank.fed_no)
            return self.latched[0] if self.latched else None
        if action.motion is Motion.EJECT and FaultKind.OUTPUT_FULL in self.standing:
            return Stop.OUTPUT_FULL
        if action.motion is Motion.REJECT and (
            FaultKind.REJECT_BIN_FULL in self.standing
        ):
            return Stop.REJECT_BIN_FULL
        return None

    def _strike_due(self, moment: Moment, card_no: int | None) -> None:
        while (kind := self.faults.take_due(moment, card_no)) is not None:
            self.strike(kind)

    def _feed_hindrance(self) -> Stop | None:
        if self.latched:
            return self.latched[0]
        if self.sensed_card is not None:
            return None  # it is in position already: nothing is taken
        self._strike_due(Moment.PICK, self.cards_fed + 1)
        if self.hopper_seems_empty:
            return Stop.HOPPER_EMPTY
        slips = FaultKind.FEED_FAILURE in self.standing
        return Stop.FEED_FAILED if slips else None

    def _clean_hindrance(self) -> Stop | None:
        if self.latched:
            return self.latched[0]
        self.ribbon_in_way = self.ribbon is not None
        if self.ribbon_in_way:
            return Stop.RIBBON_IN
        if self.sensed_card is not None:
            return Stop.PATH_TAKEN
        return None if self.cleaning_card else Stop.NO_CARD

    def _press_hindrance(self, action: Action) -> Stop | None:
        if self.latched:
            return self.latched[0]
        if self.ribbon is None:
            return Stop.NO_RIBBON
        unknown = FaultKind.WRONG_RIBBON in self.standing
        if unknown or not self.ribbon.has(action.panel):
            return Stop.WRONG_RIBBON
        if FaultKind.RIBBON_BROKEN in self.standing:
            return Stop.RIBBON_BROKEN
        if FaultKind.HEAD_HOT in self.standing:
            return Stop.HEAD_HOT
        if self.ribbon.needs_new_set(action.panel) and self.ribbon.left == 0:
            return Stop.RIBBON_ENDED
        return None

    def _pick(self, action: Action) -> None:
        if self.sensed_card is not None:
            action.remaining_s = 0.0
            return
        collides = bool(self.at(Place.PATH))  # with one that no sensor sees
        count = 2 if self.double_feed_next else 1
        self.double_feed_next = False
        self.cards_fed += 1
        for blank in self.at(Place.HOPPER)[:count]:
            blank.place = Place.PATH
            blank.fed_no = self.cards_fed
            self.blanks.remove(blank)  # the path keeps order of arrival
            self.blanks.append(blank)
        self.facing = Side.FRONT
        self.counters.save()
        self._count_card(CountsAt.FEED)
        if self.ribbon is not None:
            self.ribbon.wind_on()
        if collides or self.jammed:
            action.plan_strike(FaultKind.JAM_PATH)

    def _press(self, action: Action) -> None:
        blank, ribbon = self.sensed_card, self.ribbon
        assert blank is not None and ribbon is not None
        if ribbon.needs_new_set(action.panel):
            if ribbon.take_finished(given_up=True):
                self._count_set(CountsAt.END)
            self._count_set(CountsAt.START)
        ribbon.advance(action.panel)
        first = not any(blank.marks.values())
        if first:
            self._count_card(CountsAt.START)
            blank.due = action.due
        marks = blank.marks.setdefault(self.facing, [])
        due = self.faults.take_due(Moment.PRINT_BEGUN, blank.fed_no) if first else None
        if due is not None:
            self.faults.on_link.add(due)
        due = self.faults.take_due(Moment.PRESSING, blank.fed_no, len(marks))
        if due is None and FaultKind.STUCK_HALF_PRINTED in self.standing:
            due = FaultKind.STUCK_HALF_PRINTED
        if due is not None:
            action.plan_strike(due)
        action.side = self.facing
        blank.ribbon_kind = ribbon.kind
        marks.append(Mark(action.panel, action.image_no))

    def _count_card(self, moment: CountsAt) -> None:
        if self.build.cards_count_at is moment:
            self.counters.count_card()

    def _count_set(self, moment: CountsAt) -> None:
        if self.build.ribbon_counts_at is moment:
            self.counters.count_set()

    def _finish(self, action: Action) -> None:
        if action.motion is Motion.WRITE_STRIPE and (
            FaultKind.MAGSTRIPE_WRITE in self.standing
        ):
            self._fail(action, Stop.STRIPE_BAD)
            return
        self.current = None
        if action.motion is Motion.PRESS:
            self._finish_press(action)
        elif action.motion in _STRIPE:
            self._finish_stripe(action)
        elif action.motion is Motion.CLEAN:
            self._finish_cleaning(action)
        elif action.motion is Motion.FLIP:
            self.facing = self.facing.other
        elif action.motion in (Motion.EJECT, Motion.REJECT):
            blank = self.sensed_card
            assert blank is not None
            self._count_card(CountsAt.END)
            if self.ribbon is not None and self.ribbon.take_finished(given_up=True):
                self._count_set(CountsAt.END)
            self.counters.save()
            out = action.motion is Motion.EJECT
            self.put(blank, Place.OUTPUT if out else Place.REJECT_BIN)
        action.end(None)

    def _finish_stripe(self, action: Action) -> None:
        blank = self.sensed_card
        assert blank is not None
        if action.motion is Motion.WRITE_STRIPE:
            blank.tracks.update(action.tracks)
        else:
            action.tracks = dict(blank.tracks)

    def _finish_cleaning(self, action: Action) -> None:
        self.cleaning_card = False  # it is used up, and out again
        self.cleanings_done += 1
        self.counters.count_cleaning(thorough=action.thorough)

    def _finish_press(self, action: Action) -> None:
        blank, ribbon = self.sensed_card, self.ribbon
        assert blank is not None and ribbon is not None
        self._mark(action, blank, 1.0)
        ends = blank.is_whole(action.side) if blank.due else ribbon.ends_side
        self.sides_printed += ends
        if ribbon.take_finished():
            self._count_set(CountsAt.END)

    def _mark(self, action: Action, blank: Blank, share: float) -> None:
        mark = blank.marks[action.side][-1]
        mark.share = share
        self.happened.append(Pressed(blank, action.side, mark))

    def put(self, blank: Blank, place: Place) -> None:
        """Lay a card from the path somewhere else."""
        blank.place = place
        blank.hidden = False
        self.facing = Side.FRONT
        self.happened.append(Left(blank))

    # --- ends -----------------------------------------------------------------

    def _interrupt(self, stop: Stop) -> None:
        """Stop what moves now, if anything does, and drop what was to follow."""
        if self.current is not None:
            self._fail(self.current, stop)

    def _fail(self, action: Action, stop: Stop) -> None:
        if stop in LATCHING and stop not in self.latched:
            self.latched.append(stop)
        self._halt(stop)
        action.end(stop)

    def _halt(self, stop: Stop) -> None:
        current, self.current = self.current, None
        if current is not None:
            blank = self.sensed_card
            if current.motion is Motion.PRESS and blank is not None:
                whole_s = self.build.timing.press_s
                share = 1.0 - current.remaining_s / whole_s if whole_s else 0.0
                self._mark(current, blank, min(share, 0.99))
            current.end(stop)
        while self.queue:
            self.queue.popleft().end(stop)
