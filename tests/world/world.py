"""A world: one printer, one agent, its centre, people and chance, in virtual time.

The agent is the real one down to its seams: clock, executor, link and transport are the
world's; worker, uplink, door, journal, lifecycle and driver are not touched.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import (
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import structlog
from PIL import Image

from agent.artwork import ArtworkError
from agent.clock import InlineExecutor
from agent.clockwatch import watch_clock
from agent.contract.events import AgentStarted, AgentStopped
from agent.contract.messages import Job, RejectReason, State
from agent.health import Health
from agent.journal import chain
from agent.journal.errors import JournalDamagedError
from agent.journal.journal import Journal, JournalError
from agent.journal.mending import mend
from agent.journal.signing import sign_days
from agent.journal.verify import Verdict
from agent.people.stockroom import Stockroom, watch_unconfirmed
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from agent.uplink.commands import Commands
from agent.uplink.door import Door
from agent.uplink.last_opened import LastOpened
from agent.uplink.session import Ends, Uplink
from agent.uplink.state import Standing, state_of
from protocols.contract import Driver, Transport
from protocols.vocabulary import CardSide, StateReason
from simulators.centre.suspicion import PASSED_OVER
from simulators.faults import FaultKind
from tests.agent.virtual_time import LoopClock, VirtualTimeLoop, elapse
from tests.world import forger, judge
from tests.world.broker import Broker, MemoryLink
from tests.world.centre import ADDRESS, Centre
from tests.world.files import NAME, Files
from tests.world.loss import Loss
from tests.world.machine import Machine, Pick
from tests.world.mischief import Mischief
from tests.world.notary import Notary
from tests.world.person import LOOK_S, Deeds, Person
from tests.world.plan import Act, Plan, Strike, What
from tests.world.port import Port
from tests.world.post import BARE, Post
from tests.world.process import Disk, Process, make_task
from tests.world.staff import Errand, Staff
from tests.world.story import Story
from tests.world.trust import SIGNER
from tests.world.wire import Wire

T = TypeVar("T")

LIMIT_S = 1500.0
DAY_S = 25 * 3600.0  # longer than a movement may wait for its second identity
LIVES_MAX = 12
LOOK_AT_REST_S = 3.0
IN_USE = "x-printer-in-use-error"
COUNTER_KINDS = {FaultKind.COUNTER_RESET, FaultKind.COUNTER_JUMP}


@dataclass(frozen=True)
class Result:
    """What a world came to."""

    plan: Plan
    story: str
    complaints: list[str]
    trace: list[list[str]]  # of each life: its commits and commands
    points: list[int]
    times: list[list[float]]  # when each of the trace was, since the world began
    ended_s: float


class WorldClock(LoopClock):
    """The station's clock, that somebody may set: the centre's runs right."""

    def __init__(self, *, sure: bool) -> None:
        self.sure = sure
        self.off = timedelta()

    def wall(self) -> datetime:
        return super().wall() + self.off

    def synchronised(self) -> bool:
        return self.sure


class Life:
    """The agent's parts in one process, joined as the daemon joins them."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self.process = process
        self.disk = Disk(process, world.notary.read)
        self.journal: Journal | None = None
        self.worker: Worker | None = None
        self.stockroom: Stockroom | None = None
        self.ended_well = False

    async def main(self) -> None:
        """Work until `stop`, in the order of the daemon."""
        world, clock = self._world, self._world.clock
        journal = await Journal.open(
            self.process.folder / "journal.db", clock, self.disk, dice=world.dice
        )
        self.journal = journal
        world.notary.follow(self.process.folder)
        worker, uplink = self._join(journal)
        self.worker = worker
        await journal.record(AgentStarted(version="world", contract=0))
        world.staff.catch_up()
        people, self.stockroom = world.staff.join(
            journal, roster=world.has_roster(), folder=self.process.folder
        )
        await people.announce()
        await world.person.report_blanks(journal)
        async with asyncio.TaskGroup() as group:
            up = group.create_task(uplink.run())
            work = group.create_task(worker.run())
            mending = group.create_task(mend(journal, clock))
            others = [
                group.create_task(sign_days(journal, clock, SIGNER)),
                group.create_task(watch_unconfirmed(journal, clock)),
                group.create_task(watch_clock(journal, clock)),
            ]
            await work
            mending.cancel()
            await journal.record(AgentStopped(reason="asked to stop"))
            uplink.stop()
            await up
            for other in others:
                other.cancel()
        self.ended_well = True

    def _join(self, journal: Journal) -> tuple[Worker, Uplink]:
        world, clock = self._world, self._world.clock
        health = Health({}, lambda: 0.0)
        opened = LastOpened(world.post.open_job)
        family = world.machine.family
        drawn = partial(draw, family.size, world.shade())
        workshop = Workshop(self._make_driver, opened.take, drawn, opened.forget)
        upkeep = Upkeep(journal, world.plan.rules, family.capabilities)
        worker = Worker(journal, workshop, clock, InlineExecutor(), health, upkeep)
        door = Door(journal, opened.open, InlineExecutor(), clock, opened.forget)
        standing = Standing(family.name, world.post.unsigned, door.tally)

        def state(number: int) -> State:
            duty = upkeep.duty(worker.reasons)
            return state_of(journal, worker.picture, standing, number, duty)

        ends = Ends(
            make_link=lambda: MemoryLink(world.broker, self.process),
            address=ADDRESS,
            door=door,
            commands=Commands(
                journal,
                world.post.open_command,
                door,
                lambda: state(0),
                opened.forget,
            ),
            open_ack=world.post.open_ack,
            state=state,
            duel=lambda on: worker.hold(StateReason.SECOND_AGENT, on=on),
            dice=world.dice,
        )
        return worker, Uplink(ends, journal, clock, health)

    def _make_driver(self) -> Driver:
        machine, seen = self._world.machine, self._world.notary.command
        kind = Wire if machine.device is None else Port
        wire: Transport = kind(machine, self.process, self.disk, seen)
        return machine.family.driver(wire)

    async def close(self) -> None:
        """Give the files back; of a dead process nothing more is written."""
        if self.journal is not None:
            self.journal._reader.close()
            self.journal._store.close()


class World:
    def __init__(self, plan: Plan, folder: Path, post: Post = BARE) -> None:
        self.plan = plan
        self.post = post
        self.folder = folder
        self.dice = Random(f"dice {plan.seed}")
        loop = asyncio.get_running_loop()
        self._began_s = loop.time()
        self.story = Story(loop.time)
        self.clock = WorldClock(sure=plan.clock_sure)
        self.machine = Machine(
            self.story,
            plan.family,
            plan.seed,
            plan.power_up,
            counts_at=plan.counts_at,
            loses_last_count=plan.loses_last_count,
        )
        self.notary = Notary(self.story)
        self.broker = Broker(ADDRESS, self.dice)
        self.centre = Centre(
            plan.orders,
            self.broker,
            self.story,
            self.now,
            plan.wishes,
            post,
            plan.signs_from_s,
        )
        self.deeds = Deeds()
        person = Random(f"person {plan.seed}")
        self.person = Person(
            self.machine, self.notary, self.deeds, person, plan.lie_share
        )
        self.loss = Loss(plan.loss, self.story)
        self.staff = Staff(self.machine, self.notary, self.deeds)
        self.mischief = Mischief(self.machine, self.story, self.deeds)
        self.machine.picked = self._picked
        self.by_strangers: set[str] = set()
        self.lives_max = LIVES_MAX
        self.attended = True  # by somebody who removes causes, and answers
        self.tamper: Callable[[Path], object] = lambda _: None  # between two lives
        self.life: Life | None = None
        self._lives: list[Process] = []
        self._pending_acts = 0
        self._person_looks = False
        self._stock_taken = False
        self._closed_s = 0.0  # for how long nobody is here

    def has_roster(self) -> bool:
        """Whether this life of the agent is told of a roster."""
        plan = self.plan
        return bool(plan.errands) and len(self._lives) <= plan.roster_lives

    def shade(self) -> int:
        """A part of every picture, which is another once the agent draws otherwise."""
        return int(self.plan.redrawn and len(self._lives) > 1)

    def now(self) -> datetime:
        """The time that is right."""
        now = self.clock.wall() - self.clock.off
        return now.replace(microsecond=0)

    async def run(self) -> Result:
        """Live until nothing more will happen, then judge."""
        others = self._begin()
        try:
            for _ in range(LIVES_MAX):
                await self._until_at_rest()
                if await self._take_stock():
                    break
        finally:
            await self._end(others)
        self._judge()
        return Result(
            self.plan,
            self.story.text,
            self.story.complaints,
            [process.trace for process in self._lives],
            [process.points for process in self._lives],
            [
                [at_s - self._began_s for at_s in process.times]
                for process in self._lives
            ],
            self.story.at_s,
        )

    def _begin(self) -> list[asyncio.Future[Any]]:
        """Let everything live; `_end` takes what this returns."""
        self.story.tell("plan", f"seed {self.plan.seed}: {self.plan}")
        self._fill()
        return [
            asyncio.ensure_future(work)
            for work in (
                self.machine.run(),
                self.centre.run(),
                self._look_after(),
                self._live(),
                *(self._act(act) for act in self.plan.acts),
                *(self._strike(strike) for strike in self.plan.strikes),
                self._errands(),
            )
        ]

    def _fill(self) -> None:
        plan, hand = self.plan, self.machine.hand
        hand.load(plan.hopper_count)
        hand.change_ribbon("YMCKO", plan.ribbon_sets)
        for kind, card_no in plan.faults:
            self.machine.mechanism.faults.schedule(kind, card_no)
        self.deeds.received_count = plan.hopper_count

    def _picked(self, pick: Pick) -> None:
        attempt = self.notary.books.newest
        if self.deeds.alone:
            self.by_strangers |= set(pick.blank_ids)
        elif attempt is None or attempt.stage == "closed":
            self.story.complain(f"fed {pick.blank_ids}, and no attempt is open")
        else:
            key = (attempt.job, attempt.number)
            self.deeds.fed.setdefault(key, []).extend(pick.blank_ids)

    # The agent's lives

    async def _live(self) -> None:
        left: Files | None = None
        number = 0
        while number < self.lives_max:
            deaths = self.plan.deaths
            death = deaths[number] if number < len(deaths) else None
            number += 1
            folder = self.folder / f"life-{number}"
            if left is None:
                folder.mkdir()
            else:
                left.write(folder)
                self.loss.befall(folder)
                self.tamper(folder)
            left = await self._one_life(Process(folder, death, self.dice))
            await elapse(death.down_s if death is not None else 1.0)
            if self._closed_s:
                loop = asyncio.get_running_loop()
                assert isinstance(loop, VirtualTimeLoop)
                loop.leap(self._closed_s)
                self._closed_s = 0.0
        self.story.complain(f"the agent was started {self.lives_max} times")

    async def _one_life(self, process: Process) -> Files:
        self._lives.append(process)
        life = self.life = Life(self, process)
        self.story.tell("agent", f"starts, life {len(self._lives)}")
        main = process.start(life.main())
        died = asyncio.ensure_future(process.died.wait())
        try:
            await asyncio.wait({main, died}, return_when=asyncio.FIRST_COMPLETED)
            if process.dead:
                self._died(process)
            elif not main.cancelled() and (error := main.exception()) is not None:
                # A journal that cannot be written ends the daemon; it is started again.
                allowed = isinstance(_first(error), JournalError)
                tell = self._ended if allowed else self.story.complain
                tell(f"agent: ended by {type(_first(error)).__name__}")
                if life.journal is None:
                    self._set_right(process.folder, _first(error))
        finally:
            self.life = None
            died.cancel()
            await process.sweep()
            self.notary.leave()
            if process.left is None:
                process.left = Files.read(process.folder)
            await life.close()
        if life.ended_well:
            process.left = Files.read(process.folder)
        return process.left

    def _set_right(self, folder: Path, error: BaseException) -> None:
        """A person decides about a ledger that the agent does not open."""
        if not isinstance(error, JournalDamagedError):
            self.loss.put_back(folder)
            return
        counts = self.person.count_everything()
        self.deeds.received_count = sum(counts.values())
        self.loss.begin_anew(folder, counts, self.clock)
        self.notary.begin_anew()

    def _ended(self, what: str) -> None:
        self.story.tell("agent", what)

    def _died(self, process: Process) -> None:
        death = process.death
        assert death is not None
        link = self.broker.link
        self.story.tell("chance", f"the agent dies at point {death.point}")
        if death.printer:
            self.machine.power(on=False)
        if link is not None:
            link.lose()

    # What goes on beside it

    async def _look_after(self) -> None:
        while True:
            await elapse(LOOK_S)
            life = self.life
            alive = life is not None and not life.process.dead
            if not alive or life is None or life.worker is None or not self.attended:
                continue
            if self.story.at_s < self.plan.away_s:
                continue
            assert life.journal is not None
            # A person's word that dies with the agent is given again.
            self._person_looks = True
            await self._while_alive(
                life, self.person.look(life.journal, life.worker.picture.reasons)
            )
            self._person_looks = False

    async def _act(self, act: Act) -> None:
        self._pending_acts += 1
        await elapse(act.at_s)
        life = self.life
        match act.what:
            case What.BROKER_DOWN | What.BROKER_UP:
                self.story.tell("chance", act.what)
                self.broker.fail(up=act.what is What.BROKER_UP)
            case What.DISK_FULL | What.DISK_ROOM:
                self.story.tell("chance", act.what)
                if life is not None and not life.process.dead:
                    life.disk.fill(full=act.what is What.DISK_FULL)
            case What.DISK_FAILS | What.DISK_WORKS:
                self.story.tell("chance", act.what)
                if life is not None and not life.process.dead:
                    self.notary.let_go()
                    life.disk.fail(on=act.what is What.DISK_FAILS)
            case What.FOREIGN_ACK:
                self.story.tell("chance", act.what)
                self.centre.claim(ledger="0" * 36)
            case What.FORK:
                self.story.tell("chance", act.what)
                self.centre.claim(digest="f" * 64)
            case What.OTHER_CONTENT:
                self.story.tell("chance", act.what)
                self.centre.send_another(self.plan.orders[0].job_id)
            case What.RESTART | What.CLOSE | What.SPOIL:
                self.story.tell("chance", act.what)
                self.loss.due = self.loss.due or act.what is What.SPOIL
                self._closed_s = DAY_S if act.what is What.CLOSE else 0.0
                if life is not None and life.worker is not None:
                    life.worker.stop()
            case _:
                await self.mischief.do(act.what)
        self._pending_acts -= 1

    async def _strike(self, strike: Strike) -> None:
        self._pending_acts += 1
        await elapse(strike.at_s)
        self.story.tell("chance", f"strikes: {strike.kind}")
        self.machine.strike(strike.kind)
        self._pending_acts -= 1

    async def _errands(self) -> None:
        errands = sorted(self.plan.errands, key=lambda one: one.at_s)
        self._pending_acts += len(errands)
        for errand in errands:
            await elapse(max(0.0, errand.at_s - self.story.at_s))
            while not await self._run_errand(errand):
                await elapse(LOOK_S)
            self._pending_acts -= 1

    async def _run_errand(self, errand: Errand) -> bool:
        """Whether it was done; not when the agent is not there, or dies of it."""
        if self.staff.was_done():
            return True
        life = self.life
        if life is None or life.process.dead or life.worker is None:
            return False
        assert life.journal is not None
        assert life.stockroom is not None
        return await self._while_alive(
            life, self.staff.run(life.stockroom, life.journal, errand)
        )

    async def _while_alive(self, life: Life, asked: Coroutine[Any, Any, None]) -> bool:
        """Whether what was asked of this life came to its end."""
        task = life.process.start(asked)
        died = asyncio.ensure_future(life.process.died.wait())
        try:
            await asyncio.wait({task, died}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            died.cancel()
        if not task.done() or task.cancelled():
            return False
        try:
            task.result()
        except JournalError as error:
            self.story.tell("person", f"is told to wait: {error.__class__}")
            return False
        return True

    # The end

    async def _until_at_rest(self) -> None:
        days = sum(act.what is What.CLOSE for act in self.plan.acts)
        while self.story.at_s < LIMIT_S + days * DAY_S:
            await elapse(LOOK_AT_REST_S)
            if self._at_rest() or len(self._lives) >= LIVES_MAX:
                return
        self.story.complain(f"no peace within {LIMIT_S:g} s")

    async def _take_stock(self) -> bool:
        """Have every place counted; false when the agent died of it."""
        life = self.life
        if life is None or life.process.dead or life.journal is None:
            return bool(self.story.complaints)
        if life.journal.orders.retired:
            return True  # it has left: what is written now comes to nobody
        asked = life.process.start(self.person.count_all(life.journal))
        await asyncio.wait({asked}, timeout=LOOK_AT_REST_S)
        self._stock_taken = asked.done() and not asked.cancelled()
        if self._stock_taken:
            asked.result()
            await self._until_at_rest()
        return self._stock_taken

    def _at_rest(self) -> bool:
        books = self.notary.books
        open_jobs = judge.jobs_at_rest(books, [o.job_id for o in self.plan.orders])
        held = self.centre.book.ledger.no
        return (
            not open_jobs
            and not (self._pending_acts or self._person_looks)
            and self.life is not None
            and not self._printer_is_in_use()
            and held == len(books.lines) > 0
            and self.centre.all_answered
            and not self.machine.mechanism.moving
            and self.machine.mechanism.sensed_card is None
            and books.stock["received"] == self.deeds.received_count
        )

    def _printer_is_in_use(self) -> bool:
        """Whether the agent says that another host is at it: no time to count."""
        journal = self.life.journal if self.life is not None else None
        return journal is not None and IN_USE in journal.faults()

    async def _end(self, others: Sequence[asyncio.Future[Any]]) -> None:
        for other in others:
            other.cancel()
        results = await asyncio.gather(*others, return_exceptions=True)
        for error in results:
            if isinstance(error, Exception):
                raise error

    def _judge(self) -> None:
        orders, books = self.plan.orders, self.notary.books
        job_ids = [order.job_id for order in orders]
        found = judge.judge(books, self._truth(), job_ids)
        found += judge.jobs_at_rest(books, job_ids)
        if self._stock_taken:
            found += judge.counted(books, self._truth())
        lines = [line.raw for line in self.centre.book.ledger.lines]
        found += judge.reported(books, lines)
        suspicions = self.centre.suspicions.found
        found += [one for one in suspicions if one.startswith(PASSED_OVER)]
        folder = self._lives[-1].folder
        raw = b"".join(path.read_bytes() for path in sorted(folder.glob("journal.db*")))
        audit = forger.audited(folder / NAME)
        if audit.verdict is not Verdict.GOOD:
            found.append(f"verify: {audit.verdict} {audit.detail}")
        canaries = {order.job_id: order.canary for order in orders}
        found += judge.erased(books, raw, canaries)
        try:
            chain.verify(books.lines)
        except chain.ChainError as error:
            found.append(f"the chain is broken: {error}")
        for complaint in found:
            self.story.complain(complaint)
        if not found:
            forgery = forger.FORGERIES[self.plan.seed % len(forger.FORGERIES)]
            forger.unseen(folder, forgery, lines, self.story)

    def _truth(self) -> judge.Truth:
        machine, deeds = self.machine, self.deeds
        cards = {
            blank.blank_id: judge.Card(
                blank.blank_id,
                deeds.carried.get(blank.blank_id, str(blank.place)),
                blank.state,
                machine.digest(blank),
                machine.witness.delivered.get(blank.blank_id, []),
                strange=blank.blank_id in machine.witness.outsiders,
            )
            for blank in machine.mechanism.blanks
        }
        return judge.Truth(
            cards,
            deeds.fed,
            deeds.strayed,
            deeds.lies,
            self.by_strangers,
            counters_struck=self._counters_struck(),
            carried=deeds.carried,
        )

    def _counters_struck(self) -> bool:
        plan = self.plan
        kinds = {kind for kind, _ in plan.faults} | {one.kind for one in plan.strikes}
        return bool(kinds & COUNTER_KINDS) or plan.loses_last_count


def draw(
    size: tuple[int, int], more: int, job: Job, _parts: Mapping[str, bytes]
) -> Mapping[CardSide, Image.Image]:
    """Return pictures of few dots, others for each job."""
    if job.reason == "bad":
        raise ArtworkError(RejectReason.IMAGE_BAD, "front: not a picture")
    many, few = divmod(int(job.job_id[1:]), 16)
    shade = few * 16
    front = {CardSide.FRONT: Image.new("RGB", size, (shade, 2 + many * 8, 3 + more))}
    if job.sides.back is None:
        return front
    return front | {CardSide.BACK: Image.new("RGB", size, (shade, 200, 3))}


def play(plan: Plan) -> Result:
    """Run a whole world."""

    async def whole(folder: Path) -> Result:
        world = World(plan, folder)
        with hearing(world.story):
            return await world.run()

    return in_virtual_time(whole)


def in_virtual_time(live: Callable[[Path], Coroutine[Any, Any, T]]) -> T:
    """Run what lives in a folder, which is in memory where there is such a place."""
    shm = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as folder,
        _logged(),
        asyncio.Runner(loop_factory=_loop) as runner,
    ):
        return runner.run(live(Path(folder)))


@contextmanager
def hearing(story: Story) -> Iterator[None]:
    """Let this story be told of the agent's failures."""
    _HEAR.append(story)
    try:
        yield
    finally:
        _HEAR.remove(story)


def _loop() -> asyncio.AbstractEventLoop:
    loop = VirtualTimeLoop()
    loop.set_task_factory(make_task)  # type: ignore[arg-type] # of 3.11: takes context
    return loop


_HEAR: list[Story] = []


@contextmanager
def _logged() -> Iterator[None]:
    """Hear the agent's log: what it calls a failure of its own is a complaint."""

    def hear(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
        if event["event"] == "worker_failed" and _HEAR:
            error = event["exc_info"]
            _HEAR[-1].complain(f"agent: {_named(error)}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _named(error: BaseException) -> str:
    error = _first(error)
    return f"{type(error).__name__}: {error}"
