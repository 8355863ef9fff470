"""What must be nowhere once a job has ended, in every form that it may hide in.

A canary is a citizen's name, NIK or picture; it is looked for as written, in other
encodings, in base64 wherever that begins, as pixels and panels, and within whatever is
deflated. Real data is never searched like this; these persons are impossible.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, quote_plus

from PIL import Image

from simulators.centre.orders import Order

SLICE_SIZE = 16  # bytes of a picture that are taken for a trace of it
SLICES = 24  # of each form of a picture
CANDIDATES = 8_000  # places that they are chosen from
HEAD_SIZE = 700  # bytes at the begin of a JPEG that every one has
VARIED_MIN = 8  # different bytes in a slice of pixels: a plain colour is nobody's
INFLATED_MAX = 16 * 2**20
PACKED_MAX = 4 * 2**20
CHUNK_SIZE = 512  # most of what looks like a head is none, and soon shows it
PNG = b"\x89PNG\r\n\x1a\n"
_DEFLATED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")

Pieces = dict[str, list[bytes]]
"""By what it is and in which form: any one of the pieces tells."""


def canaries(orders: Sequence[Order]) -> Pieces:
    """Every form of what is private in these orders."""
    found: Pieces = {}
    for order in orders:
        fields = order.fields["sides"]["front"].get("fields", {})
        for what, key in (("name", "nama"), ("NIK", "nik")):
            if key in fields:
                _add(found, what, text_forms(fields[key]))
        for file in order.files:
            _add(found, "picture", picture_forms(file.data))
    return found


def _add(to: Pieces, what: str, forms: Pieces) -> None:
    for form, pieces in forms.items():
        to.setdefault(f"{what}, {form}", []).extend(pieces)


def text_forms(text: str) -> Pieces:
    """A name or number, as a program may have written it."""
    raw = text.encode()
    return {
        "as written": [raw, raw.lower()],
        "UTF-16": [text.encode("utf-16-le"), text.encode("utf-16-be")],
        "for a URL": [quote(text).encode(), quote_plus(text).encode()],
        "hex": [raw.hex().encode(), raw.hex().upper().encode()],
        "base64": [piece for at in range(3) for piece in base64_at(raw, at)],
    }


def base64_at(raw: bytes, at: int) -> list[bytes]:
    """What of `raw` is the same in base64 when `at` bytes stand before it, of three.

    The letters at both ends hold bits of their neighbours, so they are left out.
    """
    first, last = -(-at * 8 // 6), (at + len(raw)) * 8 // 6
    padded = bytes(at) + raw
    return [
        encode(padded)[first:last]
        for encode in (base64.b64encode, base64.urlsafe_b64encode)
    ]


def picture_forms(data: bytes) -> Pieces:
    """A picture: its file, the file in base64, and what it looks like in memory."""
    body = _slices(data[min(HEAD_SIZE, len(data) // 3) :])
    forms: Pieces = {
        "its file": body,
        "base64": [
            one for raw in body for at in range(3) for one in base64_at(raw, at)
        ],
    }
    with Image.open(BytesIO(data)) as opened:
        image = opened.convert("RGB")
    forms["pixels"] = _slices(image.tobytes(), varied=True)
    forms["pixels of four bytes"] = _slices(
        image.convert("RGBX").tobytes(), varied=True
    )
    planes = [plane.tobytes() for plane in (*image.split(), image.convert("L"))]
    dyes = [bytes(255 - value for value in plane) for plane in planes]
    forms["planes"] = [one for raw in planes for one in _slices(raw, varied=True)]
    forms["dyes"] = [one for raw in dyes for one in _slices(raw, varied=True)]
    return forms


def _slices(raw: bytes, *, varied: bool = False) -> list[bytes]:
    step = max(1, len(raw) // CANDIDATES)
    found = []
    for at in range(0, len(raw) - SLICE_SIZE, step):
        piece = raw[at : at + SLICE_SIZE]
        if not varied or len(set(piece)) >= VARIED_MIN:
            found.append(piece)
    return found[:: max(1, len(found) // SLICES)][:SLICES]


def told_by(raw: bytes, pieces: Pieces) -> list[str]:
    """What of the canaries is in these bytes, and in which form."""
    found = _plain(raw, raw.lower(), pieces)
    for what, inside in _unpacked(raw):
        found |= {f"{one}, {what}" for one in _plain(inside, inside.lower(), pieces)}
    return sorted(found)


def _plain(raw: bytes, lower: bytes, pieces: Pieces) -> set[str]:
    return {
        what
        for what, parts in pieces.items()
        if any(part in (lower if part.islower() else raw) for part in parts)
    }


def _unpacked(raw: bytes) -> Iterator[tuple[str, bytes]]:
    for found in _DEFLATED.finditer(raw):
        if inside := _inflated(memoryview(raw)[found.start() :]):
            yield "deflated", inside
    at = raw.find(PNG)
    while at >= 0:
        with suppress(OSError, SyntaxError, ValueError):
            file = BytesIO(memoryview(raw)[at : at + PACKED_MAX])
            yield "in a PNG", Image.open(file).convert("RGB").tobytes()
        at = raw.find(PNG, at + 1)


def _inflated(raw: memoryview) -> bytes:
    """What can be inflated from here on, be its end there or not."""
    inflate, out = zlib.decompressobj(47), bytearray()  # zlib's head or gzip's
    with suppress(zlib.error):
        for at in range(0, min(len(raw), PACKED_MAX), CHUNK_SIZE):
            out += inflate.decompress(raw[at : at + CHUNK_SIZE], INFLATED_MAX)
            if inflate.eof or len(out) > INFLATED_MAX:
                break
    return bytes(out)


def traces(places: Mapping[str, Path], pieces: Pieces) -> list[str]:
    """Each file below these places that tells something: whose, what, and which."""
    return [
        f"{whose}: {what} in {file.name}"
        for whose, place in places.items()
        for file in sorted(place.rglob("*"))
        if file.is_file()
        for what in told_by(file.read_bytes(), pieces)
    ]


def traces_unlinked(pid: int, pieces: Pieces) -> list[str]:
    """Likewise of files that a process holds open, and that have no name any more."""
    found = []
    for link in sorted(Path(f"/proc/{pid}/fd").iterdir()):
        with suppress(OSError):
            name = str(link.readlink())
            if name.endswith(" (deleted)") and link.is_file():
                found += [
                    f"open file: {what} in {name}"
                    for what in told_by(link.read_bytes(), pieces)
                ]
    return found
