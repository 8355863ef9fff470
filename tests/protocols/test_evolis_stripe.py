"""The magnetic stripe: written and read back, refused by name, and shown to nobody."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import (
    DeviceError,
    LocalProtocolError,
    PrinterError,
    RemoteProtocolError,
)
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.magnetic import TRACKS, Coercivity, check_tracks
from protocols.evolis.models import MODELS
from protocols.transports.tcp import TcpTransport
from protocols.vocabulary import CardFate, CardSide
from tests.protocols.evolis_scripts import CARD, CLAIM, FEED, INSIDE, OPEN, new_driver
from tests.protocols.evolis_scripts import outcome as outcome_of
from tests.protocols.scripted_link import Step, fails, poll, says, status
from tests.simulators.emulator_world import World, living

SECRET = {1: "CONTOH^RAHASIA/XYZ", 2: "123=456", 3: "98765=43210"}
ENCODE_FAILED = "x-encode-failed-error"


def told(
    story: Callable[[World, EvolisDriver], Coroutine[Any, Any, None]], **settings: Any
) -> None:
    async def main() -> None:
        async with living(**settings) as world, asyncio.timeout(30):
            link = TcpTransport("127.0.0.1", world.port)
            driver = EvolisDriver(MODELS["Primacy"], link, session_id=7)
            try:
                await driver.open()
                await driver.claim()
                await driver.feed()
                await story(world, driver)
            finally:
                await driver.close()

    asyncio.run(main())


def assert_secret(error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    for data in SECRET.values():
        assert data not in text
        assert data.encode().hex(" ")[:11] not in text


# On the emulator.


def test_a_stripe_is_written_read_back_and_the_card_printed_after_it():
    async def story(world: World, driver: EvolisDriver) -> None:
        await driver.stripe.write(SECRET, Coercivity.HIGH)
        assert await driver.stripe.read(2, 3) == {2: SECRET[2], 3: SECRET[3]}
        await driver.print_side(CARD, CardSide.FRONT)
        await driver.finish_print()
        await driver.deliver()
        card = await world.card()
        assert (card["place"], card["state"]) == ("output", "complete")
        assert card["tracks"] == {str(n): data for n, data in SECRET.items()}

    told(story, magnetic=True)


def test_blanks_at_the_end_of_a_track_are_no_difference():
    async def story(_: World, driver: EvolisDriver) -> None:
        await driver.stripe.write({1: "CONTOH   "}, Coercivity.LOW)

    told(story, magnetic=True)


def test_a_stripe_that_does_not_hold_is_a_failed_encoding():
    async def story(world: World, driver: EvolisDriver) -> None:
        await world.do(do="fault", kind="magstripe-write", card=1)
        with pytest.raises(DeviceError) as caught:
            await driver.stripe.write(SECRET, Coercivity.HIGH)
        assert {str(one) for one in caught.value.reasons} == {ENCODE_FAILED}
        assert caught.value.card is CardFate.UNKNOWN
        assert_secret(caught.value)

    told(story, magnetic=True)


def test_a_blank_stripe_cannot_be_read():
    async def story(_: World, driver: EvolisDriver) -> None:
        with pytest.raises(DeviceError, match="refused Rmb: 'ERROR BLANK TRACK'") as it:
            await driver.stripe.read(1)
        assert {str(one) for one in it.value.reasons} == {ENCODE_FAILED}

    told(story, magnetic=True)


def test_a_printer_without_an_encoder_says_so():
    async def story(_: World, driver: EvolisDriver) -> None:
        with pytest.raises(DeviceError, match="OPTION NOT AVAILABLE"):
            await driver.stripe.write(SECRET, Coercivity.HIGH)

    told(story)


# On scripts.

BEGUN = [poll(inf=INSIDE), says("Ss", "OK", inf=INSIDE)]
LAID_OUT = [says(f"Pmt;{n};{n}", "OK", inf=INSIDE) for n in (1, 2, 3)]
HICO = [says("Pmc;h", "OK", inf=INSIDE)]
DATA = [says(f"Dm;{n};{data}", "OK", inf=INSIDE) for n, data in SECRET.items()]
WRITTEN = [says("Smw", "OK", inf=INSIDE), says("Smr", "OK", inf=INSIDE)]


def failure(*steps: Step, before: tuple[Step, ...] = ()) -> Any:
    scripts = [OPEN, CLAIM, FEED, BEGUN, HICO, LAID_OUT, [*before, *steps]]
    driver, _ = new_driver(*scripts)

    async def script(it: EvolisDriver) -> None:
        await it.open()
        await it.claim()
        await it.feed()
        await it.stripe.write(SECRET, Coercivity.HIGH)

    return outcome_of(driver, script)[0]


@pytest.mark.parametrize(
    "text",
    ["ERROR MAGN", "ERROR MAGN CHEKSUM", "ERROR MAGN DATA", "ERROR BLANK TRACK"],
)
@pytest.mark.parametrize("word", ["Dm;1;CONTOH^RAHASIA/XYZ", "Smw", "Smr", "Rmb;1"])
def test_each_word_of_a_bad_stripe_is_a_failed_encoding(word, text):
    order = [*DATA, *WRITTEN]
    until = next(
        (n for n, step in enumerate(order) if word.encode() in step.request), None
    )
    error = failure(says(word, text, inf=INSIDE), before=tuple(order[:until]))
    assert type(error) is DeviceError
    assert ENCODE_FAILED in {str(one) for one in error.reasons}
    assert error.card is CardFate.UNKNOWN
    assert repr(text) in str(error)
    assert_secret(error)


@pytest.mark.parametrize("bit", [0x00080000, 0x00040000, 0x00020000, 0x00010000])
def test_each_bit_of_a_bad_stripe_is_a_failed_encoding(bit):
    error = failure(says("Smw", "OK", inf=INSIDE, err=bit), before=tuple(DATA))
    assert type(error) is DeviceError
    assert {str(one) for one in error.reasons} == {ENCODE_FAILED}


def test_what_reads_back_otherwise_is_named_by_its_track_alone():
    texts = [says(f"Rmb;{n}", data) for n, data in SECRET.items()]
    texts[1] = says("Rmb;2", "123=457")
    error = failure(*texts, before=(*DATA, *WRITTEN))
    assert "track 2 is not as written" in str(error)
    assert {str(one) for one in error.reasons} == {ENCODE_FAILED}
    assert_secret(error)
    assert "457" not in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        SECRET[1].encode(),  # without its end
        SECRET[1].encode() + b"\x00",
        b"\xff" + SECRET[1].encode() + b"\x00" + status(),
        SECRET[1].encode() * 200,
        SECRET[1].encode() + b"\x00" + status()[:9] + SECRET[1].encode(),
        b"ERR " + SECRET[1].encode() + b"\x00" + status(),
        b"",
    ],
)
def test_a_broken_reply_with_a_track_in_it_shows_nothing_of_it(reply):
    error = failure(fails("Rmb;1", reply), before=(*DATA, *WRITTEN))
    assert isinstance(error, PrinterError)
    assert "Rmb" in str(error)
    assert error.card is CardFate.UNKNOWN
    assert_secret(error)


def test_an_echo_of_the_data_shows_nothing_of_it():
    error = failure(says(f"Dm;1;{SECRET[1]}", SECRET[1]))
    assert type(error) is RemoteProtocolError
    assert "bad reply to Dm: a text, expected 'OK'" in str(error)
    assert_secret(error)


# Before anything is sent.


@pytest.mark.parametrize(
    ("tracks", "says"),
    [
        ({}, "no track to write"),
        ({4: "1"}, "track 4, expected 1, 2 or 3"),
        ({1: ""}, "track 1 has 0 signs, expected 1 to 76"),
        ({1: "A" * 77}, "track 1 has 77 signs, expected 1 to 76"),
        ({2: "1" * 38}, "track 2 has 38 signs, expected 1 to 37"),
        ({3: "1" * 105}, "track 3 has 105 signs, expected 1 to 104"),
        ({1: "AB;C"}, "track 1, sign 3 is not in the alphabet"),
        ({1: "abc"}, "track 1, sign 1"),
        ({1: "%A?"}, "track 1, sign 1"),
        ({2: "12A"}, "track 2, sign 3"),
        ({2: "12;"}, "track 2, sign 3"),
        ({3: "1\r\x1bSe"}, "track 3, sign 2"),
        ({2: "١٢"}, "track 2, sign 1"),
    ],
)
def test_what_no_stripe_can_hold_is_refused_by_its_place(tracks, says):
    with pytest.raises(LocalProtocolError) as caught:
        check_tracks(tracks)
    assert says in str(caught.value)
    assert caught.value.card is CardFate.UNTOUCHED
    assert not any(data and repr(data) in str(caught.value) for data in tracks.values())


@given(st.sampled_from(sorted(TRACKS)), st.text(max_size=120))
def test_a_track_that_passes_holds_no_sign_that_could_end_its_command(number, data):
    try:
        check_tracks({number: data})
    except LocalProtocolError:
        return
    assert not set(data) & set(";\r\x1b\x00%?")
    assert len(data) <= TRACKS[number].size_max


def test_after_the_feed_a_track_that_cannot_be_is_refused_with_the_cards_true_fate():
    driver, _ = new_driver(OPEN, CLAIM, FEED)

    async def script(it: EvolisDriver) -> None:
        await it.open()
        await it.claim()
        await it.feed()
        await it.stripe.write({1: "abc"}, Coercivity.HIGH)

    error, _ = outcome_of(driver, script)
    assert error.card is CardFate.UNKNOWN


def test_without_a_card_inside_no_stripe_is_touched():
    driver, _ = new_driver(OPEN, CLAIM, [poll()])

    async def script(it: EvolisDriver) -> None:
        await it.open()
        await it.claim()
        await it.stripe.write(SECRET, Coercivity.HIGH)

    error, _ = outcome_of(driver, script)
    assert "should be inside, seen is none" in str(error)
    assert error.card is CardFate.UNTOUCHED
