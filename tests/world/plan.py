"""What is to happen in a world: drawn from a seed, or set down for a standard card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from typing import Any

from agent.lifecycle.duty import Rules
from simulators.build import CountsAt, PowerUp
from simulators.faults import FaultKind
from tests.world.centre import Order, Wish
from tests.world.process import Death
from tests.world.staff import Errand


class What(StrEnum):
    """What people, power and network do beside the plan."""

    STEAL_BLANK = "steals a blank from the hopper"
    STEAL_CARD = "takes the newest card from the output"
    PUT_BACK = "puts a card from the reject bin on the hopper"
    INSERT = "slides a strange card into the path"
    PULL_TO_HAND = "pulls the card out of the path and keeps it"
    PULL_TO_OUTPUT = "pulls the card out of the path and lays it to the good ones"
    PULL_TO_HOPPER = "pulls the card out of the path and lays it on the hopper"
    PRINT_ALONE = "prints a card behind the agent's back"
    OPEN_COVER = "opens the cover"
    CHANGE_RIBBON = "changes the ribbon"
    BLACK_RIBBON = "puts a ribbon of black alone in"
    TAKE_RIBBON = "takes the ribbon out"
    LAY_CARD = "lays a cleaning card before the rollers"
    OTHER_PRINTER = "puts another printer of the same kind here"
    PLUG_IN = "puts the cable in again"
    SWITCH_OFF = "switches the printer off and on"
    BROKER_DOWN = "the broker goes down"
    BROKER_UP = "the broker comes back"
    DISK_FULL = "the disk is full"
    DISK_ROOM = "the disk has room again"
    DISK_FAILS = "the disk takes nothing more"
    DISK_WORKS = "the disk works again"
    RESTART = "the agent is stopped and started in good order"
    CLOSE = "the office closes until the next day"
    SPOIL = "the agent is stopped, and its ledger is not what it was"
    FORK = "the centre signs for another history"
    FOREIGN_ACK = "the centre signs for the ledger of somebody else"
    OTHER_CONTENT = "the centre sends something else under the first job's name"


@dataclass(frozen=True)
class Act:
    at_s: float
    what: What


@dataclass(frozen=True)
class Strike:
    """A trouble of the emulator's that comes at a time and not at a card."""

    at_s: float
    kind: FaultKind


@dataclass(frozen=True)
class Plan:
    seed: int
    orders: tuple[Order, ...]
    hopper_count: int = 6
    ribbon_sets: int = 20
    faults: tuple[tuple[FaultKind, int], ...] = ()  # at the n-th card
    strikes: tuple[Strike, ...] = ()
    acts: tuple[Act, ...] = ()
    deaths: tuple[Death, ...] = ()  # of the first life, the second …
    power_up: PowerUp = PowerUp.KEEP
    loses_last_count: bool = False
    lie_share: float = 0.0  # of a person's answers
    clock_sure: bool = True
    wishes: tuple[Wish, ...] = ()
    errands: tuple[Errand, ...] = ()
    loss: str = "zeros"  # what becomes of a ledger that is spoilt
    roster_lives: int = 99  # of the agent, that know of the roster
    rules: Rules = field(default_factory=Rules)  # what the office asks for
    family: str = "evolis"
    counts_at: CountsAt | None = None  # None: as the model does
    signs_from_s: float = 0.0  # the centre acknowledges nothing before
    redrawn: bool = False  # from the second life on the agent draws otherwise
    away_s: float = 0.0  # for so long nobody looks after the printer

    def __str__(self) -> str:
        cards = ", ".join(f"{o.job_id} {o.sides}-sided" for o in self.orders)
        parts = [
            f"{cards}; {self.hopper_count} blanks, {self.ribbon_sets} sets",
            f"power-up: {self.power_up}",
        ]
        if self.family != "evolis":
            parts.append(self.family)
        if self.counts_at is not None:
            parts.append(f"counts cards at their {self.counts_at}")
        if self.loses_last_count:
            parts.append("loses its last count")
        if self.signs_from_s:
            parts.append(f"the centre signs nothing until {self.signs_from_s:g} s")
        if self.redrawn:
            parts.append("draws otherwise from the second life on")
        if self.away_s:
            parts.append(f"nobody looks until {self.away_s:g} s")
        if self.lie_share:
            parts.append(f"lies: {self.lie_share:.0%}")
        parts += [f"{kind} at card {card_no}" for kind, card_no in self.faults]
        parts += [f"{one.kind} at {one.at_s:.1f} s" for one in self.strikes]
        parts += [f"at {one.at_s:.1f} s {one.what}" for one in self.acts]
        parts += [
            f"centre wants {one.kind} {one.job_id or ''} from {one.at_s:.1f} s on"
            for one in self.wishes
        ]
        parts += [f"at {one.at_s:.1f} s {one}" for one in self.errands]
        parts += [f"dies at point {death.point}{_with(death)}" for death in self.deaths]
        return "; ".join(parts)


def _with(death: Death) -> str:
    lost = [
        name
        for name, is_lost in (("station", death.station), ("printer", death.printer))
        if is_lost
    ]
    return f" with the power of {' and '.join(lost)}" if lost else ""


STANDARD = {
    "simplex": Plan(0, (Order("J1", 1),)),
    "duplex": Plan(0, (Order("J1", 1, sides=2),)),
    "jam": Plan(0, (Order("J1", 1),), faults=((FaultKind.JAM_PATH, 1),)),
    "ribbon-end": Plan(0, (Order("J1", 1),), faults=((FaultKind.RIBBON_ENDED, 1),)),
    "magicard-simplex": Plan(0, (Order("J1", 1),), family="magicard"),
    "magicard-duplex": Plan(0, (Order("J1", 1, sides=2),), family="magicard"),
    "magicard-jam": Plan(
        0, (Order("J1", 1),), faults=((FaultKind.JAM_PATH, 1),), family="magicard"
    ),
}

POWERS = ("process", "printer", "station", "both")


def death_at(point: int, power: str) -> Death:
    """A death at a point with the power of what `power` names."""
    return Death(
        point,
        station=power in ("station", "both"),
        printer=power in ("printer", "both"),
    )


HARMLESS = (What.OPEN_COVER, What.CHANGE_RIBBON, What.SWITCH_OFF, What.RESTART)


RARE = (
    What.CLOSE,
    What.SPOIL,
    What.FORK,
    What.FOREIGN_ACK,
    What.DISK_FAILS,
    What.DISK_WORKS,
    What.OTHER_CONTENT,
    What.BLACK_RIBBON,
    What.TAKE_RIBBON,
    What.LAY_CARD,
    What.OTHER_PRINTER,
    What.PLUG_IN,
)
"""What only a set day has."""
SHORT = [one for one in What if one not in RARE]


def random_plan(seed: int) -> Plan:
    """Draw a world."""
    dice = Random(f"world {seed}")
    orders = tuple(
        Order(
            f"J{number}",
            number * 10,
            sides=dice.choice((1, 1, 2)),
            blanks=dice.choice((1, 2, 2, 3)),
            at_s=dice.choice((0.0, 0.0, round(dice.uniform(0, 30), 3))),
            subject=dice.choice(("", "", "", "", "", "one-person")),
            bad_picture=dice.random() < 0.04,
            expires_s=dice.choice((None,) * 9 + (round(dice.uniform(5, 60), 3),)),
        )
        for number in range(1, dice.choice((1, 1, 2, 2, 3)) + 1)
    )
    if dice.random() < 0.1:
        last = orders[-1]
        late = replace(last, not_before_s=last.at_s + 20.0, expires_s=None)
        orders = (*orders[:-1], late)
    kinds = list(FaultKind)
    faults = tuple(
        (dice.choice(kinds), dice.randint(1, 3))
        for _ in range(dice.choice((0, 0, 1, 1, 2)))
    )
    strikes = tuple(
        Strike(round(dice.uniform(0.5, 35), 3), dice.choice(kinds))
        for _ in range(dice.choice((0, 0, 0, 1, 2)))
    )
    return Plan(
        seed=seed,
        orders=orders,
        hopper_count=dice.choice((1, 2, 5, 6)),
        ribbon_sets=dice.choice((1, 2, 20, 20)),
        faults=faults,
        strikes=strikes,
        acts=_acts(dice),
        deaths=_deaths(dice),
        power_up=dice.choice((PowerUp.KEEP, PowerUp.KEEP, *PowerUp)),
        loses_last_count=dice.random() < 0.15,
        lie_share=dice.choice((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5)),
        clock_sure=dice.random() < 0.9,
        wishes=_wishes(Random(f"wishes {seed}"), orders),
        **_family(Random(f"family {seed}")),
    )


def _family(dice: Random) -> dict[str, Any]:
    """In one world of four the printer is sent whole jobs, and counts a card when
    no source of its family says."""
    if dice.random() < 0.75:
        return {}
    counts_at = dice.choice((CountsAt.START, CountsAt.END))
    return {"family": "magicard", "counts_at": counts_at}


def _wishes(dice: Random, orders: tuple[Order, ...]) -> tuple[Wish, ...]:
    """In one world of three the centre pauses, holds or withdraws."""
    drawn: list[Wish] = []
    job = dice.choice(orders).job_id
    ways = (("pause", "resume", None), ("hold", "release", job))
    for begin, end, about in ways:
        if dice.random() < 0.15:
            at_s = round(dice.uniform(0, 25), 3)
            until_s = at_s + round(dice.uniform(0.5, 20), 3)
            drawn += [Wish(0, begin, about, at_s), Wish(0, end, about, until_s)]
    if dice.random() < 0.1:
        drawn.append(Wish(0, "cancel", job, round(dice.uniform(0, 40), 3)))
    drawn.sort(key=lambda wish: wish.at_s)
    return tuple(replace(wish, no=no) for no, wish in enumerate(drawn, 1))


def _acts(dice: Random) -> tuple[Act, ...]:
    acts = []
    for _ in range(dice.choice((0, 0, 0, 1, 1, 2, 3))):
        what = dice.choice(SHORT)
        at_s = round(dice.uniform(0.5, 35), 3)
        acts.append(Act(at_s, what))
        until_s = at_s + round(dice.uniform(1, 25), 3)
        if what is What.BROKER_DOWN:
            acts.append(Act(until_s, What.BROKER_UP))
        elif what is What.DISK_FULL:
            acts.append(Act(until_s, What.DISK_ROOM))
    return tuple(sorted(acts, key=lambda act: act.at_s))


def _deaths(dice: Random) -> tuple[Death, ...]:
    return tuple(
        Death(
            point=dice.randint(1, 160),
            station=dice.random() < 0.4,
            printer=dice.random() < 0.3,
            down_s=dice.choice((1.0, 5.0, 30.0, 200.0)),
        )
        for _ in range(dice.choice((0, 1, 1, 1, 2, 3)))
    )
