"""Every crash point and deed of standard cards, and two thousand worlds that dice drew.

They run in processes of their own, on every CPU and without the measuring of coverage.
A failure prints the story of each world that went wrong, and how to play it again.
Where nobody set CI=true, a person waits: then fewer, and the agent alone dies.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world.plan import STANDARD

ROOT = Path(__file__).parents[2]
IN_CI = os.environ.get("CI") == "true"
WORLDS = 2_000 if IN_CI else 200
POWER = ["process", "both"] if IN_CI else ["process"]
SHARE_MIN = 90.0  # 90.3 % of 1026 are walked
TELL_MAX = 20_000  # characters of what went wrong

Record = Callable[[str, object], None]


def world(*arguments: str) -> list[str]:
    """Run `python -m tests.world`; return the lines of its figures."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.world", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-TELL_MAX:] + done.stderr[-TELL_MAX:]
    return done.stdout.splitlines()


@pytest.mark.timeout(1_800)
def test_wherever_the_agent_dies_the_books_tell_the_truth(
    record_property: Record,
) -> None:
    lines = world("--crashes", "--power", *POWER)
    counts = re.compile(
        r"(\S+): (\d+) crash points = 2 × \((\d+) commits \+ (\d+) commands\), (\d+) "
    )
    found = [counts.match(line) for line in lines]
    assert {match[1] for match in found if match} == set(STANDARD)
    for line, match in zip(lines, found, strict=True):
        assert match is not None
        points, commits, commands, crashes = (int(match[at]) for at in range(2, 6))
        assert points == 2 * (commits + commands) > 100
        assert crashes == len(POWER) * points
        record_property("figure", line)


@pytest.mark.timeout(600)
def test_whatever_somebody_does_at_any_moment_of_a_card_the_books_tell_the_truth(
    record_property: Record,
) -> None:
    for line in world("--deeds"):
        found = re.fullmatch(r"\S+: \d+ deeds, (\d+) moments, 0 wrong", line)
        assert found is not None
        assert int(found[1]) > 30
        record_property("figure", line)


@pytest.mark.timeout(1_800)
def test_in_no_world_is_a_card_printed_twice_or_a_blank_lost(
    record_property: Record,
) -> None:
    (line,) = world("--seeds", str(WORLDS))
    assert line.startswith(f"{WORLDS} worlds from seed 1: 0 wrong")
    record_property("figure", line)


@pytest.mark.timeout(600)
def test_worlds_alone_walk_most_branches_of_the_heart(
    record_property: Record,
) -> None:
    head, *rows = world("--share")
    record_property("figure", head)
    share = re.search(r"([\d.]+) %$", head)
    assert share is not None
    assert float(share[1]) >= SHARE_MIN, "\n".join([head, *rows])
