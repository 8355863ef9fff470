"""What stands around every command to a printer: is it ours, whole, and in step.

Shared by the driver and by maintenance, so that whatever ends one ends both. Each
judgement returns, or raises with the card's fate; nothing here moves a card.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Set
from contextlib import contextmanager

from protocols.errors import DeviceError, LocalProtocolError, RemoteProtocolError
from protocols.evolis.codec import Trailer
from protocols.evolis.commands import Op
from protocols.evolis.link import IN_USE, UNEXPLAINED, Link
from protocols.evolis.session import Session, State
from protocols.evolis.status import CLAIM, PRINTING, any_up, faults_up, read_status
from protocols.vocabulary import (
    CardFate,
    CardPosition,
    Reason,
    Severity,
    StateReason,
)

POLL_INTERVAL_S = 0.25  # EVO-06
RESERVED_FOR_S = 180  # EVO-18: of silence, then the printer is free again
RESERVE_WAIT_S = 5.0  # EVO-18
FOREIGN_CARD = frozenset({Reason(StateReason.FOREIGN_CARD, Severity.ERROR)})


class Guard:
    """One printer's link and session, and every question that is asked of both."""

    def __init__(self, link: Link, session: Session, session_id: int) -> None:
        self.link = link
        self.session = session
        self.session_id = session_id
        self.opened = False
        self.ended: str | None = None  # why nothing more may be asked

    @contextmanager
    def accounted(self, *, opening: bool = False) -> Iterator[None]:
        """Refuse a spent driver; whatever ends a call early spends it, a cancel too."""
        if self.ended is not None or not (self.opened or opening):
            raise LocalProtocolError(
                f"{self.link.name}: this driver is spent or was not opened: "
                f"{self.ended or 'call open first'}",
                card=self.session.card,
            )
        try:
            yield
        except BaseException as error:
            self.ended = f"{type(error).__name__}: {error}"
            raise

    # Looks.

    async def poll(self) -> Trailer:
        return (await self.link.ask(Op.POLL)).trailer

    async def poll_unless_foreign(self) -> Trailer:
        """Beside a foreign job no word is safe: it could be taken for dots (EVO-19)."""
        trailer = await self.poll()
        self.not_foreign(trailer)
        return trailer

    async def look_unless_ours(self) -> None:
        """While the last reply says that we hold it, no foreign job can be there."""
        if self.link.session_seen != self.session_id:
            await self.poll_unless_foreign()

    async def look_on(self) -> Trailer:
        trailer = await self.poll()
        self.has_happened(trailer)
        return trailer

    async def fit_to_move(self) -> Trailer:
        """Look before a motion: ours, no fault, and no panel still on its way."""
        trailer = await self.look_on()
        if any_up(trailer, PRINTING):
            raise self.error("is still printing: no motion may begin")
        return trailer

    async def fit_to_feed(self) -> None:
        """No blank has moved yet, so every refusal here leaves the card untouched."""
        try:
            trailer = await self.fit_to_move()
        except DeviceError as error:
            error.card = CardFate.UNTOUCHED
            raise
        status = read_status(trailer, self.session_id)
        if status.card is not CardPosition.NONE:
            raise DeviceError(
                f"{self.link.name}: a card is already in the path ({status.card})",
                reasons=FOREIGN_CARD,
                card=CardFate.UNTOUCHED,
            )
        errors = {one for one in status.reasons if one.severity is Severity.ERROR}
        if errors:
            raise DeviceError(
                f"{self.link.name}: not ready for a card: {_named(errors)}",
                reasons=frozenset(errors),
                card=CardFate.UNTOUCHED,
            )

    async def begin(self) -> None:
        """Say that the card inside is begun, unless that has been said (EVO-31)."""
        if self.session.state is not State.BEGUN:
            self.has_happened((await self.link.ask(Op.BEGIN)).trailer)

    async def until_claim(self, *, up: bool, limit_s: float) -> Trailer:
        """Look on until the printer has raised its claim, or dropped it (EVO-71).

        Raises:
            DeviceError: a fault, another host, or nothing of it within `limit_s`.
        """
        try:
            async with asyncio.timeout(limit_s):
                while any_up(trailer := await self.poll(), CLAIM) is not up:
                    self.not_foreign(trailer)
                    self.no_fault(trailer, "stopped")
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            what = "raised no claim" if up else "is still at its job"
            raise self.error(f"{what} after {limit_s:g} s") from error
        self.not_foreign(trailer)
        self.no_fault(trailer, "stopped")
        return trailer

    async def reserve(self) -> None:
        """Make the printer ours; our own reservation of before a crash is renewed.

        Raises:
            DeviceError: another host holds it; nothing was said to it then.
            RemoteProtocolError: it said OK, and did not become ours (EVO-18).
        """
        await self.poll_unless_foreign()
        ours = await self.link.ask(Op.RESERVE, self.session_id, RESERVED_FOR_S)
        if ours.trailer.session == self.session_id:
            return
        try:
            async with asyncio.timeout(RESERVE_WAIT_S):
                while (trailer := await self.poll()).session != self.session_id:
                    self.not_foreign(trailer)
                    await asyncio.sleep(POLL_INTERVAL_S)
        except TimeoutError as error:
            raise RemoteProtocolError(
                f"{self.link.name}: said OK to our reservation, but did not make it "
                f"within {RESERVE_WAIT_S:g} s",
                card=self.session.card,
            ) from error

    # Judgements on a status.

    def has_happened(self, trailer: Trailer) -> None:
        self.not_foreign(trailer)
        if trailer.session != self.session_id:
            raise self.error("has dropped our session: restarted, or idle too long")
        self.no_fault(trailer, "stopped")

    def not_foreign(self, trailer: Trailer) -> None:
        if trailer.session not in (0, self.session_id):
            raise self.error(f"is held by session {trailer.session}", IN_USE)

    def no_fault(self, trailer: Trailer, what: str) -> None:
        faults = faults_up(trailer)
        if faults:
            raise self.error(f"{what}: {_named(faults)}", faults)

    def stands(self, expected: CardPosition, trailer: Trailer) -> None:
        seen = read_status(trailer, self.session_id).card
        if seen is not expected:
            raise self.error(f"the card should be {expected}, seen is {seen}")

    def error(
        self, message: str, reasons: frozenset[Reason] = UNEXPLAINED
    ) -> DeviceError:
        return DeviceError(
            f"{self.link.name}: {message}", reasons=reasons, card=self.session.card
        )


def _named(reasons: Set[Reason]) -> str:
    return ", ".join(sorted(str(reason) for reason in reasons))
