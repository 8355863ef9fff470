"""Codec, dots and headers against bytes and texts that our own encoder never made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from protocols.contract import PreparedCard, SidePlanes
from protocols.magicard.codec import (
    Decoder,
    Request,
    encode_request,
    parse_error,
    parse_info,
    value_request,
)
from protocols.magicard.job import Orders, first_part, last_part, stripe_job
from protocols.magicard.magnetic import Coercivity, Track, stripe_fields
from protocols.magicard.models import CARD_DOTS, LINE_DOTS, MODELS, Layout
from protocols.magicard.preparing import prepare
from protocols.magicard.raster import ROW_SIZES, pack, plane_size
from protocols.vocabulary import CardSide, Panel

ROOT = Path(__file__).parents[2]
VECTORS = tomllib.loads((ROOT / "tests/vectors/magicard.toml").read_text())
TIME_S = 0x65920080


def of_kind(kind: str):
    rows = VECTORS[kind]
    names = [row.get("name") or row["source"] for row in rows]
    return pytest.mark.parametrize("vector", rows, ids=names)


def prepared(model: str, ribbon: str, side_count: int) -> PreparedCard:
    row = MODELS[model]
    able = row.capabilities
    size = (able.width_px, able.height_px)
    sides = [
        SidePlanes(
            side,
            {
                panel: Image.new("L", size, 255 if panel is Panel.OVERLAY else 7)
                for panel in able.ribbons[ribbon].panels(side)
            },
        )
        for side in list(CardSide)[:side_count]
    ]
    return prepare(row, sides, ribbon, 15)


def pages(card: PreparedCard, model: str) -> list[bytes]:
    orders = Orders(TIME_S, "G1.23")
    job = b"".join(first_part(MODELS[model], card, orders)) + last_part(card)
    begin = 64 * b"\x05" + b"\x01,"
    assert job.startswith(begin)
    return job.split(begin)[1:]


@of_kind("request")
def test_each_request_is_the_sources_bytes(vector):
    words = vector["words"]
    if words in list(Request):
        assert encode_request(words) == bytes.fromhex(vector["hex"])
    else:
        assert value_request(words[-3:]) == bytes.fromhex(vector["hex"])


@of_kind("error")
def test_each_word_of_a_fault_is_read(vector):
    body = Decoder().receive(bytes.fromhex(vector["hex"]))
    assert body is not None
    error = parse_error(body)
    assert (error.text, error.code) == (vector["text"], vector["code"])
    assert error.up is (vector["code"] != "00:00")


@of_kind("info")
def test_each_word_about_itself_is_read(vector):
    info = parse_info(vector["text"])
    for name in vector.keys() - {"name", "source", "text"}:
        assert getattr(info, name) == vector[name], name
    assert (info.film_left is None) is ("film_left" not in vector)
    assert (info.head_position is None) is ("head_position" not in vector)


def packed(panel: Panel, plane: Image.Image, layout: Layout, margin: int = 15) -> bytes:
    return pack(panel, plane, layout, margin, turned=layout is Layout.KGE_ENDURO)


def lone_dot(layout: Layout, dot: int, line: int, density: int) -> Image.Image:
    """A landscape plane with one dot that the head meets as its `dot` in `line`."""
    plane = Image.new("L", (1016, CARD_DOTS))
    # Which end comes first is MAG-37.
    along, across = line, CARD_DOTS - 1 - (dot - 15)
    if layout is Layout.KGE_ENDURO:
        along, across = 1015 - along, CARD_DOTS - 1 - across
    plane.putpixel((along, across), density)
    return plane


@of_kind("dot")
def test_each_dot_of_the_head_lies_where_the_source_has_it(vector):
    layout = Layout(vector["layout"])
    dot, size = vector["dot"], ROW_SIZES[layout]
    if not 15 <= dot < 15 + CARD_DOTS:  # beside the card: with the margin moved
        plane = Image.new("L", (1016, CARD_DOTS))
        plane.paste(255, (0, 0, 1016, CARD_DOTS))
        row = packed(Panel.BLACK, plane, layout, 0)[:size]
        assert row[vector["at"]] & vector["mask"]
        return
    resin = packed(Panel.BLACK, lone_dot(layout, dot, 3, 255), layout)
    expected = bytearray(len(resin))
    expected[3 * size + vector["at"]] = vector["mask"]
    assert resin == expected
    # 0b101001 in the upper six bits: bit rows 0, 3 and 5.
    dye = packed(Panel.CYAN, lone_dot(layout, dot, 3, 0b10100111), layout)
    expected = bytearray(len(dye))
    for bit in (0, 3, 5):
        expected[(3 * 6 + bit) * size + vector["at"]] = vector["mask"]
    assert dye == expected


@pytest.mark.parametrize("layout", Layout)
def test_no_dot_of_the_card_is_lost_or_met_twice(layout):
    full = packed(Panel.BLACK, Image.new("L", (8, CARD_DOTS), 255), layout)
    row = full[: ROW_SIZES[layout]]
    assert sum(byte.bit_count() for byte in row) == CARD_DOTS
    assert full == 8 * row
    assert 8 * len(row) >= LINE_DOTS


@of_kind("size")
def test_each_panel_is_as_long_as_in_the_samples(vector):
    row = MODELS[vector["model"]]
    lines = row.capabilities.width_px
    for panel in Panel:
        if panel is Panel.OVERLAY:
            continue
        size = vector["resin" if panel is Panel.BLACK else "dye"]
        plane = Image.effect_noise((lines, CARD_DOTS), 80)
        assert len(packed(panel, plane, row.layout)) == size
        assert plane_size(row.layout, panel, lines) == size
        assert packed(panel, Image.new("L", (lines, 642)), row.layout) == bytes(size)


@of_kind("header")
def test_each_header_has_its_fields_in_their_order(vector):
    card = prepared(vector["model"], vector["ribbon"], vector["sides"])
    found = pages(card, vector["model"])
    assert len(found) == vector["sides"]
    header, _, _ = found[vector["page"] - 1].partition(b"\x1c")
    assert header.decode() == vector["text"]


@pytest.mark.parametrize(
    ("model", "ribbon", "side_count"),
    [("Rio 2e", "YMCKO", 1), ("Enduro two-sided", "YMCKOK", 2), ("Alto", "K", 1)],
)
def test_a_job_is_read_by_its_own_sizes_to_the_last_byte(model, ribbon, side_count):
    """By the grammar alone: sizes from the header, each plane closed by its letter."""
    card = prepared(model, ribbon, side_count)
    for page, (_, panels) in zip(pages(card, model), card.sides, strict=True):
        header, _, rest = page.partition(b"\x1c")
        dots = [data for panel, data in panels if panel is not Panel.OVERLAY]
        sizes = re.findall(rb"SZ([BGRK])(\d+)", header)
        assert len(sizes) == len(dots)
        for (letter, size), data in zip(sizes, dots, strict=True):
            plane, rest = rest[: int(size)], rest[int(size) :]
            assert plane == data
            assert rest.startswith(b"\x1c" + letter + b":")
            rest = rest[3:]
        assert rest == b"\x03"


def test_the_last_part_is_what_a_finished_card_needs():
    assert last_part(prepared("Alto", "YMCKO", 1)) == b"\x1cK:\x03"


@of_kind("hole")
def test_each_hole_in_the_overcoat_is_told_as_the_source_has_it(vector):
    row = MODELS[vector["model"]]
    able = row.capabilities
    size = (able.width_px, able.height_px)
    planes = {panel: Image.new("L", size, 7) for panel in able.ribbons["KO"].front}
    planes[Panel.OVERLAY] = Image.new("L", size, 255)
    planes[Panel.OVERLAY].paste(0, tuple(vector["box"]))
    card = prepare(row, [SidePlanes(CardSide.FRONT, planes)], "KO", 15)
    (page,) = pages(card, vector["model"])
    assert f",OVRON,NNNOFF,USFOFF,{vector['text']},ICC0,".encode() in page


@of_kind("stripe")
def test_each_stripe_is_spelled_as_the_source_does(vector):
    tracks = [Track(no, data) for no, data in enumerate(vector["tracks"], 1)]
    coercivity = Coercivity(vector["coercivity"])
    assert ",".join(stripe_fields(tracks, coercivity)) == vector["text"]
    job = stripe_job(tracks, coercivity, Orders(TIME_S))
    assert job.endswith(vector["text"].encode() + b"\x1c\x03")
    assert b"SZ" not in job


def test_each_vector_names_its_source():
    assert all(row["source"].strip() for kind in VECTORS.values() for row in kind)


def test_each_fact_that_the_code_names_stands_on_the_page():
    page = (ROOT / "protocols/magicard/PROTOCOL.md").read_text()
    listed = set(re.findall(r"^\| (MAG-\d\d) ", page, re.MULTILINE))
    named = {
        fact
        for file in (ROOT / "protocols/magicard").glob("*.py")
        for fact in re.findall(r"MAG-\d\d", file.read_text())
    }
    assert named <= listed
    guessed = set(re.findall(r"^\| (MAG-\d\d) .*\| guessed \|$", page, re.MULTILINE))
    questions = page.partition("## Open questions")[2]
    assert guessed
    assert guessed <= set(re.findall(r"MAG-\d\d", questions))
