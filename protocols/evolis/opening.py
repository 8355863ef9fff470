"""The first words to a printer of which nothing is known, least of all what it is at.

A host may have died in the middle of a command, of a panel, of a card. So the printer
is only looked at until it rests, and the first question is one that does no harm
wherever it may fall (EVO-60): it begins with ESC, and its answer proves the step.
"""

from __future__ import annotations

import asyncio

from protocols.errors import PrinterError, RemoteProtocolError
from protocols.evolis.codec import Trailer
from protocols.evolis.commands import Op
from protocols.evolis.guard import POLL_INTERVAL_S, Guard
from protocols.evolis.job import second_part
from protocols.evolis.link import Exchange, UnansweredError
from protocols.evolis.models import Fitted, Model, name_of
from protocols.evolis.status import (
    BUSY_BITS,
    CLAIM,
    FLIP_UNIT,
    REJECT_SLOT,
    any_up,
    faults_up,
    names_up,
)
from protocols.vocabulary import CardFate

END_WAIT_S = 30.0  # guessed: EVO-71, its card is made by then
OUT_OF_STEP = (
    "the printer is out of step: it takes our question for the rest of what another "
    "host began; if it stays so, switch it off and on"
)


async def until_at_rest(guard: Guard, limit_s: float, settle_gap_s: float) -> None:
    """Look, and say nothing, while the printer is at work; a fault ends all work.

    A claim of our own session that stands alone for `settle_gap_s` is no work: it waits
    for the end of a job whose host has died (EVO-71).

    Raises:
        DeviceError: another host holds it, or it is at work for longer than `limit_s`.
    """
    trailer: Trailer | None = None
    waiting_s = 0.0
    try:
        async with asyncio.timeout(limit_s):
            while waiting_s < settle_gap_s:
                trailer = await guard.poll_unless_foreign()
                if not any_up(trailer, BUSY_BITS) or faults_up(trailer):
                    return
                await asyncio.sleep(POLL_INTERVAL_S)
                alone = names_up(trailer, BUSY_BITS) == names_up(trailer, CLAIM)
                ours = alone and trailer.session == guard.session_id
                waiting_s = waiting_s + POLL_INTERVAL_S if ours else 0.0
    except TimeoutError as error:
        work = ", ".join(names_up(trailer, BUSY_BITS)) if trailer else "no answer"
        raise guard.error(f"still at work after {limit_s:g} s: {work}") from error


async def end_stale_job(guard: Guard, named: Exchange) -> None:
    """Where a claim of ours is still up, send once what our dead self owed to its job.

    Raises:
        PrinterError: it does not end. The card of that job may be anywhere.
    """
    ours = named.trailer.session == guard.session_id
    if not (ours and any_up(named.trailer, CLAIM)) or faults_up(named.trailer):
        return
    try:
        async with asyncio.timeout(END_WAIT_S):
            await guard.link.stream(Op.JOB_END, [second_part()])
            await guard.until_claim(up=False, limit_s=END_WAIT_S)
    except TimeoutError as error:
        what = f"does not end the job of a dead host within {END_WAIT_S:g} s"
        never = guard.error(what)
        never.card = CardFate.UNKNOWN
        raise never from error
    except PrinterError as error:
        error.card = CardFate.UNKNOWN
        raise


async def ask_its_name(guard: Guard) -> Exchange:
    """Ask the first question, whose answer shows that the printer is in step.

    Raises:
        RemoteProtocolError: it is not.
    """
    try:
        named = await guard.link.exchange(Op.MODEL)
    except (RemoteProtocolError, UnansweredError) as error:
        raise _out_of_step(guard, str(error)) from error
    if named.refusal is not None or named.text == "OK":
        # The answer to what our question has completed, or cut short.
        what = f"{guard.link.name}: answered {named.command} with {named.text[:40]!r}"
        raise _out_of_step(guard, what)
    return named


def check_configured(guard: Guard, model: Model, named: Exchange) -> None:
    """The right model, and nothing promised that is not fitted (EVO-58).

    Raises:
        DeviceError: says what is configured, what is there, what to configure.
    """
    able = model.capabilities
    if named.text.casefold() != model.reply.casefold():
        raise guard.error(
            f"calls itself {named.text[:40]!r}, configured is "
            f"{able.model!r} ({model.reply})"
        )
    fitted = Fitted(
        two_sided=any_up(named.trailer, FLIP_UNIT),
        reject_bin=any_up(named.trailer, REJECT_SLOT),
    )
    promised = Fitted(able.two_sided, able.reject_bin)
    if promised.beyond(fitted):
        raise guard.error(
            f"configured is {able.model!r}, {promised}; this printer is {fitted}: "
            f"configure {name_of(model, fitted)!r}"
        )


def _out_of_step(guard: Guard, what: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"{what}: {OUT_OF_STEP}", card=guard.session.card)
