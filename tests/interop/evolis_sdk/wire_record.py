"""A relay that keeps what a host sends to a printer, and a reader of what it kept.

The reader is one more of the same few public facts, for this page of the tests alone:
it counts panels, names what stands between commands, and judges nothing.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

CHUNK_SIZE = 65536
PANEL = re.compile(rb"\x1b(Dbx?);(.);(\d+);(?:300;260;)?")
DOTS_OF = {b"Db": 1016 * 648, b"Dbx": 1016 * 562}
BITS_OF = {b"256": 8, b"128": 7, b"2": 1}  # of a dot, by the levels


class _Pipe(socketserver.BaseRequestHandler):
    """One connection: both ways to the printer, until both sides have ended."""

    def handle(self) -> None:
        relay = cast(Relay, self.server)
        host = cast(socket.socket, self.request)
        kept = bytearray()
        relay.kept.append(kept)
        with socket.create_connection(relay.printer) as printer:

            def answers() -> None:
                while data := printer.recv(CHUNK_SIZE):
                    host.sendall(data)
                host.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=answers)
            back.start()
            while data := host.recv(CHUNK_SIZE):
                kept += data
                printer.sendall(data)
            printer.shutdown(socket.SHUT_WR)
            back.join()


class Relay(socketserver.ThreadingTCPServer):
    """Stands before the printer at `port` of the loopback; a context manager."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.printer = ("127.0.0.1", port)
        self.kept: list[bytearray] = []
        super().__init__(("127.0.0.1", 0), _Pipe)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def requests(self) -> list[bytes]:
        """What came so far, a connection each, in the order in which they began."""
        return [bytes(one) for one in self.kept]

    def server_close(self) -> None:
        self.shutdown()
        self._thread.join()
        super().server_close()


@dataclass(frozen=True, slots=True)
class Item:
    """A command, a tag, or padding, as it stood on the wire."""

    text: str
    dots: bytes | None = None  # of a panel
    size: int = 0  # all its bytes, with ESC, head and CR


def items(request: bytes) -> Iterator[Item]:
    """Take one connection's bytes apart."""
    at = 0
    while at < len(request):
        panel = PANEL.match(request, at)
        if panel:
            end = panel.end() + DOTS_OF[panel[1]] * BITS_OF[panel[3]] // 8
            assert request[end : end + 1] == b"\r"
            size = end + 1 - at
            yield Item(_text(panel[0]), request[panel.end() : end], size)
        elif request[at : at + 1] == b"\x1b":
            end = request.index(b"\r", at)
            yield Item(_text(request[at:end]), size=end + 1 - at)
        elif request[at : at + 1] == b"\0":
            end = at + len(request[at:]) - len(request[at:].lstrip(b"\0")) - 1
            yield Item("NUL", size=end + 1 - at)
        else:
            end = request.index(b">", at)
            yield Item(_text(request[at : end + 1]), size=end + 1 - at)
        at = end + 1


def _text(raw: bytes) -> str:
    return raw.removeprefix(b"\x1b").decode("ascii")
