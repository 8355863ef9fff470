"""Agents and printers killed at every stage of a card: real processes, by kill -9."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from tests.chaos.person import Person
from tests.chaos.reckoning import Reckoning
from tests.chaos.station import Station
from tests.chaos.wire import Stages

STAGES = ("feeding", "sending", "sent", "delivering")
WHOLE_JOB = ("sending", "sent")
"""Of a printer that feeds and ejects by itself. `last` lies between them, for as long
as a commit takes: it is struck by chance, and counted.
"""

LASTS_S = {"feeding": 0.15, "sending": 0.05, "sent": 1.5, "delivering": 0.12}
"""About how long the emulator stays in a stage: where in it the blow falls is drawn."""
STAGE_LIMIT_S = 12.0  # then whatever is going on is killed
JOBS_LEFT_MIN = 3  # with fewer, what is left is printed in peace


@dataclass
class Quota:
    """How many kills, and how many of them in each stage, all stations together."""

    kills: int
    each: int
    stages: tuple[str, ...] = STAGES
    struck: Counter[str] = field(default_factory=Counter)

    @property
    def filled(self) -> bool:
        enough = all(self.struck[stage] >= self.each for stage in self.stages)
        return enough and self.struck.total() >= self.kills

    def missing(self) -> list[str]:
        """What was not reached: a run without its kills shows nothing."""
        lacking = [
            f"only {self.struck[stage]} kills in {stage}, {self.each} were asked for"
            for stage in self.stages
            if self.struck[stage] < self.each
        ]
        if self.struck.total() < self.kills:
            lacking.append(f"only {self.struck.total()} kills of {self.kills}")
        return lacking

    def wanted(self, dice: Random) -> str:
        """A stage that lacks kills, or any."""
        lacking = [stage for stage in self.stages if self.struck[stage] < self.each]
        return dice.choice(lacking or self.stages)


async def strike(
    station: Station,
    stages: Stages,
    agents: Quota,
    printers: Quota,
    seed: int,
) -> None:
    """Kill this station's agent or printer and start it again, until both are filled.

    One blow in so many goes to the printer as its quota is smaller.
    """
    dice = Random(f"{station.site.station} {seed}")
    heard = stages.of(station.site.station)
    share = printers.kills / (agents.kills + printers.kills)
    while await station.jobs_left() >= JOBS_LEFT_MIN:
        if agents.filled and printers.filled:
            return
        at_printer = agents.filled or (not printers.filled and dice.random() < share)
        quota = printers if at_printer else agents
        stage = quota.wanted(dice)
        if await reached(stage, heard):
            await asyncio.sleep(dice.uniform(0, LASTS_S[stage]))
        if at_printer:
            quota.struck[await station.cut_power()] += 1
            await station.start_printer()
        else:
            quota.struck[await station.kill_agent()] += 1
            await station.start_agent()


async def reached(stage: str, heard: asyncio.Queue[str]) -> bool:
    """Wait until a card comes to this stage anew; false: none did in time."""
    while not heard.empty():
        heard.get_nowait()
    try:
        async with asyncio.timeout(STAGE_LIMIT_S):
            while await heard.get() != stage:
                pass
    except TimeoutError:
        return False
    return True


async def until_over(stations: Sequence[Station], limit_s: float) -> None:
    """Until every job of every station has ended, and the centre knows."""
    async with asyncio.timeout(limit_s):
        for station in stations:
            while not await station.over():
                await asyncio.sleep(0.2)


async def reckon(stations: Sequence[Station]) -> Reckoning:
    """All of them together; each finding says whose it is."""
    whole = Reckoning()
    for station in stations:
        one = await station.reckoning()
        name = station.site.station
        whole += replace(one, findings=[f"{name}: {told}" for told in one.findings])
    return whole


def report(stations: Sequence[Station], people: Sequence[Person]) -> list[str]:
    """Blows by stage and answers in words, a line each."""
    said: Counter[str] = Counter()
    for person in people:
        said += person.answers
    answers = ", ".join(f"{words} {count}" for words, count in sorted(said.items()))
    lines = [
        _by_stage(f"kills -9 of the {family} agent", agents)
        for family in sorted({station.make.family for station in stations})
        if (agents := _sum(one.kills for one in stations if one.make.family == family))
    ]
    if cuts := _sum(one.power_cuts for one in stations):
        lines.append(_by_stage("kills -9 of the printer", cuts))
    return [*lines, f"what people had to say: {answers or 'nothing'}"]


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counters, Counter[str]())


def _by_stage(what: str, struck: Counter[str]) -> str:
    order = ("feeding", "sending", "last", "sent", "delivering", "none")
    parts = [f"{stage} {struck[stage]}" for stage in order if struck[stage]]
    return f"{struck.total()} {what}: {', '.join(parts)}"
