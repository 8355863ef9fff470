"""Who stands at a station: counts, looks, and answers truthfully. Nothing else."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

from simulators.demo.operator import has
from simulators.demo.world import Truth, World, WorldError
from tests.chaos.station import AgentError, Station

NAME = "budi"
LOOK_S = 0.4
LOST_LOOKS = 8  # that the agent finds no printer, then it is switched off and on
REJECT_ASKS_MAX = 2  # then the card is taken out by hand
STILL_LOOKS = 60  # that a card stands in the path as it is, then it is taken out
HOPPER_MIN = 4  # with fewer, whoever has blanks to spare puts some in
LOAD = 8
IN_PATH = ("jam-path", "jam-exit")


class Person:
    """Keeps one station going; `answers` counts what was said, in words."""

    def __init__(self, station: Station, *, spare: bool = False) -> None:
        """`spare`: has blanks to put into the hopper as it empties."""
        self._station = station
        self._spare = spare
        self._still: tuple[object, int] = (None, 0)  # what stood in the path, how long
        self._world: World = station.world
        self._lost_looks = 0
        self._asked: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()

    async def run(self) -> None:
        """Look and act, until cancelled; an agent that is gone is looked for again."""
        while True:
            with suppress(AgentError, WorldError):  # killed: there will be another
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once at the agent's state, and do what it asks for."""
        truth = await self._world.truth()
        await self._set_right(truth)
        if self._spare and truth["places"]["hopper"] < HOPPER_MIN:
            await self._load()
        state = (await self._station.ask("status"))["state"]
        reasons = state["state_reasons"]
        await self._find_printer(reasons)
        if has(reasons, "media-jam") or has(reasons, "x-foreign-card"):
            await self._clear_path(state)
        if has(reasons, "x-outcome-unknown"):
            for job in (await self._station.ask("jobs"))["jobs"]:
                if has(job["reasons"], "x-outcome-unknown"):
                    await self._answer(job)

    async def _set_right(self, truth: Truth) -> None:
        """Take causes away as they are seen, and a card that does not move."""
        inside = [card for card in truth["cards"] if card["place"] == "path"]
        before, looks = self._still
        same = bool(inside) and inside == before
        self._still = (inside, looks + 1 if same else 0)
        kinds = truth["faults"]
        if inside and (looks > STILL_LOOKS or not set(kinds).isdisjoint(IN_PATH)):
            self._still = (None, 0)
            self.answers["card taken out"] += 1
            await self._take("path", "reject-bin")
        for kind in kinds:
            if kind == "hopper-empty" and not truth["places"]["hopper"]:
                continue  # it is: blanks are needed, or nobody has any
            if kind not in IN_PATH or not inside:
                self.answers[f"{kind} set right"] += 1
                await self._world.clear(kind)

    async def _load(self) -> None:
        """Put blanks in and tell of them, each once, whoever is killed meanwhile."""
        there = len((await self._world.truth())["cards"])
        book = (await self._station.ask("stock"))["stock"]["received"]
        while len((await self._truth())["cards"]) == there:
            with suppress(WorldError):
                await self._world.hand("load", count=LOAD)
        while await self._received() == book:
            with suppress(AgentError):
                await self._station.ask("stock-load", count=LOAD, who=NAME)

    async def _truth(self) -> Truth:
        while True:
            with suppress(WorldError):
                return await self._world.truth()
            await asyncio.sleep(LOOK_S)

    async def _received(self) -> int:
        while True:
            with suppress(AgentError):
                stock = (await self._station.ask("stock"))["stock"]
                return int(stock["received"])
            await asyncio.sleep(LOOK_S)

    async def _find_printer(self, reasons: list[str]) -> None:
        lost = has(reasons, "connecting-to-device")
        self._lost_looks = self._lost_looks + 1 if lost else 0
        if self._lost_looks >= LOST_LOOKS:
            self._lost_looks = 0
            self.answers["switched off and on"] += 1
            await self._world.power(on=False)
            await self._world.power(on=True)

    async def _clear_path(self, state: dict[str, Any]) -> None:
        truth = await self._world.truth()
        if truth["places"]["path"] and not state["current"]:
            await self._take("path", "reject-bin")

    async def _take(self, source: str, to: str) -> None:
        await self._world.hand("cover", open=True)
        await self._world.hand("take", **{"from": source, "to": to})
        await self._world.hand("cover", open=False)

    async def _answer(self, job: dict[str, Any]) -> None:
        """Find the one blank that the books miss, by counting."""
        truth = await self._world.truth()
        found, good = await self._where(job, truth)
        self.answers[f"{found} {_word(good)}".strip()] += 1
        request: dict[str, object] = {"found": found, "reason": "looked", "who": NAME}
        if good is not None:
            request["good"] = good
        if found in ("reject-bin", "hopper") or good is False:
            places = (await self._world.truth())["places"]
            where = "hopper" if found == "hopper" else "reject-bin"
            request["bin_count"] = places[where]
        await self._station.ask("resolve", job=job["job_id"], **request)

    async def _where(
        self, job: dict[str, Any], truth: Truth
    ) -> tuple[str, bool | None]:
        book = (await self._station.ask("stock"))["stock"]
        more = [
            place
            for place in ("output", "reject-bin", "hopper")
            if truth["places"][place] > book.get(place, 0)
        ]
        if truth["places"]["path"]:
            key = f"{job['job_id']}/{job['attempts']}"
            self._asked[key] += 1
            if self._asked[key] <= REJECT_ASKS_MAX:
                return "printer", None
            await self._take("path", "reject-bin")
            return "reject-bin", None
        if more == ["output"]:
            newest = [card for card in truth["cards"] if card["place"] == "output"]
            if all(card["state"] == "complete" for card in newest):
                return "output", True
            await self._world.hand("take", **{"from": "output", "to": "reject-bin"})
            return "output", False
        return (more[0] if more else "missing"), None


def _word(good: bool | None) -> str:
    return "" if good is None else "good" if good else "bad"
