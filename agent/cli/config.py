"""`blanko config`: whether a configuration file is right, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.ask import REFUSED, fail


@click.group()
def config() -> None:
    """Check a configuration file."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE and the keys it names; the daemon need not run."""
    from agent.config import ConfigError
    from agent.contract.keyring import KeyFileError
    from agent.daemon import read

    try:
        found = read(file)
        _ = found.keyring.opener
    except (ConfigError, KeyFileError) as error:
        fail(str(error), REFUSED)
    device, end = found.config.device, found.config.mqtt.endpoint
    click.echo(f"{file}: good")
    click.echo(
        f"  {found.config.station}/{found.config.printer}: "
        f"{device.family} {device.model} at {device.uri}"
    )
    click.echo(f"  broker {end.host}:{end.port}, {'TLS' if end.tls else 'in clear'}")
    if found.config.keys.allow_unsigned_jobs:
        click.echo("  warning: allow_unsigned_jobs: anybody who reaches the broker")
        click.echo("           can have a card printed")
