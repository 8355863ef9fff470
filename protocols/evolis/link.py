"""One exchange after another with one printer: a connection for each (EVO-05).

On a link that stays open (USB), a reply ends where it is whole, and a look is a command
as any other (EVO-89, EVO-90). Sends, waits within the table's limit, tells the session.
No retry, no policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from protocols.contract import Transport
from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    RemoteProtocolError,
    TransportError,
)
from protocols.evolis.codec import (
    STRIPE_REFUSALS,
    Decoder,
    RefusalWord,
    Reply,
    Trailer,
    encode,
    encode_panel,
    is_status_words,
    refusal,
)
from protocols.evolis.commands import COMMANDS, Answer, Command, Op
from protocols.evolis.session import Session
from protocols.evolis.status import read_status
from protocols.vocabulary import CardPosition, Reason, Severity, StateReason

READ_SIZE = 4096
QUIET_S = 0.2  # guessed: EVO-90, after which a printer has nothing more to say
REST_S = 2.0  # guessed: EVO-90, how long the rest of a reply may be in coming
STALE_SIZE_MAX = 65536  # EVO-91: of what another host has left unread
IN_USE = frozenset({Reason(StateReason.PRINTER_IN_USE, Severity.ERROR)})
UNEXPLAINED = frozenset({Reason(StateReason.OTHER, Severity.ERROR)})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came back: a good answer, or a refusal of the printer's."""

    command: Command
    text: str
    trailer: Trailer
    refusal: RefusalWord | None


class UnansweredError(TransportError):
    """The printer took a question, and is silent or closed as if it had heard none."""

    @classmethod
    def kind_for(cls, command: Command) -> type[TransportError]:
        """A look has no question in it, and a motion without answer is no such case."""
        asks = command.word and not command.moves_card
        return cls if asks else TransportError


class Link:
    """The transport with its session; exchanges queue up behind each other."""

    def __init__(self, transport: Transport, session: Session, session_id: int) -> None:
        self._transport = transport
        self._session = session
        self._session_id = session_id
        self._turn = asyncio.Lock()
        self._stays_open = not transport.exchange_per_connection
        self._look_op = Op.STATUS_WORDS if self._stays_open else Op.POLL
        self._is_open = False
        self._gives_status = False  # each reply is known to end in one
        self.session_seen: int | None = None  # in the last reply; None: it failed

    @property
    def name(self) -> str:
        return self._transport.name

    async def ask(self, op: Op, *parameters: str | int) -> Exchange:
        """Exchange, where a refusal of the printer's is an error.

        Raises:
            PrinterError: with the card's fate.
        """
        exchange = await self.exchange(op, *parameters)
        if exchange.refusal is not None:
            raise self.refused(exchange)
        return exchange

    async def exchange(self, op: Op, *parameters: str | int) -> Exchange:
        """Send a command and take its answer or refusal.

        Raises:
            PrinterError: with the card's fate.
        """
        if op is Op.POLL:
            op = self._look_op
        return await self._run(op, (encode(op, *parameters),))

    async def send_panel(
        self,
        letter: str,
        levels: int,
        dots: bytes,
        resolution: tuple[int, int] | None = None,
    ) -> Exchange:
        """Send one panel; returns when the printer has taken every byte.

        `resolution`: as `codec.encode_panel` has it.

        Raises:
            PrinterError: with the card's fate.
        """
        exchange = await self._run(
            Op.PANEL, encode_panel(letter, levels, dots, resolution)
        )
        if exchange.refusal is not None:
            raise self.refused(exchange)
        return exchange

    async def stream(self, op: Op, pieces: Iterable[bytes]) -> None:
        """Send many commands in one connection; what is said to each is not looked at.

        Returns when the printer has taken them and closed (EVO-71).

        Raises:
            PrinterError: with the card's fate.
        """
        self._session.check(op)
        if self._stays_open:
            raise LocalProtocolError(
                f"{self.name}: a whole job needs a connection of its own: TCP alone "
                "has them",
                card=self._session.card,
            )
        async with self._turn:
            self._none_foreign(COMMANDS[op])
            self.session_seen = None
            await self._converse(COMMANDS[op], pieces)
            self._session.accepted()

    async def enable_status(self) -> None:
        """Make sure that each reply ends in a status.

        Raises:
            PrinterError: the printer is not there, or gives no status when asked to.
        """
        if await self._look() is not None:
            self._gives_status = True
            return
        command = COMMANDS[Op.ENABLE_STATUS]
        async with self._turn:
            reply = await self._converse(command, (encode(Op.ENABLE_STATUS),))
            text = "" if reply is None else reply.text
            if text != "OK":
                raise self._broken(command, f"{text[:40]!r}, expected 'OK'")
            self._session.accepted()
        if await self._look() is None:
            raise self._broken(command, "OK, but still no status trailer")
        self._gives_status = True

    async def close(self) -> None:
        self._is_open = False
        await self._transport.close()

    def refused(self, exchange: Exchange) -> DeviceError:
        """The error for a refusal: the status says why, where it can."""
        status = read_status(exchange.trailer, self._session_id)
        reasons = frozenset(
            reason for reason in status.reasons if reason.severity is Severity.ERROR
        )
        if exchange.refusal in STRIPE_REFUSALS:
            reasons |= {Reason(StateReason.ENCODE_FAILED, Severity.ERROR)}
        known = exchange.refusal is not RefusalWord.OTHER
        shown = known or not exchange.command.private
        text = exchange.text[:80] if shown else "ERR"
        return DeviceError(
            f"{self.name}: refused {exchange.command}: {text!r}",
            reasons=reasons or UNEXPLAINED,
            card=self._session.card,
        )

    @contextmanager
    def reading(self, exchange: Exchange) -> Iterator[None]:
        """Say of which reply it was that a text inside made no sense.

        Raises:
            RemoteProtocolError: in place of the one raised inside.
        """
        try:
            yield
        except RemoteProtocolError as error:
            raise self._broken(exchange.command, str(error)) from error

    async def _look(self) -> Trailer | None:
        """Poll once, at a time when the printer may not give its status yet."""
        command = COMMANDS[self._look_op]
        async with self._turn:
            reply = await self._converse(command, (encode(command.op),))
            if reply is not None:
                self._in_step(command, reply)
            self._session.accepted()
            return None if reply is None else reply.trailer

    async def _run(self, op: Op, request: Iterable[bytes]) -> Exchange:
        command = COMMANDS[op]
        self._session.check(op)
        async with self._turn:
            self._none_foreign(command)
            self.session_seen = None
            reply = await self._converse(command, request)
            exchange = self._judged(command, reply)
            self.session_seen = exchange.trailer.session
            if exchange.refusal is None:
                self._session.accepted()
            else:
                self._session.refused()
            status = read_status(exchange.trailer, self._session_id)
            self._session.saw_card(status.card is not CardPosition.NONE)
            return exchange

    def _none_foreign(self, command: Command) -> None:
        """Nothing but looks goes to a printer that was last seen with another host."""
        looks = command.op is self._look_op
        if not looks and self.session_seen not in (None, 0, self._session_id):
            raise DeviceError(
                f"{self.name}: is held by session {self.session_seen}: "
                f"{command} was not sent",
                reasons=IN_USE,
                card=self._session.card,
            )

    def _judged(self, command: Command, reply: Reply | None) -> Exchange:
        if reply is None:
            # A panel cut short stays open in the printer, not in the link: EVO-07.
            raise UnansweredError.kind_for(command)(
                f"{self.name}: closed without an answer to {command}",
                card=self._session.card,
            )
        if reply.trailer is None:
            raise self._broken(command, "cut short: no status trailer")
        if command.answer is Answer.STATUS:
            return Exchange(command, reply.text, reply.trailer, None)
        if not reply.text:
            # It may have taken the command for the dots of a panel: EVO-07.
            raise self._broken(command, "empty text")
        word = refusal(reply.text)
        if word is None:
            self._in_step(command, reply)
        if word is None and command.answer is Answer.OK and reply.text != "OK":
            text = "a text" if command.private else repr(reply.text[:40])
            raise self._broken(command, f"{text}, expected 'OK'")
        return Exchange(command, reply.text, reply.trailer, word)

    def _in_step(self, command: Command, reply: Reply) -> None:
        """A look's answer cannot be taken for another's: so a late one is seen."""
        if command.op is Op.STATUS_WORDS and not is_status_words(reply.text):
            raise self._broken(
                command,
                f"{reply.text[:40]!r}, expected a status: it may be the answer to what "
                "another host asked",
            )

    def _broken(self, command: Command, what: str) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"{self.name}: bad reply to {command}: {what}", card=self._session.card
        )

    async def _converse(
        self, command: Command, request: Iterable[bytes]
    ) -> Reply | None:
        """One connection: request, half-close, reply until the printer closes."""
        done = False
        try:
            await self._reach()
            # Until here the printer cannot have heard of the command.
            self._session.sending(command.op)
            async with asyncio.timeout(command.reply_timeout_s):
                if command.answer is Answer.IGNORED:
                    await self._pour(request)
                    return None
                reply = await self._talk(request)
            done = True
        except TimeoutError as error:
            raise UnansweredError.kind_for(command)(
                f"{self.name}: no answer to {command} within "
                f"{command.reply_timeout_s:g} s",
                card=self._session.card,
            ) from error
        except TransportError as error:
            raise TransportError(
                f"{error} (at {command})", card=self._session.card
            ) from error
        except RemoteProtocolError as error:
            if command.private:  # its words may be a card holder's
                raise self._broken(command, "not a reply") from None
            raise self._broken(command, str(error)) from error
        else:
            return reply
        finally:
            if not (done and self._stays_open):
                await self.close()

    async def _reach(self) -> None:
        if self._is_open:
            return
        await self._transport.open()
        self._is_open = True
        if self._stays_open:
            await self._drop_stale()

    async def _drop_stale(self) -> None:
        """Read away what a dead host has left unread, until nothing comes."""
        dropped_size = 0
        while (data := await self._read_within(QUIET_S)) is not None:
            dropped_size += len(data)
            if dropped_size > STALE_SIZE_MAX:
                raise RemoteProtocolError(
                    f"says more than {STALE_SIZE_MAX} bytes unasked, without end"
                )

    async def _read_within(self, limit_s: float | None) -> bytes | None:
        """What comes in time, on a link that stays open; None: nothing."""
        try:
            async with asyncio.timeout(limit_s):
                data = await self._transport.read(READ_SIZE)
        except TimeoutError:
            return None
        return data if isinstance(data, bytes) else None

    async def _talk(self, request: Iterable[bytes]) -> Reply | None:
        await self._write(request)
        decoder = Decoder()
        if self._stays_open:
            await self._receive_whole(decoder)
            return decoder.receive_eof()
        while isinstance(data := await self._transport.read(READ_SIZE), bytes):
            decoder.receive(data)
        return decoder.receive_eof()

    async def _receive_whole(self, decoder: Decoder) -> None:
        """Read until the reply ends by itself; before `Pps;1` also where it may end."""
        while not decoder.whole:
            limit_s = REST_S if decoder.begun else None
            if decoder.has_text and not self._gives_status:
                limit_s = QUIET_S
            data = await self._read_within(limit_s)
            if data is None:
                return  # its time is over: what has come is judged
            decoder.receive(data)

    async def _pour(self, request: Iterable[bytes]) -> None:
        await self._write(request)
        while isinstance(await self._transport.read(READ_SIZE), bytes):
            pass  # as many replies as commands; the status tells what came of them

    async def _write(self, request: Iterable[bytes]) -> None:
        for piece in request:
            if piece:
                await self._transport.write(piece)
        await self._transport.finish()
