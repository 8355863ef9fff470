"""Which printers can be driven: from a configuration's three words to a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from protocols.contract import (
    Capabilities,
    Driver,
    Sighting,
    Transport,
    WireEvent,
    WireSink,
)
from protocols.errors import PrinterError
from protocols.evolis.annotate import annotate as annotate_evolis
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import FAMILY as EVOLIS
from protocols.evolis.models import MODELS as EVOLIS_MODELS
from protocols.magicard.annotate import annotate as annotate_magicard
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import FAMILY as MAGICARD
from protocols.magicard.models import MODELS as MAGICARD_MODELS
from protocols.transports.tcp import TcpTransport
from protocols.transports.trace import TraceTransport
from protocols.transports.usb_address import EXPECTED, UsbAddress
from protocols.vocabulary import CardFate

Row = TypeVar("Row")


class UnknownPrinterError(PrinterError):
    """The configuration names what does not exist; `field` says where."""

    def __init__(self, field: str, value: str, expected: str) -> None:
        super().__init__(
            f"{field} {value!r} is not known, expected {expected}",
            card=CardFate.UNTOUCHED,
        )
        self.field = field
        self.expected = expected


def capabilities_of(family: str, model: str) -> Capabilities:
    """What a model can do.

    Raises:
        UnknownPrinterError: no such family or model.
    """
    if _known(family) == MAGICARD:
        return _row(MAGICARD_MODELS, model).capabilities
    return _row(EVOLIS_MODELS, model).capabilities


def make_driver(
    family: str,
    model: str,
    uri: str,
    *,
    session_id: int,
    sink: WireSink | None = None,
) -> Driver:
    """A driver that is not opened yet; `uri` is `tcp://HOST:PORT` or `usb://…`.

    `session_id` (1 to 65535) marks the printer as ours, also after a restart. `sink`
    reads along, whenever it wants to.

    Raises:
        UnknownPrinterError: no such family or model, or an address of another form.
    """
    capabilities_of(family, model)
    transport: Transport = _transport(uri)
    if sink is not None:
        transport = TraceTransport(transport, sink)
    if family == MAGICARD:
        return MagicardDriver(MAGICARD_MODELS[model], transport)
    return EvolisDriver(EVOLIS_MODELS[model], transport, session_id=session_id)


def models_of(family: str) -> list[str]:
    """The names a configuration may give, in order.

    Raises:
        UnknownPrinterError: no such family.
    """
    magicard = _known(family) == MAGICARD
    return sorted(MAGICARD_MODELS if magicard else EVOLIS_MODELS)


def attached() -> list[Sighting]:
    """Every printer on USB; nothing is claimed or moved. Blocks.

    Raises:
        TransportError: there is no libusb, or it cannot look at the bus.
    """
    # Deferred as in `_usb`.
    from protocols import discovery

    return discovery.attached()


async def reached(uri: str, family: str | None = None) -> Sighting:
    """What answers at an address; the printer is asked as one of `family`.

    Raises:
        UnknownPrinterError: no such family, or no address.
    """
    from protocols import discovery

    asked = _known(family or EVOLIS)
    return await discovery.reached(_transport(uri), uri, asked)


def annotated(
    family: str, events: Sequence[WireEvent], *, no: int, source: str, began_s: float
) -> str:
    """One connection as lines of TOML: comments for a reader, stanzas for a test.

    `events`: from OPEN to CLOSE. `no` and `source` go into the stanzas; times are told
    as seconds since `began_s`. Dots of panels and data of magnetic stripes stay out.

    Raises:
        UnknownPrinterError: no such family.
    """
    magicard = _known(family) == MAGICARD
    annotate = annotate_magicard if magicard else annotate_evolis
    return annotate(events, no=no, source=source, began_s=began_s)


def _known(family: str) -> str:
    if family not in (EVOLIS, MAGICARD):
        raise UnknownPrinterError("family", family, f"{EVOLIS!r} or {MAGICARD!r}")
    return family


def _row(models: Mapping[str, Row], model: str) -> Row:
    row = models.get(model)
    if row is None:
        known = ", ".join(map(repr, sorted(models)))
        raise UnknownPrinterError("model", model, f"one of: {known}")
    return row


def _transport(uri: str) -> Transport:
    return _usb(uri) if uri.startswith("usb:") else _tcp(uri)


def _tcp(uri: str) -> Transport:
    expected = "tcp://HOST:PORT with a port of 1 … 65535, or usb://…"
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UnknownPrinterError("uri", uri, expected) from error
    extra = parts.path or parts.query or parts.fragment or parts.username
    if parts.scheme != "tcp" or not host or not port or extra:
        raise UnknownPrinterError("uri", uri, expected)
    return TcpTransport(host, port)


def _usb(uri: str) -> Transport:
    # Deferred: pyusb and ctypes are for those who have a printer on USB.
    from protocols.transports.usb import UsbTransport

    try:
        return UsbTransport(UsbAddress.parse(uri))
    except ValueError as error:
        raise UnknownPrinterError("uri", uri, EXPECTED) from error
