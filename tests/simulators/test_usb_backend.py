"""pyusb on the bus in this process: the calls, and the errors of libusb and kernel."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress

import pytest
import usb.core
import usb.util

from simulators.links.usb_descriptors import BULK_IN, BULK_OUT
from tests.simulators.usb_world import ASK_MODEL, ask, in_loop, plugged

GONE, BUSY, HALTED = (-4, 19), (-6, 16), (-9, 32)
LATE, DENIED, BABBLE = (-7, 110), (-3, 13), (-8, 75)


def codes(error: usb.core.USBError) -> tuple[int | None, int | None]:
    return error.backend_error_code, error.errno


async def apart(work):
    return await asyncio.to_thread(work)


@in_loop
async def test_pyusb_finds_it_by_number_and_by_class_and_reads_its_texts():
    async with plugged(model="Zenius") as plug:

        def look():
            (by_class,) = usb.core.find(
                find_all=True,
                backend=plug.backend,
                custom_match=lambda device: any(
                    interface.bInterfaceClass == 7
                    for configuration in device
                    for interface in configuration
                ),
            )
            found = usb.core.find(
                idVendor=0x0F49, idProduct=0x0A00, backend=plug.backend
            )
            assert found == by_class
            assert "Bulk" in str(found)
            texts = found.manufacturer, found.product, found.serial_number
            place = found.bus, found.address, found.port_numbers, found.speed
            return texts, place

        texts, place = await apart(look)
        assert texts == ("EVOLIS", "Zenius", "E100000")
        assert place == (1, 2, (1,), 3)


@in_loop
async def test_a_command_and_its_reply_go_over_the_bulk_pipes():
    async with plugged() as plug:
        assert (await plug.host(ask)).startswith(b"PRIMACY\0")


@in_loop
async def test_usblp_is_in_the_way_until_it_is_detached():
    async with plugged() as plug:

        def look():
            found = plug.found()
            assert found.is_kernel_driver_active(0)
            with pytest.raises(usb.core.USBError) as claiming:
                usb.util.claim_interface(found, 0)
            with pytest.raises(usb.core.USBError) as writing:
                found.write(BULK_OUT, b"x")
            found.detach_kernel_driver(0)
            assert not found.is_kernel_driver_active(0)
            assert ask(found).startswith(b"PRIMACY\0")
            usb.util.release_interface(found, 0)
            found.attach_kernel_driver(0)
            assert found.is_kernel_driver_active(0)
            usb.util.dispose_resources(found)
            return codes(claiming.value), codes(writing.value)

        assert await apart(look) == (BUSY, BUSY)


@in_loop
async def test_one_handle_alone_may_claim():
    async with plugged() as plug:

        def look(first):
            usb.util.claim_interface(first, 0)
            second = plug.found()
            with pytest.raises(usb.core.USBError) as error:
                usb.util.claim_interface(second, 0)
            usb.util.dispose_resources(second)
            return codes(error.value)

        assert await plug.host(look) == BUSY


@in_loop
async def test_what_a_dead_holder_claimed_is_free_again():
    async with plugged() as plug:

        def look(host):
            usb.util.claim_interface(plug.found(), 0)
            gc.collect()
            return ask(host)

        assert (await plug.host(look)).startswith(b"PRIMACY\0")


@in_loop
async def test_a_node_of_another_user_cannot_be_opened():
    async with plugged() as plug:
        plug.port.permitted = False

        def look():
            with pytest.raises(usb.core.USBError) as error:
                plug.found().write(BULK_OUT, b"x")
            return codes(error.value)

        assert await apart(look) == DENIED


@in_loop
async def test_a_reply_that_does_not_come_is_late():
    async with plugged() as plug:

        def look(host):
            with pytest.raises(usb.core.USBTimeoutError) as error:
                host.read(BULK_IN, 64, 20)
            return codes(error.value)

        assert await plug.host(look) == LATE


@in_loop
async def test_a_write_that_ends_late_tells_how_much_was_taken():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-partial")
        taken = await plug.host(lambda host: host.write(BULK_OUT, bytes(5000), 50))
        assert 0 < taken < 5000
        assert taken == plug.device.received_size


@in_loop
async def test_a_write_of_which_nothing_was_taken_is_late():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-nak")

        def look(host):
            with pytest.raises(usb.core.USBTimeoutError) as error:
                host.write(BULK_OUT, bytes(5000), 20)
            return codes(error.value)

        assert await plug.host(look) == LATE


@in_loop
async def test_a_halted_endpoint_works_again_when_it_is_cleared():
    async with plugged() as plug:
        await plug.world.do(do="fault", kind="usb-stall")

        def look(host):
            with pytest.raises(usb.core.USBError) as error:
                host.write(BULK_OUT, bytes(100))
            host.clear_halt(BULK_OUT)
            assert ask(host).startswith(b"PRIMACY\0")
            return codes(error.value)

        assert await plug.host(look) == HALTED


@in_loop
async def test_an_unknown_request_is_a_stall():
    async with plugged() as plug:

        def look(host):
            with pytest.raises(usb.core.USBError) as error:
                host.ctrl_transfer(0xC0, 0x51, 0, 0, 8)
            identity = bytes(host.ctrl_transfer(0xA1, 0, 0, 0, 1023))
            assert identity[2:].startswith(b"MFG:EVOLIS;")
            assert host.ctrl_transfer(0x21, 2, 0, 0) == 0
            return codes(error.value)

        assert await plug.host(look) == HALTED


@in_loop
async def test_a_small_buffer_overflows():
    async with plugged() as plug:

        def look(host):
            host.write(BULK_OUT, b"\x1bRtp\r")
            with pytest.raises(usb.core.USBError) as error:
                host.read(BULK_IN, 7, 5000)
            return codes(error.value)

        assert await plug.host(look) == BABBLE


@in_loop
async def test_an_unplugged_device_is_gone_for_its_handle_for_ever():
    async with plugged() as plug:

        def write(host):
            plug.device.unplug_after(3000)
            with pytest.raises(usb.core.USBError) as writing:
                host.write(BULK_OUT, bytes(5000))
            assert usb.core.find(idVendor=0x0F49, backend=plug.backend) is None
            return host, codes(writing.value)

        host, code = await plug.host(write)
        assert code == GONE
        assert plug.device.received_size == 3000
        plug.device.replug()

        def look():
            with pytest.raises(usb.core.USBError) as error:
                host.write(BULK_OUT, b"x")
            anew = plug.found()
            assert anew.address == 3
            assert anew.is_kernel_driver_active(0)
            usb.util.dispose_resources(anew)
            return codes(error.value)

        assert await apart(look) == GONE
        assert (await plug.host(ask)).startswith(b"PRIMACY\0")


@in_loop
async def test_a_read_under_way_ends_with_the_cable():
    async with plugged() as plug:

        def look(host):
            with pytest.raises(usb.core.USBError) as error:
                host.read(BULK_IN, 64, 0)
            return codes(error.value)

        reading = asyncio.create_task(plug.host(look))
        while not plug.device._in.locked():
            await asyncio.sleep(0)
        await plug.world.do(do="fault", kind="link-cut")
        assert await reading == GONE


@in_loop
async def test_a_reset_forgets_replies_and_halts_and_usblp_stays_away():
    async with plugged() as plug:

        def look(host):
            host.write(BULK_OUT, b"\x1bRtp\r")
            plug.device.halted.add(BULK_OUT)
            host.reset()
            assert not host.is_kernel_driver_active(0)
            return ask(host, b"\x1bRsn\r")

        assert (await plug.host(look)).startswith(b"E100000\0")


@in_loop
async def test_two_printers_are_two_devices_at_two_ports():
    async with plugged() as first, plugged(seed=7) as second:
        first.backend.plug(second.device)

        def look():
            found = list(usb.core.find(find_all=True, backend=first.backend))
            return [(one.port_number, one.serial_number) for one in found]

        assert await apart(look) == [(1, "E100000"), (2, "E100007")]


@pytest.mark.parametrize("turns", range(12))
@in_loop
async def test_a_reply_that_comes_as_the_time_runs_out_is_not_lost(turns):
    async with plugged() as plug:

        def patient(host):
            for _ in range(3):
                with suppress(usb.core.USBTimeoutError):
                    return bytes(host.read(BULK_IN, 1024, 20))
            return b""

        reading = asyncio.create_task(plug.host(patient))
        while not plug.device._in.locked():
            await asyncio.sleep(0)
        asking = asyncio.create_task(plug.out(ASK_MODEL))
        for _ in range(turns):
            await asyncio.sleep(0)
        # The loop stands still here, until the reader's 20 ms are over.
        threading.Event().wait(0.03)
        assert (await reading).startswith(b"PRIMACY\0")
        await asking
