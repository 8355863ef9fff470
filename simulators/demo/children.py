"""The programs that the demo and the station start, and end again, whatever happens.

Each has its own session, so that Ctrl-C reaches only whoever started it, and is told by
the kernel to end if its starter dies without a word (Linux).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""Where `python -m agent` and `python -m simulators` are found."""

LAST_LINES = 12
_PR_SET_PDEATHSIG = 1
PATIENCE_S = 8.0
"""How long a program may take to end before it is killed."""

_LIBC = ctypes.CDLL(None)


class ChildError(Exception):
    """A program ended early, or did not get ready: which, and its last lines."""


class Child:
    """One running program."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.lines: deque[str] = deque(maxlen=200)
        self.changed = asyncio.Condition()
        self.expected_to_end = False

    def last_words(self) -> str:
        """What it said last, indented."""
        lines = list(self.lines)[-LAST_LINES:] or ["(nothing)"]
        return "\n".join(f"    {line}" for line in lines)


class Children:
    """All programs of one demo; `logs` gets a file for each."""

    def __init__(self, logs: Path, patience_s: float = PATIENCE_S) -> None:
        self._logs = logs
        self._patience_s = patience_s
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children: list[Child] = []
        self._readers: list[asyncio.Task[None]] = []
        self._death = asyncio.Event()
        self._dead: Child | None = None

    async def start(
        self, name: str, argv: Sequence[str], tell: Callable[[str], None] | None = None
    ) -> Child:
        """Start a program; `tell` gets each line it prints.

        Raises:
            ChildError: it cannot be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=ROOT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
                limit=2**20,
            )
        except OSError as error:
            raise ChildError(f"cannot start {name}: {error}") from error
        child = Child(name, process)
        self._children.append(child)
        self._readers.append(asyncio.create_task(self._read(child, tell)))
        return child

    async def line(self, child: Child, part: str, timeout_s: float) -> str:
        """Wait for a line that contains `part`.

        Raises:
            ChildError: it ended first, or did not say so in time.
        """

        def found() -> str | None:
            return next((line for line in child.lines if part in line), None)

        try:
            async with asyncio.timeout(timeout_s), child.changed:
                await child.changed.wait_for(lambda: found() or self._ended(child))
        except TimeoutError:
            raise ChildError(
                f"{child.name} did not say {part!r} in {timeout_s:.0f} s:\n"
                f"{child.last_words()}"
            ) from None
        line = found()
        if line is None:
            raise self._died(child)
        return line

    async def watch(self) -> None:
        """Return never.

        Raises:
            ChildError: a program ended that nobody told to.
        """
        await self._death.wait()
        assert self._dead is not None
        raise self._died(self._dead)

    async def stop(self) -> None:
        """End all of them, the last started first; kill what does not listen."""
        for child in reversed(self._children):
            await self.end(child)
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def end(self, child: Child) -> None:
        """End one, and wait for it."""
        child.expected_to_end = True
        if self._ended(child):
            return
        child.process.terminate()
        try:
            async with asyncio.timeout(self._patience_s):
                await child.process.wait()
        except TimeoutError:
            child.process.kill()
            await child.process.wait()

    async def _read(self, child: Child, tell: Callable[[str], None] | None) -> None:
        stream = child.process.stdout
        assert stream is not None
        with (self._logs / f"{child.name}.log").open("ab") as log:
            async for raw in stream:
                log.write(raw)
                log.flush()
                line = raw.decode("utf-8", "replace").rstrip()
                async with child.changed:
                    child.lines.append(line)
                    child.changed.notify_all()
                if tell is not None:
                    tell(line)
        await child.process.wait()
        if not child.expected_to_end:
            self._dead = child
            self._death.set()
        async with child.changed:
            child.changed.notify_all()

    @staticmethod
    def _ended(child: Child) -> bool:
        return child.process.returncode is not None

    @staticmethod
    def _died(child: Child) -> ChildError:
        return ChildError(
            f"{child.name} ended early (status {child.process.returncode}); "
            f"its last lines:\n{child.last_words()}"
        )


def _end_with_parent() -> None:
    """Runs in the new process, before the program."""
    parent = os.getppid()
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died in between
        os.kill(os.getpid(), signal.SIGTERM)
