"""What a printer counts by itself: cards fed, ribbon sets left; read, never guessed.

Older firmware does not know the counter of its print head. Which one answered is
remembered and told, for a change from one to the other is no movement of a card.
"""

from __future__ import annotations

from protocols.contract import Supplies
from protocols.evolis.codec import RefusalWord, count_in, natural, pairs
from protocols.evolis.commands import COMMANDS, Op
from protocols.evolis.link import Exchange, Link
from protocols.evolis.models import RIBBON_TYPES


class CardCounter:
    """The counter of cards fed, by whichever command this printer knows (EVO-59)."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._op: Op | None = None  # the command that has answered

    @property
    def name(self) -> str:
        """Which counter was read; empty before the first reading."""
        return str(COMMANDS[self._op]) if self._op is not None else ""

    async def read(self) -> int:
        """Return how many cards it has counted.

        Raises:
            PrinterError: the counter that answered before does not, or says nonsense.
        """
        if self._op is not Op.OLD_CARD_COUNTER:
            answer = await self._link.exchange(Op.CARD_COUNTER)
            unknown = answer.refusal is RefusalWord.COMMAND
            if answer.refusal is None:
                with self._link.reading(answer):
                    count = count_in(pairs(answer.text), "inserted_head")
                self._op = Op.CARD_COUNTER
                return count
            if self._op is not None or not unknown:
                raise self._link.refused(answer)
        answer = await self._link.ask(Op.OLD_CARD_COUNTER)
        with self._link.reading(answer):
            count = natural(answer.text, "the counter")
        self._op = Op.OLD_CARD_COUNTER
        return count


def supplies_in(ribbon: Exchange) -> Supplies:
    """Read `Rrt;all`. Right after the cover was shut it may say a bare OK: EVO-15.

    Raises:
        RemoteProtocolError: the reply makes no sense.
    """
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
