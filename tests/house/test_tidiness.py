"""The house rules that a program can check; each names the file that breaks it."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_LINES_MAX = 500
TEST_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 6
PLAIN_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}
SIXTEEN_DIGITS = re.compile(r"(?<![0-9A-Za-z])\d{16}(?![0-9A-Za-z])")
NOT_TEXT = {".png", ".jpg", ".jpeg", ".jwe", ".bin"}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listing.splitlines() if (ROOT / name).is_file()]


def sources() -> list[Path]:
    packages = ("agent", "protocols", "simulators", "bench")
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in packages
    ]


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_no_file_has_grown_into_two_nouns():
    long = []
    for path in tracked():
        if path.suffix != ".py":
            continue
        inside_tests = path.relative_to(ROOT).parts[0] == "tests"
        limit = TEST_LINES_MAX if inside_tests else SOURCE_LINES_MAX
        count = len(path.read_text().splitlines())
        if count > limit:
            long.append(f"{short(path)}: {count} lines, at most {limit}")
    assert not long


def test_no_function_needs_a_map():
    found = []
    for path in sources():
        for node in functions(path):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{short(path)}:{node.lineno} {node.name}: {length} lines")
    assert not found


def test_no_function_takes_a_crowd():
    found = []
    for path in sources():
        for node in functions(path):
            arguments = node.args
            named = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
            count = len([one for one in named if one.arg not in {"self", "cls"}])
            if count > PARAMETERS_MAX:
                found.append(f"{short(path)}:{node.lineno} {node.name}: {count}")
    assert not found


def test_every_module_says_what_it_is():
    silent = [
        short(path)
        for path in sources()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_no_module_is_named_for_nothing():
    assert not [short(path) for path in sources() if path.stem in PLAIN_NAMES]


def test_nobody_sleeps_in_a_test():
    # But in tests/chaos: a blow falls at a time that is drawn, and people look up now
    # and then, so that waiting is what is tested there.
    naps = re.compile(r"\b(?:time|asyncio)\.sleep\((?!0\))")
    found = [
        f"{short(path)}:{number}"
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == "tests"
        if path.parent != ROOT / "tests" / "chaos"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if naps.search(line)
    ]
    assert not found


@pytest.mark.parametrize(
    "word", ["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"]
)
def test_nothing_is_left_for_later(word):
    found = [
        short(path)
        for path in tracked()
        if path.suffix in {".py", ".md", ".toml", ".sh", ".mjs"}
        and re.search(rf"\b{word}\b", path.read_text())
    ]
    assert not found


def parses_as_nik(digits: str) -> bool:
    """Region, then a day (plus 40 for women) and a month that exist."""
    day, month = int(digits[6:8]) % 40, int(digits[8:10])
    return 1 <= day <= 31 and 1 <= month <= 12 and int(digits[6:8]) < 72


def test_no_number_could_be_a_citizens():
    """A NIK in this project is impossible: province 00, which no registry issues."""
    found = []
    for path in tracked():
        if path.suffix in NOT_TEXT or path.suffix == ".lock" or "lock" in path.name:
            continue
        for digits in SIXTEEN_DIGITS.findall(path.read_text(errors="replace")):
            if not digits.startswith("00") and parses_as_nik(digits):
                found.append(f"{short(path)}: {digits}")
    assert not found


def test_the_readme_names_the_apt_line_that_the_scripts_name():
    line = "apt-get install -y git make python3-venv ca-certificates"
    assert line in (ROOT / "README.md").read_text()
    assert line in (ROOT / "scripts/venv").read_text()
