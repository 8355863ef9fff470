"""Clocks that are wrong, and are set: order, expiry and rests hold all the same.

No clock of its own keeps time while the station is off (it begins in 1970), a time
server comes late, somebody sets the clock by a day, and summer time ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from agent.contract.events import Place
from agent.contract.topics import Topic
from agent.journal import chain
from agent.journal.verify import Verdict
from agent.lifecycle.duty import Limits, Rules
from agent.people.requests import Pause, Resume, StockCount
from simulators.centre.contract import Contract
from tests.agent.virtual_time import elapse
from tests.world import forger
from tests.world.files import NAME
from tests.world.heist import Heist, Script, perform
from tests.world.plan import Plan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_S, DAY_S = 3600.0, 86_400.0
DAY = timedelta(days=1)
LOOK_S = 70.0  # within it a jump of the clock is noticed, an expired job given up
NAP_S = 300.0
CONTRACT = Contract()


def lived(script: Script, plan: Plan | None = None) -> Heist:
    """Play a script; whatever the clock did, the ledger is whole and as agreed."""

    async def whole(heist: Heist) -> None:
        heist.attended = True
        await script(heist)
        await elapse(5.0)
        folder = heist.folder / "copy"
        heist.copied().write(folder)
        assert forger.audited(folder / NAME).verdict is Verdict.GOOD
        chain.verify(heist.notary.rows(0))
        for event in heist.lines():
            CONTRACT.check("event", event, "the agent")
        if Topic.STATE in {name.rpartition("/")[2] for name in heist.broker.kept}:
            CONTRACT.check("state", heist.state, "the agent")
        assert heist.story.complaints == [], heist.ending

    return perform(plan or Plan(0, (), clock_sure=False), whole)


def in_1970(heist: Heist) -> None:
    """The station was without power, and nothing kept its time."""
    heist.clock.sure = False
    heist.clock.off += EPOCH - heist.clock.wall()


def right(heist: Heist) -> None:
    """A time server has answered."""
    heist.clock.sure = True
    heist.clock.off = timedelta()


async def off_and_on(heist: Heist, *, online: bool) -> None:
    """The station loses its power and comes back in 1970."""
    heist.broker.fail(up=online)
    heist.tamper = lambda _: in_1970(heist)
    await heist.restart()
    heist.tamper = lambda _: None


async def sleeps(heist: Heist, seconds: float) -> None:
    """Let time pass in which the agent looks but every five minutes."""
    for _ in range(round(seconds / NAP_S)):
        heist.leap(NAP_S - 1.0)
        await elapse(1.0)


def times(heist: Heist) -> list[datetime]:
    lines = heist.lines()
    return [datetime.fromisoformat(one["at"]) for one in lines]


def jumps(heist: Heist) -> list[str]:
    return [
        str(one["detail"])
        for one in heist.events("incident-raised")
        if one["incident"] == "clock-jump"
    ]


def fed_s(heist: Heist) -> list[float]:
    """When each card was fed, by the true time."""
    return [at_s for at_s, word in heist.notary.heard if word == "Si"]


def done(heist: Heist, job_id: str) -> bool:
    return heist.notary.books.jobs.get(job_id) == "completed"


def reason_of(heist: Heist, kind: str) -> list[Any]:
    return [one["reason"] for one in heist.events(kind)]


# No clock of its own


def test_a_first_start_in_1970_takes_the_centres_word_for_the_time():
    async def script(heist: Heist) -> None:
        in_1970(heist)
        await heist.connected()
        assert heist.state["clock"] == "sure"
        await heist.card("J1", 10, expires_s=HOUR_S)
        error = datetime.fromisoformat(heist.state["at"]) - heist.now()
        assert abs(error) < timedelta(minutes=10)

    lived(script)


def test_without_a_sure_time_nothing_expires_and_no_date_comes():
    async def script(heist: Heist) -> None:
        heist.machine.power(on=False)
        heist.attended = False
        heist.want("J1", 10, expires_s=HOUR_S)
        heist.want("J2", 20, not_before_s=HOUR_S / 2, expires_s=DAY_S)
        heist.want("J3", 30, not_before_s=HOUR_S / 2, expires_s=HOUR_S)
        await heist.becomes("J3", "accepted")
        await heist.all_held()
        await off_and_on(heist, online=False)
        await heist.sleeps(3 * HOUR_S)
        heist.machine.power(on=True)
        await heist.becomes("J1", "completed")  # expired, if anybody could tell
        await sleeps(heist, HOUR_S)
        assert heist.notary.books.jobs["J2"] == heist.notary.books.jobs["J3"]
        assert heist.cards == {"output": 1}
        right(heist)
        await heist.becomes("J2", "completed")
        await heist.becomes("J3", "aborted")
        await elapse(LOOK_S)
        assert reason_of(heist, "job-aborted") == ["expired"]
        assert len(jumps(heist)) == 1
        heist.broker.fail(up=True)
        await heist.connected()

    lived(script)


def test_after_a_power_cut_time_goes_on_from_what_the_centre_signed():
    async def script(heist: Heist) -> None:
        await heist.card("J1", 10)
        await elapse(600.0)
        await heist.all_held()
        held = times(heist)[-1]
        await off_and_on(heist, online=False)
        assert times(heist)[-1] >= held - timedelta(minutes=10)
        heist.broker.fail(up=True)
        await heist.connected()
        await heist.card("J2", 20)

    heist = lived(script)
    assert all(at.year == 2026 for at in times(heist))


# A clock that is set


PAUSE = Pause(who="siti", reason="tea")
RESUME = Resume(who="siti")


@pytest.mark.parametrize("sure", [True, False], ids=["by kernel", "by the centre"])
def test_a_clock_set_back_a_day_gives_no_job_its_time_again(sure):
    async def script(heist: Heist) -> None:
        heist.clock.sure = sure
        await heist.connected()
        await heist.ask(PAUSE)
        heist.want("J1", 10, expires_s=HOUR_S)
        heist.want("J2", 20, expires_s=4 * HOUR_S)
        await heist.becomes("J2", "accepted")
        await heist.all_held()
        heist.clock.off = -DAY
        await sleeps(heist, HOUR_S / 2)
        assert heist.notary.books.jobs["J1"] == "accepted"
        await sleeps(heist, HOUR_S / 2)
        assert heist.notary.books.jobs["J1"] == "aborted"
        await heist.ask(RESUME)
        await heist.becomes("J2", "completed")
        heist.broker.to_agent(Topic.JOB, heist.plan.orders[0].message)
        await elapse(LOOK_S)
        assert heist.cards == {"output": 1}

    heist = lived(script)
    assert jumps(heist) == ["the system clock was set 86400 s back"]
    assert reason_of(heist, "job-aborted") == ["expired"]
    assert all(before <= after for before, after in pairwise(times(heist)))


def test_a_clock_set_forward_a_day_spares_the_card_that_is_under_way():
    async def script(heist: Heist) -> None:
        heist.clock.sure = True
        await heist.connected()
        heist.want("J1", 10, expires_s=HOUR_S)
        heist.want("J2", 20, expires_s=HOUR_S)
        heist.want("J3", 30, expires_s=30 * DAY_S)
        await heist.hear("Db", 0.0)
        heist.clock.off = DAY
        await heist.becomes("J1", "completed")
        await heist.becomes("J2", "aborted")
        await heist.becomes("J3", "completed")
        await elapse(LOOK_S)
        heist.clock.off = timedelta()
        await elapse(LOOK_S)
        await heist.card("J4", 40, expires_s=HOUR_S)

    heist = lived(script)
    assert [one.split()[-1] for one in jumps(heist)] == ["forward", "back"]
    assert reason_of(heist, "job-aborted") == ["expired"]
    assert heist.cards == {"output": 3}


def test_a_clock_that_nobody_vouches_for_makes_no_job_expire():
    """Set forward a day where no time server is: no card starts till it is right."""

    async def script(heist: Heist) -> None:
        await heist.connected()
        await heist.ask(PAUSE)
        heist.want("J1", 10, expires_s=HOUR_S)
        await heist.becomes("J1", "accepted")
        await heist.all_held()
        heist.clock.off = DAY
        await elapse(LOOK_S)
        assert heist.state["paused_by"] == ["operator", "system"]
        await heist.ask(RESUME)
        await sleeps(heist, HOUR_S / 4)
        assert heist.notary.books.jobs["J1"] == "accepted"
        heist.clock.off = timedelta()
        await heist.becomes("J1", "completed")

    heist = lived(script)
    assert [one.split()[-1] for one in jumps(heist)] == ["forward", "back"]


def test_jobs_are_printed_in_their_order_whatever_the_clock_said_when_they_came():
    async def script(heist: Heist) -> None:
        heist.clock.sure = True
        await heist.connected()
        await heist.ask(PAUSE)
        for number, off in ((3, DAY), (1, -DAY), (2, timedelta())):
            heist.clock.off = off
            heist.want(f"J{number}", number * 10, expires_s=30 * DAY_S)
            await heist.becomes(f"J{number}", "accepted")
            await elapse(LOOK_S)
        await heist.ask(RESUME)
        await heist.becomes("J3", "completed")

    heist = lived(script)
    lines = heist.lines()
    printed = [one["job"] for one in lines if one["data"]["kind"] == "job-completed"]
    assert printed == ["J1", "J2", "J3"]
    assert [one["no"] for one in lines] == list(range(1, len(lines) + 1))


# How hard a printer is worked

THREE_AN_HOUR = Plan(
    0, (), rules=Rules(Limits(cards_an_hour=3)), clock_sure=False, hopper_count=9
)


async def three_cards(heist: Heist) -> None:
    for number in (1, 2, 3):
        await heist.card(f"J{number}", number, expires_s=30 * DAY_S)
    heist.want("J4", 4, expires_s=30 * DAY_S)
    await heist.becomes("J4", "accepted")
    await heist.all_held()


@pytest.mark.parametrize("off", [DAY, -DAY, 9 * DAY, -9999 * DAY], ids=str)
@pytest.mark.parametrize("sure", [True, False])
def test_a_rest_is_neither_cut_short_nor_drawn_out_by_a_clock_that_is_set(off, sure):
    async def script(heist: Heist) -> None:
        heist.clock.sure = sure
        await heist.connected()
        await three_cards(heist)
        heist.clock.off = off
        await elapse(LOOK_S)
        await heist.all_held()
        await sleeps(heist, HOUR_S / 2)
        heist.clock.off = timedelta()
        await elapse(LOOK_S)
        await sleeps(heist, HOUR_S / 3)
        await heist.until(lambda: done(heist, "J4"), HOUR_S)

    first, _, _, fourth = fed_s(lived(script, THREE_AN_HOUR))
    assert HOUR_S <= fourth - first <= HOUR_S + 60.0


@pytest.mark.parametrize("online", [True, False])
def test_a_rest_goes_on_after_a_power_cut_that_took_the_time_with_it(online):
    async def script(heist: Heist) -> None:
        await heist.connected()
        await three_cards(heist)
        await sleeps(heist, 600.0)
        await off_and_on(heist, online=online)
        await sleeps(heist, HOUR_S - 600.0)
        await heist.until(
            lambda: heist.notary.books.jobs["J4"] == "completed", 3 * HOUR_S
        )
        heist.broker.fail(up=True)
        await heist.connected()

    first, _, _, fourth = fed_s(lived(script, THREE_AN_HOUR))
    # What the boot before had lasted is not known to one that began in 1970.
    assert HOUR_S <= fourth - first <= HOUR_S + 700.0


# Summer time


@contextmanager
def in_berlin() -> Iterator[None]:
    """Let this computer stand where a day may have 23 hours, or 25."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        time.tzset()
        try:
            yield
        finally:
            patch.undo()
            time.tzset()


@pytest.mark.parametrize(
    "noon_before",
    [datetime(2027, 3, 27, 11, tzinfo=UTC), datetime(2027, 10, 30, 10, tzinfo=UTC)],
    ids=["23 hours", "25 hours"],
)
def test_each_local_day_is_signed_for_once_when_summer_time_begins_or_ends(noon_before):
    async def script(heist: Heist) -> None:
        heist.clock.sure = True
        heist.clock.off = noon_before - heist.clock.wall()
        heist.broker.fail(up=False)
        for _ in range(3 * 24):
            await sleeps(heist, HOUR_S)
            await heist.ask(StockCount(who="agus", place=Place.OUTPUT, count=0))

    with in_berlin():
        heist = lived(script)
        lines = heist.lines()
        signed = [
            datetime.fromisoformat(one["at"]).astimezone()
            for one in lines
            if one["data"]["kind"] == "checkpoint"
        ]
        days = [at.date() for at in signed]
        assert days == [noon_before.date() + n * DAY for n in (1, 2, 3)]
        assert all(at.hour == 0 and at.minute <= 10 for at in signed)
    assert jumps(heist) == []
