"""`blanko-sim station`: a real agent and an emulated printer at someone's own broker.

For programmers of a centre: they bring the broker and the trust file, and get an agent
that prints.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from simulators.demo import stage
from simulators.demo.children import ChildError, Children
from simulators.demo.stage import Machine, Site

FAILED = 1
HOPPER = 100
RIBBON_SETS = 200
MAKE = stage.MAKES["evolis"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    broker: str
    site: Site
    trust: Path
    speed: float


@click.command()
@click.option("--broker", required=True, help="mqtt://HOST:PORT, on this computer")
@click.option("--station", "station_name", default="station-1", show_default=True)
@click.option("--printer", default="p1", show_default=True)
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path, exists=True),
    help="JWK Set of the public keys that may order cards",
)  # fmt: skip
@click.option(
    "--dir", "directory", required=True, type=click.Path(path_type=Path),
    help="where the agent's key and books, and the cards' pictures are kept",
)  # fmt: skip
@click.option(
    "--speed", default=10.0, show_default=True, type=click.FloatRange(1, 100),
    help="how much faster than a real one the emulated printer's clock runs",
)  # fmt: skip
def station(
    broker: str,
    station_name: str,
    printer: str,
    trust: Path,
    directory: Path,
    speed: float,
) -> None:
    """Run an agent and an emulated printer until Ctrl-C."""
    site = Site(directory.absolute(), station_name, printer)
    try:
        sys.exit(asyncio.run(_run(Options(broker, site, trust.absolute(), speed))))
    except (KeyboardInterrupt, asyncio.CancelledError):
        click.echo("station ended")


async def _run(options: Options) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    site = options.site
    cards = site.directory / "cards"
    cards.mkdir(parents=True, exist_ok=True)
    children = Children(site.directory / "logs")
    try:
        machine = Machine(MAKE, HOPPER, RIBBON_SETS, options.speed, cards)
        _, port = await stage.start_emulator(children, site, machine)
        await stage.make_agent_key(site)
        stage.write_config(site, options.broker, options.trust, MAKE, port)
        await stage.start_agent(children, site)
        _explain(options, cards)
        await children.watch()
    except ChildError as error:
        click.echo(str(error), err=True)
    finally:
        await children.stop()
    return FAILED


def _explain(options: Options, cards: Path) -> None:
    site = options.site
    blanko = f"{shlex.quote(sys.executable)} -m agent"
    config = f"--config {shlex.quote(str(site.config))}"
    topics = f"blanko/v1/{site.station}/{site.printer}/"
    for line in (
        f"station {site.station}, printer {site.printer}: {options.broker}, {topics}",
        f"the emulated printer's clock runs {options.speed:g} times faster",
        f"seal jobs for   {site.public_key}",
        f"configuration   {site.config}",
        f"printed cards   {cards}",
        f"logs            {site.directory / 'logs'}",
        f"the hopper holds {HOPPER} blanks; tell the agent before the first job:",
        f"  {blanko} stock load {HOPPER} {config}",
        "then look:",
        f"  {blanko} status {config}",
        f"  {blanko} job list {config}",
        f"  {blanko} stock show {config}",
        "it stays up until Ctrl-C",
    ):
        click.echo(line.encode("ascii", "replace").decode())
    sys.stdout.flush()
