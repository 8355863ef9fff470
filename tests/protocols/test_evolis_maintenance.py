"""Trays, cleaning and reset: on the emulator, and what no emulator says on scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    RemoteProtocolError,
    TransportError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.maintenance import Cleaning, ErrorTray, InputTray, OutputTray
from protocols.evolis.maintenance import Trays as TraysOf
from protocols.evolis.models import MODELS
from protocols.transports.tcp import TcpTransport
from protocols.vocabulary import CardFate
from simulators.evolis.firmware import Firmware
from tests.protocols.evolis_scripts import CLAIM, FEED, OPEN, new_driver, outcome
from tests.protocols.scripted_link import (
    Trouble,
    fails,
    poll,
    run_in_virtual_time,
    says,
)
from tests.simulators.emulator_world import World, living

BEZEL = TraysOf(InputTray.BEZEL, OutputTray.BEZEL, ErrorTray.STANDARD)
LOOK = [poll(session=0)]


def told(
    story: Callable[[World, EvolisDriver], Coroutine[Any, Any, None]], **settings: Any
) -> None:
    async def main() -> None:
        async with living(**settings) as world, asyncio.timeout(30):
            link = TcpTransport("127.0.0.1", world.port)
            driver = EvolisDriver(MODELS["Primacy"], link, session_id=7)
            try:
                await driver.open()
                await story(world, driver)
            finally:
                await driver.close()

    asyncio.run(main())


async def claimed(driver: EvolisDriver) -> None:
    await driver.open()
    await driver.claim()


# On the emulator.


def test_the_trays_are_read_set_and_read_back():
    async def story(world: World, driver: EvolisDriver) -> None:
        work = driver.maintenance
        plain = TraysOf(InputTray.FEEDER, OutputTray.STANDARD, ErrorTray.ERROR)
        assert await work.trays() == plain
        await work.set_trays(BEZEL)
        assert await work.trays() == BEZEL
        assert "(I)" in await world.text("Rcim")

    told(story)


def test_who_manages_errors_is_told():
    async def story(_: World, driver: EvolisDriver) -> None:
        assert await driver.maintenance.host_decides() is False
        await driver.claim()
        assert await driver.maintenance.host_decides() is True

    told(story)


def test_how_far_the_next_cleaning_is_moves_with_the_cards():
    async def story(_: World, driver: EvolisDriver) -> None:
        await driver.claim()
        await driver.feed()
        await driver.reject()
        await driver.release()
        assert await driver.maintenance.cleaning() == Cleaning(1, 1, 999, 1399, 0, 0)

    told(story)


def test_older_firmware_says_what_it_knows_of_its_cleaning():
    async def story(_: World, driver: EvolisDriver) -> None:
        found = await driver.maintenance.cleaning()
        assert found == Cleaning(0, None, 1000, None, 0, 0)
        assert (await driver.observe()).cards_counter == "Rco;c"

    told(story, firmware=Firmware(names_counters=False))


@pytest.mark.parametrize("names_counters", [True, False])
def test_a_cleaning_that_is_overdue_is_so_many_cards_late(names_counters):
    async def story(world: World, driver: EvolisDriver) -> None:
        for _ in range(4):
            await world.text("Sie")
        found = await driver.maintenance.cleaning()
        late = (-3, -1) if names_counters else (-3, None)
        assert (found.until_advised, found.until_overdue) == late

    told(
        story,
        firmware=Firmware(clean_after=1, clean_within=2, names_counters=names_counters),
    )


def test_a_cleaning_runs_to_its_end_and_is_counted():
    async def story(world: World, driver: EvolisDriver) -> None:
        await world.do(do="hand", act="take-ribbon")
        await world.do(do="hand", act="cleaning-card")
        await driver.claim()
        await driver.maintenance.clean()
        assert not (await driver.status()).busy
        assert (await driver.maintenance.cleaning()).done_count == 1
        await driver.release()

    told(story)


@pytest.mark.parametrize("acts", [(), ("take-ribbon",), ("cleaning-card",)])
def test_a_cleaning_that_is_not_prepared_is_refused(acts):
    async def story(world: World, driver: EvolisDriver) -> None:
        for act in acts:
            await world.do(do="hand", act=act)
        await driver.claim()
        with pytest.raises(DeviceError, match="refused Scp"):
            await driver.maintenance.clean()

    told(story)


def test_no_cleaning_begins_over_a_card():
    async def story(world: World, driver: EvolisDriver) -> None:
        await driver.claim()
        await world.text("Si")
        with pytest.raises(DeviceError, match="should be none, seen is inside"):
            await driver.maintenance.clean()

    told(story)


# On scripts.


def test_a_reset_waits_and_spends_the_driver():
    reset = [poll(), says("Srs", "OK", session=0), says("Rok", "OK", session=0)]
    driver, transport = new_driver(OPEN, CLAIM, reset)

    async def main():
        await claimed(driver)
        await driver.maintenance.reset()
        with pytest.raises(LocalProtocolError, match="was reset: open it anew"):
            await driver.status()

    took_s = run_in_virtual_time(main)
    assert took_s == pytest.approx(0.25 + 5)
    assert not transport.steps


@pytest.mark.parametrize("trouble", [Trouble.REFUSED, Trouble.CLOSED])
def test_a_printer_that_is_slow_to_come_back_is_asked_three_times(trouble):
    reset = [poll(), says("Srs", "OK", session=0)]
    gone = fails("Rok", trouble)
    driver, _ = new_driver(OPEN, CLAIM, reset, [gone, gone, says("Rok", "OK")])

    async def script(it):
        await claimed(it)
        await it.maintenance.reset()

    run_in_virtual_time(lambda: script(driver))
    driver, _ = new_driver(OPEN, CLAIM, reset, [gone, gone, gone])
    error, took_s = outcome(driver, script)
    assert isinstance(error, TransportError)
    assert took_s == pytest.approx(0.25 + 15)


@pytest.mark.parametrize(
    "text", ["F", "()", "(Z)", "(F) or (M)", "(f)", "[F]", "MODE (FF)"]
)
def test_a_tray_that_no_source_names_is_the_printers_fault(text):
    driver, _ = new_driver(OPEN, LOOK, [says("Rcim", text)])

    async def script(it):
        await it.open()
        await it.maintenance.trays()

    error, _ = outcome(driver, script)
    assert type(error) is RemoteProtocolError
    assert f"bad reply to Rcim: {text!r}, expected one letter" in str(error)


def test_a_tray_that_stays_as_it_was_is_named():
    set_ = [says(word, "OK") for word in ("Pcim;I", "Pcem;I", "Pcrm;R")]
    read = [says("Rcim", "(I)"), says("Rcem", "(D)"), says("Rcrm", "(R)")]
    driver, _ = new_driver(OPEN, CLAIM, set_, read)

    async def script(it):
        await claimed(it)
        await it.maintenance.set_trays(BEZEL)

    error, _ = outcome(driver, script)
    assert type(error) is DeviceError
    assert "OutputTray.STANDARD" in str(error)
    assert error.card is CardFate.UNTOUCHED


def test_the_count_at_the_last_cleaning_is_no_base_for_a_new_head():
    clean = (
        "rem_advised:10\nmandatory:20\nlast_periodic:500\n"
        "periodic_global:3\nadvanced_global:1"
    )
    steps = [says("Rco;clean", clean), says("Rco;card", "inserted_head:4")]
    driver, _ = new_driver(OPEN, LOOK, steps)

    async def main():
        await driver.open()
        assert await driver.maintenance.cleaning() == Cleaning(4, None, 10, 30, 3, 1)

    run_in_virtual_time(main)


def test_an_error_in_maintenance_spends_the_driver_too():
    driver, _ = new_driver(OPEN, LOOK, [fails("Rco;clean", b"OK")])

    async def main():
        await driver.open()
        with pytest.raises(RemoteProtocolError):
            await driver.maintenance.cleaning()
        with pytest.raises(LocalProtocolError, match="spent"):
            await driver.status()

    run_in_virtual_time(main)


@pytest.mark.parametrize("call", ["clean", "reset", "set_trays"])
def test_nothing_of_it_is_legal_with_a_card_under_way(call):
    driver, transport = new_driver(OPEN, CLAIM, FEED)

    async def script(it):
        await claimed(it)
        await it.feed()
        arguments = (BEZEL,) if call == "set_trays" else ()
        await getattr(it.maintenance, call)(*arguments)

    error, _ = outcome(driver, script)
    assert type(error) is LocalProtocolError
    assert error.card is CardFate.UNKNOWN
    assert not transport.steps


def test_a_cleaning_without_end_is_given_up():
    running = [poll(inf=0x20)] * 2600
    steps = [poll(), says("Scp", "OK", inf=0x20), *running]
    driver, _ = new_driver(OPEN, CLAIM, steps)

    async def script(it):
        await claimed(it)
        await it.maintenance.clean()

    error, took_s = outcome(driver, script)
    assert "still being cleaned after 600 s" in str(error)
    assert took_s == pytest.approx(600.25)
