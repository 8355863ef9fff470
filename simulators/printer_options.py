"""The options of every emulated printer, and what they are checked against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from simulators.build import PowerUp
from simulators.emulator import Settings
from simulators.faults import USB_KINDS, FaultKind
from simulators.hand import LOAD_MAX
from simulators.ribbons import RIBBON_KINDS

Command = TypeVar("Command", bound=Callable[..., Any])


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


class Options(TypedDict):
    """What `shared` adds to a command."""

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
    cards: Path | None
    control: Path | None
    state: Path | None


_Folder = click.Path(file_okay=False, path_type=Path)
_File = click.Path(dir_okay=False, path_type=Path)
_COMMON = (
    click.option(
        "--tcp",
        metavar="HOST:PORT",
        callback=_address,
        help="Where its raw port listens, if not 127.0.0.1:9100; port 0: any free one.",
    ),
    click.option(
        "--usbip",
        metavar="HOST:PORT",
        callback=_address,
        help="Where `usbip attach` finds it as a USB device; then no raw port unasked.",
    ),
    click.option(
        "--hopper",
        type=click.IntRange(0, LOAD_MAX),
        default=100,
        help="Blanks in the hopper.",
    ),
    click.option(
        "--ribbon",
        metavar="KIND:SETS",
        callback=_ribbon,
        default="YMCKO:300",
        help=f"Ribbon ({', '.join(RIBBON_KINDS)}) and how many sets of it are left.",
    ),
    click.option("--magnetic", is_flag=True, help="A magnetic encoder is fitted."),
    click.option(
        "--two-sided/--one-sided",
        default=None,
        help="Whether a flip station is fitted; else as the model comes.",
    ),
    click.option(
        "--reject-bin/--no-reject-bin",
        default=None,
        help="Whether a reject bin is fitted; else as the model comes.",
    ),
    click.option(
        "--speed",
        type=click.FloatRange(0, 1e6),
        help="Machine seconds in a second; 0: only control requests move time.",
    ),
    click.option("--instant", is_flag=True, help="Motions take no time on the wall."),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        help="Decides what chance decides, and the serial numbers.",
    ),
    click.option(
        "--fault",
        metavar="KIND@CARD",
        callback=_faults,
        multiple=True,
        help="Goes wrong at the N-th card taken; repeat it. Kinds: "
        + ", ".join(FaultKind),
    ),
    click.option(
        "--power-up",
        type=click.Choice([str(way) for way in PowerUp]),
        default="keep",
        help="What becomes at power-up of a card in the path.",
    ),
    click.option(
        "--counters",
        type=click.Choice(["keep", "lose"]),
        default="keep",
        help="At a power cut: do counters lose the card inside?",
    ),
    click.option(
        "--cards",
        type=_Folder,
        help="Folder for a PNG of each side of each card that comes out.",
    ),
    click.option(
        "--control",
        type=_File,
        help="Unix socket for the physical world (docs/emulator.md).",
    ),
    click.option(
        "--state",
        type=_Folder,
        help="Folder that keeps cards, ribbon and counters: with a machine in it, "
        "--hopper, --ribbon and --fault are passed over.",
    ),
)


def shared(models: Iterable[str], default: str) -> Callable[[Command], Command]:
    """Give a command the options of every family, `--model` with these names."""

    def decorate(command: Command) -> Command:
        for option in reversed(_COMMON):
            command = option(command)
        choice = click.Choice(list(models))
        return click.option("--model", type=choice, default=default)(command)

    return decorate


def settings_of(family: str, options: Options) -> Settings:
    """What the shared options say.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    speed = options["speed"]
    if options["instant"] and speed is not None:
        raise click.UsageError("--instant and --speed exclude each other")
    if speed is not None and math.isnan(speed):
        raise click.UsageError("--speed nan: expected a number")
    host, port = _raw_port(options)
    kind, sets = options["ribbon"]
    return Settings(
        family=family,
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
        cards_directory=options["cards"],
        control_path=options["control"],
        state_directory=options["state"],
    )


def _raw_port(options: Options) -> tuple[str, int | None]:
    """Where raw TCP listens; USB troubles are refused where there is no USB port."""
    if options["usbip"] is None:
        for kind, _ in options["fault"]:
            if kind in USB_KINDS:
                raise click.UsageError(f"--fault {kind}: only with --usbip")
        return options["tcp"] or ("127.0.0.1", 9100)
    return options["tcp"] or ("127.0.0.1", None)
