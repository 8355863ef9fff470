"""The table of status bits against the sources' list of them, and against its rules."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from protocols.evolis.codec import Trailer, Word
from protocols.evolis.flags import FLAGS, INFORMATIONAL, Flag
from protocols.evolis.status import faults_up, flags_up, read_status
from protocols.vocabulary import CardPosition, PrinterState, Severity, StateReason

ROOT = Path(__file__).parents[2]
VECTORS = tomllib.loads((ROOT / "tests/vectors/evolis_flags.toml").read_text())["word"]
LISTED = [
    (row["word"], int(bit, 16), name, state)
    for row in VECTORS
    for bit, name, state in row["flags"]
]
ROW_OF = {(flag.word.value, flag.bit): flag for flag in FLAGS}
COUNTS = {
    "cfg": 32,
    "inf": 32,
    "war": 21,
    "err": 25,
    "ex1": 32,
    "ex2": 32,
    "ex3": 32,
    "ex4": 3,
}

each_flag = pytest.mark.parametrize("flag", FLAGS, ids=[flag.name for flag in FLAGS])
each_listed = pytest.mark.parametrize(
    ("word", "bit", "name", "state"), LISTED, ids=[row[2] for row in LISTED]
)


def alone(word: str, bit: int) -> Trailer:
    words = tuple(bit if one.value == word else 0 for one in Word)
    return Trailer(words, 0)  # type: ignore[arg-type]


def severity_of(flag: Flag) -> Severity | None:
    return None if flag.meaning.reason is None else flag.meaning.reason.severity


def test_every_bit_that_the_sources_name_has_its_row_and_no_other_has():
    ours = {(flag.word.value, flag.bit, flag.name) for flag in FLAGS}
    assert ours == {row[:3] for row in LISTED}
    assert len(ours) == len(FLAGS)


def test_each_word_has_as_many_rows_as_the_sources_name():
    assert {row["word"]: row["count"] for row in VECTORS} == COUNTS
    for word, count in COUNTS.items():
        assert len([flag for flag in FLAGS if flag.word.value == word]) == count
        assert len({row[1] for row in LISTED if row[0] == word}) == count


@each_flag
def test_each_row_is_one_bit_and_means_something_or_says_that_it_does_not(flag):
    assert flag.bit.bit_count() == 1
    assert flag.bit < 1 << 32
    meaning = flag.meaning
    says = [meaning.reason, meaning.card, meaning.busy, meaning.restarted]
    assert any(says) is (meaning is not INFORMATIONAL)


@each_flag
def test_a_bit_alone_is_read_as_its_row_says(flag):
    trailer = alone(flag.word.value, flag.bit)
    status, meaning = read_status(trailer, session_id=7), flag.meaning
    reasons = {meaning.reason} if meaning.reason else set()
    assert status.reasons == reasons
    assert faults_up(trailer) == (reasons if meaning.stops_card else set())
    assert [one.name for one in flags_up(trailer)] == [flag.name] * len(reasons)
    assert status.card is (meaning.card or CardPosition.NONE)
    assert status.busy is meaning.busy
    assert status.restarted is meaning.restarted
    expected = PrinterState.PROCESSING if meaning.busy else PrinterState.IDLE
    if severity_of(flag) is Severity.ERROR:
        expected = PrinterState.STOPPED
    assert status.state is expected


@each_listed
def test_no_bit_weighs_less_for_us_than_for_the_vendors_program(word, bit, name, state):
    flag, major = ROW_OF[word, bit], state.partition("/")[0]
    severity = severity_of(flag)
    if major == "ERROR" or name.startswith("ERR_"):
        assert severity is Severity.ERROR
    elif major == "WARNING" and name.startswith("WAR_"):
        assert severity is Severity.ERROR  # EVO-27: it starts no card
    elif major == "WARNING" or name.startswith("WAR_"):
        assert severity is Severity.WARNING
    elif major == "READY":
        assert severity in (None, Severity.REPORT)


@each_flag
def test_only_faults_and_an_open_cover_end_a_card_under_way(flag):
    expected = flag.name.startswith("ERR_") or flag.name == "WAR_COVER_OPEN"
    assert flag.meaning.stops_card is expected


@each_flag
def test_what_a_printer_has_is_of_no_weight(flag):
    if flag.name.startswith("CFG_"):
        assert flag.meaning is INFORMATIONAL


@pytest.mark.parametrize(
    ("position", "names"),
    [
        (
            CardPosition.INSIDE,
            "INF_CARD_FLIP INF_CARD_CONTACTLESS INF_CARD_SMART INF_CARD_PRINT "
            "INF_CARD_REAR INF_LAMI_CARD INF_LIFT_CARD_INSIDE INF_CARD_IN_TROLLEY "
            "INF_CARD_BRIDGE INF_CARD_INDENTING",
        ),
        (
            CardPosition.EXIT,
            "INF_CARD_EJECT WAR_CARD_ON_EJECT ERR_CARD_ON_EJECT INF_BEZEL_CARD_OUTSIDE",
        ),
    ],
)
def test_a_card_is_seen_by_the_bits_whose_names_say_so(position, names):
    seen = {flag.name for flag in FLAGS if flag.meaning.card is position}
    assert seen == set(names.split())


def test_work_is_what_the_names_call_running_processing_updating_claimed_or_busy():
    words = ("_RUNNING", "_PROCESSING", "_UPDATING_FIRMWARE", "_CLAIM", "_BUSY")
    named = {name for _, _, name, _ in LISTED if name.endswith(words)}
    assert {flag.name for flag in FLAGS if flag.meaning.busy} == named


def test_only_a_reset_says_that_the_printer_restarted():
    assert [flag.name for flag in FLAGS if flag.meaning.restarted] == ["INF_RESET"]


@pytest.mark.parametrize("word", list(Word))
def test_a_bit_that_no_source_names_is_silent_but_in_the_two_words_of_trouble(word):
    named = {bit for one, bit, _, _ in LISTED if one == word.value}
    for number in range(32):
        if 1 << number not in named:
            found = flags_up(alone(word.value, 1 << number))
            reasons = [str(one.meaning.reason) for one in found]
            expected = {"war": ["other-warning"], "err": ["other-error"]}
            assert reasons == expected.get(word.value, [])


def test_a_failed_stripe_is_told_from_a_failed_card():
    names = {
        flag.name
        for flag in FLAGS
        if flag.meaning.reason
        and flag.meaning.reason.keyword is StateReason.ENCODE_FAILED
    }
    assert names == {
        "ERR_BLANK_TRACK",
        "ERR_MAGNETIC_DATA",
        "ERR_READ_MAGNETIC",
        "ERR_WRITE_MAGNETIC",
    }


def test_the_protocol_page_counts_the_rows_of_each_word():
    page = (ROOT / "protocols/evolis/PROTOCOL.md").read_text()
    for word, count in COUNTS.items():
        assert f"{word.upper()} {count}" in page
