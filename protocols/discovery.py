"""Which printers are attached, or reached where one was told to look.

A look claims nothing, moves nothing and prints nothing; no network is searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from protocols.contract import Confidence, Recognised, Sighting, Transport
from protocols.errors import PrinterError
from protocols.evolis import recognise as evolis
from protocols.evolis.models import FAMILY as EVOLIS
from protocols.magicard import recognise as magicard
from protocols.magicard.models import FAMILY as MAGICARD
from protocols.transports.usb_address import Attached, UsbAddress
from protocols.transports.usb_bus import printers
from protocols.transports.usb_port import default_backend

_AS_EVOLIS = (
    "it was asked as an Evolis; if a Magicard is there, say --family magicard: a "
    "printer of any other kind may print that question"
)


def attached(backend: Any = None) -> list[Sighting]:
    """Every USB printer; blocks for as long as each takes to be asked for its ids.

    Raises:
        TransportError: there is no libusb, or it cannot look at the bus.
    """
    found = [one.attached for one in printers(backend or default_backend())]
    return [_sighting(one, found) for one in found]


async def reached(transport: Transport, uri: str, family: str = EVOLIS) -> Sighting:
    """Ask one printer over its link: an Evolis by looking, a Magicard by a question."""
    identify = magicard.identify if family == MAGICARD else evolis.identify
    try:
        recognised, told = await identify(transport)
    except PrinterError as error:
        note = str(error) if family == MAGICARD else f"{error}; {_AS_EVOLIS}"
        return Sighting(uri, transport.name, "", None, note)
    return Sighting(uri, f"{told!r} at {transport.name}", "", recognised)


def _sighting(one: Attached, every: Sequence[Attached]) -> Sighting:
    address = UsbAddress.of(one)
    alike = [other for other in every if address.matches(other)]
    if len(alike) > 1:
        address = UsbAddress.of(one, alone=False)
    note = one.trouble
    if len(alike) > 1:
        note = f"{len(alike)} printers say the same of themselves: told apart by port"
    elif not one.serial and not note:
        note = "it has no serial number: any printer like it would be taken for it"
    return Sighting(str(address), str(one), one.serial, _recognised(one), note)


def _recognised(one: Attached) -> Recognised | None:
    ids = one.vendor_id, one.product_id, one.device_id
    recognised = evolis.recognise(*ids) or magicard.recognise(*ids)
    if recognised is not None and one.trouble:
        # Only the numbers are known: what it says of itself could not be read.
        return replace(recognised, confidence=Confidence.LOW)
    return recognised
