"""The cards that Gutenprint is to print, and what is to be on each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from tests.interop.gutenprint.gutenprint_world import (
    Desk,
    as_printed,
    card_picture,
    desk,
    job,
)


@dataclass(frozen=True)
class Print:
    """`marks` are the panels of each side; `tracks` what the stripe is to say."""

    name: str
    marks: dict[str, str]
    model: str = "tango-2e"
    options: tuple[str, ...] = ()
    tracks: tuple[tuple[str, str], ...] = ()


PRINTS = (
    Print("colour", {"front": "ymc"}),
    Print("colour by the Rio", {"front": "ymc"}, model="rio-2e"),
    Print("overcoat", {"front": "ymco"}, options=("StpLaminate=On",)),
    Print("resin black", {"front": "ymck"}, options=("StpBlackType=Resin",)),
    Print(
        "both sides",
        {"front": "ymc", "back": "ymc"},
        options=("Duplex=DuplexNoTumble",),
    ),
    # One track a card: of several, this version of the filter writes the last alone.
    Print(
        "stripe, track 1",
        {"front": "ymc"},
        options=("StpMagStripe1=%CONTOH?",),
        tracks=(("1", "CONTOH"),),
    ),
    Print(
        "stripe, track 2",
        {"front": "ymc"},
        options=("StpMagStripe2=;0123?",),
        tracks=(("2", "0123"),),
    ),
)


@dataclass(frozen=True)
class Face:
    """One side as it was given and as it came out, both in landscape."""

    side: str
    given: Image.Image
    printed: Image.Image

    @property
    def largest(self) -> int:
        """The largest difference of a dot from what six bits leave of the picture."""
        apart = ImageChops.difference(self.printed, as_printed(self.given))
        counts = enumerate(apart.histogram())
        return max(value % 256 for value, count in counts if count)


async def print_card(folder: Path, what: Print) -> tuple[dict[str, Any], list[Face]]:
    """Print one card; return the truth about it, and its faces."""
    sides = {side: card_picture(f"CONTOH {side}") for side in what.marks}
    made = job(folder, what.model, list(sides.values()), *what.options)
    async with desk(folder, magnetic=bool(what.tracks)) as on:
        await on.print(made)
        card = await on.printer.world.card()
        return card, [_face(on, side, given) for side, given in sides.items()]


def _face(on: Desk, side: str, given: Image.Image) -> Face:
    """Gutenprint turns a back by half a circle, as we find it and turn it again."""
    printed = on.face(side)
    if side == "back":
        printed = printed.transpose(Image.Transpose.ROTATE_180)
    return Face(side, given, printed)


def shortcomings(what: Print, card: dict[str, Any], faces: list[Face]) -> list[str]:
    """What is not as it is to be, in words."""
    found = []
    marks = {side: list(panels) for side, panels in what.marks.items()}
    for name, expected in (
        ("place", "output"),
        ("state", "complete"),
        ("marks", marks),
        ("tracks", dict(what.tracks)),
    ):
        seen = card.get(name, {})
        if seen != expected:
            found.append(f"{name}: {seen}, expected {expected}")
    for face in faces:
        if face.largest:
            found.append(f"{face.side}: a dot differs by {face.largest}")
    return found
