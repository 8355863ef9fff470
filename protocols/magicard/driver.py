"""A Magicard printer worked card by card: `contract.WholeJobDriver` over one link.

The printer feeds, prints and ejects by itself. No retry and no policy: an error says
what became of the card, and ends this driver.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

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
from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    PrinterError,
    RemoteProtocolError,
    TransportError,
)
from protocols.magicard.codec import InfoReply
from protocols.magicard.job import Orders, first_part, last_part
from protocols.magicard.link import POLL_INTERVAL_S, Link
from protocols.magicard.magnetic import Track, check
from protocols.magicard.models import Model, fitted_name, ribbon_kind, same_name
from protocols.magicard.preparing import prepare
from protocols.magicard.raster import margin_of
from protocols.magicard.session import Session, State
from protocols.magicard.status import Port, reasons_of, status_of

BEGIN_LIMIT_S = 30.0  # from a job's last byte to the first sign of its card


class MagicardDriver:
    """Call order and errors: `contract.WholeJobDriver`."""

    def __init__(self, model: Model, transport: Transport) -> None:
        self._model = model
        self._link = Link(transport)
        self._session = Session()
        self._info: InfoReply | None = None
        # A value that is lost with the printer's power: the link itself.        MAG-42
        self._canary = secrets.token_hex(4)
        self._ended = "it is not open"
        self._begun_cards: int | None = None
        self._last = b""
        self._said = ""  # by the printer, of what stops it

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._model.capabilities, status_beside_job=self._link.has_port)

    async def open(self) -> Identity:
        self._ended = ""
        with self._accounted():
            await self._link.open()
            await self._until_free()
            await self._link.drain()
            try:
                self._info = await self._link.info()
            except TransportError:
                # It may wait for the rest of a job, and take requests for dots.
                await self._link.reset()
                raise
            self._check_configured(self._info)
            return self._identity(self._info)

    async def status(self) -> Status:
        with self._accounted():
            return await self._status()

    async def observe(self) -> Observation:
        with self._accounted():
            status = await self._status()
            if not (status.busy or self._session.in_job):
                if not status.reasons:
                    status = await self._confirmed()
                self._info = await self._link.info()
            return self._observation(status)

    def prepare(self, sides: Sequence[SidePlanes], ribbon_kind: str) -> PreparedCard:
        position = self._info.head_position if self._info else None
        return prepare(self._model, sides, ribbon_kind, margin_of(position))

    def with_stripe(
        self, card: PreparedCard, tracks: Mapping[int, str]
    ) -> PreparedCard:
        """Written before the card is printed, and read back by the printer (MAG-27)."""
        if not (tracks and self.capabilities.stripe):
            what = "no track to write" if not tracks else "it has no magnetic unit"
            raise LocalProtocolError(what, card=self._session.card)
        check([Track(number, data) for number, data in tracks.items()])
        return replace(card, tracks=tuple(sorted(tracks.items())))

    async def claim(self) -> str | None:
        """Nothing to take: no other host is known of, and each job says its own."""
        with self._accounted():
            self._session.check(State.FREE)
            await self._require_idle()
            self._session.step(State.FREE, State.CLAIMED)
            return self._canary

    async def send_job(self, card: PreparedCard) -> None:
        with self._accounted():
            self._session.check(State.CLAIMED)
            await self._require_idle()
            self._info = await self._link.info()
            self._begun_cards = self._info.cards_printed
            tracks = [Track(number, data) for number, data in card.tracks]
            orders = Orders(int(time.time()), self._info.firmware, tracks)
            pieces = list(first_part(self._model, card, orders))
            self._last = last_part(card)
            self._session.step(State.CLAIMED, State.SENDING)
            await self._link.send(pieces, self.capabilities.longest_card_s)
            self._session.step(State.SENDING, State.HELD_BACK)

    async def send_last(self) -> None:
        with self._accounted():
            self._session.check(State.HELD_BACK)
            await self._link.send([self._last], self.capabilities.longest_card_s)
            self._session.step(State.HELD_BACK, State.SENT)

    async def finish_print(self) -> None:
        limit_s = self.capabilities.longest_card_s
        with self._accounted():
            self._session.check(State.SENT)
            try:
                async with asyncio.timeout(limit_s):
                    await self._until_printed()
            except TimeoutError as error:
                raise RemoteProtocolError(
                    f"{self._link.name}: still printing after {limit_s:g} s"
                ) from error
            self._session.step(State.SENT, State.DONE)

    async def reject(self) -> None:
        raise LocalProtocolError(
            f"a {self.capabilities.model} has no reject bin", card=self._session.card
        )

    async def clear_fault(self) -> None:
        """Look once more: a person acknowledges at the printer itself (MAG-45)."""
        with self._accounted():
            status = await self._status()
            if status.reasons:
                raise self._stopped("its fault is still up", status)

    async def release(self) -> None:
        with self._accounted():
            self._session.free()

    async def close(self) -> None:
        self._ended = self._ended or "it was closed"
        await self._link.close()

    # Looks

    async def _status(self) -> Status:
        port = await self._link.port()
        if port is Port.BUSY or (port is Port.IDLE and not self._session.in_job):
            return status_of(frozenset(), busy=port is Port.BUSY)
        if self._session.in_job:  # nothing can be asked in the midst of it
            reasons = reasons_of(None) if port is Port.ERROR else frozenset()
            return status_of(reasons, busy=True)
        return await self._confirmed(port)

    async def _confirmed(self, port: Port | None = None) -> Status:
        """Ask for the printer's own word; a fault of the port alone is one, too."""
        error = await self._link.error()
        self._said = f"{error.text} ({error.code})"
        reasons = reasons_of(error)
        if port is Port.ERROR and not reasons:
            reasons = reasons_of(None)
        return status_of(reasons, busy=False)

    async def _require_idle(self) -> None:
        """Raises: DeviceError: no job may be begun on this printer now."""
        status = await self._status()
        if not (status.busy or status.reasons):
            status = await self._confirmed()
        if status.reasons:
            raise self._stopped("it takes no job", status)
        if status.busy:
            raise DeviceError(f"{self._link.name}: it is busy")

    async def _until_free(self) -> None:
        """Let a job end that a dead process of ours left, or its rest be forgotten.

        Until the port is idle again no byte goes out: a request could be taken for
        the dots that are missing.
        """
        limit_s = self.capabilities.longest_card_s
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    if await self._link.port() is not Port.BUSY:
                        return
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError:
            await self._link.reset()
            await asyncio.sleep(POLL_INTERVAL_S)
            if await self._link.port() is Port.BUSY:
                raise RemoteProtocolError(
                    f"{self._link.name}: busy for {limit_s:g} s, and after a reset"
                ) from None

    async def _until_printed(self) -> None:
        """Wait for the printer's own end: idle, and the card counted or once busy."""
        began_s = asyncio.get_running_loop().time()
        was_busy = False
        while True:
            status = await self._status()
            if status.reasons:
                raise self._stopped("it stopped while printing", status)
            was_busy = was_busy or status.busy
            if not status.busy:
                self._info = await self._link.info()
                cards = self._info.cards_printed
                if was_busy or cards != self._begun_cards:
                    return
            waited_s = asyncio.get_running_loop().time() - began_s
            if not was_busy and waited_s > BEGIN_LIMIT_S:
                raise RemoteProtocolError(
                    f"{self._link.name}: no card after {BEGIN_LIMIT_S:g} s: it has "
                    "dropped the job"
                )
            await asyncio.sleep(POLL_INTERVAL_S)

    # What is known

    def _check_configured(self, info: InfoReply) -> None:
        model, able = self._model, self.capabilities
        name = self._link.name
        if not same_name(model, info.model):
            raise DeviceError(
                f"{name}: it calls itself {info.model[:40]!r}, "
                f"configured is {able.model!r}"
            )
        if model.head_types and (info.head_type or 0) not in model.head_types:
            raise DeviceError(
                f"{name}: it has a print head of type {info.head_type}, whose dots no "
                f"source describes; expected {model.head_types}"
            )
        fitted = fitted_name(
            model.name,
            two_sided=able.two_sided and info.two_sided,
            magnetic=able.stripe and info.magnetic,
        )
        if fitted != able.model:
            lacks = "prints one side" if able.two_sided > info.two_sided else ""
            lacks = lacks or "has no magnetic unit"
            raise DeviceError(
                f"{name}: configured is {able.model!r}, but it {lacks}: "
                f"configure {fitted!r}"
            )

    def _identity(self, info: InfoReply) -> Identity:
        return Identity(
            self.capabilities.model, info.serial, info.firmware, info.head_serial
        )

    def _observation(self, status: Status) -> Observation:
        info = self._info
        assert info is not None
        return Observation(
            status=status,
            identity=self._identity(info),
            supplies=Supplies(
                ribbon_kind=ribbon_kind(info.film_name),
                ribbon_serial=info.film_serial,
                ribbon_left=info.film_left,
                ribbon_capacity=info.film_shots,
            ),
            cards_fed=info.cards_printed,
            canary=self._canary,
            cards_counter="cards printed",
            panels_printed=info.panels_printed,
        )

    def _stopped(self, what: str, status: Status) -> DeviceError:
        said = self._said or ", ".join(sorted(map(str, status.reasons)))
        return DeviceError(f"{self._link.name}: {what}: {said}", reasons=status.reasons)

    @contextmanager
    def _accounted(self) -> Iterator[None]:
        """Every error says what became of the card, and spends the driver."""
        if self._ended:
            raise LocalProtocolError(
                f"this driver is spent: {self._ended}", card=self._session.card
            )
        try:
            yield
        except PrinterError as error:
            error.card = self._session.card
            self._ended = str(error) or type(error).__name__
            raise
