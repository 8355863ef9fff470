"""What is attached or reachable, and how to configure it: `blanko printer discover`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import click

from agent.cli.ask import REFUSED, fail
from protocols.contract import Confidence, Sighting
from protocols.errors import PrinterError
from protocols.registry import attached, models_of, reached

WHY = {
    Confidence.HIGH: "it names itself",
    Confidence.MEDIUM: "its product number is that model's",
    Confidence.LOW: "the family is sure, the model is not",
    Confidence.NONE: "nobody here knows it",
}


def discover(addresses: tuple[str, ...], family: str | None, *, as_json: bool) -> None:
    """Print the printers on USB, or what answers at `addresses`."""
    try:
        sightings = attached() if not addresses else []
        for uri in addresses:
            sightings.append(asyncio.run(reached(_with_scheme(uri), family)))
    except PrinterError as error:
        fail(str(error), REFUSED)
    if as_json:
        click.echo(json.dumps([_row(one) for one in sightings], ensure_ascii=False))
        return
    for one in sightings:
        click.echo("\n".join(lines(one)) + "\n")
    if not sightings:
        click.echo("no printer is attached by USB; for one on the network, say where")


def lines(one: Sighting) -> list[str]:
    """One printer for a reader; what is no remark can be copied as it stands."""
    found = one.recognised
    confidence = found.confidence if found else Confidence.NONE
    said = [f"# {one.told}", f"# confidence {confidence}: {WHY[confidence]}"]
    if one.note:
        said.append(f"# {one.note}")
    if found is None:
        return said
    said += ["[device]", f"family = {_text(found.family)}"]
    if found.model is None:
        names = found.candidates or models_of(found.family)
        said.append(f"# model = one of: {', '.join(names)}")
    else:
        said.append(f"model = {_text(found.model)}")
    return [*said, f"uri = {_text(one.uri)}"]


def _row(one: Sighting) -> dict[str, object]:
    row = asdict(one)
    found = row.pop("recognised") or {"family": None, "model": None, "candidates": ()}
    return {"confidence": Confidence.NONE} | row | found


def _with_scheme(address: str) -> str:
    return address if "://" in address else f"tcp://{address}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
