"""Days of an office, set down: what people and centre want, and what each is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.contract.events import Found, Item, Place, StockCause
from agent.requests import (
    Hold,
    Pause,
    Release,
    Resolve,
    Resume,
    StockConfirm,
    StockCount,
    StockLoad,
    StockMove,
)
from tests.world.centre import Order, Wish
from tests.world.plan import Act, Plan, What
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

TALES = {
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
