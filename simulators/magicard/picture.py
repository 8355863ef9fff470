"""Planes as they came over the wire, back to the picture a person would see.

A line is one column of the card lying in landscape: its first dot is the lowest, and
lines follow from left to right; or all of it is turned by half a circle, as some models
have it. Dye takes its complement out of white, resin is black. The overcoat is clear
and is not drawn: what it covers is a mask of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw

from simulators.gallery import Pressing
from simulators.magicard.dots import dye, resin
from simulators.magicard.header import Area, Header
from simulators.magicard.models import CARD_DOTS, Model


def draw(model: Model, pressings: Sequence[Pressing]) -> Image.Image:
    """Return the card's face in landscape, RGB on white, 642 dots high."""
    size = (model.line_count, CARD_DOTS)
    channels = {panel: Image.new("L", size, 255) for panel in "cmy"}
    black = Image.new("L", size, 0)
    for pressing in pressings:
        if pressing.panel in channels:
            left = ImageChops.invert(_lay(model, dye(model, pressing.data), pressing))
            channels[pressing.panel] = ImageChops.darker(channels[pressing.panel], left)
        elif pressing.panel == "k":
            laid = _lay(model, resin(model, pressing.data), pressing)
            black = ImageChops.lighter(black, laid)
    face = Image.merge("RGB", [channels[panel] for panel in "cmy"])
    face.paste((0, 0, 0), mask=black)
    return face


def overcoat(model: Model, header: Header) -> Image.Image:
    """Return where the overcoat gets on the card: its area less the holes.

    Areas are told from the card's left and bottom edges, both ends included.
    """
    mask = Image.new("1", (model.line_count, CARD_DOTS), 0)
    _fill(mask, header.area or model.area, 1)
    for hole in header.holes:
        _fill(mask, hole, 0)
    return mask


def _fill(mask: Image.Image, area: Area, value: int) -> None:
    left, bottom, right, top = area
    lowest = mask.height - 1
    if left <= right and bottom <= top:
        box = (left, lowest - top, right, lowest - bottom)
        ImageDraw.Draw(mask).rectangle(box, fill=value)


def _lay(model: Model, plane: Image.Image, pressing: Pressing) -> Image.Image:
    """The plane on the card: as far as it got there, and the right way round."""
    size = (model.line_count, CARD_DOTS)
    if pressing.share < 1.0:
        first_missing = round(plane.width * pressing.share)
        plane.paste(0, (first_missing, 0, plane.width, plane.height))
    turn = Image.Transpose
    way = turn.FLIP_LEFT_RIGHT if model.turned else turn.FLIP_TOP_BOTTOM
    plane = plane.transpose(way)  # a card turned round, or its first dot the lowest
    laid = Image.new("L", size, 0)
    laid.paste(plane)
    return laid
