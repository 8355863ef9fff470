"""A world in which a thief is at work, told step by step by a script.

Whatever names a deed is found here by reading what others can read: the ledger's lines,
the agent's `state` at the broker, the centre's complaints. A script lets moments come,
one after the other, and the heist writes down which of them named something.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.contract.events import Place as StockPlace
from agent.contract.topics import Topic
from agent.journal.verify import Verdict
from agent.people.requests import StockCount, Written
from simulators.blanks import Place
from tests.agent.virtual_time import VirtualTimeLoop, elapse
from tests.world import forger, judge
from tests.world.centre import ADDRESS, Order
from tests.world.files import NAME, Files
from tests.world.plan import Plan
from tests.world.post import BARE, Post
from tests.world.staff import DONE, STANDING, Errand
from tests.world.world import Life, World, hearing, in_virtual_time

HISTORY = "the centre holds another history"
TOLD_MAX = 150  # lines of a story that went wrong
STEP_S = 0.25
WITHIN_S = 600.0
READ_S = 0.5  # from the first answer of a look to the commit of what it showed


class Moment(StrEnum):
    """When a deed can be known."""

    AT_THE_DOOR = "when the message comes"
    AT_ONCE = "while the card is under way"
    COUNTER_READ = "next read of the counters"
    STATUS = "next look at the printer"
    EMPTY = "hopper empty before its book"
    COUNT = "next count of that place"
    CLOCK = "next look at the clock"
    START = "next start of the agent"
    ACK = "next word of the centre"
    LINES = "when the centre adds the lines up"
    VERIFY = "next verify"
    SHIFT = "a shift without a second identity"


@dataclass(frozen=True)
class Found:
    """What was named when a moment came."""

    moment: Moment
    names: tuple[str, ...]


Script = Callable[["Heist"], Coroutine[Any, Any, None]]


class Heist(World):
    """Nobody looks after the printer but the script, unless it says so."""

    def __init__(self, plan: Plan, folder: Path, post: Post = BARE) -> None:
        super().__init__(plan, folder, post)
        self.found: list[Found] = []
        self.told: list[str] = []  # by what a script asked, as `verify`
        self.attended = False
        self._rows: list[bytes] = []
        self._known: Counter[str] = Counter()
        self._turned_before: Counter[str] = Counter()  # in lives that have ended

    async def perform(self, script: Script) -> None:
        """Live until the script has come to its end."""
        others = self._begin()
        play = asyncio.ensure_future(script(self))
        try:
            await asyncio.wait({play, *others}, return_when=asyncio.FIRST_COMPLETED)
            for ended in others:
                if ended.done() and not ended.cancelled() and ended.exception():
                    raise ended.exception()  # type: ignore[misc] # it is one
            await play
        finally:
            await self._end([*others, play])

    def has_roster(self) -> bool:
        return True

    # What can be read

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the data of each event of this kind."""
        return [one["data"] for one in self.lines() if one["data"]["kind"] == kind]

    def lines(self) -> list[dict[str, Any]]:
        """Return every event; after the end, as it was then."""
        rows = self.notary.rows(0)
        self._rows = rows or self._rows
        return [json.loads(line[65:]) for line in self._rows]

    def kinds(self) -> list[str]:
        """Return the kind of each event."""
        return [str(one["data"]["kind"]) for one in self.lines()]

    @property
    def names(self) -> Counter[str]:
        """What was named up to now, and how often."""
        raised = [
            " ".join(filter(None, (one["incident"], one.get("place"))))
            for one in self.events("incident-raised")
        ]
        doubts = ["in doubt" for one in self.events("job-stopped") if _in_doubt(one)]
        suspected = [one.partition(":")[0] for one in self.centre.suspicions.found]
        turned = {f"refused {why}": n for why, n in self.state["refused"].items()}
        turned["redelivered"] = self.state["redelivered"]
        heard = [HISTORY for one in self.story.complaints if one.startswith("centre:")]
        told = Counter(raised + doubts + suspected + heard + self.told)
        return told + Counter(turned) + self._turned_before

    @property
    def state(self) -> dict[str, Any]:
        """The newest state that the agent has published."""
        name = ADDRESS.topic(Topic.STATE)
        kept = self.broker.kept.get(name)
        state: dict[str, Any] = {"refused": {}, "redelivered": 0}
        return state if kept is None else json.loads(kept)

    @property
    def cards(self) -> Counter[str]:
        """How many cards lie where, counted by their marks, not in any book."""
        blanks = self.machine.mechanism.blanks
        return Counter(str(one.place) for one in blanks if one.state != "blank")

    @property
    def living(self) -> Life:
        """The agent, which must be alive."""
        life = self.life
        assert life is not None
        assert not life.process.dead
        assert life.journal is not None
        return life

    @property
    def ending(self) -> str:
        """The end of the story."""
        return "\n".join(self.story.lines[-TOLD_MAX:])

    # Moments

    async def at(self, moment: Moment, comes: Awaitable[Any]) -> None:
        """Let a moment come; nothing may have been named before it."""
        self.nothing_named()
        await comes
        self.found.append(Found(moment, tuple(sorted(self.new_names))))
        self._known = self.names

    @property
    def new_names(self) -> Counter[str]:
        """What was named since the last moment."""
        return self.names - self._known

    def all_known(self) -> None:
        """What was named so far is no news any more: it is part of an honest day."""
        self._known = self.names

    def nothing_named(self) -> None:
        """No deed is known of, but those found already."""
        assert not self.new_names, f"{self.new_names}\n{self.ending}"

    async def passes(self, seconds: float) -> None:
        """Let time pass; it may name nothing."""
        await elapse(seconds)
        self.nothing_named()

    async def sleeps(self, seconds: float) -> None:
        """Likewise, and nobody looks meanwhile, the agent neither."""
        self.leap(seconds)
        await self.passes(STEP_S)

    def leap(self, seconds: float) -> None:
        """Let all be asleep for so long: what was due then is due at its end."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.leap(seconds)

    async def until(self, what: Callable[[], bool], within_s: float = WITHIN_S) -> None:
        """Wait for something."""
        end_s = self.story.at_s + within_s
        while not what():
            assert self.story.at_s < end_s, self.ending
            await elapse(STEP_S)

    async def hear(self, word: str, answered_s: float = READ_S) -> None:
        """Until a command of this word has gone to the printer, and was answered."""
        mark = len(self.notary.heard)
        await self.until(
            lambda: any(one.startswith(word) for _, one in self.notary.heard[mark:])
        )
        await elapse(answered_s)

    def want(self, job_id: str, queue_no: int, **more: Any) -> Order:
        """Have the centre order a card."""
        order = Order(job_id, queue_no, at_s=self.story.at_s, **more)
        self.plan = replace(self.plan, orders=(*self.plan.orders, order))
        self.centre.order(order)
        return order

    async def becomes(self, job_id: str, *words: str) -> None:
        """Until the newest word of a job is one of these."""
        await self.until(lambda: self.notary.books.jobs.get(job_id) in words)

    async def card(self, job_id: str, queue_no: int, **more: Any) -> Order:
        """Order a card, and wait until it is out."""
        order = self.want(job_id, queue_no, **more)
        await self.becomes(job_id, "completed")
        return order

    async def all_held(self) -> None:
        """Until the centre holds every line."""
        held = self.centre.book
        await self.until(lambda: held.ledger.no == len(self.notary.rows(0)))

    async def idle(self) -> None:
        """Until the agent has looked at a printer that does nothing."""
        await self.until(lambda: not self.machine.mechanism.moving)
        await elapse(5.0)

    # Hands

    def take(self, origin: Place) -> None:
        """A hand takes the topmost card of a place, and keeps it."""
        self.put(origin, Place.HAND)

    def put(self, origin: Place, destination: Place) -> None:
        """A hand brings the topmost card of a place to another one."""
        blank = self.machine.hand.take(origin, destination)
        if destination is Place.HAND and not blank.strange:
            self.deeds.strayed[blank.blank_id] = f"taken from {origin}"
        self.machine.touched("hand")

    # People

    async def ask(self, request: Written, told: str = DONE) -> None:
        """Somebody of the roster asks at the control socket, and is told so."""
        life = self.living
        assert life.stockroom is not None
        assert life.journal is not None
        before = list(self.story.complaints)
        errand = Errand(self.story.at_s, request, told)
        await self.staff.run(life.stockroom, life.journal, errand)
        assert self.story.complaints == before, self.ending

    async def count(self, *places: StockPlace) -> None:
        """An honest person counts what lies there."""
        for place in places:
            count = len(self.machine.mechanism.at(STANDING[place]))
            await self.ask(StockCount(who="agus", place=place, count=count))

    # The agent's files

    async def restart(self) -> None:
        """Stop the agent in good order; it starts again by itself."""
        lives, worker = len(self._lives), self.living.worker
        assert worker is not None
        worker.stop()
        await self.until(lambda: len(self._lives) > lives)
        await elapse(1.0)

    async def closes(self, seconds: float) -> None:
        """Stop the agent in good order, and let nobody be here for so long."""
        self._closed_s = seconds
        await self.restart()

    async def alive(self) -> None:
        """Until the agent has begun its work, and goes on with it."""
        await self.until(lambda: self._works())

    def _works(self) -> bool:
        life = self.life
        return life is not None and not life.process.dead and life.stockroom is not None

    def copied(self) -> Files:
        """A copy of the agent's files as they are now."""
        return Files.read(self.living.process.folder)

    async def connected(self) -> None:
        """Until the agent has told its broker of itself."""
        await self.until(lambda: self.broker.link is not None)
        await elapse(2.0)

    def verify(self, folder: Path) -> None:
        """An auditor with every key asks what these files are worth."""
        verdict = forger.audited(folder / NAME).verdict
        if verdict is not Verdict.GOOD:
            self.told.append(f"verify: {verdict}")

    def _set_right(self, folder: Path, error: BaseException) -> None:
        """The agent does not take this file for its own; the right one is put back."""
        self.told.append("the agent does not start")
        files = self._lives[-2].left
        assert files is not None
        shutil.rmtree(folder)
        files.write(folder)

    # The end

    async def books_are_true(self) -> None:
        """People count what can be counted; then books and truth are one."""
        self.all_known()
        await self.count(*STANDING)
        job_ids = [order.job_id for order in self.plan.orders]
        truth, books = self._truth(), self.notary.books
        wrong = judge.judge(books, truth, job_ids) + judge.counted(books, truth)
        if self.events("job-inspected"):  # the attempts' stories end at the output
            wrong = [one for one in wrong if one not in judge.places(books, truth)]
        assert wrong + self.story.complaints == [], self.ending


def _in_doubt(stopped: dict[str, Any]) -> bool:
    return "x-outcome-unknown-error" in stopped["reasons"]


def perform(plan: Plan, script: Script, post: Post = BARE) -> Heist:
    """Play a script in virtual time; return the heist as it ended."""

    async def whole(folder: Path) -> Heist:
        heist = Heist(plan, folder, post)
        with hearing(heist.story):
            await heist.perform(script)
        return heist

    return in_virtual_time(whole)
