"""An Evolis printer worked card by card: `contract.Driver` over a raw port.

Each motion first looks whether it may begin, and afterwards whether it has happened.
No retry and no policy: an error says what became of the card, and ends this driver.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from protocols.contract import (
    Capabilities,
    Identity,
    Observation,
    PreparedCard,
    SidePlanes,
    Status,
    Transport,
)
from protocols.errors import LocalProtocolError
from protocols.evolis import job, preparing
from protocols.evolis.codec import SESSION_MAX, RefusalWord
from protocols.evolis.commands import Op
from protocols.evolis.counters import CardCounter, supplies_in
from protocols.evolis.guard import POLL_INTERVAL_S, Guard
from protocols.evolis.link import Exchange, Link
from protocols.evolis.magnetic import MagneticStripe
from protocols.evolis.maintenance import Maintenance
from protocols.evolis.models import Model
from protocols.evolis.opening import (
    ask_its_name,
    check_configured,
    end_stale_job,
    until_at_rest,
)
from protocols.evolis.raster import ONE_BIT
from protocols.evolis.session import Session, State
from protocols.evolis.status import PRINTING, any_up, faults_up, read_status
from protocols.vocabulary import CardFate, CardPosition, CardSide

HOST_DECIDES, AFTER_POWER_UP = "2", "0"  # EVO-20, EVO-21


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
        self._guard = Guard(self._link, self._session, session_id)
        self._counter = CardCounter(self._link)
        self.maintenance = Maintenance(self._guard, self._counter)
        self.stripe = MagneticStripe(self._guard)
        self._identity: Identity | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    async def open(self) -> Identity:
        with self._guard.accounted(opening=True):
            await self._link.enable_status()
            able = self.capabilities
            await until_at_rest(self._guard, able.longest_card_s, able.settle_gap_s)
            named = await ask_its_name(self._guard)
            check_configured(self._guard, self._model, named)
            await end_stale_job(self._guard, named)
            firmware = (await self._link.ask(Op.FIRMWARE)).text
            self._identity = await self._identify(firmware)
            self._guard.opened = True
            return self._identity

    async def status(self) -> Status:
        with self._guard.accounted():
            return read_status(await self._guard.poll(), self._session_id)

    async def observe(self) -> Observation:
        with self._guard.accounted():
            assert self._identity is not None
            await self._guard.look_unless_ours()
            identity = await self._identify(self._identity.firmware)
            who_decides = await self._link.exchange(Op.WHO_DECIDES)
            cards_fed = await self._counter.read()
            ribbon = await self._link.exchange(Op.RIBBON)
            with self._link.reading(ribbon):
                supplies = supplies_in(ribbon)
            return Observation(
                status=read_status(ribbon.trailer, self._session_id),
                identity=identity,
                supplies=supplies,
                cards_fed=cards_fed,
                canary=_canary(who_decides),
                cards_counter=self._counter.name,
            )

    def prepare(self, sides: Sequence[SidePlanes], ribbon_kind: str) -> PreparedCard:
        return preparing.prepare(self._model, sides, ribbon_kind)

    async def claim(self) -> str | None:
        with self._guard.accounted():
            await self._guard.reserve()
            await self._link.ask(Op.HOST_DECIDES)
            canary = (await self._link.ask(Op.WHO_DECIDES)).text
            if canary != HOST_DECIDES:
                raise self._guard.error(
                    f"keeps its own retries on: Rem;1 says {canary[:40]!r} after Pem;2"
                )
            return canary

    async def feed(self) -> None:
        with self._guard.accounted():
            self._session.check(Op.FEED)
            await self._guard.fit_to_feed()
            before = await self._counter.read()
            fed = await self._link.exchange(Op.FEED)
            if fed.refusal is not None:
                error = self._link.refused(fed)
                if fed.refusal is RefusalWord.FEEDER and await self._none_fed(before):
                    error.card = CardFate.UNTOUCHED
                raise error
            self._guard.has_happened(fed.trailer)
            self._guard.stands(CardPosition.INSIDE, fed.trailer)

    async def print_side(self, card: PreparedCard, side: CardSide) -> None:
        with self._guard.accounted():
            panels = dict(card.sides).get(side)
            if panels is None:
                raise LocalProtocolError(
                    f"nothing was prepared for the {side}", card=self._session.card
                )
            if side is CardSide.FRONT:
                if self._session.state is not State.BEGUN:
                    self._session.check(Op.BEGIN)
                self._guard.stands(CardPosition.INSIDE, await self._guard.fit_to_move())
                await self._guard.begin()
            turn = Op.FRONT if side is CardSide.FRONT else Op.BACK
            self._guard.has_happened((await self._link.ask(turn)).trailer)
            for panel, dots in panels:
                levels = 2 if panel in ONE_BIT else self._model.colour_levels
                sent = await self._link.send_panel(
                    panel.value, levels, dots, self._model.resolution
                )
                self._guard.has_happened(sent.trailer)

    async def finish_print(self) -> None:
        limit_s = self.capabilities.longest_card_s
        with self._guard.accounted():
            try:
                async with asyncio.timeout(limit_s):
                    trailer = await self._guard.look_on()
                    while any_up(trailer, PRINTING):
                        await asyncio.sleep(POLL_INTERVAL_S)
                        trailer = await self._guard.look_on()
            except TimeoutError as error:
                raise self._guard.error(
                    f"still printing after {limit_s:g} s"
                ) from error
            self._guard.stands(CardPosition.INSIDE, trailer)
            self._session.all_printed()

    async def print_whole(self, card: PreparedCard) -> None:
        """Feed, print and deliver in one job, as the vendor's program does (EVO-70).

        For printers whose answer to a lone panel is not proven (EVO-34); `claim` comes
        first. The printer makes the card by itself, so that a fault leaves less
        evidence than the stepwise form: only that a job was under way.

        Raises:
            PrinterError: with the card's fate, which is unknown from the first byte on.
        """
        limit_s = self.capabilities.longest_card_s
        with self._guard.accounted():
            self._session.check(Op.JOB)
            await self._guard.fit_to_feed()
            pieces = job.first_part(self._model, card, int(time.time()))
            await self._link.stream(Op.JOB, pieces)
            await self._guard.until_claim(up=True, limit_s=limit_s)
            await self._link.stream(Op.JOB_END, [job.second_part()])
            trailer = await self._guard.until_claim(up=False, limit_s=limit_s)
            self._guard.has_happened(trailer)
            if read_status(trailer, self._session_id).card is CardPosition.INSIDE:
                raise self._guard.error("ended its job, but the card is inside")
            self._session.job_done()

    async def deliver(self) -> None:
        ours = self._session.state is State.PRINTED
        await self._send_away(Op.EJECT if ours else Op.EJECT_STRAY)

    async def reject(self) -> None:
        await self._send_away(Op.REJECT)

    async def clear_fault(self) -> None:
        with self._guard.accounted():
            await self._guard.poll_unless_foreign()
            trailer = (await self._link.ask(Op.CLEAR_FAULT)).trailer
            self._guard.no_fault(trailer, "acknowledged, but still up")

    async def release(self) -> None:
        with self._guard.accounted():
            await self._guard.look_unless_ours()
            await self._link.ask(Op.RELEASE)

    async def close(self) -> None:
        self._guard.ended = self._guard.ended or "it was closed"
        await self._link.close()

    async def _identify(self, firmware: str) -> Identity:
        serial = (await self._link.ask(Op.SERIAL)).text
        head_serial = (await self._link.ask(Op.HEAD_SERIAL)).text
        return Identity(self.capabilities.model, serial, firmware, head_serial)

    async def _send_away(self, op: Op) -> None:
        with self._guard.accounted():
            self._session.check(op)
            self._guard.stands(CardPosition.INSIDE, await self._guard.fit_to_move())
            trailer = (await self._link.ask(op)).trailer
            inside = read_status(trailer, self._session_id).card is CardPosition.INSIDE
            if inside or faults_up(trailer):
                self._session.doubt()
            self._guard.no_fault(trailer, f"answered OK to {op.name}, but stopped")
            if inside:
                raise self._guard.error(
                    f"answered OK to {op.name}, but the card is inside"
                )

    async def _none_fed(self, before: int) -> bool:
        """Whether it can be shown that a refused feed has moved no blank."""
        status = read_status(await self._guard.poll(), self._session_id)
        return status.card is CardPosition.NONE and await self._counter.read() == before


def _canary(who_decides: Exchange) -> str | None:
    """Two equal ones must mean one power session, so never the power-up value."""
    if who_decides.refusal is not None or who_decides.text == AFTER_POWER_UP:
        return None
    return who_decides.text
