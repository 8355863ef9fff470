"""A deed at each moment of a card: hands, words, an end in good order.

A hand's falls into the millisecond in which the printer has answered one command and
the next has not come yet, so that the agent learns of it in the midst of its steps; a
word comes with a command or a commit, so that both want the ledger at once.
"""

from __future__ import annotations

from dataclasses import replace

from agent.contract.events import Found
from agent.people.requests import (
    Hold,
    Pause,
    PrinterConfirm,
    Release,
    Resolve,
    Resume,
    Written,
)
from simulators.faults import FaultKind
from tests.world.mischief import OTHER_SERIAL
from tests.world.plan import STANDARD, Act, Plan, Strike, What
from tests.world.staff import Errand
from tests.world.world import Result, play

BEFORE_S = 0.0005
UNDONE_AFTER_S = 30.0
PLUGGED_S = 140.0  # later than the agent asks a person for its card

HANDS = {
    "keeps": What.PULL_TO_HAND,
    "lays-to-output": What.PULL_TO_OUTPUT,
    "inserts": What.INSERT,
    "opens": What.OPEN_COVER,
    "switches": What.SWITCH_OFF,
    "exchanges": What.OTHER_PRINTER,
    "stops": What.RESTART,
}
WORDS: dict[str, tuple[Written, ...]] = {  # and what takes them back later
    "holds": (Hold(who="siti", job="J1", reason="?"), Release(who="siti", job="J1")),
    "pauses": (Pause(who="siti", reason="tea"), Resume(who="siti")),
    "answers": (Resolve(who="siti", job="J1", found=Found.PRINTER, reason="inside"),),
}
DEEDS = (*HANDS, *WORDS)
CARDS = {
    **{name: STANDARD[name] for name in ("simplex", "jam", "magicard-simplex")},
    # Its printer is heard again when a person has been asked where the card is.
    "cut-off": replace(
        STANDARD["simplex"],
        strikes=(Strike(5.0, FaultKind.LINK_CUT),),
        acts=(Act(PLUGGED_S, What.PLUG_IN),),
        away_s=PLUGGED_S + 60.0,
    ),
}
DONE_TO = {
    "simplex": DEEDS[:-1],
    "jam": ("keeps", "inserts"),
    "magicard-simplex": DEEDS[:-1],
    "cut-off": ("answers",),
}
"""Which deeds befall which card."""
_CONFIRMED = PrinterConfirm(
    who="siti", second="budi", serial=OTHER_SERIAL, reason="repair"
)


def times_of(card: str) -> dict[str, list[float]]:
    """The moments of each deed, by a card that nobody disturbs."""
    plan = CARDS[card]
    from_s = max((act.at_s for act in plan.acts), default=0.0)
    result: Result = play(plan)
    (trace,), (times,) = result.trace, result.times
    told = [one for one in zip(trace, times, strict=True) if one[1] >= from_s]
    words = sorted({at_s for _, at_s in told})
    hands = sorted({max(0.0, at - BEFORE_S) for what, at in told if what != "commit"})
    return {deed: words if deed in WORDS else hands for deed in DONE_TO[card]}


def disturbed(card: str, deed: str, at_s: float) -> Plan:
    """A card with a deed at this moment, undone some time later if it can be."""
    plan, until_s = CARDS[card], at_s + UNDONE_AFTER_S
    if deed in WORDS:
        moments = (at_s, until_s)
        said = tuple(map(Errand, moments, WORDS[deed]))
        return replace(plan, errands=said)
    undone = (Errand(until_s, _CONFIRMED),) if deed == "exchanges" else ()
    return replace(plan, acts=(Act(at_s, HANDS[deed]),), errands=undone)
