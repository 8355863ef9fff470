"""What a configuration may name, and the error that says so."""

from __future__ import annotations

import pytest

from protocols.contract import CountsAt, Ribbon
from protocols.evolis.models import MODELS, Fitted, name_of
from protocols.registry import UnknownPrinterError, capabilities_of, make_driver
from protocols.vocabulary import CardFate, Panel


def test_the_primacy_and_what_it_can_prove():
    primacy = capabilities_of("evolis", "Primacy")
    assert (primacy.width_px, primacy.height_px, primacy.dpi) == (1016, 648, 300)
    assert primacy.two_sided
    assert primacy.reject_bin
    assert primacy.ribbons == {
        "YMCKO": Ribbon(tuple(Panel)),
        "YMCKOK": Ribbon(tuple(Panel), back=(Panel.BLACK,)),
        "KO": Ribbon((Panel.BLACK, Panel.OVERLAY)),
        "K": Ribbon((Panel.BLACK,)),
    }
    assert primacy.feed_counter is CountsAt.FEED
    assert primacy.ribbon_counter is CountsAt.START
    assert primacy.faults_latch
    assert primacy.power_canary
    assert primacy.status_beside_job


@pytest.mark.parametrize(
    ("name", "levels", "row_dots", "resolution"),
    [
        ("Primacy", 256, 648, None),
        ("Primacy 2", 256, 648, None),
        ("Elypso", 256, 648, None),
        ("KC200", 256, 648, None),
        ("Zenius", 128, 648, None),
        ("Badgy200", 128, 562, (300, 260)),
    ],
)
def test_each_model_has_the_panels_that_its_source_gives(
    name, levels, row_dots, resolution
):
    row = MODELS[name]
    assert row.reply.casefold() == name.casefold()
    assert (row.colour_levels, row.row_dots, row.resolution) == (
        levels,
        row_dots,
        resolution,
    )


PLAIN = [name for name, row in MODELS.items() if name.upper() == row.reply]


@pytest.mark.parametrize("name", PLAIN)
def test_every_model_prints_a_whole_card_and_promises_no_more_than_is_proven(name):
    able = capabilities_of("evolis", name)
    assert (able.model, able.dpi) == (name, 300)
    assert (able.width_px, able.height_px) == (1016, 648)
    assert able.two_sided is able.reject_bin is (name == "Primacy")
    assert make_driver("evolis", name, "tcp://h:1", session_id=1).capabilities == able


@pytest.mark.parametrize(
    "uri",
    [
        "tcp://127.0.0.1:9100",
        "tcp://[::1]:9100",
        "usb://EVOLIS/Primacy?serial=1",
        "usb://0f49",
    ],
)
def test_a_driver_is_made_for_an_address_without_reaching_for_it(uri):
    driver = make_driver("evolis", "Primacy", uri, session_id=1)
    assert driver.capabilities.model == "Primacy"


@pytest.mark.parametrize(
    ("family", "model", "uri", "field", "expected"),
    [
        ("epson", "Primacy", "tcp://h:1", "family", "'evolis' or 'magicard'"),
        ("evolis", "primacy", "tcp://h:1", "model", "'Primacy'"),
        ("evolis", "Primacy", "usb://h:1", "uri", "usb://MANUFACTURER/MODEL"),
        ("evolis", "Primacy", "usb:/dev/usb/lp0", "uri", "usb://MANUFACTURER/MODEL"),
        ("evolis", "Primacy", "ipp://h:1", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "tcp://h", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "tcp://:9100", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "tcp://h:0", "uri", "1 … 65535"),
        ("evolis", "Primacy", "tcp://h:70000", "uri", "1 … 65535"),
        ("evolis", "Primacy", "tcp://h:1/x", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "tcp://me@h:1", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "tcp://[::1:9100", "uri", "tcp://HOST:PORT"),
        ("evolis", "Primacy", "", "uri", "tcp://HOST:PORT"),
    ],
)
def test_an_unknown_name_says_which_and_what_was_expected(
    family, model, uri, field, expected
):
    with pytest.raises(UnknownPrinterError) as caught:
        make_driver(family, model, uri, session_id=1)
    assert caught.value.field == field
    assert expected in str(caught.value)
    assert caught.value.card is CardFate.UNTOUCHED


@pytest.mark.parametrize("plain", PLAIN)
def test_each_model_has_a_row_for_each_way_in_which_it_can_be_fitted(plain):
    rows = [row for row in MODELS.values() if row.reply == plain.upper()]
    cans = {
        name_of(row, Fitted(two, bin_)): (two, bin_)
        for row in rows
        for two in (True, False)
        for bin_ in (True, False)
    }
    assert len(cans) == len(rows) == 4
    for name, fitted in cans.items():
        able = MODELS[name].capabilities
        assert name.startswith(plain)
        assert (able.two_sided, able.reject_bin) == fitted
        assert ("two-sided" in name) <= able.two_sided
        assert ("without reject bin" in name) <= (not able.reject_bin)
    assert plain in cans


def test_the_names_say_how_they_differ_from_the_plain_one():
    primacy = [name for name, row in MODELS.items() if row.reply == "PRIMACY"]
    assert primacy == [
        "Primacy",
        "Primacy without reject bin",
        "Primacy one-sided",
        "Primacy one-sided without reject bin",
    ]
    assert "Primacy 2 two-sided with reject bin" in MODELS
