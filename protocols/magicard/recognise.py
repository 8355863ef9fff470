"""Is it a Magicard, and which: by its USB ids, or by a question that moves nothing."""

from __future__ import annotations

from protocols.contract import Confidence, Recognised, Transport
from protocols.ieee1284 import DeviceId
from protocols.magicard.link import Link
from protocols.magicard.models import FAMILY, MODELS, fitted_name, same_name
from protocols.quirks import QUIRKS

VENDOR_ID = 0x0C1F  # MAG-02


def recognise(vendor_id: int, product_id: int, said: DeviceId) -> Recognised | None:
    """Judge by the ids alone; how it is fitted they do not tell. None: no Magicard."""
    maker = said.manufacturer.casefold() == FAMILY
    if not maker and vendor_id != VENDOR_ID:
        return None
    model = _model(said.model) if maker else None
    if model is not None:
        return Recognised(FAMILY, model, Confidence.HIGH)
    return QUIRKS.recognised(FAMILY, vendor_id, product_id)


async def identify(transport: Transport) -> tuple[Recognised, str]:
    """Ask for its information. A printer of another kind may print the question.

    Returns what it is, and what it calls itself.

    Raises:
        PrinterError: it is not there, or does not answer as a Magicard.
    """
    link = Link(transport)
    try:
        await link.open()
        info = await link.info()
    finally:
        await link.close()
    model = _model(info.model)
    if model:
        two_sided, magnetic = info.two_sided, info.magnetic
        model = fitted_name(model, two_sided=two_sided, magnetic=magnetic)
    confidence = Confidence.HIGH if model else Confidence.LOW
    return Recognised(FAMILY, model, confidence), info.model[:40]


def _model(told: str) -> str | None:
    """The plain row of what a printer calls itself."""
    same = (name for name, row in MODELS.items() if same_name(row, told))
    return min(same, key=len, default=None)
