"""`python -m tests.chaos.soak --minutes N --seed S`: real processes, where all fails.

Jobs without end for four stations, while agents, printers, centres and the broker are
killed, machines fail, a disk fills, and one person at each station sets things right
and answers truthfully. The calm station's agent and printer are never killed, for only
who lives long shows what it leaks. At the end everything is made and counted.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.demo.children import Children
from simulators.demo.stage import MAKES
from tests.chaos import disk, kills
from tests.chaos.disk import Disk
from tests.chaos.gauges import Gauge
from tests.chaos.person import Person
from tests.chaos.station import Station, plain_orders
from tests.chaos.troubles import Troubles, feed
from tests.chaos.wire import Stages
from tests.conftest import BROKER, Mosquitto, free_port

SABOTAGE = ("steal", "leak")
BATCH = 8
HOPPER = 12
DISK_MIB = 64
SAMPLE_S = 0.5
DRAIN_S = 420.0  # from the last trouble to the last card
ALL = ("calm", "killed", "whole", "disk")
MACHINE = {"whole": MAKES["magicard"]}


@dataclass(frozen=True, slots=True)
class Plan:
    minutes: float
    seed: int = 1
    sabotage: str = ""
    stations: Sequence[str] = ALL


@dataclass(frozen=True, slots=True)
class Result:
    figures: list[str]
    wrong: list[str]


async def play(folder: Path, broker: Mosquitto, plan: Plan) -> Result:
    """Play it in a folder, with a broker that is up.

    Raises:
        TimeoutError: after the last trouble the cards were not all made in time.
    """
    stages = Stages()
    async with standing(folder, broker, plan) as crowd, stages.listening(broker.port):
        troubles = Troubles(plan.seed, stages, broker)
        people = [Person(station, spare=True) for station in crowd]
        gauges = gauges_of(crowd[0])
        looking = [asyncio.create_task(person.run()) for person in people]
        looking.append(asyncio.create_task(watch(gauges)))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(stop_in_time(plan, troubles, crowd[0]))
                group.create_task(troubles.broker_dies())
                for number, station in enumerate(crowd):
                    group.create_task(feed(station, BATCH, troubles.enough))
                    group.create_task(troubles.faults(station))
                    if number:
                        group.create_task(troubles.blows(station))
            for station in crowd:
                await troubles.end(station)
            await kills.until_over(crowd, DRAIN_S)
        finally:
            for task in looking:
                task.cancel()
            ended = await asyncio.gather(*looking, return_exceptions=True)
        failed = [repr(one) for one in ended if isinstance(one, Exception)]
        whole = await kills.reckon(crowd)
        happened = sorted(troubles.done.items())
        figures = [
            *whole.lines(),
            *kills.report(crowd, people),
            "also: " + ", ".join(f"{what} {count}" for what, count in happened),
            *(gauge.line() for gauge in gauges),
        ]
        grown = [found for gauge in gauges for found in gauge.grown()]
        return Result(figures, [*failed, *whole.findings, *grown])


@asynccontextmanager
async def standing(
    folder: Path, broker: Mosquitto, plan: Plan
) -> AsyncIterator[list[Station]]:
    """The stations of the plan, at work; the first is never struck."""
    children = Children(folder / "logs")
    leaks = plan.sabotage == "leak"
    crowd = [
        Station(
            folder / name,
            broker.uri,
            children,
            plain_orders(name, BATCH),
            hopper=HOPPER,
            make=MACHINE.get(name, MAKES["evolis"]),
            disk=Disk(DISK_MIB) if name == "disk" and not disk.why_none() else None,
            program=("-m", "tests.chaos.leaking") if leaks else ("-m", "agent"),
        )
        for name in plan.stations
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for station in crowd:
                group.create_task(station.begin())
        yield crowd
    finally:
        await children.stop()


async def stop_in_time(plan: Plan, troubles: Troubles, calm: Station) -> None:
    """Say when it is enough; a thief comes half-way."""
    await asyncio.sleep(plan.minutes * 30)
    if plan.sabotage == "steal":
        await calm.world.hand("take", **{"from": "hopper"})
    await asyncio.sleep(plan.minutes * 30)
    troubles.enough.set()


def gauges_of(station: Station) -> list[Gauge]:
    """Of the two processes that live through all of it."""
    assert station.agent is not None
    assert station.printer is not None
    return [
        Gauge("the calm agent", station.agent.process.pid),
        Gauge("its printer", station.printer.process.pid),
    ]


async def watch(gauges: Sequence[Gauge]) -> None:
    """Look at them, until cancelled."""
    while True:
        for gauge in gauges:
            gauge.take()
        await asyncio.sleep(SAMPLE_S)


def main(arguments: list[str]) -> int:
    """Print the figures; 1 when anything is wrong, 2 when there is no broker."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1, help="of all that is drawn")
    parser.add_argument("--sabotage", choices=SABOTAGE, default="")
    options = parser.parse_args(arguments)
    if BROKER is None:
        sys.stderr.write("missing: mosquitto; `make deps` brings it\n")
        return 2
    if why := disk.why_none():
        sys.stdout.write(f"no small disk here: {why}\n")
    folder = Path(tempfile.mkdtemp(prefix="blanko-soak-"))
    (folder / "mosquitto").mkdir()
    broker = Mosquitto(BROKER, folder / "mosquitto", free_port())
    broker.start()
    try:
        plan = Plan(options.minutes, options.seed, options.sabotage)
        result = asyncio.run(play(folder / "s", broker, plan))
    except BaseException:
        sys.stderr.write(f"all that was written is kept in {folder}\n")
        raise
    finally:
        broker.stop()
    for line in result.figures:
        sys.stdout.write(f"{line}\n")
    for line in result.wrong:
        sys.stdout.write(f"WRONG  {line}\n")
    if result.wrong:
        sys.stdout.write(f"SEED={options.seed}; logs and ledgers: {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
