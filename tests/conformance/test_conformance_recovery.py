"""The agent dies in the midst of a card, or its job is taken back: on every rig."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from agent.contract.commands import Result
from agent.contract.events import Place, Stage
from agent.lifecycle.states import JobState
from tests.conformance.cases import ABSENT, on_every_rig
from tests.conformance.station import BLANKS, ENDED, station

STEPWISE = (Stage.FEEDING, Stage.SENDING, Stage.SENT, Stage.DELIVERING)
WHOLE = (Stage.SENDING, Stage.LAST, Stage.SENT)
PLACES = (Place.HOPPER, Place.PATH, Place.OUTPUT, Place.REJECT_BIN)


async def good_cards(here):
    cards = await here.bench.moved()
    return [
        card
        for card in cards
        if (card["place"], card["state"]) == ("output", "complete")
    ]


async def judged(here):
    """What became of the job; fails where a card was made twice, or a blank is lost."""
    moved, good = await here.bench.moved(), len(await good_cards(here))
    books, truth = here.books(), (await here.bench.world.truth())["places"]
    assert sum(books[place] for place in (*PLACES, Place.SUSPENSE)) == BLANKS, books
    if here.state is JobState.COMPLETED:
        assert good == 1
        assert {place: books[place] for place in PLACES} == {
            place: truth[place] for place in PLACES
        }
        return "one good card"
    assert here.journal.doubtful() is not None
    assert len(moved) <= 1
    assert books[Place.PATH] + books[Place.SUSPENSE] == 1
    return "a person is asked"


async def died(rig, stage):
    """Just after the stage is written, and once what it announces has been done."""
    moments = "after", "before"
    found = await asyncio.gather(*(died_once(rig, stage, when) for when in moments))
    return ", then ".join(dict.fromkeys(found))


async def died_once(rig, stage, moment):
    with tempfile.TemporaryDirectory() as name:
        async with station(Path(name), rig) as here:
            able = here.bench.driver().capabilities
            if stage not in (WHOLE if able.whole_job else STEPWISE):
                return ABSENT
            await here.die_at(stage, moment)
            await here.live_again()
            await here.work_until(lambda: here.still)
            return await judged(here)


@on_every_rig
async def test_a_death_as_the_blank_is_fed_makes_no_second_card(rig):
    return await died(rig, Stage.FEEDING)


@on_every_rig
async def test_a_death_as_panels_are_sent_makes_no_second_card(rig):
    return await died(rig, Stage.SENDING)


@on_every_rig
async def test_a_death_before_the_last_bytes_makes_no_second_card(rig):
    return await died(rig, Stage.LAST)


@on_every_rig
async def test_a_death_as_it_prints_makes_no_second_card(rig):
    return await died(rig, Stage.SENT)


@on_every_rig
async def test_a_death_on_the_way_out_makes_no_second_card(rig):
    return await died(rig, Stage.DELIVERING)


@on_every_rig
async def test_a_job_canceled_before_its_card_leaves_the_blank_to_the_next(rig):
    with tempfile.TemporaryDirectory() as name:
        async with station(Path(name), rig) as here:
            assert await here.cancel() is Result.CANCELED
            await here.send("J2")
            await here.work_until(
                lambda: here.state_of("J2") in ENDED or here.journal.doubtful()
            )
            assert here.state is JobState.CANCELED
            assert here.state_of("J2") is JobState.COMPLETED
            assert len(await here.bench.moved()) == 1
            assert here.books()[Place.HOPPER] == BLANKS - 1


@on_every_rig
async def test_a_cancel_comes_too_late_for_a_card_that_was_begun(rig):
    with tempfile.TemporaryDirectory() as name:
        async with station(Path(name), rig) as here:
            await here.work_until(lambda: here.journal.open_attempt())
            assert await here.cancel() is Result.TOO_LATE
            await here.work_until(lambda: here.still)
            assert await judged(here) == "one good card"
