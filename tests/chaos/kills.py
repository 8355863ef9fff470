"""Agents killed at every stage of a card, by processes that were real a moment ago."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.chaos.person import Person
from tests.chaos.station import Station
from tests.chaos.wire import Stages

STAGES = ("feeding", "sending", "sent", "delivering")
LASTS_S = {"feeding": 0.15, "sending": 0.05, "sent": 1.5, "delivering": 0.12}
"""About how long the emulator stays in a stage: where in it the blow falls is drawn."""
STAGE_LIMIT_S = 12.0  # then whatever is going on is killed
JOBS_LEFT_MIN = 3  # with fewer, what is left is printed in peace


@dataclass
class Quota:
    """How many kills, and how many of them in each stage, all stations together."""

    kills: int
    each: int
    struck: Counter[str] = field(default_factory=Counter)

    @property
    def filled(self) -> bool:
        enough = all(self.struck[stage] >= self.each for stage in STAGES)
        return enough and self.struck.total() >= self.kills

    def missing(self) -> list[str]:
        """What was not reached: a run without its kills shows nothing."""
        lacking = [
            f"only {self.struck[stage]} kills in {stage}, {self.each} were asked for"
            for stage in STAGES
            if self.struck[stage] < self.each
        ]
        if self.struck.total() < self.kills:
            lacking.append(f"only {self.struck.total()} kills of {self.kills}")
        return lacking

    def wanted(self, dice: Random) -> str:
        """A stage that lacks kills, or any."""
        lacking = [stage for stage in STAGES if self.struck[stage] < self.each]
        return dice.choice(lacking or STAGES)


async def strike(station: Station, stages: Stages, quota: Quota, seed: int) -> None:
    """Kill and restart this station's agent until the quota is filled."""
    dice = Random(f"{station.site.station} {seed}")
    heard = stages.of(station.site.station)
    while not quota.filled and await station.jobs_left() >= JOBS_LEFT_MIN:
        stage = quota.wanted(dice)
        if await reached(stage, heard):
            await asyncio.sleep(dice.uniform(0, LASTS_S[stage]))
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


def report(stations: Sequence[Station], people: Sequence[Person]) -> list[str]:
    """The figures, a line each."""
    struck: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for station in stations:
        struck += station.kills
    for person in people:
        said += person.answers
    by_stage = ", ".join(f"{stage} {struck[stage]}" for stage in (*STAGES, "none"))
    answers = ", ".join(f"{words} {count}" for words, count in sorted(said.items()))
    return [
        f"{struck.total()} kills -9 of the agent: {by_stage}",
        f"what people had to say: {answers or 'nothing'}",
    ]
