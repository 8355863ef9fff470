"""The Evolis driver over USB, before the emulated printer as a USB device."""

from __future__ import annotations

import pytest
from PIL import Image

from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    TransportError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.raster import separate
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.vocabulary import CardFate, CardPosition, CardSide
from simulators.evolis.firmware import Firmware
from tests.simulators.usb_world import ASK_MODEL, in_loop, plugged

SIDES = (CardSide.FRONT, CardSide.BACK)


def link_to(plug):
    return UsbTransport(UsbAddress.parse("usb://?serial=E100000"), plug.backend)


def driver_of(plug):
    return EvolisDriver(MODELS["Primacy"], link_to(plug), session_id=7)


def prepared(driver, *sides):
    able = driver.capabilities
    tile = Image.effect_noise((32, 20), 80).convert("RGB")
    picture = tile.resize((1011, 638), resample=0)
    planes = [
        separate(
            picture,
            side=side,
            panels=able.ribbons["YMCKO"].panels(side),
            width_px=able.width_px,
            height_px=able.height_px,
        )
        for side in sides or (CardSide.FRONT,)
    ]
    return driver.prepare(planes, "YMCKO")


async def print_inside(driver, card):
    await driver.open()
    await driver.claim()
    await driver.feed()
    for side, _ in card.sides:
        await driver.print_side(card, side)
    await driver.finish_print()


@pytest.mark.parametrize("sides", [SIDES[:1], SIDES], ids=["one", "two"])
@in_loop
async def test_a_card_comes_out_with_the_very_dots_that_were_sent(sides):
    async with plugged() as plug:
        driver = driver_of(plug)
        card = prepared(driver, *sides)
        await print_inside(driver, card)
        seen = await driver.observe()
        assert seen.status.card is CardPosition.INSIDE
        assert (seen.cards_fed, seen.identity.serial) == (1, "E100000")
        await driver.deliver()
        await driver.release()
        assert (await driver.status()).card is CardPosition.NONE
        await driver.close()
        made = await plug.world.card()
        assert (made["place"], made["state"]) == ("output", "complete")
        assert made["digest"] == card.digest


@in_loop
async def test_the_status_is_switched_on_where_the_printer_gives_none():
    async with plugged(firmware=Firmware(shows_status=False)) as plug:
        driver = driver_of(plug)
        assert (await driver.open()).serial == "E100000"
        await driver.close()


@in_loop
async def test_what_a_dead_host_left_unread_is_not_taken_for_an_answer():
    async with plugged() as plug:
        dead = link_to(plug)
        await dead.open()
        for _ in range(3):
            await dead.write(ASK_MODEL)
        await dead.close()
        driver = driver_of(plug)
        assert (await driver.open()).serial == "E100000"
        await driver.close()


@pytest.mark.parametrize("after", [0, 700_000, 1_500_000])
@in_loop
async def test_unplugged_in_mid_card_it_is_unknown_and_the_next_driver_rejects_it(
    after,
):
    async with plugged() as plug:
        driver = driver_of(plug)
        card = prepared(driver)
        await driver.open()
        await driver.claim()
        await driver.feed()
        plug.device.unplug_after(after)
        with pytest.raises(TransportError) as caught:
            await driver.print_side(card, CardSide.FRONT)
        assert caught.value.card is CardFate.UNKNOWN
        await driver.close()
        plug.device.replug()
        await plug.world.do(do="power", on=False)
        await plug.world.do(do="power", on=True)
        after_that = driver_of(plug)
        await after_that.open()
        assert (await after_that.status()).card is CardPosition.INSIDE
        await after_that.clear_fault()
        await after_that.claim()
        await after_that.reject()
        await after_that.close()
        assert (await plug.world.card())["place"] == "reject-bin"


@in_loop
async def test_an_empty_hopper_touches_nothing():
    async with plugged(hopper_count=0) as plug:
        driver = driver_of(plug)
        await driver.open()
        await driver.claim()
        with pytest.raises(DeviceError) as caught:
            await driver.feed()
        assert caught.value.card is CardFate.UNTOUCHED
        await driver.close()


@in_loop
async def test_a_whole_job_is_refused_before_anything_is_sent():
    async with plugged() as plug:
        driver = driver_of(plug)
        await driver.open()
        await driver.claim()
        with pytest.raises(LocalProtocolError, match="TCP alone") as caught:
            await driver.print_whole(prepared(driver))
        assert caught.value.card is CardFate.UNTOUCHED
        await driver.close()
