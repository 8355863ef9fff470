"""`blanko printer`: find, prove, pause, clean or test it, or read along with it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import click

from agent.cli.ask import (
    REFUSED,
    Reply,
    ask,
    ask_signed,
    fail,
    follow,
    given,
    options,
    people,
    person,
    show,
)

OPERATION_WAIT_S = 1_300  # a request may wait ten minutes, and a cleaning take as long
LOOK_S = 1.0


@click.group()
def printer() -> None:
    """Find, prove, pause, clean, test or confirm it, or read along with it."""


@printer.command()
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--family", help="Ask there as this family.  [default: evolis]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def discover(addresses: tuple[str, ...], family: str | None, as_json: bool) -> None:
    """Show the printers on USB, or what answers at each ADDRESS (HOST:PORT).

    Nothing is claimed, moved or printed, and no network is searched. Each printer is
    followed by the lines that a configuration needs for it.
    """
    # Deferred: the families draw Pillow in.
    from agent.cli.discover import discover as show_found

    show_found(addresses, family, as_json=as_json)


@printer.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    required=True,
    help="The configuration of the printer's daemon, which must not run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def conformance(config: Path, as_json: bool) -> None:
    """Ask a printer if it keeps its promises; uses no card.

    The harmless part of the list in docs/adding-a-printer.md: it is looked at, and
    nothing is printed, moved or ejected. Exit code 1: something is not kept.
    """
    # Deferred: the families draw Pillow in.
    from agent.cli.conformance import conformance as ask_each_case

    ask_each_case(config, as_json=as_json)


@printer.command()
@click.option("--reason", required=True, help="Why, for the record.")
@person
@options
def pause(as_json: bool, **said: str | Path | None) -> None:
    """Let no new card start; the card in the path is finished."""
    _write_down({"do": "pause"}, said, as_json=as_json)


@printer.command()
@person
@options
def resume(as_json: bool, **said: str | Path | None) -> None:
    """Let cards start again, if the pause was an operator's."""
    _write_down({"do": "resume"}, said, as_json=as_json)


@printer.command()
@click.option("--reason", help="Why, for the record.")
@person
@options
def clean(as_json: bool, **said: str | Path | None) -> None:
    """Run a cleaning: take the ribbon out and lay a cleaning card ready first.

    It takes no blank; one that goes through is an incident. Waits for its end.
    """
    _operate("clean", said, as_json=as_json)


@printer.command("self-test")
@click.option("--reason", help="Why, for the record.")
@person
@options
def self_test(as_json: bool, **said: str | Path | None) -> None:
    """Look whether the printer is fit to print; moves nothing. Waits for its end."""
    _operate("self-test", said, as_json=as_json)


@printer.command()
@click.argument("serial")
@click.option("--reason", required=True, help="Why, for the record.")
@people
@options
def confirm(serial: str, as_json: bool, **said: str | Path | None) -> None:
    """Stand for it that the printer SERIAL has taken another's place.

    It needs two of you; the second has 24 hours for `blanko stock confirm`.
    """
    config, socket = said.pop("config"), said.pop("socket")
    assert not isinstance(config, str)
    assert not isinstance(socket, str)
    request: Reply = {"do": "printer-confirm", "serial": serial}
    reply = ask_signed(request | given(**said), config, socket)
    show(reply, [f"{serial} is the printer from here on"], as_json=as_json)


def _operate(
    operation: str, said: dict[str, str | Path | None], *, as_json: bool
) -> None:
    config, socket = said.pop("config"), said.pop("socket")
    assert not isinstance(config, str)
    assert not isinstance(socket, str)
    request: Reply = {"do": "operate", "operation": operation}
    reply = ask_signed(request | given(**said), config, socket)
    number = reply["operation"]["request"] if reply["operation"] else None
    until_s = time.monotonic() + OPERATION_WAIT_S
    while reply["operation"] and reply["operation"]["request"] == number:
        if time.monotonic() > until_s:
            fail(f"the {operation} has not ended; see blanko status", REFUSED)
        time.sleep(LOOK_S)
        reply = ask({"do": "operations"}, config, socket)
    ended = reply["ended"]
    detail = f": {ended['detail']}" if ended["detail"] else ""
    if ended["result"] != "done":
        fail(f"{ended['operation']} {ended['result']}{detail}", REFUSED)
    show(reply, [f"{ended['operation']} done{detail}"], as_json=as_json)


def _write_down(
    request: Reply, said: dict[str, str | Path | None], *, as_json: bool
) -> None:
    config, socket = said.pop("config"), said.pop("socket")
    assert not isinstance(config, str)
    assert not isinstance(socket, str)
    reply = ask_signed(request | given(**said), config, socket)
    owners = " and ".join(reply["paused_by"])
    lines = [f"paused by {owners}" if owners else "not paused"]
    show(reply, lines, as_json=as_json)


@printer.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write, readable by you alone; nothing that exists is overwritten.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1, 86_400),
    help="How long.  [default: until Ctrl-C]",
)
@options
def trace(
    out: Path,
    seconds: int | None,
    config: Path | None,
    socket: Path | None,
    as_json: bool,
) -> None:
    """Write to a file what is said to the printer, while the daemon does its work.

    The file is TOML: remarks for a reader, and stanzas that become tests. Pictures of
    cards and data of magnetic stripes are left out.
    """
    began_s = time.monotonic()
    request: Reply = {"do": "trace"}
    if seconds is not None:
        request["seconds"] = seconds
    created = _new_file(out)
    try:
        with created as file:
            last, how = _write(follow(request, config, socket), file)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}", REFUSED)
    except (SystemExit, click.ClickException):
        out.unlink()
        raise
    took_s = time.monotonic() - began_s
    summary = {name: last[name] for name in ("exchanges", "dropped")}
    summary |= {"seconds": round(took_s, 1), "file": str(out), "how": how}
    said = f"{summary['exchanges']} exchanges in {took_s:.1f} s"
    lines = [f"{out}: {said}, {summary['dropped']} dropped, {how}"]
    show({"ok": True, **summary}, lines, as_json=as_json)


def _write(lines: Iterator[Reply], file: TextIO) -> tuple[Reply, str]:
    """Return the last line that the daemon said, and how it ended."""
    last: Reply = {"exchanges": 0, "dropped": 0}
    dropped, how = 0, "stopped by you"
    with suppress(KeyboardInterrupt):
        for last in lines:
            file.write(last["text"])
            if last["dropped"] > dropped:
                count, dropped = last["dropped"] - dropped, last["dropped"]
                file.write(f"# by now {count} more exchanges were dropped\n\n")
            file.flush()
        how = "the time is over" if last.get("ended") else "the daemon went away"
    file.write(f"# ended: {how}\n")
    return last, how


def _new_file(out: Path) -> TextIO:
    try:
        number = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        fail(f"{out} exists: a trace is written to a new file", REFUSED)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror}", REFUSED)
    return os.fdopen(number, "w", encoding="utf-8")
