"""The layout `e-ktp`: the hard cases of real cards, on impossible persons."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agent.artwork import ArtworkError, check, render
from agent.artwork.e_ktp import FIELDS, draw
from agent.artwork.text import fit, px
from agent.contract.messages import (
    Job,
    JobKind,
    LayoutSide,
    MediaType,
    Part,
    RejectReason,
    Sides,
)
from protocols.vocabulary import CardSide

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BLACK = (0, 0, 0)
TINT = (244, 240, 228)
WOMAN = {
    "provinsi": "PROVINSI CONTOH",
    "kabupaten": "KABUPATEN CONTOH",
    "nik": "0001024503870000",
    "nama": "ANGGREK CONTOH SATU",
    "tempat_lahir": "KOTA CONTOH",
    "tanggal_lahir": "05-03-1987",
    "jenis_kelamin": "PEREMPUAN",
    "golongan_darah": "AB",
    "alamat": "JL. CONTOH NO. 1",
    "rt_rw": "001/002",
    "kel_desa": "DESA CONTOH",
    "kecamatan": "CONTOH BARAT",
    "agama": "ISLAM",
    "status_perkawinan": "BELUM KAWIN",
    "pekerjaan": "KARYAWAN SWASTA",
    "kewarganegaraan": "WNI",
    "berlaku_hingga": "SEUMUR HIDUP",
    "tempat_terbit": "KOTA CONTOH",
    "tanggal_terbit": "01-02-2026",
}
HARD = {
    "sixty letters": {
        "nama": "SITI CONTOH ANGGREK BULAN PURNAMA KENCANA WUNGU DEWI LESTARI"
    },
    "sixty letters, many wide": {
        "nama": "MOHAMMAD CONTOH AHMAD GUNAWAN WIBOWO RAHMAWAN HADI SAPUTRA N"
    },
    "a single name": {"nama": "CONTOH"},
    "one letter": {"nama": "X"},
    "long belief": {"agama": "KEPERCAYAAN TERHADAP TUHAN YANG MAHA ESA"},
    "no blood group": {"golongan_darah": "-"},
    "neighbourhood": {"rt_rw": "001/002"},
    "a foreigner": {
        "kewarganegaraan": "WNA",
        "berlaku_hingga": "31-12-2031",
        "status_perkawinan": "MARRIED",
        "pekerjaan": "FOREIGN LANGUAGE TEACHER",
        "jenis_kelamin": "FEMALE",
    },
    "long regency": {
        "tempat_lahir": "PENUKAL ABAB LEMATANG ILIR",
        "tempat_terbit": "PENUKAL ABAB LEMATANG ILIR",
    },
}
HARD["all at once"] = {
    **HARD["sixty letters"],
    **HARD["long belief"],
    **HARD["long regency"],
    "alamat": "JL. CONTOH PANJANG RAYA NO. 123 BLOK C PERUMAHAN CONTOH INDAH",
    "pekerjaan": "KARYAWAN BADAN USAHA MILIK DAERAH CONTOH BARAT DAYA",
}


def saved(image, form="PNG"):
    data = io.BytesIO()
    image.save(data, form)
    return data.getvalue()


def signature():
    image = Image.new("RGBA", (400, 120), (0, 0, 0, 0))
    ImageDraw.Draw(image).line((20, 60, 380, 60), fill=(20, 30, 120, 255), width=12)
    return image


PHOTO = Image.new("RGB", (480, 600), (200, 30, 30))
PARTS = {
    "foto": (MediaType.JPEG, saved(PHOTO, "JPEG")),
    "ttd": (MediaType.PNG, saved(signature())),
}


def job_of(fields, *, layout="e-ktp", pictures=None, labels=True, parts=None):
    if pictures is None:
        pictures = {"foto": "foto", "tanda_tangan": "ttd"}
    side = LayoutSide(layout=layout, fields=fields, parts=pictures, labels=labels)
    return Job(
        job_id="j1",
        queue_no=1,
        station="s",
        printer="p",
        rkid="k",
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        kind=JobKind.FIRST,
        subject="x",
        sides=Sides(front=side),
        parts=[
            Part(
                name=name,
                type=media,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
            for name, (media, data) in (parts or PARTS).items()
        ],
    )


def picture(fields=WOMAN, *, parts=PARTS, **options):
    job = job_of(fields, parts=parts, **options)
    blobs = {name: data for name, (_, data) in parts.items()}
    return render(job, blobs)[CardSide.FRONT]


def refusal(fields, reason=RejectReason.LAYOUT_BAD, **options):
    with pytest.raises(ArtworkError) as caught:
        picture(fields, **options)
    assert caught.value.reason is reason
    assert caught.value.detail.startswith("front: ")
    return caught.value.detail


def crop(image, left, top, right, bottom):
    """A piece of the card, in mm."""
    return image.crop((px(left), px(top), px(right), px(bottom)))


def black_count(image):
    return sum(
        count
        for count, colour in image.getcolors(image.width * image.height)
        if colour == BLACK
    )


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("labels", [True, False])
def test_every_hard_case_is_printed(case, labels):
    image = picture(WOMAN | HARD[case], labels=labels)
    assert (image.mode, image.size) == ("RGB", (1011, 638))


@pytest.mark.parametrize("case", HARD)
def test_nothing_is_written_into_the_margin_or_the_photo(case):
    image = picture(WOMAN | HARD[case])
    for box in ((0, 0, 85.6, 2), (0, 51.3, 85.6, 54), (0, 0, 2.9, 54)):
        assert black_count(crop(image, *box)) == 0
    assert black_count(crop(image, 83.2, 0, 85.6, 54)) == 0
    assert black_count(crop(image, 62, 12, 82, 37)) == 0


def test_lettering_is_pure_black_and_nothing_else_is_nearly_black():
    """A grey dot beside a letter would be printed with three dyes: a coloured rim."""
    image = picture()
    rows = crop(image, 3, 15, 61, 50)
    colours = {colour for _, colour in rows.getcolors(rows.width * rows.height)}
    assert BLACK in colours
    assert all(min(colour) > 120 for colour in colours - {BLACK})


def test_each_value_changes_the_card_only_in_its_own_row():
    plain, other = picture(), picture(WOMAN | {"nama": "MELATI CONTOH"})
    changed = [
        y
        for y in range(638)
        if plain.crop((0, y, 1011, y + 1)).tobytes()
        != other.crop((0, y, 1011, y + 1)).tobytes()
    ]
    assert px(18.5) - 25 < min(changed)
    assert max(changed) <= px(18.5) + 4


def test_what_may_not_be_shown_is_printed_all_the_same():
    """A job's fields hide themselves from whoever formats them; the card needs them."""
    pictures = {"foto": PHOTO.convert("RGBA"), "tanda_tangan": signature()}
    plain = draw(CardSide.FRONT, WOMAN, pictures, labels=True)
    parts = PARTS | {"foto": (MediaType.PNG, saved(PHOTO))}
    assert picture(parts=parts).tobytes() == plain.tobytes()


def test_contoh_runs_across_and_is_not_black():
    image = crop(picture(), 3, 12, 61, 51)
    marked = sum(
        count
        for count, (red, green, _) in image.getcolors(image.width * image.height)
        if red - green > 20
    )
    assert marked > image.width * image.height * 0.04


def test_contoh_crosses_the_photo_too():
    photo = crop(picture(), 62.2, 12.2, 81.8, 36.8)
    assert len({colour for _, colour in photo.getcolors(photo.width * 600)}) > 1


def test_the_photo_fills_its_box():
    image = picture()
    for x, y in ((62.2, 12.2), (81.7, 36.7), (62.2, 36.7)):
        red, green, blue = image.getpixel((px(x), px(y)))
        assert red > 150 > 80 > max(green, blue)
    assert image.getpixel((px(61.5), px(36.7))) == TINT


def test_black_in_a_photo_is_left_to_the_dyes():
    parts = PARTS | {"foto": (MediaType.PNG, saved(Image.new("RGB", (200, 250))))}
    assert black_count(crop(picture(parts=parts), 62, 12, 82, 37)) == 0


@pytest.mark.parametrize("size", [(236, 295), (40, 900), (900, 40), (1, 1)])
def test_a_photo_of_any_shape_fills_the_box(size):
    photo = Image.new("RGB", size, (30, 200, 30))
    image = picture(parts=PARTS | {"foto": (MediaType.PNG, saved(photo))})
    red, green, _ = image.getpixel((px(63), px(36)))
    assert green > 150 > red


def test_the_signature_becomes_black_strokes_inside_its_box():
    box = crop(picture(), 62.2, 43.7, 81.8, 50.3)
    assert black_count(box) > 1000
    bare = picture(pictures={"foto": "foto"})
    assert black_count(crop(bare, 62.2, 43.7, 81.8, 50.3)) == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_signature_may_be_a_scan_or_a_transparent_drawing(mode):
    scan = Image.new("RGB", (400, 120), "white")
    ImageDraw.Draw(scan).line((20, 60, 380, 60), fill=(90, 90, 90), width=12)
    parts = PARTS | {"ttd": (MediaType.PNG, saved(scan.convert(mode)))}
    box = crop(picture(parts=parts), 62.2, 43.7, 81.8, 50.3)
    assert 1000 < black_count(box) < box.width * box.height / 2


def test_an_empty_sheet_as_signature_leaves_the_box_empty():
    parts = PARTS | {"ttd": (MediaType.PNG, saved(Image.new("L", (400, 120), 255)))}
    assert black_count(crop(picture(parts=parts), 62.2, 43.7, 81.8, 50.3)) == 0


def test_without_labels_only_the_values_remain():
    image = picture(labels=False)
    assert black_count(crop(image, 3, 10, 16.5, 51)) == 0
    assert black_count(crop(image, 22, 15, 60, 51)) > 1000


def test_a_word_that_fits_nowhere_is_refused_by_its_field_without_its_value():
    for field in sorted(FIELDS - {"nik"}):
        value = "PANJANGSEKALI" * 12
        detail = refusal(WOMAN | {field: value})
        assert field in detail
        assert "too long" in detail
        assert value[:20] not in detail


def test_two_full_lines_are_the_limit():
    word = "CONTOH "
    fields = [WOMAN | {"alamat": (word * n).strip()} for n in range(1, 25)]
    accepted = []
    for each in fields:
        try:
            check(job_of(each), {name: data for name, (_, data) in PARTS.items()})
            accepted.append(True)
        except ArtworkError as error:
            assert error.reason is RejectReason.LAYOUT_BAD
            accepted.append(False)
    assert accepted == sorted(accepted, reverse=True)
    assert accepted.count(True) >= 8
    assert not accepted[-1]


def test_a_long_value_is_set_smaller_before_it_is_broken():
    limit = px(37.5)
    assert fit("ANGGREK CONTOH", 6, limit, may_wrap=True) == (6, ["ANGGREK CONTOH"])
    words = "ANGGREK BULAN PURNAMA CONTOHAN"
    smaller = fit(words, 6, limit, may_wrap=True)
    assert smaller is not None
    assert smaller[1] == [words]
    assert 5 <= smaller[0] < 6
    assert fit(words * 2, 6, limit, may_wrap=False) is None
    assert fit(f"{words} {words}", 6, limit, may_wrap=True) == (5, [words, words])


@pytest.mark.parametrize(
    "nik",
    [
        "000102450387000",
        "00010245038700000",
        "000102450387000A",
        "0001 024503870000",
        "\u0660" * 16,  # digits, but not those of the alphabet of a NIK
        "0001024503870000\n",
    ],
)
def test_a_nik_that_is_not_16_digits_is_refused(nik):
    detail = refusal(WOMAN | {"nik": nik})
    assert "field nik" in detail
    assert nik.strip() not in detail


def test_nothing_but_the_digits_of_a_nik_is_judged():
    """Region and birth date need not match: old codes live on."""
    assert picture(WOMAN | {"nik": "0099999999990000", "jenis_kelamin": "LAKI-LAKI"})


def test_missing_and_unknown_fields_are_named():
    without = {name: value for name, value in WOMAN.items() if name != "agama"}
    assert "missing field: agama" in refusal(without)
    extra = WOMAN | {"hobi": "CONTOH", "tinggi": "170"}
    assert "unknown field: hobi, tinggi" in refusal(extra)


def test_missing_and_unknown_pictures_are_named():
    assert "missing picture: foto" in refusal(WOMAN, pictures={})
    both = {"foto": "foto", "sidik_jari": "ttd"}
    assert "unknown picture: sidik_jari" in refusal(WOMAN, pictures=both)


def test_an_unknown_layout_is_answered_with_those_that_exist():
    detail = refusal(WOMAN, layout="ktp")
    assert "unknown layout 'ktp'" in detail
    assert "e-ktp" in detail


def test_a_part_that_is_not_in_the_job_is_malformed():
    detail = refusal(WOMAN, RejectReason.MALFORMED, pictures={"foto": "portrait"})
    assert "`portrait`" in detail


def test_a_broken_or_huge_photo_is_refused_by_its_role():
    for data in (PARTS["foto"][1][:400], saved(Image.new("1", (1200, 1200)), "JPEG")):
        parts = PARTS | {"foto": (MediaType.JPEG, data)}
        detail = refusal(WOMAN, RejectReason.IMAGE_BAD, parts=parts)
        assert "foto (part `foto`)" in detail


@pytest.mark.parametrize("value", ["", " ", "\u00a0"])
def test_an_empty_value_is_refused(value):
    assert "field agama" in refusal(WOMAN | {"agama": value})


@pytest.mark.parametrize(
    "value", ["ŚRĪ", "子", "A\nB", "A\tB", "A\x00B", "🙂", "A\u202eB"]
)
def test_what_the_font_cannot_draw_is_refused_and_never_drawn_as_a_box(value):
    detail = refusal(WOMAN | {"nama": value})
    assert "field nama has a character that the font cannot draw" in detail
    assert value not in detail


texts = st.text(max_size=200) | st.text("ABC DEFWMI.-/'0189,", max_size=90)


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(sorted(FIELDS)), value=texts)
def test_any_text_in_any_field_is_printed_or_refused_by_name(field, value):
    try:
        assert picture(WOMAN | {field: value}).size == (1011, 638)
    except ArtworkError as error:
        assert error.reason is RejectReason.LAYOUT_BAD
        assert field in error.detail
        assert len(value) < 4 or value not in error.detail
