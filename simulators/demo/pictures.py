"""Printed pictures against the pictures sent, dot by dot, and a sheet of them all."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops

from simulators.cards import CARD_SIZE
from simulators.centre.contract import Document

_THUMB_SIZE = (339, 216)
_COLUMNS = 4
_GAP = 12


@dataclass(frozen=True, slots=True)
class Face:
    """How a printer shows a picture: its area is larger than the card."""

    margin: tuple[int, int]  # dots of that area left of the card and above it
    levels: int = 256  # how many densities a dye has

    def shown(self, sent: Image.Image) -> Image.Image:
        """The picture as so few levels of dye show it."""
        step, top = 256 // self.levels, self.levels - 1
        levels = [(255 - value) // step for value in range(256)]
        return sent.point([255 - level * 255 // top for level in levels] * 3)


def compare_pictures(
    job: Document,
    parts: dict[str, bytes],
    card_id: str,
    printed: dict[str, Path],
    face: Face,
) -> list[str]:
    """Compare each finished side of a job with what the printer put on its card.

    `printed` has the decoded PNG of each side. Layouts are the agent's own drawing:
    nothing to compare them with.
    """
    findings = []
    for side, wanted in job["sides"].items():
        if not wanted or wanted["kind"] != "image":
            continue
        if side not in printed:
            findings.append(f"{card_id}: no picture of the {side} of {job['job_id']}")
            continue
        sent = Image.open(BytesIO(parts[wanted["part"]])).convert("RGB")
        with Image.open(printed[side]) as image:
            where = first_difference(sent, image, face)
        if where is not None:
            findings.append(
                f"{card_id}: {side} differs from the picture of {job['job_id']}, "
                f"first at {where[0]}, {where[1]}"
            )
    return findings


def first_difference(
    sent: Image.Image, printed: Image.Image, face: Face
) -> tuple[int, int] | None:
    """The uppermost row, and the leftmost column, that differ; None: not one dot."""
    left, top = face.margin
    width, height = CARD_SIZE
    card = printed.convert("RGB").crop((left, top, left + width, top + height))
    box = ImageChops.difference(face.shown(sent), card).getbbox()
    return None if box is None else (box[0], box[1])


def contact_sheet(pictures: list[Path], path: Path) -> None:
    """Write one PNG with all pictures small, in the order given."""
    rows = (len(pictures) + _COLUMNS - 1) // _COLUMNS
    width, height = (edge + _GAP for edge in _THUMB_SIZE)
    sheet = Image.new(
        "RGB", (_COLUMNS * width + _GAP, rows * height + _GAP), (70, 74, 78)
    )
    for index, picture in enumerate(pictures):
        with Image.open(picture) as image:
            small = image.convert("RGB").resize(_THUMB_SIZE)
        row, column = divmod(index, _COLUMNS)
        sheet.paste(small, (_GAP + column * width, _GAP + row * height))
    sheet.save(path)
