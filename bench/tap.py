"""A wire between agent and printer that notes when each command began."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType

_CHUNK_SIZE = 1 << 20
_HEAD_SIZE = 16


class Tap:
    """A context: listens at `port` while it lasts, passes everything on, both ways."""

    def __init__(self, printer_port: int) -> None:
        self._printer_port = printer_port
        self._heads: list[tuple[float, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Tap:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def first_after(self, at: float, mark: bytes) -> float:
        """When the first connection after `at` began to send what starts with `mark`.

        Raises:
            LookupError: none did.
        """
        for when, head in list(self._heads):
            if when >= at and head.startswith(mark):
                return when
        raise LookupError(f"nothing began with {mark!r}")

    def _accept(self) -> None:
        while True:
            try:
                agent, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(agent,), daemon=True).start()

    def _serve(self, agent: socket.socket) -> None:
        with agent, suppress(OSError):
            printer = socket.create_connection(("127.0.0.1", self._printer_port))
            with printer:
                forth = threading.Thread(target=self._forth, args=(agent, printer))
                forth.start()
                _pass_on(printer, agent)
                forth.join()

    def _forth(self, agent: socket.socket, printer: socket.socket) -> None:
        with suppress(OSError):
            if head := agent.recv(_CHUNK_SIZE):
                self._heads.append((time.monotonic(), head[:_HEAD_SIZE]))
                printer.sendall(head)
            _pass_on(agent, printer)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(_CHUNK_SIZE):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)
