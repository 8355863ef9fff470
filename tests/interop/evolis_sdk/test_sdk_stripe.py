"""The vendor's SDK writes magnetic stripes, reads them back, and is told of trouble."""

from __future__ import annotations

import pytest

from tests.interop.evolis_sdk.sdk_world import Client

TRACKS = (("ISO1", "CONTOH/UJI"), ("ISO2", "1234567890"), ("ISO3", "987=654"))
FORMATS = ("ISO1", "ISO2", "ISO3")
READY = "READY/PRINTER_READY"


@pytest.fixture
def printer(sdk, machine):
    """With a magnetic encoder."""
    return machine(magnetic=True)


def test_what_is_written_is_on_the_card_and_is_read_back(client, printer):
    assert client("get_info")["hasMagEnc"]
    assert client.write_tracks(*TRACKS) == "OK"
    assert client.read_tracks(*FORMATS) == ["OK", *(text for _, text in TRACKS)]
    assert client("eject_card")
    card = printer.card()
    assert (card["place"], card["state"]) == ("output", "blank")
    assert card["tracks"] == {
        str(number): text for number, (_, text) in enumerate(TRACKS, 1)
    }


def test_either_coercivity_is_taken(client, printer):
    assert client.write_tracks(("ISO1", "CONTOH"), coercivity="LOCO") == "OK"
    assert client.write_tracks(("ISO1", "UJI"), coercivity="HICO") == "OK"
    assert client.read_tracks("ISO1")[1] == "UJI"


def test_a_stripe_without_data_is_told_from_one_that_cannot_be_read(client, printer):
    blank = ["MAG_EBLANK", *["ERROR BLANK TRACK"] * 3]
    assert client.read_tracks(*FORMATS) == blank
    assert client.state == READY
    assert printer.truth()["places"]["path"] == 1


def test_data_that_a_track_cannot_hold_moves_no_card(client, printer):
    assert client.write_tracks(("ISO2", "ABC")) == "MAG_EDATA"
    assert client.state == READY
    assert printer.truth()["places"]["hopper"] == 100


def test_a_stripe_that_does_not_hold_is_an_error_until_the_card_is_away(
    client, printer
):
    printer.do(do="fault", kind="magstripe-write")
    assert client.write_tracks(*TRACKS) == "MAG_ERROR"
    assert client.state == "ERROR/ERR_WRITE_MAGNETIC"
    assert "tracks" not in printer.card()
    printer.do(do="clear", kind="magstripe-write")
    assert client("reject_card")
    assert client("clear_mechanical_errors")
    assert client.state == READY
    assert printer.card()["place"] == "reject-bin"
    assert client.write_tracks(*TRACKS) == "OK"


def test_a_printer_without_an_encoder_writes_nothing(sdk, machine):
    plain = machine()
    client = Client(sdk, plain.uri(), name="plain")
    assert client.write_tracks(*TRACKS) == "EUNSUPPORTED"
    assert plain.truth()["places"]["hopper"] == 100
    client.close()
