"""The operator: hands on the machine, and the agent's command line. Nothing else.

What is to be done is read from `blanko status`; before touching anything the operator
looks into the machine, as a person would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulators.demo.command import Command
from simulators.demo.world import Truth, World

NAME = "budi"
LOOK_S = 0.8
"""How often the operator looks at the status."""


@dataclass(frozen=True, slots=True)
class Supplies:
    """What lies ready beside the printer."""

    blanks: int  # one stack into the hopper
    ribbon_sets: int


class Operator:
    """Keeps one printer going."""

    def __init__(
        self,
        command: Command,
        world: World,
        supplies: Supplies,
        say: Callable[[str], None],
    ) -> None:
        self._command = command
        self._world = world
        self._supplies = supplies
        self._say = say

    async def declare(self, count: int) -> None:
        """Tell the agent that `count` blanks have gone into the hopper."""
        await self._command("stock", "load", str(count), "--as", NAME)

    async def run(self) -> None:
        """Look and act, until cancelled."""
        while True:
            status = await self._command("status")
            reasons = reasons_of(status)
            # Some printers say that a person is wanted, and no more: who comes, sees.
            untold = has(reasons, "other")
            if untold or has(reasons, "media-jam"):
                await self._clear_jam()
            # An empty hopper may show as less than the books hold, and nothing else.
            short = has(reasons, "media-empty") or has(reasons, "x-stock-mismatch")
            if untold or short:
                await self._fill_hopper()
            if untold or has(reasons, "marker-print-ribbon-empty"):
                await self._change_ribbon()
            if has(reasons, "x-outcome-unknown"):
                await self._answer()
            await asyncio.sleep(LOOK_S)

    async def _fill_hopper(self) -> None:
        truth = await self._world.truth()
        if truth["places"]["hopper"]:
            return
        count = self._supplies.blanks
        self._say(f"hopper empty: puts {count} blanks in and says so")
        await self._world.hand("load", count=count)
        await self.declare(count)

    async def _change_ribbon(self) -> None:
        truth = await self._world.truth()
        if truth["ribbon"]["left"]:
            return
        sets = self._supplies.ribbon_sets
        self._say(f"ribbon ended: puts another in, {sets} sets")
        await self._world.hand("cover", open=True)
        await self._world.hand("ribbon", kind="YMCKO", sets=sets)
        await self._world.hand("cover", open=False)

    async def _clear_jam(self) -> None:
        truth = await self._world.truth()
        if not truth["places"]["path"]:
            return
        self._say("jam: opens the cover, puts the card into the reject bin")
        await self._world.hand("cover", open=True)
        await self._world.hand("take", **{"from": "path", "to": "reject-bin"})
        await self._world.hand("cover", open=False)

    async def _answer(self) -> None:
        """Look where the card of a job in doubt has gone, and say so."""
        answer = await self._command("job", "list")
        for job in answer["jobs"]:
            if has(job["reasons"], "x-outcome-unknown"):
                truth = await self._world.truth()
                found = whereabouts(truth)
                self._say(f"says of {job['job_id']}: {' '.join(found)}")
                if "--bad" in found:
                    await self._world.hand(
                        "take", **{"from": "output", "to": "reject-bin"}
                    )
                    truth = await self._world.truth()
                await self._command(
                    "job", "resolve", str(job["job_id"]), "--found", *found,
                    *bin_count(found, truth),
                    "--reason", "kartu macet", "--as", NAME,
                )  # fmt: skip


def whereabouts(truth: Truth) -> tuple[str, ...]:
    """Where the newest card with a mark lies, in the words of `job resolve --found`."""
    marked = [card for card in truth["cards"] if card["state"] != "blank"]
    newest = max(marked, key=lambda card: str(card["id"]), default=None)
    if newest is None:
        return ("missing",)
    match newest["place"]:
        case "output":
            whole = newest["state"] == "complete"
            return "output", "--good" if whole else "--bad"
        case "reject-bin":
            return ("reject-bin",)
        case "path":
            return ("printer",)
    return ("missing",)


def bin_count(found: tuple[str, ...], truth: Truth) -> tuple[str, ...]:
    """The counted reject bin, which the agent wants to know when a card lies in it."""
    if found[0] != "reject-bin" and "--bad" not in found:
        return ()
    return "--bin-count", str(truth["places"]["reject-bin"])


def has(reasons: list[str], keyword: str) -> bool:
    """Whether a state reason stands there, with whatever severity."""
    severities = ("", "-report", "-warning", "-error")
    return any(f"{keyword}{severity}" in reasons for severity in severities)


def reasons_of(status: dict[str, Any]) -> list[str]:
    """The state reasons in `blanko status --json`."""
    return list(status["state"]["state_reasons"])
