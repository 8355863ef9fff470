"""The whole picture of one agent: `state` tells it the centre, `status` a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent import __version__
from agent.contract.messages import (
    CONTRACT_MINOR,
    Clock,
    Duty,
    PrinterIdentity,
    Ribbon,
    State,
)
from agent.journal.journal import Journal
from agent.printer.watch import PrinterPicture
from agent.uplink.door import Tally
from protocols.vocabulary import Reason, Severity, StateReason

SECOND_AGENT = str(Reason(StateReason.SECOND_AGENT, Severity.ERROR))


@dataclass(slots=True)
class Standing:
    """What the daemon knows beside journal and printer."""

    family: str  # of the printer
    unsigned_jobs: bool
    tally: Tally  # of what the door turned away
    second_agent: bool = False


def state_of(
    journal: Journal,
    picture: PrinterPicture,
    standing: Standing,
    connection: int,
    duty: Duty | None = None,
) -> State:
    """Put the message together: all of it as of one commit; asks nobody."""
    with journal.at_one_moment():
        now = journal.now()
        reasons = set(picture.reasons) | journal.faults()
        if standing.second_agent:
            reasons.add(SECOND_AGENT)
        if duty is not None and duty.rests_for is not None:
            reasons.add(duty.rests_for)
        if trouble := journal.trouble:
            reasons.add(str(Reason(trouble, Severity.ERROR)))
        refuses = journal.forked or standing.second_agent or journal.orders.retired
        refuses = refuses or trouble is not None
        return State(
            contract=CONTRACT_MINOR,
            version=__version__,
            boot=journal.boot,
            connection=connection,
            at=now.at.replace(microsecond=now.at.microsecond // 1000 * 1000),
            clock=Clock.SURE if now.sure else Clock.UNSURE,
            printer_state=picture.state,
            state_reasons=_sorted(reasons),
            accepting=not refuses,
            queued=journal.queued_count(),
            current=journal.current(),
            stock={str(place): count for place, count in journal.stock().items()},
            ribbon=_ribbon(picture),
            printer=_identity(picture, standing.family),
            head=journal.head(),
            unsigned_jobs=standing.unsigned_jobs,
            paused_by=[str(owner) for owner in journal.orders.paused_by()],
            refused=dict(sorted(standing.tally.refused.items())),
            redelivered=standing.tally.redelivered,
            duty=duty,
        )


def _sorted(reasons: Iterable[object]) -> list[str]:
    """Errors first, then warnings, then what is merely reported."""
    order = {"error": 0, "warning": 1}
    texts = {str(reason) for reason in reasons}
    return sorted(texts, key=lambda text: (order.get(text.rpartition("-")[2], 2), text))


def _ribbon(picture: PrinterPicture) -> Ribbon | None:
    supplies = picture.supplies
    if supplies is None:
        return None
    return Ribbon(
        kind=supplies.ribbon_kind,
        serial=supplies.ribbon_serial,
        left=supplies.ribbon_left,
        capacity=supplies.ribbon_capacity,
    )


def _identity(picture: PrinterPicture, family: str) -> PrinterIdentity | None:
    identity = picture.identity
    if identity is None:
        return None
    return PrinterIdentity(
        family=family,
        model=identity.model,
        serial=identity.serial,
        firmware=identity.firmware,
    )
