"""One world, told from end to end, and told the same way each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.plan import STANDARD
from tests.world.world import play

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(STANDARD))
def test_a_standard_card_comes_to_a_good_end(name):
    result = play(STANDARD[name])
    assert not result.complaints, result.story
    assert "job-completed J1/" in result.story


def test_a_seed_tells_the_same_story_whatever_the_order_of_sets():
    told = {
        subprocess.run(
            [sys.executable, "-m", "tests.world", "--seed", "3"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=False,
        ).stdout
        for hash_seed in ("0", "1", "2")
    }
    assert len(told) == 1
    (story,) = told
    assert story.count(b"\n") > 20
