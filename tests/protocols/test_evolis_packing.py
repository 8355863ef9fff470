"""Packing for every depth and width of panel, against references dot by dot."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from protocols.contract import SidePlanes
from protocols.errors import LocalProtocolError
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.evolis.raster import compress, pack
from protocols.vocabulary import CardFate, CardSide, Panel
from tests.protocols.scripted_link import (
    ScriptedTransport,
    Step,
    poll,
    run_in_virtual_time,
    says,
    status,
)

PLAIN = [name for name, row in MODELS.items() if name.upper() == row.reply]
AREA = (1016, 648)
INSIDE = 0x02000000


def turned(plane: Image.Image) -> list[int]:
    """The dots in the order of the wire: each column from its bottom upwards."""
    at = plane.load()
    assert at is not None
    return [
        at[x, plane.height - 1 - y]  # type: ignore[misc]
        for x in range(plane.width)
        for y in range(plane.height)
    ]


def bits_of(values: list[int], width: int) -> bytes:
    text = "".join(f"{value:0{width}b}" for value in values)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def unpacked(data: bytes, width: int) -> list[int]:
    text = "".join(f"{byte:08b}" for byte in data)
    return [int(text[at : at + width], 2) for at in range(0, len(text), width)]


def unshortened(packed: bytes) -> bytes:
    """What a printer makes of compressed rows, by the rule alone."""
    rows, at = b"", 0
    while at < len(packed):
        head = packed[at]
        count = 0 if head in (0x00, 0xFF) else head
        row = packed[at + 1 : at + 1 + count]
        assert len(row) == count <= 81
        rows += b"\xff" * 81 if head == 0xFF else row + bytes(81 - count)
        at += 1 + count
    return rows


def narrowed(plane: Image.Image, height: int) -> Image.Image:
    """Each row of a plane goes whole to where its middle falls; two make a mean."""
    rows: list[list[int]] = [[] for _ in range(height)]
    for y in range(plane.height):
        middle = (2 * y + 1) * height / (2 * plane.height)
        rows[int(middle)].append(y)
    made = Image.new("L", (plane.width, height))
    for y, sources in enumerate(rows):
        assert len(sources) in (1, 2)
        for x in range(plane.width):
            values = [
                plane.crop((x, one, x + 1, one + 1)).tobytes()[0] for one in sources
            ]
            made.putpixel((x, y), (2 * sum(values) + len(values)) // (2 * len(values)))
    return made


def noise(size: tuple[int, int], seed: int, *, resin: bool = False) -> Image.Image:
    data = random.Random(seed).randbytes(size[0] * size[1])
    if resin:
        data = bytes(255 * (value & 1) for value in data)
    return Image.frombytes("L", size, data)


sizes = st.tuples(st.integers(1, 4).map(lambda n: 8 * n), st.integers(1, 12))


@given(sizes, st.integers())
def test_dots_of_128_levels_are_packed_without_a_gap(size, seed):
    plane = noise(size, seed)
    packed = pack(Panel.CYAN, plane, levels=128, row_dots=plane.height)
    dots = [value >> 1 for value in turned(plane)]
    assert packed == bits_of(dots, 7)
    assert unpacked(packed, 7) == dots


@given(sizes, st.integers())
def test_dots_of_256_levels_are_their_bytes(size, seed):
    plane = noise(size, seed)
    assert pack(Panel.CYAN, plane, row_dots=plane.height) == bytes(turned(plane))


@given(sizes, st.integers(), st.sampled_from([Panel.BLACK, Panel.OVERLAY]))
def test_a_row_of_resin_fills_whole_bytes_and_zeros_fill_the_panel(size, seed, panel):
    plane = noise(size, seed, resin=True)
    low, high = plane.getextrema()
    assume(low != high)  # a plane of one value is all ones or zeros
    packed = pack(panel, plane, levels=128, row_dots=plane.height)
    whole = plane.height // 8 * 8
    kept = turned(plane.crop((0, plane.height - whole, plane.width, plane.height)))
    expected = bits_of([value // 255 for value in kept], 1)
    assert packed == expected.ljust(plane.width * plane.height // 8, b"\x00")


@pytest.mark.parametrize("seed", [1, 2])
def test_a_dye_plane_of_half_the_height_is_narrowed_row_by_row(seed):
    plane = noise((8, 324), seed)
    expected = [value >> 1 for value in turned(narrowed(plane, 281))]
    packed = pack(Panel.MAGENTA, plane, levels=128, row_dots=281)
    assert packed == bits_of(expected, 7)


def test_a_whole_dye_plane_is_narrowed_row_by_row():
    plane = noise(AREA, 3)
    packed = pack(Panel.MAGENTA, plane, levels=128, row_dots=562)
    assert len(packed) == 499618
    dots = unpacked(packed, 7)
    for x in (0, 1, 507, 1014, 1015):
        column = narrowed(plane.crop((x, 0, x + 1, 648)), 562)
        assert dots[x * 562 : (x + 1) * 562] == [one >> 1 for one in turned(column)]


def test_no_thin_line_of_resin_is_lost_or_doubled_in_a_narrow_panel():
    for y in range(648):
        plane = Image.new("L", (8, 648), 0)
        plane.paste(255, (0, y, 8, y + 1))
        data = pack(Panel.BLACK, plane, row_dots=562)
        # The uppermost two of 562 dots have no byte.
        assert sum(unpacked(data, 1)) == (8 if y > 1 else 0)
    assert len(pack(Panel.BLACK, noise(AREA, 4, resin=True), row_dots=562)) == 71374


@pytest.mark.parametrize(("dye", "byte"), [(0, b"\x00"), (255, b"\xff")])
def test_a_narrow_panel_of_one_value_is_whole(dye, byte):
    plane = Image.new("L", AREA, dye)
    assert pack(Panel.OVERLAY, plane, levels=128, row_dots=562) == byte * 71374
    dye_panel = pack(Panel.YELLOW, plane, levels=128, row_dots=562)
    assert dye_panel == byte * 499618


@pytest.mark.parametrize(
    ("levels", "size", "message"),
    [(64, AREA, "64 levels"), (128, (3, 3), "3 × 3 dots"), (256, (1, 1), "1 × 1 dots")],
)
def test_what_no_panel_can_hold_is_refused(levels, size, message):
    plane = Image.new("L", size)
    with pytest.raises(LocalProtocolError, match=message) as caught:
        pack(Panel.CYAN, plane, levels=levels, row_dots=plane.height)
    assert caught.value.card is CardFate.UNTOUCHED


row = st.one_of(
    st.just(bytes(81)),
    st.just(b"\xff" * 81),
    st.binary(max_size=81).map(lambda begin: begin.ljust(81, b"\x00")),
    st.binary(min_size=81, max_size=81),
)


@given(st.lists(row, max_size=12).map(b"".join))
def test_compressed_rows_come_back_and_are_never_much_longer(dots):
    packed = compress(dots)
    assert unshortened(packed) == dots
    assert len(packed) <= len(dots) // 81 * 82


@pytest.mark.parametrize(
    ("name", "dye_size", "resin_size"),
    [
        ("Primacy", 658368, 82296),
        ("KC200", 658368, 82296),
        ("Zenius", 576072, 82296),
        ("Badgy200", 499618, 71374),
    ],
)
def test_a_card_is_prepared_with_the_panels_of_its_model(name, dye_size, resin_size):
    driver = EvolisDriver(MODELS[name], ScriptedTransport([]), session_id=7)
    card = driver.prepare([front()], "YMCKO")
    sizes = [len(dots) for _, dots in card.sides[0][1]]
    assert sizes == [dye_size] * 3 + [resin_size] * 2


@pytest.mark.parametrize("name", sorted(set(PLAIN) - {"Primacy"}))
def test_no_back_is_prepared_for_a_model_not_known_to_turn_cards(name):
    driver = EvolisDriver(MODELS[name], ScriptedTransport([]), session_id=7)
    sides = [front(), SidePlanes(CardSide.BACK, front().planes)]
    with pytest.raises(LocalProtocolError, match=f"{name} prints the front alone"):
        driver.prepare(sides, "YMCKO")


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        ("Zenius", "Db;y;128; Db;m;128; Db;c;128; Db;k;2; Db;o;2;"),
        (
            "Badgy200",
            "Dbx;y;128;300;260; Dbx;m;128;300;260; Dbx;c;128;300;260; "
            "Dbx;k;2;300;260; Dbx;o;2;300;260;",
        ),
    ],
)
def test_a_side_is_sent_with_the_heads_of_its_model(name, heads):
    transport = ScriptedTransport(
        [
            poll(session=0),
            poll(session=0),
            says("Rtp", name.upper(), session=0),
            says("Rfv", "1640", session=0),
            says("Rsn", "SN-1", session=0),
            says("Rkn", "HEAD-1", session=0),
            poll(session=0),
            says("Psid;7;180", "OK", session=0),
            poll(),
            says("Pem;2", "OK"),
            says("Rem;1", "2"),
            poll(),
            says("Rco;card", "inserted_head:41"),
            says("Si", "OK", inf=INSIDE),
            poll(inf=INSIDE),
            says("Ss", "OK", inf=INSIDE),
            says("Sr", "OK", inf=INSIDE),
            *(
                Step(b"\x1b" + head.encode(), b"OK\x00" + status(inf=INSIDE))
                for head in heads.split()
            ),
        ]
    )

    async def main() -> None:
        driver = EvolisDriver(MODELS[name], transport, session_id=7)
        card = driver.prepare([front()], "YMCKO")
        await driver.open()
        await driver.claim()
        await driver.feed()
        await driver.print_side(card, CardSide.FRONT)
        await driver.close()
        sent = transport.writes[-15:]  # head, dots and tail of each panel
        assert sent[1::3] == [dots for _, dots in card.sides[0][1]]
        assert sent[2::3] == [b"\r\x00"] * 5

    run_in_virtual_time(main)
    assert not transport.steps


def front() -> SidePlanes:
    planes = {panel: noise(AREA, 5) for panel in (Panel.YELLOW, Panel.MAGENTA)}
    planes[Panel.CYAN] = Image.new("L", AREA, 0)
    planes[Panel.BLACK] = noise(AREA, 6, resin=True)
    planes[Panel.OVERLAY] = Image.new("L", AREA, 255)
    return SidePlanes(CardSide.FRONT, planes)


@pytest.mark.parametrize(("kind", "letters"), [("K", "k"), ("KO", "ko")])
@pytest.mark.parametrize("name", PLAIN)
def test_a_mono_ribbon_takes_its_own_panels_alone(name, kind, letters):
    driver = EvolisDriver(MODELS[name], ScriptedTransport([]), session_id=7)
    every = front().planes
    planes = {panel: every[panel] for panel in driver.capabilities.ribbons[kind].front}
    card = driver.prepare([SidePlanes(CardSide.FRONT, planes)], kind)
    assert [panel.value for panel, _ in card.sides[0][1]] == list(letters)
    with pytest.raises(LocalProtocolError, match="planes"):
        driver.prepare([front()], kind)
