"""One family is like another: the same cases on each, over each of its links."""

from __future__ import annotations

from typing import cast

import pytest

from protocols.contract import StepwiseDriver
from protocols.errors import DeviceError, LocalProtocolError
from protocols.vocabulary import CardFate, CardSide, PrinterState
from tests.conformance.cases import ABSENT, BOTH, FRONT, make, on_every_rig, prepared
from tests.conformance.rigs import RIGS
from tests.conftest import needs


def test_no_link_is_left_out():
    for rig in RIGS:
        needs("umockdev or libusb", None if rig.missing else rig.link)


@on_every_rig
async def test_it_says_who_it_is(rig):
    async with rig.bench() as bench:
        driver = bench.driver()
        told = await driver.open()
        assert (told.serial, told.model) == (rig.family.serial, rig.family.configured)
        assert not await bench.moved()


@on_every_rig
async def test_another_model_than_configured_is_refused(rig):
    async with rig.bench() as bench:
        with pytest.raises(DeviceError) as caught:
            await bench.driver(rig.family.another).open()
        assert caught.value.card is CardFate.UNTOUCHED
        assert not await bench.moved()


async def printed(rig, sides, ribbon="YMCKO"):
    async with rig.bench(ribbon_kind=ribbon) as bench:
        driver = await bench.opened()
        if len(sides) > 1 and not driver.capabilities.two_sided:
            return ABSENT
        card = prepared(driver, sides, ribbon)
        await make(driver, card)
        await driver.release()
        (made,) = await bench.moved()
        assert (made["place"], made["state"]) == ("output", "complete")
        assert made["digest"] == card.digest
        return None


@on_every_rig
async def test_one_side_comes_out_with_the_very_dots(rig):
    return await printed(rig, FRONT)


@on_every_rig
async def test_two_sides_come_out_with_the_very_dots(rig):
    return await printed(rig, BOTH)


@on_every_rig
async def test_resin_alone_comes_out_with_the_very_dots(rig):
    return await printed(rig, FRONT, "K")


@on_every_rig
async def test_its_counter_of_cards_moves_by_one(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        before = await driver.observe()
        await make(driver, prepared(driver))
        after = await driver.observe()
        if driver.capabilities.feed_counter is None:
            return ABSENT
        assert after.cards_fed == before.cards_fed + 1
        assert after.cards_counter == before.cards_counter
        return None


@on_every_rig
async def test_its_counter_of_ribbon_moves_by_the_sets_used(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        before = await driver.observe()
        await make(driver, prepared(driver))
        after = await driver.observe()
        if driver.capabilities.ribbon_counter is None:
            return ABSENT
        used = driver.capabilities.ribbons["YMCKO"].sets_for(1)
        assert after.supplies.ribbon_left == before.supplies.ribbon_left - used
        return None


@on_every_rig
async def test_at_rest_two_observations_are_equal(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        await make(driver, prepared(driver))
        await driver.release()
        seen = await driver.observe()
        assert (seen.status.state, seen.status.busy) == (PrinterState.IDLE, False)
        assert await driver.observe() == seen


@on_every_rig
async def test_a_card_with_one_side_of_two_is_rejected(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        await driver.claim()
        if not driver.capabilities.reject_bin:
            with pytest.raises(LocalProtocolError):
                await driver.reject()
            assert not await bench.moved()
            return ABSENT
        step, card = cast(StepwiseDriver, driver), prepared(driver, BOTH)
        await step.feed()
        await step.print_side(card, CardSide.FRONT)
        await step.finish_print()
        await step.reject()
        (made,) = await bench.moved()
        assert made["place"] == "reject-bin"
        assert "back" not in {side for side, marks in made["marks"].items() if marks}
        return None
