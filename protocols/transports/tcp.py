"""A raw TCP port as a byte pipe: no protocol, no retry, every failure named."""

from __future__ import annotations

import asyncio
import socket

from protocols.contract import EndOfStream
from protocols.errors import TransportError

CONNECT_TIMEOUT_S = 5.0


class TcpTransport:
    """One connection at a time to `host`:`port`; implements `contract.Transport`.

    The printers behind it end each reply by closing, and see the end of a request by
    the half-close of `finish`.
    """

    exchange_per_connection = True
    beside = None

    def __init__(self, host: str, port: int) -> None:
        self.name = f"tcp [{host}]:{port}" if ":" in host else f"tcp {host}:{port}"
        self._host = host
        self._port = port
        self._pipe: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        await self.close()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                pipe = await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            raise TransportError(
                f"{self.name}: no connection within {CONNECT_TIMEOUT_S:g} s"
            ) from error
        except OSError as error:
            raise TransportError(f"{self.name}: cannot connect: {error}") from error
        # Without this each small command waits 40 ms for an acknowledgement.
        pipe[1].get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        self._pipe = pipe

    async def write(self, data: bytes) -> None:
        _, writer = self._opened()
        try:
            writer.write(data)
            await writer.drain()
        except OSError as error:
            raise TransportError(
                f"{self.name}: cut while sending {len(data)} bytes: {error}"
            ) from error

    async def finish(self) -> None:
        _, writer = self._opened()
        try:
            writer.write_eof()
        except OSError as error:
            raise TransportError(
                f"{self.name}: cut before the end of the request: {error}"
            ) from error

    async def read(self, size_max: int) -> bytes | EndOfStream:
        reader, _ = self._opened()
        try:
            data = await reader.read(size_max)
        except OSError as error:
            raise TransportError(f"{self.name}: cut while reading: {error}") from error
        return data or EndOfStream.END

    async def close(self) -> None:
        if self._pipe is None:
            return
        _, writer = self._pipe
        self._pipe = None
        # Not `close`: that would go on sending what is still in our buffer.
        writer.transport.abort()

    def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._pipe is None:
            raise TransportError(f"{self.name}: the link is not open")
        return self._pipe
