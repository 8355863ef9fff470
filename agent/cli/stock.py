"""`blanko stock`: blanks by place, and blanks put into the hopper."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.ask import Reply, ask, options, show


@click.group()
def stock() -> None:
    """Show and load blank cards."""


@stock.command("show")
@options
def show_stock(config: Path | None, socket: Path | None, as_json: bool) -> None:
    """Show the blanks at every place, as the books have them."""
    reply = ask({"do": "stock"}, config, socket)
    show(reply, _lines(reply), as_json=as_json)


@stock.command()
@click.argument("count", type=click.IntRange(1, 10_000))
@click.option("--as", "who", help="Who puts them in.  [default: the login name]")
@options
def load(
    count: int,
    who: str | None,
    config: Path | None,
    socket: Path | None,
    as_json: bool,
) -> None:
    """Book COUNT new blanks into the hopper."""
    request: Reply = {"do": "stock-load", "count": count}
    if who is not None:
        request["who"] = who
    reply = ask(request, config, socket)
    show(reply, _lines(reply), as_json=as_json)


def _lines(reply: Reply) -> list[str]:
    return [f"{place:12} {count:7}" for place, count in reply["stock"].items()]
