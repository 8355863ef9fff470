"""A bus for pyusb with one printer on it, imported over USB/IP: no kernel, no libusb.

What a kernel's vhci-hcd does, so far as the transport needs it. Imported whenever a
server has it; a lost connection is a device that is gone. Calls block, and come from
any thread but that of the event loop in which the printer lives.
"""

from __future__ import annotations

import errno
import select
import struct
import time
from array import array
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core

from simulators.links.usbip_host import (
    Ended,
    LostError,
    RefusedError,
    UsbipHost,
)

UNLINKED_S = 10.0  # until the end of what was taken back is told
CONFIGURATION_VALUE = 1


class UsbipBus(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """Imports `busid` 1-1 from the server at `port` of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._host: UsbipHost | None = None
        self._device_no = 1
        self._descriptors = b""
        self._ended: dict[int, Ended] = {}

    def attach(self) -> bool:
        """Import it if it is to be had; whether it is there now."""
        if self._host is None:
            try:
                host = UsbipHost("127.0.0.1", self._port)
            except (RefusedError, LostError, OSError):
                return False
            try:
                self._descriptors = host.descriptors()
                host.control(0x00, 9, CONFIGURATION_VALUE, 0)
            except (RefusedError, LostError):
                host.close()
                return False
            self._host = host
            self._device_no += 1
        return True

    def detach(self) -> None:
        if self._host is not None:
            self._host.close()
        self._host = None
        self._ended.clear()

    # --- what is on the bus -----------------------------------------------------

    def enumerate_devices(self) -> Iterator[int]:
        if self.attach():
            yield self._device_no

    def get_device_descriptor(self, dev: int) -> SimpleNamespace:
        vendor, product = struct.unpack_from("<HH", self._descriptors, 8)
        return SimpleNamespace(
            idVendor=vendor,
            idProduct=product,
            iSerialNumber=self._descriptors[16],
            bus=1,
            address=dev,
            port_numbers=(1,),
        )

    def get_configuration_descriptor(self, dev: int, config: int) -> SimpleNamespace:
        return SimpleNamespace(bNumInterfaces=self._descriptors[18 + 4])

    def get_interface_descriptor(
        self, dev: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        if (intf, alt) != (0, 0):
            raise IndexError(f"interface {intf}, setting {alt}: there is only 0")
        raw = self._descriptors[18 + 9 :]
        return SimpleNamespace(
            bInterfaceNumber=raw[2],
            bAlternateSetting=raw[3],
            bNumEndpoints=raw[4],
            bInterfaceClass=raw[5],
            bInterfaceProtocol=raw[7],
        )

    def get_endpoint_descriptor(
        self, dev: int, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        raw = self._descriptors[18 + 9 + 9 + 7 * ep :]
        return SimpleNamespace(
            bEndpointAddress=raw[2],
            bmAttributes=raw[3],
            wMaxPacketSize=int.from_bytes(raw[4:6], "little"),
        )

    # --- a handle: the number that the device had when it was opened -----------

    def open_device(self, dev: int) -> int:
        self._live(dev)
        return dev

    def close_device(self, dev_handle: int) -> None:
        """Nothing: an import outlives those who use it."""

    def is_kernel_driver_active(self, dev_handle: int, intf: int) -> bool:
        return False

    def claim_interface(self, dev_handle: int, intf: int) -> None:
        self._live(dev_handle)

    def release_interface(self, dev_handle: int, intf: int) -> None:
        self._live(dev_handle)

    def clear_halt(self, dev_handle: int, ep: int) -> None:
        self.ctrl_transfer(dev_handle, 0x02, 1, 0, ep, array("B"), 1000)

    def ctrl_transfer(
        self,
        dev_handle: int,
        bmRequestType: int,  # noqa: N803 - pyusb's names
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        *data_and_timeout: Any,
    ) -> int:
        data, timeout_ms = data_and_timeout
        words = (bmRequestType, bRequest, wValue, wIndex, len(data))
        setup = struct.pack("<BBHHH", *words)
        sent = None if bmRequestType & 0x80 else data.tobytes()
        ended = self._done(dev_handle, 0, sent, len(data), timeout_ms, setup)
        memoryview(data)[: len(ended.data)] = ended.data
        return len(ended.data) if sent is None else ended.size

    def bulk_write(
        self, dev_handle: int, ep: int, intf: int, data: array[int], timeout: int
    ) -> int:
        sent = data.tobytes()
        return self._done(dev_handle, ep, sent, len(sent), timeout).size

    def bulk_read(
        self, dev_handle: int, ep: int, intf: int, buff: array[int], timeout: int
    ) -> int:
        ended = self._done(dev_handle, ep & 0x7F, None, len(buff), timeout)
        memoryview(buff)[: len(ended.data)] = ended.data
        return len(ended.data)

    # --- below ------------------------------------------------------------------

    def _live(self, dev: int) -> UsbipHost:
        if self._host is None or dev != self._device_no:
            raise _error(errno.ENODEV)
        return self._host

    def _done(
        self,
        dev: int,
        endpoint: int,
        data: bytes | None,
        size: int,
        timeout_ms: int,
        setup: bytes = bytes(8),
    ) -> Ended:
        """Submit an URB; return its end, or raise what a kernel would make of it."""
        host = self._live(dev)
        try:
            sequence = host.submit(endpoint, setup=setup, data=data, size=size)
            ended = self._end_of(host, sequence, timeout_ms / 1000)
        except LostError as error:
            self.detach()
            raise _error(errno.ENODEV) from error
        late = ended.status == -errno.ECONNRESET
        if late and not ended.size:
            raise _error(errno.ETIMEDOUT)
        if ended.status and not late:
            raise _error(-ended.status)
        return ended

    def _end_of(self, host: UsbipHost, sequence: int, timeout_s: float) -> Ended:
        """Wait for its end; take it back when the time is over, and wait for that."""
        end_s, taken_back = time.monotonic() + timeout_s, False
        while sequence not in self._ended:
            left_s = max(end_s - time.monotonic(), 0.0)
            if select.select([host.socket], [], [], left_s)[0]:
                self._ended |= {one.sequence: one for one in host.read()}
            elif taken_back:
                raise LostError(f"URB {sequence} does not end")
            else:
                host.unlink(sequence)
                end_s, taken_back = time.monotonic() + UNLINKED_S, True
        return self._ended.pop(sequence)


def _error(number: int) -> Exception:
    late = number == errno.ETIMEDOUT
    kind = usb.core.USBTimeoutError if late else usb.core.USBError
    error: Exception = kind(f"errno {number}", -1, number)
    return error
