"""The USB/IP server, met by a client written by hand, kind or not."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from simulators.links import usbip, usbip_wire
from simulators.links.usb_device import Setup
from simulators.links.usbip import UsbipServer
from tests.simulators.usb_world import ASK_MODEL, UsbWorld, in_loop, plugged
from tests.simulators.usbip_client import Client, Told

# From the examples of the kernel's usbip_protocol.rst.
CMD_IN = (
    "00000001 00000d05 0001000f 00000001 00000001 00000200 "
    "00000040 ffffffff 00000000 00000004 00000000 00000000"
)
CMD_OUT = (
    "00000001 00000d06 0001000f 00000000 00000001 00000000 "
    "00000040 ffffffff 00000000 00000004 00000000 00000000"
)
RET_OUT = "00000003 00000d06 00000000 00000000 00000000 00000000 00000040"


@dataclass
class Served(UsbWorld):
    client: Callable[..., Awaitable[Client]]


@asynccontextmanager
async def served(**settings):
    async with plugged(**settings) as plug:
        server = UsbipServer(plug.device)
        port = await server.open("127.0.0.1", 0)
        clients: list[Client] = []

        async def client(*, imported=True):
            """One more; with `imported` as soon as the host before has let go."""
            while True:
                clients.append(await Client.to(port))
                if not imported or isinstance(await clients[-1].import_(), Told):
                    return clients[-1]

        try:
            yield Served(plug.world, plug.device, plug.backend, plug.port, client)
        finally:
            for one in clients:
                one.close()
            await server.close()


def test_the_kernels_examples_are_read_and_written_as_they_stand():
    nothing = Setup(0, 0, 0, 0, 0)
    assert usbip_wire.urb(bytes.fromhex(CMD_IN)) == usbip_wire.Urb(
        0xD05, usbip_wire.IN, 1, 64, nothing
    )
    assert usbip_wire.urb(bytes.fromhex(CMD_OUT)) == usbip_wire.Urb(
        0xD06, usbip_wire.OUT, 1, 64, nothing
    )
    ended = usbip_wire.ret_submit(0xD06, 0, 64)
    assert len(ended) == 48
    assert ended[:28] == bytes.fromhex(RET_OUT)


@in_loop
async def test_the_list_tells_of_the_printer_and_its_interface():
    async with served(model="Zenius") as plug:
        client = await plug.client(imported=False)
        ((told, interfaces),) = await client.devlist()
        assert told.busid == "1-1"
        assert told.numbers == (1, 2, 3, 0x0F49, 0x0A00, 0x0100)
        assert told.classes == bytes([0, 0, 0, 1, 1, 1])
        assert interfaces == bytes([7, 1, 2, 0])


@in_loop
async def test_an_imported_printer_is_enumerated_asked_and_answers():
    async with served() as plug:
        client = await plug.client()
        ended = await client.control("80 06 00 01 00 00 40 00", 64)
        assert (ended.status, ended.data) == (0, plug.device.description.device)
        assert (await client.control("00 09 01 00 00 00 00 00")).status == 0
        ended = await client.control("a1 00 00 00 00 00 ff 03", 1023)
        assert ended.data[2:].startswith(b"MFG:EVOLIS;MDL:Primacy;")
        assert (await client.control("a1 01 00 00 00 00 01 00", 1)).data == b"\x18"
        assert (await client.ask(ASK_MODEL)).startswith(b"PRIMACY\0")


@in_loop
async def test_an_answer_is_cut_to_the_room_of_the_urb_though_the_setup_asks_more():
    async with served() as plug:
        client = await plug.client()
        ended = await client.control("80 06 00 01 00 00 40 00", 8)
        assert ended.data == plug.device.description.device[:8]


@in_loop
async def test_one_host_has_it_and_the_next_may_when_that_one_is_gone():
    async with served() as plug:
        first = await plug.client()
        assert await (await plug.client(imported=False)).import_() == 2
        first.out(ASK_MODEL)
        await first.ended()
        first.close()
        assert (await (await plug.client()).ask(b"\x1bRsn\r")).startswith(b"E100000\0")


@in_loop
async def test_the_errors_are_the_kernels():
    async with served() as plug:
        client = await plug.client()
        assert (await client.control("c0 51 00 00 00 00 08 00", 8)).status == (
            -errno.EPIPE
        )
        client.submit(3, 0, 1, b"x")
        assert (await client.ended()).status == -errno.EPIPE
        client.out(ASK_MODEL)
        await client.ended()
        client.in_(5)
        ended = await client.ended()
        assert (ended.status, ended.size) == (-errno.EOVERFLOW, 0)


@in_loop
async def test_a_read_that_is_taken_back_ends_once():
    async with served() as plug:
        client = await plug.client()
        reading = client.in_()
        taking_back = client.unlink(reading)
        ended = await client.ended()
        assert (ended.command, ended.sequence) == (4, taking_back)
        assert ended.status == -errno.ECONNRESET
        assert (await client.ask(ASK_MODEL)).startswith(b"PRIMACY\0")


@in_loop
async def test_what_had_ended_before_cannot_be_taken_back():
    async with served() as plug:
        client = await plug.client()
        writing = client.out(ASK_MODEL)
        assert (await client.ended()).status == 0
        client.unlink(writing)
        ended = await client.ended()
        assert (ended.command, ended.status) == (4, 0)


@in_loop
async def test_a_write_taken_back_in_part_tells_the_part_first():
    async with served() as plug:
        await plug.world.do(do="fault", kind="usb-partial")
        client = await plug.client()
        writing = client.out(bytes(10_000))
        await plug.taken(1)
        client.unlink(writing)
        part, unlinked = await client.ended(), await client.ended()
        assert (part.command, part.sequence) == (3, writing)
        assert part.status == -errno.ECONNRESET
        assert 0 < part.size == plug.device.received_size < 10_000
        assert (unlinked.command, unlinked.status) == (4, 0)


@in_loop
async def test_a_nak_holds_the_urb_and_a_stall_ends_it_until_it_is_cleared():
    async with served() as plug:
        client = await plug.client()
        await plug.world.do(do="fault", kind="usb-nak")
        client.unlink(client.out(ASK_MODEL))
        assert (await client.ended()).status == -errno.ECONNRESET
        assert plug.device.received_size == 0
        await plug.world.do(do="clear", kind="usb-nak")
        await plug.world.do(do="fault", kind="usb-stall")
        client.out(bytes(100))
        ended = await client.ended()
        assert (ended.status, ended.size) == (-errno.EPIPE, 50)
        assert (await client.control("02 01 00 00 01 00 00 00")).status == 0
        assert (await client.ask(ASK_MODEL)).startswith(b"PRIMACY\0")


@in_loop
async def test_writes_submitted_together_arrive_in_their_order():
    async with served() as plug:
        client = await plug.client()
        sequences = [client.out(bytes([part])) for part in b"\x1bRtp\r"]
        ended = [(await client.ended()).sequence for _ in sequences]
        assert ended == sequences
        client.in_()
        assert (await client.ended()).data.startswith(b"PRIMACY\0")


@in_loop
async def test_with_the_cable_the_connection_dies_and_nothing_is_listed():
    async with served() as plug:
        client = await plug.client()
        client.in_()
        plug.device.unplug_after(3000)
        client.out(bytes(10_000))
        assert await client.died()
        assert plug.device.received_size == 3000
        assert await (await plug.client(imported=False)).devlist() == []
        assert await (await plug.client(imported=False)).import_() == 4
        plug.device.replug()
        assert (await (await plug.client()).ask(b"\x1bRsn\r")) != b""


def submit(**fields: int) -> bytes:
    values = {
        "command": 1,
        "sequence": 1,
        "devid": 0x10002,
        "direction": 0,
        "endpoint": 1,
        "flags": 0,
        "size": 0,
        "frame": 0,
        "packets": 0,
        "interval": 0,
        **fields,
    }
    return struct.pack(">10I8x", *values.values())


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        bytes.fromhex("0106 8005 00000000"),
        bytes.fromhex("0111 8004 00000000"),
    ],
)
@in_loop
async def test_bytes_that_are_no_operation_end_their_connection(raw):
    async with served() as plug:
        client = await plug.client(imported=False)
        client.writer.write(raw)
        assert await client.died()
        assert len(await (await plug.client(imported=False)).devlist()) == 1


@pytest.mark.parametrize(
    "raw",
    [
        submit(command=3),
        submit(command=0xFFFFFFFF),
        submit(packets=8),
        submit(size=16 * 1024 * 1024 + 1),
        submit(size=0xFFFFFFFF),
        submit(direction=2),
        submit(endpoint=2, direction=1, size=8) * 2,
        b"\xff" * 48,
    ],
)
@in_loop
async def test_bytes_that_are_no_urb_end_their_connection(raw):
    async with served() as plug:
        client = await plug.client()
        client.writer.write(raw)
        assert await client.died()
        assert plug.device.received_size == 0
        assert (await (await plug.client()).ask(ASK_MODEL)).startswith(b"PRIMACY\0")


@in_loop
async def test_whatever_a_host_sends_the_next_one_is_served():
    chance = random.Random(3)
    async with served() as plug:
        for _ in range(150):
            client = await plug.client()
            for _ in range(chance.randrange(1, 6)):
                raw = bytearray(
                    submit(
                        command=chance.choice((1, 1, 1, 2)),
                        sequence=chance.randrange(4),
                        direction=chance.randrange(2),
                        endpoint=chance.randrange(4),
                        size=chance.choice((0, 1, 64, 5000)),
                    )
                )
                raw[chance.randrange(48)] = chance.randrange(256)
                client.writer.write(raw + chance.randbytes(chance.choice((0, 64))))
            client.close()
        plug.device.printer.soft_reset()
        assert (await (await plug.client()).ask(ASK_MODEL)).startswith(b"PRIMACY\0")


@in_loop
async def test_more_than_a_kernel_would_have_under_way_ends_the_connection(monkeypatch):
    monkeypatch.setattr(usbip, "WAITING_SIZE_MAX", 100_000)
    async with served() as plug:
        await plug.world.do(do="fault", kind="usb-nak")
        client = await plug.client()
        for _ in range(12):
            client.out(bytes(10_000))
        assert await client.died()


@in_loop
async def test_endless_urbs_end_the_connection():
    async with served() as plug:
        client = await plug.client()
        for _ in range(usbip.URBS_MAX + 1):
            client.in_()
        assert await client.died()


@in_loop
async def test_what_was_taken_no_longer_counts_as_under_way(monkeypatch):
    monkeypatch.setattr(usbip, "WAITING_SIZE_MAX", 100_000)
    async with served() as plug:
        client = await plug.client()
        for _ in range(50):
            client.out(bytes(10_000))
            assert (await client.ended()).size == 10_000


@in_loop
async def test_one_who_says_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(usbip, "HANDSHAKE_S", 0.05)
    async with served() as plug:
        client = await plug.client(imported=False)
        client.writer.write(b"\x01\x11")
        assert await client.died()


@in_loop
async def test_a_kernel_is_served_at_one_end_of_a_pair_of_sockets():
    async with plugged() as plug:
        server = UsbipServer(plug.device)
        ours, theirs = socket.socketpair()
        serving = asyncio.create_task(server.serve_socket(ours))
        client = Client(*await asyncio.open_connection(sock=theirs))
        assert server.devid == 0x00010002
        assert (await client.ask(ASK_MODEL)).startswith(b"PRIMACY\0")
        plug.device.unplug()
        assert await client.died()
        await serving
        client.close()
