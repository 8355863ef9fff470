"""Bytes to frames: the grammar of jobs and requests, and what is none of both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.magicard.header import HeaderError, read
from simulators.magicard.wire import TEXT_SIZE_MAX, Page, Parser, Refused, Request
from tests.simulators.magicard_world import CALLS, KEE, colours, page, request

PAGE = page(KEE, colours(KEE))
MAGNETIC = CALLS + b"\x01,NOC1,LANENG,MAG1,BPI210,MPC7,COEH,%CONTOH,2?,KEE,DPXOFF,PAG1"
MAGNETIC += b"\x1c\x03"


def frames(data: bytes, *, step: int = 1 << 20) -> list[object]:
    parser = Parser(lambda _: None)
    parts = range(0, len(data), step)
    return [one for at in parts for one in parser.receive(data[at : at + step])]


@pytest.mark.parametrize("calls", [0, 9])
@pytest.mark.parametrize("comma", [b"", b","])
def test_a_request_with_or_without_calls_and_comma(calls, comma):
    asked = b"\x05" * calls + b"\x01" + comma + b"REQ,ERR,\x1c\x03"
    assert frames(asked) == [Request(("REQ", "ERR"))]


def test_a_page_is_its_fields_and_planes():
    (found,) = frames(PAGE)
    assert isinstance(found, Page)
    assert found.header.sizes == {"B": 512064, "G": 512064, "R": 512064, "K": 85344}
    assert [found.planes[letter] for letter in "BGRK"] == list(colours(KEE).values())


def test_a_page_that_only_writes_the_stripe_has_no_planes():
    (found,) = frames(MAGNETIC)
    assert isinstance(found, Page)
    assert (found.planes, found.header.tracks) == ({}, {"1": "CONTOH,2"})


@given(st.integers(1, 7000))
def test_it_does_not_matter_how_the_bytes_are_cut(step):
    data = b"noise" + request("REQ,INF") + PAGE[:9000] + b""
    small = MAGNETIC + request("REQ,STA,MSR") + MAGNETIC
    assert frames(small, step=step) == frames(small)
    assert frames(data, step=step) == frames(data)


def test_a_whole_page_cut_into_usb_transfers():
    assert frames(PAGE, step=8192) == frames(PAGE)


def test_a_request_inside_a_plane_is_picture():
    cut = PAGE[: len(PAGE) // 2]
    parser = Parser(lambda _: None)
    assert parser.receive(cut + request("REQ,ERR")) == []
    assert parser.in_page
    parser.reset()
    assert parser.receive(request("REQ,ERR")) == [Request(("REQ", "ERR"))]


@pytest.mark.parametrize(
    "noise",
    [
        b"\x01,REQ,ERR,\x1cx",
        b"\x01,REQ,ERR\x00,\x1c\x03",
        b"\x01,HELLO,\x1c\x03",
        PAGE.replace(CALLS, 63 * b"\x05"),
        PAGE[64:300],
        b"\x01" + b"A" * 2 * TEXT_SIZE_MAX,
        b"\x03\x1c:K\x05",
    ],
)
def test_what_is_neither_is_passed_over(noise):
    assert frames(noise + request("REQ,INF"))[-1] == Request(("REQ", "INF"))
    assert all(isinstance(one, Request) for one in frames(noise))


@pytest.mark.parametrize(
    ("given_", "wrong"),
    [
        (b"\x1cG:", b"\x1cX:"),
        (b"\x1cK:\x03", b"\x1cK:\x05"),
        (b"SZB512064", b"SZB512063"),
        (b"LANENG", b"LANENGLISH"),
        (b"NOC1", b"NOC99999"),
        (b"VER1.00", b"VRE1.00"),
        (b"SZG512064,SZR512064", b"SZR512064,SZG512064"),
    ],
)
def test_a_page_that_cannot_be_is_refused_and_the_next_one_taken(given_, wrong):
    bad = PAGE.replace(given_, wrong, 1)
    assert bad != PAGE
    found = frames(bad + PAGE)
    assert isinstance(found[0], Refused)
    assert isinstance(found[-1], Page)


def test_fields_with_commas_of_their_own_are_read_by_place():
    header = read("OVRON,PCT0,0,1025,641,NCT90,295,260,450,LAM0,LAM_DEG140,KEE")
    assert (header.area, header.holes) == ((0, 0, 1025, 641), [(90, 295, 260, 450)])
    assert (header.overcoat, header.tag) == (True, "KEE")


@pytest.mark.parametrize(
    ("fields", "tracks"),
    [
        ("MAG1,%A,B?,MAG2,;12?", {"1": "A,B", "2": "12"}),
        ("MAG3,BPI210,MPC7,COEL,;123?", {"3": "123"}),
        ("MAG2,MPC5,BPI75,123", {"2": "123"}),
    ],
)
def test_tracks_with_and_without_what_may_be_left_out(fields, tracks):
    assert read(fields).tracks == tracks


@pytest.mark.parametrize(
    "fields",
    [
        *("MAG2,;AB?", "MAG4,;1?", "MAG1,%A", "MAG1", "MAG1,%A?,MAG1,%B?", "MAG1,%a?"),
        *("NCT1,2,3", "PCTa,1,2,3", "X-GP-8", "SZX1", "SZB1,SZB1", "PAG3", "DPX", ""),
        "VER1.00,",
    ],
)
def test_fields_that_cannot_be(fields):
    with pytest.raises(HeaderError):
        read(fields)


@given(st.lists(st.sampled_from([PAGE[:400], b"\x01,REQ,", b"\x1c", b"\x03", CALLS])))
def test_no_bytes_make_it_hold_more_than_a_page(parts):
    parser = Parser(lambda _: None)
    for part in parts:
        parser.receive(part)
    assert parser.missing_size <= 512064


@given(st.binary(max_size=300))
def test_any_bytes_are_taken(noise):
    frames(noise)
    frames(CALLS + b"\x01," + noise + b"\x1c\x03")
