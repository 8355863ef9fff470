"""A ledger is lost, and jobs in it: unknown at the centre till two people speak.

Agent, printer, broker and the stand-in centre are processes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from simulators.centre.book import Book, Progress
from simulators.centre.fate import Declaration, FateError
from simulators.demo.children import Children
from tests.chaos.station import Station, plain_orders
from tests.conftest import ROOT, Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(180)]

SAID_S = 20.0
OPEN = ("s0-0002", "s0-0003")
COUNTED = ("desk", "hopper", "output", "reject-bin", "waste")


async def lose_the_ledger(station: Station) -> None:
    """Have a card printed and two jobs accepted; then the disk is gone."""
    await station.begin()
    async with asyncio.timeout(60):
        await station.until(lambda state: state["current"] is not None)
        await station.ask("pause", reason="test", who="budi")
        await station.until(lambda state: state["queued"] == len(OPEN))
    async with asyncio.timeout(SAID_S):
        while not await acked(station):
            await asyncio.sleep(0.05)
    await station.kill_agent()
    for side in ("", "-wal", "-shm"):
        (station.folder / f"state/journal.db{side}").unlink(missing_ok=True)


async def acked(station: Station) -> bool:
    head = (await station.ask("status"))["state"]["head"]
    return bool(head["acked"] == head["no"])


async def open_ledger(station: Station) -> None:
    places = (await station.world.truth())["places"]
    words = [sys.executable, "-m", "agent", "ledger", "open", "--because", "trial"]
    words += ["--config", str(station.site.config), "--as", "siti", "--second", "rina"]
    for place in COUNTED:
        words += ["--count", f"{place}={places.get(place, 0)}"]
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
    assert await process.wait() == 0


async def declared(station: Station, *fates: str) -> list[str]:
    """Start the centre again with what people declare; return what it says."""
    assert station.centre is not None
    station.centre.process.terminate()
    await station.centre.process.wait()
    argv = [
        *(sys.executable, "-m", "simulators", "centre", "--exit-when-done"),
        *("--broker", station.broker, "--keys", str(station.keys)),
        *("--agent-key", str(station.site.public_key)),
        *("--station", station.site.station, "--printer", "p1"),
        *("--jobs", str(station.folder / "orders"), "--store", str(station.store)),
    ]
    for fate in fates:
        argv += ["--declare", fate]
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode().splitlines()


async def play(folder: Path, broker: Mosquitto) -> list[str]:
    children = Children(folder / "logs")
    station = Station(
        folder / "s0", broker.uri, children, plain_orders("s0", 3), hopper=9
    )
    try:
        await lose_the_ledger(station)
        before = (await station.world.truth())["places"]
        await open_ledger(station)
        await station.start_agent()
        centre = station.centre
        assert centre is not None
        centre.expected_to_end = True
        for job_id in OPEN:
            await children.line(centre, f"{job_id} UNKNOWN", SAID_S)
        async with asyncio.timeout(SAID_S):
            while not await acked(station):
                await asyncio.sleep(0.05)
        assert (await station.ask("jobs"))["jobs"] == []
        assert (await station.world.truth())["places"] == before
        said = await declared(
            station,
            f"{OPEN[0]} aborted by=siti second=rina",
            f"{OPEN[1]} completed by=siti second=rina",
        )
        assert (await station.ask("jobs"))["jobs"] == []
        assert (await station.world.truth())["places"] == before
        sent = [line for line in centre.lines if " sent" in line]
        return [*sent, "again:", *said]
    finally:
        await children.stop()


def test_a_job_of_a_lost_ledger_is_sent_to_nobody_till_two_people_have_declared_it(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    told = asyncio.run(play(tmp_path / "c", mosquitto))
    first, again = told[: told.index("again:")], told[told.index("again:") :]
    for job_id in OPEN:
        assert len([line for line in first if line.startswith(f"{job_id} sent")]) == 1
    assert not [line for line in again if " sent" in line]
    assert f"{OPEN[0]} aborted, say siti and rina" in again
    assert f"{OPEN[1]} completed, say siti and rina" in again
    assert again[-1].startswith("2 of 3 jobs completed")


@pytest.mark.parametrize(
    "words",
    [
        "J-1 completed by=siti",
        "J-1 completed by=siti second=siti",
        "J-1 completed by=siti second=",
        "J-1 good by=siti second=rina",
        "completed by=siti second=rina",
        "J-1 completed by=siti second=rina third=eko",
    ],
)
def test_nobody_alone_declares_a_fate(words: str) -> None:
    with pytest.raises(FateError):
        Declaration.read(words)


@pytest.mark.parametrize("progress", [one for one in Progress if one != "unknown"])
def test_where_its_agent_can_tell_nobody_declares(progress: Progress) -> None:
    book = Book()
    book.follow(["J-1"])
    book.jobs["J-1"].progress = progress
    with pytest.raises(FateError, match="its agent has the word"):
        book.declare(Declaration("J-1", "aborted", "siti", "rina"))
    with pytest.raises(FateError, match="no job of this centre"):
        book.declare(Declaration("J-9", "aborted", "siti", "rina"))
