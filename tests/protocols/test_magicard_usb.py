"""The Magicard driver over USB, before the emulated printer as a USB device."""

from __future__ import annotations

import hashlib

import pytest
from PIL import Image

from protocols.errors import DeviceError, TransportError
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS
from protocols.raster import separate
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.vocabulary import CardFate, CardSide, Panel
from tests.simulators.usb_world import in_loop, plugged


def driver_of(plug, model):
    address = UsbAddress.parse("usb://?serial=M100000")
    return MagicardDriver(MODELS[model], UsbTransport(address, plug.backend))


def prepared(driver, *, bare=None):
    """`bare`: the box that the overcoat leaves out."""
    able = driver.capabilities
    size = able.width_px, able.height_px
    side = separate(
        Image.effect_noise(size, 80).convert("RGB"),
        side=CardSide.FRONT,
        panels=able.ribbons["YMCKO"].front,
        width_px=size[0],
        height_px=size[1],
    )
    if bare is not None:
        side.planes[Panel.OVERLAY].paste(0, bare)
    return driver.prepare([side], "YMCKO"), side.planes[Panel.OVERLAY]


async def printed(driver, card):
    await driver.claim()
    await driver.send_job(card)
    await driver.send_last()
    await driver.finish_print()
    await driver.release()
    await driver.close()


async def fed(plug):
    """The cards that have left the hopper, with what became of them."""
    cards = (await plug.world.truth())["cards"]
    return [card for card in cards if card["place"] != "hopper"]


@pytest.mark.parametrize("model", ["Enduro", "Alto", "Rio 2e"])
@in_loop
async def test_a_card_comes_out_with_the_very_dots_that_were_sent(model):
    async with plugged(family="magicard", model=model) as plug:
        driver = driver_of(plug, model)
        assert (await driver.open()).serial == "M100000"
        card, _ = prepared(driver)
        await printed(driver, card)
        (made,) = await fed(plug)
        assert (made["place"], made["state"]) == ("output", "complete")
        assert made["digest"] == card.digest


@pytest.mark.parametrize("model", ["Enduro", "Alto", "Rio 2e"])
@pytest.mark.parametrize("bare", [(90, 191, 261, 347), (0, 51, 2000, 222)])
@in_loop
async def test_an_overcoat_lies_on_every_dot_but_those_that_were_left_out(model, bare):
    async with plugged(family="magicard", model=model) as plug:
        driver = driver_of(plug, model)
        await driver.open()
        card, overlay = prepared(driver, bare=bare)
        await printed(driver, card)
        (made,) = await fed(plug)
        ((_, panels),) = card.sides
        dots = [data for panel, data in panels if panel is not Panel.OVERLAY]
        covered = overlay.convert("1", dither=Image.Dither.NONE).tobytes()
        assert made["digest"] == hashlib.sha256(b"".join(dots) + covered).hexdigest()


QUESTIONS_SIZE = 2 * 12  # its error and who it is, before the job's first byte


@pytest.mark.parametrize("size", [0, 13, 24, 25, 64, 100_000, 1_700_000])
@in_loop
async def test_unplugged_a_card_is_untouched_before_the_jobs_first_byte_alone(size):
    async with plugged(family="magicard", model="Enduro") as plug:
        driver = driver_of(plug, "Enduro")
        await driver.open()
        card, _ = prepared(driver)
        await driver.claim()
        plug.device.unplug_after(size)
        with pytest.raises(TransportError) as caught:
            await driver.send_job(card)
            await driver.send_last()
        before = size <= QUESTIONS_SIZE
        assert caught.value.card is (CardFate.UNTOUCHED if before else CardFate.UNKNOWN)
        await driver.close()


@in_loop
async def test_another_model_than_configured_is_not_opened():
    async with plugged(family="magicard", model="Alto") as plug:
        driver = driver_of(plug, "Enduro")
        with pytest.raises(DeviceError) as caught:
            await driver.open()
        assert caught.value.card is CardFate.UNTOUCHED
        await driver.close()
