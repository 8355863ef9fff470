"""`python -m tests.chaos.leaking run CONFIG`: the agent, beside a thread that leaks.

The lie of the soak's check of memory and files: it must be found.
"""

from __future__ import annotations

import threading
from pathlib import Path

from agent.cli import main

EVERY_S = 0.25
SIZE = 512 * 1024


def leak() -> None:
    """Keep a file and some memory more, every so often, for ever."""
    kept: list[object] = []
    pause = threading.Event()
    while not pause.wait(EVERY_S):
        kept.append(Path("/dev/null").open("rb"))  # noqa: SIM115
        kept.append(b"\xff" * SIZE)


if __name__ == "__main__":
    threading.Thread(target=leak, daemon=True).start()
    main()
