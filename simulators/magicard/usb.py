"""The Magicard printer's USB port: what it says of itself there."""

from __future__ import annotations

from simulators.links.usb_descriptors import Description, Speed
from simulators.magicard.models import Model

VENDOR_ID = 0x0C1F
IDLE, BUSY, ERROR = 0x18, 0x08, 0x10
"""The three values of the port status that a real one was seen to have."""


def description(model: Model, serial: str) -> Description:
    full = model.usb_speed is Speed.FULL
    return Description(
        VENDOR_ID,
        model.product_id,
        "Magicard",
        model.name,
        serial,
        speed=model.usb_speed,
        packet_size=64 if full else 512,
        control_packet_size=8 if full else 64,
        usb_release=model.usb_release,
    )
