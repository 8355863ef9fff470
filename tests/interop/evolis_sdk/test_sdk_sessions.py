"""Who holds the printer: two clients of the vendor's SDK, and our driver beside it."""

from __future__ import annotations

import asyncio

import pytest

from protocols.errors import DeviceError
from protocols.registry import make_driver
from protocols.vocabulary import CardFate, Reason, Severity, StateReason
from tests.interop.evolis_sdk.sdk_world import Client

SESSION_ID = 4711
WAIT_MS = 300
HELD_S = 45  # what the SDK asks for
BUSY = {"value": False, "error": "SESSION_EBUSY"}
DONE = {"value": True, "error": "OK"}


@pytest.fixture
def other(sdk, printer, client):
    """A second client of the same printer."""
    opened = Client(sdk, printer.uri(), name="b")
    yield opened
    if sdk.alive:
        opened.close()


def our_driver(printer):
    uri = f"tcp://127.0.0.1:{printer.world.port}"
    return make_driver("evolis", "Primacy", uri, session_id=SESSION_ID)


def nothing_has_moved(printer):
    return printer.truth()["places"]["hopper"] == 100


def test_a_client_is_refused_while_another_holds_the_printer(client, other, printer):
    assert client.result("reserve", 77, WAIT_MS) == DONE
    assert other("get_status")["session"] == 77
    assert other.result("reserve", 78, WAIT_MS) == BUSY
    assert nothing_has_moved(printer)


def test_a_print_is_refused_while_another_holds_the_printer(
    client, other, printer, front
):
    assert client.result("reserve", 77, WAIT_MS) == DONE
    assert other.print(front) == "SESSION_EBUSY"
    assert nothing_has_moved(printer)
    assert other.state == "READY/PRINTER_READY", "looking is free"


def test_a_printer_that_is_released_is_anothers(client, other):
    assert client.result("reserve", 77, WAIT_MS) == DONE
    assert client.result("release") == DONE
    assert other.result("reserve", 78, WAIT_MS) == DONE
    assert client.result("reserve", 77, WAIT_MS) == BUSY


def test_a_client_that_falls_silent_loses_the_printer(client, other, printer):
    assert client.result("reserve", 77, WAIT_MS) == DONE
    printer.do(do="step", s=HELD_S - 10)
    assert other.result("reserve", 78, WAIT_MS) == BUSY
    printer.do(do="step", s=10)
    assert other.result("reserve", 78, WAIT_MS) == DONE


def test_a_print_leaves_the_printer_to_whoever_comes(client, other, printer, front):
    assert client.print(front) == "OK"
    assert other.result("reserve", 78, WAIT_MS) == DONE
    assert other("insert_card")
    assert printer.truth()["places"]["path"] == 1


def test_the_sdk_waits_outside_while_our_driver_holds_the_printer(client, printer):
    async def hold() -> None:
        driver = our_driver(printer)
        await driver.open()
        await driver.claim()
        busy = await asyncio.to_thread(client.result, "reserve", 78, WAIT_MS)
        assert busy == BUSY
        assert await asyncio.to_thread(getattr, client, "state") == (
            "READY/PRINTER_READY"
        )
        await driver.feed()
        await driver.reject()
        await driver.release()
        await driver.close()

    asyncio.run(hold())
    assert printer.truth()["places"]["reject-bin"] == 1
    assert client.result("reserve", 78, WAIT_MS) == DONE


def test_our_driver_moves_nothing_while_the_sdk_holds_the_printer(client, printer):
    async def refused() -> DeviceError:
        driver = our_driver(printer)
        try:
            with pytest.raises(DeviceError) as caught:
                await driver.open()
                await driver.claim()
            return caught.value
        finally:
            await driver.close()

    async def admitted() -> None:
        driver = our_driver(printer)
        await driver.open()
        await driver.claim()
        await driver.release()
        await driver.close()

    assert client.result("reserve", 77, WAIT_MS) == DONE
    error = asyncio.run(refused())
    assert error.card is CardFate.UNTOUCHED
    assert error.reasons == {Reason(StateReason.PRINTER_IN_USE, Severity.ERROR)}
    assert client("get_status")["session"] == 77
    assert nothing_has_moved(printer)
    assert client.result("release") == DONE
    asyncio.run(admitted())
