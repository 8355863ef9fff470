"""Two cards that a crash overtook, and what `blanko job why` says of each.

`python -m tests.agent.doubts`: the real worker, journal, control socket and command
line, at a printer of paper. One card the table decides, one only a person can find.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from pathlib import Path

import structlog

from agent.lifecycle.states import JobState
from agent.people.control import Broker, Control
from agent.printer.tracing import Tracing
from tests.agent.paper_printer import CrashError, Fault, Station, make_job
from tests.agent.test_uplink import state_of
from tests.agent.virtual_time import LoopClock

RECOVERED, DOUBTFUL = "J-RECOVERED", "J-DOUBTFUL"


async def crash(station: Station, job_id: str, subject: str) -> None:
    """The process dies when the card is printed and stands inside."""
    await station.send(make_job(job_id, subject=subject))
    station.machine.faults = [Fault("finish_print", "after", CrashError())]
    try:
        await station.work_until(lambda: False)
    except CrashError:
        return


async def two_cards(folder: Path) -> Station:
    """Return the station once one card is decided and one is in doubt."""
    station = await Station.make(folder)
    await station.stock(5)
    await crash(station, RECOVERED, "S-1")
    station = await station.restart()
    await station.work_until(lambda: station.state(RECOVERED) is JobState.COMPLETED)
    station = await station.restart()
    await crash(station, DOUBTFUL, "S-2")
    station.machine.take("path")  # a hand, while nobody was looking
    station.machine.power_cycle()
    station = await station.restart()
    await station.work_until(lambda: station.journal.doubtful())
    return station


async def why(socket: Path, job_id: str) -> str:
    """Return what the command line prints."""
    command = ["-m", "agent", "job", "why", job_id, "--socket", str(socket)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def told(folder: Path) -> dict[str, str]:
    """Return what is said of each card, by its job."""
    station = await two_cards(folder)
    control = Control(
        station.journal,
        lambda: state_of(station.journal, LoopClock(), 1),
        lambda: Broker(False, 1, "nobody asked for one"),
        Tracing("paper"),
    )
    socket = folder / "control.sock"
    serving = asyncio.create_task(control.serve(socket))
    while not socket.exists():
        await asyncio.sleep(0)
    found = {job_id: await why(socket, job_id) for job_id in (RECOVERED, DOUBTFUL)}
    serving.cancel()
    await asyncio.wait({serving})
    await station.journal.close()
    return found


def _show() -> None:
    quiet = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(wrapper_class=quiet)
    with tempfile.TemporaryDirectory(prefix="blanko-doubt-") as name:
        for job_id, text in asyncio.run(told(Path(name))).items():
            sys.stdout.write(f"blanko job why {job_id}\n{text}\n")


if __name__ == "__main__":
    _show()
