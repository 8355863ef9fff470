"""Which printer is meant, and whose it is: in doubt no card moves, and it is told.

The worker and the real drivers of both families, on a USB bus in this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent.lifecycle.states import JobState
from tests.conformance.rigs import RIGS, Bench, Rig, UsbBench
from tests.conformance.station import Station, station
from tests.conformance.test_conformance_recovery import judged
from tests.simulators.usb_world import UsbWorld, plugged

ON_USB = [rig for rig in RIGS if rig.link == "usb_backend"]
LIMIT_S = 60.0
MID_CARD = 300_000  # bytes

Mend = Callable[[], Awaitable[None]]
Spoil = Callable[[Bench, AsyncExitStack], Awaitable[Mend]]


def plug_of(bench: Bench) -> UsbWorld:
    assert isinstance(bench.ends, UsbBench)
    return bench.ends.plug


async def twin(bench: Bench, stack: AsyncExitStack) -> Mend:
    """A second printer with the same serial number is plugged in."""
    settings = {"family": bench.family.name, "model": bench.family.emulated}
    other = await stack.enter_async_context(plugged(**settings))
    plug_of(bench).backend.plug(other.device)

    async def mend() -> None:
        other.device.unplug()

    return mend


async def stranger(bench: Bench, stack: AsyncExitStack) -> Mend:
    """Another printer stands in its place."""
    settings = {"family": bench.family.name, "model": bench.family.emulated}
    other = await stack.enter_async_context(plugged(seed=7, **settings))
    plug_of(bench).device.unplug()
    plug_of(bench).backend.plug(other.device)

    async def mend() -> None:
        plug_of(bench).device.replug()

    return mend


async def forbidden(bench: Bench, stack: AsyncExitStack) -> Mend:
    """Its node belongs to another user."""
    plug_of(bench).port.permitted = False

    async def mend() -> None:
        plug_of(bench).port.permitted = True

    return mend


async def taken(bench: Bench, stack: AsyncExitStack) -> Mend:
    """Another program has claimed it."""
    plug = plug_of(bench)
    plug.port.usblp_bound = False

    def claim() -> Any:
        (device,) = plug.backend.enumerate_devices()
        handle = plug.backend.open_device(device)
        plug.backend.claim_interface(handle, 0)
        return handle

    handle = await asyncio.to_thread(claim)

    async def mend() -> None:
        plug.backend.close_device(handle)

    return mend


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (twin, "2 printers answer to this"),
        (stranger, "another printer than configured is attached"),
        (forbidden, 'GROUP="blanko", MODE="0660"'),
        (taken, "another program or the kernel's usblp has the printer"),
    ],
)
@pytest.mark.parametrize("rig", ON_USB, ids=str)
def test_in_doubt_which_printer_it_is_no_card_moves(
    tmp_path: Path, rig: Rig, spoil: Spoil, words: str
) -> None:
    async def scene() -> None:
        async with AsyncExitStack() as stack, station(tmp_path, rig) as here:
            mend = await spoil(here.bench, stack)
            with capture_logs() as logs:
                working = asyncio.create_task(here.work_until(lambda: here.still))
                while not any(words in str(line.get("error")) for line in logs):
                    await asyncio.wait({working}, timeout=0.05)
                    assert not working.done()
            assert here.state is JobState.PENDING
            assert not await here.bench.moved()
            await mend()
            await working
            assert await judged(here) == "one good card"

    asyncio.run(asyncio.wait_for(scene(), LIMIT_S))


async def usblp_comes_back(plug: UsbWorld) -> None:
    plug.port.usblp_bound, plug.port.claimed_by = True, None


async def hub_is_reset(plug: UsbWorld) -> None:
    plug.device.unplug()
    plug.device.replug()


@pytest.mark.parametrize(
    ("strike", "words"),
    [
        (usblp_comes_back, "the kernel's usblp has the printer"),
        (hub_is_reset, "unplugged"),
    ],
)
@pytest.mark.parametrize("rig", ON_USB, ids=str)
def test_in_mid_card_a_lost_claim_is_named_and_makes_no_second_card(
    tmp_path: Path, rig: Rig, strike: Callable[[UsbWorld], Awaitable[None]], words: str
) -> None:
    async def scene(here: Station) -> list[str]:
        plug = plug_of(here.bench)
        with capture_logs() as logs:
            working = asyncio.create_task(here.work_until(lambda: here.still))
            await plug.taken(MID_CARD)
            await strike(plug)
            await working
        await judged(here)
        return [str(line.get("error")) for line in logs]

    async def told() -> list[str]:
        async with station(tmp_path, rig) as here:
            return await scene(here)

    logs = asyncio.run(asyncio.wait_for(told(), LIMIT_S))
    assert any(words in line for line in logs), logs
