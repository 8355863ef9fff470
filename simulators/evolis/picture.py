"""Panels as they came over the wire, back to the picture a person would see.

A panel's row is one column of the card lying in landscape: its first dot is the
lowest, and rows follow from left to right. Dye takes its complement out of white;
resin is black; overlay is clear and is not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from simulators.evolis.models import Model


@dataclass(frozen=True, slots=True)
class Pressing:
    """One panel on a card: its bytes, and the share of its rows that got there."""

    panel: str
    data: bytes
    share: float


def draw(model: Model, pressings: Sequence[Pressing]) -> Image.Image:
    """Return the card's face, `row_count` × `row_dots` pixels, RGB on white."""
    size = (model.row_count, model.row_dots)
    channels = {panel: Image.new("L", size, 255) for panel in "cmy"}
    resin = Image.new("L", size, 0)
    for pressing in pressings:
        if pressing.panel in channels:
            left = ImageChops.invert(_dye(model, pressing))
            channels[pressing.panel] = ImageChops.darker(channels[pressing.panel], left)
        elif pressing.panel == "k":
            resin = ImageChops.lighter(resin, _resin(model, pressing))
    face = Image.merge("RGB", [channels[panel] for panel in "cmy"])
    face.paste((0, 0, 0), mask=resin)
    return face


def save(face: Image.Image, path: Path) -> None:
    """Write a PNG; it is there whole under its name, or not at all."""
    part = path.with_suffix(".part")
    face.save(part, format="PNG", compress_level=1)
    part.replace(path)


def _dye(model: Model, pressing: Pressing) -> Image.Image:
    size = (model.row_dots, model.row_count)
    return _lay(model, Image.frombytes("L", size, pressing.data), pressing.share)


def _resin(model: Model, pressing: Pressing) -> Image.Image:
    size = (model.row_dots, model.row_count)
    dots = Image.frombytes("1", size, pressing.data)
    return _lay(model, dots.convert("L"), pressing.share)


def _lay(model: Model, rows: Image.Image, share: float) -> Image.Image:
    """Turn rows of the wire into the landscape card; what was not pressed is 0."""
    if share < 1.0:
        first_missing = round(model.row_count * share)
        rows.paste(0, (0, first_missing, model.row_dots, model.row_count))
    return rows.transpose(Image.Transpose.ROTATE_90)
