"""What a person asks of a printer between cards: trays, cleaning, a reset.

Over the same link and guard as the driver, so an error here spends the driver too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from protocols.errors import RemoteProtocolError, TransportError
from protocols.evolis.codec import RefusalWord, count_in, natural, pairs
from protocols.evolis.commands import COMMANDS, Op
from protocols.evolis.counters import CardCounter
from protocols.evolis.guard import POLL_INTERVAL_S, Guard
from protocols.evolis.link import Exchange
from protocols.evolis.status import CLEANING, any_up
from protocols.vocabulary import CardPosition

CLEAN_LIMIT_S = 600.0  # guessed: EVO-85
RESET_PAUSE_S, RESET_TRIES = 5.0, 3  # EVO-80


class InputTray(StrEnum):
    """Where cards come from (EVO-81)."""

    FEEDER = "F"
    MANUAL = "M"
    MANUAL_ON_COMMAND = "C"
    BEZEL = "I"
    BOTH = "B"
    NO_FEEDER = "N"
    REAR = "R"


class OutputTray(StrEnum):
    """Where finished cards go (EVO-81)."""

    STANDARD = "D"
    MANUAL = "M"
    ERROR = "R"
    EJECT = "N"
    BEZEL = "I"
    ERROR_SLOT = "K"
    LOCKED = "L"


class ErrorTray(StrEnum):
    """Where rejected cards go (EVO-81)."""

    ERROR = "D"
    STANDARD = "R"
    MANUAL = "M"
    BEZEL = "I"
    ERROR_SLOT = "K"  # guessed: named as for output                     EVO-81
    LOCKED = "L"  # likewise


@dataclass(frozen=True, slots=True)
class Trays:
    cards_in: InputTray
    cards_out: OutputTray
    rejects: ErrorTray


@dataclass(frozen=True, slots=True)
class Cleaning:
    """How far the next cleaning is; None: this firmware does not say."""

    cards_fed: int
    cards_since: int | None  # the last one; None after a change of the head, too
    until_advised: int  # below 0: so many cards too late                    EVO-83
    until_overdue: int | None  # likewise; then the head's warranty ends
    done_count: int
    advanced_count: int


TrayT = TypeVar("TrayT", InputTray, OutputTray, ErrorTray)


class Maintenance:
    """Each call raises `PrinterError` with the card's fate, as the driver's do."""

    def __init__(self, guard: Guard, counter: CardCounter) -> None:
        self._guard = guard
        self._link = guard.link
        self._counter = counter

    async def trays(self) -> Trays:
        with self._guard.accounted():
            await self._guard.look_unless_ours()
            return Trays(
                await self._tray(Op.INPUT_TRAY, InputTray),
                await self._tray(Op.OUTPUT_TRAY, OutputTray),
                await self._tray(Op.ERROR_TRAY, ErrorTray),
            )

    async def set_trays(self, trays: Trays) -> None:
        """Set all three, and read back that they are so.

        Raises:
            DeviceError: the printer refuses one, or keeps another.
        """
        with self._guard.accounted():
            await self._guard.look_unless_ours()
            await self._link.ask(Op.SET_INPUT_TRAY, trays.cards_in.value)
            await self._link.ask(Op.SET_OUTPUT_TRAY, trays.cards_out.value)
            await self._link.ask(Op.SET_ERROR_TRAY, trays.rejects.value)
        now = await self.trays()
        with self._guard.accounted():
            if now != trays:
                raise self._guard.error(f"was told {trays}, and says {now}")

    async def host_decides(self) -> bool | None:
        """Who manages errors (EVO-20): we, the printer, or a value no source names."""
        with self._guard.accounted():
            await self._guard.look_unless_ours()
            text = (await self._link.ask(Op.WHO_DECIDES)).text
            return {"2": True, "0": False}.get(text)

    async def cleaning(self) -> Cleaning:
        """Read how far the next cleaning is (EVO-83, EVO-84)."""
        with self._guard.accounted():
            await self._guard.look_unless_ours()
            told = await self._link.exchange(Op.CLEANING)
            if told.refusal is RefusalWord.COMMAND:
                return await self._old_cleaning()
            if told.refusal is not None:
                raise self._link.refused(told)
            cards_fed = await self._counter.read()
            of_head = self._counter.name == str(COMMANDS[Op.CARD_COUNTER])
            with self._link.reading(told):
                return _cleaning(pairs(told.text), cards_fed, of_head=of_head)

    async def clean(self) -> None:
        """Run a cleaning; a person has taken the ribbon out and laid a card ready.

        `claim` comes first. Returns when the cycle is over (EVO-85).

        Raises:
            DeviceError: refused, a fault, or no end within ten minutes.
        """
        with self._guard.accounted():
            self._guard.session.check(Op.CLEAN)
            trailer = await self._guard.fit_to_move()
            self._guard.stands(CardPosition.NONE, trailer)
            self._guard.has_happened((await self._link.ask(Op.CLEAN)).trailer)
            try:
                async with asyncio.timeout(CLEAN_LIMIT_S):
                    running = True
                    while running:
                        await asyncio.sleep(POLL_INTERVAL_S)
                        running = any_up(await self._guard.look_on(), CLEANING)
            except TimeoutError as error:
                what = f"is still being cleaned after {CLEAN_LIMIT_S:g} s"
                raise self._guard.error(what) from error

    async def reset(self) -> None:
        """Restart the printer, and return when it answers again (EVO-80).

        `claim` comes first. Session and settings are lost with it: the driver is spent
        and a new one must be opened.

        Raises:
            TransportError: it did not come back.
        """
        with self._guard.accounted():
            self._guard.session.check(Op.RESET)
            trailer = await self._guard.look_on()
            self._guard.stands(CardPosition.NONE, trailer)
            await self._link.ask(Op.RESET)
            for left in reversed(range(RESET_TRIES)):
                await asyncio.sleep(RESET_PAUSE_S)
                try:
                    await self._link.ask(Op.ALIVE)
                    break
                except TransportError:
                    if not left:
                        raise
        self._guard.ended = "the printer was reset: open it anew"

    async def _tray(self, op: Op, kind: Callable[[str], TrayT]) -> TrayT:
        answer = await self._link.ask(op)
        with self._link.reading(answer):
            return _letter(answer, kind)

    async def _old_cleaning(self) -> Cleaning:
        return Cleaning(
            cards_fed=await self._counter.read(),
            cards_since=None,
            until_advised=await self._number(Op.OLD_CLEANING_DUE),
            until_overdue=None,
            done_count=await self._number(Op.OLD_CLEANINGS),
            advanced_count=await self._number(Op.OLD_ADVANCED_CLEANINGS),
        )

    async def _number(self, op: Op) -> int:
        answer = await self._link.ask(op)
        with self._link.reading(answer):
            return _whole(answer.text, "the counter")


def _letter(answer: Exchange, kind: Callable[[str], TrayT]) -> TrayT:
    letters = re.findall(r"\(([^()]*)\)", answer.text)
    if len(letters) == 1:
        try:
            return kind(letters[0])
        except ValueError:
            pass
    raise RemoteProtocolError(f"{answer.text[:40]!r}, expected one letter in brackets")


def _cleaning(values: dict[str, str], cards_fed: int, *, of_head: bool) -> Cleaning:
    advised = _whole(values.get("rem_advised", ""), "rem_advised")
    last = count_in(values, "last_periodic")
    # A new head begins to count anew: what was noted with the old one is no base.
    comparable = of_head and last <= cards_fed
    return Cleaning(
        cards_fed=cards_fed,
        cards_since=cards_fed - last if comparable else None,
        until_advised=advised,
        until_overdue=advised + count_in(values, "mandatory"),
        done_count=count_in(values, "periodic_global"),
        advanced_count=count_in(values, "advanced_global"),
    )


def _whole(text: str, what: str) -> int:
    """A number that may have fallen below 0."""
    below = text.startswith("-")
    return -natural(text[1:], what) if below else natural(text, what)
