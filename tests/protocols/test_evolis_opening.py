"""Reaching a printer and making it ours: what is checked before any card moves."""

from __future__ import annotations

import pytest

from protocols.errors import (
    DeviceError,
    RemoteProtocolError,
    TransportError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.vocabulary import (
    CardFate,
    PrinterState,
)
from tests.protocols.evolis_scripts import (
    CLAIM,
    INSIDE,
    OPEN,
    PRINTING,
    claimed,
    new_driver,
    outcome,
)
from tests.protocols.scripted_link import (
    ScriptedTransport,
    Trouble,
    fails,
    poll,
    run_in_virtual_time,
    says,
    status,
)

# Opening.


def test_a_printer_without_trailer_is_asked_for_it_once():
    bare = poll(b"\x00", session=0)
    driver, transport = new_driver([bare, says("Pps;1", "OK", session=0)], OPEN)
    run_in_virtual_time(lambda: driver.open())
    assert not transport.steps


def test_a_printer_that_gives_no_trailer_even_then_is_refused():
    bare = poll(b"\x00")
    driver, _ = new_driver([bare, fails("Pps;1", b"OK\x00"), bare])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is RemoteProtocolError
    assert error.card is CardFate.UNTOUCHED
    assert "no status trailer" in str(error)


def test_a_printer_that_refuses_to_give_a_trailer_is_refused():
    driver, _ = new_driver([poll(b"\x00"), fails("Pps;1", b"ERROR CDE\x00")])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is RemoteProtocolError
    assert "bad reply to Pps;1: 'ERROR CDE', expected 'OK'" in str(error)


def test_another_model_is_refused_by_both_names():
    driver, _ = new_driver([*OPEN[:2], says("Rtp", "Zenius", session=0)])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is DeviceError
    assert "'Zenius'" in str(error)
    assert "'Primacy'" in str(error)
    assert error.card is CardFate.UNTOUCHED


@pytest.mark.parametrize(
    ("cfg", "fitted", "name"),
    [
        (0x00002020, "one-sided with reject bin", "Primacy one-sided"),
        (0x00102000, "two-sided without", "Primacy without reject bin"),
        (0x00000000, "one-sided without", "Primacy one-sided without reject bin"),
    ],
)
def test_what_is_promised_and_not_fitted_is_refused_with_the_name_to_configure(
    cfg, fitted, name
):
    named = says("Rtp", "Primacy", session=0, cfg=cfg)
    driver, _ = new_driver([*OPEN[:2], named])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is DeviceError
    assert "'Primacy', two-sided with reject bin" in str(error)
    assert f"is {fitted}" in str(error)
    assert f"configure {name!r}" in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_what_is_fitted_and_not_promised_is_left_unused():
    transport = ScriptedTransport(OPEN)
    row = MODELS["Primacy one-sided without reject bin"]
    driver = EvolisDriver(row, transport, session_id=7)
    run_in_virtual_time(driver.open)
    assert not transport.steps


def test_nothing_is_said_beside_another_hosts_session():
    driver, transport = new_driver([poll(session=9), poll(session=9)])
    error, _ = outcome(driver, lambda it: it.open())
    assert isinstance(error, DeviceError)
    assert {str(reason) for reason in error.reasons} == {"x-printer-in-use-error"}
    assert transport.writes == []


def test_a_foreign_session_is_a_state_to_look_at():
    driver, _ = new_driver(OPEN, [poll(session=9)])

    async def main():
        await driver.open()
        seen = await driver.status()
        assert seen.session_foreign
        assert seen.state is PrinterState.PROCESSING

    run_in_virtual_time(main)


def test_an_absent_printer_is_a_transport_error_and_no_card():
    driver, _ = new_driver([poll(Trouble.REFUSED)])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is TransportError
    assert error.card is CardFate.UNTOUCHED


@pytest.mark.parametrize(
    "reply",
    [
        Trouble.CLOSED,
        Trouble.SILENT,
        b"\x00" + status(session=0),
        b"OK\x00" + status(session=0),
        b"ERROR PARAMETRES\x00" + status(session=0),
        (b"ERROR PARAMETRES\x00" + status() + b"PRIMACY\x00" + status()),
        b"PRIMACY\x00",
    ],
)
def test_an_answer_that_is_not_a_name_says_out_of_step_and_is_the_last_word(reply):
    driver, transport = new_driver([*OPEN[:2], fails("Rtp", reply)])
    error, _ = outcome(driver, lambda it: it.open())
    assert type(error) is RemoteProtocolError
    assert "Rtp" in str(error)
    assert "out of step" in str(error)
    assert str(error).endswith("switch it off and on")
    assert error.card is CardFate.UNTOUCHED
    assert not transport.steps


def test_a_printer_at_work_is_watched_and_left_alone_until_it_rests():
    driver, transport = new_driver(
        [*OPEN[:1], *[poll(inf=PRINTING)] * 8, poll(inf=0x80000000)], OPEN[1:]
    )
    took_s = run_in_virtual_time(driver.open)
    assert took_s == pytest.approx(9 * 0.25)
    assert not transport.steps


def test_work_without_end_is_named_and_nothing_was_said():
    looks = [poll(inf=0x80000001)] * 400
    driver, transport = new_driver(looks)
    error, took_s = outcome(driver, lambda it: it.open())
    assert type(error) is DeviceError
    assert "still at work after 90 s: INF_CLAIM, INF_BUSY" in str(error)
    assert took_s == pytest.approx(90)
    assert transport.writes == []


def test_a_fault_ends_the_work_and_the_wait_for_it():
    jammed = poll(inf=PRINTING, err=0x01000000)
    driver, transport = new_driver([poll(), jammed], OPEN[2:])
    assert run_in_virtual_time(driver.open) == 0
    assert not transport.steps


def test_a_host_that_comes_in_between_looks_is_respected():
    driver, transport = new_driver([poll(), poll(inf=PRINTING), poll(session=9)])
    error, _ = outcome(driver, lambda it: it.open())
    assert {str(one) for one in error.reasons} == {"x-printer-in-use-error"}
    assert transport.writes == []


def test_a_card_inside_makes_even_a_failed_look_a_doubt():
    driver, _ = new_driver([poll(), poll(inf=INSIDE), fails("Rtp", Trouble.CLOSED)])
    error, _ = outcome(driver, lambda it: it.open())
    assert error.card is CardFate.UNKNOWN


# Claiming.


def test_a_reservation_that_is_only_said_is_none():
    waits = [poll(session=0)] * 30
    driver, _ = new_driver(OPEN, CLAIM[:2], waits)
    error, took_s = outcome(driver, claimed)
    assert type(error) is RemoteProtocolError
    assert took_s == pytest.approx(5.0)
    assert error.card is CardFate.UNTOUCHED


def test_a_host_that_was_faster_is_named():
    driver, _ = new_driver(OPEN, CLAIM[:2], [poll(session=300)])
    error, _ = outcome(driver, claimed)
    assert "300" in str(error)
    assert {str(reason) for reason in error.reasons} == {"x-printer-in-use-error"}


def test_a_printer_that_keeps_its_own_retries_gets_no_card():
    driver, _ = new_driver(OPEN, CLAIM[:-1], [says("Rem;1", "0")])
    error, _ = outcome(driver, claimed)
    assert isinstance(error, DeviceError)
    assert "own retries" in str(error)
    assert error.card is CardFate.UNTOUCHED
