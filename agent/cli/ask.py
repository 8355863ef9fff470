"""Questions to the daemon over its socket, and how the answers are shown."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

TIMEOUT_S = 15
REPLY_SIZE_MAX = 4 * 2**20
REFUSED = 1
NOT_REACHED = 3

Reply = dict[str, Any]
F = TypeVar("F", bound=Callable[..., object])


def options(command: F) -> F:
    """Add the options that say which daemon is meant, and `--json`."""
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, help="Print the reply as JSON."
        ),
        click.option(
            "--socket",
            type=click.Path(path_type=Path),
            envvar="BLANKO_SOCKET",
            help="The daemon's control socket.  [env: BLANKO_SOCKET]",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="The daemon's configuration, which names the socket.",
        ),
    ):
        command = option(command)
    return command


def people(command: F) -> F:
    """Add the options that say who stands for what is written down."""
    return _as(_second(command))


def person(command: F) -> F:
    """Add the option that says who one is."""
    return _as(command)


_as = click.option("--as", "who", metavar="ID", help="Who you are; the PIN is asked.")
_second = click.option(
    "--second", metavar="ID", help="Who stands for it with you, PIN in hand."
)


def ask(request: Reply, config: Path | None, socket_path: Path | None) -> Reply:
    """Return the daemon's reply; ends the program with its message if there is none."""
    path = _path(config, socket_path)
    return _granted(_answer(path, request))


def ask_signed(request: Reply, config: Path | None, socket_path: Path | None) -> Reply:
    """As `ask`; a PIN that the daemon wants is asked for on the terminal."""
    path = _path(config, socket_path)
    reply = _answer(path, request)
    if reply.get("error") == "pin-needed":
        request = request | {"pin": pin_of(request["who"])}
        if "second" in request:
            request["second_pin"] = pin_of(request["second"])
        reply = _answer(path, request)
    return _granted(reply)


def given(**fields: object) -> Reply:
    """Return the fields that were said."""
    return {name: value for name, value in fields.items() if value is not None}


def pin_of(person_id: str) -> str:
    """Ask for somebody's PIN on the terminal, which does not show it."""
    return str(click.prompt(f"PIN of {person_id}", hide_input=True, err=True))


def _granted(reply: Reply) -> Reply:
    if reply.get("ok") is not True:
        fail(str(reply["message"]), REFUSED)
    return reply


def _answer(path: Path, request: Reply) -> Reply:
    try:
        line = _exchange(path, json.dumps(request).encode() + b"\n")
        return _reply(line)
    except OSError as error:
        reason = error.strerror or str(error)
        fail(f"no daemon answers on {path}: {reason}", NOT_REACHED)
    except ValueError:
        fail(f"what answers on {path} is not a blanko daemon", NOT_REACHED)


def follow(
    request: Reply, config: Path | None, socket_path: Path | None
) -> Iterator[Reply]:
    """Yield each line that the daemon says, until it closes or the caller stops.

    Ends the program with its message if even the first is none.
    """
    path = _path(config, socket_path)
    with socket.socket(socket.AF_UNIX) as to, to.makefile("rb") as lines:
        try:
            to.settimeout(TIMEOUT_S)
            to.connect(str(path))
            to.sendall(json.dumps(request).encode() + b"\n")
            first = _reply(lines.readline(REPLY_SIZE_MAX))
        except OSError as error:
            reason = error.strerror or str(error)
            fail(f"no daemon answers on {path}: {reason}", NOT_REACHED)
        except ValueError:
            fail(f"what answers on {path} is not a blanko daemon", NOT_REACHED)
        if first.get("ok") is not True:
            fail(str(first["message"]), REFUSED)
        yield first
        to.settimeout(None)  # a printer at rest may say nothing for long
        try:
            while line := lines.readline(REPLY_SIZE_MAX):
                yield _reply(line)
        except (OSError, ValueError):
            return  # cut in the middle of a line: what was said before it holds


def show(reply: Reply, lines: list[str], *, as_json: bool) -> None:
    """Print the reply for a program, or its lines for a person."""
    if as_json:
        click.echo(json.dumps(reply, ensure_ascii=False))
        return
    for line in lines:
        click.echo(printable(line))


def fail(message: str, code: int) -> NoReturn:
    """End the program with a message on stderr."""
    click.echo(printable(f"blanko: {message}"), err=True)
    sys.exit(code)


def printable(text: str) -> str:
    """Return what this terminal can show; nothing that would move its cursor."""
    encoding = sys.stdout.encoding or "ascii"
    safe = "".join(c if c.isprintable() else "?" for c in text)
    return safe.encode(encoding, "replace").decode(encoding)


def _path(config: Path | None, socket_path: Path | None) -> Path:
    if config is None:
        if socket_path is None:
            raise click.UsageError("say which daemon: --config FILE or --socket PATH")
        return socket_path
    from agent.config import ConfigError, socket_path_of

    try:
        return socket_path_of(config)
    except ConfigError as error:
        fail(str(error), REFUSED)


def _reply(line: bytes) -> Reply:
    reply = json.loads(line)
    if isinstance(reply, dict) and (reply.get("ok") is True or "message" in reply):
        return reply
    raise ValueError("neither an answer nor a refusal")


def _exchange(path: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as to:
        to.settimeout(TIMEOUT_S)
        to.connect(str(path))
        to.sendall(line)
        reply = bytearray()
        while not reply.endswith(b"\n"):
            data = to.recv(65536)
            if not data or len(reply) > REPLY_SIZE_MAX:
                raise ValueError("no whole line")
            reply += data
        return bytes(reply)
