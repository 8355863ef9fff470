"""The codec against excerpts of captures of the vendor's Windows driver."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from protocols.evolis.codec import encode_compressed
from protocols.evolis.raster import ROW_SIZE, compress

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "evolis_windows.toml").read_text()
)
BLOCK_SIZE = 64


def of_kind(kind: str):
    rows = VECTORS[kind]
    return pytest.mark.parametrize("vector", rows, ids=[row["name"] for row in rows])


@of_kind("row")
def test_a_row_is_shortened_as_it_was_on_the_wire(vector):
    packed = bytes.fromhex(vector["packed"])
    count, inked = packed[0], packed[1:]
    assert len(inked) == count
    assert compress(inked.ljust(ROW_SIZE, b"\x00")) == packed


@of_kind("job")
def test_a_panel_has_the_head_and_the_end_it_had_on_the_wire(vector):
    data = bytes(vector["dots_size"])
    head, end = bytes.fromhex(vector["head"]), bytes.fromhex(vector["end"])
    assert encode_compressed("k", data) == head + data + end + b"\x00"


@of_kind("job")
def test_the_excerpts_and_what_is_between_them_are_the_whole_file(vector):
    before = len(bytes.fromhex(vector["before"]))
    panel = len(bytes.fromhex(vector["head"] + vector["end"])) + vector["dots_size"]
    after = len(bytes.fromhex(vector["after"])) + vector["nul_size"]
    whole = before + panel + vector["padding_size"] + after
    assert whole == vector["file_size"]
    assert (panel + vector["padding_size"]) % BLOCK_SIZE == 0
    rows_size = vector["long_rows"] * (1 + ROW_SIZE) + vector["short_rows"] * 2
    assert rows_size == vector["dots_size"]
    assert vector["long_rows"] + vector["short_rows"] == 1016
