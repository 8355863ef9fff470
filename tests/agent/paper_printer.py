"""A printer on paper: a second `Driver`, whose physical truth outlives every driver.

It can be told to fail before or after any step, and calls a hook before each one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from agent.artwork import ArtworkError
from agent.clock import Executor, InlineExecutor
from agent.contract.envelope import OpenedJob
from agent.contract.events import Evidence, Expected, Found, Place, Stage
from agent.contract.messages import (
    ImageSide,
    Job,
    JobKind,
    RejectReason,
    Sides,
)
from agent.health import Health
from agent.journal.journal import Journal, Resolution
from agent.lifecycle.duty import Rules
from agent.lifecycle.facts import Begun
from agent.lifecycle.states import JobState
from agent.printer.upkeep import Upkeep
from agent.printer.worker import Worker
from agent.printer.workshop import Workshop
from protocols.contract import (
    Capabilities,
    CountsAt,
    Identity,
    Observation,
    PreparedCard,
    Ribbon,
    SidePlanes,
    Status,
    Supplies,
)
from protocols.errors import DeviceError, PrinterError
from protocols.vocabulary import (
    CardFate,
    CardPosition,
    CardSide,
    Panel,
    PrinterState,
    Reason,
    Severity,
    StateReason,
)

WIDTH, HEIGHT = 8, 6
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SPINS_MAX = 20_000

FEEDING = Begun(
    stage=Stage.FEEDING,
    before=Evidence(card="none", reasons=[]),
    expected=Expected(cards=1, sets=1),
    digest="ab" * 32,
)

CAN = Capabilities(
    family="paper",
    model="Paper",
    dpi=300,
    width_px=WIDTH,
    height_px=HEIGHT,
    two_sided=True,
    reject_bin=True,
    ribbons={
        "YMCKO": Ribbon(tuple(Panel)),
        "YMCKOK": Ribbon(tuple(Panel), back=(Panel.BLACK,)),
        "KO": Ribbon((Panel.BLACK, Panel.OVERLAY)),
    },
    feed_counter=CountsAt.FEED,
    ribbon_counter=CountsAt.START,
    faults_latch=True,
    power_canary=True,
    status_beside_job=True,
    longest_card_s=90.0,
    settle_gap_s=2.0,
)


WHOLE_JOB = replace(CAN, whole_job=True)


class CrashError(BaseException):
    """The process is gone; nothing that follows it happens."""


def error(keyword: StateReason) -> Reason:
    return Reason(keyword, Severity.ERROR)


class Fault(NamedTuple):
    """What strikes at the next time that a step is taken, before or after it."""

    step: str
    when: str
    failure: BaseException


@dataclass
class PaperCard:
    """One physical blank."""

    sides: list[CardSide] = field(default_factory=list)
    wanted: int = 0

    @property
    def good(self) -> bool:
        return self.wanted > 0 and len(self.sides) == self.wanted


@dataclass
class PaperMachine:
    """What is really there, whatever anybody believes."""

    hopper: list[PaperCard] = field(default_factory=list)
    path: PaperCard | None = None
    output: list[PaperCard] = field(default_factory=list)
    reject_bin: list[PaperCard] = field(default_factory=list)
    hand: list[PaperCard] = field(default_factory=list)
    cards_fed: int = 0
    ribbon: str = "YMCKO"
    ribbon_serial: str = "R1"
    ribbon_left: int = 100
    serial: str = "P1"
    latched: frozenset[Reason] = frozenset()
    cause: frozenset[Reason] = frozenset()  # what a clear_fault brings up again
    canary: str = "0"
    reachable: bool = True
    faults: list[Fault] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    cover_open: bool = False
    cleaning_card: bool = False
    cleanings: int = 0
    busy: bool = False
    hook: Callable[[str], None] = lambda _: None
    gate: asyncio.Event | None = None  # where given, printing ends only when it is set
    can: Capabilities = CAN
    keeps_job: bool = False  # a whole job waits in memory, and nothing moves before it
    job: PreparedCard | None = None  # of which the last bytes are missing

    def feed(self) -> PaperCard:
        """Take the next blank into the path."""
        assert self.path is None, "fed into a path that is not empty"
        self.path = self.hopper.pop()
        self.cards_fed += 1
        return self.path

    def load(self, count: int) -> None:
        self.hopper += [PaperCard() for _ in range(count)]

    def take(self, place: str) -> PaperCard:
        """A hand takes a card away."""
        if place == "path":
            card, self.path = self.path, None
        else:
            card = getattr(self, place).pop()
        assert card is not None
        self.hand.append(card)
        return card

    def power_cycle(self, *, flush: bool = False) -> None:
        """Off and on again; a machine that flushes moves a card in its path out."""
        self.canary = "0"
        self.latched = frozenset()
        self.job = None
        if flush and self.path is not None:
            self.output.append(self.path)
            self.path = None

    def clean(self) -> None:
        """What it does when told to; without a cleaning card it takes a blank."""
        if self.cleaning_card:
            self.cleaning_card = False
            self.cards_fed += self.can.cleaning_cards
        else:
            self.hand.append(self.hopper.pop())
            self.cards_fed += 1
        self.cleanings += 1
        self.latched = self.cause = frozenset()

    def places(self) -> dict[Place, int]:
        return {
            Place.HOPPER: len(self.hopper),
            Place.PATH: int(self.path is not None),
            Place.OUTPUT: len(self.output),
            Place.REJECT_BIN: len(self.reject_bin),
        }

    def status(self) -> Status:
        reasons = set(self.latched)
        if self.cover_open:
            reasons.add(error(StateReason.COVER_OPEN))
        if not self.hopper:
            reasons.add(error(StateReason.MEDIA_EMPTY))
        if not self.ribbon_left:
            reasons.add(error(StateReason.RIBBON_EMPTY))
        card = CardPosition.INSIDE if self.path else CardPosition.NONE
        return Status(
            state=PrinterState.STOPPED if reasons else PrinterState.IDLE,
            reasons=frozenset(reasons),
            card=card,
            busy=self.busy,
            session_foreign=False,
            restarted=False,
        )


@dataclass(frozen=True)
class PaperDue:
    until_advised: int | None
    until_overdue: int | None


class PaperDriver:
    """The seam itself; made anew after each error, as the contract demands."""

    def __init__(self, machine: PaperMachine) -> None:
        self._machine = machine
        self._spent = False

    @property
    def capabilities(self) -> Capabilities:
        return self._machine.can

    def _identity(self) -> Identity:
        return Identity("Paper", self._machine.serial, "1.0", "H1")

    def _strike(self, step: str, when: str) -> None:
        machine = self._machine
        assert not self._spent, f"{step} on a driver that is spent"
        if when == "before":
            machine.hook(step)
            machine.steps.append(step)
        if not machine.reachable:
            self._spent = True
            raise PrinterErrors.absent()
        for fault in machine.faults:
            if (fault.step, fault.when) == (step, when):
                machine.faults.remove(fault)
                self._spent = True
                if isinstance(fault.failure, DeviceError):
                    machine.latched |= fault.failure.reasons
                raise fault.failure

    async def open(self) -> Identity:
        self._strike("open", "before")
        self._machine.job = None  # a link that is opened anew has no job under way
        return self._identity()

    async def status(self) -> Status:
        self._strike("status", "before")
        return self._machine.status()

    async def observe(self) -> Observation:
        self._strike("observe", "before")
        machine = self._machine
        return Observation(
            status=machine.status(),
            identity=self._identity(),
            supplies=Supplies(
                machine.ribbon, machine.ribbon_serial, machine.ribbon_left, 100
            ),
            cards_fed=machine.cards_fed,
            canary=machine.canary,
        )

    def prepare(self, sides: Sequence[SidePlanes], ribbon_kind: str) -> PreparedCard:
        packed = tuple(
            (
                one.side,
                tuple((panel, plane.tobytes()) for panel, plane in one.planes.items()),
            )
            for one in sides
        )
        data = b"".join(dots for _, panels in packed for _, dots in panels)
        return PreparedCard(packed, ribbon_kind, hashlib.sha256(data).hexdigest())

    async def claim(self) -> str | None:
        self._strike("claim", "before")
        self._machine.canary = "2"
        return "2"

    async def feed(self) -> None:
        self._strike("feed", "before")
        machine = self._machine
        if not machine.hopper:
            self._spent = True
            raise DeviceError(
                "hopper empty",
                reasons=frozenset({error(StateReason.MEDIA_EMPTY)}),
                card=CardFate.UNTOUCHED,
            )
        machine.feed()
        self._strike("feed", "after")

    async def print_side(self, card: PreparedCard, side: CardSide) -> None:
        self._strike("print_side", "before")
        machine = self._machine
        assert machine.path is not None
        machine.path.wanted = len(card.sides)
        machine.path.sides.append(side)
        machine.ribbon_left -= 1
        self._strike("print_side", "after")

    async def finish_print(self) -> None:
        self._strike("finish_print", "before")
        if self._machine.gate is not None:
            await self._machine.gate.wait()
        self._strike("finish_print", "after")

    async def deliver(self) -> None:
        self._strike("deliver", "before")
        machine = self._machine
        assert machine.path is not None
        machine.output.append(machine.path)
        machine.path = None
        self._strike("deliver", "after")

    async def reject(self) -> None:
        self._strike("reject", "before")
        machine = self._machine
        assert machine.path is not None
        machine.reject_bin.append(machine.path)
        machine.path = None
        self._strike("reject", "after")

    async def send_job(self, card: PreparedCard) -> None:
        self._strike("send_job", "before")
        machine = self._machine
        machine.job = card
        if not machine.keeps_job:
            self._begin_card(card)
        self._strike("send_job", "after")

    def _begin_card(self, card: PreparedCard) -> None:
        """All that can be made of a job without its last bytes: no finished card."""
        machine = self._machine
        blank = machine.feed()
        blank.wanted = len(card.sides)
        blank.sides += [side for side, _ in card.sides[:-1]]
        machine.ribbon_left -= len(card.sides)

    async def send_last(self) -> None:
        self._strike("send_last", "before")
        machine = self._machine
        card, machine.job = machine.job, None
        assert card is not None
        if machine.keeps_job:
            self._begin_card(card)
        assert machine.path is not None
        machine.path.sides.append(card.sides[-1][0])
        machine.output.append(machine.path)
        machine.path = None
        self._strike("send_last", "after")

    async def clear_fault(self) -> None:
        self._strike("clear_fault", "before")
        self._machine.latched = self._machine.cause
        if self._machine.cause:
            self._spent = True
            raise DeviceError(
                "acknowledged, but still up",
                reasons=self._machine.cause,
                card=CardFate.UNTOUCHED,
            )

    @property
    def maintenance(self) -> PaperDriver:
        return self

    async def cleaning(self) -> PaperDue:
        self._strike("cleaning", "before")
        return PaperDue(12, 52)

    async def clean(self) -> None:
        self._strike("clean", "before")
        self._machine.clean()
        self._strike("clean", "after")

    async def release(self) -> None:
        self._strike("release", "before")

    async def close(self) -> None:
        self._spent = True


class PrinterErrors:
    """The errors a driver raises, as a test needs them."""

    @staticmethod
    def absent() -> PrinterError:
        from protocols.errors import TransportError

        return TransportError("no answer", card=CardFate.UNTOUCHED)

    @staticmethod
    def cut() -> PrinterError:
        from protocols.errors import TransportError

        return TransportError("link cut", card=CardFate.UNKNOWN)

    @staticmethod
    def jam() -> PrinterError:
        reasons = frozenset({error(StateReason.MEDIA_JAM)})
        return DeviceError("stopped", reasons=reasons, card=CardFate.UNKNOWN)

    @staticmethod
    def no_feed() -> PrinterError:
        reasons = frozenset({error(StateReason.MEDIA_NEEDED)})
        return DeviceError("nothing fed", reasons=reasons, card=CardFate.UNTOUCHED)


class VirtualClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.ms = 1_000
        self.sure = True
        self.offset = timedelta()

    def wall(self) -> datetime:
        return START + self.offset + timedelta(milliseconds=self.ms)

    def mono_ms(self) -> int:
        return self.ms

    def synchronised(self) -> bool:
        return self.sure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.ms += round(seconds * 1000)


def make_job(job_id: str = "J1", **changes: object) -> Job:
    sides = Sides(front=ImageSide(part="front"))
    fields: dict[str, object] = {
        "job_id": job_id,
        "queue_no": 1,
        "station": "s",
        "printer": "p",
        "rkid": "k",
        "issued_at": START,
        "expires_at": START + timedelta(days=30),
        "kind": JobKind.FIRST,
        "subject": f"subject-{job_id}",
        "sides": sides,
    }
    return Job(**(fields | changes))  # type: ignore[arg-type]


def two_sided() -> Sides:
    return Sides(front=ImageSide(part="front"), back=ImageSide(part="back"))


def opened(job: Job, payload: str | None = None) -> OpenedJob:
    text = payload or repr(job)
    return OpenedJob(
        job=job, parts={}, payload_sha256=hashlib.sha256(text.encode()).hexdigest()
    )


@dataclass
class Station:
    """Journal, worker and machine of one test; `reopen` is a new process."""

    folder: Path
    machine: PaperMachine
    clock: VirtualClock
    journal: Journal
    worker: Worker
    known: dict[bytes, OpenedJob]
    forgotten: list[str]  # one for each time that opened jobs were let go of
    rules: Rules

    @classmethod
    async def make(
        cls,
        folder: Path,
        machine: PaperMachine | None = None,
        executor: Executor | None = None,
        rules: Rules | None = None,
    ) -> Station:
        machine = machine or PaperMachine()
        clock, executor = VirtualClock(), executor or InlineExecutor()
        journal = await Journal.open(folder / "journal.db", clock, executor)
        return cls._join(folder, machine, clock, journal, {}, rules or Rules())

    @classmethod
    def _join(
        cls,
        folder: Path,
        machine: PaperMachine,
        clock: VirtualClock,
        journal: Journal,
        known: dict[bytes, OpenedJob],
        rules: Rules,
    ) -> Station:
        forgotten: list[str] = []
        workshop = Workshop(
            make_driver=lambda: PaperDriver(machine),
            open_spooled=lambda sealed: known[sealed],
            render=draw,
            forget=lambda: forgotten.append("opened jobs"),
        )
        worker = _worker(journal, workshop, clock, rules)
        return cls(folder, machine, clock, journal, worker, known, forgotten, rules)

    async def reopen(self, folder: Path) -> Station:
        """Start a new process on the files in `folder`, beside the same machine."""
        journal = await Journal.open(
            folder / "journal.db", self.clock, InlineExecutor()
        )
        return self._join(
            folder, self.machine, self.clock, journal, self.known, self.rules
        )

    async def restart(self) -> Station:
        await self.journal.close()
        return await self.reopen(self.folder)

    async def stock(self, count: int) -> None:
        self.machine.load(count)
        await self.journal.load_stock(count)

    def thrown_out(self, reason: str, who: str | None = None) -> Resolution:
        """What a person says of a card in doubt that lies in the reject bin."""
        bin_count = len(self.machine.reject_bin)
        return Resolution(Found.REJECT_BIN, None, reason, who, bin_count=bin_count)

    async def send(self, job: Job) -> None:
        one = opened(job)
        sealed = f"sealed {job.job_id}".encode()
        self.known[sealed] = one
        await self.journal.accept(one, sealed)

    async def work_until(self, fact: Callable[[], object]) -> None:
        """Run the worker until `fact` is true, then stop it in good order."""
        task = asyncio.ensure_future(self.worker.run())
        for _ in range(SPINS_MAX):
            if task.done() or fact():
                break
            await asyncio.sleep(0)
        reached = bool(fact())
        self.worker.stop()
        await task
        assert reached, f"never came true; {self.journal.jobs_open(9)}"

    async def work_for(self, seconds: float) -> None:
        end = self.clock.ms + round(seconds * 1000)
        await self.work_until(lambda: self.clock.ms >= end)

    def again(self) -> None:
        """A worker once stopped is done; take a new one on the same journal."""
        workshop = self.worker._workshop
        self.worker = _worker(self.journal, workshop, self.clock, self.rules)

    def state(self, job_id: str = "J1") -> JobState:
        job = self.journal.job(job_id)
        assert job is not None
        return job.state

    def check_books(self) -> None:
        """Books against the physical truth; what is in suspense may be anywhere."""
        book, truth = self.journal.stock(), self.machine.places()
        inside = sum(n for place, n in book.items() if place is not Place.RECEIVED)
        assert book[Place.RECEIVED] == inside
        open_ones = int(self.journal.open_attempt() is not None)
        loose = book[Place.SUSPENSE] + open_ones
        off = sum(abs(truth[place] - book[place]) for place in truth)
        # Between the feed and its next stage a card is off at two places.
        assert off <= loose + open_ones, (book, truth)
        good = [card for card in self.machine.output if card.good]
        completed = [
            job
            for job in self.journal.jobs_ended(99)
            if job.state is JobState.COMPLETED and not job.reasons  # not thrown out
        ]
        assert len(completed) <= len(good) <= len(completed) + loose


def _worker(
    journal: Journal, workshop: Workshop, clock: VirtualClock, rules: Rules
) -> Worker:
    upkeep = Upkeep(journal, rules, CAN)
    return Worker(journal, workshop, clock, InlineExecutor(), Health({}), upkeep)


def draw(job: Job, parts: object) -> dict[CardSide, Image.Image]:
    """Return small pictures; a job whose reason is `bad` cannot be drawn."""
    if job.reason == "bad":
        raise ArtworkError(RejectReason.IMAGE_BAD, "front: not a picture")
    sides = [CardSide.FRONT] + ([CardSide.BACK] if job.sides.back else [])
    colour = (len(job.job_id), 2, 3)
    return {side: Image.new("RGB", (WIDTH, HEIGHT), colour) for side in sides}
