"""Which systems are tried, some trials at a time, and the table of what they did."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.exactly_once.cups import PATH, SAFEST, SHIPPED, Cups, Settings
from bench.exactly_once.lies import LIES
from bench.exactly_once.ours import Blanko
from bench.exactly_once.trials import KEPT, TRIALS, System, Trial, Verdict, outcome
from simulators.demo.children import Children
from tests.conftest import BROKER, Mosquitto, free_port

AT_ONCE = 10  # they wait for a slow printer most of the time
TRIAL_MAX_S = 200.0  # a trial that hangs shows nothing, and ends the table
OURS = "blanko"

Make = Callable[[Path, Children], System]
Counts = dict[tuple[str, str], Counter[Verdict]]
"""By trial and system."""


@dataclass(frozen=True, slots=True)
class Arena:
    """A folder that cupsd's unprivileged children can reach, and a broker."""

    folder: Path
    broker: str


@contextmanager
def arena() -> Iterator[Arena]:
    """Make one, and leave nothing of it."""
    assert BROKER is not None
    folder = Path(tempfile.mkdtemp(prefix="blanko-once-"))
    folder.chmod(0o755)
    (folder / "mosquitto").mkdir()
    broker = Mosquitto(BROKER, folder / "mosquitto", free_port())
    broker.start()
    try:
        yield Arena(folder, broker.uri)
    finally:
        broker.stop()
        shutil.rmtree(folder)


def cups_systems() -> dict[str, Make]:
    """CUPS as it comes, and as safe as it can be set."""
    return {"CUPS, as shipped": _cups(SHIPPED), "CUPS, safest": _cups(SAFEST)}


def our_systems(broker: str, lie: str = "") -> dict[str, Make]:
    """blanko; or one of `LIES` in its place, under its name."""
    kind = LIES[lie] if lie else Blanko
    return {OURS: lambda folder, children: kind(folder, children, broker)}


def missing(programs: Sequence[str]) -> list[str]:
    """Those that are not installed."""
    return [name for name in programs if not shutil.which(name, path=PATH)]


async def count(
    folder: Path,
    systems: Mapping[str, Make],
    runs: int,
    trials: Mapping[str, Trial] = TRIALS,
) -> Counts:
    """Try each system `runs` times in each trial.

    Raises:
        ExceptionGroup: a trial took too long, or a program ended that was not told to.
    """
    counts: Counts = {(what, name): Counter() for what in trials for name in systems}
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(what: str, name: str, place: Path) -> None:
        async with turns:
            children = Children(place.with_suffix(".logs"))
            system = systems[name](place, children)
            try:
                async with asyncio.timeout(TRIAL_MAX_S), asyncio.TaskGroup() as both:
                    watch = both.create_task(children.watch())
                    made = await outcome(system, trials[what])
                    watch.cancel()
            finally:
                await children.stop()
        counts[what, name][made.verdict] += 1

    async with asyncio.TaskGroup() as group:
        for number, (what, name) in enumerate(list(counts) * runs):
            place = folder / f"{folder.name}-{number}"  # names its station too
            group.create_task(one(what, name, place))
    return counts


def lines(counts: Counts) -> list[str]:
    """The table, in Markdown that reads well as it is."""
    heads = ["trial", "system", *Verdict]
    rows = [
        [what, name, *(str(verdicts[verdict] or "·") for verdict in Verdict)]
        for (what, name), verdicts in counts.items()
    ]
    wide = [max(len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    return [_row(heads, wide), _row(["-" * size for size in wide], wide)] + [
        _row(row, wide) for row in rows
    ]


def broken(counts: Counts) -> list[str]:
    """Where blanko did not keep its word: what the table must not show."""
    return [
        f"{what}: {verdict} in {times} of {verdicts.total()}"
        for (what, name), verdicts in counts.items()
        for verdict, times in verdicts.items()
        if name == OURS and verdict not in KEPT
    ]


def _cups(settings: Settings) -> Make:
    return lambda folder, children: Cups(folder, children, settings)


def _row(cells: Sequence[str], wide: Sequence[int]) -> str:
    padded = [cell.ljust(size) for cell, size in zip(cells, wide, strict=True)]
    return f"| {' | '.join(padded)} |"
