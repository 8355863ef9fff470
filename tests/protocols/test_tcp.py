"""The TCP transport on real sockets of the loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from protocols.contract import EndOfStream
from protocols.errors import TransportError
from protocols.transports.tcp import TcpTransport


async def served(answer: Any, use: Any) -> None:
    """Run `use(transport)` against a server whose connections `answer` handles."""
    done = asyncio.Event()

    async def handle(reader, writer):
        try:
            await answer(reader, writer)
        finally:
            writer.close()
            done.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        transport = TcpTransport("127.0.0.1", port)
        try:
            await use(transport)
        finally:
            await transport.close()
        async with asyncio.timeout(5):
            await done.wait()


async def everything(transport: TcpTransport) -> bytes:
    pieces = []
    while isinstance(piece := await transport.read(7), bytes):
        assert 1 <= len(piece) <= 7
        pieces.append(piece)
    assert piece is EndOfStream.END
    return b"".join(pieces)


def reset(writer: asyncio.StreamWriter) -> None:
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, linger
    )
    writer.transport.abort()


def test_a_whole_panel_goes_over_and_the_reply_comes_back_until_the_end():
    panel = bytes(range(256)) * 2572

    async def answer(reader, writer):
        assert await reader.read() == panel  # ends with the half-close
        writer.write(b"OK\x00 and its trailer")

    async def use(transport):
        await transport.open()
        await transport.write(panel)
        await transport.finish()
        assert await everything(transport) == b"OK\x00 and its trailer"
        assert await transport.read(7) is EndOfStream.END

    asyncio.run(served(answer, use))


def test_a_closed_transport_can_be_opened_again():
    async def answer(reader, writer):
        await reader.read()
        writer.write(b"again")

    async def use(transport):
        for _ in range(3):
            await transport.open()
            await transport.finish()
            assert await everything(transport) == b"again"
            await transport.close()
            await transport.close()

    asyncio.run(served(answer, use))


def test_small_commands_do_not_wait_for_an_acknowledgement():
    async def answer(reader, writer):
        await reader.read()

    async def use(transport):
        await transport.open()
        pipe = transport._pipe[1].get_extra_info("socket")
        assert pipe.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    asyncio.run(served(answer, use))


def test_nobody_there_names_the_address():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, but it does not listen
        port = reserved.getsockname()[1]

        async def use() -> None:
            await TcpTransport("127.0.0.1", port).open()

        with pytest.raises(TransportError, match=f"tcp 127.0.0.1:{port}: cannot"):
            asyncio.run(use())


def test_a_reset_while_reading_is_a_cut_not_an_end():
    async def answer(reader, writer):
        await reader.read(2)
        reset(writer)

    async def use(transport):
        await transport.open()
        await transport.write(b"Rt")
        with pytest.raises(TransportError, match="cut while reading"):
            await transport.read(100)

    asyncio.run(served(answer, use))


def test_a_reset_while_sending_is_a_cut():
    async def answer(reader, writer):
        await reader.readexactly(1)
        reset(writer)

    async def use(transport):
        await transport.open()
        with pytest.raises(TransportError, match="cut while sending 8388608 bytes"):
            await transport.write(bytes(8 * 2**20))

    asyncio.run(served(answer, use))


def test_a_cancelled_read_leaves_a_transport_that_closes():
    async def answer(reader, writer):
        await reader.read()

    async def use(transport):
        await transport.open()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await transport.read(1)

    asyncio.run(served(answer, use))


@pytest.mark.parametrize("call", ["write", "finish", "read"])
def test_a_closed_link_is_named(call):
    arguments = {"write": (b"x",), "finish": (), "read": (1,)}[call]
    transport = TcpTransport("::1", 9)
    with pytest.raises(TransportError, match=r"tcp \[::1\]:9: the link is not open"):
        asyncio.run(getattr(transport, call)(*arguments))
