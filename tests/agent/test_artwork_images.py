"""Finished pictures: what a stranger's bytes may and may not be."""

import hashlib
import io
import struct
import subprocess
import sys
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from agent.artwork import ArtworkError, check, render
from agent.contract.messages import (
    ImageSide,
    Job,
    JobKind,
    MediaType,
    Part,
    RejectReason,
    Sides,
)
from protocols.vocabulary import CardSide

SIZE = (1011, 638)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def saved(image, form="PNG", **options):
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def card(mode="RGB", size=SIZE):
    """A picture with a gradient, so that it does not compress to nothing."""
    return Image.radial_gradient("L").resize(size).convert(mode)


def job_of(parts, *, front="face", back=None):
    """`parts`: name -> (media type, bytes)."""
    return Job(
        job_id="j1",
        queue_no=1,
        station="s",
        printer="p",
        rkid="k",
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        kind=JobKind.TEST,
        subject="x",
        sides=Sides(front=ImageSide(part=front), back=back and ImageSide(part=back)),
        parts=[
            Part(
                name=name,
                type=media,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            for name, (media, data) in parts.items()
        ],
    )


def front_of(data, media=MediaType.PNG):
    job = job_of({"face": (media, data)})
    return render(job, {"face": data})[CardSide.FRONT]


def refusal(data, media=MediaType.PNG):
    with pytest.raises(ArtworkError) as caught:
        front_of(data, media)
    assert caught.value.reason is RejectReason.IMAGE_BAD
    assert "part `face`" in caught.value.detail
    return caught.value.detail


def chunk(kind, body):
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def png_header(width, height, *, depth=8, colour=2, extra=b""):
    """A PNG whose header promises a size and whose pixels are a few zero bytes."""
    ihdr = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(64)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + extra + pixels


def test_a_finished_png_comes_back_pixel_for_pixel():
    image = card()
    assert front_of(saved(image)).tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_every_allowed_kind_of_pixels_becomes_rgb(mode):
    picture = front_of(saved(card(mode)))
    assert (picture.mode, picture.size) == ("RGB", SIZE)
    assert picture.tobytes() == card(mode).convert("RGB").tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_as_good(mode, progressive):
    data = saved(card(mode), "JPEG", progressive=progressive)
    assert front_of(data, MediaType.JPEG).mode == "RGB"


def test_both_sides_are_rendered_front_first():
    front, back = saved(card()), saved(card("L"), "JPEG")
    parts = {"a": (MediaType.PNG, front), "b": (MediaType.JPEG, back)}
    pictures = render(job_of(parts, front="a", back="b"), {"a": front, "b": back})
    assert list(pictures) == [CardSide.FRONT, CardSide.BACK]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_refused(mode):
    assert "transparency" in refusal(saved(card(mode)))


@pytest.mark.parametrize(("mode", "key"), [("P", 3), ("L", 7), ("RGB", (1, 2, 3))])
def test_a_transparent_colour_is_refused(mode, key):
    assert "transparency" in refusal(saved(card(mode), transparency=key))


def test_16_bits_are_refused():
    grey = Image.new("I;16", SIZE)
    assert "16 bits" in refusal(saved(grey))
    assert "16 bits" in refusal(png_header(*SIZE, depth=16))


def test_cmyk_is_refused():
    assert "mode CMYK" in refusal(saved(card("CMYK"), "JPEG"), MediaType.JPEG)


def test_animation_is_refused():
    frames = [card("L").point(lambda value, k=k: value // k) for k in (2, 3)]
    data = saved(card("L"), save_all=True, append_images=frames)
    assert "animated" in refusal(data)


@pytest.mark.parametrize("size", [(638, 1011), (1011, 637), (1012, 638), (1, 1)])
def test_another_size_is_refused_with_both_sizes_named(size):
    detail = refusal(saved(card(size=size)))
    assert f"{size[0]} × {size[1]}" in detail
    assert "must be 1011 × 638" in detail


def test_a_bomb_is_refused_by_its_header():
    assert "must be 1011 × 638" in refusal(png_header(60_000, 60_000))


def test_a_compressed_text_or_profile_bomb_is_refused():
    inflated = zlib.compress(bytes(80 * 2**20))
    for extra in (
        chunk(b"zTXt", b"comment\0\0" + inflated),
        chunk(b"iCCP", b"profile\0\0" + inflated),
    ):
        refusal(png_header(*SIZE, extra=extra))


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (saved(card(), "JPEG"), MediaType.PNG),
        (saved(card()), MediaType.JPEG),
        (saved(card(), "GIF"), MediaType.PNG),
        (saved(card(), "BMP"), MediaType.JPEG),
        (b"<svg/>", MediaType.PNG),
        (b"\x00", MediaType.PNG),
    ],
)
def test_content_of_another_type_than_declared_is_refused(data, media):
    assert f"not {media}" in refusal(data, media)


def test_a_png_cut_anywhere_in_its_pixels_is_refused():
    data = saved(card())
    end_of_pixels = data.rindex(b"IEND") - 4
    for cut in range(8, end_of_pixels - 12, end_of_pixels // 60):
        refusal(data[:cut])


def test_a_jpeg_cut_anywhere_is_refused():
    data = saved(card(), "JPEG")
    for cut in range(3, len(data) - 64, len(data) // 60):
        refusal(data[:cut], MediaType.JPEG)


def test_damaged_pixels_are_refused():
    data = bytearray(saved(card()))
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    assert "damaged" in refusal(bytes(data))


@settings(max_examples=300, deadline=None)
@given(
    data=st.data(),
    source=st.sampled_from(
        [
            (saved(card()), MediaType.PNG),
            (saved(card("P")), MediaType.PNG),
            (saved(card(), "JPEG"), MediaType.JPEG),
        ]
    ),
)
def test_any_damage_to_the_head_renders_or_is_refused(data, source):
    content, media = source
    at = data.draw(st.integers(0, 700))
    junk = data.draw(st.binary(min_size=1, max_size=40))
    damaged = content[:at] + junk + content[at + data.draw(st.integers(0, 40)) :]
    try:
        assert front_of(damaged, media).size == SIZE
    except ArtworkError as error:
        assert error.reason is RejectReason.IMAGE_BAD


def test_a_side_whose_part_is_not_there_is_malformed():
    data = saved(card())
    job = job_of({"other": (MediaType.PNG, data)})
    with pytest.raises(ArtworkError) as caught:
        check(job, {"other": data})
    assert caught.value.reason is RejectReason.MALFORMED
    assert "front: part `face`" in caught.value.detail


def test_the_back_is_checked_like_the_front():
    good, bad = saved(card()), saved(card(size=(10, 10)))
    parts = {"a": (MediaType.PNG, good), "b": (MediaType.PNG, bad)}
    with pytest.raises(ArtworkError, match="back: part `b`"):
        check(job_of(parts, front="a", back="b"), {"a": good, "b": bad})


def test_what_was_checked_is_what_is_rendered_once_and_for_that_job_alone():
    data = saved(card())
    job = job_of({"face": (MediaType.PNG, data)})
    other = saved(card("L").point(lambda value: value // 2))
    other_job = job_of({"face": (MediaType.PNG, other)})
    check(job, {"face": data})
    dark = render(other_job, {"face": other})[CardSide.FRONT]
    assert dark.tobytes() == front_of(other).tobytes()
    check(job, {"face": data})
    first = render(job, {"face": data})[CardSide.FRONT]
    again = render(job, {"face": data})[CardSide.FRONT]
    assert first.tobytes() == again.tobytes() == card().tobytes()
    assert again is not first


def test_a_refused_job_leaves_nothing_of_the_one_before_it():
    good, bad = saved(card()), saved(card(size=(10, 10)))
    check(job_of({"face": (MediaType.PNG, good)}), {"face": good})
    with pytest.raises(ArtworkError):
        check(job_of({"face": (MediaType.PNG, bad)}), {"face": bad})
    refusal(bad)


def test_only_two_decoders_are_ever_loaded_and_none_before_the_first_job():
    """In a process of its own: this one has saved pictures in every format."""
    script = """
import sys
import agent.artwork
assert not [name for name in sys.modules if name.startswith("PIL")]
import agent.artwork.sides
print(sorted(name[4:] for name in sys.modules if name.endswith("ImagePlugin")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['JpegImagePlugin', 'PngImagePlugin']"
