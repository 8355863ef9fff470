"""Separation and packing against a reference that goes dot by dot."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from protocols.errors import LocalProtocolError
from protocols.evolis.raster import pack
from protocols.raster import separate
from protocols.vocabulary import CardFate, CardSide, Panel

AREA = (1016, 648)
Dot = tuple[int, int, int]


def reference(dot: Dot) -> dict[Panel, int]:
    """One dot's dye, from the rule alone."""
    red, green, blue = dot
    black = dot == (0, 0, 0)
    return {
        Panel.YELLOW: 0 if black else 255 - blue,
        Panel.MAGENTA: 0 if black else 255 - green,
        Panel.CYAN: 0 if black else 255 - red,
        Panel.BLACK: 255 if black else 0,
        Panel.OVERLAY: 255,
    }


def nearest(image: Image.Image, x: int, y: int, area: tuple[int, int]) -> Dot:
    """The picture's dot at a place of the area; outside it, its nearest dot."""
    left, top = (area[0] - image.width) // 2, (area[1] - image.height) // 2
    inside_x = min(max(x - left, 0), image.width - 1)
    inside_y = min(max(y - top, 0), image.height - 1)
    dot = image.getpixel((inside_x, inside_y))
    assert isinstance(dot, tuple)
    return (int(dot[0]), int(dot[1]), int(dot[2]))


def separated(image: Image.Image, area: tuple[int, int] = AREA, **options):
    return separate(
        image,
        side=CardSide.FRONT,
        panels=tuple(Panel),
        width_px=area[0],
        height_px=area[1],
        **options,
    )


def noise(size: tuple[int, int], seed: int = 1) -> Image.Image:
    data = bytearray(random.Random(seed).randbytes(size[0] * size[1] * 3))
    for at in range(0, len(data), 21):  # a seventh of the dots is pure black
        data[at : at + 3] = bytes(3)
    return Image.frombytes("RGB", size, bytes(data[: size[0] * size[1] * 3]))


dots = st.sampled_from([0, 1, 127, 254, 255])


@given(
    st.integers(1, 9),
    st.integers(1, 7),
    st.integers(0, 4),
    st.integers(0, 3),
    st.data(),
)
def test_small_pictures_are_exact_at_every_dot(width, height, more_x, more_y, data):
    raw = data.draw(
        st.lists(dots, min_size=width * height * 3, max_size=width * height * 3)
    )
    image = Image.frombytes("RGB", (width, height), bytes(raw))
    area = (width + more_x, height + more_y)
    planes = separated(image, area).planes
    for x in range(area[0]):
        for y in range(area[1]):
            expected = reference(nearest(image, x, y, area))
            assert {
                panel: planes[panel].getpixel((x, y)) for panel in Panel
            } == expected


def test_a_finished_picture_is_exact_with_its_corners_and_its_bleed():
    image = noise((1011, 638))
    planes = separated(image).planes
    draw = random.Random(2)
    places = [(x, y) for x in (0, 1, 2, 1012, 1013, 1015) for y in (0, 4, 5, 642, 647)]
    places += [(draw.randrange(1016), draw.randrange(648)) for _ in range(3000)]
    for place in places:
        expected = reference(nearest(image, *place, AREA))
        assert {panel: planes[panel].getpixel(place) for panel in Panel} == expected


def test_near_black_stays_dye():
    planes = separated(Image.new("RGB", (1, 1), (0, 0, 1)), (1, 1)).planes
    assert planes[Panel.BLACK].getpixel((0, 0)) == 0
    assert planes[Panel.CYAN].getpixel((0, 0)) == 255
    assert planes[Panel.YELLOW].getpixel((0, 0)) == 254


@pytest.mark.parametrize(("overlay", "dye"), [(True, 255), (False, 0)])
def test_the_overlay_covers_all_or_nothing(overlay, dye):
    plane = separated(noise((1011, 638)), overlay=overlay).planes[Panel.OVERLAY]
    assert plane.getextrema() == (dye, dye)


def test_only_the_panels_of_the_ribbon_are_made():
    planes = separate(
        noise((8, 8)), side=CardSide.BACK, panels=[Panel.BLACK], width_px=8, height_px=8
    )
    assert planes.side is CardSide.BACK
    assert list(planes.planes) == [Panel.BLACK]


@pytest.mark.parametrize(
    ("dot", "resin"),
    [
        ((0, 0, 0), 255),
        ((127, 127, 127), 255),
        ((128, 128, 128), 0),
        ((255, 0, 0), 255),  # luma 76
        ((0, 255, 0), 0),  # luma 150
        ((255, 255, 255), 0),
    ],
)
@pytest.mark.parametrize("panels", [(Panel.BLACK,), (Panel.BLACK, Panel.OVERLAY)])
def test_a_ribbon_without_dyes_prints_what_is_darker_than_half(dot, resin, panels):
    image = Image.new("RGB", (4, 4), dot)
    made = separate(image, side=CardSide.FRONT, panels=panels, width_px=6, height_px=6)
    assert list(made.planes) == list(panels)
    assert made.planes[Panel.BLACK].getextrema() == (resin, resin)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("L", (1011, 638)), "mode L, expected RGB"),
        (Image.new("RGBA", (1011, 638)), "mode RGBA, expected RGB"),
        (Image.new("RGB", (1017, 638)), "1017 × 638 px, the printer takes at most"),
        (Image.new("RGB", (1011, 649)), "1011 × 649 px, the printer takes at most"),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(image, message):
    with pytest.raises(LocalProtocolError, match=message) as caught:
        separated(image)
    assert caught.value.card is CardFate.UNTOUCHED


def test_a_dye_panel_is_the_picture_turned_clockwise_dot_by_dot():
    plane = Image.frombytes("L", AREA, random.Random(3).randbytes(1016 * 648))
    data = pack(Panel.MAGENTA, plane)
    assert len(data) == 658368
    draw = random.Random(4)
    places = [(row, col) for row in (0, 1015) for col in (0, 647)]
    places += [(draw.randrange(1016), draw.randrange(648)) for _ in range(3000)]
    for row, col in places:
        assert data[row * 648 + col] == plane.getpixel((row, 647 - col))


def test_a_one_bit_panel_is_packed_from_the_most_significant_bit():
    raw = bytes(draw & 1 and 255 for draw in random.Random(5).randbytes(1016 * 648))
    plane = Image.frombytes("L", AREA, raw)
    data = pack(Panel.BLACK, plane)
    assert len(data) == 82296
    draw = random.Random(6)
    places = [(row, col) for row in (0, 1015) for col in (0, 7, 8, 647)]
    places += [(draw.randrange(1016), draw.randrange(648)) for _ in range(3000)]
    for row, col in places:
        bit = data[row * 81 + col // 8] >> (7 - col % 8) & 1
        assert bit == (plane.getpixel((row, 647 - col)) == 255)


def test_the_first_dot_sent_is_the_bottom_left_of_the_card():
    plane = Image.new("L", AREA, 0)
    plane.putpixel((0, 647), 255)
    assert pack(Panel.CYAN, plane)[:2] == b"\xff\x00"
    assert pack(Panel.BLACK, plane)[:2] == b"\x80\x00"


@pytest.mark.parametrize(("dye", "byte"), [(0, b"\x00"), (255, b"\xff")])
def test_a_panel_of_one_value_is_whole(dye, byte):
    assert pack(Panel.OVERLAY, Image.new("L", AREA, dye)) == byte * 82296


@pytest.mark.parametrize(("reach", "left"), [(1000, 5), (1010, 0), (999, 6)])
def test_of_a_whole_card_the_edges_that_a_printer_does_not_reach_stay_out(reach, left):
    image = Image.new("RGB", (1011, 638), (255, 255, 255))
    image.putpixel((left, 0), (0, 0, 0))
    made = separate(
        image, side=CardSide.FRONT, panels=(Panel.BLACK,), width_px=reach, height_px=642
    )
    plane = made.planes[Panel.BLACK]
    assert plane.size == (reach, 642)
    assert plane.getpixel((0, 2)) == 255
    assert plane.getpixel((1, 2)) == 0


@pytest.mark.parametrize("size", [(998, 642), (1011, 625)])
def test_a_printer_that_reaches_too_little_of_a_card_prints_none_of_it(size):
    image = Image.new("RGB", (1011, 638))
    with pytest.raises(LocalProtocolError, match="the printer takes at most"):
        separate(
            image,
            side=CardSide.FRONT,
            panels=(Panel.BLACK,),
            width_px=size[0],
            height_px=size[1],
        )
