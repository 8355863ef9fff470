"""`blanko roster`: the file that says who can prove an identity, by which PIN."""

from __future__ import annotations

import os
from pathlib import Path

import click

from agent.cli.ask import REFUSED, fail, show

ROLES = ("operator", "supervisor", "technician", "auditor")

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def roster() -> None:
    """Say who may stand for blanks, with PINs."""


@roster.command()
@_file
@click.argument("person")
@click.option("--role", type=click.Choice(ROLES), default="operator", show_default=True)
def add(file: Path, person: str, role: str) -> None:
    """Add PERSON to the roster in FILE; the PIN is asked for, twice.

    FILE is made if it is not there. A daemon that runs takes it in by itself.
    """
    from agent.people.roster import PERSON, Role, RosterError, entry, load, weakness

    try:
        known = load(file).people if file.exists() else {}
    except RosterError as error:
        fail(str(error), REFUSED)
    if not PERSON.fullmatch(person):
        fail(f"{person!r} is not an id; expected such as siti or s.dewi", REFUSED)
    if person in known:
        fail(f"{person} is in {file} already; take that entry out first", REFUSED)
    pin = click.prompt(
        f"PIN of {person}", hide_input=True, confirmation_prompt=True, err=True
    )
    if weak := weakness(pin):
        fail(weak, REFUSED)
    gap = "\n" if known else ""
    try:
        _append(file, gap + entry(person, Role(role), pin))
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}", REFUSED)
    click.echo(f"{person} ({role}) is in {file}")


@roster.command("list")
@_file
def list_people(file: Path) -> None:
    """List who is in the roster in FILE."""
    from agent.people.roster import RosterError, load

    try:
        found = load(file)
    except RosterError as error:
        fail(str(error), REFUSED)
    lines = [f"{one.person_id:20} {one.role}" for one in found.people.values()]
    show({}, [*lines, f"sha256 {found.sha256}"], as_json=False)


def _append(file: Path, text: str) -> None:
    """Write at the end, so that owner and mode stay; a new file is only its owner's."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
