"""More days of an office: cards thrown out, doubt, disks that fail, other printers."""

from __future__ import annotations

from dataclasses import replace

from agent.contract.events import Found, Place, StockCause
from agent.contract.messages import Cause
from agent.contract.operation_events import Operation
from agent.lifecycle.duty import Limits, Rules
from agent.people.requests import (
    Inspect,
    Operate,
    Pause,
    PrinterConfirm,
    Resolve,
    StockLoad,
)
from simulators.build import PowerUp
from simulators.faults import FaultKind
from tests.world import tales
from tests.world.centre import Order
from tests.world.plan import Act, Plan, Strike, What
from tests.world.process import Death
from tests.world.staff import DONE, Errand
from tests.world.tales import CARD, moves, one_by_one, wish

TEST = Operate(who="budi", operation=Operation.SELF_TEST)
CLEAN = Operate(who="siti", operation=Operation.CLEAN, reason="stripes on cards")


def inspected(job: str, place: Place) -> Inspect:
    return Inspect(
        who="siti", job=job, cause=Cause.RUSAK, destination=place, reason="a streak"
    )


INSPECTED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=2.0)),
    errands=one_by_one(6.0, (inspected("J1", Place.WASTE), "not-completed"))
    + one_by_one(
        40.0,
        (inspected("J2", Place.WASTE), DONE),
        (inspected("J2", Place.REJECT_BIN), "not-completed"),
        (inspected("J1", Place.DESK), "movement-illegal"),
        (inspected("J1", Place.REJECT_BIN), DONE),
    ),
)


def said_of_j1(found: Found, *, good: bool | None = None) -> Resolve:
    return Resolve(who="siti", job="J1", found=found, good=good, reason="?")


IN_DOUBT = Plan(
    0,
    (CARD, Order("J2", 20, at_s=40.0)),
    power_up=PowerUp.FLUSH,
    deaths=(Death(90, station=True, printer=True),),
    acts=(Act(10.0, What.SWITCH_OFF),),
    away_s=60.0,
    errands=one_by_one(
        40.0,
        (said_of_j1(Found.OUTPUT), "answer-impossible"),
        (said_of_j1(Found.REJECT_BIN, good=True), "answer-impossible"),
        (said_of_j1(Found.HOPPER), "answer-impossible"),
        (said_of_j1(Found.REJECT_BIN), "count-needed"),
        (
            moves(StockCause.EXPLAIN, destination=Place.OUTPUT, reason="it lies there"),
            "in-doubt",
        ),
    ),
)

ESTIMATED = Plan(
    0,
    (CARD, Order("J2", 20), Order("J3", 30, at_s=2.0)),
    rules=Rules(Limits(cards_an_hour=30, rest_after=2, rest_s=60.0), run_cards=100),
    wishes=(wish(1, "query", "done", at_s=4.0), wish(2, "query", "done", at_s=40.0)),
)

SWAPPED_AMID_A_CARD = Plan(
    0,
    (CARD, Order("J2", 20, at_s=50.0)),
    acts=(Act(8.0, What.OTHER_PRINTER),),
    errands=one_by_one(
        80.0,
        (
            PrinterConfirm(
                who="siti", second="siti", serial="E100001", reason="repair"
            ),
            "same-person",
        ),
        (
            PrinterConfirm(
                who="siti", second="budi", serial="E100001", reason="repair"
            ),
            DONE,
        ),
    ),
)

DISK_FAILED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0)),
    acts=(
        Act(8.0, What.DISK_FAILS),
        Act(15.0, What.DISK_WORKS),
        Act(30.0, What.DISK_FAILS),
        Act(34.0, What.BROKER_DOWN),
        Act(38.0, What.BROKER_UP),
        Act(45.0, What.DISK_WORKS),
    ),
    errands=(Errand(31.0, Pause(who="siti", reason="tea"), DONE),),
    wishes=(wish(1, "resume", "done", at_s=50.0),),
)

FOREIGN_LEDGER = Plan(
    0,
    (CARD,),
    acts=(Act(20.0, What.FOREIGN_ACK),),
)

TEST_FAILED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0)),
    away_s=60.0,
    acts=(
        Act(29.0, What.INSERT),
        Act(35.0, What.PULL_TO_HAND),
        Act(50.0, What.CHANGE_RIBBON),
    ),
    strikes=(Strike(39.0, FaultKind.WRONG_RIBBON),),
    errands=tuple(Errand(at_s, TEST, DONE) for at_s in (30.0, 40.0, 55.0)),
)

WORN = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0)),
    strikes=(
        Strike(20.0, FaultKind.COUNTER_JUMP),
        Strike(30.0, FaultKind.COUNTER_JUMP),
    ),
    errands=(Errand(20.1, TEST, DONE), Errand(30.1, TEST, DONE)),
)

CLEANED_AND_COUNTED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=100.0)),
    acts=tales.made_ready(31.0, 74.0),
    strikes=(Strike(45.0, FaultKind.COUNTER_JUMP),),
    errands=(Errand(31.2, CLEAN, DONE),),
)

DRAWN_ANEW = Plan(0, (CARD,), deaths=(Death(72),), redrawn=True)

NO_BIN = Plan(0, (CARD,), family="evolis-no-bin", deaths=(Death(86),))

NOBODY_NAMED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=50.0)),
    roster_lives=0,
    acts=(Act(30.0, What.OTHER_PRINTER),),
    errands=one_by_one(
        20.0, (StockLoad(count=1), DONE), (moves(StockCause.UNLOAD, who=None), DONE)
    )
    + one_by_one(
        80.0,
        (
            PrinterConfirm(
                who="siti", second="siti", serial="E100001", reason="repair"
            ),
            "same-person",
        ),
        (PrinterConfirm(who="siti", serial="E100001", reason="repair"), DONE),
    ),
)

UNTIMELY = Plan(
    0,
    (
        CARD,
        Order("J2", 20, issued_s=660.0),
        Order("J3", 30, at_s=650.0),
    ),
)

UNSURE = Plan(
    0,
    (Order("J1", 10, expires_s=-100.0), Order("J2", 20)),
    clock_sure=False,
    signs_from_s=20.0,
    wishes=(
        wish(1, "pause", "expired", expires_s=-50.0),
        wish(2, "query", "done", at_s=30.0),
    ),
)

LOST_AND_UNSURE = replace(
    tales.lost("zeros", 20.0),
    clock_sure=False,
    signs_from_s=60.0,
    wishes=(wish(1, "pause", "stale", at_s=40.0),),
)

REPLACED_TOO_SOON = Plan(
    0, (CARD, Order("J2", 20, subject="S-J1", replaces="J1"), Order("J3", 30))
)

DISK_FULL = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0, more_size=200_000)),
    acts=(Act(30.0, What.DISK_FULL), Act(70.0, What.DISK_ROOM)),
)


STALLED = Plan(
    0,
    (CARD,),
    family="magicard",
    away_s=150.0,
    faults=((FaultKind.USB_NAK, 1),),
    acts=(Act(10.0, What.RESTART),),
)

STUCK_INSIDE = Plan(
    0, (CARD,), family="magicard", faults=((FaultKind.STUCK_HALF_PRINTED, 1),)
)

HIDDEN_INSIDE = Plan(
    0,
    (CARD,),
    family="magicard",
    power_up=PowerUp.HIDE,
    acts=(Act(5.0, What.SWITCH_OFF),),
)

MAGICARD_KEPT = Plan(
    0,
    (CARD,),
    family="magicard",
    errands=one_by_one(30.0, (TEST, DONE)) + one_by_one(40.0, (CLEAN, DONE)),
)

DAYS = {
    "inspected": INSPECTED,
    "in doubt": IN_DOUBT,
    "estimated": ESTIMATED,
    "swapped amid a card": SWAPPED_AMID_A_CARD,
    "disk failed": DISK_FAILED,
    "foreign ledger": FOREIGN_LEDGER,
    "test failed": TEST_FAILED,
    "worn": WORN,
    "cleaned and counted": CLEANED_AND_COUNTED,
    "drawn anew": DRAWN_ANEW,
    "no bin": NO_BIN,
    "nobody named": NOBODY_NAMED,
    "untimely": UNTIMELY,
    "unsure and unsigned": UNSURE,
    "lost and unsure": LOST_AND_UNSURE,
    "replaced too soon": REPLACED_TOO_SOON,
    "disk full": DISK_FULL,
    "stalled": STALLED,
    "stuck inside": STUCK_INSIDE,
    "hidden inside": HIDDEN_INSIDE,
    "magicard kept": MAGICARD_KEPT,
}
TALES = tales.TALES | DAYS
