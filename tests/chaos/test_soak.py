"""`make soak-real`, for half a minute; and that it sees a thief and a leak."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos import disk, soak
from tests.chaos.gauges import FILES_MAX, MEMORY_KIB_MAX, Gauge, Sample
from tests.chaos.soak import Plan
from tests.conftest import IN_CI, Mosquitto

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(900)]

MINUTES = 0.7
SHORT = 0.25
ALONE = ("calm",)

Record = Callable[[str, object], None]


def test_where_all_goes_wrong_at_random_all_is_made_once_and_nothing_grows(
    tmp_path: Path, mosquitto: Mosquitto, record_property: Record
) -> None:
    if why := disk.why_none():
        (pytest.fail if IN_CI else pytest.skip)(why)
    result = asyncio.run(soak.play(tmp_path / "s", mosquitto, Plan(MINUTES)))
    for line in result.figures:
        record_property("figure", f"soak: {line}")
    assert result.wrong == [], result.figures


def test_the_soak_finds_a_thief(tmp_path: Path, mosquitto: Mosquitto) -> None:
    plan = Plan(SHORT, sabotage="steal", stations=ALONE)
    wrong = asyncio.run(soak.play(tmp_path / "s", mosquitto, plan)).wrong
    assert any(line.startswith("calm: hopper: the books say") for line in wrong)


def test_the_soak_finds_a_leak(tmp_path: Path, mosquitto: Mosquitto) -> None:
    plan = Plan(SHORT, sabotage="leak", stations=ALONE)
    memory, files = asyncio.run(soak.play(tmp_path / "s", mosquitto, plan)).wrong
    assert memory.startswith("the calm agent: its memory grew by")
    assert files.startswith("the calm agent: its open files grew by")


@pytest.mark.parametrize(
    ("memory_kib", "files", "grown"),
    [
        (0, 0, []),
        (MEMORY_KIB_MAX, FILES_MAX, []),
        (MEMORY_KIB_MAX + 1, 0, ["p: its memory grew by 6145 KiB"]),
        (0, FILES_MAX + 1, ["p: its open files grew by 3"]),
    ],
)
def test_what_a_process_has_more_in_the_end_than_early_is_growth(
    memory_kib: int, files: int, grown: list[str]
) -> None:
    young, early = Sample(1_000, 1), Sample(50_000, 9)
    late = Sample(50_000 + memory_kib, 9 + files)
    peak = Sample(90_000, 12)  # a card in the making
    quarters = (
        [young] * 8,
        [early] * 5 + [peak] * 3,
        [peak] * 8,
        [late] * 5 + [peak] * 3,
    )
    samples = [one for quarter in quarters for one in quarter]
    assert Gauge("p", 1, samples).grown() == grown


def test_a_process_that_was_hardly_seen_is_not_called_flat() -> None:
    samples = [Sample(1_000, 1)] * 15
    assert Gauge("p", 1, samples).grown() == ["p: only 15 samples"]
