"""Portraits and signatures drawn from a number with Pillow's shapes; never photographs.

A portrait is 20 × 25 mm at 300 dpi on the ground Indonesian cards have: red for an odd
year of birth, blue for an even one.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from simulators.persons import Person

PORTRAIT_SIZE = (236, 295)
"""Pixels: 20 × 25 mm at 300 dpi."""

SIGNATURE_SIZE = (236, 83)
"""Pixels: 20 × 7 mm at 300 dpi."""

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

_RED: Colour = (205, 38, 44)
_BLUE: Colour = (38, 92, 190)
_FINER = 4  # drawn this many times larger, then reduced: smooth edges
_SKINS: tuple[Colour, ...] = (
    (243, 206, 170), (228, 182, 140), (206, 154, 112), (176, 124, 86), (146, 98, 66),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = ((34, 28, 30), (52, 38, 32), (70, 50, 38), (150, 148, 146))
_CLOTHS: tuple[Colour, ...] = (
    (246, 244, 238), (34, 72, 92), (112, 46, 84), (232, 176, 60), (44, 118, 96),
    (120, 84, 52), (78, 86, 158),
)  # fmt: skip
_VEILS: tuple[Colour, ...] = (
    (238, 228, 214), (94, 150, 150), (206, 128, 142), (92, 84, 128), (226, 190, 96),
)  # fmt: skip
_LIPS: Colour = (186, 84, 80)
_INK: Colour = (40, 32, 32)
_WHITE: Colour = (252, 252, 250)


@dataclass(frozen=True, slots=True)
class _Face:
    """What makes one portrait differ from the next."""

    skin: Colour
    hair: Colour
    cloth: Colour
    second: Colour  # of the pattern, the collar, the veil
    style: str
    garment: str
    wide: float  # half width of the head, of a canvas 100 wide
    mouth: float
    glasses: bool
    beard: str


def portrait(person: Person) -> Image.Image:
    """The person's portrait, RGB, `PORTRAIT_SIZE`."""
    width, height = PORTRAIT_SIZE
    ground = _RED if person.born.year % 2 else _BLUE
    image = Image.new("RGB", (width * _FINER, height * _FINER), ground)
    pen = _Pen(ImageDraw.Draw(image), width * _FINER / 100)
    face = _face(person)
    _light(pen, ground)
    _back_of_hair(pen, face)
    _shoulders(pen, face)
    _head(pen, face)
    _top_of_hair(pen, face)
    _features(pen, face, person.woman)
    return image.reduce(_FINER)


def signature(person: Person) -> Image.Image:
    """A flourish in black on white, mode L, `SIGNATURE_SIZE`."""
    dice = random.Random(f"signature {person.nik} {person.number}")
    width, height = (edge * _FINER for edge in SIGNATURE_SIZE)
    image = Image.new("L", (width, height), 255)
    loops = dice.uniform(4, 7)
    lean, swing = dice.uniform(0.2, 1.1), dice.uniform(0.5, 0.9)
    points = []
    for step in range(241):
        along = step / 240
        turn = along * loops * math.tau
        fade = swing * (1 - 0.75 * along) * height * 0.42
        x = width * (0.06 + 0.84 * along) + math.cos(turn + lean) * height * 0.28
        y = height * 0.52 + math.sin(turn) * fade + math.sin(turn * 0.37) * height * 0.1
        points.append((x, y))
    pen = ImageDraw.Draw(image)
    pen.line(points, fill=0, width=9, joint="curve")
    under = [(width * 0.1, height * 0.93), (width * 0.94, height * 0.74)]
    pen.line(under, fill=0, width=7)
    return image.reduce(_FINER)


def _face(person: Person) -> _Face:
    dice = random.Random(f"portrait {person.nik} {person.number}")
    styles = (
        ("veil", "bun", "long", "bob", "veil")
        if person.woman
        else ("short", "cap", "parted", "curls", "bald")
    )
    old = person.born.year < 1962
    return _Face(
        skin=dice.choice(_SKINS),
        hair=_HAIRS[3] if old else dice.choice(_HAIRS[:3]),
        cloth=dice.choice(_CLOTHS),
        second=dice.choice(_VEILS),
        style=styles[(person.number // 2) % len(styles)],
        garment=("shirt", "batik", "round")[(person.number + person.born.day) % 3],
        wide=dice.uniform(19.5, 22.5),
        mouth=dice.uniform(0.6, 1.2),
        glasses=dice.random() < 0.35,
        beard="" if person.woman else dice.choice(("", "", "moustache", "goatee")),
    )


def _shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * by))) for part in colour)
    return red, green, blue


def _light(pen: _Pen, ground: Colour) -> None:
    """A studio's soft light behind the head."""
    for ring in range(8):
        lift = 1 + 0.035 * ring
        pen.oval(50, 50, 62 - 4.5 * ring, 66 - 4.5 * ring, _shade(ground, lift))


def _back_of_hair(pen: _Pen, face: _Face) -> None:
    if face.style == "long":
        pen.oval(50, 58, face.wide + 9, 36, face.hair)
        pen.shape([(21, 60), (79, 60), (82, 108), (18, 108)], face.hair)
    elif face.style == "bob":
        pen.oval(50, 54, face.wide + 8, 30, face.hair)
        pen.shape([(23, 54), (77, 54), (78, 80), (22, 80)], face.hair)
    elif face.style == "bun":
        pen.oval(50, 16, 12, 11, face.hair)
        pen.oval(50, 46, face.wide + 3, 28, face.hair)
    elif face.style == "curls":
        for turn in range(13):
            angle = math.pi * (1 + turn / 12)
            pen.oval(
                50 + math.cos(angle) * (face.wide + 3),
                46 + math.sin(angle) * 25,
                7.5,
                7.5,
                face.hair,
            )


def _shoulders(pen: _Pen, face: _Face) -> None:
    pen.oval(50, 134, 45, 43, face.cloth)
    if face.garment == "batik":
        _batik(pen, face)
    shadow = _shade(face.skin, 0.86)
    pen.shape([(41, 72), (59, 72), (61, 96), (50, 101), (39, 96)], shadow)
    if face.garment == "shirt":
        light = _shade(face.cloth, 1.12)
        pen.shape([(38, 90), (50, 103), (42, 112), (32, 95)], light)
        pen.shape([(62, 90), (50, 103), (58, 112), (68, 95)], light)
        pen.line([(50, 104), (50, 125)], _shade(face.cloth, 0.75), 0.7)
        for y in (110, 119):
            pen.oval(50, y, 1.1, 1.1, _shade(face.cloth, 0.6))
    else:
        pen.arc((37, 84, 63, 104), 10, 170, face.second, 2.4)


def _batik(pen: _Pen, face: _Face) -> None:
    """Rows of small flowers, inside the shoulders only."""
    for row, y in enumerate(range(98, 126, 9)):
        for x in range(8 + row % 2 * 6, 96, 12):
            if ((x - 50) / 41) ** 2 + ((y - 134) / 39) ** 2 > 1:
                continue
            for dx, dy in ((0, -2), (2, 0), (0, 2), (-2, 0)):
                pen.oval(x + dx, y + dy, 1.5, 1.5, face.second)
            pen.oval(x, y, 1, 1, _shade(face.cloth, 0.6))


def _head(pen: _Pen, face: _Face) -> None:
    ear = _shade(face.skin, 0.93)
    if face.style != "veil":
        for side in (-1, 1):
            pen.oval(50 + side * face.wide, 56, 4, 6.5, ear)
    pen.oval(50, 55, face.wide, 27.5, face.skin)


def _features(pen: _Pen, face: _Face, woman: bool) -> None:
    brow = _shade(face.hair, 1.1)
    red, green, blue = face.skin
    cheek = (min(255, red + 10), max(0, green - 12), max(0, blue - 10))
    for side in (-1, 1):
        pen.oval(50 + side * face.wide * 0.56, 65, 4.6, 3.6, cheek)
        x = 50 + side * 8.8
        pen.oval(x, 54, 4.1, 2.9, _WHITE)
        pen.oval(x, 54.2, 2.3, 2.6, (58, 38, 28))
        pen.oval(x + 0.8, 53.3, 0.8, 0.8, _WHITE)
        pen.arc((x - 4.6, 50.2, x + 4.6, 58), 195, 345, _INK, 1.3 if woman else 0.9)
        pen.arc((x - 5.6, 44.6, x + 5.6, 54), 205, 335, brow, 1 if woman else 1.8)
    nose = _shade(face.skin, 0.8)
    pen.arc((46.6, 58, 53.4, 66), 25, 155, nose, 1.2)
    _mouth(pen, face, woman)
    if face.beard == "moustache":
        pen.pie((40.5, 66, 59.5, 76), 185, 355, face.hair)
    elif face.beard == "goatee":
        pen.pie((42, 72, 58, 87), 20, 160, face.hair)
    if face.glasses:
        frame = (44, 40, 48)
        for side in (-1, 1):
            x = 50 + side * 8.8
            pen.arc((x - 7, 48, x + 7, 61), 0, 360, frame, 1.1)
            pen.line([(x + side * 7, 53), (50 + side * face.wide, 52)], frame, 1)
        pen.line([(48.3, 53), (51.7, 53)], frame, 1.1)


def _mouth(pen: _Pen, face: _Face, woman: bool) -> None:
    half = 6.5 + face.mouth
    lips = _LIPS if woman else _shade(face.skin, 0.68)
    if face.mouth > 0.95:  # an open smile
        pen.pie((50 - half, 65, 50 + half, 78), 8, 172, lips)
        pen.pie((50 - half + 1.4, 67.6, 50 + half - 1.4, 74.6), 8, 172, _WHITE)
    else:
        pen.arc((50 - half, 63, 50 + half, 75.5), 25, 155, lips, 1.9)


def _top_of_hair(pen: _Pen, face: _Face) -> None:
    wide = face.wide
    if face.style == "veil":
        _veil(pen, face)
    elif face.style == "cap":  # a peci
        velvet = (30, 26, 34)
        pen.shape([(50 - wide, 42), (33, 20), (67, 20), (50 + wide, 42)], velvet)
        pen.oval(50, 20.5, 17, 3.6, _shade(velvet, 1.6))
        pen.arc((50 - wide, 36, 50 + wide, 48), 180, 360, _shade(velvet, 1.6), 0.8)
    elif face.style == "bald":
        for side in (-1, 1):
            pen.oval(50 + side * (wide - 1), 48, 3, 7, face.hair)
    else:
        pen.pie((49 - wide, 24, 51 + wide, 72), 180, 360, face.hair)
        _fringe(pen, face)


def _fringe(pen: _Pen, face: _Face) -> None:
    """Give the forehead back its skin below the hairline."""
    wide = face.wide
    low = face.skin
    if face.style in ("parted", "bob", "long"):
        pen.shape([(36, 36), (50 + wide * 0.86, 50), (50 - wide * 0.86, 50)], low)
        pen.oval(46, 47, wide * 0.78, 8.5, low)
    elif face.style == "bun":
        pen.oval(50, 48, wide * 0.84, 11.5, low)
    else:
        pen.oval(50, 48.5, wide * 0.84, 9, low)


def _veil(pen: _Pen, face: _Face) -> None:
    """A head scarf: a ring around the face that falls over the shoulders."""
    fold = _shade(face.second, 0.84)
    pen.shape([(31, 74), (69, 74), (84, 106), (50, 121), (16, 106)], face.second)
    pen.oval(50, 52, face.wide + 9, 35, face.second)
    pen.oval(50, 56, face.wide - 1.5, 27, face.skin)
    pen.pie((43, 80, 57, 94), 190, 350, fold)
    for x, y in ((33, 104), (50, 113), (67, 104)):
        pen.line([(50, 86), (x, y)], fold, 0.9)
    pen.oval(50, 86, 2, 2, _shade(face.cloth, 1.2))


class _Pen:
    """Draws in hundredths of the picture's width: x 0–100, y 0–125."""

    def __init__(self, draw: ImageDraw.ImageDraw, unit: float) -> None:
        self._draw = draw
        self._unit = unit

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        self._draw.ellipse(self._box((x - rx, y - ry, x + rx, y + ry)), fill=fill)

    def shape(self, points: list[tuple[float, float]], fill: Colour) -> None:
        self._draw.polygon([(x * self._unit, y * self._unit) for x, y in points], fill)

    def pie(self, box: Box, start: float, end: float, fill: Colour) -> None:
        self._draw.pieslice(self._box(box), start, end, fill=fill)

    def arc(
        self, box: Box, start: float, end: float, fill: Colour, thick: float
    ) -> None:
        self._draw.arc(
            self._box(box), start, end, fill, max(1, round(thick * self._unit))
        )

    def line(
        self, points: list[tuple[float, float]], fill: Colour, thick: float
    ) -> None:
        self._draw.line(
            [(x * self._unit, y * self._unit) for x, y in points],
            fill=fill, width=max(1, round(thick * self._unit)), joint="curve",
        )  # fmt: skip

    def _box(self, box: Box) -> tuple[float, float, float, float]:
        left, top, right, bottom = (edge * self._unit for edge in box)
        return left, top, right, bottom
