"""Worlds by the hundred: every crash point of the standard cards, and drawn ones.

What fails is told whole, with the command that plays it again.
"""

from __future__ import annotations

import gc
import os
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from tests.world import moments
from tests.world.days import TALES
from tests.world.plan import POWERS, STANDARD, Plan, death_at, random_plan
from tests.world.world import Result, play

CHUNK = 10


@dataclass
class Count:
    """What a run came to."""

    worlds: int = 0
    wrong: int = 0
    virtual_s: float = 0.0
    lives: int = 0


def failure(result: Result, again: str) -> str:
    """What a failed world prints: its story, what is wrong, and how to see it again."""
    wrong = "\n".join(f"WRONG: {one}" for one in result.complaints)
    return f"{result.story}{wrong}\nagain: python -m tests.world {again}"


@dataclass(frozen=True)
class Task:
    """One world, and the words that name it on the command line."""

    plan: Plan
    again: str


def crash(card: str, point: int, power: str) -> Task:
    """A standard card whose agent dies at a point; the tear is another at each."""
    plan = replace(STANDARD[card], seed=point, deaths=(death_at(point, power),))
    return Task(plan, f"--card {card} --point {point} --power {power}")


def drawn(seed: int) -> Task:
    return Task(random_plan(seed), f"--seed {seed}")


def tales() -> list[Task]:
    """The days that are set down."""
    return [Task(plan, f"--tale '{name}'") for name, plan in TALES.items()]


def deed(card: str, name: str, number: int, at_s: float) -> Task:
    """A card with somebody's deed at one of its moments, counted from 1."""
    again = f"--card {card} --deed {name} --moment {number}"
    return Task(moments.disturbed(card, name, at_s), again)


def deeds(card: str) -> list[Task]:
    """Every deed at every moment of a card."""
    return [
        deed(card, name, number, at_s)
        for name, times in moments.times_of(card).items()
        for number, at_s in enumerate(times, 1)
    ]


def points_of(card: str) -> tuple[int, int, int]:
    """Return points, commits and commands of a standard card that nothing ends."""
    result = play(STANDARD[card])
    assert not result.complaints, failure(result, f"--card {card}")
    (trace,) = result.trace
    commits, points = trace.count("commit"), result.points[0]
    assert points == 2 * len(trace)
    return points, commits, len(trace) - commits


def crashes(card: str, powers: Iterable[str] = POWERS) -> list[Task]:
    """Every crash point of a standard card, with each loss of power."""
    points, _, _ = points_of(card)
    return [crash(card, at, power) for power in powers for at in range(1, points + 1)]


def run(tasks: Iterable[Task]) -> Count:
    """Play them all on every CPU, and print what fails."""
    count = Count()
    with ProcessPoolExecutor(os.cpu_count(), initializer=gc.freeze) as pool:
        for virtual_s, lives, text in pool.map(_one, tasks, chunksize=CHUNK):
            count.worlds += 1
            count.virtual_s += virtual_s
            count.lives += lives
            if text:
                count.wrong += 1
                print(text, flush=True)
    return count


def _one(task: Task) -> tuple[float, int, str]:
    try:
        result = play(task.plan)
    except Exception as error:  # noqa: BLE001 - the other worlds go on
        where = "".join(traceback.format_exception(error))
        return 0.0, 0, f"{where}again: python -m tests.world {task.again}"
    text = failure(result, task.again) if result.complaints else ""
    return result.ended_s, len(result.points), text
