"""Is it an Evolis, and which: by its USB ids, or by a question that moves nothing."""

from __future__ import annotations

from protocols.contract import Confidence, Recognised, Transport
from protocols.evolis.commands import Op
from protocols.evolis.link import Link
from protocols.evolis.models import FAMILY, MODELS, Fitted, Model, name_of
from protocols.evolis.session import Session
from protocols.evolis.status import BUSY_BITS, FLIP_UNIT, REJECT_SLOT, any_up
from protocols.ieee1284 import DeviceId
from protocols.quirks import QUIRKS

VENDOR_ID = 0x0F49  # EVO-92


def recognise(vendor_id: int, product_id: int, said: DeviceId) -> Recognised | None:
    """Judge by the ids alone; how it is fitted they do not tell. None: no Evolis."""
    maker = said.manufacturer.casefold() == FAMILY
    if not maker and vendor_id != VENDOR_ID:
        return None
    row = _row(said.model) if maker else None
    if row is not None:
        return Recognised(FAMILY, row.capabilities.model, Confidence.HIGH)
    return QUIRKS.recognised(FAMILY, vendor_id, product_id)


async def identify(transport: Transport) -> tuple[Recognised, str]:
    """Look first, then ask its name, unless it is at work or another host's.

    Returns what it is, and what it calls itself or why it was not asked.

    Raises:
        PrinterError: it is not there, or does not answer as an Evolis.
    """
    link = Link(transport, Session(), session_id=1)
    try:
        trailer = (await link.exchange(Op.POLL)).trailer
        if trailer.session or any_up(trailer, BUSY_BITS):
            why = "in use: ask again when it rests"
            return Recognised(FAMILY, None, Confidence.LOW), why
        named = await link.exchange(Op.MODEL)
    finally:
        await link.close()
    row = None if named.refusal else _row(named.text)
    if row is None:
        return Recognised(FAMILY, None, Confidence.LOW), named.text[:40]
    fitted = Fitted(
        two_sided=any_up(named.trailer, FLIP_UNIT),
        reject_bin=any_up(named.trailer, REJECT_SLOT),
    )
    model = name_of(row, fitted)
    return Recognised(FAMILY, model, Confidence.HIGH), named.text[:40]


def _row(told: str) -> Model | None:
    """The plain row of what a printer calls itself."""
    same = (row for row in MODELS.values() if row.reply == told.strip().upper())
    return min(same, key=lambda row: len(row.capabilities.model), default=None)
