"""An Evolis printer worked card by card: `contract.Driver` over a raw port.

Each motion first looks whether it may begin, and afterwards whether it has happened.
No retry and no policy: an error says what became of the card, and ends this driver.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

from protocols.contract import (
    Capabilities,
    Identity,
    Observation,
    PreparedCard,
    SidePlanes,
    Status,
    Supplies,
    Transport,
)
from protocols.errors import DeviceError, LocalProtocolError, RemoteProtocolError
from protocols.evolis.codec import SESSION_MAX, RefusalWord, Trailer, count_in, pairs
from protocols.evolis.commands import Op
from protocols.evolis.link import UNEXPLAINED, Exchange, Link
from protocols.evolis.models import RIBBON_TYPES, Model
from protocols.evolis.raster import ONE_BIT, pack
from protocols.evolis.session import Session, State
from protocols.evolis.status import PRINTING, any_up, faults_up, read_status
from protocols.vocabulary import (
    CardFate,
    CardPosition,
    CardSide,
    Panel,
    Reason,
    Severity,
    StateReason,
)

POLL_INTERVAL_S = 0.25  # EVO-06
RESERVED_FOR_S = 180  # EVO-18: of silence, then the printer is free again
RESERVE_WAIT_S = 5.0  # EVO-18
HOST_DECIDES = "2"  # EVO-20
IN_USE = frozenset({Reason(StateReason.PRINTER_IN_USE, Severity.ERROR)})
FOREIGN_CARD = frozenset({Reason(StateReason.FOREIGN_CARD, Severity.ERROR)})


class EvolisDriver:
    """Call order and errors: `contract.Driver`. Looking may overlap a motion."""

    def __init__(self, model: Model, transport: Transport, *, session_id: int) -> None:
        """`session_id` marks our reservations, 1 to 65535, the same after a restart."""
        if not 1 <= session_id <= SESSION_MAX:
            raise LocalProtocolError(
                f"session id {session_id} is not in 1 … {SESSION_MAX}",
                card=CardFate.UNTOUCHED,
            )
        self._model = model
        self._session_id = session_id
        self._session = Session()
        self._link = Link(transport, self._session, session_id)
        self._identity: Identity | None = None
        self._ended: str | None = None  # why this driver is spent

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    async def open(self) -> Identity:
        with self._accounted(opening=True):
            await self._link.enable_status()
            await self._poll_unless_foreign()
            reply = (await self._link.ask(Op.MODEL)).text
            if reply.casefold() != self._model.reply.casefold():
                raise self._error(
                    f"calls itself {reply[:40]!r}, configured is "
                    f"{self.capabilities.model!r} ({self._model.reply})"
                )
            firmware = (await self._link.ask(Op.FIRMWARE)).text
            self._identity = await self._identify(firmware)
            return self._identity

    async def status(self) -> Status:
        with self._accounted():
            return read_status(await self._poll(), self._session_id)

    async def observe(self) -> Observation:
        with self._accounted():
            assert self._identity is not None
            await self._look_unless_ours()
            identity = await self._identify(self._identity.firmware)
            who_decides = await self._link.exchange(Op.WHO_DECIDES)
            cards_fed = await self._cards_fed()
            ribbon = await self._link.exchange(Op.RIBBON)
            return Observation(
                status=read_status(ribbon.trailer, self._session_id),
                identity=identity,
                supplies=_supplies(ribbon),
                cards_fed=cards_fed,
                canary=None if who_decides.refusal else who_decides.text,
            )

    def prepare(self, sides: Sequence[SidePlanes], ribbon_kind: str) -> PreparedCard:
        ribbon = self.capabilities.ribbons.get(ribbon_kind)
        if ribbon is None:
            known = ", ".join(self.capabilities.ribbons)
            raise _impossible(f"ribbon {ribbon_kind!r}, expected one of: {known}")
        order = [planes.side for planes in sides]
        if order not in ([CardSide.FRONT], [CardSide.FRONT, CardSide.BACK]):
            raise _impossible(f"sides {order}, expected front, or front and back")
        if CardSide.BACK in order and not self.capabilities.two_sided:
            raise _impossible(f"a {self.capabilities.model} prints the front alone")
        digest = hashlib.sha256()
        packed = []
        for planes in sides:
            panels = ribbon.panels(planes.side)
            self._check_planes(planes, panels)
            dots = tuple((panel, self._packed(planes, panel)) for panel in panels)
            for _, data in dots:
                digest.update(data)
            packed.append((planes.side, dots))
        return PreparedCard(
            sides=tuple(packed), ribbon_kind=ribbon_kind, digest=digest.hexdigest()
        )

    async def claim(self) -> str | None:
        with self._accounted():
            await self._poll_unless_foreign()
            ours = await self._link.ask(Op.RESERVE, self._session_id, RESERVED_FOR_S)
            if ours.trailer.session != self._session_id:
                await self._wait_until_ours()
            await self._link.ask(Op.HOST_DECIDES)
            canary = (await self._link.ask(Op.WHO_DECIDES)).text
            if canary != HOST_DECIDES:
                raise self._error(
                    f"keeps its own retries on: Rem;1 says {canary[:40]!r} after Pem;2"
                )
            return canary

    async def feed(self) -> None:
        with self._accounted():
            self._session.check(Op.FEED)
            await self._fit_to_feed()
            before = await self._cards_fed()
            fed = await self._link.exchange(Op.FEED)
            if fed.refusal is not None:
                error = self._link.refused(fed)
                if fed.refusal is RefusalWord.FEEDER and await self._none_fed(before):
                    error.card = CardFate.UNTOUCHED
                raise error
            self._has_happened(fed.trailer)
            self._stands(CardPosition.INSIDE, fed.trailer)

    async def print_side(self, card: PreparedCard, side: CardSide) -> None:
        with self._accounted():
            panels = dict(card.sides).get(side)
            if panels is None:
                raise LocalProtocolError(
                    f"nothing was prepared for the {side}", card=self._session.card
                )
            if side is CardSide.FRONT:
                self._session.check(Op.BEGIN)
                self._stands(CardPosition.INSIDE, await self._fit_to_move())
                self._has_happened((await self._link.ask(Op.BEGIN)).trailer)
            turn = Op.FRONT if side is CardSide.FRONT else Op.BACK
            self._has_happened((await self._link.ask(turn)).trailer)
            for panel, dots in panels:
                levels = 2 if panel in ONE_BIT else self._model.colour_levels
                sent = await self._link.send_panel(
                    panel.value, levels, dots, self._model.resolution
                )
                self._has_happened(sent.trailer)

    async def finish_print(self) -> None:
        limit_s = self.capabilities.longest_card_s
        with self._accounted():
            try:
                async with asyncio.timeout(limit_s):
                    trailer = await self._look_on()
                    while any_up(trailer, PRINTING):
                        await asyncio.sleep(POLL_INTERVAL_S)
                        trailer = await self._look_on()
            except TimeoutError as error:
                raise self._error(f"still printing after {limit_s:g} s") from error
            self._stands(CardPosition.INSIDE, trailer)
            self._session.all_printed()

    async def deliver(self) -> None:
        ours = self._session.state is State.PRINTED
        await self._send_away(Op.EJECT if ours else Op.EJECT_STRAY)

    async def reject(self) -> None:
        await self._send_away(Op.REJECT)

    async def clear_fault(self) -> None:
        with self._accounted():
            await self._poll_unless_foreign()
            trailer = (await self._link.ask(Op.CLEAR_FAULT)).trailer
            self._no_fault(trailer, "acknowledged, but still up")

    async def release(self) -> None:
        with self._accounted():
            await self._look_unless_ours()
            await self._link.ask(Op.RELEASE)

    async def close(self) -> None:
        self._ended = self._ended or "it was closed"
        await self._link.close()

    # What every call goes through.

    @contextmanager
    def _accounted(self, *, opening: bool = False) -> Iterator[None]:
        """Refuse a spent driver; whatever ends a call early spends it, a cancel too."""
        if self._ended is not None or (self._identity is None and not opening):
            raise LocalProtocolError(
                f"{self._link.name}: this driver is spent or was not opened: "
                f"{self._ended or 'call open first'}",
                card=self._session.card,
            )
        try:
            yield
        except BaseException as error:
            self._ended = f"{type(error).__name__}: {error}"
            raise

    async def _poll(self) -> Trailer:
        return (await self._link.ask(Op.POLL)).trailer

    async def _poll_unless_foreign(self) -> None:
        """Beside a foreign job no word is safe: it could be taken for dots (EVO-19)."""
        self._not_foreign(await self._poll())

    async def _look_unless_ours(self) -> None:
        """While the last reply says that we hold it, no foreign job can be there."""
        if self._link.session_seen != self._session_id:
            await self._poll_unless_foreign()

    async def _identify(self, firmware: str) -> Identity:
        serial = (await self._link.ask(Op.SERIAL)).text
        head_serial = (await self._link.ask(Op.HEAD_SERIAL)).text
        return Identity(self.capabilities.model, serial, firmware, head_serial)

    async def _cards_fed(self) -> int:
        answer = await self._link.ask(Op.CARD_COUNTER)
        return count_in(pairs(answer.text), "inserted_head")

    async def _wait_until_ours(self) -> None:
        try:
            async with asyncio.timeout(RESERVE_WAIT_S):
                while (trailer := await self._poll()).session != self._session_id:
                    self._not_foreign(trailer)
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise RemoteProtocolError(
                f"{self._link.name}: said OK to our reservation, but did not make it "
                f"within {RESERVE_WAIT_S:g} s",
                card=self._session.card,
            ) from error

    async def _send_away(self, op: Op) -> None:
        with self._accounted():
            self._session.check(op)
            self._stands(CardPosition.INSIDE, await self._fit_to_move())
            trailer = (await self._link.ask(op)).trailer
            if read_status(trailer, self._session_id).card is CardPosition.INSIDE:
                self._session.doubt()
                raise self._error(f"answered OK to {op.name}, but the card is inside")

    # Judgements on a status: each returns, or raises a DeviceError.

    async def _fit_to_feed(self) -> None:
        """No blank has moved yet, so every refusal here leaves the card untouched."""
        try:
            trailer = await self._fit_to_move()
        except DeviceError as error:
            error.card = CardFate.UNTOUCHED
            raise
        status = read_status(trailer, self._session_id)
        if status.card is not CardPosition.NONE:
            raise DeviceError(
                f"{self._link.name}: a card is already in the path ({status.card})",
                reasons=FOREIGN_CARD,
                card=CardFate.UNTOUCHED,
            )
        errors = {one for one in status.reasons if one.severity is Severity.ERROR}
        if errors:
            raise DeviceError(
                f"{self._link.name}: not ready for a card: {_named(errors)}",
                reasons=frozenset(errors),
                card=CardFate.UNTOUCHED,
            )

    async def _fit_to_move(self) -> Trailer:
        """Look before a motion: ours, no fault, and no panel still on its way."""
        trailer = await self._look_on()
        if any_up(trailer, PRINTING):
            raise self._error("is still printing: no motion may begin")
        return trailer

    async def _look_on(self) -> Trailer:
        trailer = await self._poll()
        self._has_happened(trailer)
        return trailer

    def _has_happened(self, trailer: Trailer) -> None:
        self._not_foreign(trailer)
        if trailer.session != self._session_id:
            raise self._error("has dropped our session: restarted, or idle too long")
        self._no_fault(trailer, "stopped")

    async def _none_fed(self, before: int) -> bool:
        """Whether it can be shown that a refused feed has moved no blank."""
        status = read_status(await self._poll(), self._session_id)
        return status.card is CardPosition.NONE and await self._cards_fed() == before

    def _not_foreign(self, trailer: Trailer) -> None:
        if trailer.session not in (0, self._session_id):
            raise self._error(f"is held by session {trailer.session}", IN_USE)

    def _no_fault(self, trailer: Trailer, what: str) -> None:
        faults = faults_up(trailer)
        if faults:
            raise self._error(f"{what}: {_named(faults)}", faults)

    def _stands(self, expected: CardPosition, trailer: Trailer) -> None:
        seen = read_status(trailer, self._session_id).card
        if seen is not expected:
            raise self._error(f"the card should be {expected}, seen is {seen}")

    def _error(
        self, message: str, reasons: frozenset[Reason] = UNEXPLAINED
    ) -> DeviceError:
        return DeviceError(
            f"{self._link.name}: {message}", reasons=reasons, card=self._session.card
        )

    def _packed(self, planes: SidePlanes, panel: Panel) -> bytes:
        return pack(
            panel,
            planes.planes[panel],
            levels=self._model.colour_levels,
            row_dots=self._model.row_dots,
        )

    def _check_planes(self, planes: SidePlanes, panels: tuple[Panel, ...]) -> None:
        if set(planes.planes) != set(panels):
            raise _impossible(
                f"planes {sorted(planes.planes)} for the {planes.side}, "
                f"expected {sorted(panels)}"
            )
        size = (self.capabilities.width_px, self.capabilities.height_px)
        for panel, plane in planes.planes.items():
            if plane.mode != "L" or plane.size != size:
                raise _impossible(
                    f"plane {panel} of the {planes.side} is {plane.mode} "
                    f"{plane.width} × {plane.height}, expected L {size[0]} × {size[1]}"
                )


def _impossible(message: str) -> LocalProtocolError:
    return LocalProtocolError(message, card=CardFate.UNTOUCHED)


def _named(reasons: Set[Reason]) -> str:
    return ", ".join(sorted(str(reason) for reason in reasons))


def _supplies(ribbon: Exchange) -> Supplies:
    """Read `Rrt;all`. Right after the cover was shut it may say a bare OK: EVO-15."""
    if ribbon.refusal is not None or ribbon.text == "OK":
        return Supplies("", "", None, None)
    values = pairs(ribbon.text)
    label = values.get("label", "")
    number = values.get("type", "")
    kind = RIBBON_TYPES.get(int(number)) if number.isdecimal() else None
    return Supplies(
        ribbon_kind=kind or label or f"type {number[:16]}",
        ribbon_serial=values.get("evosn", ""),
        ribbon_left=count_in(values, "count"),
        ribbon_capacity=count_in(values, "qty"),
    )
