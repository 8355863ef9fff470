"""The journal's part about the printer's use: what a rest or a test follows from."""

from __future__ import annotations

from agent.contract.messages import Clock
from agent.journal import wear
from agent.journal.part import Part
from agent.lifecycle.duty import History, Moment, Wear, ages_s


class WearBook(Part):
    """What is read of the printer's use; it is written down with the cards."""

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
