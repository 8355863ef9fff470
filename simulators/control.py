"""The control socket: one JSON object a line in, one a line out (docs/emulator.md).

It shows and touches the physical world, never the wire; the agent is not told of it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from simulators.blanks import Blank, Place
from simulators.clock import STEP_MAX_S, Pacemaker
from simulators.connections import Connections
from simulators.faults import MOMENT_OF, USB_KINDS, FaultKind, Moment
from simulators.hand import Hand, HandError, causes, clear
from simulators.ribbons import RIBBON_KINDS

LINE_SIZE_MAX = 65536
CONNECTIONS_MAX = 16

Answer = dict[str, object]


class Pictures(Protocol):
    """What the printer's family keeps of the cards' faces."""

    files: dict[str, list[str]]

    def digest(self, blank: Blank) -> str | None: ...

    async def drawn(self) -> None: ...


class RequestError(Exception):
    """The request cannot be understood; the text says what was expected."""


@dataclass(slots=True)
class Control:
    hand: Hand
    pacemaker: Pacemaker
    pictures: Pictures
    model: str
    serial: str
    on_usb: bool = False
    _server: asyncio.Server | None = None
    _path: Path = Path()
    _connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self._connections = Connections(self._converse, CONNECTIONS_MAX)

    async def open(self, path: Path) -> None:
        """Take the socket and serve. Raises `OSError` when it is not to be had."""
        self._server = await asyncio.start_unix_server(
            self._connections.serve, path, limit=LINE_SIZE_MAX
        )
        self._path = path

    async def close(self) -> None:
        """Drop who is connected, and remove the socket."""
        if self._server is not None:
            self._server.close()
            await self._connections.hang_up()
            self._path.unlink(missing_ok=True)

    async def answer(self, line: bytes) -> Answer:
        """Carry out one request; what cannot be done is said, and nothing is done."""
        try:
            request = _Request.of(line)
            self.pacemaker.catch_up()
            answer = await self._carry_out(request)
            self.pacemaker.touched()
        except (RequestError, HandError) as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True, **answer}

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while line := await reader.readline():
                await _send(writer, await self.answer(line))
        except ValueError:  # `readline` says so; the rest of the line is not awaited
            text = f"a request is one line of at most {LINE_SIZE_MAX} bytes"
            await _send(writer, {"ok": False, "error": text})

    async def _carry_out(self, request: _Request) -> Answer:
        do = request.word("do", _DEEDS)
        return await _DEEDS[do](self, request)

    async def _truth(self, request: _Request) -> Answer:
        request.only()
        await self.pictures.drawn()
        machine = self.hand.machine
        ribbon = machine.ribbon
        by_id = sorted(machine.blanks, key=lambda blank: blank.blank_id)
        return {
            "cards": [self._card(blank) for blank in by_id],
            "places": {place: len(machine.at(place)) for place in Place},
            "counters": {
                "cards_fed": machine.cards_fed,
                "sides_printed": machine.sides_printed,
                "cleanings": machine.cleanings_done,
            },
            "ribbon": ribbon
            and {
                "kind": ribbon.kind.name,
                "left": ribbon.left,
                "capacity": ribbon.capacity,
                "serial": ribbon.serial,
            },
            "faults": causes(machine),
            "cover_open": machine.cover_open,
            "power": machine.powered,
            "clock_s": round(machine.clock_s, 6),
            "model": self.model,
            "serial": self.serial,
        }

    def _card(self, blank: Blank) -> Answer:
        return {
            "id": blank.blank_id,
            "place": blank.place,
            "state": blank.state,
            "marks": {
                side: [mark.panel for mark in marks]
                for side, marks in blank.marks.items()
            },
            "digest": self.pictures.digest(blank),
            "png": self.pictures.files.get(blank.blank_id, []),
            **({"tracks": dict(blank.tracks)} if blank.tracks else {}),
        }

    async def _fault(self, request: _Request) -> Answer:
        request.only("kind", "card")
        kind = FaultKind(request.word("kind", tuple(FaultKind)))
        if kind in USB_KINDS and not self.on_usb:
            raise RequestError(f"kind: {kind} needs a printer with a USB port")
        if not request.has("card"):
            self.hand.machine.strike(kind)
            return {}
        card_no = request.number("card", 1, 10**6)
        machine = self.hand.machine
        inside = any(blank.fed_no == card_no for blank in machine.at(Place.PATH))
        late = MOMENT_OF[kind] is Moment.PICK or not inside
        if card_no <= machine.cards_fed and late:
            raise RequestError(
                f"card: {machine.cards_fed} cards have been taken already, "
                f"expected a later one than {card_no}"
            )
        machine.faults.schedule(kind, card_no)
        return {}

    async def _clear(self, request: _Request) -> Answer:
        request.only("kind")
        clear(self.hand, FaultKind(request.word("kind", tuple(FaultKind))))
        return {}

    async def _power(self, request: _Request) -> Answer:
        request.only("on")
        self.hand.machine.switch_power(on=request.truth("on"))
        return {}

    async def _step(self, request: _Request) -> Answer:
        request.only("s")
        self.pacemaker.step(request.seconds("s", STEP_MAX_S))
        return {"clock_s": round(self.hand.machine.clock_s, 6)}

    async def _hand(self, request: _Request) -> Answer:
        return _ACTS[request.word("act", _ACTS)](self.hand, request)


@dataclass(frozen=True, slots=True)
class _Request:
    fields: Mapping[str, object]

    @classmethod
    def of(cls, line: bytes) -> _Request:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"not one line of JSON: {error}") from error
        if not isinstance(fields, dict):
            raise RequestError("expected a JSON object")
        return cls(fields)

    def has(self, name: str) -> bool:
        return name in self.fields

    def only(self, *names: str) -> None:
        """Refuse fields that mean nothing here, for they are mistakes."""
        for name in self.fields:
            if name not in ("do", "act", *names):
                raise RequestError(f"{name}: no such field in this request")

    def word(self, name: str, allowed: Mapping[str, object] | tuple[str, ...]) -> str:
        value = self.fields.get(name)
        if not isinstance(value, str) or value not in allowed:
            raise RequestError(f"{name}: expected one of {', '.join(allowed)}")
        return value

    def number(self, name: str, smallest: int, largest: int) -> int:
        value = self.fields.get(name)
        good = isinstance(value, int) and not isinstance(value, bool)
        if not good or not smallest <= value <= largest:  # type: ignore[operator]
            raise RequestError(f"{name}: expected a number, {smallest} to {largest}")
        assert isinstance(value, int)
        return value

    def truth(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise RequestError(f"{name}: expected true or false")
        return value

    def seconds(self, name: str, longest_s: float) -> float:
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RequestError(f"{name}: expected seconds")
        if not math.isfinite(value) or not 0 <= value <= longest_s:
            raise RequestError(f"{name}: expected 0 to {longest_s:.0f} seconds")
        return float(value)


def _take(hand: Hand, request: _Request) -> Answer:
    request.only("from", "to")
    origin = Place(request.word("from", tuple(Place)))
    there = request.word("to", tuple(Place)) if request.has("to") else Place.HAND
    return {"card": hand.take(origin, Place(there)).blank_id}


def _load(hand: Hand, request: _Request) -> Answer:
    request.only("count")
    hand.load(request.number("count", 1, 1000))
    return {}


def _cover(hand: Hand, request: _Request) -> Answer:
    request.only("open")
    hand.machine.open_cover(is_open=request.truth("open"))
    return {}


def _ribbon(hand: Hand, request: _Request) -> Answer:
    request.only("kind", "sets")
    kind = request.word("kind", tuple(RIBBON_KINDS))
    hand.change_ribbon(kind, request.number("sets", 0, 1000))
    return {}


def _empty_reject_bin(hand: Hand, request: _Request) -> Answer:
    request.only()
    return {"count": hand.empty_reject_bin()}


def _insert(hand: Hand, request: _Request) -> Answer:
    request.only()
    hand.insert()
    return {}


def _take_ribbon(hand: Hand, request: _Request) -> Answer:
    request.only()
    hand.take_ribbon()
    return {}


def _return_ribbon(hand: Hand, request: _Request) -> Answer:
    request.only()
    hand.return_ribbon()
    return {}


def _cleaning_card(hand: Hand, request: _Request) -> Answer:
    request.only()
    hand.lay_cleaning_card()
    return {}


_ACTS: dict[str, Callable[[Hand, _Request], Answer]] = {
    "take": _take,
    "load": _load,
    "cover": _cover,
    "ribbon": _ribbon,
    "take-ribbon": _take_ribbon,
    "return-ribbon": _return_ribbon,
    "cleaning-card": _cleaning_card,
    "empty-reject-bin": _empty_reject_bin,
    "insert": _insert,
}

_DEEDS: dict[str, Callable[[Control, _Request], Awaitable[Answer]]] = {
    "truth": Control._truth,
    "fault": Control._fault,
    "clear": Control._clear,
    "hand": Control._hand,
    "power": Control._power,
    "step": Control._step,
}


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()
