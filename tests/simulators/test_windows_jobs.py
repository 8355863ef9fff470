"""The emulator takes jobs of the vendor's Windows driver, by excerpts of captures."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from simulators.evolis.models import MODELS
from simulators.evolis.panels import rows_unpacked
from simulators.evolis.wire import Parser
from tests.simulators.emulator_world import living

VECTORS = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "evolis_windows.toml").read_text()
)
ROW_COUNT, ROW_SIZE = 1016, 81
PACKED = [bytes.fromhex(row["packed"]) for row in VECTORS["row"]]
LONG, SHORT = PACKED[0], PACKED[2]
jobs = pytest.mark.parametrize(
    "job", VECTORS["job"], ids=[job["name"] for job in VECTORS["job"]]
)


def whole(job) -> bytes:
    """The job with its panel filled from the rows that are kept."""
    dots = LONG * job["long_rows"] + SHORT * job["short_rows"]
    assert len(dots) == job["dots_size"]
    parts = ("before", "head", "end", "after")
    before, head, end, after = (bytes.fromhex(job[part]) for part in parts)
    padding, nuls = bytes(job["padding_size"]), bytes(job["nul_size"])
    return b"".join((before, head, dots, end, padding, after, nuls))


@jobs
def test_a_job_is_read_as_its_commands(job):
    parser = Parser(MODELS["Primacy"].panel_size)
    commands = parser.receive(whole(job))
    time = commands[5].parameters[0]
    assert [";".join((one.word, *one.parameters)) for one in commands] == [
        *("Pr;k", "Pmi;F;s", "Pc;k;=;10", "Pdt;DU", "Mr;s", f"Ppws;{time}"),
        *("Ss", "Sr", f"Dbc;k;2;{job['dots_size']}", "Se;1"),
    ]
    assert not any(one.malformed for one in commands)
    panel = commands[8].panel
    assert panel is not None
    assert len(panel) == job["dots_size"]
    assert not parser.in_command


@pytest.mark.parametrize("row", VECTORS["row"], ids=lambda row: row["name"])
def test_a_row_is_read_as_its_dots_with_white_after_them(row):
    packed = bytes.fromhex(row["packed"])
    dots = rows_unpacked(packed, 1, ROW_SIZE)
    assert dots == packed[1:].ljust(ROW_SIZE, b"\0")


@pytest.mark.parametrize("row", VECTORS["row"], ids=lambda row: row["name"])
def test_what_looks_like_a_command_among_the_dots_is_dots(row):
    dots = bytes.fromhex(row["packed"]) * ROW_COUNT
    parser = Parser(MODELS["Primacy"].panel_size)
    head = b"\x1bDbc;k;2;%d;" % len(dots)
    (command, last) = parser.receive(head + dots + b"\r" + bytes(32) + b"\x1bSe;1\r")
    assert (command.panel, last.word) == (dots, "Se")


@jobs
def test_a_job_becomes_a_card_with_these_rows(job, tmp_path):
    async def story() -> None:
        settings = {"ribbon_kind": "K", "cards_directory": tmp_path}
        async with living(**settings) as world:
            await world.raw(whole(job))
            card = await world.card()
            assert (card["place"], card["state"]) == ("output", "complete")
            assert card["marks"] == {"front": ["k"]}
            with Image.open(tmp_path / card["png"][0]) as picture:
                # Every second dot from the card's lower edge on, from the second.
                first = [picture.getpixel((0, 647 - dot)) for dot in range(4)]
                assert first == [(255,) * 3, (0,) * 3] * 2
                if job["short_rows"]:
                    last = [picture.getpixel((1015, 647 - dot)) for dot in range(4)]
                    assert last == [(0,) * 3, (255,) * 3, (0,) * 3, (255,) * 3]

    asyncio.run(story())
