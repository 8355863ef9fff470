"""`blanko stock`: blanks by place, what people moved and counted, and who stood by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from agent.cli.ask import (
    REFUSED,
    Reply,
    ask,
    ask_signed,
    fail,
    given,
    options,
    people,
    person,
    show,
)

CAUSES = (
    "receive", "load", "unload", "hand-over", "seal", "destroy", "return", "explain",
    "missing", "surplus", "find", "hand-in",
)  # fmt: skip
COUNTED = ("desk", "hopper", "output", "reject-bin", "waste")
PLACES = ("received", *COUNTED, "suspense", "difference", "missing")

_reason = click.option("--reason", help="What you saw, for the record.")


@click.group()
def stock() -> None:
    """Show, move and count blank cards."""


@stock.command("show")
@options
def show_stock(config: Path | None, socket: Path | None, as_json: bool) -> None:
    """Show the blanks at every place, as the books have them."""
    reply = ask({"do": "stock"}, config, socket)
    show(reply, _lines(reply), as_json=as_json)


@stock.command()
@click.argument("count", type=click.IntRange(1, 10_000))
@people
@options
def load(as_json: bool, **said: Any) -> None:
    """Book COUNT blanks into the hopper.

    They come from the desk if it holds any, else they are new ones.
    """
    _write("stock-load", said, as_json=as_json)


@stock.command()
@click.argument("cause", type=click.Choice(CAUSES))
@click.argument("count", type=click.IntRange(1))
@click.option("--from", "source", type=click.Choice(PLACES), help="Where they were.")
@click.option("--to", "destination", type=click.Choice(PLACES), help="Where they are.")
@click.option("--old-cards", is_flag=True, help="Old cards, which are no blanks.")
@_reason
@click.option("--record", help="Number of the signed record: destroy, return.")
@click.option("--record-file", type=click.Path(path_type=Path), help="The record.")
@people
@options
def move(as_json: bool, old_cards: bool, record_file: Path | None, **said: Any) -> None:
    """Book COUNT blanks that went from one place to another.

    CAUSE says where from and where to; only where it goes several ways, --from and
    --to are needed. docs/stock.md has them all.
    """
    if old_cards or said["cause"] == "hand-in":
        said["item"] = "old-card"
    if record_file is not None:
        said["record_sha256"] = _hash_of(record_file)
    _write("stock-move", said, as_json=as_json)


@stock.command()
@click.argument("count", type=click.IntRange(1))
@click.option(
    "--to", "destination", required=True, type=click.Choice(COUNTED), help="Where."
)
@_reason
@people
@options
def explain(as_json: bool, **said: Any) -> None:
    """Say where COUNT blanks in suspense were found."""
    said |= {"cause": "explain", "source": "suspense"}
    _write("stock-move", said, as_json=as_json)


@stock.command()
@click.argument("place", type=click.Choice(COUNTED))
@click.argument("count", type=int)
@person
@options
def count(as_json: bool, **said: Any) -> None:
    """Say that COUNT cards lie at PLACE: all of them, counted now."""
    _write("stock-count", said, as_json=as_json)


@stock.command()
@click.argument("movement", type=click.IntRange(1))
@person
@options
def confirm(as_json: bool, **said: Any) -> None:
    """Stand for MOVEMENT too, which another person booked.

    Its number stands at the end of `blanko stock show`.
    """
    _write("stock-confirm", said, as_json=as_json)


def _write(do: str, said: Reply, *, as_json: bool) -> None:
    config, socket = said.pop("config"), said.pop("socket")
    reply = ask_signed({"do": do} | given(**said), config, socket)
    show(reply, _lines(reply), as_json=as_json)


def _hash_of(file: Path) -> str:
    from hashlib import sha256

    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", REFUSED)


def _lines(reply: Reply) -> list[str]:
    lines = [f"{place:12} {count:7}" for place, count in reply["stock"].items()]
    for place, count in reply.get("old_cards", {}).items():
        lines.append(f"{'old cards: ' + place:21} {count:7}")
    for one in reply.get("unconfirmed", []):
        late = ", overdue" if one["overdue"] else ""
        count = f" {one['count']}" if one["count"] else ""  # 0: about no blanks
        lines.append(
            f"{one['no']} waits for a second person: {one['cause']}{count}"
            f" by {one['who']}, {one['at'][:16]}Z{late}"
        )
    return lines
