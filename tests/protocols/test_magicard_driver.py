"""The driver and a printer on paper: order of bytes, ends, a fate for each error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from PIL import Image

from agent.lifecycle.recovery import settled
from protocols.contract import SidePlanes
from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    PrinterError,
    RemoteProtocolError,
    TransportError,
)
from protocols.magicard.driver import MagicardDriver
from protocols.vocabulary import CardFate, CardPosition, CardSide, Panel, PrinterState
from tests.protocols.magicard_paper import (
    BUSY,
    ERROR,
    NOT_FED,
    PaperPrinter,
    card_for,
    driver_of,
)
from tests.protocols.scripted_link import run_in_virtual_time

Script = Callable[[MagicardDriver], Awaitable[object]]


def play(printer: PaperPrinter, script: Script, model: str = "Enduro") -> float:
    return run_in_virtual_time(lambda: script(driver_of(printer, model)))


def failure(
    printer: PaperPrinter, script: Script, model: str = "Enduro"
) -> PrinterError:
    with pytest.raises(PrinterError) as caught:
        play(printer, script, model)
    return caught.value


async def opened(driver: MagicardDriver) -> None:
    await driver.open()


async def whole_card(driver: MagicardDriver) -> None:
    await driver.open()
    await driver.claim()
    card = card_for(driver)
    await driver.send_job(card)
    await driver.send_last()
    await driver.finish_print()


def test_a_card_is_one_job_between_looks_and_its_end_is_waited_for():
    printer = PaperPrinter()

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        canary = await driver.claim()
        before = await driver.observe()
        assert before.canary == canary
        card = card_for(driver)
        del printer.said[:]
        await driver.send_job(card)
        assert (await driver.status()).busy
        assert printer.said == ["port", "ERR", "INF", "job", "port"]
        await driver.send_last()
        assert printer.said[-1] == "end"
        await driver.finish_print()
        after = await driver.observe()
        await driver.release()
        await driver.claim()
        assert (before.cards_fed, after.cards_fed) == (1204, 1205)
        assert after.canary == canary

    took_s = play(printer, script)
    assert 30 <= took_s < 45
    assert printer.done.startswith(64 * b"\x05" + b"\x01,NOC1,VER1.0-G1.23,")


def test_what_the_printer_says_of_itself_and_its_film_is_observed():
    async def script(driver: MagicardDriver) -> None:
        identity = await driver.open()
        seen = await driver.observe()
        assert identity == seen.identity
        assert (identity.serial, identity.head_serial) == ("SN1", "PH1")
        assert seen.supplies.ribbon_kind == "YMCKO"
        assert (seen.supplies.ribbon_left, seen.supplies.ribbon_capacity) == (202, 300)
        assert seen.status.state is PrinterState.IDLE
        assert seen.status.card is CardPosition.UNSENSED
        assert await driver.observe() == seen

    play(PaperPrinter(), script)


def test_a_panel_that_was_pressed_between_two_looks_shows_that_it_is_at_work():
    printer = PaperPrinter(has_port=False)

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        able = driver.capabilities
        first, second = await driver.observe(), await driver.observe()
        assert settled(first, second, able.settle_gap_s, able)
        printer.panels += 1
        third = await driver.observe()
        assert (third.cards_fed, third.status) == (first.cards_fed, first.status)
        assert not settled(second, third, able.settle_gap_s, able)

    play(printer, script)


def test_a_new_link_is_a_new_power_session_for_all_that_can_be_told():
    printer, canaries = PaperPrinter(), []

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        canaries.append((await driver.observe()).canary)

    play(printer, script)
    play(printer, script)
    assert canaries[0] != canaries[1]


@pytest.mark.parametrize(
    ("printer", "model", "words"),
    [
        (PaperPrinter(model="Alto"), "Enduro", "calls itself 'Alto'"),
        (PaperPrinter(head_type=1), "Enduro", "print head of type 1"),
        (PaperPrinter(bits=1), "Enduro two-sided", "prints one side"),
    ],
)
def test_another_printer_than_configured_is_refused_in_words(printer, model, words):
    error = failure(printer, opened, model)
    assert isinstance(error, DeviceError)
    assert words in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_a_job_of_a_dead_process_is_let_end_before_a_byte_is_sent():
    printer = PaperPrinter(busy_until_s=100.0)
    assert 100 <= play(printer, opened) < 105
    assert printer.said.index("INF") > printer.said.count("port") - 5
    assert "reset" not in printer.said


def test_a_printer_that_waits_for_the_rest_of_a_job_is_reset_and_never_fed_requests():
    printer = PaperPrinter(busy_until_s=1e9)
    assert 180 <= play(printer, opened) < 185
    assert "INF" not in printer.said[: printer.said.index("reset")]
    stuck = PaperPrinter(busy_until_s=1e9, resets=False)
    error = failure(stuck, opened)
    assert "busy for 180 s, and after a reset" in str(error)
    assert not {"INF", "ERR"} & set(stuck.said)


def test_a_question_that_is_swallowed_resets_the_port():
    printer = PaperPrinter(silent=True)
    error = failure(printer, opened)
    assert isinstance(error, TransportError)
    assert "no reply to REQ,INF within 5 s" in str(error)
    assert printer.said[-1] == "reset"


def test_a_reply_that_a_dead_process_left_is_passed_over():
    stale = b"\x01STAPrinter status OK.\n00:00\n(c0300)\x03"
    play(PaperPrinter(stale=stale), opened)
    error = failure(PaperPrinter(babbles=True), opened)
    assert "talks without being asked" in str(error)


def test_noise_before_a_reply_is_passed_over_within_a_bound():
    play(PaperPrinter(before=64 * b"\x05"), opened)
    error = failure(PaperPrinter(before=65 * b"\x05"), opened)
    assert isinstance(error, RemoteProtocolError)
    assert "no SOH" in str(error)


@pytest.mark.parametrize("cut_at", range(0, 105, 7))
def test_a_reply_cut_at_any_byte_ends_the_wait_with_a_name(cut_at):
    error = failure(PaperPrinter(cut_at=cut_at), opened)
    assert isinstance(error, TransportError)
    assert "within 5 s" in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_a_fault_before_the_job_leaves_the_blank_untouched():
    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        await driver.claim()
        printer.port, printer.fault = ERROR, NOT_FED
        await driver.send_job(card_for(driver))

    printer = PaperPrinter()
    error = failure(printer, script)
    assert isinstance(error, DeviceError)
    assert error.card is CardFate.UNTOUCHED
    assert [str(one) for one in error.reasons] == ["media-needed-error"]
    assert "Card not fed. (11:01)" in str(error)
    assert "job" not in printer.said


def test_a_busy_printer_takes_no_job():
    printer = PaperPrinter()

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        printer.port = BUSY
        await driver.claim()

    error = failure(printer, script)
    assert "is busy" in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_a_printer_that_stops_in_the_midst_of_a_job_is_seen_beside_it():
    error = failure(PaperPrinter(stops_at=100_000), whole_card)
    assert isinstance(error, DeviceError)
    assert [str(one) for one in error.reasons] == ["other-error"]
    assert error.card is CardFate.UNKNOWN


@pytest.mark.parametrize("size", [1, 66, 400, 1_000_000])
def test_a_cable_pulled_in_a_job_leaves_the_card_unknown(size):
    printer = PaperPrinter(unplugged_at=size)
    error = failure(printer, whole_card)
    assert isinstance(error, TransportError)
    assert error.card is CardFate.UNKNOWN


def test_a_job_that_is_dropped_is_not_waited_for_for_ever():
    error = failure(PaperPrinter(begins=False), whole_card)
    assert "dropped the job" in str(error)
    assert error.card is CardFate.UNKNOWN


def test_a_card_without_end_is_given_up_after_the_longest():
    error = failure(PaperPrinter(print_s=1e6), whole_card)
    assert "still printing after 180 s" in str(error)


def test_a_fault_while_printing_is_told_with_the_printers_own_words():
    printer = PaperPrinter()

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        await driver.claim()
        await driver.send_job(card_for(driver))
        await driver.send_last()
        printer.port, printer.fault = ERROR, "Ribbon?\n20:07\n(c0201)"
        await driver.finish_print()

    error = failure(printer, script)
    assert isinstance(error, DeviceError)
    assert "Ribbon? (20:07)" in str(error)
    assert error.card is CardFate.UNKNOWN


def test_the_head_position_moves_the_card_along_the_head():
    cards = []

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        able = driver.capabilities
        plane = Image.new("L", (able.width_px, able.height_px), 255)
        side = SidePlanes(CardSide.FRONT, {Panel.BLACK: plane})
        cards.append(driver.prepare([side], "K"))

    play(PaperPrinter(), script)
    play(PaperPrinter(head_position=55), script)
    assert cards[0].digest != cards[1].digest


def test_a_fault_is_cleared_by_a_person_and_no_byte_of_ours():
    printer = PaperPrinter()

    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        await driver.clear_fault()
        printer.port, printer.fault = ERROR, NOT_FED
        assert (await driver.status()).state is PrinterState.STOPPED
        await driver.clear_fault()

    error = failure(printer, script)
    assert "still up: Card not fed" in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_a_driver_is_spent_after_its_first_error_and_steps_have_their_order():
    async def script(driver: MagicardDriver) -> None:
        with pytest.raises(LocalProtocolError, match="not open"):
            await driver.status()
        await driver.open()
        with pytest.raises(LocalProtocolError, match="expected"):
            await driver.send_last()
        with pytest.raises(LocalProtocolError, match="spent"):
            await driver.status()

    play(PaperPrinter(), script)


def test_it_has_no_reject_bin():
    async def script(driver: MagicardDriver) -> None:
        await driver.open()
        await driver.reject()

    assert "no reject bin" in str(failure(PaperPrinter(), script))


def test_a_link_without_port_status_prints_by_its_answers_alone():
    printer = PaperPrinter(has_port=False)

    async def script(driver: MagicardDriver) -> None:
        assert not driver.capabilities.status_beside_job
        await whole_card(driver)

    play(printer, script)
    assert printer.cards == 1205
    assert "port" not in printer.said
