"""Days of an office, set down: what people and centre want, and what each is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.contract.events import Found, Item, Place, StockCause
from agent.contract.messages import Cause
from agent.contract.operation_events import Operation
from agent.lifecycle.duty import Limits, Rules
from agent.people.requests import (
    Hold,
    Inspect,
    Operate,
    Pause,
    PrinterConfirm,
    Release,
    Resolve,
    Resume,
    StockConfirm,
    StockCount,
    StockLoad,
    StockMove,
)
from simulators.faults import FaultKind
from tests.world.centre import Order, Wish
from tests.world.plan import Act, Plan, Strike, What
from tests.world.staff import AS_IT_IS, DONE, THE_OLDEST, Errand

STEP_S = 0.5
A_DAY_S = 90_000.0
LATE_S = 300_000.0  # when a job of a later day expires

CARD = Order("J1", 10)


def one_by_one(from_s: float, *errands: tuple[object, str]) -> tuple[Errand, ...]:
    """Errands one after the other; each is a request and what it is told."""
    return tuple(
        Errand(from_s + STEP_S * at, request, told)  # type: ignore[arg-type]
        for at, (request, told) in enumerate(errands)
    )


def moves(cause: StockCause, count: int = 1, **more: object) -> StockMove:
    fields: dict[str, Any] = {"who": "siti", "cause": cause, "count": count}
    return StockMove(**(fields | more))


WRONG_PIN = tuple(
    Errand(
        40.0 + at,
        StockCount(who="agus", place=Place.HOPPER, count=3),
        "pin-wrong" if at < 5 else "pin-locked",
        pin="999999",
    )
    for at in range(6)
)

STOCK = Plan(
    0,
    (CARD, Order("J2", 20, at_s=A_DAY_S + 200.0, expires_s=LATE_S)),
    acts=(Act(50.0, What.STEAL_BLANK), Act(100.0, What.CLOSE)),
    errands=(
        Errand(3.0, StockCount(who="siti", place=Place.HOPPER, count=6), None),
        *one_by_one(
            20.0,
            (StockLoad(who="siti", count=0), "count-impossible"),
            (StockLoad(who="siti", count=4), DONE),
            (StockLoad(count=4), "identity-needed"),
            (StockLoad(who="nobody", count=4), "person-unknown"),
            (StockLoad(who="siti", second="siti", count=4), "same-person"),
            (StockConfirm(who="siti", movement=THE_OLDEST), "same-person"),
            (StockConfirm(who="budi", movement=THE_OLDEST), DONE),
            (StockConfirm(who="budi", movement=99_999), "nothing-to-confirm"),
            (moves(StockCause.UNLOAD, 2), DONE),
            (StockLoad(who="siti", count=1), DONE),
            (moves(StockCause.FEED), "movement-illegal"),
            (moves(StockCause.COUNT), "movement-unclear"),
            (moves(StockCause.UNLOAD, source=Place.OUTPUT), "movement-illegal"),
            (moves(StockCause.HAND_IN), "movement-illegal"),
            (moves(StockCause.RECEIVE, 3, second="budi"), DONE),
            (moves(StockCause.HAND_OVER), DONE),
            (moves(StockCause.HAND_OVER, 9), "count-impossible"),
            (moves(StockCause.RETURN), "record-needed"),
            (moves(StockCause.RETURN, record="BA-1"), "second-needed"),
            (moves(StockCause.RETURN, record="BA-1", second="budi"), DONE),
            (moves(StockCause.MISSING, source=Place.DIFFERENCE), "count-impossible"),
            (StockCount(who="siti", place=Place.PATH, count=0), "movement-illegal"),
            (StockCount(who="siti", place=Place.DESK, count=-5), "count-impossible"),
            (StockCount(who="siti", place=Place.DESK, count=AS_IT_IS), DONE),
            (moves(StockCause.HAND_IN, 2, item=Item.OLD_CARD), DONE),
            (
                moves(
                    StockCause.DESTROY,
                    2,
                    item=Item.OLD_CARD,
                    record="BA-2",
                    second="budi",
                ),
                DONE,
            ),
        ),
        *WRONG_PIN,
        *one_by_one(
            55.0,
            (StockCount(who="siti", place=Place.HOPPER, count=AS_IT_IS), DONE),
            (moves(StockCause.MISSING, source=Place.DIFFERENCE), "reason-needed"),
            (
                moves(
                    StockCause.MISSING,
                    source=Place.DIFFERENCE,
                    reason="looked for",
                    second="budi",
                ),
                DONE,
            ),
            (moves(StockCause.SURPLUS, reason="none"), "count-impossible"),
            # A miscount, which becomes a surplus, and is found out.
            (StockCount(who="siti", place=Place.DESK, count=4), DONE),
            (moves(StockCause.SURPLUS, reason="one more", second="budi"), DONE),
            (StockCount(who="siti", place=Place.DESK, count=AS_IT_IS), DONE),
            (moves(StockCause.RECEIVE, 2), DONE),
            (
                Resolve(who="siti", job="J9", found=Found.MISSING, reason="?"),
                "unknown-job",
            ),
            (
                Resolve(who="siti", job="J1", found=Found.MISSING, reason="?"),
                "not-in-doubt",
            ),
        ),
        *one_by_one(
            A_DAY_S + 150.0,
            (StockConfirm(who="budi", movement=THE_OLDEST), DONE),
            (moves(StockCause.UNLOAD), DONE),
        ),
    ),
)

ALONE = Plan(
    0,
    (CARD,),
    acts=(Act(12.0, What.PRINT_ALONE), Act(30.0, What.RESTART)),
    roster_lives=1,
    errands=one_by_one(
        28.0,
        (StockLoad(who="siti", count=4), DONE),
        (moves(StockCause.EXPLAIN, destination=Place.OUTPUT), "reason-needed"),
        (
            moves(StockCause.EXPLAIN, destination=Place.OUTPUT, reason="another host"),
            DONE,
        ),
    )
    + one_by_one(
        40.0,
        (StockConfirm(who="budi", movement=THE_OLDEST), "no-roster"),
        (StockLoad(who="siti", second="siti", count=4), "same-person"),
        (StockLoad(count=1), DONE),
        (moves(StockCause.UNLOAD, second="budi"), DONE),
    ),
)

HELD = Plan(
    0,
    (Order("J1", 10, at_s=3.0), Order("J2", 20, at_s=3.0)),
    errands=one_by_one(
        0.5,
        (Resume(who="siti"), "not-paused"),
        (Pause(who="siti", reason="tea"), DONE),
        (Pause(who="siti", reason="tea"), DONE),
        (Hold(who="siti", job="J1", reason="?"), "unknown-job"),
    )
    + one_by_one(
        10.0,
        (Hold(who="siti", job="J1", reason="her name is wrong"), DONE),
        (Hold(who="siti", job="J1", reason="her name is wrong"), DONE),
        (Release(who="siti", job="J2"), "not-held"),
        (Resume(who="budi"), DONE),
    )
    + one_by_one(
        40.0,
        (Release(who="siti", job="J1"), DONE),
        (Release(who="siti", job="J2"), "too-late"),
    ),
)


def wish(no: int, kind: str, told: str, job: str | None = None, **more: object) -> Wish:
    return Wish(no, kind, job, **({"told": told} | more))  # type: ignore[arg-type]


ORDERED = Plan(
    0,
    (
        Order("J1", 10, at_s=2.0),
        Order("J2", 20, at_s=2.0),
        Order("J3", 30, at_s=2.0),
        Order("J9", 90, at_s=30.0),
    ),
    errands=one_by_one(
        21.0,
        (Resume(who="siti"), "not-yours"),
        (Release(who="siti", job="J2"), "not-yours"),
        (Pause(who="siti", reason="tea"), DONE),
    ),
    wishes=(
        wish(10, "query", "unknown-job", "J1"),
        wish(20, "release", "unknown-job", "J7"),
        wish(30, "resume", "done"),
        wish(40, "pause", "done"),
        wish(41, "pause", "done"),
        wish(50, "cancel", "remembered", "J9"),
        wish(60, "release", "done", "J2", at_s=6.0),
        wish(70, "hold", "done", "J2", at_s=6.0),
        wish(80, "hold", "done", "J2", at_s=6.0),
        wish(85, "hold", "done", "J3", at_s=6.0),
        wish(90, "pause", "expired", at_s=10.0, expires_s=9.0),
        wish(91, "dance", "unknown-kind", at_s=10.0),
        wish(92, "resume", "nothing", at_s=10.0, forged=True),
        wish(5, "resume", "stale", at_s=10.0),
        wish(93, "resume", "duplicate-differs", at_s=10.0, command_id="C40"),
        wish(94, "cancel", "canceled", "J3", at_s=12.0),
        wish(95, "cancel", "canceled", "J3", at_s=12.0),
        wish(96, "query", "done", "J3", at_s=12.0),
        wish(97, "query", "done", at_s=12.0),
        wish(98, "retire", "jobs-open", at_s=14.0),
        wish(99, "resume", "done", at_s=16.0),
        wish(100, "cancel", "too-late", "J1", at_s=25.0),
        wish(101, "release", "done", "J2", at_s=40.0),
        wish(102, "release", "too-late", "J1", at_s=60.0),
        wish(110, "retire", "done", at_s=100.0),
    ),
)

UNSURE = Plan(
    0,
    (Order("J1", 10, at_s=4.0, expires_s=2.0), Order("J2", 20)),
    clock_sure=False,
    acts=(Act(30.0, What.RESTART),),
    wishes=(wish(1, "pause", "expired", expires_s=0.0), wish(2, "resume", "done")),
)

LOST = ("zeros", "gone", "another", "the mark of the end gone", "no ledger id")


def lost(how: str, at_s: float) -> Plan:
    """A ledger that is lost after one card, or in the midst of it."""
    return Plan(
        0,
        (CARD, Order("J2", 20, at_s=40.0)),
        acts=(Act(at_s, What.SPOIL),),
        loss=how,
        wishes=(wish(1, "pause", "stale", at_s=40.0),),
    )


FORKED = Plan(
    0,
    (CARD,),
    acts=(
        Act(5.0, What.OTHER_CONTENT),
        Act(20.0, What.FORK),
        Act(25.0, What.FORK),
    ),
)

CLEAN = Operate(who="siti", operation=Operation.CLEAN, reason="stripes on cards")
TEST = Operate(who="budi", operation=Operation.SELF_TEST)


def made_ready(at_s: float, until_s: float) -> tuple[Act, ...]:
    """As it must be for a cleaning, which is over when a ribbon is put in again."""
    return (
        Act(at_s, What.TAKE_RIBBON),
        Act(at_s + 0.1, What.LAY_CARD),
        Act(until_s, What.CHANGE_RIBBON),
    )


CLEANED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=32.0)),
    acts=made_ready(31.0, 74.0),
    errands=one_by_one(
        31.2, (CLEAN, DONE), (CLEAN, DONE), (TEST, "busy"), (CLEAN, DONE)
    ),
)

UNPREPARED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=90.0)),
    acts=(
        Act(61.0, What.TAKE_RIBBON),
        Act(64.0, What.CHANGE_RIBBON),
        Act(131.0, What.INSERT),
    ),
    # With the ribbon in, without a cleaning card, with a card in the path.
    errands=tuple(Errand(at_s, CLEAN, DONE) for at_s in (31.2, 61.2, 131.2)),
)

BROKEN_OFF = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0)),
    acts=(*made_ready(31.0, 48.0), Act(46.0, What.SWITCH_OFF)),
    errands=(Errand(31.2, CLEAN, DONE),),
)

ASKED_TOO_SOON = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0)),
    acts=(Act(5.5, What.RESTART),),
    errands=one_by_one(5.0, (CLEAN, DONE), (TEST, "busy")),
)

COMMANDED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=32.0)),
    acts=made_ready(31.0, 74.0),
    wishes=(
        Wish(1, "clean", at_s=31.5, told="done"),
        Wish(2, "clean", at_s=31.5, told="done"),
        Wish(3, "self-test", at_s=31.5, told="busy"),
        Wish(4, "self-test", at_s=120.0, told="done"),
    ),
)

TESTED = Plan(
    0,
    (CARD, Order("J2", 20, at_s=60.0), Order("J3", 30, at_s=150.0)),
    rules=Rules(test_after_s=50.0),
    strikes=(Strike(131.0, FaultKind.COVER_OPEN),),
    errands=one_by_one(131.1, (TEST, DONE), (Resume(who="siti"), "not-paused")),
)

SPARED = Plan(
    0,
    (
        CARD,
        Order("J2", 20),
        Order("J3", 30, expires_s=LATE_S),
        Order("J4", 40, expires_s=LATE_S),
    ),
    rules=Rules(Limits(cards_an_hour=3, rest_after=2, rest_s=90.0)),
    acts=(Act(300.0, What.CLOSE),),
)

HOT = Plan(
    0,
    (CARD, Order("J2", 20)),
    rules=Rules(Limits(rest_after=1, rest_s=30.0, cool_s=120.0)),
    strikes=(Strike(20.5, FaultKind.HEAD_HOT),),
)

RIBBONS = Plan(
    0,
    (
        Order("J1", 10, ribbon="K"),
        Order("J2", 20, ribbon="YMCKO"),
        Order("J3", 30, at_s=61.0),
        Order("J4", 40, at_s=61.0, ribbon="KO"),
    ),
    acts=(Act(60.0, What.BLACK_RIBBON), Act(120.0, What.CHANGE_RIBBON)),
    wishes=(Wish(1, "cancel", "J4", at_s=180.0, told="canceled"),),
)

ANOTHER_PRINTER = Plan(
    0,
    (CARD, Order("J2", 20, at_s=50.0)),
    acts=(Act(40.0, What.OTHER_PRINTER),),
    errands=one_by_one(
        30.0, (PrinterConfirm(who="siti", serial="E100001", reason="?"), "not-changed")
    )
    + one_by_one(
        80.0,
        (
            PrinterConfirm(who="siti", second="budi", serial="E7", reason="repair"),
            "other-printer",
        ),
        (PrinterConfirm(who="siti", serial="E100001", reason="repair"), DONE),
        (StockConfirm(who="budi", movement=THE_OLDEST), DONE),
    ),
)


def said(no: int, kind: str, told: str, **more: object) -> Wish:
    """What the centre says of cards and blanks, once the card of `CARD` is out."""
    job_id = more.pop("job_id", None)
    assert job_id is None or isinstance(job_id, str)
    return Wish(no, kind, job_id, 30.0, told=told, more=tuple(more.items()))


TOLD_FROM_AFAR = Plan(
    0,
    (CARD,),
    acts=(Act(28.0, What.STEAL_BLANK),),
    errands=(
        Errand(
            30.0,
            Inspect(who="siti", job="J9", cause=Cause.RUSAK, reason="?"),
            "unknown-job",
        ),
        Errand(90.0, StockConfirm(who="budi", movement=THE_OLDEST), DONE),
    ),
    wishes=(
        said(1, "load", "count-impossible", count=2**20),
        said(2, "count", "done", place="output", count=1),
        said(3, "count", "movement-illegal", place="path", count=0),
        said(4, "move", "movement-unclear", cause="count", count=1),
        said(5, "move", "done", cause="hand-in", count=2, item="old-card"),
        said(6, "move", "record-needed", cause="destroy", count=1, item="old-card"),
        said(7, "confirm", "nothing-to-confirm", movement=99_999),
        said(8, "resolve", "not-in-doubt", job_id="J1", found="missing", reason="?"),
        said(9, "inspect", "unknown-job", job_id="J9", cause="rusak", reason="?"),
        said(10, "count", "done", place="hopper", count=4),
        said(
            11,
            "move",
            "done",
            cause="missing",
            count=1,
            source="difference",
            reason="looked for",
        ),
    ),
)

TALES = {
    "cleaned": CLEANED,
    "unprepared": UNPREPARED,
    "broken off": BROKEN_OFF,
    "asked too soon": ASKED_TOO_SOON,
    "commanded": COMMANDED,
    "tested": TESTED,
    "spared": SPARED,
    "hot": HOT,
    "ribbons": RIBBONS,
    "another printer": ANOTHER_PRINTER,
    "told from afar": TOLD_FROM_AFAR,
    "stock": STOCK,
    "alone": ALONE,
    "held": HELD,
    "ordered": ORDERED,
    "unsure": UNSURE,
    "forked": FORKED,
    **{f"lost: {how}": lost(how, 20.0) for how in LOST},
    "lost amid a card": lost("zeros", 5.0),
    "newer": replace(lost("a file of a newer agent", 20.0), wishes=()),
    "not a journal": replace(lost("a file of another program", 20.0), wishes=()),
}
