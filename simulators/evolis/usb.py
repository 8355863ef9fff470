"""The Evolis printer's USB port: what it says of itself there.

Known are the vendor's number, the Zenius's product number and, from the queues of
public CUPS installations, manufacturer and model. The rest is guessed, as
docs/emulator.md says.
"""

from __future__ import annotations

from simulators.evolis.models import Model
from simulators.links.usb_descriptors import Description
from simulators.mechanism import Mechanism

VENDOR_ID = 0x0F49
PRODUCT_IDS = {"Zenius": 0x0A00}
PRODUCT_ID_UNKNOWN = 0xFFFF  # no source names it; a host must not go by it

NO_ERROR, SELECTED, PAPER_EMPTY = 0x08, 0x10, 0x20  # bits of the port status


def description(model: Model, serial: str) -> Description:
    product_id = PRODUCT_IDS.get(model.name, PRODUCT_ID_UNKNOWN)
    return Description(VENDOR_ID, product_id, "EVOLIS", model.name, serial)


def device_id(model: Model) -> str:
    return f"MFG:EVOLIS;MDL:{model.name};CLS:PRINTER;"


def port_status(machine: Mechanism) -> int:
    """What the printer class means by its bits, said of this machine."""
    status = SELECTED
    if not machine.latched and not machine.cover_open:
        status |= NO_ERROR
    if machine.hopper_seems_empty:
        status |= PAPER_EMPTY
    return status
