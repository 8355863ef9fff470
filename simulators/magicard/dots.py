"""From a plane's bytes to its dots, whichever way the head wants them laid.

A line is one row of dots across the card's short side. Of a plane of dye it has six
bit rows, the lowest bit of all densities first; of resin one.
"""

from __future__ import annotations

from PIL import Image, ImageChops

from simulators.magicard.models import DENSITY_BITS, Model

_TO_FULL = [value * 255 // 63 for value in range(64)] + [255] * 192


def dye(model: Model, plane: bytes) -> Image.Image:
    """Densities 0 to 255 of the card: a line is a column, dots in their order."""
    sums = None
    for bit in range(DENSITY_BITS):
        rows = _bit_rows(model, plane, DENSITY_BITS, bit)
        weighed = rows.point([0] * 255 + [1 << bit])
        sums = weighed if sums is None else ImageChops.add(sums, weighed)
    assert sums is not None
    return _laid(model, sums.point(_TO_FULL))


def resin(model: Model, plane: bytes) -> Image.Image:
    """0 or 255 for each dot of the card, laid like `dye`."""
    return _laid(model, _bit_rows(model, plane, 1, 0))


def _bit_rows(model: Model, plane: bytes, bits: int, bit: int) -> Image.Image:
    """One bit row of each line, one byte a bit, in the order of the wire."""
    size = model.layout.row_size
    starts = range(bit * size, len(plane), bits * size)
    rows = b"".join(plane[start : start + size] for start in starts)
    return Image.frombytes("1", (size * 8, len(starts)), rows).convert("L")


def _laid(model: Model, rows: Image.Image) -> Image.Image:
    """Take the card's dots out of whole rows, each to its place."""
    columns = rows.transpose(Image.Transpose.TRANSPOSE)
    line_count = columns.width
    data = columns.tobytes()
    dots = b"".join(
        data[place * line_count : (place + 1) * line_count] for place in model.places
    )
    return Image.frombytes("L", (line_count, len(model.places)), dots)
