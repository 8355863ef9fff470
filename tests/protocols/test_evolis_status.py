"""Each bit of a status in the words of the field, and none of them lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.evolis.codec import Trailer, Word
from protocols.evolis.status import flags_up, read_status
from protocols.vocabulary import CardPosition, PrinterState, Severity

words = st.integers(0, 2**32 - 1)


def seen(session: int = 0, **bits: int):
    every = tuple(bits.get(word.value, 0) for word in Word)
    return read_status(Trailer(every, session), session_id=7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "bit", "reason"),
    [
        ("inf", 0x00080000, "marker-print-ribbon-almost-empty-warning"),
        ("inf", 0x00040000, "cleaner-life-over-warning"),
        ("inf", 0x00000100, "cleaner-life-almost-over-warning"),
        ("inf", 0x00000008, "x-wrong-ribbon-error"),
        ("war", 0x40000000, "other-error"),
        ("war", 0x08000000, "x-reject-bin-full-error"),
        ("war", 0x04000000, "other-error"),
        ("war", 0x02000000, "media-needed-error"),
        ("war", 0x01000000, "media-empty-error"),
        ("war", 0x00200000, "subunit-over-temperature-error"),
        ("war", 0x00100000, "output-area-full-error"),
        ("war", 0x00080000, "marker-print-ribbon-empty-error"),
        ("war", 0x00040000, "other-error"),
        ("war", 0x00020000, "cover-open-error"),
        ("war", 0x00010000, "x-ribbon-missing-error"),
        ("war", 0x00008000, "x-wrong-ribbon-error"),
        ("war", 0x00000400, "other-error"),
        ("war", 0x00000200, "other-report"),
        ("war", 0x00000100, "x-hopper-open-warning"),
        ("err", 0x20000000, "subunit-over-temperature-error"),
        ("err", 0x04000000, "x-ribbon-broken-error"),
        ("err", 0x02000000, "cover-open-error"),
        ("err", 0x01000000, "media-jam-error"),
        ("err", 0x00800000, "x-reject-bin-full-error"),
        ("err", 0x00400000, "x-wrong-ribbon-error"),
        ("err", 0x00200000, "marker-print-ribbon-empty-error"),
        ("err", 0x00100000, "output-area-full-error"),
        ("err", 0x00000100, "media-needed-error"),
        ("err", 0x00000080, "x-hopper-open-error"),
        ("ex1", 0x00000100, "media-low-warning"),
    ],
)
def test_the_bits_that_a_technician_meets_say_their_word(word, bit, reason):
    status = seen(**{word: bit})
    assert {str(one) for one in status.reasons} == {reason}
    stopped = reason.endswith("-error")
    assert status.state is (PrinterState.STOPPED if stopped else PrinterState.IDLE)


@pytest.mark.parametrize("word", ["war", "err"])
@pytest.mark.parametrize("number", range(32))
def test_no_bit_of_a_fault_word_is_ever_silent(word, number):
    assert seen(**{word: 1 << number}).reasons


@pytest.mark.parametrize("number", range(32))
def test_every_bit_of_the_error_word_stops_a_card_under_way(number):
    trailer = Trailer((0, 0, 0, 1 << number, 0, 0, 0, 0), 7)
    assert [flag.meaning.stops_card for flag in flags_up(trailer)] == [True]
    assert seen(err=1 << number, inf=0x00000080).state is PrinterState.STOPPED


@pytest.mark.parametrize(
    ("bits", "position"),
    [
        ({}, CardPosition.NONE),
        ({"inf": 0x10000000}, CardPosition.INSIDE),
        ({"inf": 0x08000000}, CardPosition.INSIDE),
        ({"inf": 0x04000000}, CardPosition.INSIDE),
        ({"inf": 0x02000000}, CardPosition.INSIDE),
        ({"ex2": 0x00010000}, CardPosition.INSIDE),
        ({"inf": 0x01000000}, CardPosition.EXIT),
        ({"war": 0x04000000}, CardPosition.EXIT),
        ({"err": 0x00000200}, CardPosition.EXIT),
        ({"inf": 0x03000000}, CardPosition.INSIDE),
        ({"inf": 0x60000000}, CardPosition.NONE),  # hopper and feeder, not the path
    ],
)
def test_the_position_is_where_any_sensor_sees_a_card(bits, position):
    assert seen(**bits).card is position


@pytest.mark.parametrize("bit", [0x80000000, 0x80, 0x40, 0x20, 0x2, 0x1])
def test_a_printer_at_work_is_busy(bit):
    status = seen(inf=bit)
    assert status.busy
    assert status.state is PrinterState.PROCESSING


def test_the_last_blank_under_the_head_is_work_not_a_stop():
    assert seen(inf=0x02000080, war=0x01000000).state is PrinterState.PROCESSING


@pytest.mark.parametrize(("session", "foreign"), [(0, False), (7, False), (8, True)])
def test_another_hosts_session_is_told_from_ours_and_from_none(session, foreign):
    status = seen(session=session)
    assert status.session_foreign is foreign
    named = {str(one) for one in status.reasons}
    assert named == ({"x-printer-in-use-warning"} if foreign else set())


def test_a_reset_is_reported():
    assert seen(inf=0x00010000).restarted
    assert not seen(inf=0xFFFEFFFF).restarted


@given(st.tuples(*[words] * 8), st.integers(0, 0xFFFF))
def test_no_status_whatever_breaks_the_reading(every, session):
    status = read_status(Trailer(every, session), session_id=7)
    if every[3]:
        assert status.state is PrinterState.STOPPED
        assert any(one.severity is Severity.ERROR for one in status.reasons)
