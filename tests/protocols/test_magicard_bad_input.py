"""What is broken, in either direction, is named and bounded; nothing is guessed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from protocols.contract import Happening, SidePlanes, WireEvent
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.magicard.annotate import annotate
from protocols.magicard.codec import (
    NOISE_SIZE_MAX,
    REPLY_SIZE_MAX,
    Decoder,
    parse_error,
    parse_info,
    parse_value,
)
from protocols.magicard.magnetic import Coercivity, Track, stripe_fields
from protocols.magicard.models import MODELS, ribbon_kind, same_name
from protocols.magicard.preparing import prepare
from protocols.magicard.raster import margin_of
from protocols.registry import annotated
from protocols.vocabulary import CardFate, CardSide, Panel

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "magicard.toml").read_text()
)
INFO = VECTORS["info"][0]["text"]
WHOLE = b"\x01" + INFO.encode() + b"\x03"


def test_a_reply_is_not_whole_before_its_last_byte_however_it_is_cut():
    for at in range(len(WHOLE)):
        decoder = Decoder()
        assert decoder.receive(WHOLE[:at]) is None
        assert decoder.partial is (at > 0)
        assert decoder.receive(WHOLE[at:]) == INFO


@given(st.binary(max_size=NOISE_SIZE_MAX).filter(lambda noise: b"\x01" not in noise))
def test_noise_before_a_reply_changes_nothing(noise):
    assert Decoder().receive(noise + WHOLE) == INFO


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"x" * (NOISE_SIZE_MAX + 1), "no SOH"),
        (b"\x01" + b"x" * (REPLY_SIZE_MAX + 1), "longer than 1024"),
        (b"\x01STA\x01STA\x03", "a second SOH"),
        (WHOLE + b"\x01", "1 bytes after the end"),
    ],
)
def test_a_frame_that_breaks_the_grammar_is_named(data, words):
    with pytest.raises(RemoteProtocolError, match=words):
        Decoder().receive(data)
    byte_by_byte = Decoder()
    with pytest.raises(RemoteProtocolError):
        for at in range(len(data)):
            if byte_by_byte.receive(data[at : at + 1]) is not None:
                byte_by_byte.receive(data[at + 1 :])


def test_an_answer_about_itself_that_is_too_short_is_refused_at_each_comma():
    fields = INFO.split(",")
    for count in range(25):
        with pytest.raises(RemoteProtocolError, match=r"fields|begin|bits"):
            parse_info(",".join(fields[:count]))
    assert parse_info(",".join(fields[:25])).film_name == "YMCKO"


@pytest.mark.parametrize("number", ["", "x", "-1", "1234567890", "٣"])
def test_a_counter_that_is_no_number_proves_nothing(number):
    fields = INFO.split(",")
    fields[9] = number
    assert parse_info(",".join(fields)).cards_printed is None
    fields[0] = "STA$$" + number
    with pytest.raises(RemoteProtocolError, match="model bits"):
        parse_info(",".join(fields))


@pytest.mark.parametrize("body", ["", "STA", "STAfine", "STAx\n0:00", INFO, "OK 00:00"])
def test_a_word_of_a_fault_without_a_code_is_refused(body):
    with pytest.raises(RemoteProtocolError, match="error code such as"):
        parse_error(body)


def test_a_value_is_the_one_that_was_asked_for():
    assert parse_value("MSR", "STA,MSR4711,") == "4711"
    for body in ("STA,MSR4711", "STA,PSR4711,", "", "STA,MS"):
        with pytest.raises(RemoteProtocolError, match="STA,MSR"):
            parse_value("MSR", body)


@pytest.mark.parametrize(
    ("tracks", "words"),
    [
        ([Track(4, "1")], "expected some of 1, 2 and 3"),
        ([Track(1, "A"), Track(1, "B")], "each once"),
        ([Track(2, "")], "expected 1 … 37"),
        ([Track(2, 38 * "1")], "38 characters for track 2"),
        ([Track(2, "12A")], "character 3 for track 2"),
        ([Track(1, "A?B")], "character 2 for track 1"),
        ([Track(1, "a")], "character 1 for track 1"),
        ([Track(3, ";1")], "character 1 for track 3"),
    ],
)
def test_a_stripe_that_no_track_can_bear_is_refused_without_telling_it(tracks, words):
    with pytest.raises(LocalProtocolError, match=words) as caught:
        list(stripe_fields(tracks, Coercivity.LOW))
    assert caught.value.card is CardFate.UNTOUCHED
    assert "12A" not in str(caught.value)


def sides(size=(1016, 642), *, overlay=255, mode="L", names=("front",)):
    planes = {panel: Image.new(mode, size) for panel in Panel}
    planes[Panel.OVERLAY] = Image.new(mode, size, overlay)
    return [SidePlanes(CardSide(name), dict(planes)) for name in names]


@pytest.mark.parametrize(
    ("given_sides", "ribbon", "words"),
    [
        (sides(), "YMCKT", "ribbon 'YMCKT', expected one of"),
        (sides(), "KO", "expected"),
        (sides((1000, 642)), "YMCKO", "1000 × 642, expected L 1016 × 642"),
        (sides(mode="1"), "YMCKO", "is 1 1016"),
        (sides(names=("back",)), "YMCKO", "expected front"),
        (sides(names=("front", "back")), "YMCKO", "prints the front alone"),
    ],
)
def test_a_card_that_cannot_be_printed_is_refused_before_a_blank_moves(
    given_sides, ribbon, words
):
    with pytest.raises(LocalProtocolError, match=words) as caught:
        prepare(MODELS["Enduro"], given_sides, ribbon, 15)
    assert caught.value.card is CardFate.UNTOUCHED


def test_an_overcoat_covers_all_or_nothing_or_leaves_out_one_rectangle():
    (two,) = sides()
    for at in (0, 500):
        two.planes[Panel.OVERLAY].paste(0, (at, at, at + 10, at + 10))
    with pytest.raises(LocalProtocolError, match="or all but one rectangle") as caught:
        prepare(MODELS["Enduro"], [two], "YMCKO", 15)
    assert caught.value.card is CardFate.UNTOUCHED
    bare = prepare(MODELS["Enduro"], sides(overlay=0), "YMCKO", 15)
    assert Panel.OVERLAY not in dict(bare.sides[0][1])


@pytest.mark.parametrize(("at", "margin"), [(50, 15), (65, 0), (90, 0), (0, 30)])
def test_the_margin_keeps_the_card_on_the_head(at, margin):
    assert margin_of(at) == margin
    assert margin_of(None) == 15


def test_names_of_models_and_films_are_read_as_the_page_says():
    assert same_name(MODELS["Enduro+"], "Magicard ENDURO+")
    assert not same_name(MODELS["Enduro"], "Enduro+")
    assert not same_name(MODELS["Rio 2e"], "Rio Pro")
    kinds = {
        "MA300 YMCKO": "YMCKO",
        "LC8/D": "YMCKOK",
        "300YMCKOK": "YMCKOK",
        "600KO": "KO",
        "Gold": "Gold",
        "": "",
    }
    assert {name: ribbon_kind(name) for name in kinds} == kinds


def test_a_trace_tells_words_and_sizes_and_never_a_persons_data():
    job = 64 * b"\x05" + b"\x01,MAG1,%CONTOH?\x1c" + 5000 * b"\xaa" + b"\x03"
    events = [
        WireEvent(1.0, Happening.OPEN, detail="usb Magicard"),
        WireEvent(1.1, Happening.OUT, b"\x01,REQ,INF,\x1c\x03"),
        WireEvent(1.2, Happening.IN, WHOLE),
        WireEvent(2.0, Happening.OUT, job[:90]),
        WireEvent(2.1, Happening.OUT, job[90:]),
        WireEvent(3.0, Happening.CLOSE),
    ]
    text = annotated("magicard", events, no=1, source="test", began_s=1.0)
    assert tomllib.loads(text) == {}
    assert "REQ,INF" in text
    assert f"{len(job)} bytes of a job" in text
    assert "SN4711" in text
    assert "CONTOH" not in text
    long = annotate(events[:1] + 500 * events[1:2], no=1, source="x\n[a]", began_s=0)
    assert tomllib.loads(long) == {}
    assert "101 more events" in long
