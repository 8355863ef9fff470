"""Planes to picture, laid out by hand as the sheet says of each print head."""

from __future__ import annotations

from time import perf_counter

import pytest

from simulators.gallery import Pressing
from simulators.magicard.models import MODELS
from simulators.magicard.picture import draw
from tests.simulators.magicard_world import HEADS

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
FULL = 63


def face(model: str, *planes: tuple[str, dict[tuple[int, int], int]]):
    head = HEADS[model]
    pressings = [Pressing(name, head.plane(name, dots), 1.0) for name, dots in planes]
    return draw(MODELS[model], pressings)


def place(model: str, x: int, y: int) -> tuple[int, int]:
    """Line and dot of the head for a pixel of the landscape card."""
    if model == "Enduro":
        return HEADS[model].line_count - 1 - x, 15 + y
    return x, 15 + 641 - y


@pytest.mark.parametrize("model", HEADS)
def test_each_dot_of_a_plane_gets_to_its_place(model):
    width = HEADS[model].line_count
    corners = [(0, 0), (width - 1, 0), (0, 641), (width - 1, 641)]
    inner = [(1, 272), (2, 273), (3, 287), (4, 289), (5, 303), (6, 7), (7, 600)]
    for x, y in (*corners, *inner):
        picture = face(model, ("c", {place(model, x, y): FULL}))
        assert picture.size == (width, 642)
        assert picture.getpixel((x, y)) == (0, 255, 255)
        assert sorted(picture.getcolors()) == [
            (1, (0, 255, 255)),
            (width * 642 - 1, WHITE),
        ]


@pytest.mark.parametrize("model", HEADS)
def test_a_density_is_six_bits_the_lowest_first(model):
    dots = {place(model, x, 300): x for x in range(64)}
    picture = face(model, ("m", dots))
    greens = [picture.getpixel((x, 300))[1] for x in range(64)]
    assert greens == [255 - x * 255 // 63 for x in range(64)]


@pytest.mark.parametrize("model", HEADS)
def test_the_letters_are_the_colours_and_resin_is_black(model):
    dots = [place(model, x, 9) for x in range(4)]
    planes = [(name, {dot: FULL}) for name, dot in zip("ymck", dots, strict=True)]
    picture = face(model, *planes)
    seen = [picture.getpixel((x, 9)) for x in range(4)]
    assert seen == [(255, 255, 0), (255, 0, 255), (0, 255, 255), BLACK]


def test_the_margins_of_the_head_are_not_on_the_card():
    dots = {(5, dot): FULL for dot in (*range(15), *range(657, 672))}
    assert face("Alto", ("y", dots)).getcolors() == [(1000 * 642, WHITE)]


def test_half_a_plane_is_half_a_card():
    head, model = HEADS["Tango 2e"], MODELS["Tango 2e"]
    picture = draw(model, [Pressing("y", head.plain("y", 255), 0.5)])
    assert picture.getpixel((507, 0)) == (255, 255, 0)
    assert picture.getpixel((508, 0)) == WHITE


def test_the_self_tests_panels_and_the_overcoat_can_be_drawn():
    head, model = HEADS["Enduro"], MODELS["Enduro"]
    pressings = [Pressing(name, head.plain(name, 0xF0), 1.0) for name in "ymck"]
    pressings.append(Pressing("o", b"", 1.0))
    begun = perf_counter()
    assert draw(model, pressings).size == (1016, 642)
    assert perf_counter() - begun < 5
