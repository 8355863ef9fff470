"""USB/IP, version 1.1.1, as bytes: what a host asks, and what is told of a device.

Source: the kernel's Documentation/usb/usbip_protocol.rst. All numbers are big-endian
but the eight bytes of a control request's setup, which are those of USB.

    request   0111 | command(2) | status(4) | busid(32), of IMPORT alone
    URB       command | sequence | devid | direction | endpoint (4 each) | 28 bytes more
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from simulators.links.usb_descriptors import CONFIGURATION_VALUE, Description
from simulators.links.usb_device import Setup

VERSION = 0x0111
REQUEST_SIZE = 8
BUSID_SIZE, PATH_SIZE = 32, 256
HEADER_SIZE = 48
OUT, IN = 0, 1
NO_ISO_PACKETS = (0, 0xFFFFFFFF)
TRANSFER_SIZE_MAX = 16 * 1024 * 1024  # as much as the kernel lets a program have

_REQUEST = struct.Struct(">HHI")
_BASIC = struct.Struct(">5I")
_SUBMIT = struct.Struct(">5I")
_RET_SUBMIT = struct.Struct(">iIIII8x")
_RET_UNLINK = struct.Struct(">i24x")


class Operation(IntEnum):
    DEVLIST = 0x8005
    IMPORT = 0x8003


class Outcome(IntEnum):
    """Status of a reply to an operation, as the usbip tools name them."""

    OK = 0
    BUSY = 2
    NO_DEVICE = 4


class Command(IntEnum):
    SUBMIT = 1
    UNLINK = 2
    RET_SUBMIT = 3
    RET_UNLINK = 4


class ClientError(Exception):
    """These are no bytes of a USB/IP client; the connection is of no more use."""


@dataclass(frozen=True, slots=True)
class Urb:
    """What a host submits; `size` is of the data to come or of the room for it."""

    sequence: int
    direction: int
    endpoint: int
    size: int
    setup: Setup


@dataclass(frozen=True, slots=True)
class Unlink:
    """What a host takes back: the URB with the number `target`."""

    sequence: int
    target: int


def operation(raw: bytes) -> Operation:
    """Read the eight bytes that begin a connection.

    Raises:
        ClientError: another version, or no operation that there is.
    """
    version, code, _ = _REQUEST.unpack(raw)
    if version != VERSION:
        raise ClientError(f"version {version:#06x}, expected {VERSION:#06x}")
    if code not in tuple(Operation):
        raise ClientError(f"operation {code:#06x}")
    return Operation(code)


def urb(raw: bytes) -> Urb | Unlink:
    """Read the 48 bytes that begin a command of an imported device.

    Raises:
        ClientError: no command that there is, isochronous, or larger than
            `TRANSFER_SIZE_MAX`.
    """
    command, sequence, _, direction, endpoint = _BASIC.unpack_from(raw)
    if command == Command.UNLINK:
        return Unlink(sequence, int.from_bytes(raw[20:24], "big"))
    if command != Command.SUBMIT:
        raise ClientError(f"command {command:#x}")
    _, size, _, packet_count, _ = _SUBMIT.unpack_from(raw, _BASIC.size)
    if packet_count not in NO_ISO_PACKETS:
        raise ClientError(f"{packet_count} isochronous packets")
    if size > TRANSFER_SIZE_MAX or direction not in (OUT, IN):
        raise ClientError(f"{size} bytes in direction {direction}")
    return Urb(sequence, direction, endpoint, size, Setup.of(raw[40:48]))


def ret_submit(
    sequence: int, status: int, actual_size: int, data: bytes | bytearray = b""
) -> bytes:
    """The end of an URB: 0 or a negative errno, how much went, and what came."""
    head = _BASIC.pack(Command.RET_SUBMIT, sequence, 0, 0, 0)
    return head + _RET_SUBMIT.pack(status, actual_size, 0, 0, 0) + data


def ret_unlink(sequence: int, status: int) -> bytes:
    """0: the URB had ended before; else how it was made to end."""
    head = _BASIC.pack(Command.RET_UNLINK, sequence, 0, 0, 0)
    return head + _RET_UNLINK.pack(status)


@dataclass(frozen=True, slots=True)
class Exported:
    """A device and its place on the bus that the server tells of."""

    description: Description
    bus_no: int
    device_no: int
    port_no: int

    @property
    def busid(self) -> str:
        return f"{self.bus_no}-{self.port_no}"

    @property
    def device(self) -> bytes:
        """The 312 bytes by which DEVLIST and IMPORT tell of it."""
        told = self.description.device
        path = f"/sys/devices/emulated/usb{self.bus_no}/{self.busid}"
        return struct.pack(
            f">{PATH_SIZE}s{BUSID_SIZE}sIIIHHH6B",
            path.encode(),
            self.busid.encode(),
            self.bus_no,
            self.device_no,
            self.description.speed,
            self.description.vendor_id,
            self.description.product_id,
            self.description.device_release,
            *told[4:7],
            CONFIGURATION_VALUE,
            told[17],
            self.description.configuration[4],
        )

    @property
    def interfaces(self) -> bytes:
        """Class, subclass, protocol and a byte of padding, of its only interface."""
        return self.description.interface[5:8] + b"\0"


def devlist_reply(devices: list[Exported]) -> bytes:
    """Who is there."""
    head = _REQUEST.pack(VERSION, Operation.DEVLIST & 0x7FFF, Outcome.OK)
    told = [one.device + one.interfaces for one in devices]
    return head + struct.pack(">I", len(told)) + b"".join(told)


def import_reply(outcome: Outcome, device: Exported) -> bytes:
    """Whether the host has the device now."""
    head = _REQUEST.pack(VERSION, Operation.IMPORT & 0x7FFF, outcome)
    return head + device.device if outcome is Outcome.OK else head
