"""What USB printers are attached, and which of them is meant: a look, never a claim.

The backend is spoken to directly (`usb.backend.IBackend`): pyusb's own `Device` claims
an interface where nobody asked it to, and a look at a bus must leave usblp where it is.
The kernel lets GET_DEVICE_ID of a printer pass unclaimed for just such a look.
"""

from __future__ import annotations

import errno
import itertools
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

import usb.core

from protocols.errors import TransportError
from protocols.ieee1284 import DeviceId
from protocols.transports.usb_address import Attached, UsbAddress

Backend: TypeAlias = Any  # usb.backend.IBackend: pyusb has no types

PRINTER_CLASS = 7
PROTOCOLS = (2, 3, 1)  # bidirectional first; 4 is IPP over USB: no stream for us
CONTROL_TIMEOUT_MS = 1000
DEVICE_ID_SIZE_MAX = 1024
_BULK, _IN = 0x02, 0x80
_STRING, _STRING_SIZE_MAX = 0x03, 254


class UsbTrouble(StrEnum):
    """What is wrong with a USB printer's link, for whoever must branch on it."""

    NO_LIBUSB = "no-libusb"
    ABSENT = "absent"
    OTHER_PRINTER = "other-printer"
    AMBIGUOUS = "ambiguous"
    NOT_PERMITTED = "not-permitted"
    TAKEN = "taken"  # usblp or another program has the interface
    UNFIT = "unfit"  # no two-way printer interface
    GONE = "gone"
    STALLED = "stalled"
    SILENT = "silent"
    OVERFLOW = "overflow"
    FAILED = "failed"
    CLOSED = "closed"


class UsbError(TransportError):
    """A `TransportError` that names its trouble."""

    def __init__(self, message: str, trouble: UsbTrouble) -> None:
        super().__init__(message)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Interface:
    """Where on a device the printer's stream goes."""

    number: int
    setting: int
    bulk_out: int
    bulk_in: int
    packet_size: int  # of bulk IN: a buffer that is no multiple of it may overflow


@dataclass(frozen=True, slots=True)
class Found:
    """A printer on the bus, and what the backend needs to open it."""

    attached: Attached
    device: Any
    interface: Interface | None  # None: it is one-way
    trouble: UsbTrouble | None = None  # of asking it


def udev_line(vendor_id: int, product_id: int) -> str:
    """The rule that lets the group of the agents use a printer."""
    return (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor_id:04x}", '
        f'ATTR{{idProduct}}=="{product_id:04x}", GROUP="blanko", MODE="0660"'
    )


def printers(backend: Backend) -> list[Found]:
    """Every device of the printer class, asked who it is; claims and moves nothing.

    Raises:
        UsbError: the bus cannot be looked at.
    """
    with naming("usb"):
        return [
            found
            for device in backend.enumerate_devices()
            if (found := _look_at(backend, device)) is not None
        ]


def find(backend: Backend, address: UsbAddress) -> Found:
    """The one printer that `address` means.

    Raises:
        UsbError: there is none, another, or more than one.
    """
    every = printers(backend)
    meant = [one for one in every if address.matches(one.attached)]
    if len(meant) == 1 and meant[0].trouble is None:
        return meant[0]
    if len(meant) > 1:
        places = ", ".join(str(one.attached) for one in meant)
        raise UsbError(
            f"{address}: {len(meant)} printers answer to this: {places}; unplug all "
            "but one, or add port=… of the one that is meant",
            UsbTrouble.AMBIGUOUS,
        )
    for one in meant or every:
        if one.trouble is not None and _may_be(address, one.attached):
            raise UsbError(one.attached.trouble, one.trouble)
    if every:
        others = ", ".join(str(one.attached) for one in every)
        raise UsbError(
            f"{address}: another printer than configured is attached: {others}",
            UsbTrouble.OTHER_PRINTER,
        )
    raise UsbError(f"{address}: no USB printer is attached", UsbTrouble.ABSENT)


_TROUBLES: dict[int | None, tuple[UsbTrouble, str]] = {
    errno.ENODEV: (UsbTrouble.GONE, "the printer was unplugged or switched off"),
    errno.EIO: (UsbTrouble.GONE, "the link broke: unplugged, or a hub was reset"),
    errno.ESHUTDOWN: (UsbTrouble.GONE, "the printer was unplugged or switched off"),
    errno.EPROTO: (UsbTrouble.GONE, "the link broke: unplugged, or a hub was reset"),
    errno.EBUSY: (
        UsbTrouble.TAKEN,
        "another program or the kernel's usblp has the printer",
    ),
    errno.ENOENT: (UsbTrouble.GONE, "the port is not ours any more: it was reset"),
    errno.EPIPE: (UsbTrouble.STALLED, "the printer refused (stall)"),
    errno.EOVERFLOW: (UsbTrouble.OVERFLOW, "the printer sent more than was asked for"),
    errno.ETIMEDOUT: (UsbTrouble.SILENT, "the printer did not answer"),
    errno.EACCES: (UsbTrouble.NOT_PERMITTED, "no permission"),
    errno.EPERM: (UsbTrouble.NOT_PERMITTED, "no permission"),
}


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Turn pyusb's errors into ours."""
    try:
        yield
    except usb.core.USBError as error:
        trouble, what = _TROUBLES.get(error.errno, (UsbTrouble.FAILED, "failed"))
        raise UsbError(f"{name}: {what}: {error}", trouble) from error


def _look_at(backend: Backend, device: Any) -> Found | None:
    """The device if it is a printer. One that goes away meanwhile is none."""
    try:
        head = backend.get_device_descriptor(device)
        interfaces = _interfaces(backend, device)
    except usb.core.USBError:
        return None  # nothing that a printer would be known by
    if not interfaces:
        return None
    here = _attached(head)
    two_way = next((one for one in interfaces if one.bulk_in), None)
    try:
        serial, said = _who(backend, device, head, interfaces[0])
    except usb.core.USBError as error:
        trouble, _ = _TROUBLES.get(error.errno, (UsbTrouble.FAILED, ""))
        if trouble is UsbTrouble.GONE:
            return None
        return Found(_unasked(here, error), device, two_way, trouble)
    asked = replace(here, serial=serial or said.serial, device_id=said)
    return Found(asked, device, two_way)


def _attached(head: Any) -> Attached:
    way = ".".join(map(str, head.port_numbers or (0,)))
    bus = int(head.bus or 0)
    return Attached(
        head.idVendor, head.idProduct, bus, int(head.address or 0), f"{bus}-{way}"
    )


def _unasked(here: Attached, error: usb.core.USBError) -> Attached:
    trouble = f"usb {here.port}: {here.numbers} cannot be asked: {error}"
    if error.errno in (errno.EACCES, errno.EPERM):
        trouble = (
            f"usb {here.port}: no permission for {here.numbers}: put "
            f"{udev_line(here.vendor_id, here.product_id)} into "
            "/etc/udev/rules.d/60-blanko.rules, then run `udevadm control --reload` "
            "and plug the printer in again"
        )
    return replace(here, trouble=trouble)


def _may_be(address: UsbAddress, found: Attached) -> bool:
    """Whether a printer that could not be asked may be the one that is meant."""
    numbers = UsbAddress(address.vendor_id, address.product_id, port=address.port)
    return numbers.matches(found)


def _interfaces(backend: Backend, device: Any) -> list[Interface]:
    """The printer interfaces, the best first; `bulk_in` 0: it has none."""
    found: list[tuple[int, Interface]] = []
    for at in range(backend.get_configuration_descriptor(device, 0).bNumInterfaces):
        for setting_no in itertools.count():
            try:
                setting = backend.get_interface_descriptor(device, at, setting_no, 0)
            except IndexError:
                break
            is_printer = setting.bInterfaceClass == PRINTER_CLASS
            if is_printer and setting.bInterfaceProtocol in PROTOCOLS:
                pipes = [
                    backend.get_endpoint_descriptor(device, no, at, setting_no, 0)
                    for no in range(setting.bNumEndpoints)
                ]
                rank = PROTOCOLS.index(setting.bInterfaceProtocol)
                found += [(rank, one) for one in _interface(setting, pipes)]
    return [one for _, one in sorted(found, key=lambda ranked: ranked[0])]


def _interface(setting: Any, pipes: list[Any]) -> Iterator[Interface]:
    bulk = [pipe for pipe in pipes if pipe.bmAttributes & 3 == _BULK]
    out = [pipe for pipe in bulk if not pipe.bEndpointAddress & _IN]
    into = [pipe for pipe in bulk if pipe.bEndpointAddress & _IN and _room(pipe)]
    if out:
        yield Interface(
            setting.bInterfaceNumber,
            setting.bAlternateSetting,
            out[0].bEndpointAddress,
            into[0].bEndpointAddress if into else 0,
            _room(into[0]) if into else 1,
        )


def _room(pipe: Any) -> int:
    """The bytes of a packet."""
    return int(pipe.wMaxPacketSize) & 0x7FF


def _who(
    backend: Backend, device: Any, head: Any, interface: Interface
) -> tuple[str, DeviceId]:
    handle = backend.open_device(device)
    try:
        try:
            said = DeviceId.parse(device_id(backend, handle, interface))
        except usb.core.USBError as error:
            if error.errno not in (errno.EPIPE, errno.ETIMEDOUT, errno.EBUSY):
                raise
            said = DeviceId()
        return _text(backend, handle, head.iSerialNumber), said
    finally:
        backend.close_device(handle)


def device_id(backend: Backend, handle: Any, interface: Interface) -> str:
    """GET_DEVICE_ID; the two bytes before the text are its length (big-endian).

    Some printers count those two bytes and some do not: what came is what counts.
    """
    where = interface.number << 8 | interface.setting
    raw = ask(backend, handle, (0xA1, 0, 0, where), DEVICE_ID_SIZE_MAX)
    return raw[2:].decode("latin-1").rstrip("\0")


def ask(
    backend: Backend, handle: Any, request: tuple[int, int, int, int], size_max: int
) -> bytes:
    """One control request that reads: type, request, value and index."""
    buffer = array("B", bytes(size_max))
    size = backend.ctrl_transfer(handle, *request, buffer, CONTROL_TIMEOUT_MS)
    return buffer[:size].tobytes()


def _text(backend: Backend, handle: Any, string_no: int) -> str:
    """A string descriptor in the device's first language; "": it has none."""
    if string_no == 0:
        return ""
    try:
        languages = ask(backend, handle, (0x80, 6, _STRING << 8, 0), _STRING_SIZE_MAX)
        language = int.from_bytes(languages[2:4], "little")
        what = (0x80, 6, _STRING << 8 | string_no, language)
        raw = ask(backend, handle, what, _STRING_SIZE_MAX)
    except usb.core.USBError as error:
        if error.errno == errno.ENODEV:
            raise
        return ""
    text = raw[2 : raw[0] if raw else 0].decode("utf-16-le", "replace")
    return "".join(sign for sign in text if sign.isprintable()).strip()
