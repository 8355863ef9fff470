"""Thieves with hands, and with a wire of their own to the printer.

Each script brings an honest day as far as it needs, does its deed, lets pass what
cannot show it yet, and then the moment that must.
"""

from __future__ import annotations

import asyncio

from agent.contract.events import Found
from agent.contract.events import Place as StockPlace
from agent.contract.messages import Cause
from agent.people.requests import Inspect, Resolve, StockConfirm
from agent.people.stockroom import LOOK_S
from agent.printer.worker import IDLE_S
from simulators.blanks import Place
from simulators.faults import FaultKind
from tests.agent.virtual_time import elapse
from tests.world.heist import READ_S, Heist, Moment
from tests.world.plan import What
from tests.world.staff import THE_OLDEST

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
SHIFT_S = 12 * HOUR_S
ELSEWHERE = (StockPlace.OUTPUT, StockPlace.REJECT_BIN)
"""Where a blank that has left the hopper does not lack."""


async def blank_from_hopper(heist: Heist) -> None:
    await heist.card("J1", 10)
    await heist.mischief.do(What.STEAL_BLANK)
    await heist.passes(HOUR_S)
    await heist.card("J2", 20)
    await heist.count(*ELSEWHERE)
    await heist.at(Moment.EMPTY, heist.card("J3", 30))
    await heist.count(StockPlace.HOPPER)


async def blank_from_hopper_counted(heist: Heist) -> None:
    await heist.card("J1", 10)
    await heist.mischief.do(What.STEAL_BLANK)
    await heist.card("J2", 20)
    await heist.count(*ELSEWHERE)
    await heist.at(Moment.COUNT, heist.count(StockPlace.HOPPER))


async def blank_from_path(heist: Heist) -> None:
    """The thief says afterwards that it lies in the hopper, then that it is gone."""
    heist.want("J1", 10)
    await heist.hear("Db")
    await heist.mischief.do(What.PULL_TO_HAND)
    await heist.at(Moment.AT_ONCE, heist.becomes("J1", "stopped"))
    hopper = Resolve(who="siti", job="J1", found=Found.HOPPER, reason="fell back")
    await heist.ask(hopper, told="answer-impossible")
    gone = Resolve(who="siti", job="J1", found=Found.MISSING, reason="not found")
    await heist.ask(gone)
    await heist.becomes("J1", "aborted")
    await heist.ask(StockConfirm(who="budi", movement=THE_OLDEST))
    assert heist.living.journal.stock()[StockPlace.MISSING] == 1  # type: ignore[union-attr]
    again = heist.want("J9", 90, subject="S-J1")  # a second card, under a new id
    assert again.subject == "S-J1"
    await heist.becomes("J9", "rejected")


async def card_from_output(heist: Heist) -> None:
    await heist.card("J1", 10)
    await heist.card("J2", 20)
    await heist.mischief.do(What.STEAL_CARD)
    await heist.passes(HOUR_S)
    await heist.card("J3", 30)
    await heist.count(StockPlace.HOPPER, StockPlace.REJECT_BIN)
    await heist.at(Moment.COUNT, heist.count(StockPlace.OUTPUT))


async def _in_doubt(heist: Heist) -> None:
    """A card is printed and about to come out; a thief cuts the printer's power."""
    await heist.hear("Se", 0.0)
    await heist.mischief.do(What.SWITCH_OFF)
    await heist.becomes("J1", "stopped")
    heist.all_known()


async def _claims_spoiled(heist: Heist, bin_count: int, reason: str) -> None:
    """Takes the good card, says it jammed and lies in the bin: a second is printed."""
    heist.take(Place.PATH)
    heist.deeds.lies["J1", 1] = "whole, and called spoiled"
    claim = Resolve(
        who="siti",
        job="J1",
        found=Found.REJECT_BIN,
        reason=reason,
        bin_count=bin_count,
    )
    await heist.ask(replace_count(claim, None), told="count-needed")
    await heist.ask(claim)


def replace_count(claim: Resolve, count: int | None) -> Resolve:
    fields = ("who", "job", "found", "reason")
    return Resolve(**{name: getattr(claim, name) for name in fields}, bin_count=count)


async def card_claimed_jammed(heist: Heist) -> None:
    heist.want("J1", 10)
    await _in_doubt(heist)
    await _claims_spoiled(heist, 1, "jammed")
    await heist.ask(StockConfirm(who="budi", movement=THE_OLDEST))
    await heist.becomes("J1", "completed")
    await heist.sleeps(DAY_S)
    await heist.card("J2", 20, expires_s=2 * DAY_S)
    await heist.count(StockPlace.HOPPER, StockPlace.OUTPUT)
    await heist.at(Moment.COUNT, heist.count(StockPlace.REJECT_BIN))


async def card_claimed_jammed_and_counted(heist: Heist) -> None:
    """Who asks for the count is told the truth: nothing lies in the bin."""
    heist.want("J1", 10)
    await _in_doubt(heist)
    await heist.at(Moment.COUNT, _claims_spoiled(heist, 0, "jammed"))
    await heist.becomes("J1", "completed")


async def card_claimed_jammed_alone(heist: Heist) -> None:
    """Nobody else stands for the claim."""
    heist.want("J1", 10)
    await _in_doubt(heist)
    await _claims_spoiled(heist, 1, "jammed")
    await heist.becomes("J1", "completed")
    await heist.sleeps(SHIFT_S - HOUR_S)
    await heist.passes(HOUR_S - 2 * LOOK_S)
    await heist.at(Moment.SHIFT, elapse(3 * LOOK_S))
    await heist.count(StockPlace.REJECT_BIN)


async def card_claimed_bad(heist: Heist) -> None:
    """A good card is called bad by eye, and another ordered in its place."""
    await heist.card("J1", 10)
    await heist.mischief.do(What.STEAL_CARD)
    claim = Inspect(who="siti", job="J1", cause=Cause.RUSAK, reason="stripes")
    await heist.ask(claim)
    await heist.card("J2", 20, subject="S-J1", replaces="J1")
    await heist.count(StockPlace.HOPPER, StockPlace.OUTPUT)
    await heist.passes(HOUR_S)
    await heist.at(Moment.COUNT, heist.count(StockPlace.REJECT_BIN))


async def spoiled_card_not_in_bin(heist: Heist) -> None:
    heist.machine.mechanism.faults.schedule(FaultKind.JAM_PATH, 1)
    heist.attended = True  # till the jam is removed, truthfully
    await heist.card("J1", 10)
    heist.attended = False
    heist.all_known()
    heist.take(Place.REJECT_BIN)
    await heist.passes(HOUR_S)
    await heist.card("J2", 20)
    await heist.count(StockPlace.HOPPER, StockPlace.OUTPUT)
    await heist.at(Moment.COUNT, heist.count(StockPlace.REJECT_BIN))


async def many_claims(heist: Heist) -> None:
    """One operator calls card after card bad, and has each printed again."""
    for number in range(1, 4):
        await heist.card(f"J{number}", number)
        await heist.ask(_bad(number))
    await heist.card("J4", 4)
    heist.put(Place.OUTPUT, Place.REJECT_BIN)
    await heist.passes(HOUR_S)
    await heist.at(Moment.LINES, _and_told(heist, _bad(4)))


def _bad(number: int) -> Inspect:
    return Inspect(who="siti", job=f"J{number}", cause=Cause.RUSAK, reason="stripes")


async def _and_told(heist: Heist, claim: Inspect) -> None:
    await heist.ask(claim)
    await elapse(2.0)


async def all_blanks_claimed(heist: Heist) -> None:
    """Every card of one job is called jammed: it gets no third blank by itself."""
    heist.want("J1", 10)
    await _in_doubt(heist)
    await _claims_spoiled(heist, 1, "jammed")
    await _in_doubt(heist)
    heist.deeds.lies["J1", 2] = "whole, and called spoiled"
    heist.take(Place.PATH)
    again = Resolve(
        who="siti", job="J1", found=Found.REJECT_BIN, reason="jammed", bin_count=2
    )
    await heist.ask(again)
    await heist.becomes("J1", "held")
    fed = heist.machine.mechanism.cards_fed
    await heist.passes(HOUR_S)
    assert heist.machine.mechanism.cards_fed == fed
    await heist.at(Moment.COUNT, heist.count(StockPlace.REJECT_BIN))


async def strange_card(heist: Heist) -> None:
    await heist.card("J1", 10)
    await heist.passes(HOUR_S)
    await heist.mischief.do(What.INSERT)
    await heist.at(Moment.STATUS, elapse(IDLE_S + READ_S))
    heist.take(Place.PATH)


async def _behind_the_agent(heist: Heist) -> asyncio.Future[None]:
    """A card is fed for somebody else; return what ends when it is out."""
    fed = heist.machine.mechanism.cards_fed
    deed = asyncio.ensure_future(heist.mischief.do(What.PRINT_ALONE))
    await heist.until(lambda: heist.machine.mechanism.cards_fed > fed)
    heist.nothing_named()
    return deed


async def print_behind_the_agent(heist: Heist) -> None:
    await heist.card("J1", 10)
    await heist.passes(HOUR_S)
    deed = await _behind_the_agent(heist)
    await heist.at(Moment.COUNTER_READ, heist.hear("Rco"))
    await deed
    await heist.card("J2", 20)


async def print_without_counters(heist: Heist) -> None:
    await heist.card("J1", 10)
    await (await _behind_the_agent(heist))
    await heist.passes(HOUR_S)
    await heist.card("J2", 20)
    await heist.count(StockPlace.REJECT_BIN)
    await heist.at(Moment.COUNT, heist.count(StockPlace.HOPPER))


async def counter_reset(heist: Heist) -> None:
    await heist.card("J1", 10)
    heist.machine.strike(FaultKind.COUNTER_RESET)
    await heist.passes(60.0)
    heist.want("J2", 20)
    await heist.at(Moment.COUNTER_READ, heist.hear("Rco"))
    await heist.becomes("J2", "completed")


async def another_printer(heist: Heist) -> None:
    """The printer is swapped for one whose counters nobody has read."""
    await heist.card("J1", 10)
    await heist.passes(HOUR_S)
    await heist.mischief.do(What.OTHER_PRINTER)
    await heist.at(Moment.COUNTER_READ, heist.hear("Rco"))
    fed = heist.machine.mechanism.cards_fed
    heist.want("J2", 20)
    await heist.passes(HOUR_S)
    assert heist.machine.mechanism.cards_fed == fed
