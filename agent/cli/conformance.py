"""Does this printer keep what its family promises? `blanko printer conformance`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from agent.cli.ask import REFUSED, fail, printable
from agent.config import Config, ConfigError, load
from agent.contract.topics import Address
from agent.daemon import JOURNAL, session_of
from agent.journal.aside import kept_off
from agent.journal.errors import JournalError
from agent.printer.conformance import (
    NEED_A_CARD,
    Found,
    Inspection,
    Verdict,
    another_model,
    declared,
)
from protocols.contract import Driver
from protocols.registry import make_driver, models_of

OWNED = (
    "the printer is its daemon's, which looks at it itself: ask it by "
    "`blanko printer self-test`, or stop it for this"
)


def conformance(path: Path, *, as_json: bool) -> None:
    """Say what will be used, ask each case, and end with 1 if one is not kept."""
    try:
        config = load(path)
        with kept_off(config.state_dir / JOURNAL) as jobs:
            if jobs:
                fail(
                    f"the card of {', '.join(jobs)} is not accounted for: let the "
                    "daemon settle it first",
                    REFUSED,
                )
            found = asyncio.run(_asked(config, as_json=as_json))
    except ConfigError as error:
        fail(str(error), REFUSED)
    except JournalError as error:
        fail(f"{error}: {OWNED}", REFUSED)
    kept = all(one.verdict is not Verdict.NO for one in found)
    if as_json:
        click.echo(json.dumps(_report(config, found, kept=kept), ensure_ascii=False))
    else:
        for line in _end(found, kept=kept):
            click.echo(printable(line))
    sys.exit(0 if kept else REFUSED)


async def _asked(config: Config, *, as_json: bool) -> list[Found]:
    """Say each thing as it is known, on stderr where stdout is a program's."""
    device = config.device
    session_id = session_of(Address(config.station, config.printer))

    def make(model: str) -> Driver:
        return make_driver(device.family, model, device.uri, session_id=session_id)

    def say(text: str) -> None:
        click.echo(printable(text), err=as_json)

    able = make(device.model).capabilities  # over this link: some is the link's
    say(f"{device.family} {device.model} at {device.uri}")
    say("cards it will use: none; nothing is printed, moved or ejected")
    say(f"if it is at work, this waits for up to {able.longest_card_s:g} s")
    has, lacks = declared(able)
    say(f"declared: {', '.join(has)}")
    say(f"declared absent: {', '.join(lacks) or 'nothing'}")
    say("")
    another = another_model(device.model, models_of(device.family))
    found = []
    async for one in Inspection(make, device.model, another).run():
        found.append(one)
        say(f"{one.verdict:6} {one.case} ({one.took_s:.1f} s): {one.detail}")
    return found


def _end(found: list[Found], *, kept: bool) -> list[str]:
    lines = ["", "not asked, for each takes a card:"]
    lines += [f"       {name}" for name in NEED_A_CARD]
    broken = sum(one.verdict is Verdict.NO for one in found)
    lines += ["", "all kept" if kept else f"{broken} of {len(found)} not kept"]
    return lines


def _report(config: Config, found: list[Found], *, kept: bool) -> dict[str, object]:
    device = config.device
    return {
        "ok": kept,
        "family": device.family,
        "model": device.model,
        "uri": device.uri,
        "cards_to_use": [],
        "cases": [asdict(one) | {"took_s": round(one.took_s, 3)} for one in found],
        "not_asked": list(NEED_A_CARD),
    }
