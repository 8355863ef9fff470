"""An attempt found open: what may be decided without a person.

Only the first row of the recovery table is decided here; all else is doubt.
"""

from __future__ import annotations

from agent.contract.events import Evidence, Stage
from agent.contract.messages import Outcome
from agent.lifecycle.facts import errors_of
from protocols.contract import Capabilities, CountsAt, Observation
from protocols.vocabulary import CardPosition


def settled(
    first: Observation, second: Observation, gap_s: float, can: Capabilities
) -> bool:
    """True when two looks, `gap_s` apart, show a printer at rest, without a fault."""
    status = second.status
    quiet = not (status.busy or status.session_foreign or errors_of(status.reasons))
    return quiet and first == second and gap_s >= can.settle_gap_s


def recover(
    stage: Stage, before: Evidence, now: Observation | None, can: Capabilities
) -> Outcome:
    """Return UNTOUCHED when that is proven, else UNKNOWN.

    `before` is the evidence written with the stage `feeding`; `now` is an observation
    of a settled printer, or None when it could not be settled in time.
    """
    if now is None or stage is not Stage.FEEDING:
        return Outcome.UNKNOWN
    same_printer = before.printer_serial == now.identity.serial
    same_head = before.head_serial == now.identity.head_serial
    same_power = before.canary is not None and before.canary == now.canary
    still = before.cards_fed is not None and before.cards_fed == now.cards_fed
    moved_no = (
        can.feed_counter is CountsAt.FEED
        and same_printer
        and same_head
        and same_power
        and still
    )
    gone = now.status.card in (CardPosition.NONE, CardPosition.UNSENSED)
    return Outcome.UNTOUCHED if moved_no and gone else Outcome.UNKNOWN
