"""Tries each row of the fault tables: an emulator and prints of the SDK for each.

The jobs are for `sdk_world.side_by_side`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from simulators.faults import FaultKind
from tests.interop.evolis_sdk.fault_table import (
    TABLE,
    WAITS,
    WAYS_BACK,
    Seen,
    When,
)
from tests.interop.evolis_sdk.sdk_world import Client, Machine, Sdk

PATIENCE_S = 8.0  # for a print on a printer that has gone silent
SLOW_LIMIT_MS = 3000  # the bytes of a card alone take twice as long on a slow link

_LONG = (FaultKind.SLOW_LINK, FaultKind.SILENT)


def fault_jobs(
    picture: Path,
) -> dict[tuple[FaultKind, When], Callable[[Sdk], Seen]]:
    """The trials of `TABLE`; the longest come first, lest one runs on alone."""
    order = sorted(TABLE, key=lambda row: row[0] not in _LONG)
    return {row: partial(_fail, picture, *row) for row in order}


def recovery_jobs(picture: Path) -> dict[FaultKind, Callable[[Sdk], Recovered]]:
    """The trials of `WAYS_BACK`."""
    return {kind: partial(_recover, picture, kind) for kind in WAYS_BACK}


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the way back from a fault came to."""

    rejected: bool | None  # what `reject_card` returned; None: not called
    cleared: bool  # what `clear_mechanical_errors` returned
    state: str
    code: str  # of the next print
    card: str  # the first blank at the end
    good_card: str  # the one the next print was made on


def expected_recovery(kind: FaultKind) -> Recovered:
    """What the way back must come to: a good card."""
    way = WAYS_BACK[kind]
    rejected = True if way.rejects else None
    good = "output, complete"
    return Recovered(rejected, True, "READY/PRINTER_READY", "OK", way.card, good)


def _fail(picture: Path, kind: FaultKind, when: When, sdk: Sdk) -> Seen:
    machine = Machine()
    try:
        client = Client(sdk, machine.uri())
        at = {} if when is When.BEFORE else {"card": 1}
        machine.do(do="fault", kind=kind, **at)
        if kind is FaultKind.SILENT:
            return Seen(_code_in_time(client, picture), "", _card(machine))
        limit_ms = SLOW_LIMIT_MS if kind is FaultKind.SLOW_LINK else 20_000
        code = client.print(picture, limit_ms=limit_ms)
        state, card = client.state, _card(machine)
        again = client.print(picture) if TABLE[kind, when].again else ""
        client.close()
        return Seen(code, state, card, again)
    finally:
        machine.close()


def _recover(picture: Path, kind: FaultKind, sdk: Sdk) -> Recovered:
    way = WAYS_BACK[kind]
    machine = Machine()
    try:
        client = Client(sdk, machine.uri())
        machine.do(do="fault", kind=kind, card=1)
        assert client.print(picture) == TABLE[kind, When.DURING].code
        machine.do(**way.act)
        rejected = client("reject_card") if way.rejects else None
        cleared = client("clear_mechanical_errors")
        state = client.state
        code = client.print(picture)
        client.close()
        good_card = _card(machine, way.good_card_no)
        return Recovered(rejected, cleared, state, code, _card(machine), good_card)
    finally:
        machine.close()


def _code_in_time(client: Client, picture: Path) -> str:
    """The code, or WAITS; then the client's process is ended."""
    client.begin_print(picture)
    code = client.end_print() if client.answers_within(PATIENCE_S) else WAITS
    client.kill()  # closing would ask the silent printer, for half a minute
    return code


def _card(machine: Machine, number: int = 1) -> str:
    card = machine.card(number)
    return f"{card['place']}, {card['state']}"
