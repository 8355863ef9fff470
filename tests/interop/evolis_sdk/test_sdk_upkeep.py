"""The vendor's SDK resets the printer, and reads when it is to be cleaned."""

from __future__ import annotations

import pytest

from simulators.evolis.firmware import Firmware
from tests.conftest import wait_until
from tests.interop.evolis_sdk.sdk_world import Client

INF_RESET = 0x0001_0000
GONE_S = 1.5


def test_a_reset_ends_when_the_printer_has_been_away_and_is_back(sdk, client, printer):
    assert client("set_error_management", "ErrorManagement.SOFTWARE")
    assert client("clear_mechanical_errors")  # it then no longer says: restarted
    client.begin("reset", 0)
    wait_until(lambda: printer.poll().information & INF_RESET, "Srs has come")
    printer.do(do="power", on=False)
    assert not client.answers_within(GONE_S), "it waits for the printer"
    printer.do(do="power", on=True)
    assert client.end() == {"value": True, "error": "OK"}
    assert client("get_error_management") == "PRINTER"


@pytest.mark.parametrize("names_counters", [True, False])
def test_the_cleaning_figures_are_read_from_either_firmware(
    sdk, machine, names_counters
):
    firmware = Firmware(clean_after=2, clean_within=1, names_counters=names_counters)
    printer = machine(firmware=firmware)
    client = Client(sdk, printer.uri(), name="figures")
    figures = []
    for _ in range(4):
        info = client("get_cleaning_info")
        figures.append((info["totalCardCount"], info["cardCountBeforeWarning"]))
        assert info["cardCount"] == info["totalCardCount"]
        assert info["cardCountAtLastCleaning"] == 0
        assert client("insert_card")
        assert client("eject_card")
    assert figures == [(0, 2), (1, 1), (2, 0), (3, -1)]
    clean(printer, client)
    info = client("get_cleaning_info")
    assert (info["cardCount"], info["cardCountBeforeWarning"]) == (0, 2)
    assert (info["cardCountAtLastCleaning"], info["regularCleaningCount"]) == (4, 1)
    client.close()


def clean(printer, client):
    """A person lays a cleaning card; the SDK has no name for a cycle, so its word."""
    printer.hand("take-ribbon")
    printer.hand("cleaning-card")
    assert client("send_command", "Scp") == "OK"
    wait_until(lambda: printer.truth()["counters"]["cleanings"] == 1, "cleaned")


def test_a_printer_that_gives_no_status_is_asked_to_give_it(sdk, machine, front):
    printer = machine(firmware=Firmware(shows_status=False))
    client = Client(sdk, printer.uri(), name="mute")
    assert client.state == "OFF/PRINTER_STATUS_DISABLED"
    assert client.result("get_status")["error"] == "PRINTER_NOSTATUS"
    assert client("enable_status")
    assert client.state == "READY/PRINTER_READY"
    assert client.print(front) == "OK"
    client.close()
