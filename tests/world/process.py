"""One life of the agent's process: what can end it, and the disk it writes to.

A point is a moment just before or just after a commit of the journal or a command to
the printer; a death strikes at one of them. The dead do nothing more: whatever asks a
seam of theirs waits for ever, and is swept away.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar, TypeVarTuple

from agent.journal import disk
from agent.journal.store import Store
from tests.world.files import NAME, Files, torn

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PAGES_MAX = 1_073_741_823

_PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar(
    "process", default=None
)


@dataclass(frozen=True)
class Death:
    """How one life ends: at its `point`-th point, and what loses its power with it."""

    point: int
    station: bool = False  # the computer's power too, not this process alone
    printer: bool = False
    down_s: float = 5.0


class Process:
    """What a crash takes away."""

    def __init__(self, folder: Path, death: Death | None, dice: Random) -> None:
        self.folder = folder
        self.death = death
        self.dice = dice
        self.dead = False
        self.died = asyncio.Event()
        self.left: Files | None = None  # on the disk, after a death
        self.trace: list[str] = []  # each commit and command, in order
        self.times: list[float] = []  # by the loop, of each of them
        self.tasks: list[asyncio.Task[Any]] = []
        self._points = 0

    @property
    def points(self) -> int:
        """How many points were passed."""
        return self._points

    def reaches(self, what: str = "") -> bool:
        """Pass a point; true when this life ends there. `what` begins there, if any."""
        if what:
            self.trace.append(what)
            self.times.append(asyncio.get_running_loop().time())
        self._points += 1
        return self.death is not None and self._points == self.death.point

    async def alive(self) -> None:
        """Return at once, or never."""
        if self.dead:
            await asyncio.get_running_loop().create_future()

    async def die(self, left: Files | None = None) -> None:
        """End here; `left` is what the disk holds, if not what was written last."""
        self.left = left or Files.read(self.folder)
        self.dead = True
        self.died.set()
        await self.alive()

    def start(self, main: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `main` and whatever it starts as this process."""
        context = contextvars.copy_context()
        context.run(_PROCESS.set, self)
        return asyncio.get_running_loop().create_task(main, context=context)

    async def sweep(self) -> None:
        """Let nothing of this process go on."""
        self.dead = True
        while left := [task for task in self.tasks if not task.done()]:
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=0.001)
        for task in self.tasks:
            if not task.cancelled():
                task.exception()  # of the dead, nobody cares


def make_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any],
    context: contextvars.Context | None = None,
) -> asyncio.Task[Any]:
    """A task factory that gives each task to the process it belongs to."""
    task = asyncio.Task(coroutine, loop=loop, context=context)
    process = context.get(_PROCESS) if context is not None else _PROCESS.get()
    if process is not None:
        process.tasks.append(task)
    return task


class Disk:
    """The executor of the journal: inline, and mortal at each commit.

    SQLite reports each statement as it begins, which says what a commit is and what the
    files were before it, without a line of the journal being changed.
    """

    def __init__(self, process: Process, committed: Callable[[], None]) -> None:
        """`committed` is told of each commit that stands."""
        self._process = process
        self._committed = committed
        self._store: Store | None = None
        self._db: sqlite3.Connection | None = None
        self._synced = True
        self._floor: Files | None = None  # what a power cut leaves; None: all of it
        self._before: Files | None = None  # of the commit at which this life ends
        self._after: Files | None = None
        self._commits = 0

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        process = self._process
        await process.alive()
        await asyncio.sleep(0)  # as a thread would have it, others go on meanwhile
        await process.alive()
        self._attend()
        commits, self._commits = self._commits, 0
        assert not commits
        try:
            result = work(*args)
        except BaseException:
            self._commits, self._before = 0, None
            raise
        if isinstance(result, Store):
            self._store = result
            self._attend()
            self._watch_syncs(result)
        commits, self._commits = self._commits, 0
        if self._before is not None:
            after = self._after or Files.read(process.folder)
            await process.die(torn(self._before, after, process.dice))
        for _ in range(commits):
            if process.reaches():
                await process.die(self._left_now())
        if commits:
            self._committed()
        return result

    def _attend(self) -> None:
        """Hear what the open file is told; it is another one once it was mended."""
        if self._store is not None and self._store._db is not self._db:
            self._db = self._store._db
            self._db.set_trace_callback(self._statement)
            self._synced, self._floor = True, None

    def _watch_syncs(self, store: Store) -> None:
        """Know of the one sync that no statement tells of."""
        whole = store._sync

        def sync() -> None:
            whole()
            if self._before is not None:
                self._after = Files.read(self._process.folder)
            self._floor = None

        store._sync = sync  # type: ignore[method-assign] # it is looked at, not changed

    def _statement(self, sql: str) -> None:
        process = self._process
        match sql:
            case "PRAGMA synchronous = NORMAL":
                self._synced = False
            case "PRAGMA synchronous = FULL":
                self._synced = True
            case "COMMIT":
                self._commits += 1
                dies = process.reaches("commit")
                if dies or not self._synced:
                    now = self._floor or Files.read(process.folder)
                    self._before = now if dies else None
                    self._floor = None if self._synced else now
                else:
                    self._floor = None
            case "PRAGMA wal_checkpoint(TRUNCATE)":
                if self._before is not None:
                    self._after = Files.read(process.folder)
                self._floor = None  # it syncs the -wal before all else

    def _left_now(self) -> Files | None:
        """What a death leaves now: with the power goes what was never synced."""
        process = self._process
        cut = process.death is not None and process.death.station
        if self._floor is None or not cut:
            return None
        return torn(self._floor, Files.read(process.folder), process.dice)

    async def die(self) -> None:
        """End this process now, between two pieces of work."""
        await self._process.die(self._left_now())

    def fail(self, *, on: bool) -> None:
        """Let the disk take nothing more; once it works, no file is trusted for that.

        What stands in the way of the room kept back is all that is asked of the disk
        before the file is opened anew.
        """
        in_the_way = disk.reserve_of(self._process.folder / NAME)
        if not on:
            in_the_way.rmdir()
        elif self._db is not None:
            self._db.execute("PRAGMA query_only = ON")
            in_the_way.unlink(missing_ok=True)
            in_the_way.mkdir()

    def fill(self, *, full: bool) -> None:
        """Let the disk take no further page, or let it have room again."""
        if self._db is None:
            return
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        self._db.execute(f"PRAGMA max_page_count = {pages if full else PAGES_MAX}")
