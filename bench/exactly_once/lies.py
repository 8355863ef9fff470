"""Planted lies: a blanko that does not keep its word, which the table has to show."""

from __future__ import annotations

import asyncio

from bench.exactly_once.cups import card_bytes
from bench.exactly_once.ours import Blanko

SECOND_S = 40.0
LOOK_S = 0.1


class Boaster(Blanko):
    """Calls its job completed whatever happens, and never comes back from a blow."""

    _started = False

    async def start(self) -> None:
        if not self._started:
            self._started = True
            await super().start()

    async def says(self) -> str:
        return "completed"


class Doubler(Blanko):
    """Prints its card once more, past the books, when it is done."""

    _doubled = False

    async def says(self) -> str:
        said = await super().says()
        if said == "completed" and not self._doubled:
            self._doubled = True
            await self._print_past()
        return said

    async def _print_past(self) -> None:
        before_count = await self._out_count()
        _, writer = await asyncio.open_connection("127.0.0.1", self.printer_port)
        try:
            writer.write(card_bytes())
            await writer.drain()
            async with asyncio.timeout(SECOND_S):
                while await self._out_count() == before_count:
                    await asyncio.sleep(LOOK_S)
        finally:
            writer.close()

    async def _out_count(self) -> int:
        cards = (await self.world.truth())["cards"]
        return sum(card["place"] == "output" for card in cards)


LIES: dict[str, type[Blanko]] = {"boast": Boaster, "double": Doubler}
