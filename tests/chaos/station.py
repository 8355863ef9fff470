"""One printer's programs as processes that can be killed: printer, centre and agent.

A printer that is killed has lost its power; its cards are kept (`--state`).

The agent is asked over its control socket, as its command line does; the emulator's own
socket tells what is physically true.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from simulators.centre import orders
from simulators.centre.book import Line
from simulators.centre.keys import TRUST_NAME, centre_key
from simulators.centre.orders import File, Order
from simulators.centre.store import Store
from simulators.demo import stage
from simulators.demo.children import Child, Children
from simulators.demo.stage import Machine, Make, Site
from simulators.demo.verdict import verified_lines
from simulators.demo.world import Truth, World
from tests.chaos.disk import Disk
from tests.chaos.reckoning import Reckoning, reckon
from tests.chaos.wire import CutWire

CARD = (1011, 638)
SPEED = 12.0  # of the mechanism: a side in under two seconds
RIBBON_SETS = 500  # as much as any run takes
ENDED = {"completed", "canceled", "aborted"}  # RFC 8011 section 5.3.7
BLANKS = 9  # a job may use: each kill while its card is printed spoils one
ANSWER_S = 20.0
START_S = 30.0
STOP_S = 180.0  # as the unit grants: TimeoutStopSec=3min
ROOM_SIZE = 65_536  # of a slow wire
NEWEST = 60  # jobs that are asked after: the agent shows so many that have ended


class AgentError(Exception):
    """The agent is not there, or refused; `code` is its word for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def plain_orders(tag: str, count: int, first: int = 1) -> list[Order]:
    """Cards of one colour each: no two are alike, and they cost little to draw."""
    return [_plain(tag, number) for number in range(first, first + count)]


def _plain(tag: str, number: int) -> Order:
    colour = (number % 16 * 16, number // 16 % 16 * 16, number // 256 % 32 * 8)
    out = BytesIO()
    Image.new("RGB", CARD, colour).save(out, "PNG")
    fields = {
        "job_id": f"{tag}-{number:04d}",
        "queue_no": number,
        "blanks": BLANKS,
        "kind": "first",
        "subject": f"{tag}-subject-{number:04d}",
        "sides": {"front": {"kind": "image", "part": "front"}},
    }
    return Order(fields, (File("front", "image/png", out.getvalue()),))


@dataclass
class Station:
    """A printer `p1` of its own station, named by its folder."""

    folder: Path
    broker: str
    children: Children
    jobs: list[Order]
    hopper: int
    make: Make = stage.MAKES["evolis"]
    disk: Disk | None = None  # for the agent's state alone; None: as all the rest
    program: Sequence[str] = ("-m", "agent")
    wire_size_per_s: float | None = None  # None: as fast as it goes
    kills: Counter[str] = field(default_factory=Counter)  # by the open attempt's stage
    power_cuts: Counter[str] = field(
        default_factory=Counter
    )  # of the printer, likewise
    agent: Child | None = None
    centre: Child | None = None
    printer: Child | None = None
    printer_port: int = 0
    wire: CutWire | None = None
    wire_port: int = 0  # what the agent is told: a relay's, where one stands between

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.site = Site(self.folder, station=self.folder.name, printer="p1")
        self.world = World(self.site.emulator_socket)
        self.keys = self.folder / "keys"
        self.store = self.folder / "centre"

    # --- the programs -----------------------------------------------------------

    async def set_up(self) -> None:
        """Everything but the agent: keys, printer and orders."""
        await stage.make_agent_key(self.site)
        if self.disk is not None:
            self.site.state_dir.mkdir(mode=0o700)
            await self.disk.mount(self.children, self.site.state_dir)
        await self.start_printer()
        self.write_orders(self.jobs)

    async def start_printer(self) -> None:
        """Switch it on: with what `hopper` says, or where its last kill left it."""
        state = self.folder / "machine"
        machine = Machine(
            self.make,
            self.hopper,
            RIBBON_SETS,
            SPEED,
            None,
            (),
            state,
            self.printer_port,
        )
        self.printer, self.printer_port = await stage.start_emulator(
            self.children, self.site, machine
        )
        self.printer.expected_to_end = True

    def write_orders(self, more: Sequence[Order]) -> None:
        """Put orders where the centre reads them when it starts."""
        directory = self.folder / "orders"
        directory.mkdir(exist_ok=True)
        for order in more:
            orders.write(order, directory)

    async def begin(self) -> None:
        """Set up, start everything, and tell the agent of the blanks in the hopper."""
        await self.set_up()
        if self.wire_size_per_s is not None:
            self.wire = CutWire(self.printer_port, self.wire_size_per_s, ROOM_SIZE)
            await self.wire.start()
            self.wire_port = self.wire.port
        self.configure()
        await self.start_centre()
        await self.start_agent()
        await self.ask("stock-load", count=self.hopper, who="budi")

    async def unplug(self) -> None:
        """Take the wire away; the programs are ended by who started them."""
        if self.wire is not None:
            await self.wire.stop()

    def order_more(self, count: int) -> None:
        """Order so many cards more: the centre reads of them as it starts."""
        name, first = self.site.station, len(self.jobs) + 1
        more = plain_orders(name, count, first)
        self.jobs += more
        self.write_orders(more)

    @property
    def has_stages(self) -> bool:
        """Whether it prints step by step: not a card as one job."""
        return self.make.family == "evolis"

    def configure(self, broker: str | None = None) -> None:
        """Write the agent's configuration; another broker if one is named."""
        port = self.wire_port or self.printer_port
        trust = self.keys / TRUST_NAME
        centre_key(self.keys)
        stage.write_config(self.site, broker or self.broker, trust, self.make, port)

    async def start_centre(self) -> None:
        self.centre = await self.children.start(
            f"{self.site.station}-centre",
            [
                *(sys.executable, "-m", "simulators", "centre"),
                *("--broker", self.broker, "--keys", str(self.keys)),
                *("--agent-key", str(self.site.public_key)),
                *("--station", self.site.station, "--printer", "p1"),
                *("--jobs", str(self.folder / "orders"), "--store", str(self.store)),
            ],
        )
        self.centre.expected_to_end = True
        await self.children.line(self.centre, "centre joined", START_S)

    def agent_argv(self) -> list[str]:
        """How the agent is started."""
        inside = self.disk.inside if self.disk else []
        return [*inside, sys.executable, *self.program, "run", str(self.site.config)]

    async def start_agent(self) -> Child:
        """Start it, and return once its socket answers."""
        name = f"{self.site.station}-agent"
        agent = await self.children.start(name, self.agent_argv())
        agent.expected_to_end = True
        self.agent = agent
        async with asyncio.timeout(START_S):
            while True:
                try:
                    await self.ask("status")
                except AgentError:
                    ended = agent.process.returncode
                    assert ended is None, f"the agent ended:\n{agent.last_words()}"
                    await asyncio.sleep(0.05)
                else:
                    return agent

    async def kill_agent(self) -> str:
        """Kill -9; return the stage of the attempt that was open, or `none`."""
        assert self.agent is not None
        self.agent.process.kill()
        await self.agent.process.wait()
        stage_now = self.open_stage()
        self.kills[stage_now] += 1
        return stage_now

    async def cut_power(self) -> str:
        """Kill -9 of the printer; return the stage of the attempt that was open."""
        assert self.printer is not None
        self.printer.process.kill()
        await self.printer.process.wait()
        stage_now = self.open_stage()
        self.power_cuts[stage_now] += 1
        return stage_now

    async def kill_centre(self) -> None:
        """Kill -9; what it has acknowledged is on its disk."""
        assert self.centre is not None
        self.centre.process.kill()
        await self.centre.process.wait()

    async def end_agent(self) -> int:
        """SIGTERM; return its exit status, which must come in the unit's time."""
        assert self.agent is not None
        self.agent.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            return await self.agent.process.wait()

    # --- what they say ----------------------------------------------------------

    async def ask(self, do: str, **request: object) -> dict[str, Any]:
        """One request over the control socket.

        Raises:
            AgentError: nobody answers, or the answer is a refusal.
        """
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(
                    self.site.socket, limit=2**22
                )
                try:
                    writer.write(json.dumps({"do": do, **request}).encode() + b"\n")
                    reply = json.loads(await reader.readline() or b"null")
                finally:
                    writer.close()
        except (OSError, ValueError, TimeoutError) as error:
            raise AgentError("gone", repr(error)) from error
        if reply is None:
            raise AgentError("gone", "no reply")
        if not reply["ok"]:
            raise AgentError(reply["error"], reply["message"])
        answer: dict[str, Any] = reply
        return answer

    def open_stage(self) -> str:
        """The stage of the attempt that is open, read from the ledger's file."""
        state = self.site.state_dir
        if self.disk is not None:  # a full one has no room for what a reader needs
            state = self.folder / "copy"
            state.mkdir(exist_ok=True)
            for file in self.disk.path.glob("journal.db*"):
                shutil.copy(file, state)
        path = state / "journal.db"
        last = "none"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            rows = db.execute(
                "SELECT line FROM events WHERE job IS NOT NULL ORDER BY no DESC LIMIT 8"
            ).fetchall()
        db.close()
        for (line,) in reversed(rows):
            data = json.loads(bytes(line).split(b" ", 1)[1])["data"]
            if data["kind"] == "attempt-stage":
                last = str(data["stage"])
            elif data["kind"] in ("attempt-closed", "job-completed"):
                last = "none"
        return last

    async def over(self) -> bool:
        """Whether every job of the plan came and has ended, and the centre knows it."""
        if await self.jobs_left():
            return False
        head = (await self.ask("status"))["state"]["head"]
        return bool(head["acked"] == head["no"])

    async def jobs_left(self) -> int:
        """How many of the plan's newest jobs have not ended at the agent."""
        jobs = (await self.ask("jobs"))["jobs"]
        ended = {job["job_id"] for job in jobs if job["state"] in ENDED}
        return len(set(self._job_ids()[-NEWEST:]) - ended)

    def _job_ids(self) -> list[str]:
        return [order.job_id for order in self.jobs]

    async def until(self, fact: Callable[[dict[str, Any]], bool]) -> None:
        """Until the agent's state is so."""
        while not fact((await self.ask("status"))["state"]):
            await asyncio.sleep(0.02)

    def lines(self) -> list[Line]:
        """What the centre holds, its chain checked."""
        return verified_lines(Store(self.store))

    async def reckoning(self) -> Reckoning:
        """What the books, the centre's copy and the machine say of all its jobs."""
        truth: Truth = await self.world.truth()
        stock = (await self.ask("stock"))["stock"]
        head = (await self.ask("status"))["state"]["head"]
        return reckon(self._job_ids(), self.lines(), stock, truth, head["acked"])

    async def findings(self) -> list[str]:
        """What they do not agree on."""
        return [
            f"{self.site.station}: {finding}"
            for finding in (await self.reckoning()).findings
        ]
