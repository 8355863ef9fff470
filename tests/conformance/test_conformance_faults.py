"""Faults, cuts, rubbish and silence, the same on each printer family and link."""

from __future__ import annotations

import asyncio

import pytest

from protocols.contract import EndOfStream
from protocols.errors import DeviceError, RemoteProtocolError, TransportError
from protocols.vocabulary import CardFate, Severity
from simulators.faults import FaultKind
from tests.conformance.cases import ABSENT, make, on_every_rig, prepared, send_through

CUTS = 10
NAK_S = 0.5  # longer than a few slices of a transfer


async def contradicts(bench, error, moved=0):
    """Whether the error calls a card untouched that has left the hopper since."""
    assert error.card in (CardFate.UNTOUCHED, CardFate.UNKNOWN)
    return error.card is CardFate.UNTOUCHED and len(await bench.moved()) > moved


async def told(rig, kind):
    """A card meets the fault; the next driver is told what is the matter."""
    async with rig.bench(faults=[(kind, 1)]) as bench:
        driver = await bench.opened()
        with pytest.raises(DeviceError) as caught:
            await make(driver, prepared(driver))
        assert not await contradicts(bench, caught.value)
        after = await bench.opened()
        reasons = (await after.status()).reasons
        keyword = rig.family.reasons.get(kind)
        if keyword is None:
            assert any(reason.severity is Severity.ERROR for reason in reasons)
            return "as an error without a name"
        assert keyword in {reason.keyword for reason in reasons}
        return None


@on_every_rig
async def test_an_empty_hopper_is_told(rig):
    return await told(rig, FaultKind.HOPPER_EMPTY)


@on_every_rig
async def test_an_open_cover_is_told(rig):
    return await told(rig, FaultKind.COVER_OPEN)


@on_every_rig
async def test_an_ended_ribbon_is_told(rig):
    return await told(rig, FaultKind.RIBBON_ENDED)


@on_every_rig
async def test_a_jam_is_told(rig):
    return await told(rig, FaultKind.JAM_PATH)


@on_every_rig
async def test_a_feed_that_takes_no_blank_is_told(rig):
    return await told(rig, FaultKind.FEED_FAILURE)


@on_every_rig
async def test_a_jam_at_the_exit_is_told(rig):
    return await told(rig, FaultKind.JAM_EXIT)


@on_every_rig
async def test_a_motor_that_stands_still_is_told(rig):
    return await told(rig, FaultKind.STUCK_HALF_PRINTED)


@on_every_rig
async def test_a_broken_ribbon_is_told(rig):
    return await told(rig, FaultKind.RIBBON_BROKEN)


@on_every_rig
async def test_a_strange_ribbon_is_told(rig):
    return await told(rig, FaultKind.WRONG_RIBBON)


@on_every_rig
async def test_a_hot_head_is_told(rig):
    return await told(rig, FaultKind.HEAD_HOT)


@on_every_rig
async def test_a_full_output_is_told(rig):
    return await told(rig, FaultKind.OUTPUT_FULL)


@on_every_rig
async def test_a_power_cut_in_mid_print_is_a_lost_link_and_an_unknown_card(rig):
    async with rig.bench(faults=[(FaultKind.POWER_CUT, 1)]) as bench:
        driver = await bench.opened()
        with pytest.raises(TransportError) as caught:
            await make(driver, prepared(driver))
        assert caught.value.card is CardFate.UNKNOWN
        with pytest.raises(TransportError) as caught:
            await bench.opened()
        assert caught.value.card is CardFate.UNTOUCHED
        assert len(await bench.moved()) == 1


async def size_of_a_card(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        card = prepared(driver)
        before = bench.ends.sent_size()
        await make(driver, card)
        return bench.ends.sent_size() - before, card


async def cut(bench, card, size):
    driver = await bench.opened()
    moved = len(await bench.moved())
    bench.ends.cut_after(size)
    with pytest.raises(TransportError) as caught:
        await make(driver, card)
    assert not await contradicts(bench, caught.value, moved), size
    # A tenth of a card is more than all questions before it.
    assert size == 0 or caught.value.card is CardFate.UNKNOWN, size
    await bench.power_cycle()
    await bench.clear_path()
    assert (await (await bench.opened()).observe()).identity.serial


@on_every_rig
async def test_cut_at_ten_points_of_a_card_no_touched_card_is_called_untouched(rig):
    size, card = await size_of_a_card(rig)
    assert size > 100_000
    async with rig.bench() as bench:
        for tenth in range(CUTS):
            await cut(bench, card, size * tenth // CUTS)


async def unheard(rig, kind):
    """The link's trouble comes between the claim and the card."""
    async with rig.bench() as bench:
        driver = await bench.opened()
        card = prepared(driver)
        await driver.claim()
        await bench.world.do(do="fault", kind=kind)
        with pytest.raises((TransportError, RemoteProtocolError)) as caught:
            await send_through(driver, card)
        assert caught.value.card is CardFate.UNTOUCHED
        assert not await bench.moved()
        await bench.world.do(do="clear", kind=kind)


@on_every_rig
async def test_rubbish_for_an_answer_moves_nothing(rig):
    await unheard(rig, "garbage")


@on_every_rig
async def test_silence_moves_nothing(rig):
    await unheard(rig, "silent")


async def only_usb(rig, story):
    """Tell `story` of a fault that raw TCP does not have."""
    if rig.link == "tcp":
        return ABSENT
    async with rig.bench() as bench:
        driver = await bench.opened()
        await story(bench, driver, prepared(driver))
        return None


async def came_out_whole(bench, card):
    (made,) = await bench.moved()
    assert (made["place"], made["state"]) == ("output", "complete")
    assert made["digest"] == card.digest


@on_every_rig
async def test_a_stall_in_mid_card_leaves_it_unknown_and_the_link_to_be_opened(rig):
    async def story(bench, driver, card):
        await bench.world.do(do="fault", kind="usb-stall", card=1)
        with pytest.raises(TransportError) as caught:
            await make(driver, card)
        assert "refused (stall)" in str(caught.value)
        assert caught.value.card is CardFate.UNKNOWN
        await bench.power_cycle()
        assert (await (await bench.opened()).observe()).identity.serial

    return await only_usb(rig, story)


@on_every_rig
async def test_a_pipe_that_takes_nothing_for_a_while_makes_the_very_card(rig):
    async def story(bench, driver, card):
        await bench.world.do(do="fault", kind="usb-nak", card=1)
        making = asyncio.create_task(make(driver, card))
        struck = bench.world.emulator.machine.faults.on_link
        heart = bench.ends.plug.device.heart
        await heart.until(lambda: FaultKind.USB_NAK in struck)
        done, _ = await asyncio.wait({making}, timeout=NAK_S)
        assert not done
        await bench.world.do(do="clear", kind="usb-nak")
        await making
        await came_out_whole(bench, card)

    return await only_usb(rig, story)


@on_every_rig
async def test_transfers_that_are_taken_in_part_make_the_very_card(rig):
    async def story(bench, driver, card):
        await bench.world.do(do="fault", kind="usb-partial", card=1)
        await make(driver, card)
        await came_out_whole(bench, card)

    return await only_usb(rig, story)


def cut_short():
    """Half of the first reply, and nothing after it."""
    begun = False

    async def bend(read, size_max):
        nonlocal begun
        if begun:
            await asyncio.Event().wait()
        data, begun = await read(size_max), True
        return data if isinstance(data, EndOfStream) else data[: -(-len(data) // 2)]

    return bend


def without_end():
    """A reply's first byte, over and over."""
    first = b""

    async def bend(read, size_max):
        nonlocal first
        first = first or (await read(size_max))[:1]
        await asyncio.sleep(0)
        return first * size_max

    return bend


def behind_noise(read, size_max):
    """Each transfer begins with what is no reply's beginning."""

    async def bend():
        data = await read(size_max)
        return data if isinstance(data, EndOfStream) else b"\xff\x02" + data

    return bend()


async def broken(rig, bend):
    """What comes is bent from the claim on; the card may not have moved."""
    async with rig.bench() as bench:
        driver = await bench.opened()
        card = prepared(driver)
        await driver.claim()
        bench.bend = bend
        with pytest.raises((TransportError, RemoteProtocolError)) as caught:
            await send_through(driver, card)
        assert caught.value.card is CardFate.UNTOUCHED
        assert not await bench.moved()
        bench.bend = None
        assert (await (await bench.opened()).observe()).identity.serial


@on_every_rig
async def test_a_reply_that_is_cut_short_moves_nothing(rig):
    await broken(rig, cut_short())


@on_every_rig
async def test_a_reply_without_end_is_bounded_and_moves_nothing(rig):
    await broken(rig, without_end())


@on_every_rig
async def test_noise_before_a_reply_is_passed_over_or_moves_nothing(rig):
    async with rig.bench() as bench:
        driver = await bench.opened()
        card = prepared(driver)
        await driver.claim()
        bench.bend = behind_noise
        try:
            await send_through(driver, card)
        except RemoteProtocolError as error:
            assert error.card is CardFate.UNTOUCHED
            assert not await bench.moved()
            return "refused"
        (made,) = await bench.moved()
        assert (made["place"], made["state"]) == ("output", "complete")
        return "passed over"
