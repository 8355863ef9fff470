"""The USB transport on pyusb's backend in this process, before an emulated printer."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import libusb_package
import pytest
import usb.backend.libusb1

from protocols.errors import TransportError
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import UsbError, UsbTrouble
from protocols.transports.usb_port import default_backend
from simulators.links.usb_backend import UsbBackend
from tests.simulators.usb_world import ASK_MODEL, in_loop, plugged

ANY = "usb://0f49"
PANEL = b"\x1bDb;y;256;" + bytes(1016 * 648) + b"\r\0"
HALF = len(PANEL) // 2


def at(plug, uri=ANY):
    return UsbTransport(UsbAddress.parse(uri), plug.backend)


async def trouble_of(work) -> tuple[UsbTrouble, str]:
    with pytest.raises(UsbError) as caught:
        await work
    return caught.value.trouble, str(caught.value)


async def says_its_name(link):
    await link.write(ASK_MODEL)
    reply = await link.read(4096)
    return reply.startswith(b"PRIMACY\0")


@in_loop
async def test_a_command_goes_out_and_its_reply_comes_in_as_one_piece():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        assert await says_its_name(link)
        await link.finish()
        assert await says_its_name(link)
        await link.close()
        await link.close()


@in_loop
async def test_a_reply_larger_than_was_asked_for_comes_in_pieces_and_whole():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        await link.write(ASK_MODEL)
        pieces = [await link.read(7) for _ in range(5)]
        assert all(len(piece) == 7 for piece in pieces)
        assert b"".join(pieces).startswith(b"PRIMACY\0")
        await link.close()


@in_loop
async def test_the_requests_of_the_printer_class_are_answered_beside_the_stream():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        assert link.beside is link
        waiting = asyncio.create_task(link.read(64))
        assert (await link.device_id()).startswith("MFG:EVOLIS;MDL:Primacy;")
        assert (await link.port_status()).value == 0x18
        await link.soft_reset()
        assert not waiting.done()
        assert await asyncio.wait_for(link.write(ASK_MODEL), 5) is None
        assert (await waiting).startswith(b"PRIMACY")
        await link.close()


@in_loop
async def test_the_port_is_asked_while_a_job_waits_for_room():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-nak")
        link = at(plug)
        await link.open()
        writing = asyncio.create_task(link.write(PANEL))
        assert (await link.port_status()).value == 0x18
        assert not writing.done()
        await plug.world.do(do="clear", kind="usb-nak")
        await writing
        assert plug.device.received_size == len(PANEL)
        await link.close()


@in_loop
async def test_what_is_taken_in_parts_arrives_once_and_whole():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-partial")
        link = at(plug)
        await link.open()
        writing = asyncio.create_task(link.write(PANEL[:20_000]))
        await plug.taken(1000)
        await plug.world.do(do="clear", kind="usb-partial")
        await writing
        assert plug.device.received_size == 20_000
        await link.close()


@in_loop
async def test_usblp_gives_way_and_is_back_after_close():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        assert plug.port.usblp_bound is False
        await link.close()
        assert plug.port.usblp_bound is True
        plug.port.usblp_bound = False
        await link.open()
        await link.close()
        assert plug.port.usblp_bound is False


@in_loop
async def test_close_is_prompt_while_a_read_and_a_write_wait():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-nak")
        link = at(plug)
        await link.open()
        waiting = [
            asyncio.create_task(link.read(64)),
            asyncio.create_task(link.write(PANEL)),
        ]
        await link.port_status()
        began_s = time.monotonic()
        await link.close()
        assert time.monotonic() - began_s < 1
        for one in waiting:
            assert (await trouble_of(one))[0] is UsbTrouble.CLOSED
        assert (await trouble_of(link.write(b"x")))[0] is UsbTrouble.CLOSED


@in_loop
async def test_a_read_that_is_given_up_loses_no_byte():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        given_up = asyncio.create_task(link.read(64))
        await link.port_status()
        given_up.cancel()
        assert await says_its_name(link)
        await link.close()


@in_loop
async def test_a_write_that_is_given_up_before_its_turn_sends_nothing():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        reading = asyncio.create_task(link.read(64))
        await link.port_status()
        writing = asyncio.create_task(link.write(ASK_MODEL))
        await asyncio.sleep(0)  # the thread is in the read, so this stands behind it
        writing.cancel()
        await link.port_status()
        assert plug.device.received_size == 0
        assert not reading.done()
        await link.close()
        assert (await trouble_of(reading))[0] is UsbTrouble.CLOSED


class Gated(UsbBackend):
    """Lets nobody claim before `gate` is set; counts who has come to it."""

    gate = threading.Event()
    came = 0

    def claim_interface(self, dev_handle, intf):
        self.came += 1
        self.gate.wait(10)
        super().claim_interface(dev_handle, intf)


@in_loop
async def test_an_opening_that_was_given_up_has_let_go_before_the_next_begins():
    async with plugged() as plug:
        backend = Gated(asyncio.get_running_loop())
        backend.plug(plug.device)
        link = UsbTransport(UsbAddress.parse(ANY), backend)
        given_up = asyncio.create_task(link.open())
        while not backend.came:
            await asyncio.sleep(0)
        given_up.cancel()
        again = asyncio.create_task(link.open())
        await asyncio.wait({again}, timeout=0.2)
        assert backend.came == 1
        backend.gate.set()
        await again
        assert await says_its_name(link)
        await link.close()


@in_loop
async def test_a_pipe_without_room_for_a_byte_is_no_pipe():
    async with plugged() as plug:
        plug.device.description = replace(plug.device.description, packet_size=0)
        trouble, text = await trouble_of(at(plug).open())
        assert trouble is UsbTrouble.UNFIT
        assert "no bulk pipes in both ways" in text


@pytest.mark.parametrize("size", [0, 1, 9, 10, 4096, HALF, len(PANEL) - 1])
@in_loop
async def test_unplugged_at_any_byte_the_error_says_what_was_taken(size):
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        plug.device.unplug_after(size)
        trouble, text = await trouble_of(link.write(PANEL))
        assert trouble is UsbTrouble.GONE
        _, surely, more = (int(word) for word in text.split() if word.isdigit())
        assert surely <= size <= surely + more
        assert plug.device.received_size == size
        assert (await trouble_of(link.read(64)))[0] is UsbTrouble.GONE
        await link.close()


@in_loop
async def test_unplugged_while_a_read_waits():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        waiting = asyncio.create_task(link.read(64))
        await link.port_status()
        plug.device.unplug()
        trouble, text = await trouble_of(waiting)
        assert trouble is UsbTrouble.GONE
        assert "unplugged or switched off" in text
        await link.close()


@in_loop
async def test_plugged_in_again_it_is_found_at_its_new_address():
    async with plugged() as plug:
        link = at(plug, "usb://?serial=E100000")
        await link.open()
        before = plug.port.address
        plug.device.unplug()
        assert (await trouble_of(link.open()))[0] is UsbTrouble.ABSENT
        plug.device.replug()
        await link.open()
        assert plug.port.address != before
        assert await says_its_name(link)
        await link.close()


@in_loop
async def test_a_hub_reset_in_mid_panel_ends_the_link_and_the_next_opening_works():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-nak")
        link = at(plug)
        await link.open()
        writing = asyncio.create_task(link.write(PANEL))
        await link.port_status()
        plug.device.unplug()
        plug.device.replug()
        await plug.world.do(do="clear", kind="usb-nak")
        assert (await trouble_of(writing))[0] is UsbTrouble.GONE
        await link.open()
        assert (await link.port_status()).value == 0x18
        await link.close()


@in_loop
async def test_usblp_that_comes_back_is_named():
    async with plugged() as plug:
        link = at(plug)
        await link.open()
        plug.port.usblp_bound, plug.port.claimed_by = True, None
        trouble, text = await trouble_of(link.write(PANEL))
        assert trouble is UsbTrouble.TAKEN
        assert "usblp" in text
        assert "0 were surely taken" in text
        await link.close()


@in_loop
async def test_another_program_that_holds_it_is_named():
    async with plugged() as plug:
        first, second = at(plug), at(plug)
        await first.open()
        trouble, text = await trouble_of(second.open())
        assert trouble is UsbTrouble.TAKEN
        assert "another program" in text
        await first.close()
        await second.open()
        await second.close()


@in_loop
async def test_a_stall_is_named_and_cleared():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-stall")
        link = at(plug)
        await link.open()
        trouble, _ = await trouble_of(link.write(PANEL))
        assert trouble is UsbTrouble.STALLED
        assert not plug.device.halted
        await link.write(bytes(len(PANEL)))  # what is left of the panel, and more
        await link.close()


@in_loop
async def test_without_permission_the_error_brings_the_rule_that_gives_it():
    async with plugged(model="Zenius") as plug:
        plug.port.permitted = False
        for uri in (ANY, "usb://EVOLIS/Zenius", "usb://?serial=E100000"):
            trouble, text = await trouble_of(at(plug, uri).open())
            assert trouble is UsbTrouble.NOT_PERMITTED
            assert (
                'SUBSYSTEM=="usb", ATTR{idVendor}=="0f49", ATTR{idProduct}=="0a00", '
                'GROUP="blanko", MODE="0660"'
            ) in text


@in_loop
async def test_another_printer_than_configured_is_named():
    async with plugged() as plug:
        for uri in ("usb://0c1f", "usb://EVOLIS/Zenius", "usb://?serial=E100001"):
            trouble, text = await trouble_of(at(plug, uri).open())
            assert trouble is UsbTrouble.OTHER_PRINTER
            assert "EVOLIS Primacy (0f49:ffff) serial E100000 at port 1-1" in text


@in_loop
async def test_two_printers_with_one_serial_number_are_told_apart_by_their_sockets():
    async with plugged() as plug, plugged() as other:
        plug.backend.plug(other.device)
        trouble, text = await trouble_of(at(plug, "usb://?serial=E100000").open())
        assert trouble is UsbTrouble.AMBIGUOUS
        assert "port 1-1," in text
        assert "port 1-2;" in text
        link = at(plug, "usb://?serial=E100000&port=1-2")
        await link.open()
        assert await says_its_name(link)
        assert other.device.received_size == len(ASK_MODEL)
        await link.close()


@in_loop
async def test_nothing_can_be_asked_of_a_link_that_is_not_open():
    async with plugged() as plug:
        link = at(plug)
        for work in (link.write(b"x"), link.read(1), link.port_status()):
            with pytest.raises(TransportError, match="not open"):
                await work
        await link.close()


@pytest.fixture
def libusb(monkeypatch):
    """Says of where a libusb is to be had: "system", "wheel", or nowhere."""

    def of(*places):
        def get_backend(find_library=None):
            place = "system" if find_library is None else "wheel"
            return place if place in places else None

        monkeypatch.setattr(usb.backend.libusb1, "get_backend", get_backend)
        libusb_package.get_libusb1_backend.cache_clear()

    yield of
    libusb_package.get_libusb1_backend.cache_clear()


def test_the_systems_libusb_comes_first_and_the_wheels_else(libusb):
    libusb("system", "wheel")
    assert default_backend() == "system"
    libusb("wheel")
    assert default_backend() == "wheel"


@in_loop
async def test_without_libusb_or_a_bus_the_error_says_what_may_be_missing(libusb):
    libusb()
    trouble, text = await trouble_of(UsbTransport(UsbAddress(0x0F49)).open())
    assert trouble is UsbTrouble.NO_LIBUSB
    assert "libusb-1.0-0" in text
    assert "/dev/bus/usb" in text
