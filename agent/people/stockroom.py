"""What people at the machine say of cards and jobs, taken in for the journal."""

from __future__ import annotations

import structlog

from agent.clock import Clock
from agent.contract.events import Item
from agent.journal.journal import Journal, JournalError, Refusal, Resolution
from agent.journal.stock import movement_of
from agent.lifecycle.ledger import Note, Signers
from agent.people.identities import People
from agent.people.requests import (
    Hold,
    Inspect,
    Operate,
    Pause,
    PrinterConfirm,
    Release,
    Resolve,
    Resume,
    StockConfirm,
    StockCount,
    StockLoad,
    StockMove,
    Written,
    word,
)

LOOK_S = 60.0  # between two looks for a movement whose second identity is overdue

log = structlog.get_logger(__name__)

Reply = dict[str, object]


class Stockroom:
    """Proves who asks, then has it written down; what is refused is on record."""

    def __init__(self, journal: Journal, people: People) -> None:
        self._journal = journal
        self._people = people

    def show(self) -> Reply:
        """Return the books, and what waits for a second identity."""
        journal = self._journal
        old = {
            place: count
            for place, count in journal.stock(Item.OLD_CARD).items()
            if count
        }
        return {
            "stock": journal.stock(),
            "old_cards": old,
            "unconfirmed": journal.unconfirmed(),
        }

    async def take(self, request: Written, login: str) -> Reply:
        """Do what a person asks for and return the reply's fields.

        Raises:
            Refusal: it was not done, and nothing was changed.
        """
        by: Signers | None = None
        try:
            by = await self._people.prove(request, login)
            reply = await self._write(request, by)
        except Refusal as refusal:
            await self._people.deny(request, refusal, login, by)
            raise
        log.info("request_taken", request=word(request), who=by.who, second=by.second)
        return reply

    async def _write(self, request: Written, by: Signers) -> Reply:
        journal = self._journal
        match request:
            case Resolve():
                return await self._resolve(request, by)
            case Inspect(job=job, cause=cause, destination=to, reason=reason):
                await journal.inspect(job, cause, to, reason, by)
                return {"job": journal.job(job)}
            case StockLoad(count=count):
                await journal.load_stock(count, by=by)
            case StockMove():
                movement = movement_of(
                    request.cause,
                    request.count,
                    request.item,
                    request.source,
                    request.destination,
                )
                note = Note(request.reason, request.record, request.record_sha256)
                await journal.move_stock(movement, by, note)
            case StockCount(place=place, count=count):
                await journal.count_stock(place, count, by)
            case StockConfirm(movement=no):
                await journal.confirm_stock(no, by)
            case Pause(reason=reason):
                await journal.orders.pause(by, reason)
                return {"paused_by": journal.orders.paused_by()}
            case Resume():
                await journal.orders.resume(by)
                return {"paused_by": journal.orders.paused_by()}
            case Hold(job=job, reason=reason):
                await journal.orders.hold(job, by, reason)
                return {"job": journal.job(job)}
            case Release(job=job):
                await journal.orders.release(job, by)
                return {"job": journal.job(job)}
            case PrinterConfirm(serial=serial, reason=reason):
                await journal.confirm_printer(serial, by, reason)
                return {"serial": serial}
            case Operate(operation=operation, reason=reason):
                news = await journal.ask_operation(operation, by, reason)
                return {"news": news, **operations_of(journal)}
        return self.show()

    async def _resolve(self, request: Resolve, by: Signers) -> Reply:
        resolution = Resolution(
            found=request.found,
            good=request.good,
            reason=request.reason,
            who=by.who,
            second=by.second,
            proven=by.proven,
            bin_count=request.bin_count,
        )
        state = await self._journal.resolve(request.job, resolution)
        return {"job": self._journal.job(request.job), "state": state}


def operations_of(journal: Journal) -> Reply:
    """Return what is asked of the printer besides printing, and how the last went."""
    return {"operation": journal.operation(), "ended": journal.operation_ended()}


async def watch_unconfirmed(journal: Journal, clock: Clock) -> None:
    """Raise an incident for each movement without its second identity in time."""
    while True:
        try:
            await journal.report_unconfirmed()
        except JournalError as error:
            log.critical("journal_failed", error=str(error))  # again at the next look
        await clock.sleep(LOOK_S)
