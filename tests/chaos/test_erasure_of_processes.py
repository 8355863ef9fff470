"""Nothing of a citizen is left by real processes: in files, logs or at the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from simulators.centre.batch import LAYOUTS, batch
from simulators.centre.orders import Order
from simulators.demo.children import Children
from tests.chaos import kills
from tests.chaos.station import Station
from tests.chaos.wire import Stages
from tests.conftest import Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]

OVER_LIMIT_S = 120.0
SLICE_SIZE = 16  # bytes of a picture that are taken for a trace of it
STEP = 499
KILLED_AT = ("feeding", "sent")


def canaries(orders: list[Order]) -> dict[str, list[bytes]]:
    """What must be nowhere: names and NIKs as written, pictures in slices."""
    found: dict[str, list[bytes]] = {"name": [], "NIK": [], "picture": []}
    for order in orders:
        fields = order.fields["sides"]["front"]["fields"]
        found["name"].append(fields["nama"].encode())
        found["NIK"].append(fields["nik"].encode())
        for file in order.files:
            body = file.data[256:]
            found["picture"] += [
                body[at : at + SLICE_SIZE] for at in range(0, len(body) - 16, STEP)
            ]
    return found


def traces(folders: Mapping[str, Path], pieces: dict[str, list[bytes]]) -> list[str]:
    """Each file that holds a piece: whose, of what, and which file."""
    return [
        f"{whose}: {what} in {file.name}"
        for whose, folder in folders.items()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for raw in [file.read_bytes()]
        for what, parts in pieces.items()
        if any(part in raw for part in parts)
    ]


async def play(folder: Path, broker: Mosquitto) -> tuple[list[str], list[str]]:
    """Print three citizens' cards with two kills; return the traces in two looks."""
    children = Children(folder / "logs")
    jobs = [batch(max(LAYOUTS), "erased")[number - 1] for number in LAYOUTS]
    station = Station(folder / "s0", broker.uri, children, jobs, hopper=9)
    places = {
        "agent's state": station.folder / "state",
        "logs": folder / "logs",
        "broker": broker.folder,
    }
    stages = Stages()
    try:
        heard = stages.of(station.site.station)
        async with stages.listening(broker.port):
            await station.begin()
            for stage in KILLED_AT:
                await kills.reached(stage, heard)
                await station.kill_agent()
                await station.start_agent()
            await kills.until_over([station], OVER_LIMIT_S)
        assert await station.findings() == []
        pieces = canaries(jobs)
        found = traces(places, pieces)
        await station.kill_agent()
        await station.start_agent()
        leak = places["agent's state"] / "forgotten.tmp"
        leak.write_bytes(b"..." + pieces["NIK"][0] + b"...")
        return found, traces(places, pieces)
    finally:
        await children.stop()


def test_after_kills_and_ends_no_citizen_is_in_any_file_and_a_planted_leak_is_found(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    found, with_leak = asyncio.run(play(tmp_path / "c", mosquitto))
    assert found == []
    assert with_leak == ["agent's state: NIK in forgotten.tmp"]
