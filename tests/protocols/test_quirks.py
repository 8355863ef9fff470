"""The file of quirks: who reads what, and that a bad one is refused in words."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Collection
from pathlib import Path

import pytest

from protocols.contract import Confidence
from protocols.evolis.models import MODELS as EVOLIS
from protocols.ieee1284 import DeviceId
from protocols.magicard import recognise as magicard
from protocols.magicard.models import MODELS as MAGICARD
from protocols.quirks import QUIRKS, Book, QuirkError, Quirks

ROOT = Path(__file__).parents[2]
FAMILIES: dict[str, Collection[str]] = {"evolis": EVOLIS, "magicard": MAGICARD}
STORY = 'story = "Seen on a wire in 2026, twice."\n'
ROW = f'[[quirk]]\nfamily = "magicard"\nmodels = ["Alto"]\nsource = "MAG-02"\n{STORY}'


def test_every_row_is_about_models_and_facts_that_there_are():
    for row in QUIRKS.rows:
        assert set(row.models) <= set(FAMILIES[row.family])
        page = (ROOT / f"protocols/{row.family}/PROTOCOL.md").read_text()
        listed = re.findall(r"^\| ([A-Z]{3}-\d\d) ", page, re.MULTILINE)
        assert set(row.source.split(", ")) <= set(listed), row.source


def test_every_quirk_of_the_code_has_a_row_and_reaches_its_model():
    used = {name for row in QUIRKS.rows for name in row.effects}
    assert used == set(Quirks.__slots__)
    assert MAGICARD["Enduro two-sided magnetic"].quirks == Quirks(
        turned=True, firmware_in_version=True
    )
    assert MAGICARD["Tango 2e"].quirks == Quirks(reject_off=True, overcoat_right=1025)
    assert MAGICARD["Alto"].quirks == EVOLIS["Primacy"].quirks == Quirks()
    assert EVOLIS["Badgy200"].quirks == Quirks(trays_in_job=True)


def test_a_product_number_that_its_source_doubts_names_no_model():
    found = magicard.recognise(0x0C1F, 0x880A, DeviceId())
    assert found is not None
    assert (found.model, found.confidence) == (None, Confidence.LOW)
    assert found.candidates == ("Enduro+",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[quirk]\n", "quirks.toml: "),
        ("", r"expected tables \[\[quirk\]\]"),
        (ROW + "[other]\n", "and nothing else"),
        ('quirk = ["Alto"]\n', "quirk 1: expected a table"),
        (ROW + 'usb = "0C1F:1"\n', "`usb` is '0C1F:1', expected such as 0c1f:2800"),
        (ROW + "turned = 1\n", "`turned` is 1, expected a bool"),
        (ROW + "truned = true\n", "`truned` is not known, expected family, models"),
        (ROW.replace(STORY, "") + "turned = true\n", "`story` has 0 signs"),
        (ROW.replace("MAG-02", "hearsay") + "turned = true\n", "`source` names no"),
        (ROW.replace('["Alto"]', "[]") + "turned = true\n", "`models` names none"),
        (ROW.replace('["Alto"]', "[1]") + "turned = true\n", "`models` names none"),
        (
            ROW.replace("magicard", "acme") + "turned = true\n",
            "one of evolis, magicard",
        ),
        (ROW, "quirks.toml: quirk 1: expected `usb` or what it changes"),
        (ROW + 'usb = "0c1f:2800"\nturned = true\n', "one of both"),
        (ROW + "turned = true\nsure = false\n", "`sure` is for a row with `usb`"),
        (2 * (ROW + "turned = true\n"), "quirk 2: turned of Alto is said twice"),
        (2 * (ROW + 'usb = "0c1f:2800"\n'), "usb of 0c1f:2800 is said twice"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_and_says_where(text, words):
    with pytest.raises(QuirkError, match=words):
        Book.parse(text)


def test_the_file_is_in_what_is_installed(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "protocols"):
        (source / name).symlink_to(ROOT / name)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", str(tmp_path), str(source)),
        ],
        check=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "protocols/quirks.toml" in zipfile.ZipFile(wheel).namelist()
