"""The pictures that are printed, and how far what came out is from them.

Each has a mark in every corner, so that nothing can be turned, mirrored or shifted
unseen, and black text, which must lie exactly where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageStat

SIZE = (1016, 648)
CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
BRIGHT = 160  # of 255, and above
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
MONO_CORNERS = (BLACK, WHITE, WHITE, BLACK)
_CORNERS_BEGIN = ((0, 0), (996, 0), (0, 628), (996, 628))
_INSIDE_CORNERS = ((1, 1), (1014, 1), (1, 646), (1014, 646))
_TEXT = (320, 100, 900, 260)


def card_picture(text: str) -> Image.Image:
    """A card's face with a mark in each corner, a tint, a ramp, dye and black text."""
    picture = Image.new("RGB", SIZE, (214, 228, 236))
    pen = ImageDraw.Draw(picture)
    for x in range(400):
        grey = x * 255 // 399
        pen.rectangle((560 + x, 480, 561 + x, 580), fill=(grey, 128, 255 - grey))
    pen.rectangle((60, 90, 300, 420), fill=(40, 90, 150))
    _corners_and_text(pen, CORNERS, text)
    return picture


def mono_picture(text: str) -> Image.Image:
    """A card's face in black and white alone, for a ribbon of resin."""
    picture = Image.new("RGB", SIZE, WHITE)
    pen = ImageDraw.Draw(picture)
    for x in range(60, 300, 12):
        pen.rectangle((x, 90, x + 3, 420), fill=BLACK)
    _corners_and_text(pen, MONO_CORNERS, text)
    return picture


def _corners_and_text(
    pen: ImageDraw.ImageDraw, corners: tuple[tuple[int, int, int], ...], text: str
) -> None:
    for colour, (x, y) in zip(corners, _CORNERS_BEGIN, strict=True):
        pen.rectangle((x, y, x + 19, y + 19), fill=colour)
    pen.fontmode = "1"
    pen.text((340, 120), text, fill=BLACK, font_size=96)


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a printed face is from the one that was given, of 255."""

    mean: float  # of the channel in which it is largest
    largest: int
    corners: bool  # the mark of each corner is in it
    text_off: int  # dots of black text that are not where they were


def difference(
    printed: Image.Image, given: Image.Image, *, bends_tones: bool = False
) -> Difference:
    """Compare; with `bends_tones` only what is not the same change of a colour counts.

    A corner must else have exactly its colour; then the same channels must be bright.
    """
    assert printed.size == given.size
    like = toned(given, printed) if bends_tones else given
    apart = ImageChops.difference(printed, like)
    largest = max(apart.convert("RGB").tobytes())
    moved = ImageChops.difference(_black(printed), _black(given))
    return Difference(
        mean=max(ImageStat.Stat(apart).mean),
        largest=largest,
        corners=_corners(printed, given, exact=not bends_tones),
        text_off=moved.histogram()[255],
    )


def _corners(printed: Image.Image, given: Image.Image, *, exact: bool) -> bool:
    expected = [_colour(given, place) for place in _INSIDE_CORNERS]
    seen = [_colour(printed, place) for place in _INSIDE_CORNERS]
    if exact:
        return seen == expected
    return list(map(_bright, seen)) == list(map(_bright, expected))


def _bright(colour: tuple[int, ...]) -> tuple[bool, ...]:
    return tuple(value > BRIGHT for value in colour)


def _colour(picture: Image.Image, place: tuple[int, int]) -> tuple[int, ...]:
    colour = picture.getpixel(place)
    assert isinstance(colour, tuple)
    return colour


def toned(given: Image.Image, printed: Image.Image) -> Image.Image:
    """`given` with each of its colours replaced by what has become of it, in the mean.

    What is out of its place has then still become another colour than its like.
    """
    before, after = given.tobytes(), printed.tobytes()
    sums: dict[bytes, list[int]] = {}
    for at in range(0, len(before), 3):
        total = sums.setdefault(before[at : at + 3], [0, 0, 0, 0])
        total[0] += after[at]
        total[1] += after[at + 1]
        total[2] += after[at + 2]
        total[3] += 1
    means = {
        colour: bytes((red // count, green // count, blue // count))
        for colour, (red, green, blue, count) in sums.items()
    }
    dots = (means[before[at : at + 3]] for at in range(0, len(before), 3))
    return Image.frombytes("RGB", given.size, b"".join(dots))


def text_size(given: Image.Image) -> int:
    """How many dots of black text there are."""
    return _black(given).histogram()[255]


def _black(picture: Image.Image) -> Image.Image:
    """A mask of what is pure black where the text is."""
    red, green, blue = picture.crop(_TEXT).split()
    lightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return lightest.point([255] + [0] * 255)
