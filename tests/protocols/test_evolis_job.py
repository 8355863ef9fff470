"""A whole card in one stream: its bytes against the sources, then on the emulator."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from protocols.contract import PreparedCard, SidePlanes
from protocols.evolis.codec import encode_panel
from protocols.evolis.job import first_part, second_part
from protocols.evolis.models import MODELS
from protocols.evolis.preparing import prepare
from protocols.evolis.raster import pack, unpack_seven_bits
from protocols.vocabulary import CardSide, Panel

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "evolis.toml").read_text()
)
NAMES = [row["name"] for row in VECTORS["job"]]
SIZE = (1016, 648)


def plain(side: CardSide, panels: tuple[Panel, ...], dye: int) -> SidePlanes:
    """One dot in twenty has dye: a mean of 8, and 95 percent of bare dots."""
    plane = Image.new("L", SIZE, 0)
    plane.paste(dye, (0, 0, 50, 648))
    one_bit = Image.new("L", SIZE, 255)
    coloured = (Panel.YELLOW, Panel.MAGENTA, Panel.CYAN)
    return SidePlanes(
        side, {panel: plane if panel in coloured else one_bit for panel in panels}
    )


def card_of(vector) -> PreparedCard:
    model = MODELS[vector["model"]]
    ribbon = model.capabilities.ribbons[vector["ribbon"]]
    sides = [CardSide.FRONT, CardSide.BACK][: 1 + vector.get("two_sided", False)]
    return prepare(
        model,
        [plain(side, ribbon.panels(side), 160) for side in sides],
        vector["ribbon"],
    )


@pytest.mark.parametrize("vector", VECTORS["job"], ids=NAMES)
def test_the_first_part_is_what_the_vendors_program_sends(vector):
    model, card = MODELS[vector["model"]], card_of(vector)
    pieces = list(first_part(model, card, 1_700_000_000))
    panels = {panel.value: dots for panel, dots in card.sides[0][1]}
    wire = b""
    for text in vector["first"]:
        letter = text[1:-1]
        if letter in panels:
            levels = model.colour_levels if letter in "ymc" else 2
            whole = encode_panel(letter, levels, panels[letter], model.resolution)
            wire += b"".join(whole).removesuffix(b"\0")
        else:
            wire += text.encode("ascii")
    assert b"".join(pieces) == wire
    assert len(wire) == vector.get("size", len(wire))
    for _, dots in card.sides[0][1]:
        assert any(piece is dots for piece in pieces), "a panel was copied"


def test_the_second_part_lets_the_card_go():
    (vector,) = VECTORS["job_end"]
    assert second_part() == bytes.fromhex(vector["hex"])


def test_the_back_of_a_second_black_has_neither_dyes_nor_statistics():
    model = MODELS["Primacy"]
    ribbon = model.capabilities.ribbons["YMCKOK"]
    sides = [plain(side, ribbon.panels(side), 9) for side in CardSide]
    wire = b"".join(first_part(model, prepare(model, sides, "YMCKOK"), 1_700_000_000))
    back = wire.partition(b"\x1bSv\r")[2]
    assert back.count(b"<BINARY") == back.count(b"\x1bDb;k;2;") == 1
    assert b"Pida" not in back
    assert b"\x1bPr;4;t\r" in wire
    assert b"\x1bPwres;300;300;4\r" in wire


def test_seven_bits_and_back_are_the_upper_seven_bits_of_each_dot():
    plane = Image.frombytes("L", (80, 8), random.Random(3).randbytes(640))
    turned = plane.transpose(Image.Transpose.ROTATE_270).tobytes()
    packed = pack(Panel.CYAN, plane, levels=128, row_dots=8)
    assert unpack_seven_bits(packed) == bytes(dot >> 1 for dot in turned)


def test_the_statistics_of_128_levels_are_of_255_too():
    model = MODELS["Zenius"]
    side = plain(CardSide.FRONT, model.capabilities.ribbons["YMCKO"].front, 160)
    wire = b"".join(first_part(model, prepare(model, [side], "YMCKO"), 0))
    assert b"\x1bPida;95;8;8;8\r" in wire
