"""What each case of the conformance suite stands on: a card's way, and every rig."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from PIL import Image

from protocols.contract import (
    Driver,
    PreparedCard,
    StepwiseDriver,
    WholeJobDriver,
)
from protocols.raster import separate
from protocols.vocabulary import CardSide
from tests.conformance.rigs import RIGS, Rig

LIMIT_S = 120.0
ABSENT = "absent"  # the capabilities say that this family has no such thing
FRONT, BOTH = (CardSide.FRONT,), (CardSide.FRONT, CardSide.BACK)

Case = Callable[[Rig], Awaitable[str | None]]


def on_every_rig(case: Case) -> Callable[..., None]:
    """Run the case on all rigs at once, and tell its row of the matrix.

    What a rig lacks here, `test_no_link_is_left_out` says, once for all cases.
    """

    async def one(rig: Rig) -> str:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await case(rig) or "yes"
        except Exception as error:
            error.add_note(f"on the rig {rig}")
            raise

    async def every(rigs: list[Rig]) -> dict[Rig, str]:
        async with asyncio.TaskGroup() as group:
            tasks = {rig: group.create_task(one(rig)) for rig in rigs}
        return {rig: task.result() for rig, task in tasks.items()}

    name: str = case.__name__

    def run(record_property: Callable[[str, object], None]) -> None:
        there = [rig for rig in RIGS if not rig.missing]
        told = asyncio.run(every(there))
        sentence = name.removeprefix("test_").replace("_", " ")
        record_property("figure", f"conformance: {sentence}: {row(told)}")
        record_property("conformance", len(told))

    run.__name__, run.__doc__ = name, case.__doc__
    return run


def row(told: Mapping[Rig, str]) -> str:
    """What was found, and for each finding the families and their links."""
    words: dict[str, dict[str, list[str]]] = {}
    for rig, found in told.items():
        words.setdefault(rig.family.name, {}).setdefault(found, []).append(rig.link)
    return "; ".join(
        f"{family} {', '.join(f'{one} ({chr(32).join(on)})' for one, on in by.items())}"
        for family, by in words.items()
    )


def prepared(
    driver: Driver, sides: tuple[CardSide, ...] = FRONT, ribbon: str = "YMCKO"
) -> PreparedCard:
    """Noise on each side, with resin in it."""
    able = driver.capabilities
    size = able.width_px, able.height_px
    planes = []
    for side in sides:
        tile = Image.effect_noise((32, 20), 80).convert("RGB")
        picture = tile.resize(size, resample=0)
        picture.paste((0, 0, 0), (40, 30, 400, 90))
        panels = able.ribbons[ribbon].panels(side)
        planes.append(
            separate(
                picture,
                side=side,
                panels=panels,
                width_px=size[0],
                height_px=size[1],
            )
        )
    return driver.prepare(planes, ribbon)


async def make(driver: Driver, card: PreparedCard) -> None:
    """From the claim until the card is out."""
    await driver.claim()
    await send_through(driver, card)


async def send_through(driver: Driver, card: PreparedCard) -> None:
    """From the hopper to the output, the family's own way."""
    if driver.capabilities.whole_job:
        whole = cast(WholeJobDriver, driver)
        await whole.send_job(card)
        await whole.send_last()
        await whole.finish_print()
    else:
        step = cast(StepwiseDriver, driver)
        await step.feed()
        for side, _ in card.sides:
            await step.print_side(card, side)
        await step.finish_print()
        await step.deliver()
