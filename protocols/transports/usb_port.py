"""One USB printer's port, claimed: everything here blocks, and waits briefly.

Requests and their numbers: USB Printer Class 1.1, section 4.2.
"""

from __future__ import annotations

import errno
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import usb.backend.libusb1
import usb.core

from protocols.contract import PortStatus
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import (
    CONTROL_TIMEOUT_MS,
    Backend,
    UsbError,
    UsbTrouble,
    ask,
    device_id,
    find,
    naming,
)

_CLASS_IN, _CLASS_OUT, _CLASS_OUT_OLD = 0xA1, 0x21, 0x23
_GET_PORT_STATUS, _SOFT_RESET = 1, 2


def default_backend() -> Backend:
    """The libusb of the system, or that of the wheel `libusb-package`.

    Raises:
        UsbError: there is neither, or no bus for it.
    """
    backend = usb.backend.libusb1.get_backend()
    if backend is None:
        with suppress(ImportError):
            import libusb_package

            backend = libusb_package.get_libusb1_backend()
    if backend is None:
        raise UsbError(
            "usb: libusb cannot be used: it is not installed (package libusb-1.0-0, or "
            "the wheel libusb-package), or this process sees no bus (/dev/bus/usb; "
            "under systemd the drop-in usb.conf shows it)",
            UsbTrouble.NO_LIBUSB,
        )
    return backend


class UsbPort:
    """A claimed printer. Made, used and closed in one thread."""

    def __init__(self, backend: Backend, address: UsbAddress) -> None:
        """Find it, take it from usblp, and claim it.

        Raises:
            UsbError: says what is in the way.
        """
        found = find(backend, address)
        self.name = f"usb {found.attached.port}"
        if found.interface is None:
            raise UsbError(
                f"{self.name}: {found.attached} has no bulk pipes in both ways",
                UsbTrouble.UNFIT,
            )
        self._backend = backend
        self._at = found.interface
        self._usblp_was_bound = False
        self._claimed = False
        self._handle: Any = None
        with naming(self.name):
            self._handle = backend.open_device(found.device)
            try:
                self._take()
            except BaseException:
                self.close()
                raise

    def write(self, data: memoryview, timeout_ms: int) -> int:
        """Hand over as much of `data` as is taken in time; return how much that was."""
        # By way of bytes: an array made of a view is filled number by number.
        at, sent = self._at, array("B", bytes(data))
        with self._bulk(at.bulk_out):
            try:
                size = self._backend.bulk_write(
                    self._handle, at.bulk_out, at.number, sent, timeout_ms
                )
            except usb.core.USBTimeoutError:
                return 0
        return int(size)

    def read(self, size_max: int, timeout_ms: int) -> bytes:
        """What one transfer brings, at most `size_max` or a packet; b"": none in time.

        A buffer of a whole number of packets is given, for else one too large is lost.
        """
        at = self._at
        packet_count = -(-size_max // at.packet_size)
        buffer = array("B", bytes(packet_count * at.packet_size))
        with self._bulk(at.bulk_in):
            try:
                size = self._backend.bulk_read(
                    self._handle, at.bulk_in, at.number, buffer, timeout_ms
                )
            except usb.core.USBTimeoutError:
                return b""
        return buffer[:size].tobytes()

    def device_id(self) -> str:
        with naming(self.name):
            return device_id(self._backend, self._handle, self._at)

    def port_status(self) -> PortStatus:
        with naming(self.name):
            request = (_CLASS_IN, _GET_PORT_STATUS, 0, self._at.number)
            data = ask(self._backend, self._handle, request, 1)
        if len(data) != 1:
            raise UsbError(
                f"{self.name}: port status of {len(data)} bytes, expected 1",
                UsbTrouble.FAILED,
            )
        return PortStatus(data[0])

    def soft_reset(self) -> None:
        with naming(self.name):
            try:
                self._soft_reset(_CLASS_OUT)
            except usb.core.USBError as error:
                if error.errno != errno.EPIPE:
                    raise
                # Release 1.0 of the class named another recipient.
                self._soft_reset(_CLASS_OUT_OLD)

    def close(self) -> None:
        """Give everything back, usblp too; a printer that is gone is no error."""
        if self._handle is None:
            return
        handle, self._handle = self._handle, None
        if self._claimed:
            with suppress(usb.core.USBError):
                self._backend.release_interface(handle, self._at.number)
        if self._usblp_was_bound:
            with suppress(usb.core.USBError):
                self._backend.attach_kernel_driver(handle, self._at.number)
        with suppress(usb.core.USBError):
            self._backend.close_device(handle)

    def _take(self) -> None:
        handle, at = self._handle, self._at
        if self._backend.is_kernel_driver_active(handle, at.number):
            self._backend.detach_kernel_driver(handle, at.number)
            self._usblp_was_bound = True
        self._backend.claim_interface(handle, at.number)
        self._claimed = True
        if at.setting:
            self._backend.set_interface_altsetting(handle, at.number, at.setting)

    def _soft_reset(self, request_type: int) -> None:
        nothing = array("B")
        self._backend.ctrl_transfer(
            self._handle,
            request_type,
            _SOFT_RESET,
            0,
            self._at.number,
            nothing,
            CONTROL_TIMEOUT_MS,
        )

    @contextmanager
    def _bulk(self, endpoint: int) -> Iterator[None]:
        """Name what goes wrong; a stall is cleared, so that it can be opened again."""
        try:
            with naming(self.name):
                yield
        except UsbError as error:
            if error.trouble is UsbTrouble.STALLED:
                with suppress(usb.core.USBError):
                    self._backend.clear_halt(self._handle, endpoint)
            raise
