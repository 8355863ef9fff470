"""The printer as a USB device: its descriptors, requests, pipes and troubles."""

from __future__ import annotations

import asyncio
import struct

import pytest

from simulators.faults import FaultKind
from simulators.links.usb_descriptors import Description, Speed
from simulators.links.usb_device import (
    BabbleError,
    GoneError,
    Setup,
    StalledError,
    Transfer,
)
from tests.simulators.emulator_world import panel_bytes, plain
from tests.simulators.usb_world import ASK_MODEL, in_loop, plugged

GET_STATUS_OUT, GET_STATUS_IN = (Setup(0x82, 0, 0, ep, 2) for ep in (0x01, 0x82))
CLEAR_OUT, CLEAR_IN = (Setup(0x02, 1, 0, ep, 0) for ep in (0x01, 0x82))
DEVICE_ID = Setup(0xA1, 0, 0, 0, 1023)
PORT_STATUS = Setup(0xA1, 1, 0, 0, 1)
SOFT_RESET = Setup(0x21, 2, 0, 0, 0)


def test_the_descriptors_are_those_of_a_bidirectional_printer():
    magicard = Description(
        0x0C1F, 0x2800, "A", "B", "S", Speed.FULL, 64, 8, usb_release=0x0101
    )
    assert magicard.device == bytes.fromhex(
        "12 01 0101 00 00 00 08 1f0c 0028 0001 01 02 03 01"
    )
    assert magicard.configuration == bytes.fromhex(
        "09 02 2000 01 01 00 c0 01"
        "09 04 00 00 02 07 01 02 00"
        "07 05 01 02 4000 00"
        "07 05 82 02 4000 00"
    )


def test_a_text_that_is_empty_has_no_descriptor():
    silent = Description(1, 2, "maker", "", "")
    assert silent.device[14:17] == bytes([1, 0, 0])
    assert silent.string(0) == bytes.fromhex("04 03 0904")
    assert silent.string(1) == b"\x0c\x03" + "maker".encode("utf-16-le")
    assert [silent.string(no) for no in (2, 3, 4)] == [None] * 3


def test_a_long_text_is_cut_to_what_a_descriptor_holds():
    long = Description(1, 2, "x" * 200, "", "").string(1)
    assert long is not None
    assert (len(long), long[0]) == (254, 254)


@in_loop
async def test_it_answers_the_standard_requests():
    async with plugged() as plug:
        control, told = plug.device.control, plug.device.description
        assert control(Setup(0x80, 6, 0x0100, 0, 8)) == told.device[:8]
        assert control(Setup(0x80, 6, 0x0200, 0, 255)) == told.configuration
        assert control(Setup(0x80, 6, 0x0302, 0x409, 255))[2:].decode("utf-16-le") == (
            "Primacy"
        )
        assert control(Setup(0x80, 8, 0, 0, 1)) == b"\1"
        assert control(Setup(0x00, 9, 0, 0, 0)) == b""
        assert control(Setup(0x80, 8, 0, 0, 1)) == b"\0"
        assert control(Setup(0x80, 0, 0, 0, 2)) == b"\1\0"
        assert control(Setup(0x81, 0, 0, 0, 2)) == b"\0\0"
        assert control(Setup(0x81, 10, 0, 0, 1)) == b"\0"
        assert control(Setup(0x01, 11, 0, 0, 0)) == b""


@pytest.mark.parametrize(
    "setup",
    [
        Setup(0x80, 6, 0x0600, 0, 10),  # a device qualifier
        Setup(0x80, 6, 0x0305, 0x409, 255),
        Setup(0x00, 9, 2, 0, 0),
        Setup(0x01, 11, 1, 0, 0),
        Setup(0x02, 1, 0, 0x03, 0),
        Setup(0xC0, 0x51, 0, 0, 64),
        Setup(0xA1, 3, 0, 0, 64),
    ],
)
@in_loop
async def test_a_request_it_does_not_know_is_stalled(setup):
    async with plugged() as plug:
        with pytest.raises(StalledError, match="no such request"):
            plug.device.control(setup)


@in_loop
async def test_the_printer_class_requests_tell_who_it_is_and_how_it_fares():
    async with plugged(hopper_count=0) as plug:
        answer = plug.device.control(DEVICE_ID)
        assert answer == struct.pack(">H", len(answer)) + (
            b"MFG:EVOLIS;MDL:Primacy;CLS:PRINTER;"
        )
        assert plug.device.control(PORT_STATUS) == b"\x38"
        await plug.world.do(do="hand", act="load", count=1)
        assert plug.device.control(PORT_STATUS) == b"\x18"
        await plug.world.do(do="fault", kind="cover-open")
        assert plug.device.control(PORT_STATUS) == b"\x10"


@in_loop
async def test_a_reply_is_one_transfer_and_waits_for_who_reads_it():
    async with plugged() as plug:
        assert (await plug.out(ASK_MODEL * 2)).taken_size == 2 * len(ASK_MODEL)
        for _ in range(2):
            assert (await plug.reply()).startswith(b"PRIMACY\0")


@in_loop
async def test_a_soft_reset_forgets_replies_halts_and_what_came_in_part():
    async with plugged() as plug:
        await plug.out(ASK_MODEL + b"\x1bRs")
        await plug.device.heart.until(lambda: bool(plug.device._replies))
        plug.device.halted.update((0x01, 0x82))
        assert plug.device.control(SOFT_RESET) == b""
        await plug.out(b"n\r\x1bRfv\r")
        assert not (await plug.reply()).startswith((b"PRIMACY\0", b"E100000\0"))


@in_loop
async def test_a_read_that_ends_inside_a_packet_loses_it():
    async with plugged() as plug:
        await plug.out(ASK_MODEL * 2)
        with pytest.raises(BabbleError, match="room for 5"):
            await plug.reply(5)
        assert (await plug.reply(512)).startswith(b"PRIMACY\0")


@in_loop
async def test_a_full_memory_takes_no_more_and_the_rest_is_the_hosts():
    async with plugged(speed=0, instant=False) as plug:
        transfer = Transfer(data=b"\x1bSs\r" + panel_bytes("k", plain("k", 1)) * 40)
        sending = asyncio.create_task(plug.device.bulk_out(transfer))
        await plug.device.heart.until(
            lambda: len(plug.world.emulator.machine.queue) >= 24
        )
        for _ in range(5):
            await asyncio.sleep(0)
        assert not sending.done()
        taken = transfer.taken_size
        sending.cancel()
        assert 0 < taken == plug.device.received_size < len(transfer.data)


@pytest.mark.parametrize("size", [0, 1, 63, 4096, 4097, 70_000])
@in_loop
async def test_the_cable_is_pulled_at_any_byte(size):
    async with plugged() as plug:
        plug.device.unplug_after(size)
        transfer = Transfer(data=panel_bytes("y", plain("y", 1)))
        with pytest.raises(GoneError):
            await plug.device.bulk_out(transfer)
        assert transfer.taken_size == plug.device.received_size == size
        with pytest.raises(GoneError):
            plug.device.control(PORT_STATUS)
        plug.device.replug()
        assert plug.device.plug_count == 2
        assert plug.device.control(PORT_STATUS) == b"\x18"
        assert plug.device.control(Setup(0x80, 8, 0, 0, 1)) == b"\0"


@in_loop
async def test_a_reply_that_nobody_read_is_gone_with_the_cable():
    async with plugged() as plug:
        await plug.out(ASK_MODEL)
        await plug.device.heart.until(lambda: bool(plug.device._replies))
        await plug.world.do(do="fault", kind="link-cut")
        await plug.device.heart.until(lambda: not plug.device._replies)
        await plug.world.do(do="clear", kind="link-cut")
        await plug.device.heart.until(lambda: plug.device.attached)
        await plug.out(b"\x1bRsn\r")
        assert (await plug.reply()).startswith(b"E100000\0")


@in_loop
async def test_a_power_cut_is_an_unplugged_cable_to_the_host():
    async with plugged() as plug:
        reading = asyncio.create_task(
            plug.device.while_attached(plug.device.bulk_in(Transfer(size_max=64)), 1)
        )
        await asyncio.sleep(0)
        await plug.world.do(do="power", on=False)
        with pytest.raises(GoneError):
            await reading
        await plug.world.do(do="power", on=True)
        await plug.device.heart.until(lambda: plug.device.attached)
        assert plug.device.plug_count == 2


@in_loop
async def test_a_stall_halts_out_with_half_of_it_taken_until_it_is_cleared():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-stall")
        transfer = Transfer(data=bytes(1000))
        with pytest.raises(StalledError):
            await plug.device.bulk_out(transfer)
        assert transfer.taken_size == 500
        assert (await plug.world.truth())["faults"] == []
        with pytest.raises(StalledError):
            await plug.out(bytes(10))
        assert plug.device.control(GET_STATUS_OUT) == b"\1\0"
        assert plug.device.control(GET_STATUS_IN) == b"\0\0"
        plug.device.control(CLEAR_OUT)
        await plug.out(ASK_MODEL)
        assert (await plug.reply()).startswith(b"PRIMACY\0")


@in_loop
async def test_a_stall_meets_a_host_that_waits_for_a_reply():
    async with plugged() as plug:
        reading = asyncio.create_task(plug.reply())
        await asyncio.sleep(0)
        await plug.world.do(do="fault", kind="usb-stall")
        with pytest.raises(StalledError, match="0x82"):
            await reading
        plug.device.control(CLEAR_IN)
        await plug.out(ASK_MODEL)
        assert (await plug.reply()).startswith(b"PRIMACY\0")


@in_loop
async def test_a_host_may_halt_an_endpoint_itself():
    async with plugged() as plug:
        plug.device.control(Setup(0x02, 3, 0, 0x01, 0))
        with pytest.raises(StalledError):
            await plug.out(b"x")


@in_loop
async def test_nak_takes_nothing_until_it_is_over():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-nak")
        sending = asyncio.create_task(plug.out(ASK_MODEL))
        for _ in range(5):
            await asyncio.sleep(0)
        assert plug.device.received_size == 0
        await plug.world.do(do="clear", kind="usb-nak")
        await sending
        assert (await plug.reply()).startswith(b"PRIMACY\0")


@in_loop
async def test_a_partial_transfer_takes_whole_packets_and_no_more():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-partial")
        transfer = Transfer(data=bytes(10_000))
        sending = asyncio.create_task(plug.device.bulk_out(transfer))
        while not plug.device.received_size:
            await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        assert 0 < transfer.taken_size < 10_000
        assert transfer.taken_size % 512 == 0
        await plug.world.do(do="clear", kind="usb-partial")
        await sending
        assert transfer.taken_size == plug.device.received_size == 10_000


@in_loop
async def test_a_slow_link_takes_its_time():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="slow-link")
        began_s = asyncio.get_running_loop().time()
        await plug.out(bytes(16384))
        assert asyncio.get_running_loop().time() - began_s >= 16384 / (256 * 1024)


@pytest.mark.parametrize(
    ("kind", "whole"), [("silent", False), ("garbage", False), ("", True)]
)
@in_loop
async def test_replies_are_withheld_or_made_rubbish(kind, whole):
    async with plugged() as plug:
        if kind:
            await plug.world.do(do="fault", kind=kind)
        await plug.out(ASK_MODEL)
        if kind == "silent":
            for _ in range(5):
                await asyncio.sleep(0)
            await plug.world.do(do="clear", kind=kind)
            await plug.out(b"\x1bRsn\r")
        assert (await plug.reply()).startswith(b"PRIMACY\0") is whole


@in_loop
async def test_a_stall_struck_in_mid_panel_halts_there():
    async with plugged(faults=[(FaultKind.USB_STALL, 1)]) as plug:
        transfer = Transfer(data=panel_bytes("y", plain("y", 1)))
        with pytest.raises(StalledError):
            await plug.device.bulk_out(transfer)
        assert len(transfer.data) // 2 <= transfer.taken_size < len(transfer.data)


@in_loop
async def test_a_card_is_printed_over_the_bulk_pipes():
    async with plugged(hopper_count=1) as plug:
        job = b"\x1bSs\r\x1bSr\r"
        for number, letter in enumerate("ymcko"):
            job += panel_bytes(letter, plain(letter, number + 1))
        transfer = await plug.out(job + b"\x1bSe\r")
        replies = [await plug.reply() for _ in range(8)]
        assert transfer.taken_size == len(transfer.data)
        assert {reply[:3] for reply in replies} == {b"OK\0"}
        card = await plug.world.card()
        assert (card["place"], card["state"]) == ("output", "complete")
