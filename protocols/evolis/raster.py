"""Planes to the dots of a panel: turned 90° clockwise, packed as the wire wants them.

A panel is sent as one row for each column of the card in landscape, from its bottom
upwards, most significant bit first, without a gap between rows (EVO-40 … 43, 51 … 53).
Every step runs over whole images or strings; no dot is touched in Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import LocalProtocolError
from protocols.vocabulary import CardFate, Panel

if TYPE_CHECKING:
    from PIL.Image import Image

ONE_BIT = (Panel.BLACK, Panel.OVERLAY)  # EVO-43
ROW_SIZE = 81  # of a one-bit row of 648 dots                                   EVO-43

_WHITE_ROW, _BLACK_ROW = 0x00, 0xFF  # EVO-54
# Dot n of eight gives its 7 bits to bytes n - 1 and n of seven; index: n, then the
# dot's value of 8 bits.                                                       EVO-51
_TO_OWN = [bytes((dot >> 1 << at + 1) & 0xFF for dot in range(256)) for at in range(7)]
_TO_FORMER = [bytes(dot >> 1 >> 6 - at for dot in range(256)) for at in range(7)]

# And back: dot n is the lower n bits of byte n - 1 and the upper 7 - n of byte n.
_FROM_FORMER = [bytes(byte << 7 - at & 0x7F for byte in range(256)) for at in range(8)]
_FROM_OWN = [bytes(byte >> at + 1 for byte in range(256)) for at in range(7)]


def pack(
    panel: Panel, plane: Image, *, levels: int = 256, row_dots: int = 648
) -> bytes:
    """Pack a plane of mode "L": `levels` 128 or 256 for a dye, one bit for K and O.

    A plane of another height than `row_dots` is resampled: each of its rows goes whole
    into the nearest row of the panel, so that no thin line of resin is lost.

    Raises:
        LocalProtocolError: levels that no source describes, or dots that do not fill
            the last byte.
    """
    if levels not in (128, 256) or plane.width * row_dots % 8:
        raise LocalProtocolError(
            f"{levels} levels, {plane.width} × {row_dots} dots: expected 128 or 256, "
            "and a multiple of 8",
            card=CardFate.UNTOUCHED,
        )
    # Pillow waits for the first card, so that an idle agent stays small.
    from PIL.Image import Resampling, Transpose

    if panel in ONE_BIT:
        low, high = plane.getextrema()
        if low == high:
            # A whole overlay, a side without black: most cards, and 5 ms of their work.
            return (b"\xff" if high else b"\x00") * (plane.width * row_dots // 8)
    if plane.height != row_dots:
        plane = plane.resize((plane.width, row_dots), Resampling.BOX)
    # Pillow turns counter-clockwise: 270° of that is the quarter turn we want.
    turned = plane.transpose(Transpose.ROTATE_270)
    if panel in ONE_BIT:
        return _one_bit(turned)
    dots = turned.tobytes()
    return dots if levels == 256 else _seven_bits(dots)


def compress(dots: bytes) -> bytes:
    """Shorten a panel of one-bit rows of 648 dots, for `Dbc` (EVO-54).

    A white row is 00 and a black one FF; any other is a count, then that many bytes,
    and white to its end.
    """
    packed = bytearray()
    for at in range(0, len(dots), ROW_SIZE):
        row = dots[at : at + ROW_SIZE]
        inked = row.rstrip(b"\x00")
        if not inked:
            packed.append(_WHITE_ROW)
        elif inked == b"\xff" * ROW_SIZE:
            packed.append(_BLACK_ROW)
        else:
            packed.append(len(inked))
            packed += inked
    return bytes(packed)


def unpack_seven_bits(packed: bytes) -> bytes:
    """The dots of a panel of 128 levels, one in a byte, 0 to 127 (EVO-51)."""
    sevenths = [b"", *(packed[at::7] for at in range(7)), b""]
    dots = bytearray(len(packed) // 7 * 8)
    for at in range(8):
        former = sevenths[at].translate(_FROM_FORMER[at]) if at else b""
        own = sevenths[at + 1].translate(_FROM_OWN[at]) if at < 7 else b""
        both = int.from_bytes(former, "big") | int.from_bytes(own, "big")
        dots[at::8] = both.to_bytes(len(packed) // 7, "big")
    return bytes(dots)


def _one_bit(turned: Image) -> bytes:
    from PIL.Image import Dither

    size = turned.width * turned.height // 8
    whole = turned.width // 8 * 8
    if whole < turned.width:  # a row has no byte for its last dots: EVO-65
        turned = turned.crop((0, 0, whole, turned.height))
    # From 128 on a dot prints: also the mean of one with resin and one without.
    bits = turned.convert("1", dither=Dither.NONE).tobytes()
    return bits.ljust(size, b"\x00")


def _seven_bits(dots: bytes) -> bytes:
    """The upper seven bits of each dot, one after the other."""
    eighths = [dots[at::8] for at in range(8)]
    packed = bytearray(len(dots) // 8 * 7)
    for at in range(7):
        own = int.from_bytes(eighths[at].translate(_TO_OWN[at]), "big")
        next_dots = int.from_bytes(eighths[at + 1].translate(_TO_FORMER[at]), "big")
        packed[at::7] = (own | next_dots).to_bytes(len(eighths[at]), "big")
    return bytes(packed)
