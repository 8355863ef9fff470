"""Lettering: the font inside Pillow's wheel, measured in dots of a 300 dpi card.

A text that does not fit is first set smaller, then broken at one of its spaces; what
still does not fit is not cut, it is refused by whoever asked.
"""

from __future__ import annotations

from functools import lru_cache

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont

DPI = 300
SIZE_MIN_PT = 5.0
_SIZE_STEP_PT = 0.25
_NOT_A_CHARACTER = "\uffff"  # Unicode gives it no meaning, so no font draws it


def px(mm: float) -> int:
    """Millimetres to dots."""
    return round(mm * DPI / 25.4)


@lru_cache(maxsize=64)
def font(size_pt: float) -> FreeTypeFont:
    face = ImageFont.load_default(size_pt * DPI / 72)
    assert isinstance(face, FreeTypeFont), "Pillow's wheel has FreeType"
    return face


def width_px(text: str, size_pt: float) -> float:
    return font(size_pt).getlength(text)


def drawable(text: str) -> bool:
    """Whether the font has a glyph for every character."""
    return all(_has_glyph(character) for character in set(text))


def fit(
    text: str, size_pt: float, limit_px: int, *, may_wrap: bool
) -> tuple[float, list[str]] | None:
    """Return a size and one or two lines that stay within `limit_px`; None: too long.

    One line from `size_pt` down to 5 pt; then, if `may_wrap`, two lines of 5 pt.
    """
    size = size_pt
    while size >= SIZE_MIN_PT:
        if width_px(text, size) <= limit_px:
            return size, [text]
        size -= _SIZE_STEP_PT
    if may_wrap and (lines := _two_lines(text, limit_px)):
        return SIZE_MIN_PT, lines
    return None


def _two_lines(text: str, limit_px: int) -> list[str] | None:
    """Break at the last space that leaves a first line that fits."""
    words = text.split(" ")
    for count in range(len(words) - 1, 0, -1):
        lines = [" ".join(words[:count]), " ".join(words[count:])]
        if width_px(lines[0], SIZE_MIN_PT) <= limit_px:
            fits = width_px(lines[1], SIZE_MIN_PT) <= limit_px
            return lines if fits else None
    return None


@lru_cache(maxsize=1024)
def _has_glyph(character: str) -> bool:
    return character == " " or _shape(character) != _shape(_NOT_A_CHARACTER)


def _shape(character: str) -> tuple[tuple[int, int], bytes]:
    mask = font(SIZE_MIN_PT).getmask(character, mode="1")
    return mask.size, bytes(mask)
