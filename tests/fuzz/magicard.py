"""Targets of the Magicard family and of USB; what a target is: `tests.fuzz.targets`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from protocols.contract import Confidence, Happening, WireEvent
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.evolis.recognise import recognise as evolis
from protocols.ieee1284 import VALUE_SIZE_MAX, DeviceId
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
from protocols.magicard.models import ribbon_kind
from protocols.magicard.recognise import recognise as magicard
from protocols.magicard.status import reasons_of, status_of
from protocols.transports.usb_address import Attached, UsbAddress
from protocols.vocabulary import PrinterState
from simulators.magicard.header import Header, HeaderError
from simulators.magicard.wire import Page, Parser, Request

PAGE_SIZE_MAX = 2_000  # of all planes
VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors/magicard.toml").read_text(encoding="utf-8")
)


def mag_reply(data: bytes) -> None:
    """The decoder: one text between SOH and ETX, or a refusal, however it is cut."""
    whole = _decoded([data])
    pieces = [data[at : at + 1] for at in range(len(data))]
    assert _decoded(pieces) == whole
    if whole is None:
        return
    body, noise = whole.encode("latin-1"), data.partition(b"\x01")[0]
    assert data == noise + b"\x01" + body + b"\x03"
    assert len(body) <= REPLY_SIZE_MAX
    assert len(noise) <= NOISE_SIZE_MAX
    _read(whole)


def _decoded(pieces: list[bytes]) -> str | None:
    """None: not whole, or refused; bytes after the end are one or the other."""
    decoder, found = Decoder(), None
    try:
        for piece in pieces:
            if found is not None:
                return None
            found = decoder.receive(piece)
    except RemoteProtocolError as error:
        assert len(str(error)) < 600
        return None
    return found


def mag_words(data: bytes) -> None:
    """The answers' readers, without a frame around."""
    _read(data.decode("latin-1"))


def _read(body: str) -> None:
    try:
        info = parse_info(body)
    except RemoteProtocolError:
        pass
    else:
        fields = re.split("[,:]", body[5:])
        assert info.serial == fields[3].strip()
        assert info.film_name == fields[24].strip()
        assert info.film_left is None or 0 <= info.film_left < 10**9
        ribbon_kind(info.film_name)
    try:
        error = parse_error(body)
    except RemoteProtocolError:
        pass
    else:
        assert error.code in body
        assert "\n" not in error.text
        stopped = status_of(reasons_of(error), busy=False).state
        assert (stopped is PrinterState.STOPPED) is (error.code != "00:00")
    try:
        value = parse_value("MSR", body)
    except RemoteProtocolError:
        return
    assert body == f"STA,MSR{value},"


def mag_trace(data: bytes) -> None:
    """A connection as text: remarks alone, and of what was sent requests alone."""
    parts = data.split(b"\xff")
    told = [WireEvent(0.0, Happening.OPEN, detail="usb")]
    for at, part in enumerate(parts):
        what = Happening.IN if at % 2 else Happening.OUT
        told.append(WireEvent(float(at), what, part))
    text = annotate(told, no=1, source="fuzz", began_s=0.0)
    assert tomllib.loads(text) == {}
    for line in text.splitlines():
        if "  out " in line:
            assert re.search(
                r"out +(REQ,(INF|ERR|STA,[A-Z]{3})|\d+ bytes of a job)", line
            )


def mag_stripe(data: bytes) -> None:
    """A track's data: spelled as they are, or refused without being told."""
    number, text = data[:1], data[1:].decode("latin-1")
    track = Track(1 + number[0] % 3 if number else 1, text)
    try:
        fields = list(stripe_fields([track], Coercivity.HIGH))
    except LocalProtocolError as error:
        assert len(text) < 9 or text not in str(error)
        return
    spelled = fields[-1]
    assert spelled[1:-1] == text
    assert spelled.isascii()
    assert not set(spelled[1:-1]) & set("\x01\x03\x05\x1c?")


def mag_wire(data: bytes) -> None:
    """The emulator's parser: bounded, never stuck, the same however it is cut."""
    whole, pieces = Parser(_small), Parser(_small)
    frames = whole.receive(data)
    again = [
        frame for at in range(len(data)) for frame in pieces.receive(data[at : at + 1])
    ]
    assert again == frames
    assert whole.missing_size == pieces.missing_size >= 0
    for frame in frames:
        if isinstance(frame, Page):
            sizes = {letter: len(dots) for letter, dots in frame.planes.items()}
            assert sizes == frame.header.sizes
    # Whatever was begun, the parser comes back: enough bytes, then a request.
    while whole.in_page:
        whole.receive(bytes(whole.missing_size or 1))
    whole.receive(b"\x03")
    assert whole.receive(b"\x01,REQ,INF,\x1c\x03") == [Request(("REQ", "INF"))]


def _small(header: Header) -> None:
    if sum(header.sizes.values()) > PAGE_SIZE_MAX:
        raise HeaderError("larger than chance will fill")


def usb_ids(data: bytes) -> None:
    """What a device says of itself: bounded, and an address that finds it again."""
    serial, _, text = data.decode("latin-1").partition("\n")
    serial = "".join(sign for sign in serial if sign.isprintable()).strip()
    said = DeviceId.parse(text)
    for value in (said.manufacturer, said.model, said.serial, said.commands):
        assert len(value) <= VALUE_SIZE_MAX
        assert not value or value.isprintable()
        assert value == value.strip()
    found = Attached(0x0C1F, 0x1800, 1, 2, "1-2", serial or said.serial, said)
    for alone in (True, False):
        address = UsbAddress.of(found, alone=alone)
        assert UsbAddress.parse(str(address)) == address
        assert address.matches(found)
    for recognise in (evolis, magicard):
        recognised = recognise(0x0C1F, 0x1800, said)
        assert recognised is None or (recognised.model is None) is (
            recognised.confidence is Confidence.LOW
        )


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (mag_reply, mag_words, mag_trace, mag_stripe, mag_wire, usb_ids)
}


def seeds() -> dict[str, list[bytes]]:
    """By target: bytes of the vectors, in the form it takes."""
    errors = [bytes.fromhex(row["hex"]) for row in VECTORS["error"]]
    infos = [row["text"].encode() for row in VECTORS["info"]]
    requests = [bytes.fromhex(row["hex"]) for row in VECTORS["request"]]
    replies = errors + [b"\x01" + info + b"\x03" for info in infos]
    job = 64 * b"\x05" + b"\x01,NOC1,SZK9\x1cdots\x1cK:\x03"
    return {
        "mag_reply": [*replies, b"\x05" + replies[0]],
        "mag_words": [*infos, *(one[1:-1] for one in errors), b"STA,MSR4711,"],
        "mag_trace": [b"\xff".join([one, replies[0], job]) for one in requests],
        "mag_stripe": [b"\x00CONTOH 12", b"\x01123", b"\x0245"],
        "mag_wire": [
            *requests,
            64 * b"\x05" + b"\x01,NOC1,KEE,IMFBK,SZB3,SZK4\x1c123\x1cB:dots\x1cK:\x03",
            64 * b"\x05" + b"\x01,NOC1,MGVON,MAG1,BPI210,MPC7,COEH,%A?\x1c\x03",
        ],
        "usb_ids": [
            b"M100000\nMFG:Magicard ;CMD:PCL,MPL;MDL:RioTango2D;",
            b"\nMANUFACTURER:EVOLIS;MODEL:Primacy 2;SERN:1/2;",
        ],
    }
