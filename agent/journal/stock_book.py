"""The journal's part about blanks, and about who stands for a movement."""

from __future__ import annotations

from agent.contract.events import Evidence, Item, Place
from agent.contract.messages import Cause
from agent.journal import inspection, people, stock
from agent.journal.part import Part
from agent.journal.people import Unconfirmed, WrongPins
from agent.lifecycle.ledger import Movement, Note, Signers


class StockBook(Part):
    """What is written down of blanks and old cards, and what is read of it."""

    async def load_stock(
        self, count: int, who: str | None = None, by: Signers | None = None
    ) -> dict[Place, int]:
        """Book `count` blanks into the hopper; return the book then.

        They come from the desk if it holds any, else they are new ones.

        Raises:
            Refusal: a count below one, too large to be true, or more than the desk has.
        """
        return await self._write(lambda tx: stock.load(tx, count, by or Signers(who)))

    async def move_stock(
        self, movement: Movement, by: Signers, note: Note
    ) -> dict[Place, int]:
        """Book what people say they have moved; return the book then.

        Raises:
            Refusal: it cannot have happened, or they may not book it like this.
        """
        return await self._write(lambda tx: stock.ask(tx, movement, by, note))

    async def count_stock(
        self, place: Place, counted: int, by: Signers
    ) -> dict[Place, int]:
        """Take in what a person counted at a place; return the book then.

        Raises:
            Refusal: nobody can count that, or a card is on its way.
        """
        return await self._write(lambda tx: stock.count(tx, place, counted, by))

    async def inspect(
        self, job_id: str, cause: Cause, destination: Place, reason: str, by: Signers
    ) -> None:
        """Throw the card of a completed job out, by a person's word.

        Raises:
            Refusal: no such job, it has no card, or it cannot have gone there.
        """
        await self._write(
            lambda tx: inspection.fail(tx, job_id, cause, destination, reason, by)
        )

    async def confirm_stock(self, no: int, by: Signers) -> Unconfirmed:
        """Take in the second identity of a movement, by the number of its event.

        Raises:
            Refusal: none of that number waits, or it is the same person.
        """
        return await self._write(lambda tx: stock.confirm(tx, no, by))

    async def report_unconfirmed(self) -> None:
        """Raise an incident for each movement without its second identity in time."""
        now = self.time.now()
        if self._read(lambda db: stock.overdue(db, now)):
            await self._write(stock.report_overdue)

    def stock(self, item: Item = Item.BLANK) -> dict[Place, int]:
        """Return the blanks, or the old cards, at every place."""
        return self._read(lambda db: stock.book(db, item))

    def unconfirmed(self) -> list[Unconfirmed]:
        """Return every movement that waits for its second identity, oldest first."""
        return self._read(people.unconfirmed)

    def wrong_pins(self, person: str) -> WrongPins:
        """Return how often a person's PIN was wrong, and until when it is locked."""
        return self._read(lambda db: people.wrong_pins(db, person))

    def roster(self) -> str | None:
        """Return the SHA-256 of the roster that was put on record last."""
        return self._read(people.roster)

    def hopper_short(self) -> int:
        """Return how many blanks counts of the hopper missed since counters were read.

        They may be cards of another host that the counters will tell of.
        """
        return self._read(stock.hopper_short)

    async def unaccounted(self, cards: int, evidence: Evidence, detail: str) -> None:
        """Write down that cards were fed that no attempt explains.

        Their blanks are in suspense from here on, unless the hopper never held so
        many: then the counter is not believed.
        """
        await self._write(lambda tx: stock.unaccounted(tx, cards, evidence, detail))
