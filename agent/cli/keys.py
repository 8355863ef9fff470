"""`blanko keys`: the key that jobs for this agent are sealed for."""

from __future__ import annotations

import json
from pathlib import Path

import click

from agent.cli.ask import REFUSED, fail


@click.group()
def keys() -> None:
    """Make and show an agent's key."""


@keys.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the private key; the public one gets `.pub` at its end.",
)
@click.option(
    "--kty",
    type=click.Choice(["P-256", "X25519"]),
    default="P-256",
    show_default=True,
    help="Kind of key.",
)
def new(out: Path, kty: str) -> None:
    """Make a key; nothing that exists is overwritten."""
    from agent.contract.keyring import KeyFileError
    from agent.contract.keys import KINDS, make

    kind = next(kind for kind in KINDS if kind == kty)
    try:
        public = make(out, kind)
    except KeyFileError as error:
        fail(str(error), REFUSED)
    click.echo(f"private key  {out} (keep it here, readable by the agent alone)")
    click.echo(f"public key   {out}.pub (give it to the centre)")
    click.echo(f"kid          {public['kid']}")


@keys.command()
@click.argument("file", type=click.Path(path_type=Path))
def show(file: Path) -> None:
    """Print the public JWK of the private key in FILE; its `kid` names it."""
    from agent.contract.keyring import KeyFileError, agent_key
    from agent.contract.keys import public_of

    try:
        public = public_of(agent_key(file))
    except KeyFileError as error:
        fail(str(error), REFUSED)
    click.echo(json.dumps(public, indent=2))
