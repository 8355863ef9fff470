"""Pictures: one dot is enough."""

from io import BytesIO

import pytest
from PIL import Image

from simulators.demo.pictures import (
    Face,
    compare_pictures,
    contact_sheet,
    first_difference,
)

FACE = Face((2, 5))
JOB = {"job_id": "J1", "sides": {"front": {"kind": "image", "part": "front"}}}


@pytest.fixture
def sent():
    image = Image.new("RGB", (1011, 638), (220, 230, 240))
    image.paste((0, 0, 0), (100, 100, 300, 120))
    return image


@pytest.fixture
def printed(sent):
    image = Image.new("RGB", (1016, 648), (9, 9, 9))
    image.paste(sent, FACE.margin)
    return image


def png(image):
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_the_same_picture_is_the_same_whatever_its_bleed(sent, printed):
    assert first_difference(sent, printed, FACE) is None


@pytest.mark.parametrize("dot", [(0, 0), (1010, 637), (500, 300)])
def test_one_dot_off_by_one_is_found_where_it_is(sent, printed, dot):
    at = (dot[0] + FACE.margin[0], dot[1] + FACE.margin[1])
    red, green, blue = printed.getpixel(at)
    printed.putpixel(at, (red, green, blue - 1))
    assert first_difference(sent, printed, FACE) == dot


@pytest.mark.parametrize(
    ("value", "shown"), [(255, 255), (252, 255), (251, 251), (0, 0)]
)
def test_of_64_levels_each_shows_four_values_as_one(value, shown):
    sent = Image.new("RGB", (1011, 638), (value,) * 3)
    face = Face((2, 2), levels=64)
    printed = Image.new("RGB", (1016, 642), (shown,) * 3)
    assert first_difference(sent, printed, face) is None
    printed.putpixel((2, 2), (shown, shown ^ 4, shown))
    assert first_difference(sent, printed, face) == (0, 0)


def test_a_difference_names_the_card_and_the_job(sent, printed, tmp_path):
    path = tmp_path / "card.png"
    parts = {"front": png(sent)}
    printed.save(path)
    assert compare_pictures(JOB, parts, "card-1", {"front": path}, FACE) == []
    printed.putpixel((2, 5), (1, 2, 3))
    printed.save(path)
    [found] = compare_pictures(JOB, parts, "card-1", {"front": path}, FACE)
    assert found == "card-1: front differs from the picture of J1, first at 0, 0"


def test_a_side_that_was_never_printed_is_found(sent):
    [found] = compare_pictures(JOB, {"front": png(sent)}, "card-1", {}, FACE)
    assert found == "card-1: no picture of the front of J1"


def test_a_sheet_shows_every_picture(printed, tmp_path):
    paths = []
    for number in range(5):
        paths.append(tmp_path / f"{number}.png")
        printed.save(paths[-1])
    contact_sheet(paths, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 4 * 300
        assert sheet.height > 2 * 200
