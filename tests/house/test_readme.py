"""The README names every command there is, for whoever looks there first."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from agent.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def commands() -> list[str]:
    """Every command with its group, as it is typed after `blanko`."""
    found: list[str] = []
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        inner = command.commands if isinstance(command, click.Group) else None
        found += [f"{name} {part}" for part in inner] if inner else [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_the_readme_names_each_command(command: str) -> None:
    assert re.search(rf"`(blanko )?{command}`", README)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "help"])
def test_the_readme_names_each_make_target(target: str) -> None:
    assert re.search(rf"(`|make ){target}[` ]", README)
