"""The journal's part about the printer itself: its use, and which one it is."""

from __future__ import annotations

from agent.contract.events import PrinterConfirmed
from agent.contract.messages import Clock
from agent.journal import kept, swapped, wear
from agent.journal.errors import Refusal
from agent.journal.part import Part
from agent.journal.store import Transaction
from agent.lifecycle.duty import History, Moment, Wear, ages_s
from agent.lifecycle.ledger import Signers, one_and_the_same


def confirm(tx: Transaction, serial: str, by: Signers, reason: str) -> None:
    """Take in that this printer is the one that is meant to be here.

    Who is proven and alone has 24 hours for a second identity.

    Raises:
        Refusal: no change waits, another printer answers, or both people are one.
    """
    number = swapped.incident(tx.db)
    if number is None:
        raise Refusal("not-changed", "no change of the printer waits for anybody")
    counted = kept.counted(tx.db)
    here = counted.printer_serial if counted else None
    if serial != here:
        text = f"{here} answers" if here else "it is not known which printer answers"
        raise Refusal("other-printer", f"{text}, not {serial}")
    if one_and_the_same(by.who, by.second):
        raise Refusal("same-person", "the second identity must be another person")
    confirmed = PrinterConfirmed(
        serial=serial,
        incident=number,
        reason=reason,
        identity="proven" if by.proven else "unproven",
        second=by.second,
        unconfirmed=by.proven and by.second is None,
    )
    tx.append(confirmed, who=by.who)


class WearBook(Part):
    """The printer's use, which is written down with the cards, and its change."""

    def moment(self) -> Moment:
        """Return now, as an event would have it."""
        stamp = self._stamp()
        sure = stamp.clock is Clock.SURE
        return Moment(stamp.boot, stamp.mono_ms, stamp.at, sure)

    def history(self, cards_max: int) -> History:
        """Return how long ago the newest cards were, and the printer too hot."""
        now = self.moment()
        cards = self._read(lambda db: wear.moments(db, Wear.CARD, cards_max))
        cool = self._read(lambda db: wear.moments(db, Wear.COOL, 1))
        return History(
            tuple(ages_s(cards, now)), ages_s(cool, now)[0] if cool else None
        )

    def completed_count(self) -> int:
        """Return how many cards were completed since the ledger began."""
        return self._read(wear.count)

    def last_use(self) -> Moment | None:
        """Return when a card was printed, or a test was passed; None: never."""
        return self._read(wear.last_use)

    def test_failed(self) -> bool:
        """Whether the newest self-test failed."""
        return bool(self._read(lambda db: wear.moments(db, Wear.FAILED, 1)))

    def printer_changed(self) -> bool:
        """Whether another printer answers than before, and nobody stands for it."""
        return self._read(swapped.incident) is not None

    async def confirm_printer(self, serial: str, by: Signers, reason: str) -> None:
        """Take in that the printer that answers now is meant to be here.

        Raises:
            Refusal: no change waits, another printer answers, or both people are one.
        """
        await self._write(lambda tx: confirm(tx, serial, by, reason))
