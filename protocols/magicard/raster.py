"""Planes to the dots of the wire: turned upright, six bit rows a line, three layouts.

A line is one row of dots across the card. Of a dye it is six rows of one bit, lowest
bit first; of resin one (MAG-31). Every step runs over whole images or strings; no dot
is touched in Python.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from protocols.magicard.models import CARD_DOTS, HEAD_POSITION, LINE_DOTS, Layout
from protocols.vocabulary import DYES, Panel

if TYPE_CHECKING:
    from PIL.Image import Image

ROW_SIZES = {Layout.KEE: 84, Layout.KGE_ENDURO: 96, Layout.KGE_ALTO: 96}  # MAG-30
MARGIN_MAX = LINE_DOTS - CARD_DOTS

_SPLIT = 288  # the dots before it have the even bits of a row, the others the odd
_HALF = 384  # bits of each kind in a row
# Index by a dot: one bit of the upper six, lowest first; whether resin lies.   MAG-32
_DENSITIES = [bytes(dot >> bit + 2 & 1 for dot in range(256)) for bit in range(6)]
_RESIN = bytes(dot >= 128 for dot in range(256))


def margin_of(head_position: int | None) -> int:
    """How many dots of the head lie before the card (MAG-36)."""
    at = HEAD_POSITION if head_position is None else head_position
    return min(max(65 - at, 0), MARGIN_MAX)


def plane_size(layout: Layout, panel: Panel, line_count: int) -> int:
    """Return how many bytes a panel of so many lines has."""
    return ROW_SIZES[layout] * line_count * (6 if panel in DYES else 1)


def pack(
    panel: Panel, plane: Image, layout: Layout, margin: int, *, turned: bool
) -> bytes:
    """Pack a landscape plane of mode "L", one column a line; `margin`: `margin_of`.

    `turned`: by 180° against what most models want.
    """
    low, high = plane.getextrema()
    if low == high == 0:  # a side without black: no dot to look for
        return bytes(plane_size(layout, panel, plane.width))
    head = _on_the_head(plane, layout, margin, turned=turned)
    # One slice for each place of a dot in its byte; from there on, whole slices.
    whole = head.tobytes()
    eighths = [whole[at::8] for at in range(8)]
    if layout is Layout.KGE_ALTO:
        eighths.reverse()
    if panel in DYES:
        rows = [_bit_rows(eighths, density) for density in _DENSITIES]
        dots = _interleaved(rows, ROW_SIZES[layout], plane.width)
    else:
        dots = _bit_rows(eighths, _RESIN)
    return _words_turned(dots) if layout is Layout.KGE_ALTO else dots


def _on_the_head(plane: Image, layout: Layout, margin: int, *, turned: bool) -> Image:
    """The plane as the head meets it: a row for each line, its bits in their order."""
    # Pillow waits for the first card, so that an idle agent stays small.
    from PIL import Image
    from PIL.Image import Transpose

    # Guessed: which end comes first.                                          MAG-37
    upright = plane.transpose(Transpose.ROTATE_90 if turned else Transpose.ROTATE_270)
    if layout is Layout.KEE:
        head = Image.new("L", (LINE_DOTS, upright.height))
        head.paste(upright, (margin, 0))
        return head
    # Dot n < 288 is bit 2 * (96 + n) of its row, dot 288 + n is bit 2 * n + 1: as
    # pixels of two bands, which lie side by side.                               MAG-34
    height = upright.height
    even, odd = Image.new("L", (_HALF, height)), Image.new("L", (_HALF, height))
    even.paste(upright.crop((0, 0, _SPLIT - margin, height)), (96 + margin, 0))
    odd.paste(upright.crop((_SPLIT - margin, 0, CARD_DOTS, height)), (0, 0))
    both = Image.merge("LA", (even, odd))
    return Image.frombytes("L", (2 * _HALF, height), both.tobytes())


def _bit_rows(eighths: list[bytes], index: bytes) -> bytes:
    """One bit a dot, the first eighth's highest."""
    packed = 0
    for eighth in eighths:
        packed = packed << 1 | int.from_bytes(eighth.translate(index), "big")
    return packed.to_bytes(len(eighths[0]), "big")


def _interleaved(rows: list[bytes], size: int, line_count: int) -> bytes:
    """Line by line, a row of each."""
    from PIL import Image

    lines = Image.new("L", (len(rows) * size, line_count))
    for bit, row in enumerate(rows):
        lines.paste(Image.frombytes("L", (size, line_count), row), (bit * size, 0))
    return lines.tobytes()


def _words_turned(dots: bytes) -> bytes:
    """Each word of 32 bits with its first byte last (MAG-35)."""
    words = array("I", dots)
    words.byteswap()
    return words.tobytes()
