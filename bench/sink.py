"""A port that takes everything and answers nothing, in a thread of this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def sink() -> Iterator[int]:
    """Gives the port; closed afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_swallow, args=(listener,), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def _swallow(listener: socket.socket) -> None:
    while True:
        try:
            link, _ = listener.accept()
        except OSError:
            return
        with link:
            while link.recv(1 << 20):
                pass
