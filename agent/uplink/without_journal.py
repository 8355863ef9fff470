"""A daemon without a journal: it tells the centre why, and nothing prints.

A damaged one is set aside, and a person must begin a new ledger (`blanko ledger open`);
a foreign one is left where it is; a disk that fails is waited for. Nothing is deleted,
and nothing is begun silently.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import msgspec
import structlog

from agent import __version__
from agent.clock import EARLIEST, SystemClock
from agent.config import Config
from agent.contract.messages import CONTRACT_MINOR, Clock, LedgerHead, Online, State
from agent.contract.topics import Address, Topic
from agent.journal.chain import GENESIS
from agent.journal.errors import (
    JournalDamagedError,
    JournalError,
    JournalForeignError,
    StorageError,
)
from agent.journal.lost import Salvage, salvage
from agent.journal.opening import UNKNOWN, is_there, set_aside
from agent.uplink.link import LinkError, MqttLink, Will
from protocols.vocabulary import PrinterState, Reason, Severity, StateReason

TELL_S = 10  # what the centre may cost

log = structlog.get_logger(__name__)


def report_loss(config: Config, path: Path, error: JournalError) -> str:
    """Set a damaged journal at `path` aside, and say so; return what a person must do.

    Raises:
        JournalError: another agent holds it.
    """
    kept = ""
    if isinstance(error, JournalDamagedError) and is_there(path):
        try:
            aside = set_aside(path, SystemClock().wall())
            log.critical("journal_set_aside", file=str(aside), error=str(error))
        except StorageError as failure:
            kept = f" It cannot be set aside: {failure}."
    found = salvage(path)
    asyncio.run(tell(config, found, StateReason.JOURNAL_DAMAGED))
    if isinstance(error, JournalForeignError):
        return f"{error}. It is left where it is, and nothing prints"
    if found.aside and not kept:
        kept = f" It is kept as {found.aside}."
    return (
        f"{error}.{kept} Nothing prints until two people have counted every blank and"
        f" typed: blanko ledger open --config FILE --because TEXT --count PLACE=N …"
        f" --as ID --second ID"
    )


async def tell(config: Config, found: Salvage, why: StateReason) -> None:
    """Leave at the broker, retained, why nobody is there; or say that it failed."""
    try:
        async with asyncio.timeout(TELL_S):
            await _tell(config, found, why)
    except (LinkError, TimeoutError) as failure:
        log.warning("centre_not_told", error=str(failure) or "no answer in time")


async def _tell(config: Config, found: Salvage, why: StateReason) -> None:
    """Leave at the broker, retained, why nobody is there."""
    address = Address(config.station, config.printer)
    boot, now = str(uuid.uuid4()), max(SystemClock().wall(), EARLIEST)
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
        state_reasons=[str(Reason(why, Severity.ERROR))],
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
