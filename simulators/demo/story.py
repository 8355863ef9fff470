"""The story: twelve cards, a jam, an empty hopper, an ended ribbon, then the count."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.broker import plan_broker
from simulators.centre import orders
from simulators.centre.batch import batch
from simulators.centre.keys import TRUST_NAME, centre_key
from simulators.centre.store import Store
from simulators.demo import stage
from simulators.demo.children import ChildError, Children
from simulators.demo.command import Command
from simulators.demo.operator import Operator, Supplies
from simulators.demo.pictures import contact_sheet
from simulators.demo.progress import Follower, Teller
from simulators.demo.relay import Relay
from simulators.demo.stage import Machine, Site
from simulators.demo.verdict import Verdict, reach_verdict

JOB_COUNT = 12
HOPPER = 5
"""Blanks at the start: fewer than the batch needs."""
SUPPLIES = Supplies(blanks=10, ribbon_sets=20)
RIBBON_SETS = 9
"""Sets at the start: they end on the way."""
JAM = "jam-path@4"
STEAL_AFTER = 7
"""Completed jobs until the hand comes, when the hopper has been filled again."""

LIMIT_S = 240.0
QUIET_S = 75.0
SETTLE_S = 15.0
BROKER_TRIES = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    sabotage: str | None
    out: Path
    speed: float
    family: str = "evolis"


class Story:
    """One demo; `directory` is its own, has a short name and goes away with it."""

    def __init__(self, options: Options, directory: Path, teller: Teller) -> None:
        tag = f"demo-{secrets.token_hex(2)}"
        self._options = options
        self._teller = teller
        self._tag = tag
        self._site = Site(directory, station=tag, printer="p1")
        self._orders = directory / "orders"
        self.store_dir = directory / "centre"
        self._follower = Follower(teller, JOB_COUNT)
        self._command = Command(self._site.config)
        self._world = stage.world_of(self._site)
        self._relay: Relay | None = None
        self.children = Children(options.out / "logs")

    @property
    def config(self) -> Path:
        """The agent's configuration."""
        return self._site.config

    def job_ids(self) -> list[str]:
        """What was ordered, in the order of the queue."""
        return [order.job_id for order in orders.read_all(self._orders)]

    async def perform(self) -> Verdict:
        """Everything up to the count.

        Raises:
            ChildError | CommandError | WorldError | BookError: what went wrong.
            TimeoutError: after `LIMIT_S`.
        """
        async with asyncio.timeout(LIMIT_S):
            await self._set_up()
            reason = await self._play()
            return await self._count(reason)

    async def _set_up(self) -> None:
        out, site = self._options.out, self._site
        make = stage.MAKES[self._options.family]
        machine = Machine(make, HOPPER, RIBBON_SETS, self._options.speed, out, (JAM,))
        key_dir = site.directory / "keys"
        centre_key(key_dir)
        broker, (_, port), _, _ = await asyncio.gather(
            self._start_broker(),
            stage.start_emulator(self.children, site, machine),
            stage.make_agent_key(site),
            asyncio.to_thread(self._order),
        )
        if self._options.sabotage == "panel":
            self._relay = Relay(port, make.panel_start, make.panels_before + 1)
            await self._relay.start()
            self._teller.tell("sabotage", "one byte will be flipped on the wire")
            port = self._relay.port
        stage.write_config(site, broker, key_dir / TRUST_NAME, make, port)
        await self._start_centre(broker, key_dir)
        await stage.start_agent(self.children, site)
        self._teller.tell("demo", "broker, printer, centre and agent are up")

    async def _start_broker(self) -> str:
        """Start it on a free port; if somebody was faster there, on another."""
        for _ in range(BROKER_TRIES):
            plan = plan_broker(self._site.directory)
            child = await self.children.start("broker", plan.argv)
            if await stage.broker_listens(child, plan.port):
                self._teller.tell("demo", f"{plan.name} listens on port {plan.port}")
                return plan.uri
            await self.children.end(child)
        raise ChildError("no broker came up on any of five ports")

    def _order(self) -> None:
        self._orders.mkdir()
        for order in batch(JOB_COUNT, self._tag):
            orders.write(order, self._orders)

    async def _start_centre(self, broker: str, key_dir: Path) -> None:
        argv = [
            sys.executable, "-m", "simulators", "centre", "--broker", broker,
            "--keys", str(key_dir), "--agent-key", str(self._site.public_key),
            "--station", self._site.station, "--printer", self._site.printer,
            "--jobs", str(self._orders), "--store", str(self.store_dir),
        ]  # fmt: skip
        centre = await self.children.start("centre", argv, self._follower.hear)
        # What an agent says before anybody has subscribed, the broker drops.
        await self.children.line(centre, "centre joined", stage.READY_S)

    async def _play(self) -> str | None:
        """Run until every job is over, or nothing happens any more: says why."""

        def say(text: str) -> None:
            self._teller.tell("operator", text)

        operator = Operator(self._command, self._world, SUPPLIES, say)
        say(f"has put {HOPPER} blanks in and says so")
        await operator.declare(HOPPER)
        over = asyncio.create_task(self._follower.until_over(QUIET_S))
        tasks: list[asyncio.Task[Any]] = [
            over,
            asyncio.create_task(operator.run()),
            asyncio.create_task(self.children.watch()),
        ]
        if self._options.sabotage == "steal":
            tasks.append(asyncio.create_task(self._steal()))
        return await _first(over, tasks)

    async def _steal(self) -> None:
        await self._follower.until_completed(STEAL_AFTER)
        await self._world.hand("take", **{"from": "hopper"})
        self._teller.tell("sabotage", "a hand takes a blank; nobody tells the agent")
        await asyncio.Event().wait()

    async def _count(self, reason: str | None) -> Verdict:
        self._teller.tell("demo", reason or "all jobs are over: counting")
        await self._settle()
        stock = (await self._command("stock", "show"))["stock"]
        truth = await self._world.truth()
        job_ids = self.job_ids()
        store = Store(self.store_dir)
        face = stage.MAKES[self._options.family].face
        verdict = reach_verdict(job_ids, store, stock, truth, self._options.out, face)
        pictures = sorted(self._options.out.glob("card-*.png"), key=_front_first)
        if pictures:
            contact_sheet(pictures, self._options.out / "contact-sheet.png")
        if reason is not None:
            verdict.findings.append(reason)
        return verdict

    async def _settle(self) -> None:
        """Wait until the centre has acknowledged the agent's last event."""
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    head = (await self._command("status"))["state"]["head"]
                    if head["acked"] == head["no"]:
                        return
                    await asyncio.sleep(0.3)
        except TimeoutError:
            self._teller.tell("demo", "the agent's last events are not acknowledged")

    async def close(self) -> None:
        """End everything this demo has started, without another word."""
        self._follower.deaf = True
        if self._relay is not None:
            await self._relay.stop()
        await self.children.stop()


def _front_first(picture: Path) -> tuple[str, bool]:
    card, _, side = picture.stem.rpartition("-")
    return card, side != "front"


async def _first(
    wanted: asyncio.Task[str | None], tasks: Sequence[asyncio.Task[Any]]
) -> str | None:
    """The wanted task's result; the others must not end before it."""
    try:
        done, _ = await asyncio.wait(tasks, return_when="FIRST_COMPLETED")
        for task in done:
            if task is not wanted:
                task.result()  # raises: none of them returns
        return await wanted
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
