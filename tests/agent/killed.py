"""Kills itself while a job ends: `python -m tests.agent.killed FOLDER`, for a test.

FOLDER/whole holds a journal whose job is about to end. For each SQL statement of the
ending a child process is killed just before it, on a copy in FOLDER/NUMBER.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from agent.clock import InlineExecutor
from agent.contract.messages import Outcome
from agent.journal.journal import Closing, Journal
from tests.agent.paper_printer import VirtualClock

KILLS_MAX = 200


async def end_job(folder: Path, kill_at: int) -> None:
    journal = await Journal.open(
        folder / "journal.db", VirtualClock(), InlineExecutor()
    )
    left = kill_at

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    journal._store._db.set_trace_callback(count)
    await journal.close_attempt("J-1", 1, Closing(Outcome.GOOD))


def main(folder: Path) -> None:
    for kill_at in range(1, KILLS_MAX):
        copy = folder / str(kill_at)
        shutil.copytree(folder / "whole", copy)
        child = os.fork()
        if child == 0:
            asyncio.run(end_job(copy, kill_at))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
    sys.exit("the job never ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
