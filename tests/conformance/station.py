"""An agent's journal and worker before the printer of a rig, and how its process dies.

The clock of the worker runs fast, so that what it waits for between two looks does not
take as long as at a printer; the links' own time limits are real.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from PIL import Image

from agent.clock import Executor, InlineExecutor, SystemClock
from agent.contract.commands import Cancel, Result
from agent.contract.envelope import OpenedCommand, OpenedJob
from agent.contract.events import Stage
from agent.contract.messages import Job
from agent.health import Health
from agent.journal.journal import Journal
from agent.lifecycle.duty import Rules
from agent.lifecycle.states import JobState
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from protocols.vocabulary import CardSide
from tests.agent.paper_printer import make_job, opened
from tests.conformance.rigs import Bench, Rig

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BLANKS, TIMES_FASTER = 3, 40
JOB = "J1"
ENDED = (JobState.COMPLETED, JobState.ABORTED, JobState.CANCELED)


class DeathError(BaseException):
    """The process ends here: nobody catches it, nothing is tidied up."""


class FastClock(SystemClock):
    """Waits a part of what it is asked for, and says that all of it has gone by."""

    def mono_ms(self) -> int:
        return super().mono_ms() * TIMES_FASTER

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / TIMES_FASTER)


@dataclass
class MortalExecutor:
    """Does the journal's work at once, and dies when `due` says so, before or after."""

    due: Callable[[str], bool] = lambda _: False

    async def run(self, work: Callable[[*Ts], T], *args: *Ts) -> T:
        if self.due("before"):
            raise DeathError
        result = work(*args)
        if self.due("after"):
            raise DeathError
        return result


def draw(job: Job, parts: object) -> dict[CardSide, Image.Image]:
    """A face with dyes and resin in it."""
    picture = Image.new("RGB", (1011, 638), (200, 30, 90))
    picture.paste((0, 0, 0), (40, 30, 400, 90))
    return {CardSide.FRONT: picture}


@dataclass
class Station:
    """`journal` is of one life of the process."""

    folder: Path
    bench: Bench
    journal: Journal
    executor: MortalExecutor
    known: dict[bytes, OpenedJob] = field(default_factory=dict)

    async def send(self, job_id: str = JOB) -> None:
        now = datetime.now(UTC)
        until = now + timedelta(days=1)
        one = opened(make_job(job_id, issued_at=now, expires_at=until))
        sealed = job_id.encode()
        self.known[sealed] = one
        await self.journal.accept(one, sealed)

    async def cancel(self) -> Result:
        now = datetime.now(UTC)
        command = Cancel(
            command_id="C-1",
            command_no=1,
            station="s",
            printer="p",
            issued_at=now,
            expires_at=now + timedelta(days=1),
            job_id=JOB,
        )
        came = OpenedCommand("0" * 64, "k", command.command_id, 1, "cancel", command)
        return (await self.journal.orders.take(came)).result

    async def work_until(self, fact: Callable[[], object]) -> None:
        """Raises: DeathError: the process died before."""
        workshop = Workshop(
            make_driver=self.bench.driver,
            open_spooled=self.known.__getitem__,
            render=draw,
            forget=lambda: None,
        )
        able = self.bench.driver().capabilities
        upkeep = Upkeep(self.journal, Rules(test_after_s=None), able)
        inline: Executor = InlineExecutor()
        worker = Worker(self.journal, workshop, FastClock(), inline, Health({}), upkeep)
        task = asyncio.ensure_future(worker.run())
        try:
            await self._until(fact, task)
            worker.stop()
            await task
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _until(
        self, fact: Callable[[], object], task: asyncio.Task[None]
    ) -> None:
        version = 0
        while not (task.done() or fact()):
            changed = asyncio.ensure_future(self.journal.changed.beyond(version))
            await asyncio.wait({task, changed}, return_when="FIRST_COMPLETED")
            version = changed.result() if changed.done() else version
            changed.cancel()

    async def die_at(self, stage: Stage, moment: str) -> None:
        """Work until `stage` has just been written, or the next is about to be."""

        def due(now: str) -> bool:
            found = self.journal.open_attempt()
            return now == moment and found is not None and found.begun.stage is stage

        self.executor.due = due
        try:
            await self.work_until(lambda: self.ended)
        except DeathError:
            pass
        else:
            raise AssertionError(f"{stage} never came")
        self.executor.due = lambda _: False
        await self.bench.close()
        await self.journal.close()

    async def live_again(self) -> None:
        self.executor = MortalExecutor()
        self.journal = await _journal(self.folder, self.executor)

    @property
    def state(self) -> JobState:
        return self.state_of(JOB)

    def state_of(self, job_id: str) -> JobState:
        job = self.journal.job(job_id)
        assert job is not None
        return job.state

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def still(self) -> bool:
        """Nothing goes on without a person."""
        return self.ended or self.journal.doubtful() is not None

    def books(self) -> dict[str, int]:
        return {str(place): count for place, count in self.journal.stock().items()}


async def _journal(folder: Path, executor: MortalExecutor) -> Journal:
    return await Journal.open(folder / "journal.db", FastClock(), executor)


@asynccontextmanager
async def station(folder: Path, rig: Rig) -> AsyncIterator[Station]:
    executor = MortalExecutor()
    async with rig.bench(hopper_count=BLANKS) as bench:
        here = Station(folder, bench, await _journal(folder, executor), executor)
        await here.journal.load_stock(BLANKS)
        await here.send()
        try:
            yield here
        finally:
            await here.journal.close()
