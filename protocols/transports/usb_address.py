"""Which USB printer is meant: the `usb://` addresses of a configuration.

    usb://EVOLIS/Primacy%202?serial=SN    by the IEEE-1284 id, as CUPS writes it
    usb://0f49:0a00?serial=SN             by vendor and product number; usb://0f49 too
    usb://?serial=SN                      by the serial number alone
    …?port=1-2.4                          by the socket it is plugged into

PURE. What is not written is not compared. Names are compared without case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from protocols.ieee1284 import DeviceId

EXPECTED = (
    "usb://MANUFACTURER/MODEL or usb://VVVV:PPPP (hexadecimal), each with or without "
    "?serial=NUMBER, or usb://?serial=NUMBER; port=BUS-PORT tells two alike apart"
)
_NUMBERS = re.compile(r"([0-9a-fA-F]{4})(?::([0-9a-fA-F]{4}))?")
_PORT = re.compile(r"\d{1,3}-\d{1,3}(\.\d{1,3}){0,6}")


@dataclass(frozen=True, slots=True)
class Attached:
    """One printer on the bus, as far as it could be asked."""

    vendor_id: int
    product_id: int
    bus: int
    address: int
    port: str  # such as 1-2.4: bus, then the way through the hubs
    serial: str = ""
    device_id: DeviceId = field(default_factory=DeviceId)
    trouble: str = ""  # why it could not be asked; then the two above are empty

    @property
    def numbers(self) -> str:
        return f"{self.vendor_id:04x}:{self.product_id:04x}"

    def __str__(self) -> str:
        names = f"{self.device_id.manufacturer} {self.device_id.model}".strip()
        serial = f" serial {self.serial}" if self.serial else ""
        return f"{names or 'printer'} ({self.numbers}){serial} at port {self.port}"


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """What a configuration says of its printer; None: anything will do."""

    vendor_id: int | None = None
    product_id: int | None = None
    manufacturer: str | None = None
    model: str | None = None
    serial: str | None = None
    port: str | None = None

    @classmethod
    def parse(cls, uri: str) -> UsbAddress:
        """Read a `usb://` address.

        Raises:
            ValueError: it is none; `EXPECTED` says what one looks like.
        """
        parts = urlsplit(uri)
        if parts.scheme != "usb" or parts.fragment or not uri.startswith("usb://"):
            raise ValueError(EXPECTED)
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        serial, port = query.pop("serial", None), query.pop("port", None)
        if query or (port is not None and not _PORT.fullmatch(port)):
            raise ValueError(EXPECTED)
        numbers = _NUMBERS.fullmatch(parts.netloc)
        maker, model = unquote(parts.netloc), unquote(parts.path.removeprefix("/"))
        if numbers and not model:
            vendor, product = numbers.groups()
            product_id = None if product is None else int(product, 16)
            return cls(int(vendor, 16), product_id, serial=serial, port=port)
        if bool(maker) is not bool(model) or not (maker or serial or port):
            raise ValueError(EXPECTED)
        return cls(None, None, maker or None, model or None, serial, port)

    @classmethod
    def of(cls, found: Attached, *, alone: bool = True) -> UsbAddress:
        """The address by which `found` is found again wherever it is plugged in.

        `alone`: no other printer attached answers to it; the socket is named otherwise.
        """
        said, serial = found.device_id, found.serial or None
        port = None if alone else found.port
        if said.manufacturer and said.model:
            return cls(None, None, said.manufacturer, said.model, serial, port)
        return cls(found.vendor_id, found.product_id, serial=serial, port=port)

    def matches(self, found: Attached) -> bool:
        said = found.device_id
        return (
            self.vendor_id in (None, found.vendor_id)
            and self.product_id in (None, found.product_id)
            and _same(self.manufacturer, said.manufacturer)
            and _same(self.model, said.model)
            and self.serial in (None, found.serial)
            and self.port in (None, found.port)
        )

    def __str__(self) -> str:
        place = ""
        if self.manufacturer is not None and self.model is not None:
            place = f"{quote(self.manufacturer, '')}/{quote(self.model, '')}"
        elif self.vendor_id is not None:
            product = "" if self.product_id is None else f":{self.product_id:04x}"
            place = f"{self.vendor_id:04x}{product}"
        asked = {"serial": self.serial, "port": self.port}
        query = "&".join(
            f"{key}={quote(value, '')}" for key, value in asked.items() if value
        )
        return f"usb://{place}{'?' if query else ''}{query}"


def _same(wanted: str | None, said: str) -> bool:
    return wanted is None or wanted.strip().casefold() == said.casefold()
