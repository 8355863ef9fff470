"""`blanko run`: the daemon itself."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--debug", is_flag=True, help="Log what is exchanged, by its size.")
def run(config: Path, debug: bool) -> None:
    """Be the agent of the printer that CONFIG names, until stopped."""
    import agent.log  # before anything that imports structlog

    agent.log.configure(debug=debug)
    from agent.daemon import run as run_daemon

    sys.exit(run_daemon(config))
