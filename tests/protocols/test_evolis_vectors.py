"""Codec and status against bytes that our own encoder never made."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from PIL import Image

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.evolis.codec import (
    Decoder,
    RefusalWord,
    encode,
    encode_compressed,
    encode_panel,
    refusal,
)
from protocols.evolis.commands import COMMANDS, Op
from protocols.evolis.raster import compress, pack
from protocols.evolis.status import read_status
from protocols.vocabulary import Panel

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "evolis.toml").read_text()
)


def of_kind(kind: str):
    rows = VECTORS[kind]
    return pytest.mark.parametrize("vector", rows, ids=[row["name"] for row in rows])


def decoded(hex_text: str):
    decoder = Decoder()
    decoder.receive(bytes.fromhex(hex_text))
    return decoder.receive_eof()


@of_kind("request")
def test_each_request_is_the_sources_bytes(vector):
    assert encode(Op[vector["op"]], *vector.get("parameters", ())) == bytes.fromhex(
        vector["hex"]
    )


def test_each_command_has_a_vector():
    elsewhere = {Op.PANEL: "panel", Op.JOB: "job", Op.JOB_END: "job_end"}
    spoken = {Op[row["op"]] for row in VECTORS["request"]}
    spoken |= {op for op, kind in elsewhere.items() if VECTORS[kind]}
    assert spoken == set(COMMANDS)


def test_each_vector_names_its_source():
    assert all(row["source"].strip() for kind in VECTORS.values() for row in kind)


def test_each_command_rests_on_a_fact_of_the_protocol_page():
    page = Path(__file__).parents[2] / "protocols" / "evolis" / "PROTOCOL.md"
    facts = page.read_text()
    assert all(f"| {row.fact} |" in facts for row in COMMANDS.values())


@of_kind("panel")
def test_each_panel_is_head_dots_and_tail(vector):
    dots = b"\x1b" * vector["dots_size"]
    resolution = tuple(vector["resolution"]) if "resolution" in vector else None
    pieces = encode_panel(vector["letter"], vector["levels"], dots, resolution)
    assert pieces[1] is dots, "it was copied"
    wire = b"".join(pieces)
    head, tail = bytes.fromhex(vector["head"]), bytes.fromhex(vector["tail"])
    assert wire == head + dots + tail
    assert len(wire) - 1 == vector["size_without_nul"]


@of_kind("seven_bits")
def test_eight_dots_of_128_levels_are_seven_bytes(vector):
    # A plane of one row, turned clockwise, is sent from its left to its right.
    plane = Image.frombytes("L", (8, 1), bytes.fromhex(vector["dots"]))
    packed = pack(Panel.YELLOW, plane, levels=128, row_dots=1)
    assert packed == bytes.fromhex(vector["packed"])


@of_kind("narrow_resin")
def test_a_row_of_resin_at_260_dpi_is_whole_bytes(vector):
    plane = Image.new("L", (vector["row_count"], 648), 0)
    plane.paste(255, (0, 648 - vector["black_rows"], vector["row_count"], 648))
    row = bytes.fromhex(vector["row"]).ljust(vector["row_size"], b"\x00")
    panel = (row * vector["row_count"]).ljust(vector["panel_size"], b"\x00")
    assert pack(Panel.BLACK, plane, levels=128, row_dots=562) == panel


@of_kind("compressed")
def test_each_row_takes_its_shortest_form(vector):
    dots = b""
    for begin, rest in vector["rows"]:
        first = bytes.fromhex(begin)
        dots += first + bytes.fromhex(rest) * (81 - len(first))
    assert compress(dots) == bytes.fromhex(vector["packed"])


@of_kind("compressed_panel")
def test_a_compressed_panel_states_its_size(vector):
    wire = encode_compressed(vector["letter"], bytes.fromhex(vector["data"]))
    assert wire == bytes.fromhex(vector["hex"])


@of_kind("reply")
def test_each_reply_says_what_the_source_says(vector):
    reply = decoded(vector["hex"])
    assert reply.text == vector["text"]
    expected = vector.get("refusal")
    assert refusal(reply.text) == (RefusalWord[expected] if expected else None)
    if "words" not in vector:
        assert reply.trailer is None
        return
    assert reply.trailer.words == tuple(vector["words"])
    assert reply.trailer.session == vector["session"]


@pytest.mark.parametrize("vector", [row for row in VECTORS["reply"] if "state" in row])
def test_each_status_is_said_in_the_words_of_the_field(vector):
    status = read_status(decoded(vector["hex"]).trailer, session_id=2)
    assert status.state == vector["state"]
    assert status.card == vector["card"]
    assert sorted(map(str, status.reasons)) == vector["reasons"]


@of_kind("broken")
def test_each_broken_reply_is_refused_with_its_reason(vector):
    with pytest.raises(RemoteProtocolError, match=vector["says"]):
        decoded(vector["hex"])


def test_a_wrong_number_of_parameters_never_reaches_the_wire():
    with pytest.raises(LocalProtocolError, match="takes 2 parameters, got 1"):
        encode(Op.RESERVE, 7)


def test_a_parameter_cannot_smuggle_in_a_second_command():
    with pytest.raises(LocalProtocolError, match="not a command"):
        encode(Op.RESERVE, "7\r\x1bSi", 180)


def test_a_panel_without_dots_cannot_be_asked_for():
    with pytest.raises(LocalProtocolError, match=r"^a panel has dots: encode_panel"):
        encode(Op.PANEL, "y", 256)


@pytest.mark.parametrize("op", [Op.JOB, Op.JOB_END])
def test_a_stream_cannot_be_asked_for_as_one_command(op):
    with pytest.raises(LocalProtocolError, match="begins a stream"):
        encode(op)
