"""A whole card as the requests and replies of a script, and the ways through it."""

from __future__ import annotations

from typing import Any

from PIL import Image

from protocols.contract import PreparedCard, SidePlanes
from protocols.errors import (
    PrinterError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.vocabulary import (
    CardSide,
    Panel,
)
from tests.protocols.scripted_link import (
    ScriptedTransport,
    Step,
    panel,
    poll,
    run_in_virtual_time,
    says,
)

INSIDE, PRINTING = 0x02000000, 0x02000080
OPEN = [
    poll(session=0),
    poll(session=0),
    says("Rtp", "Primacy", session=0),
    says("Rfv", "1640", session=0),
    says("Rsn", "SN-1", session=0),
    says("Rkn", "HEAD-1", session=0),
]
CLAIM = [
    poll(session=0),
    says("Psid;7;180", "OK", session=0),
    poll(session=0),
    poll(),
    says("Pem;2", "OK"),
    says("Rem;1", "2"),
]
COUNT_41, COUNT_42 = (says("Rco;card", f"inserted_head:{n}") for n in (41, 42))
FEED = [poll(), COUNT_41, says("Si", "OK", inf=INSIDE)]
BEGIN = [poll(inf=INSIDE), says("Ss", "OK", inf=INSIDE)]
PANELS = [
    panel(head, inf=PRINTING) for head in ("y;256", "m;256", "c;256", "k;2", "o;2")
]
FRONT = [*BEGIN, says("Sr", "OK", inf=INSIDE), *PANELS]
BACK = [says("Sv", "OK", inf=INSIDE), *PANELS]
FINISH = [poll(inf=PRINTING), poll(inf=PRINTING), poll(inf=INSIDE)]
DELIVER = [poll(inf=INSIDE), says("Se", "OK")]
RELEASE = [says("Psid;0;45", "OK", session=0)]


def planes(side: CardSide) -> SidePlanes:
    plane = Image.new("L", (1016, 648), 0)
    return SidePlanes(side=side, planes=dict.fromkeys(Panel, plane))


def new_driver(
    *scripts: list[Step], piece_size: int = 3
) -> tuple[EvolisDriver, ScriptedTransport]:
    """`piece_size`: bytes of a reply that come at a time."""
    steps = [step for script in scripts for step in script]
    transport = ScriptedTransport(steps, piece_size=piece_size)
    return EvolisDriver(MODELS["Primacy"], transport, session_id=7), transport


CARD = new_driver()[0].prepare([planes(CardSide.FRONT)], "YMCKO")
BOTH_SIDES = new_driver()[0].prepare(
    [planes(CardSide.FRONT), planes(CardSide.BACK)], "YMCKO"
)


async def claimed(driver: EvolisDriver) -> None:
    await driver.open()
    await driver.claim()


async def fed(driver: EvolisDriver) -> None:
    await claimed(driver)
    await driver.feed()


async def printed(driver: EvolisDriver, card: PreparedCard = CARD) -> None:
    await fed(driver)
    for side, _ in card.sides:
        await driver.print_side(card, side)
    await driver.finish_print()


def outcome(driver: EvolisDriver, script) -> tuple[Any, float]:
    """The PrinterError that the script must end in, and the time that it took."""
    caught: list[PrinterError] = []

    async def main():
        try:
            await script(driver)
        except PrinterError as error:
            caught.append(error)

    took_s = run_in_virtual_time(main)
    assert caught, "the script ended well"
    return caught[0], took_s
