"""Finished card pictures as a centre would render them: data, a plain tint, CONTOH.

No emblem, no map, nothing of a real blank. Texts are pure black without smoothing,
which a printer puts down as resin. All pictures are `CARD_SIZE`, RGB.
"""

from __future__ import annotations

import random
import textwrap
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from simulators.persons import Person
from simulators.portraits import portrait, signature

CARD_SIZE = (1011, 638)
"""Pixels: ID-1, 85.60 × 53.98 mm at 300 dpi, landscape."""

Colour = tuple[int, int, int]

_BLACK: Colour = (0, 0, 0)
_TINTS: tuple[Colour, ...] = (
    (222, 236, 244), (228, 240, 226), (244, 236, 222), (238, 228, 240),
)  # fmt: skip
_LABEL_X, _COLON_X, _VALUE_X, _VALUE_END = 36, 252, 268, 716
_PHOTO = (735, 142)
_ROWS = (
    ("Nama", "nama", 0),
    ("Tempat/Tgl Lahir", "", 0),
    ("Jenis kelamin", "jenis_kelamin", 0),
    ("Alamat", "alamat", 0),
    ("RT/RW", "rt_rw", 24),
    ("Kel/Desa", "kel_desa", 24),
    ("Kecamatan", "kecamatan", 24),
    ("Agama", "agama", 0),
    ("Status Perkawinan", "status_perkawinan", 0),
    ("Pekerjaan", "pekerjaan", 0),
    ("Kewarganegaraan", "kewarganegaraan", 0),
    ("Berlaku Hingga", "berlaku_hingga", 0),
)


def identity_card(person: Person) -> Image.Image:
    """A person's card, marked CONTOH across."""
    fields = person.fields()
    fields[""] = f"{fields['tempat_lahir']}, {fields['tanggal_lahir']}"
    image = Image.new("RGB", CARD_SIZE, _TINTS[person.number % len(_TINTS)])
    mark_as_sample(image)
    pen = _pen(image)
    for text, y in ((fields["provinsi"], 34), (fields["kabupaten"], 76)):
        pen.text((505, y), text, _BLACK, _font(34), anchor="mt")
    for x, text in ((_LABEL_X, "NIK"), (180, ":"), (200, fields["nik"])):
        pen.text((x, 166), text, _BLACK, _font(38), anchor="ls")
    for row, (label, key, indent) in enumerate(_ROWS):
        y = 212 + row * 33
        pen.text((_LABEL_X + indent, y), label, _BLACK, _font(24), anchor="ls")
        pen.text((_COLON_X, y), ":", _BLACK, _font(24), anchor="ls")
        _value(pen, fields[key], y)
    pen.text((560, 278), f"Gol. Darah : {person.blood}", _BLACK, _font(24), anchor="ls")
    image.paste(portrait(person), _PHOTO)
    middle = _PHOTO[0] + 118
    for text, y in ((fields["tempat_terbit"], 448), (fields["tanggal_terbit"], 476)):
        pen.text((middle, y), text, _BLACK, _font(22), anchor="mt")
    sign(image, person, (_PHOTO[0], 512))
    return image


def badge_front(person: Person) -> Image.Image:
    """An office badge: large portrait, name, a number."""
    image = Image.new("RGB", CARD_SIZE, (250, 250, 248))
    pen = _pen(image)
    pen.rectangle((0, 0, 1010, 118), fill=(20, 84, 92))
    pen.rectangle((0, 118, 1010, 128), fill=(228, 172, 60))
    pen.text((44, 58), "KANTOR CONTOH", (252, 252, 250), _font(56), anchor="lm")
    pen.text((966, 58), "PEGAWAI", (228, 208, 150), _font(34), anchor="rm")
    image.paste(
        portrait(person).resize((330, 412), Image.Resampling.LANCZOS), (44, 172)
    )
    y = 190
    for line in textwrap.wrap(person.name, 22):
        pen.text((418, y), line, _BLACK, _font(46), anchor="lt")
        y += 56
    pen.text((418, y + 14), "Petugas cetak kartu", (60, 70, 74), _font(34), anchor="lt")
    pen.text((418, 440), f"No. C-{person.number:04d}", _BLACK, _font(42), anchor="lt")
    sign(image, person, (418, 500))
    return image


def badge_back(person: Person) -> Image.Image:
    """The badge's back: house rules and a drawn pattern, another for each person."""
    image = Image.new("RGB", CARD_SIZE, (236, 242, 240))
    pen = _pen(image)
    pen.rectangle((0, 40, 1010, 130), fill=(20, 84, 92))
    lines = (
        "Kartu ini milik KANTOR CONTOH.",
        "Kenakan selama berada di kantor.",
        "Bila ditemukan, serahkan kepada",
        "petugas jaga di JL. CONTOH NO. 1.",
    )
    for row, line in enumerate(lines):
        pen.text((52, 190 + row * 58), line, _BLACK, _font(38), anchor="lt")
    dice = random.Random(f"badge {person.number}")
    colours: tuple[Colour, ...] = ((20, 84, 92), (228, 172, 60), (176, 62, 60))
    for row in range(6):
        for column in range(6):
            x, y = 720 + column * 40, 190 + row * 40
            shape = dice.randrange(3)
            colour = dice.choice(colours)
            if shape == 0:
                pen.ellipse((x + 4, y + 4, x + 36, y + 36), fill=colour)
            elif shape == 1:
                pen.polygon(
                    [(x + 20, y + 2), (x + 38, y + 38), (x + 2, y + 38)], colour
                )
            else:
                pen.rectangle((x + 6, y + 6, x + 34, y + 34), fill=colour)
    pen.text((52, 560), "CONTOH", (120, 132, 130), _font(34), anchor="lt")
    return image


def mark_as_sample(image: Image.Image) -> None:
    """Write CONTOH across, in a tone a little darker than the ground."""
    ground = image.getpixel((0, 0))
    assert isinstance(ground, tuple)
    red, green, blue = ground[:3]
    tone = (round(red * 0.9), round(green * 0.9), round(blue * 0.9))
    word = Image.new("L", (900, 240), 0)
    ImageDraw.Draw(word).text((450, 120), "CONTOH", 255, _font(210), anchor="mm")
    turned = word.rotate(24, expand=True, resample=Image.Resampling.BICUBIC)
    left = (CARD_SIZE[0] - turned.width) // 2
    top = (CARD_SIZE[1] - turned.height) // 2
    image.paste(Image.new("RGB", turned.size, tone), (left, top), turned)


def sign(image: Image.Image, person: Person, corner: tuple[int, int]) -> None:
    """Put the person's signature there, as pure black ink on whatever lies below."""
    ink = signature(person).point([255 if grey < 150 else 0 for grey in range(256)])
    image.paste(Image.new("RGB", ink.size, _BLACK), corner, ink)


def _value(pen: ImageDraw.ImageDraw, text: str, y: int) -> None:
    """Shrink what is long, then break it in two; half a row's height each."""
    room = _VALUE_END - _VALUE_X
    for size in (24, 22, 20, 18):
        if pen.textlength(text, _font(size)) <= room:
            pen.text((_VALUE_X, y), text, _BLACK, _font(size), anchor="ls")
            return
    half = textwrap.wrap(text, len(text) // 2 + 8)
    for line, words in enumerate(half[:2]):
        pen.text((_VALUE_X, y - 9 + line * 16), words, _BLACK, _font(16), anchor="ls")


def _pen(image: Image.Image) -> ImageDraw.ImageDraw:
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1"  # no smoothing: what is black is exactly black
    return pen


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
