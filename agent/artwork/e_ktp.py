"""The layout `e-ktp`: an Indonesian identity card's data on a plain tint.

It imitates no genuine card: no emblem, no map, positions of our own, and CONTOH
("specimen") across. Lettering is pure black, so that it is printed with resin.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageOps

from agent.artwork import text
from agent.artwork.errors import ArtworkError
from agent.artwork.images import CARD_HEIGHT_PX, CARD_WIDTH_PX
from agent.artwork.text import px
from agent.contract.messages import RejectReason
from protocols.vocabulary import CardSide

PICTURES = {"foto": True, "tanda_tangan": False}  # required?

_TINT = (244, 240, 228)
_MARK = (196, 78, 60)  # CONTOH
_MARK_STRENGTH = 56  # of 255
_HAIRLINE = (176, 166, 146)
_BLACK = (0, 0, 0)
_PHOTO_DARKEST = 6  # exact black would be printed with resin, a glossy blot in a face
_INK_THRESHOLD = 112  # of 255: from here on a dot is black

# Places in mm from the top left corner; y is a baseline; sizes in points.
_RIGHT_MM = 82.6
_LABEL_X, _INDENT_X, _COLON_X, _VALUE_X, _VALUE_END_X = 3.0, 5.0, 21.0, 22.5, 60.0
_BLOOD_X, _BLOOD_COLON_X, _BLOOD_VALUE_X, _BLOOD_END_X = 46.0, 55.9, 57.2, 61.3
_HEADING_PT, _NIK_PT, _ROW_PT, _LABEL_PT = 8.0, 11.0, 6.0, 5.5
_VALUE_STROKE_PX = 0.4  # the font has one weight: values are a little heavier
_ROWS_TOP, _ROWS_BOTTOM, _ROW_STEP, _WRAP_STEP = 18.5, 50.4, 2.75, 1.85
_PHOTO = (62.0, 12.0, 20.0, 25.0)
_SIGNATURE = (62.0, 43.5, 20.0, 7.0)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    fields: tuple[str, ...]  # joined by a comma
    indented: bool = False
    may_wrap: bool = False
    end_x: float = _VALUE_END_X


_ROWS = (
    _Row("Nama", ("nama",), may_wrap=True),
    _Row("Tempat/Tgl Lahir", ("tempat_lahir", "tanggal_lahir"), may_wrap=True),
    _Row("Jenis kelamin", ("jenis_kelamin",), end_x=_BLOOD_X - 1),
    _Row("Alamat", ("alamat",), may_wrap=True),
    _Row("RT/RW", ("rt_rw",), indented=True),
    _Row("Kel/Desa", ("kel_desa",), indented=True),
    _Row("Kecamatan", ("kecamatan",), indented=True),
    _Row("Agama", ("agama",), may_wrap=True),
    _Row("Status Perkawinan", ("status_perkawinan",)),
    _Row("Pekerjaan", ("pekerjaan",), may_wrap=True),
    _Row("Kewarganegaraan", ("kewarganegaraan",)),
    _Row("Berlaku Hingga", ("berlaku_hingga",)),
)
_BLOOD_ROW = "Jenis kelamin"  # `Gol. Darah` stands in the same row
_OTHER_FIELDS = (
    *("provinsi", "kabupaten", "nik", "golongan_darah"),
    *("tempat_terbit", "tanggal_terbit"),
)

FIELDS = frozenset(_OTHER_FIELDS).union(*(row.fields for row in _ROWS))
"""All are required; `-` is how a card says "none"."""


def draw(
    side: CardSide,
    fields: Mapping[str, str],
    pictures: Mapping[str, Image.Image],
    labels: bool,
) -> Image.Image:
    """Return the card. `fields` are exactly `FIELDS`, `pictures` RGBA, by role.

    Raises:
        ArtworkError: `layout-bad`, naming the field: empty, not drawable, too long for
            its place, or a `nik` that is not 16 digits.
    """
    values = {name: _checked(side, name, value) for name, value in fields.items()}
    card = Image.new("RGB", (CARD_WIDTH_PX, CARD_HEIGHT_PX), _TINT)
    _place_photo(card, pictures["foto"])
    _mark_specimen(card)
    ink = _Ink(side)
    _write_heading(ink, values, labels)
    _write_rows(ink, values, labels)
    _write_issue(ink, values)
    if "tanda_tangan" in pictures:
        ink.add_signature(pictures["tanda_tangan"])
    _rule_signature_box(card)
    card.paste(_BLACK, mask=ink.mask())
    return card


class _Ink:
    """Everything that becomes pure black: drawn smoothly, then made all or nothing."""

    def __init__(self, side: CardSide) -> None:
        self._side = side
        self._layer = Image.new("L", (CARD_WIDTH_PX, CARD_HEIGHT_PX), 0)
        self._draw = ImageDraw.Draw(self._layer)

    def mask(self) -> Image.Image:
        return self._layer.point(lambda value: 255 if value >= _INK_THRESHOLD else 0)

    def write(
        self,
        words: str,
        x: float,
        y: float,
        size_pt: float,
        *,
        centred: bool = False,
    ) -> None:
        """Write one line of a value that fits, from `x` on or centred at it."""
        self._draw.text(
            (px(x), px(y)),
            words,
            fill=255,
            font=text.font(size_pt),
            anchor="ms" if centred else "ls",
            stroke_width=_VALUE_STROKE_PX,
        )

    def label(self, words: str, x: float, y: float, size_pt: float) -> None:
        """Write a field's name, or a colon, lighter than a value."""
        at = (px(x), px(y))
        self._draw.text(at, words, fill=255, font=text.font(size_pt), anchor="ls")

    def fit(
        self, name: str, words: str, size_pt: float, width: float, *, may_wrap: bool
    ) -> tuple[float, list[str]]:
        """Return size and lines for the field `name`, `width` mm at most."""
        fitted = text.fit(words, size_pt, px(width), may_wrap=may_wrap)
        if fitted is None:
            lines = "two lines" if may_wrap else "one line"
            raise _bad(
                self._side,
                f"field {name} is too long: {len(words)} characters do not fit "
                f"in {lines} of {width:g} mm at {text.SIZE_MIN_PT:g} pt",
            )
        return fitted

    def add_signature(self, picture: Image.Image) -> None:
        """Fit the dark strokes of a scanned signature into its box."""
        left, top, width, height = _SIGNATURE
        room = (px(width - 1), px(height - 1))
        strokes = ImageOps.contain(_on_white(picture).convert("L"), room)
        strokes = ImageOps.invert(ImageOps.autocontrast(strokes))
        x = px(left + width / 2) - strokes.width // 2
        y = px(top + height / 2) - strokes.height // 2
        under = self._layer.crop((x, y, x + strokes.width, y + strokes.height))
        self._layer.paste(ImageChops.lighter(under, strokes), (x, y))


def _write_heading(ink: _Ink, values: Mapping[str, str], labels: bool) -> None:
    middle = CARD_WIDTH_PX / text.DPI * 25.4 / 2
    for name, y in (("provinsi", 5.0), ("kabupaten", 8.5)):
        words, width = values[name], _RIGHT_MM - _LABEL_X
        size, _ = ink.fit(name, words, _HEADING_PT, width, may_wrap=False)
        ink.write(words, middle, y, size, centred=True)
    if labels:
        ink.label("NIK", _LABEL_X, 14.0, _NIK_PT)
        ink.label(":", 14.3, 14.0, _NIK_PT)
    ink.write(values["nik"], 17.0, 14.0, _NIK_PT)


def _write_rows(ink: _Ink, values: Mapping[str, str], labels: bool) -> None:
    """Write the twelve rows, closer together when some of them need two lines."""
    fitted = []
    for row in _ROWS:
        words = ", ".join(values[name] for name in row.fields)
        width = row.end_x - _VALUE_X
        name = "+".join(row.fields)
        fitted.append(ink.fit(name, words, _ROW_PT, width, may_wrap=row.may_wrap))
    wrapped_count = sum(len(lines) - 1 for _, lines in fitted)
    room = _ROWS_BOTTOM - _ROWS_TOP - wrapped_count * _WRAP_STEP
    step = min(_ROW_STEP, room / (len(_ROWS) - 1))
    y = _ROWS_TOP
    for row, (size, lines) in zip(_ROWS, fitted, strict=True):
        if labels:
            ink.label(row.label, _INDENT_X if row.indented else _LABEL_X, y, _LABEL_PT)
            ink.label(":", _COLON_X, y, _LABEL_PT)
        if row.label == _BLOOD_ROW:
            _write_blood(ink, values["golongan_darah"], y, labels)
        for index, line in enumerate(lines):
            ink.write(line, _VALUE_X, y + index * _WRAP_STEP, size)
        y += step + (len(lines) - 1) * _WRAP_STEP


def _write_blood(ink: _Ink, value: str, y: float, labels: bool) -> None:
    if labels:
        ink.label("Gol. Darah", _BLOOD_X, y, _LABEL_PT)
        ink.label(":", _BLOOD_COLON_X, y, _LABEL_PT)
    width = _BLOOD_END_X - _BLOOD_VALUE_X
    size, _ = ink.fit("golongan_darah", value, _ROW_PT, width, may_wrap=False)
    ink.write(value, _BLOOD_VALUE_X, y, size)


def _write_issue(ink: _Ink, values: Mapping[str, str]) -> None:
    """Place and date of issue, centred between photo and signature."""
    left, _, width, _ = _PHOTO
    middle = left + width / 2
    place = values["tempat_terbit"]
    size, lines = ink.fit("tempat_terbit", place, _ROW_PT, width + 1, may_wrap=True)
    baselines = (40.0,) if len(lines) == 1 else (38.8, 40.6)
    for line, y in zip(lines, baselines, strict=True):
        ink.write(line, middle, y, size, centred=True)
    date = values["tanggal_terbit"]
    size, _ = ink.fit("tanggal_terbit", date, _ROW_PT, width + 1, may_wrap=False)
    ink.write(date, middle, 42.5, size, centred=True)


def _place_photo(card: Image.Image, photo: Image.Image) -> None:
    """Fill the photo's box; what is cut off goes rather below than above a face."""
    left, top, width, height = _PHOTO
    size = (px(width), px(height))
    fitted = ImageOps.fit(_on_white(photo), size, centering=(0.5, 0.35))
    card.paste(
        fitted.point(lambda value: max(value, _PHOTO_DARKEST)), (px(left), px(top))
    )


def _mark_specimen(card: Image.Image) -> None:
    """CONTOH from corner to corner, over the photo too, under the lettering."""
    face = text.font(50)
    box = face.getbbox("CONTOH", anchor="mm")
    width, height = round(box[2] - box[0]) + 8, round(box[3] - box[1]) + 8
    word = Image.new("L", (width, height), 0)
    middle = (width / 2, height / 2)
    ImageDraw.Draw(word).text(
        middle, "CONTOH", fill=_MARK_STRENGTH, font=face, anchor="mm", stroke_width=3
    )
    word = word.rotate(27, Image.Resampling.BICUBIC, expand=True)
    at = ((card.width - word.width) // 2, (card.height - word.height) // 2)
    card.paste(_MARK, at, mask=word)


def _rule_signature_box(card: Image.Image) -> None:
    left, top, width, height = _SIGNATURE
    corners = (px(left), px(top), px(left + width), px(top + height))
    ImageDraw.Draw(card).rectangle(corners, outline=_HAIRLINE)


def _on_white(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture).convert("RGB")


def _checked(side: CardSide, name: str, value: str) -> str:
    """Return the value as it will be drawn: the same letters, composed."""
    value = unicodedata.normalize("NFC", value)
    if not value.strip():
        raise _bad(side, f"field {name} is empty, must be `-` where there is none")
    if not text.drawable(value):
        raise _bad(side, f"field {name} has a character that the font cannot draw")
    if name == "nik" and not re.fullmatch(r"[0-9]{16}", value):
        raise _bad(side, "field nik must be 16 digits")
    return value


def _bad(side: CardSide, detail: str) -> ArtworkError:
    return ArtworkError(RejectReason.LAYOUT_BAD, f"{side}: {detail}")
