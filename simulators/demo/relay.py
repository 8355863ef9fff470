"""The sabotage `panel`: a wire between agent and printer that flips one byte, once.

Each connection is passed on as it is, both ways, with its half-close. Of the chosen
panel, counted over all connections, one byte in the middle comes out inverted.
"""

from __future__ import annotations

import asyncio
import re

FLIPPED_OFFSET = 300_000
"""Bytes from where the panel, or its page, begins: well inside its image."""

_CHUNK_SIZE = 65536


class Relay:
    """Listens on a loopback port of its own; `port` once `start` has returned."""

    def __init__(self, printer_port: int, panel_start: bytes, panel: int) -> None:
        """`panel`: which one to spoil, 1 for the first that passes."""
        self._printer_port = printer_port
        self._panel_start = panel_start
        self._panel = panel
        self._seen = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0
        self.flipped = False

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and let go of every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(
        self, agent_in: asyncio.StreamReader, agent_out: asyncio.StreamWriter
    ) -> None:
        # Held here: a task that waits for a stream nobody else holds can be collected.
        task = asyncio.create_task(self._serve(agent_in, agent_out))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(
        self, agent_in: asyncio.StreamReader, agent_out: asyncio.StreamWriter
    ) -> None:
        try:
            printer_in, printer_out = await asyncio.open_connection(
                "127.0.0.1", self._printer_port
            )
        except OSError:
            agent_out.close()
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forth(agent_in, printer_out))
                group.create_task(_back(printer_in, agent_out))
        except* OSError:
            pass  # one end is gone: the other will learn it
        finally:
            printer_out.close()
            agent_out.close()

    async def _forth(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        passed, flip_at, tail = 0, -1, b""
        while chunk := await reader.read(_CHUNK_SIZE):
            seen = tail + chunk  # a beginning may lie across two chunks
            for found in re.finditer(re.escape(self._panel_start), seen):
                self._seen += 1
                if self._seen == self._panel:
                    flip_at = passed - len(tail) + found.start() + FLIPPED_OFFSET
            tail = seen[-(len(self._panel_start) - 1) :]
            at = flip_at - passed
            if 0 <= at < len(chunk):
                chunk = chunk[:at] + bytes([chunk[at] ^ 0xFF]) + chunk[at + 1 :]
                self.flipped = True
            passed += len(chunk)
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_SIZE):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
