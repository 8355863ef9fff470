"""`blanko-sim printer evolis`: an emulated printer from the command line."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import TypedDict, Unpack

import click

from simulators.build import PowerUp
from simulators.emulator import Emulator, Settings, StartError
from simulators.evolis.firmware import Firmware
from simulators.evolis.models import MODELS
from simulators.faults import USB_KINDS, FaultKind
from simulators.hand import LOAD_MAX
from simulators.ribbons import RIBBON_KINDS

CLEAN_MAX = 1_000_000


@click.group()
def printer() -> None:
    """An emulated card printer, by the family of its wire protocol."""


def _address(
    _: click.Context, __: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{text!r}: expected HOST:PORT, as 127.0.0.1:9100")
    return host, int(port)


def _ribbon(_: click.Context, __: click.Parameter, text: str) -> tuple[str, int]:
    kind, _colon, sets = text.partition(":")
    if kind not in RIBBON_KINDS:
        raise click.BadParameter(
            f"{kind!r}: expected one of {', '.join(RIBBON_KINDS)}, then :SETS"
        )
    if not sets.isdecimal() or int(sets) > LOAD_MAX:
        raise click.BadParameter(f"{text!r}: expected {kind}:0 to {kind}:{LOAD_MAX}")
    return kind, int(sets)


def _cleaning(_: click.Context, __: click.Parameter, text: str) -> tuple[int, int]:
    after, _colon, within = text.partition(":")
    if not all(part.isdecimal() and int(part) <= CLEAN_MAX for part in (after, within)):
        raise click.BadParameter(
            f"{text!r}: expected CARDS:MORE, each 0 to {CLEAN_MAX}, as 1000:400"
        )
    return int(after), int(within)


def _faults(
    _: click.Context, __: click.Parameter, texts: tuple[str, ...]
) -> tuple[tuple[FaultKind, int], ...]:
    return tuple(_fault(text) for text in texts)


def _fault(text: str) -> tuple[FaultKind, int]:
    kind, _at, card_no = text.partition("@")
    if kind not in tuple(FaultKind):
        raise click.BadParameter(
            f"{kind!r}: expected one of {', '.join(FaultKind)}, then @CARD"
        )
    if not card_no.isdecimal() or int(card_no) < 1:
        raise click.BadParameter(f"{text!r}: expected {kind}@N, the N-th card taken")
    return FaultKind(kind), int(card_no)


def _raw_port(options: _Options) -> tuple[str, int | None]:
    """Where raw TCP listens; USB troubles are refused where there is no USB port."""
    if options["usbip"] is None:
        for kind, _ in options["fault"]:
            if kind in USB_KINDS:
                raise click.UsageError(f"--fault {kind}: only with --usbip")
        return options["tcp"] or ("127.0.0.1", 9100)
    return options["tcp"] or ("127.0.0.1", None)


class _Options(TypedDict):
    model: str
    tcp: tuple[str, int] | None
    usbip: tuple[str, int] | None
    hopper: int
    ribbon: tuple[str, int]
    magnetic: bool
    two_sided: bool | None
    reject_bin: bool | None
    speed: float | None
    instant: bool
    seed: int
    fault: tuple[tuple[FaultKind, int], ...]
    power_up: str
    counters: str
    cleaning: tuple[int, int]
    old_counters: bool
    status_on_request: bool
    cards: Path | None
    control: Path | None


_Folder = click.Path(file_okay=False, path_type=Path)
_File = click.Path(dir_okay=False, path_type=Path)
_HELP = {
    "tcp": "Where its raw port listens, if not 127.0.0.1:9100; port 0: any free one.",
    "usbip": "Where `usbip attach` finds it as a USB device; then no raw port unasked.",
    "hopper": "Blanks in the hopper.",
    "ribbon": "Ribbon ("
    + ", ".join(RIBBON_KINDS)
    + ") and how many sets of it are left.",
    "magnetic": "A magnetic encoder is fitted.",
    "two_sided": "Whether a flip station is fitted; else as the model comes.",
    "reject_bin": "Whether a reject bin is fitted; else as the model comes.",
    "speed": "Machine seconds in a second; 0: only control requests move time.",
    "instant": "Motions take no time on the wall.",
    "seed": "Decides what chance decides, and the serial numbers.",
    "fault": "Goes wrong at the N-th card taken; repeat it. Kinds: ",
    "power_up": "What becomes at power-up of a card in the path.",
    "counters": "At a power cut: do counters lose the card inside?",
    "cleaning": "Cards until a cleaning is advised, and more until it is mandatory.",
    "old_counters": "An older firmware: knows neither Rco;clean nor Rco;card.",
    "status_on_request": "Replies end without the status until Pps;1 asks for it.",
    "cards": "Folder for a PNG of each side of each card that comes out.",
    "control": "Unix socket for the physical world (docs/emulator.md).",
}


@printer.command()
@click.option("--model", type=click.Choice(list(MODELS)), default="Primacy")
@click.option(
    "--tcp",
    metavar="HOST:PORT",
    callback=_address,
    help=_HELP["tcp"],
)
@click.option("--usbip", metavar="HOST:PORT", callback=_address, help=_HELP["usbip"])
@click.option(
    "--hopper", type=click.IntRange(0, LOAD_MAX), default=100, help=_HELP["hopper"]
)
@click.option(
    "--ribbon",
    metavar="KIND:SETS",
    callback=_ribbon,
    default="YMCKO:300",
    help=_HELP["ribbon"] + ", ".join(RIBBON_KINDS),
)
@click.option("--magnetic", is_flag=True, help=_HELP["magnetic"])
@click.option("--two-sided/--one-sided", default=None, help=_HELP["two_sided"])
@click.option("--reject-bin/--no-reject-bin", default=None, help=_HELP["reject_bin"])
@click.option("--speed", type=click.FloatRange(0, 1e6), help=_HELP["speed"])
@click.option("--instant", is_flag=True, help=_HELP["instant"])
@click.option("--seed", type=click.IntRange(min=0), default=0, help=_HELP["seed"])
@click.option(
    "--fault",
    metavar="KIND@CARD",
    callback=_faults,
    multiple=True,
    help=_HELP["fault"] + ", ".join(FaultKind),
)
@click.option(
    "--power-up",
    type=click.Choice([str(way) for way in PowerUp]),
    default="keep",
    help=_HELP["power_up"],
)
@click.option(
    "--counters",
    type=click.Choice(["keep", "lose"]),
    default="keep",
    help=_HELP["counters"],
)
@click.option(
    "--cleaning",
    metavar="CARDS:MORE",
    callback=_cleaning,
    default="1000:400",
    help=_HELP["cleaning"],
)
@click.option("--old-counters", is_flag=True, help=_HELP["old_counters"])
@click.option("--status-on-request", is_flag=True, help=_HELP["status_on_request"])
@click.option("--cards", type=_Folder, help=_HELP["cards"])
@click.option("--control", type=_File, help=_HELP["control"])
def evolis(**options: Unpack[_Options]) -> None:
    """An Evolis printer at a raw TCP port or on USB, with a mechanism of real cards.

    It says `listening tcp HOST:PORT` or `listening usbip HOST:PORT` and, if asked for
    one, `control PATH`; then it works until SIGTERM or Ctrl-C.
    """
    speed = options["speed"]
    if options["instant"] and speed is not None:
        raise click.UsageError("--instant and --speed exclude each other")
    if speed is not None and math.isnan(speed):
        raise click.UsageError("--speed nan: expected a number")
    host, port = _raw_port(options)
    kind, sets = options["ribbon"]
    clean_after, clean_within = options["cleaning"]
    settings = Settings(
        model=options["model"],
        host=host,
        port=port,
        usbip=options["usbip"],
        hopper_count=options["hopper"],
        ribbon_kind=kind,
        ribbon_sets=sets,
        magnetic=options["magnetic"],
        two_sided=options["two_sided"],
        reject_bin=options["reject_bin"],
        speed=1.0 if speed is None else speed,
        instant=options["instant"],
        seed=options["seed"],
        faults=options["fault"],
        power_up=PowerUp(options["power_up"]),
        loses_last_count=options["counters"] == "lose",
        firmware=Firmware(
            clean_after=clean_after,
            clean_within=clean_within,
            names_counters=not options["old_counters"],
            shows_status=not options["status_on_request"],
        ),
        cards_directory=options["cards"],
        control_path=options["control"],
    )
    try:
        asyncio.run(Emulator(settings).run(click.echo))
    except StartError as error:
        raise click.ClickException(str(error)) from error
