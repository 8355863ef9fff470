"""Requests and jobs over one transport, and the port's status beside them.

Every wait has a limit, and a fault of the printer is looked for while bytes wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from protocols.contract import EndOfStream, Transport
from protocols.errors import DeviceError, RemoteProtocolError, TransportError
from protocols.magicard.codec import (
    ERROR_HEAD,
    INFO_HEAD,
    REPLY_SIZE_MAX,
    Decoder,
    ErrorReply,
    InfoReply,
    Request,
    encode_request,
    parse_error,
    parse_info,
)
from protocols.magicard.status import Port, port_of, reasons_of

REPLY_LIMIT_S = 5.0
QUIET_S = 0.3  # a reply comes within 50 ms                                      MAG-07
POLL_INTERVAL_S = 1.0
STALE_MAX = 8  # replies of before that are passed over at an opening


class Link:
    """The byte pipe of one driver."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def name(self) -> str:
        return self._transport.name

    @property
    def has_port(self) -> bool:
        """Whether the printer can be looked at beside the stream of a job."""
        return self._transport.beside is not None

    async def open(self) -> None:
        await self._transport.open()

    async def close(self) -> None:
        await self._transport.close()

    async def port(self) -> Port | None:
        """Return the port's state; None where the link has no such way (MAG-09)."""
        beside = self._transport.beside
        return None if beside is None else port_of(await beside.port_status())

    async def reset(self) -> None:
        """Have the printer forget a job that it waits for the rest of."""
        if self._transport.beside is not None:
            await self._transport.beside.soft_reset()

    async def drain(self) -> None:
        """Pass over replies that nobody took: of a process that died.

        Raises:
            RemoteProtocolError: they do not end.
        """
        for _ in range(STALE_MAX):
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._read()
            except TimeoutError:
                return
        raise RemoteProtocolError(f"{self.name}: it talks without being asked")

    async def info(self) -> InfoReply:
        return parse_info(await self._ask(Request.INFO, INFO_HEAD))

    async def error(self) -> ErrorReply:
        return parse_error(await self._ask(Request.ERROR, ERROR_HEAD))

    async def send(self, pieces: Iterable[bytes], limit_s: float) -> None:
        """Hand over a job; returns when the printer has taken every byte.

        Raises:
            DeviceError: the port shows a fault meanwhile; it cannot be asked which.
            TransportError: the bytes were not taken in time.
        """
        writing = asyncio.ensure_future(self._write_all(pieces))
        try:
            async with asyncio.timeout(limit_s):
                while not writing.done():
                    await asyncio.wait({writing}, timeout=POLL_INTERVAL_S)
                    if not writing.done() and await self.port() is Port.ERROR:
                        raise DeviceError(
                            f"{self.name}: it stopped in the midst of a job",
                            reasons=reasons_of(None),
                        )
            await writing
        except TimeoutError as error:
            raise TransportError(
                f"{self.name}: a job was not taken within {limit_s:g} s"
            ) from error
        finally:
            writing.cancel()
            await asyncio.wait({writing})

    async def _write_all(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            await self._transport.write(piece)

    async def _ask(self, request: Request, head: str) -> str:
        decoder = Decoder()
        try:
            async with asyncio.timeout(REPLY_LIMIT_S):
                await self._transport.write(encode_request(request))
                body = None
                while body is None:
                    body = decoder.receive(await self._read())
        except TimeoutError as error:
            cut = "a reply without end" if decoder.partial else "no reply"
            raise TransportError(
                f"{self.name}: {cut} to {request} within {REPLY_LIMIT_S:g} s"
            ) from error
        if body.startswith(head):
            return body
        raise RemoteProtocolError(f"{self.name}: {body[:40]!r} in answer to {request}")

    async def _read(self) -> bytes:
        data = await self._transport.read(REPLY_SIZE_MAX)
        if isinstance(data, EndOfStream):
            raise TransportError(f"{self.name}: closed by the printer")
        return data
