"""`python -m tests.world.share`: what worlds alone walk of the agent, by branch.

Worlds run in fresh processes, so that what runs when a module is read is seen as well.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

import coverage

if TYPE_CHECKING:
    from tests.world.many import Task

ROOT = Path(__file__).parents[2]
HEART = [
    "agent/printer/worker.py",
    "agent/printer/attempt.py",
    "agent/printer/aftermath.py",
    "agent/lifecycle/*.py",
    "agent/journal/*.py",
]
STEP = 13  # every so many crash points of a standard card
DEED_STEP = {"simplex": 4, "jam": 4, "magicard-simplex": 4}  # likewise of deeds
SEEDS = 40


@cache
def sample() -> list[Task]:
    """Enough worlds to see what worlds see."""
    from tests.world.many import crash, deeds, drawn, points_of, tales
    from tests.world.moments import DONE_TO
    from tests.world.plan import STANDARD

    crashes = [
        crash(card, at, ("process", "both")[at % 2])
        for card in sorted(STANDARD)
        for at in range(1, points_of(card)[0] + 1, STEP)
    ]
    disturbed = [
        task for card in DONE_TO for task in deeds(card)[:: DEED_STEP.get(card, 1)]
    ]
    worlds = [drawn(seed) for seed in range(1, SEEDS + 1)]
    return tales() + crashes + disturbed + worlds


def measure() -> tuple[float, str]:
    """Play worlds and return the share of branches in per cent, with a table."""
    with tempfile.TemporaryDirectory() as folder:
        with ProcessPoolExecutor(
            os.cpu_count(),
            mp_context=get_context("spawn"),
            initializer=_begin,
            initargs=(folder,),
        ) as pool:
            count = pool.submit(_count).result()
            told = list(pool.map(_play, range(count), chunksize=4))
        wrong = [text for text in told if text]
        watch = _watch(folder, "all")
        watch.combine([folder], strict=True)
        share, table = _branches(watch)
        return share, "\n".join([table, *wrong])


def _watch(folder: str, name: str) -> coverage.Coverage:
    return coverage.Coverage(
        data_file=str(Path(folder) / f"data.{name}"),
        branch=True,
        include=[str(ROOT / one) for one in HEART],
        config_file=False,
    )


def _begin(folder: str) -> None:
    """Watch from before the first module of the agent is read until the end."""
    watch = _watch(folder, f"all.{os.getpid()}")
    watch.start()
    Finalize(None, watch.save, exitpriority=0)


def _count() -> int:
    return len(sample())


def _play(at: int) -> str:
    from tests.world.world import play

    result = play(sample()[at].plan)
    return "\n".join(result.complaints)


def _branches(watch: coverage.Coverage) -> tuple[float, str]:
    whole, walked, rows = 0, 0, []
    for file in sorted(watch.get_data().measured_files()):
        numbers = watch._analyze(file).numbers
        whole += numbers.n_branches
        walked += numbers.n_executed_branches
        if numbers.n_branches:
            name = Path(file).resolve().relative_to(ROOT)
            part = f"{numbers.n_executed_branches} of {numbers.n_branches}"
            rows.append(f"  {part:>10}  {name}")
    share = 100 * walked / whole
    head = f"branches walked by worlds alone: {walked} of {whole}, {share:.1f} %"
    return share, "\n".join([head, *rows])


if __name__ == "__main__":
    sys.stdout.write(f"{measure()[1]}\n")
