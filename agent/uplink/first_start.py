"""An empty state directory: is it a first installation, or was a disk lost?

The broker keeps, retained, the centre's signed `ack` and our last `state`. If either
names a ledger, there was one, and a card may have been printed that nobody here knows
of: then a person begins the new ledger. Until the broker has been asked there is none.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import msgspec

from agent.config import Config
from agent.contract.envelope import EnvelopeRefused
from agent.contract.messages import Ack, LedgerHead, Online
from agent.contract.topics import Address, Topic
from agent.journal.chain import GENESIS
from agent.journal.lost import Lost
from agent.journal.opening import UNKNOWN
from agent.uplink.link import Link, MqttLink, Will

QUIET_S = 0.5  # what is retained follows a subscription at once


class _State(msgspec.Struct):
    """What is of interest in a state, be it of any version."""

    head: LedgerHead


async def lost_ledger(config: Config, open_ack: Callable[[bytes], Ack]) -> Lost | None:
    """Ask the broker which ledger was here; None: there never was one.

    The session that the broker may hold for us is dropped with all that waits in it:
    the centre sends again what it has no answer to.

    Raises:
        LinkError: the broker cannot be asked.
    """
    address = Address(config.station, config.printer)
    link = MqttLink(config.mqtt, address.client_id, passing=True)
    death = Online(online=False, connection=0, boot=str(uuid.uuid4()))
    will = Will(address.topic(Topic.ONLINE), msgspec.json.encode(death))
    try:
        await link.connect(will)
        await link.subscribe([address.topic(one) for one in (Topic.ACK, Topic.STATE)])
        kept = await _retained(link)
    finally:
        await link.close()
    if ack := kept.get(Topic.ACK):
        return _by_ack(ack, open_ack)
    return _by_state(kept[Topic.STATE]) if kept.get(Topic.STATE) else None


async def _retained(link: Link) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    while True:
        try:
            async with asyncio.timeout(QUIET_S):
                message = await link.receive()
        except TimeoutError:
            return kept
        kept[message.topic.rpartition("/")[2]] = message.payload
        link.ack(message)


def _by_ack(raw: bytes, open_ack: Callable[[bytes], Ack]) -> Lost:
    try:
        ack = open_ack(raw)
    except EnvelopeRefused:
        return Lost(UNKNOWN, 0, GENESIS)  # somebody was here, whoever signed for it
    return Lost(ack.ledger, ack.no, ack.hash, ack.at)


def _by_state(raw: bytes) -> Lost:
    try:
        head = msgspec.json.decode(raw, type=_State).head
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Lost(UNKNOWN, 0, GENESIS)
    return Lost(head.ledger, 0, GENESIS)
