"""A daemon whose journal is damaged: it sets it aside, tells the centre, and ends.

Nothing prints until a person has begun a new ledger (`blanko ledger new`). Nothing is
deleted, and nothing is begun silently.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import msgspec
import structlog

from agent import __version__
from agent.clock import SystemClock
from agent.config import Config
from agent.contract.messages import CONTRACT_MINOR, Clock, LedgerHead, Online, State
from agent.contract.topics import Address, Topic
from agent.journal.chain import GENESIS
from agent.journal.errors import JournalDamagedError
from agent.journal.opening import Salvage, salvage, set_aside
from agent.link import LinkError, MqttLink, Will
from protocols.vocabulary import PrinterState, Reason, Severity, StateReason

TELL_S = 10  # what the centre may cost
UNKNOWN = "unknown"  # the ledger whose id cannot be read

log = structlog.get_logger(__name__)


def mourn(config: Config, path: Path, error: JournalDamagedError) -> str:
    """Set the journal at `path` aside, and say so; return what a person must do.

    Raises:
        JournalError: it cannot be set aside: another agent holds it, or the disk fails.
    """
    if path.exists() and path.stat().st_size:
        aside = set_aside(path, SystemClock().wall())
        log.critical("journal_set_aside", file=str(aside), error=str(error))
    found = salvage(path)
    asyncio.run(_try_to_tell(config, found))
    kept = f" It is kept as {found.aside}." if found.aside else ""
    return (
        f"{error}.{kept} Nothing prints until a person has counted every blank and"
        f" typed: blanko ledger new --config FILE --because TEXT --count PLACE=N …"
    )


async def _try_to_tell(config: Config, found: Salvage) -> None:
    try:
        async with asyncio.timeout(TELL_S):
            await _tell(config, found)
    except (LinkError, TimeoutError) as failure:
        log.warning("centre_not_told", error=str(failure) or "no answer in time")


async def _tell(config: Config, found: Salvage) -> None:
    """Leave at the broker, retained, why nobody is there."""
    address = Address(config.station, config.printer)
    boot, now = str(uuid.uuid4()), SystemClock().wall()
    death = msgspec.json.encode(Online(online=False, connection=0, boot=boot))
    acked = found.acked.no if found.acked else 0
    state = State(
        contract=CONTRACT_MINOR,
        version=__version__,
        boot=boot,
        connection=0,
        at=now.replace(microsecond=now.microsecond // 1000 * 1000),
        clock=Clock.UNSURE,
        printer_state=PrinterState.STOPPED,
        state_reasons=[str(Reason(StateReason.JOURNAL_DAMAGED, Severity.ERROR))],
        accepting=False,
        queued=0,
        current=None,
        stock={},
        ribbon=None,
        printer=None,
        head=LedgerHead(
            ledger=found.ledger or UNKNOWN,
            no=acked,
            hash=found.acked.hash if found.acked else GENESIS,
            acked=acked,
        ),
        unsigned_jobs=config.keys.allow_unsigned_jobs,
    )
    link = MqttLink(config.mqtt, address.client_id)
    try:
        await link.connect(Will(address.topic(Topic.ONLINE), death))
        for topic, payload in (
            (Topic.STATE, msgspec.json.encode(state)),
            (Topic.ONLINE, death),
        ):
            await link.publish(address.topic(topic), payload, retain=True)
    finally:
        await link.close()
