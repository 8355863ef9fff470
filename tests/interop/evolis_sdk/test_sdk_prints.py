"""What the vendor's SDK prints comes out of the emulator as the picture it was given.

The SDK bends tones and sharpens edges before it sends; measured here, a face differs
from what was given by 0.8 of 255 in the mean, most in dye beside an edge. Flat areas
and resin come through as they are.
"""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.interop.evolis_sdk.conftest import CORNERS

MEAN_MAX = 4.0
BLACK_TEXT = (320, 100, 900, 260)


def printed(folder, name):
    with Image.open(folder / name) as picture:
        return picture.convert("RGB")


def given(path):
    with Image.open(path) as picture:
        return picture.convert("RGB")


def mean_difference(one, other):
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def black(picture):
    """A mask of what is pure black."""
    lightest = ImageChops.lighter(
        ImageChops.lighter(picture.getchannel("R"), picture.getchannel("G")),
        picture.getchannel("B"),
    )
    return lightest.point([255] + [0] * 255)


def assert_same_face(picture, original):
    assert picture.size == original.size
    assert mean_difference(picture, original) <= MEAN_MAX
    for colour, place in zip(
        CORNERS, ((1, 1), (1014, 1), (1, 646), (1014, 646)), strict=True
    ):
        assert picture.getpixel(place) == colour
    text = black(picture.crop(BLACK_TEXT))
    assert text.tobytes() == black(original.crop(BLACK_TEXT)).tobytes()


@pytest.fixture
def cards(tmp_path):
    return tmp_path / "cards"


@pytest.fixture
def printer(sdk, machine, cards):
    return machine(cards_directory=cards)


def test_a_card_in_colour_comes_out_as_it_was_given(client, printer, front, cards):
    assert client.print(front) == "OK"
    card = printer.card()
    assert (card["place"], card["state"]) == ("output", "complete")
    assert card["marks"] == {"front": list("ymcko")}
    assert_same_face(printed(cards, *card["png"]), given(front))
    assert client.state == "READY/PRINTER_READY"
    assert client("get_ribbon_info")["remaining"] == 299


def test_a_card_with_two_sides_uses_two_sets(client, printer, front, back, cards):
    assert client.print(front, back) == "OK"
    card = printer.card()
    assert (card["place"], card["state"]) == ("output", "complete")
    assert card["marks"] == {"front": list("ymcko"), "back": list("ymcko")}
    names = card["png"]
    assert_same_face(printed(cards, names[0]), given(front))
    assert_same_face(printed(cards, names[1]), given(back))
    assert client("get_ribbon_info")["remaining"] == 298


def test_one_card_after_another(client, printer, front, back):
    assert [client.print(face) for face in (front, back, front)] == ["OK"] * 3
    places = printer.truth()["places"]
    assert (places["output"], places["path"], places["hopper"]) == (3, 0, 97)
    first, second, third = (printer.card(number)["digest"] for number in (1, 2, 3))
    assert first == third != second
