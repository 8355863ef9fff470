"""What the vendor's SDK prints comes out as the picture that it was given."""

from __future__ import annotations

from functools import partial

import pytest
from PIL import Image

from tests.interop.evolis_sdk.pictures import SIZE
from tests.interop.evolis_sdk.print_table import PRINTS, print_card, shortcomings
from tests.interop.evolis_sdk.sdk_world import side_by_side

PRINT_S = 60.0


@pytest.fixture(scope="module")
def prints(sdks, tmp_path_factory):
    """What became of each card of the table, as soon as it has been printed."""
    folder = tmp_path_factory.mktemp("prints")
    jobs = {
        what: partial(print_card, folder / str(number), what)
        for number, what in enumerate(PRINTS)
    }
    with side_by_side(jobs) as begun:
        yield begun


@pytest.mark.parametrize("what", PRINTS, ids=lambda what: what.name)
def test_a_card_comes_out_as_it_was_given(prints, what):
    assert shortcomings(what, prints[what].result(PRINT_S)) == []


def test_a_card_uses_one_set_a_side(client, printer, front, back):
    assert client.print(front) == "OK"
    assert client("get_ribbon_info")["remaining"] == 299
    assert client.print(front, back) == "OK"
    assert client("get_ribbon_info")["remaining"] == 297


def test_one_card_after_another(client, printer, front, back):
    assert [client.print(face) for face in (front, back, front)] == ["OK"] * 3
    places = printer.truth()["places"]
    assert (places["output"], places["path"], places["hopper"]) == (3, 0, 97)
    first, second, third = (printer.card(number)["digest"] for number in (1, 2, 3))
    assert first == third != second


def test_a_panel_that_nothing_is_printed_of_is_not_sent(client, printer, tmp_path):
    Image.new("RGB", SIZE, (255, 200, 255)).save(tmp_path / "magenta.bmp")
    assert client.print(tmp_path / "magenta.bmp") == "OK"
    card = printer.card()
    assert (card["place"], card["marks"]) == ("output", {"front": ["m", "o"]})
