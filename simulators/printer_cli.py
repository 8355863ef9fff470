"""`blanko-sim printer FAMILY`: an emulated printer from the command line."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Unpack

import click

from simulators.emulator import Emulator, Settings, StartError
from simulators.evolis.firmware import Firmware
from simulators.evolis.models import MODELS as EVOLIS_MODELS
from simulators.magicard.models import MODELS as MAGICARD_MODELS
from simulators.printer_options import Options, settings_of, shared

CLEAN_MAX = 1_000_000


@click.group()
def printer() -> None:
    """An emulated card printer, by the family of its wire protocol."""


def _cleaning(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    after, _colon, within = text.partition(":")
    if not all(part.isdecimal() and int(part) <= CLEAN_MAX for part in (after, within)):
        raise click.BadParameter(
            f"{text!r}: expected CARDS:MORE, each 0 to {CLEAN_MAX}, as 1000:400"
        )
    return int(after), int(within)


class _EvolisOptions(Options):
    cleaning: tuple[int, int]
    old_counters: bool
    status_on_request: bool


@printer.command()
@shared(EVOLIS_MODELS, "Primacy")
@click.option(
    "--cleaning",
    metavar="CARDS:MORE",
    callback=_cleaning,
    default="1000:400",
    help="Cards until a cleaning is advised, and more until it is mandatory.",
)
@click.option(
    "--old-counters",
    is_flag=True,
    help="An older firmware: knows neither Rco;clean nor Rco;card.",
)
@click.option(
    "--status-on-request",
    is_flag=True,
    help="Replies end without the status until Pps;1 asks for it.",
)
def evolis(**options: Unpack[_EvolisOptions]) -> None:
    """An Evolis printer at a raw TCP port or on USB, with a mechanism of real cards.

    It says `listening tcp HOST:PORT` or `listening usbip HOST:PORT` and, if asked for
    one, `control PATH`; then it works until SIGTERM or Ctrl-C.
    """
    clean_after, clean_within = options["cleaning"]
    firmware = Firmware(
        clean_after=clean_after,
        clean_within=clean_within,
        names_counters=not options["old_counters"],
        shows_status=not options["status_on_request"],
    )
    _run(replace(settings_of("evolis", options), firmware=firmware))


@printer.command()
@shared(MAGICARD_MODELS, "Tango 2e")
def magicard(**options: Unpack[Options]) -> None:
    """A Magicard printer on USB or at a raw TCP port, with a mechanism of real cards.

    It says what `evolis` says. No source tells the number of a real one's TCP port.
    """
    _run(settings_of("magicard", options))


def _run(settings: Settings) -> None:
    try:
        asyncio.run(Emulator(settings).run(click.echo))
    except StartError as error:
        raise click.ClickException(str(error)) from error
