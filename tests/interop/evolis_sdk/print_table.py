"""The good prints that are tried: model, ribbon, sides, and how near each must come.

The SDK sharpens edges before it sends; flat areas come through as they are. A model of
128 levels rounds each dot to one of them. For a Badgy200 it bends all colours, and the
562 dots across the card are fewer than the picture's, so that the edges of text move.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from tests.interop.evolis_sdk.pictures import (
    Difference,
    card_picture,
    difference,
    mono_picture,
    text_size,
)
from tests.interop.evolis_sdk.sdk_world import Client, Machine, Sdk

MEAN_MAX = 4.0  # of 255


@dataclass(frozen=True, slots=True)
class Print:
    """One card; the emulator and the SDK have names of their own for a ribbon."""

    name: str
    model: str = "Primacy"
    ribbon: str = "YMCKO"
    sdk_ribbon: str = "YMCKO"
    panels: tuple[str, ...] = ("ymcko",)  # of each side
    bends_tones: bool = False  # by a profile of colours that the SDK has of the model
    text_off_share_max: float = 0.0

    @property
    def pictures(self) -> list[Image.Image]:
        """What is given, a side each."""
        make = card_picture if "y" in self.panels[0] else mono_picture
        return [make(text) for text in ("CONTOH", "belakang")[: len(self.panels)]]


PRINTS = (
    Print("colour"),
    Print("colour on both sides", panels=("ymcko", "ymcko")),
    Print("black resin", ribbon="K", sdk_ribbon="KBLACK", panels=("k",)),
    Print(
        *("black resin on both sides", "Primacy", "K", "KBLACK"),
        panels=("k", "k"),
    ),
    Print("resin and overlay", ribbon="KO", sdk_ribbon="KO", panels=("ko",)),
    # The set has a second black for the back; the SDK takes another set all the same.
    Print(
        *("colour on both sides of YMCKOK", "Primacy", "YMCKOK", "YMCKOK"),
        panels=("ymcko", "ymcko"),
    ),
    Print("128 levels", model="Zenius"),
    Print(
        *("128 levels, 260 dpi across", "Badgy200"),
        bends_tones=True,
        text_off_share_max=0.1,
    ),
)


@dataclass(frozen=True, slots=True)
class Face:
    given: Image.Image
    printed: Image.Image
    difference: Difference


@dataclass(frozen=True, slots=True)
class Printed:
    code: str
    state: str
    card: dict[str, Any]  # of the emulator's truth
    faces: list[Face]


def print_card(folder: Path, what: Print, sdk: Sdk) -> Printed:
    """Print it on an emulator of its own, whose cards are drawn in `folder`."""
    folder.mkdir(parents=True)
    given = []
    for number, picture in enumerate(what.pictures):
        given.append(folder / f"given-{number}.bmp")
        picture.save(given[-1])
    machine = Machine(
        model=what.model,
        ribbon_kind=what.ribbon,
        cards_directory=folder,
    )
    try:
        client = Client(sdk, machine.uri(what.model))
        front, back = (*given, None)[:2]
        assert front is not None
        code = client.print(front, back, what.sdk_ribbon)
        state, card = client.state, machine.card()
        client.close()
    finally:
        machine.close()
    faces = []
    for original, name in zip(given, card["png"], strict=True):
        one, other = _opened(original), _opened(folder / name)
        apart = difference(other, one, bends_tones=what.bends_tones)
        faces.append(Face(one, other, apart))
    return Printed(code, state, card, faces)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def shortcomings(what: Print, seen: Printed) -> list[str]:
    """In what the card is not the one that was given; none: it is."""
    marks = dict(zip(("front", "back"), map(list, what.panels), strict=False))
    wrong = []
    if (seen.code, seen.state) != ("OK", "READY/PRINTER_READY"):
        wrong.append(f"{seen.code}, {seen.state}")
    where = (seen.card["place"], seen.card["state"], seen.card["marks"])
    if where != ("output", "complete", marks):
        wrong.append(f"the card is {where}")
    for face in seen.faces:
        apart = face.difference
        if apart.mean > MEAN_MAX:
            wrong.append(f"mean difference {apart.mean:.2f}, at most {MEAN_MAX}")
        if not apart.corners:
            wrong.append("a corner has another colour")
        if apart.text_off > what.text_off_share_max * text_size(face.given):
            wrong.append(f"{apart.text_off} dots of text are not in place")
    return wrong
