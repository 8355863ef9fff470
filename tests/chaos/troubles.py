"""What a soak does to its stations: blows, faults, full disks and meddling hands."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from simulators.demo.world import WorldError
from tests.chaos import disk, kills
from tests.chaos.station import AgentError, Station
from tests.chaos.wire import Stages
from tests.conftest import Mosquitto

FAULTS = (
    "hopper-empty", "feed-failure", "jam-path", "jam-exit", "stuck-half-printed",
    "cover-open", "ribbon-ended", "ribbon-broken", "wrong-ribbon", "head-hot",
    "output-full", "reject-bin-full", "power-cut", "link-cut", "slow-link", "silent",
    "garbage",
)  # fmt: skip
"""All that a hand sets right; what only a count can tell is for tests/world."""

FAULT_EVERY_S = (12.0, 40.0)
BLOW_EVERY_S = (6.0, 20.0)
BROKER_EVERY_S = (15.0, 45.0)
FROZEN_S = 3.0
FULL_S = 8.0
LEFT_SIZE = 64 * 1024


@dataclass
class Troubles:
    """What happens at random until it is enough; `done` counts it, in words."""

    seed: int
    stages: Stages
    broker: Mosquitto
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    done: Counter[str] = field(default_factory=Counter)

    async def faults(self, station: Station) -> None:
        """Something goes wrong in the machine, or a hand takes the card out of it."""
        dice = self._dice("faults", station)
        while await self._pause(dice, FAULT_EVERY_S):
            kind = dice.choice((*FAULTS, "meddling hand"))
            with suppress(WorldError):  # it is off, or there is no card to take
                if kind == "meddling hand":
                    places = {"from": "path", "to": "reject-bin"}
                    await station.world.hand("take", **places)
                else:
                    await station.world.strike(kind)
                self.done[kind] += 1

    async def blows(self, station: Station) -> None:
        """kill -9 of the agent or the printer in some stage, or an orderly restart."""
        dice = self._dice("blows", station)
        heard = self.stages.of(station.site.station)
        blows: Sequence[Callable[[Station], Awaitable[None]]] = (
            self._kill_agent,
            self._kill_agent,
            self._kill_printer,
            self._restart_agent,
            *([self._fill_disk] if station.disk else []),
        )
        wanted = kills.STAGES if station.has_stages else kills.WHOLE_JOB
        while await self._pause(dice, BLOW_EVERY_S):
            stage = dice.choice(wanted)
            if await kills.reached(stage, heard):
                await asyncio.sleep(dice.uniform(0, kills.LASTS_S[stage]))
            await dice.choice(blows)(station)

    async def broker_dies(self) -> None:
        """kill -9 of the broker, or it hangs for a while."""
        dice = Random(f"broker {self.seed}")
        while await self._pause(dice, BROKER_EVERY_S):
            if dice.random() < 0.5:
                self.done["broker killed"] += 1
                await asyncio.to_thread(self.broker.stop, signal.SIGKILL)
                await asyncio.to_thread(self.broker.start)
            else:
                self.done["broker hung"] += 1
                self.broker.freeze()
                await asyncio.sleep(FROZEN_S)
                self.broker.thaw()

    async def end(self, station: Station) -> None:
        """Nothing goes wrong any more: what does is set right by who stands there."""
        if station.disk is not None:
            disk.free(station.disk.path)

    async def _kill_agent(self, station: Station) -> None:
        await station.kill_agent()
        await station.start_agent()

    async def _restart_agent(self, station: Station) -> None:
        self.done["agent asked to stop"] += 1
        status = await station.end_agent()
        assert status == 0, f"asked to stop, it ended with {status}"
        await station.start_agent()

    async def _kill_printer(self, station: Station) -> None:
        await station.cut_power()
        await station.start_printer()

    async def _fill_disk(self, station: Station) -> None:
        assert station.disk is not None
        self.done["disk full"] += 1
        disk.fill(station.disk.path, LEFT_SIZE)
        await asyncio.sleep(FULL_S)
        await self._kill_agent(station)
        disk.free(station.disk.path)

    def _dice(self, what: str, station: Station) -> Random:
        return Random(f"{what} {station.site.station} {self.seed}")

    async def _pause(self, dice: Random, between_s: tuple[float, float]) -> bool:
        """Wait; False: it is enough."""
        try:
            async with asyncio.timeout(dice.uniform(*between_s)):
                await self.enough.wait()
        except TimeoutError:
            return True
        return False


async def feed(station: Station, batch: int, enough: asyncio.Event) -> None:
    """Let the centre die and come back with more jobs, each time few are left."""
    while not enough.is_set():
        with suppress(AgentError):  # it is dead just now
            if await station.jobs_left() <= batch // 2:
                station.order_more(batch)
                await station.kill_centre()
                await station.start_centre()
        await asyncio.sleep(0.5)
