"""Panels to picture, with panels laid out by hand from the fact sheet's drawing."""

from __future__ import annotations

from time import perf_counter

from PIL import Image

from simulators.evolis.models import MODELS
from simulators.evolis.picture import draw
from simulators.gallery import Pressing, save

PRIMACY = MODELS["Primacy"]
ROWS, DOTS = 1016, 648
WHITE = (255, 255, 255)


def dyed(value: int, *places: tuple[int, int]) -> bytes:
    """A panel with `value` at (x, y) of the landscape card and nothing elsewhere."""
    panel = bytearray(ROWS * DOTS)
    for x, y in places:
        panel[x * DOTS + (647 - y)] = value
    return bytes(panel)


def inked(*places: tuple[int, int]) -> bytes:
    panel = bytearray(ROWS * 81)
    for x, y in places:
        column = 647 - y
        panel[x * 81 + column // 8] |= 0x80 >> (column % 8)
    return bytes(panel)


def face(*panels: tuple[str, bytes]) -> Image.Image:
    return draw(PRIMACY, [Pressing(panel, data, 1.0) for panel, data in panels])


def test_an_empty_card_is_white_and_lies_in_landscape():
    picture = face(("y", dyed(0)), ("o", b"\xff" * ROWS * 81))
    assert picture.size == (1016, 648)
    assert picture.getcolors() == [(1016 * 648, WHITE)]


def test_the_first_dot_sent_is_the_lowest_of_the_leftmost_column():
    first_dot = b"\xff" + bytes(ROWS * DOTS - 1)
    assert face(("y", first_dot)).getpixel((0, 647)) == (255, 255, 0)
    last_dot = bytes(ROWS * DOTS - 1) + b"\xff"
    assert face(("y", last_dot)).getpixel((1015, 0)) == (255, 255, 0)


def test_each_dye_takes_its_own_light():
    picture = face(
        ("y", dyed(200, (10, 20))),
        ("m", dyed(100, (10, 20), (11, 20))),
        ("c", dyed(255, (12, 20))),
    )
    assert picture.getpixel((10, 20)) == (255, 155, 55)
    assert picture.getpixel((11, 20)) == (255, 155, 255)
    assert picture.getpixel((12, 20)) == (0, 255, 255)
    assert picture.getpixel((13, 20)) == WHITE


def test_resin_is_black_on_whatever_dye():
    picture = face(("y", dyed(90, (7, 7))), ("k", inked((7, 7), (300, 500))))
    assert picture.getpixel((7, 7)) == (0, 0, 0)
    assert picture.getpixel((300, 500)) == (0, 0, 0)
    assert picture.getpixel((301, 500)) == WHITE


def test_half_a_panel_is_on_the_left_half_of_the_card():
    panel = Pressing("m", b"\xff" * ROWS * DOTS, 0.5)
    picture = draw(PRIMACY, [panel])
    assert picture.getpixel((507, 300)) == (255, 0, 255)
    assert picture.getpixel((508, 300)) == WHITE


def test_a_face_is_drawn_and_written_within_its_time(tmp_path):
    panels = [Pressing(p, bytes(range(256)) * 2571 + bytes(192), 1.0) for p in "ymc"]
    panels.append(Pressing("k", b"\x0f" * ROWS * 81, 1.0))
    begun_s = perf_counter()
    save(draw(PRIMACY, panels), tmp_path / "face.png")
    assert perf_counter() - begun_s < 1.0
    with Image.open(tmp_path / "face.png") as picture:
        assert picture.size == (1016, 648)
    assert [path.name for path in tmp_path.iterdir()] == ["face.png"]
