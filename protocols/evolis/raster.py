"""Planes to the dots of a panel: turned 90° clockwise, packed as the wire wants them.

A panel is sent as `width_px` rows of `height_px` dots, each row one column of the
card in landscape, from its bottom upwards, most significant bit first (EVO-40, 41).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.vocabulary import Panel

if TYPE_CHECKING:
    from PIL.Image import Image

ONE_BIT = (Panel.BLACK, Panel.OVERLAY)  # EVO-43


def pack(panel: Panel, plane: Image) -> bytes:
    """Pack a plane of mode "L": one byte a dot for a dye, one bit for K and O.

    The height of a one-bit plane is a multiple of 8, so that rows end on bytes.
    """
    # Pillow waits for the first card, so that an idle agent stays small.
    from PIL.Image import Dither, Transpose

    low, high = plane.getextrema()
    if panel in ONE_BIT and low == high:
        # A whole overlay, or a side without black: most cards, and 5 ms of their work.
        return (b"\xff" if high else b"\x00") * (plane.width * plane.height // 8)
    # Pillow turns counter-clockwise: 270° of that is the quarter turn we want.
    turned = plane.transpose(Transpose.ROTATE_270)
    if panel in ONE_BIT:
        turned = turned.convert("1", dither=Dither.NONE)
    return turned.tobytes()
