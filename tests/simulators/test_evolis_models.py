"""Models and ribbons as a host meets them: what is fitted, what panels look like."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from PIL import Image

from simulators.evolis.models import MODELS
from tests.simulators.emulator_world import (
    FLIPPER,
    REJECT_SLOT,
    World,
    living,
    panel_bytes,
    plain,
)

ERR_NO_OPTION, ERR_BAD_RIBBON = 0x1000_0000, 0x0040_0000
COLOUR_SIZE = {256: 658_368, 128: 576_072}
NARROW_COLOUR_SIZE, NARROW_MONO_SIZE = 499_618, 71_374


@pytest.mark.parametrize(
    ("name", "number", "config"),
    [
        ("PRIMACY", "7", FLIPPER | REJECT_SLOT),
        ("Primacy 2", "35", 0),
        ("Elypso", "15", 0),
        ("KC200", "3", 0),
        ("Zenius", "17", 0),
        ("Badgy200", "27", 0),
    ],
)
def test_each_model_says_its_name_number_and_what_is_fitted(name, number, config):
    async def story() -> None:
        model = next(key for key in MODELS if key.lower() == name.lower())
        async with living(model=model) as world:
            assert await world.text("Rtp") == name
            assert await world.text("Rtp;d") == number
            reply = await world.poll()
            assert reply.config & (FLIPPER | REJECT_SLOT) == config

    asyncio.run(story())


@pytest.mark.parametrize("model", [*MODELS])
@pytest.mark.parametrize("fitted", [True, False])
def test_what_no_source_says_can_be_fitted_or_left_out(model, fitted):
    row = MODELS[model].fitted(two_sided=fitted, reject_bin=fitted)
    assert (row.two_sided, row.has_reject_bin) == (fitted, fitted)
    assert row.fitted() == row


@pytest.mark.parametrize(
    ("model", "panel", "levels", "size"),
    [
        *(("Primacy", p, "256", 658_368) for p in "ymc"),
        *(("Primacy", p, "2", 82_296) for p in "ko"),
        *(("Primacy", p, "128", None) for p in "yk"),
        *(("Elypso", p, "256", 658_368) for p in "ymc"),
        *(("Zenius", p, "128", 576_072) for p in "ymc"),
        *(("Zenius", p, "256", None) for p in "yk"),
        ("Zenius", "k", "2", 82_296),
        ("Badgy200", "k", "2", None),
        ("Primacy", "s", "2", None),
    ],
)
def test_a_panel_has_the_size_of_its_model(model, panel, levels, size):
    assert MODELS[model].panel_size("Db", (panel, levels)) == size


@pytest.mark.parametrize(
    ("model", "form", "size"),
    [
        ("Badgy200", ("y", "128", "300", "260"), NARROW_COLOUR_SIZE),
        ("Badgy200", ("k", "2", "300", "260"), NARROW_MONO_SIZE),
        ("Badgy200", ("k", "2", "300", "300"), None),
        ("Badgy200", ("y", "256", "300", "260"), None),
        ("Zenius", ("y", "128", "300", "260"), None),
    ],
)
def test_a_panel_of_another_resolution_is_for_the_model_that_has_it(model, form, size):
    assert MODELS[model].panel_size("Dbx", form) == size


@pytest.mark.parametrize(
    ("size_text", "size"),
    [
        ("1016", 1016),
        ("83312", 83_312),
        *(("1015", None), ("83313", None), ("", None), ("-1", None), ("²", None)),
        ("9" * 200, None),
    ],
)
def test_a_compressed_panel_says_its_size_within_reason(size_text, size):
    assert MODELS["Primacy"].panel_size("Dbc", ("k", "2", size_text)) == size
    assert MODELS["Primacy"].panel_size("Dbc", ("y", "256", size_text)) is None
    assert MODELS["Badgy200"].panel_size("Dbc", ("k", "2", size_text)) is None


def test_without_a_flip_station_the_back_is_refused_and_nothing_lands_on_the_front():
    async def story() -> None:
        async with living(two_sided=False) as world:
            assert not (await world.poll()).config & FLIPPER
            await world.ask("Si")
            await world.ask("Ss")
            await world.print_side()
            assert await world.text("Sv") == "OPTION NOT AVAILABLE"
            assert (await world.poll()).error == ERR_NO_OPTION
            assert (await world.panel("k", plain("k", 1))).text == (
                "OPTION NOT AVAILABLE"
            )
            assert (await world.card())["marks"] == {"front": list("ymcko")}
            await world.ask("Scs")
            assert await world.text("Se") == "OK"
            assert (await world.card())["state"] == "complete"

    asyncio.run(story())


def test_without_a_flip_station_no_card_is_taken_for_a_back():
    async def story() -> None:
        async with living(model="Zenius") as world:
            await world.ask("Ss")
            assert await world.text("Sv") == "OPTION NOT AVAILABLE"
            assert (await world.truth())["places"]["path"] == 0

    asyncio.run(story())


def test_without_a_reject_bin_a_card_can_only_be_ejected():
    async def story() -> None:
        async with living(reject_bin=False) as world:
            assert not (await world.poll()).config & REJECT_SLOT
            await world.ask("Si")
            assert await world.text("Ser") == "OPTION NOT AVAILABLE"
            assert (await world.poll()).error == 0
            assert await world.text("Sce") == "OK"
            assert (await world.card())["place"] == "output"

    asyncio.run(story())


async def send(world: World, letters: str) -> None:
    for letter in letters:
        assert (await world.panel(letter, plain(letter, 255))).text == "OK"


@pytest.mark.parametrize(
    ("kind", "type_no", "front", "back", "sets"),
    [
        ("YMCKO", "0", "ymcko", "ymcko", 2),
        ("YMCKOK", "4", "ymcko", "k", 1),
        ("YMCKOK", "4", "ymcko", "ymcko", 2),
        ("KO", "1", "ko", "ko", 2),
        ("K", "100", "k", "k", 2),
        ("K", "100", "k", "", 1),
        ("YMCKOK", "4", "ymcko", "", 1),
    ],
)
def test_each_ribbon_prints_what_it_has_and_counts_sets(
    kind, type_no, front, back, sets
):
    async def story() -> None:
        async with living(ribbon_kind=kind, ribbon_sets=9) as world:
            assert await world.text("Rrt;type") == type_no
            assert await world.text(f"Pr;{type_no};t") == "OK"
            for _ in range(2):
                await world.ask("Si")
                await world.ask("Ss")
                await world.ask("Sr")
                await send(world, front)
                if back:
                    await world.ask("Sv")
                    await send(world, back)
                assert await world.text("Se") == "OK"
            card = await world.card(2)
            assert card["state"] == "complete"
            assert card["marks"].get("back", []) == list(back)
            truth = await world.truth()
            assert truth["ribbon"]["kind"] == kind
            assert truth["ribbon"]["left"] == 9 - 2 * sets
            assert truth["counters"]["sides_printed"] == (4 if back else 2)
            assert await world.text("Rrt;count") == str(9 - 2 * sets)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("kind", "panel"), [("K", "o"), ("K", "y"), ("KO", "c"), ("YMCKO", "s")]
)
def test_a_panel_that_the_ribbon_lacks_is_a_bad_ribbon(kind, panel):
    async def story() -> None:
        async with living(ribbon_kind=kind) as world:
            await world.ask("Si")
            if panel == "s":
                reply = await world.ask("Db;s;2;")
                assert (reply.text, reply.error) == ("ERROR PARAMETRES", 0)
                return
            await world.panel(panel, plain(panel, 1))
            assert (await world.poll()).error == ERR_BAD_RIBBON
            assert (await world.truth())["ribbon"]["left"] == 300

    asyncio.run(story())


def test_half_of_what_a_ribbon_has_is_no_complete_card():
    async def story() -> None:
        async with living(ribbon_kind="YMCKOK") as world:
            await world.ask("Si")
            await send(world, "k")
            assert (await world.card())["state"] == "part-printed"

    asyncio.run(story())


def packed(value: int, count: int, bits: int) -> bytes:
    """`count` times `value`, `bits` bits each, the highest bit first."""
    digits = f"{value:0{bits}b}" * 8
    cycle = int(digits, 2).to_bytes(bits, "big")
    return (cycle * (count // 8 + 1))[: count * bits // 8]


def test_128_levels_come_out_as_the_tone_they_stand_for(tmp_path):
    async def story() -> None:
        async with living(model="Zenius", cards_directory=tmp_path) as world:
            digest = hashlib.sha256()
            await world.ask("Si")
            await world.ask("Ss")
            for letter, value in (("y", 127), ("m", 64), ("c", 0)):
                data = packed(value, 1016 * 648, 7)
                digest.update(data)
                head = f"\x1bDb;{letter};128;".encode()
                assert (await world.raw(head + data + b"\r"))[:3] == b"OK\0"
            for letter in "ko":
                data = plain(letter, 0)
                digest.update(data)
                await world.raw(panel_bytes(letter, data))
            await world.ask("Se")
            card = await world.card()
            assert card["digest"] == digest.hexdigest()
            with Image.open(tmp_path / card["png"][0]) as picture:
                colours = picture.getcolors()
            assert colours == [(1016 * 648, (255, 255 - 64 * 255 // 127, 0))]

    asyncio.run(story())


def test_a_card_of_260_dpi_across_is_stretched_to_the_cards_shape(tmp_path):
    async def story() -> None:
        async with living(model="Badgy200", cards_directory=tmp_path) as world:
            await world.ask("Si")
            await world.ask("Ss")
            for letter in "ymc":
                head = f"\x1bDbx;{letter};128;300;260;".encode()
                data = bytes(NARROW_COLOUR_SIZE)
                assert (await world.raw(head + data + b"\r"))[:3] == b"OK\0"
            # The first dot of the second row: a row of resin is 70 whole bytes.
            ink = bytearray(NARROW_MONO_SIZE)
            ink[70] |= 0x80
            ink[1016 * 70] = 0xFF  # behind the last row: of no meaning
            for letter, data in (("k", bytes(ink)), ("o", b"\xff" * len(ink))):
                head = f"\x1bDbx;{letter};2;300;260;".encode()
                assert (await world.raw(head + data + b"\r"))[:3] == b"OK\0"
            await world.ask("Se")
            card = await world.card()
            assert card["state"] == "complete"
            with Image.open(tmp_path / card["png"][0]) as picture:
                assert picture.size == (1016, 648)
                colours = {colour for _, colour in picture.getcolors() or []}
                assert colours == {(0, 0, 0), (255, 255, 255)}, "nothing is smoothed"
                black = [
                    (x, y)
                    for x in range(1016)
                    for y in range(648)
                    if picture.getpixel((x, y)) == (0, 0, 0)
                ]
            assert black == [(1, 647)], "lowest, second from the left"

    asyncio.run(story())
