"""Targets of the Magicard family; what a target is: `tests.fuzz.targets`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

from protocols.contract import Happening, WireEvent
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
from protocols.magicard.models import ribbon_kind
from protocols.magicard.status import reasons_of, status_of
from protocols.vocabulary import PrinterState

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


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (mag_reply, mag_words, mag_trace, mag_stripe)
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
    }
