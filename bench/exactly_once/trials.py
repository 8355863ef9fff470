"""What is done to a print system with one card to make, and what came of it.

A system is started, given a job, and asked what it says of it; everything else is done
to its processes, its wire and its printer, and the verdict is counted in cards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulators.demo.world import Truth, World
from tests.chaos.wire import CutWire

PENDING_S = 3.0  # from "accepted" to the blow
OVER_S = 75.0  # then nothing more is expected to happen
QUIET_S = 6.0  # so long nothing has changed: it is over
ENDS = ("completed", "given up", "unknown job")
CUT_SHARE = 0.41
LOOK_S = 0.1
OUT_OF_STEP_S = 8.0  # a printer cut off in mid-panel is then switched off and on


class System(Protocol):
    """A print system that has one printer and is given one job."""

    name: str
    world: World
    wire: CutWire
    card_size: int  # bytes that a card takes on the wire, about

    async def start(self) -> None: ...

    async def submit(self) -> None:
        """Hand the job in; returns when the system has said that it has it."""
        ...

    async def pause(self) -> None:
        """Let no job start."""
        ...

    async def resume(self) -> None: ...

    async def kill(self) -> None:
        """kill -9 of the system, and of nothing else."""
        ...

    async def end(self) -> None:
        """As `systemctl stop` would."""
        ...

    async def says(self) -> str:
        """What it says of the job.

        `completed`, `waiting`, `asks`, `given up` or `unknown job`.
        """
        ...

    async def tidy(self) -> None:
        """What a person does at the machine after a fault, where nobody asks them."""
        ...

    async def stop(self) -> None: ...


class Verdict(StrEnum):
    """What an office would call it; the value heads its column."""

    ONCE = "once"
    FORGOTTEN = "once, untold"
    TWICE = "TWICE"
    HALF_DONE = 'HALF, "done"'
    LOST = "LOST"
    ASKS = "asks"
    WAITS = "waits"


KEPT = frozenset({Verdict.ONCE, Verdict.ASKS})
"""What a promise of exactly once allows: the card and its word, or a question."""

MEANINGS = {
    Verdict.ONCE: "one good card, and the system says that it is done",
    Verdict.FORGOTTEN: "one good card, and the system does not say so",
    Verdict.TWICE: "two good cards of one job",
    Verdict.HALF_DONE: "no good card, one half printed, and it is reported as done",
    Verdict.LOST: "no good card, and the system no longer knows of the job, or "
    "says that it is done",
    Verdict.ASKS: "no good card; the system says so, and a person must decide",
    Verdict.WAITS: f"no good card within {OVER_S:.0f} s, the job still in the queue",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial: what lies there, and what the system says of it."""

    good: int
    spoiled: int
    says: str

    @property
    def verdict(self) -> Verdict:
        """The cards decide first, then what is said of them."""
        if self.good > 1:
            return Verdict.TWICE
        if self.good == 1:
            return Verdict.ONCE if self.says == "completed" else Verdict.FORGOTTEN
        if self.says in ("asks", "given up"):
            return Verdict.ASKS
        if self.says == "waiting":
            return Verdict.WAITS
        half_done = self.says == "completed" and self.spoiled > 0
        return Verdict.HALF_DONE if half_done else Verdict.LOST


async def kill_paused(system: System) -> None:
    """kill -9 while the job waits in a queue that is paused."""
    await system.pause()
    await system.submit()
    await asyncio.sleep(PENDING_S)
    await system.kill()
    await system.start()
    await system.resume()


async def kill_waiting(system: System) -> None:
    """kill -9 while the job waits for a printer that is switched off."""
    await system.world.power(on=False)
    system.wire.unplug()
    await system.submit()
    await asyncio.sleep(PENDING_S)
    await system.kill()
    await system.start()
    await system.world.power(on=True)
    await system.wire.start()


async def kill_printing(system: System) -> None:
    """kill -9 when the first panel is on the card."""
    await system.submit()
    await _printing(system.world)
    await system.kill()
    await system.start()


async def restart_printing(system: System) -> None:
    """An orderly stop and start when the first panel is on the card: an upgrade."""
    await system.submit()
    await _printing(system.world)
    await system.end()
    await system.start()


async def cut(system: System) -> None:
    """The wire breaks after 41 % of a card's bytes; then a person sets things right."""
    system.wire.break_after(round(system.card_size * CUT_SHARE))
    await system.submit()
    await system.wire.cut.wait()
    await asyncio.sleep(OUT_OF_STEP_S)
    await system.world.power(on=False)
    await system.world.power(on=True)
    await system.tidy()


Trial = Callable[[System], Awaitable[None]]
TRIALS: dict[str, Trial] = {
    "kill -9, queue paused": kill_paused,
    "kill -9, printer off": kill_waiting,
    "kill -9 in mid-print": kill_printing,
    "restart in mid-print": restart_printing,
    "wire cut at 41 %": cut,
}


async def outcome(system: System, trial: Trial) -> Outcome:
    """Run one trial to its end, and count."""
    await system.start()
    try:
        await trial(system)
        await _over(system)
        truth = await system.world.truth()
        return Outcome(
            good=sum(card["state"] == "complete" for card in _out(truth)),
            spoiled=sum(card["state"] == "part-printed" for card in truth["cards"]),
            says=await system.says(),
        )
    finally:
        await system.stop()


def _out(truth: Truth) -> list[dict[str, object]]:
    return [card for card in truth["cards"] if card["place"] == "output"]


async def _printing(world: World) -> None:
    while True:
        cards = (await world.truth())["cards"]
        if any(card["place"] == "path" and card["marks"] for card in cards):
            return
        await asyncio.sleep(LOOK_S)


async def _over(system: System) -> None:
    """Until nothing has changed for a while, or the time is up."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + OVER_S
    before, since_s = "", loop.time()
    while loop.time() < end_s:
        truth = await system.world.truth()
        says = await system.says()
        now = f"{says} {truth['cards']}"
        if now != before:
            before, since_s = now, loop.time()
        elif loop.time() - since_s > QUIET_S and says in ENDS:
            return
        await asyncio.sleep(LOOK_S * 5)
