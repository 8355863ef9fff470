"""What a printer of the USB printer class says of itself, as bytes.

One configuration, one interface of class 7, subclass 1, protocol 2 (bidirectional),
bulk OUT 0x01 and bulk IN 0x82. Layouts: USB 2.0 section 9.6, printer class 1.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT = 1, 2, 3, 4, 5
PRINTER_CLASS, PRINTER_SUBCLASS, BIDIRECTIONAL = 7, 1, 2
BULK_OUT, BULK_IN = 0x01, 0x82
BULK = 2
CONFIGURATION_VALUE = 1
SELF_POWERED = 0xC0
LANGUAGE = 0x0409
MANUFACTURER, PRODUCT, SERIAL = 1, 2, 3  # numbers of the strings


class Speed(IntEnum):
    """As libusb and the kernel number them."""

    LOW = 1
    FULL = 2
    HIGH = 3


@dataclass(frozen=True, slots=True)
class Description:
    """What differs from one printer to the next; `packet_size` is of both bulk pipes.

    An empty text has no string descriptor.
    """

    vendor_id: int
    product_id: int
    manufacturer: str
    product: str
    serial: str
    speed: Speed = Speed.HIGH
    packet_size: int = 512
    control_packet_size: int = 64
    usb_release: int = 0x0200  # bcdUSB
    device_release: int = 0x0100  # bcdDevice

    @property
    def device(self) -> bytes:
        return struct.pack(
            "<BBHBBBBHHHBBBB",
            18,
            DEVICE,
            self.usb_release,
            0,
            0,
            0,
            self.control_packet_size,
            self.vendor_id,
            self.product_id,
            self.device_release,
            *(no if self._text(no) else 0 for no in (MANUFACTURER, PRODUCT, SERIAL)),
            1,
        )

    @property
    def configuration(self) -> bytes:
        """The configuration with its interface and endpoints, one after the other."""
        rest = self.interface + b"".join(self.endpoints)
        return (
            struct.pack(
                "<BBHBBBBB",
                9,
                CONFIGURATION,
                9 + len(rest),
                1,
                CONFIGURATION_VALUE,
                0,
                SELF_POWERED,
                1,
            )
            + rest
        )

    @property
    def interface(self) -> bytes:
        return bytes(
            [9, INTERFACE, 0, 0, 2, PRINTER_CLASS, PRINTER_SUBCLASS, BIDIRECTIONAL, 0]
        )

    @property
    def endpoints(self) -> tuple[bytes, bytes]:
        return self._endpoint(BULK_OUT), self._endpoint(BULK_IN)

    def string(self, string_no: int) -> bytes | None:
        """Return a string descriptor; 0 is the list of languages, None: there is none.

        A text is cut to what a descriptor holds, 126 UTF-16 units.
        """
        if string_no == 0:
            return struct.pack("<BBH", 4, STRING, LANGUAGE)
        text = self._text(string_no).encode("utf-16-le")[:252]
        return bytes([2 + len(text), STRING]) + text if text else None

    def _text(self, string_no: int) -> str:
        texts = {
            MANUFACTURER: self.manufacturer,
            PRODUCT: self.product,
            SERIAL: self.serial,
        }
        return texts.get(string_no, "")

    def _endpoint(self, address: int) -> bytes:
        return struct.pack("<BBBBHB", 7, ENDPOINT, address, BULK, self.packet_size, 0)
