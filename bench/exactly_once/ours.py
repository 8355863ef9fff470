"""blanko on the same printer: broker, centre and agent, nobody there to answer it."""

from __future__ import annotations

from pathlib import Path

from bench.exactly_once.cups import WIRE_SIZE_PER_S, card_bytes, start_emulator
from simulators.demo import stage
from simulators.demo.children import Child, Children
from simulators.demo.operator import has
from tests.chaos.station import AgentError, Station, plain_orders
from tests.chaos.wire import CutWire

WHO = "budi"


class Blanko:
    """`trials.System`; the broker at `broker` is up and stays so."""

    name = "blanko"

    def __init__(self, folder: Path, children: Children, broker: str) -> None:
        self.card_size = len(card_bytes())
        self._children = children
        self._station = Station(
            folder, broker, children, plain_orders(folder.name, 1), hopper=10
        )
        self.world = self._station.world
        self._emulator: Child | None = None
        self.printer_port = 0
        self.wire: CutWire

    async def start(self) -> None:
        if self._emulator is None:
            await self._set_up()
        await self._station.start_agent()

    async def submit(self) -> None:
        await self._station.ask("stock-load", count=10, who=WHO)
        await self._station.start_centre()
        await self._station.until(
            lambda state: bool(state["queued"] or state["current"])
        )

    async def pause(self) -> None:
        await self._station.ask("pause", reason="a trial", who=WHO)

    async def resume(self) -> None:
        await self._station.ask("resume", who=WHO)

    async def kill(self) -> None:
        await self._station.kill_agent()

    async def end(self) -> None:
        assert await self._station.end_agent() == 0

    async def says(self) -> str:
        try:
            jobs = (await self._station.ask("jobs"))["jobs"]
        except AgentError:
            return "unknown job"
        for job in jobs:
            if has(job["reasons"], "x-outcome-unknown"):
                return "asks"
            return "completed" if job["state"] == "completed" else "waiting"
        return "unknown job"

    async def tidy(self) -> None:
        """Nothing: the agent asks for what it needs."""

    async def stop(self) -> None:
        for child in (self._station.agent, self._station.centre, self._emulator):
            if child is not None:
                await self._children.end(child)
        await self.wire.stop()

    async def _set_up(self) -> None:
        station = self._station
        await stage.make_agent_key(station.site)
        station.write_orders(station.jobs)
        self._emulator, self.printer_port = await start_emulator(
            self._children, station.folder
        )
        self.wire = CutWire(self.printer_port, WIRE_SIZE_PER_S)
        await self.wire.start()
        station.wire_port = self.wire.port
        station.configure()
