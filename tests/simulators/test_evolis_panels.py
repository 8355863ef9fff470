"""Panels compressed by rows, as packed by hand from the fact sheet."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.evolis.panels import rows_unpacked
from tests.simulators.emulator_world import living, panel_bytes

ROWS, ROW_SIZE = 1016, 81


def compressed(letter: str, data: bytes) -> bytes:
    return f"\x1bDbc;{letter};2;{len(data)};".encode() + data + b"\r\0"


def test_a_row_is_white_black_or_as_long_as_it_says():
    rows = rows_unpacked(b"\x00\xff\x02\xa5\x5a\x03\x01\x00\x80", 4, 3)
    assert rows == bytes(3) + b"\xff" * 3 + b"\xa5\x5a\0" + b"\x01\0\x80"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",  # a row is missing
        b"\0\0\0",  # one too many
        b"\0\x02\xa5",  # the last is short
        b"\x04\1\2\3\4\0",  # longer than a row
        b"\xfe\0",
    ],
)
def test_what_is_not_so_is_no_panel(data):
    assert rows_unpacked(data, 2, 3) is None


ROW = st.one_of(
    st.just((b"\x00", bytes(5))),
    st.just((b"\xff", b"\xff" * 5)),
    st.binary(min_size=1, max_size=5).map(
        lambda data: (bytes([len(data)]) + data, data + bytes(5 - len(data)))
    ),
)


@given(st.lists(ROW, max_size=9))
def test_rows_come_back_one_by_one(rows):
    data = b"".join(packed for packed, _ in rows)
    assert rows_unpacked(data, len(rows), 5) == b"".join(whole for _, whole in rows)


@given(st.binary(max_size=40))
def test_no_bytes_make_more_than_a_panel(data):
    rows = rows_unpacked(data, 4, 3)
    assert rows is None or len(rows) == 12


def test_a_compressed_panel_is_on_the_card_as_if_it_had_come_whole(tmp_path):
    async def story() -> None:
        digests: list[str] = []
        row = b"\x0f\xf0" + bytes(79)
        whole = row * 1000 + b"\xff" * ROW_SIZE * 8 + bytes(ROW_SIZE * 8)
        packed = b"\x02\x0f\xf0" * 1000 + b"\xff" * 8 + b"\0" * 8
        for request in (panel_bytes("k", whole), compressed("k", packed)):
            async with living(
                ribbon_kind="K", cards_directory=tmp_path / str(len(digests))
            ) as world:
                await world.ask("Si")
                await world.ask("Ss")
                assert (await world.raw(request))[:3] == b"OK\0"
                assert await world.text("Se") == "OK"
                card = await world.card()
                assert card["state"] == "complete"
                digests.append(card["digest"])
        assert digests == [hashlib.sha256(whole).hexdigest()] * 2
        first, second = (
            (tmp_path / name / "card-000001-front.png").read_bytes() for name in "01"
        )
        assert first == second

    asyncio.run(story())


@pytest.mark.parametrize(
    "data", [b"\0" * 1017, b"\x52" + b"\0" * 1100, b"\x51" + b"\0" * 1015]
)
def test_a_malformed_one_is_refused_and_presses_nothing(data):
    async def story() -> None:
        async with living(ribbon_kind="K") as world:
            await world.ask("Si")
            raw = await world.raw(compressed("k", data))
            assert raw.startswith(b"ERROR PARAMETRES\0")
            assert (await world.card())["state"] == "blank"
            assert await world.text("Rok") == "OK"
            raw = await world.raw(compressed("k", b"\xff" * ROWS))
            assert raw.startswith(b"OK\0")
            assert (await world.card())["marks"] == {"front": ["k"]}

    asyncio.run(story())
