"""The share of the agent's heart that worlds alone walk through, by branch."""

from __future__ import annotations

import tempfile
from pathlib import Path

import coverage

from tests.world.many import Task, crash, drawn, points_of
from tests.world.plan import STANDARD
from tests.world.world import play

ROOT = Path(__file__).parents[2]
HEART = [
    "agent/worker.py",
    "agent/attempt.py",
    "agent/lifecycle/*.py",
    "agent/journal/*.py",
]
STEP = 13  # every so many crash points of a standard card
SEEDS = 40


def sample() -> list[Task]:
    """Enough worlds to see what worlds see."""
    tasks = [
        crash(card, at, ("process", "both")[at % 2])
        for card in sorted(STANDARD)
        for at in range(1, points_of(card)[0] + 1, STEP)
    ]
    return tasks + [drawn(seed) for seed in range(1, SEEDS + 1)]


def measure(tasks: list[Task]) -> tuple[float, str]:
    """Play worlds and return the share of branches in per cent, with a table."""
    with tempfile.TemporaryDirectory() as folder:
        watch = coverage.Coverage(
            data_file=str(Path(folder) / "data"),
            branch=True,
            include=[str(ROOT / one) for one in HEART],
            config_file=False,
        )
        watch.start()
        try:
            for task in tasks:
                play(task.plan)
        finally:
            watch.stop()
        return _branches(watch)


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
