"""Panels as they came over the wire, back to the picture a person would see.

A panel's row is one column of the card lying in landscape: its first dot is the
lowest, and rows follow from left to right. Dye takes its complement out of white;
resin is black; overlay is clear and is not drawn. A panel with fewer dots across than
the card has pixels is stretched at the end: each pixel is the dot that covers it.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from simulators.evolis.models import CARD_DOTS, Model
from simulators.evolis.panels import dyes
from simulators.gallery import Pressing


def draw(model: Model, pressings: Sequence[Pressing]) -> Image.Image:
    """Return the card's face, 1016 × 648 pixels, RGB on white."""
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
    if model.row_dots == CARD_DOTS:
        return face
    return face.resize((model.row_count, CARD_DOTS), Image.Resampling.NEAREST)


def _dye(model: Model, pressing: Pressing) -> Image.Image:
    size = (model.row_dots, model.row_count)
    dots = dyes(pressing.data, model.level_bits)
    return _lay(model, Image.frombytes("L", size, dots), pressing.share)


def _resin(model: Model, pressing: Pressing) -> Image.Image:
    # A row is whole bytes: what is over of its dots stays clear, and what is over of
    # the panel's bytes is not looked at.
    row_size = model.row_dots // 8
    bits = pressing.data[: row_size * model.row_count]
    known = Image.frombytes("1", (row_size * 8, model.row_count), bits)
    rows = Image.new("L", (model.row_dots, model.row_count), 0)
    rows.paste(known.convert("L"))
    return _lay(model, rows, pressing.share)


def _lay(model: Model, rows: Image.Image, share: float) -> Image.Image:
    """Turn rows of the wire into the landscape card; what was not pressed is 0."""
    if share < 1.0:
        first_missing = round(model.row_count * share)
        rows.paste(0, (0, first_missing, model.row_dots, model.row_count))
    return rows.transpose(Image.Transpose.ROTATE_90)
