"""What must hold for any bytes whatever: one function a parser, and where to begin.

A target returns, or fails: an exception that the parser's contract does not name, or an
assertion about what it made of the bytes. Run by `make fuzz`, and by pytest with seeds.
"""

from __future__ import annotations

import struct
import tomllib
from collections.abc import Callable
from pathlib import Path

from protocols.contract import Happening, WireEvent
from protocols.errors import RemoteProtocolError
from protocols.evolis.annotate import annotate
from protocols.evolis.codec import (
    REPLY_SIZE_MAX,
    TEXT_SIZE_MAX,
    Decoder,
    Reply,
    count_in,
    pairs,
    refusal,
)
from protocols.evolis.status import faults_up, flags_up, read_status
from protocols.vocabulary import PrinterState
from simulators.evolis.models import MODELS
from simulators.evolis.wire import HEAD_SIZE_MAX, Parser
from tests.fuzz import magicard

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors/evolis.toml").read_text(encoding="utf-8")
)


def reply(data: bytes) -> None:
    """The decoder: nothing but a reply or a refusal; the same however it is cut."""
    whole = _decoded([data])
    assert _decoded(_pieces(data)) == whole
    if not isinstance(whole, Reply):
        return
    assert len(data) <= REPLY_SIZE_MAX
    assert len(whole.text) <= TEXT_SIZE_MAX
    assert whole.text.isascii()
    refusal(whole.text)
    text, _, rest = data.partition(b"\x00")
    assert text.decode().rstrip(" \r\n") == whole.text
    trailer = whole.trailer
    if trailer is None:
        assert not rest
        return
    # Spelled out here, not by the code under test.
    again = b"\x10" + struct.pack(">4I", *trailer.words[:4]) + b"\x02"
    again += struct.pack(">H", trailer.session)
    again += b"".join(b"\x04" + struct.pack(">I", word) for word in trailer.words[4:])
    told = rest[2 : 2 + len(again)]
    assert again.startswith(told)
    assert not any(again[len(told) :].replace(b"\x04", b""))
    status, up = read_status(trailer, session_id=7), flags_up(trailer)
    assert {flag.meaning.reason for flag in up} <= status.reasons
    assert faults_up(trailer) <= status.reasons
    if faults_up(trailer):
        assert status.state is PrinterState.STOPPED


def _decoded(pieces: list[bytes]) -> Reply | str | None:
    decoder = Decoder()
    try:
        for piece in pieces:
            decoder.receive(piece)
        return decoder.receive_eof()
    except RemoteProtocolError as error:
        return str(error)


def _pieces(data: bytes) -> list[bytes]:
    """In two to nine pieces, as the last byte will have it."""
    size = 1 + len(data) // (2 + data[-1] % 7) if data else 1
    return [data[at : at + size] for at in range(0, len(data), size)]


def lines(data: bytes) -> None:
    """Lines of `key:value`, and the counts in them."""
    text = data.decode("latin-1")
    try:
        found = pairs(text)
    except RemoteProtocolError:
        return
    for key, value in found.items():
        assert key
        assert value in text
        try:
            count = count_in(found, key)
        except RemoteProtocolError:
            assert not (value.isascii() and value.isdigit() and len(value) <= 10)
        else:
            assert 0 <= count < 10**10
            assert str(count) == value.lstrip("0") or count == 0


def trace(data: bytes) -> None:
    """An exchange as text: always one TOML, whatever went over the wire."""
    cut = data[0] if data else 0
    sent, came = data[1 : 1 + cut], data[1 + cut :]
    steps = [(Happening.OPEN, b""), (Happening.OUT, sent), (Happening.FINISH, b"")]
    steps += [(Happening.IN, came), (Happening.END, b""), (Happening.CLOSE, b"")]
    told = [WireEvent(0.0, what, part, "tcp") for what, part in steps]
    text = annotate(told, no=1, source="fuzz", began_s=0.0)
    loaded = tomllib.loads(text)
    assert set(loaded) <= {"request", "panel", "reply", "broken"}
    for row in loaded.get("reply", ()):
        assert bytes.fromhex(row["hex"]) == came
    assert len(text) <= 20_000
    if sent.startswith((b"\x1bDm;", b"\x1bRmb;")):
        assert "request" not in loaded
        assert "broken" not in loaded


def wire(data: bytes) -> None:
    """The emulator's parser: bounded, never stuck, the same however it is cut."""
    model = MODELS["Badgy200" if data[:1] < b"\x80" else "Primacy"]
    whole, pieces = Parser(model.panel_size), Parser(model.panel_size)
    found = whole.receive(data)
    again = [command for piece in _pieces(data) for command in pieces.receive(piece)]
    assert again == found
    assert whole.missing_size == pieces.missing_size >= 0
    for command in found:
        assert len(command.word) <= HEAD_SIZE_MAX
    # Whatever was begun, the parser comes back: enough bytes, then a command.
    whole.receive(bytes(whole.missing_size) + b"\r\r")
    assert [one.word for one in whole.receive(b"\x1bRok\r")] == ["Rok"]


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (reply, lines, trace, wire)
} | magicard.TARGETS


def seeds(name: str) -> list[bytes]:
    """Inputs to begin with: the bytes of the vectors, in the form the target takes."""
    replies = [
        bytes.fromhex(row["hex"]) for row in VECTORS["reply"] + VECTORS["broken"]
    ]
    requests = [bytes.fromhex(row["hex"]) for row in VECTORS["request"]]
    both = [bytes([len(one)]) + one + replies[0] for one in requests]
    begun = {
        "reply": replies,
        "lines": [b"type:0\nqty:300\ncount 7\r\nlabel: YMCKO"],
        "trace": [
            *both,
            *(b"\x05\x1bSi\r\x00" + one for one in replies),
            b"\x10\x1bDm;1;CONTOH12\r\x00OK\x00",
            b"\x12\x1bDb;y;256;dots12\r\x00OK\x00",
        ],
        **magicard.seeds(),
        "wire": [*requests, b"\x1bDbc;k;2;4;\x02\xf0\x00\xff\r\x00\x1bSe\r\x00"],
    }
    return begun[name]
