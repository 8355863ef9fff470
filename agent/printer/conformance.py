"""The harmless part of the conformance list, asked of a real printer.

No card is fed, printed or moved: between the first look and the last the printer's own
counter must stand still. Each case opens a driver of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from enum import StrEnum

from protocols.contract import Capabilities, Driver, Observation
from protocols.errors import DeviceError, PrinterError
from protocols.vocabulary import CardFate

LOOKS_COUNT = 10

NEED_A_CARD = (
    "one side comes out with the very dots",
    "two sides come out with the very dots",
    "resin alone comes out with the very dots",
    "its counter of cards moves by one",
    "its counter of ribbon moves by the sets used",
    "a card with one side of two is rejected",
    "cut at ten points of a card no touched card is called untouched",
    "a death as the blank is fed makes no second card",
    "a death as panels are sent makes no second card",
    "a death before the last bytes makes no second card",
    "a death as it prints makes no second card",
    "a death on the way out makes no second card",
)
"""Cases of the list that are not asked here, in its own words."""


class Verdict(StrEnum):
    """What a case found."""

    YES = "yes"
    NO = "no"
    ABSENT = "absent"  # the capabilities say that this model has no such thing


@dataclass(frozen=True, slots=True)
class Found:
    """One case, and what a technician should read beside it."""

    case: str
    verdict: Verdict
    detail: str
    took_s: float


class _NotSoError(Exception):
    """The printer is not what its family promises."""


class _AbsentError(Exception):
    """This model has no such thing, and says so."""


@dataclass
class Inspection:
    """One printer, looked at; `make` gives a driver that is not opened, of a model."""

    make: Callable[[str], Driver]
    model: str
    another: str  # of the same family, and surely not this printer
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _seen: list[Observation] = field(default_factory=list)

    async def run(self) -> AsyncIterator[Found]:
        """Yield each case as it ends; the first that cannot open it is the last."""
        cases: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("it says who it is", self._who),
            ("its state is told", self._state),
            ("at rest two observations are equal", self._rest),
            ("ten looks in a row are answered", self._looks),
            ("another model than configured is refused", self._another),
            ("it says the same over a new link", self._again),
            ("its counter of cards has not moved", self._counter),
        )
        for name, case in cases:
            began_s = time.monotonic()
            verdict, detail = await _judged(case())
            yield Found(name, verdict, detail, time.monotonic() - began_s)
            if not self._seen:
                return

    async def _who(self) -> str:
        async with self._opened() as driver:
            who = (await self._observe(driver)).identity
        if not who.serial:
            raise _NotSoError("it does not say its serial number")
        told = [who.model, f"serial {who.serial}", f"firmware {who.firmware or '?'}"]
        return ", ".join(
            told + ([f"head {who.head_serial}"] if who.head_serial else [])
        )

    async def _state(self) -> str:
        async with self._opened() as driver:
            status = await driver.status()
        reasons = [str(one) for one in sorted(status.reasons)]
        return ", ".join([status.state, *reasons, f"card {status.card}"])

    async def _rest(self) -> str:
        async with self._opened() as driver:
            first = await self._observe(driver)
            await self.sleep(driver.capabilities.settle_gap_s)
            second = await self._observe(driver)
        if second.status.session_foreign:
            raise _NotSoError("another host holds it: it is not at rest")
        if second.status.busy:
            raise _NotSoError("it is at work: it is not at rest")
        if first != second:
            names = [one.name for one in fields(Observation)]
            differ = [
                name for name in names if getattr(first, name) != getattr(second, name)
            ]
            raise _NotSoError(f"they differ in {', '.join(differ)}")
        ribbon = second.supplies
        left = "?" if ribbon.ribbon_left is None else ribbon.ribbon_left
        return f"ribbon {ribbon.ribbon_kind or 'none'}, {left} sets left"

    async def _looks(self) -> str:
        took_s = []
        async with self._opened() as driver:
            for _ in range(LOOKS_COUNT):
                began_s = time.monotonic()
                await driver.status()
                took_s.append(time.monotonic() - began_s)
        return f"the slowest after {max(took_s) * 1000:.0f} ms"

    async def _another(self) -> str:
        driver = self.make(self.another)
        try:
            await driver.open()
        except DeviceError as error:
            if error.card is not CardFate.UNTOUCHED:
                raise _NotSoError(f"refused, but its card is {error.card}") from error
            return f"refused as {self.another}"
        finally:
            await driver.close()
        raise _NotSoError(f"it was taken for a {self.another}")

    async def _again(self) -> str:
        before = self._seen[-1]
        async with self._opened() as driver:
            after = await self._observe(driver)
        if after.identity != before.identity:
            raise _NotSoError(f"it was {before.identity}, and is {after.identity}")
        return f"serial {after.identity.serial}"

    async def _counter(self) -> str:
        first, last = self._seen[0], self._seen[-1]
        if self._able.feed_counter is None:
            raise _AbsentError(f"a {self._able.model} has no such counter")
        if last.cards_fed is None:
            raise _NotSoError("it does not say how many cards it has fed")
        if first.cards_fed != last.cards_fed:
            raise _NotSoError(
                f"{first.cards_fed} before, {last.cards_fed} after: a card was fed "
                "meanwhile, and not by these questions; count the blanks"
            )
        return f"{last.cards_fed} before and after ({last.cards_counter})"

    @property
    def _able(self) -> Capabilities:
        return self.make(self.model).capabilities

    async def _observe(self, driver: Driver) -> Observation:
        seen = await driver.observe()
        self._seen.append(seen)
        return seen

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Driver]:
        driver = self.make(self.model)
        try:
            await driver.open()
            yield driver
        finally:
            await driver.close()


async def _judged(case: Awaitable[str]) -> tuple[Verdict, str]:
    try:
        return Verdict.YES, await case
    except _AbsentError as absent:
        return Verdict.ABSENT, str(absent)
    except (_NotSoError, PrinterError) as error:
        return Verdict.NO, str(error)


def another_model(model: str, known: Sequence[str]) -> str:
    """Return a model of the family that no fitting of `model` could be taken for."""
    first, _, _ = model.partition(" ")
    return next(name for name in known if name.partition(" ")[0] != first)


def declared(able: Capabilities) -> tuple[list[str], list[str]]:
    """Return what the model's row promises, and what it says is absent."""
    has = {
        "two sides": able.two_sided,
        "reject bin": able.reject_bin,
        "counter of cards": able.feed_counter is not None,
        "counter of ribbon": able.ribbon_counter is not None,
        "a power cut shows": able.power_canary,
        "status beside a job": able.status_beside_job,
        "cleaning": able.cleaning,
    }
    there = [name for name, one in has.items() if one]
    return there, [name for name in has if name not in there]
