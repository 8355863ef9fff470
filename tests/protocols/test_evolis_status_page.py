"""The page of status bits is what the code does, and leaves none of 256 out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.evolis.codec import Trailer, Word
from protocols.evolis.flags import FLAGS
from protocols.evolis.status import faults_up, read_status
from protocols.evolis.status_page import fact_of, page, rows
from protocols.vocabulary import CardPosition

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "protocols/evolis/PROTOCOL.md").read_text()
FACTS = dict(re.findall(r"^\| (EVO-\d+) \| (.*?) \| ", PROTOCOL, re.MULTILINE))
EVERY = list(rows())


def test_the_page_in_the_tree_is_the_one_that_the_code_writes(tmp_path):
    written = tmp_path / "page.md"
    command = [sys.executable, "-m", "protocols.evolis.status_page", str(written)]
    subprocess.run(command, cwd=ROOT, check=True)
    assert (ROOT / "docs/evolis-status.md").read_text() == written.read_text(), (
        "docs/evolis-status.md is stale: make docs"
    )


def test_all_256_bits_stand_there_once_and_209_of_them_are_named():
    assert len({(word, bit) for word, bit, *_ in EVERY}) == len(EVERY) == 256
    names = [name for _, _, name, *_ in EVERY if name]
    assert len(names) == len(set(names)) == len(FLAGS) == 209
    assert page().count("*reserved* |") == 256 - 209


@pytest.mark.parametrize(
    ("word", "bit", "name", "reading", "fact"),
    EVERY,
    ids=[f"{word.value}-{bit:08x}" for word, bit, *_ in EVERY],
)
def test_what_the_page_says_of_a_bit_is_what_the_driver_reads(
    word, bit, name, reading, fact
):
    words = tuple(bit if one is word else 0 for one in Word)
    trailer = Trailer(words, 0)  # type: ignore[arg-type]
    status = read_status(trailer, session_id=7)
    assert re.findall("`(.*?)`", reading) == [str(one) for one in status.reasons]
    assert ("ends a card under way" in reading) is bool(faults_up(trailer))
    assert ("inside" in reading) is (status.card is CardPosition.INSIDE)
    assert ("in the exit" in reading) is (status.card is CardPosition.EXIT)
    assert ("at work" in reading) is status.busy
    assert ("restarted" in reading) is status.restarted
    silent = status == read_status(Trailer((0,) * 8, 0), session_id=7)
    assert (reading in ("informational", "says nothing")) is silent
    assert (reading == "says nothing") is (not name and silent)
    assert fact in FACTS


@pytest.mark.parametrize("flag", FLAGS, ids=[flag.name for flag in FLAGS])
def test_the_fact_of_a_bit_speaks_of_it(flag):
    """By its name, by a family of names, or by its number among its word's bits."""
    fact = fact_of(flag)
    text = FACTS[fact]
    family, _, rest = flag.name.partition("_")
    if fact in ("EVO-24", "EVO-27", "EVO-44"):
        assert family in text or flag.name.startswith("INF_")
        return
    stems = [rest[:size] for size in range(len(rest), 3, -1)]
    masks = [int(one, 16) for one in re.findall(r"\b[0-9A-F]{8}\b", text)]
    by_family = "LAMI" in flag.name and "LAMI" in text
    by_name = any(stem in text for stem in stems)
    assert by_name or by_family or any(mask & flag.bit for mask in masks)
