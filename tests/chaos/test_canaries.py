"""The search for canaries finds a leak in each form, and none where there is none."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from PIL import Image

from simulators.centre.batch import LAYOUTS, batch
from tests.chaos.canaries import canaries, told_by, traces, traces_unlinked

ORDERS = [batch(max(LAYOUTS), "canary")[number - 1] for number in (1, LAYOUTS[0])]
FIELDS = ORDERS[1].fields["sides"]["front"]["fields"]
NAME, NIK = FIELDS["nama"], FIELDS["nik"]
CARD, PHOTO = ORDERS[0].files[0].data, ORDERS[1].files[0].data
PIECES = canaries(ORDERS)


def pixels(data: bytes, mode: str = "RGB") -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").convert(mode).tobytes()


def plane(data: bytes, at: int) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").split()[at].tobytes()


def png_of(data: bytes, level: int) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.convert("RGB").save(out, "PNG", compress_level=level)
    return out.getvalue()


def base64_after(count: int, raw: bytes) -> bytes:
    return base64.b64encode(b"?" * count + raw + b"and more")


PLANTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "as written": (NAME.encode, "name, as written"),
    "in small letters": (NAME.lower().encode, "name, as written"),
    "in JSON": (json.dumps({"nik": NIK}).encode, "NIK, as written"),
    "in UTF-16": (lambda: NAME.encode("utf-16-le"), "name, UTF-16"),
    "the other UTF-16": (lambda: NIK.encode("utf-16-be"), "NIK, UTF-16"),
    "in a URL": (lambda: quote(NAME).encode(), "name, for a URL"),
    "in a form": (lambda: quote_plus(NAME).encode(), "name, for a URL"),
    "in hex": (lambda: NIK.encode().hex().encode(), "NIK, hex"),
    "base64": (lambda: base64_after(0, NIK.encode()), "NIK, base64"),
    "base64 one on": (lambda: base64_after(1, NIK.encode()), "NIK, base64"),
    "base64 two on": (lambda: base64_after(2, NIK.encode()), "NIK, base64"),
    "base64 for a URL": (
        lambda: base64.urlsafe_b64encode(b"{" + NAME.encode()), "name, base64",
    ),
    "gzip": (lambda: gzip.compress(NAME.encode()), "name, as written, deflated"),
    "zlib": (lambda: zlib.compress(NIK.encode()), "NIK, as written, deflated"),
    "half a file": (lambda: PHOTO[len(PHOTO) // 2 :], "picture, its file"),
    "a file in base64": (lambda: base64_after(1, PHOTO), "picture, base64"),
    "pixels": (lambda: pixels(CARD), "picture, pixels"),
    "pixels of four": (lambda: pixels(CARD, "RGBX"), "picture, pixels of four bytes"),
    "a plane": (lambda: plane(CARD, 1), "picture, planes"),
    "a portrait, grey": (lambda: pixels(PHOTO, "L"), "picture, planes"),
    "a dye": (lambda: bytes(255 - one for one in plane(CARD, 0)), "picture, dyes"),
    "another PNG of it": (lambda: png_of(CARD, 1), "picture, pixels, in a PNG"),
    "the portrait as PNG": (lambda: png_of(PHOTO, 9), "picture, pixels, in a PNG"),
    "zlib of pixels": (
        lambda: zlib.compress(pixels(CARD)), "picture, pixels, deflated",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", PLANTED)
def test_a_planted_leak_is_found_in_each_form(tmp_path: Path, how: str) -> None:
    leak, told = PLANTED[how]
    noise = os.urandom(5_000)
    (tmp_path / "core").write_bytes(noise + leak() + noise)
    assert f"a place: {told} in core" in traces({"a place": tmp_path}, PIECES)


def test_nothing_is_found_where_nothing_is() -> None:
    # By layout: what is printed on every card is on no portrait.
    others = canaries([batch(max(LAYOUTS), "canary")[LAYOUTS[1] - 1]])
    files = b"".join(file.data for order in ORDERS for file in order.files)
    assert told_by(files + NAME.encode() + NIK.encode(), others) == []
    assert told_by(os.urandom(2**20) + bytes(2**16), PIECES) == []


def test_a_file_without_a_name_is_looked_into(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("w+b") as file:
        file.write(NAME.encode())
        file.flush()
        (tmp_path / "gone").unlink()
        found = traces_unlinked(os.getpid(), PIECES)
    assert [one.partition(" in ")[0] for one in found] == [
        "open file: name, as written"
    ]
