"""The vendor's SDK opens the emulated printer, asks it, and moves a card."""

from __future__ import annotations

import pytest

from tests.interop.evolis_sdk.sdk_world import Client


def test_it_knows_the_printer_and_what_it_has(client, printer):
    info = client("get_info")
    truth = printer.truth()
    assert info["modelName"] == "Evolis Primacy"
    assert info["serialNumber"] == truth["serial"]
    assert (info["fwVersion"], info["printHeadKitNumber"]) == ("1646", "312100000")
    assert (info["hasFlip"], info["hasEthernet"]) == (True, True)
    assert not info["hasLcd"]
    assert not info["hasSmartEnc"]


def test_it_finds_the_model_by_itself(sdk, printer):
    named = Client(sdk, printer.uri().partition("?")[0])
    assert named.opened == "OK"
    assert named("get_info")["modelName"] == "Evolis Primacy"
    named.close()


def test_it_reads_the_ribbon(client, printer):
    ribbon = client("get_ribbon_info")
    truth = printer.truth()["ribbon"]
    assert (ribbon["type"], ribbon["description"]) == ("YMCKO", "YMCKO")
    assert (ribbon["capacity"], ribbon["remaining"]) == (300, 300)
    assert ribbon["serialNumber"] == truth["serial"]
    assert ribbon["progress"] == 100


def test_cards_move_the_cleaning_figures(client):
    before = client("get_cleaning_info")
    assert client("insert_card")
    assert client("eject_card")
    after = client("get_cleaning_info")
    assert after["totalCardCount"] == before["totalCardCount"] + 1
    assert after["cardCount"] == before["cardCount"] + 1
    assert after["cardCountBeforeWarning"] == before["cardCountBeforeWarning"] - 1
    assert after["printHeadUnderWarranty"]


def test_an_idle_printer_is_ready(client):
    assert client.state == "READY/PRINTER_READY"
    status = client("get_status")
    assert (status["warning"], status["error"], status["session"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("what", "tray", "first"),
    [
        ("input_tray", "InputTray.MANUAL", "FEEDER"),
        ("output_tray", "OutputTray.MANUAL", "STANDARD"),
        ("error_tray", "OutputTray.MANUAL", "ERROR"),
    ],
)
def test_a_tray_that_is_set_is_what_is_read(client, what, tray, first):
    assert client(f"get_{what}") == first
    assert client(f"set_{what}", tray)
    assert client(f"get_{what}") == tray.partition(".")[2]


def test_a_card_is_inserted_ejected_and_rejected(client, printer):
    assert client("insert_card")
    assert printer.truth()["places"]["path"] == 1
    assert client("eject_card")
    assert printer.truth()["places"]["output"] == 1
    assert client("insert_card")
    assert client("reject_card")
    assert printer.truth()["places"]["reject-bin"] == 1


def test_nobody_at_the_port_is_an_offline_printer(client, printer):
    printer.do(do="power", on=False)
    assert client.result("get_info") == {"value": None, "error": "PRINTER_ENOCOM"}
    assert client.state == "OFF/PRINTER_OFFLINE"


def test_who_manages_errors_is_set_and_read(client):
    assert client("get_error_management") == "PRINTER"
    assert client("set_error_management", "ErrorManagement.SOFTWARE")
    assert client("get_error_management") == "SOFTWARE"
