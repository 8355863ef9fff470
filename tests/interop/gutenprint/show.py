"""`make show-interop`: what Gutenprint's cards look like on the emulator.

Prints each card's panels, stripe and largest difference, and lays what was given and
what came out side by side in a folder. Ends with 1 when anything is not as expected.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.interop.evolis_sdk.show import OUT, say, slug
from tests.interop.gutenprint.gutenprint_world import SIZE, missing
from tests.interop.gutenprint.prints import PRINTS, Face, print_card, shortcomings

GAP_PX = 12
CARD_S = 60.0


def main() -> int:
    lacking = missing()
    if lacking:
        say(f"Gutenprint is not to be had here: {lacking}; `make deps` brings it")
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    return 1 if asyncio.run(_prints()) else 0


async def _prints() -> int:
    """Print each card and keep the pictures; return how many are off."""
    say("\nDebian's Gutenprint on an emulated Magicard, through its own USB backend\n")
    row = "{:20} {:34} {:26} {:>4}  {}".format
    say(row("card", "panels", "stripe", "max", "picture"))
    wrong = 0
    for what in PRINTS:
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.timeout(CARD_S):
                card, faces = await print_card(Path(folder), what)
        marks = ", ".join(f"{side} {''.join(m)}" for side, m in card["marks"].items())
        stripe = card.get("tracks", {})
        tracks = ", ".join(f"{track} {data}" for track, data in stripe.items())
        path = OUT / f"gutenprint-{slug(what.name)}.png"
        _beside(faces).save(path)
        say(row(what.name, marks, tracks, max(face.largest for face in faces), path))
        for text in shortcomings(what, card, faces):
            say(f"  not as expected: {text}")
            wrong += 1
    say(f"\n{wrong} not as expected" if wrong else "\nall as expected")
    return wrong


def _beside(faces: list[Face]) -> Image.Image:
    """A row for each side: given, and printed."""
    width, height = SIZE[0] + GAP_PX, SIZE[1] + GAP_PX
    made = Image.new("RGB", (2 * width, len(faces) * height), (128, 128, 128))
    for number, face in enumerate(faces):
        made.paste(face.given, (0, number * height))
        made.paste(face.printed, (width, number * height))
    return made


if __name__ == "__main__":
    sys.exit(main())
