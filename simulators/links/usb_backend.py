"""A backend for pyusb whose bus is in this process: no kernel, no libusb.

`usb.core.find(backend=…)` finds the emulated printers. Calls come from any thread but
that of the event loop in which the printers live. Codes and numbers of errors are those
of libusb on Linux, and so are the ways of the kernel: usblp is bound to a printer that
was plugged in until it is detached, one handle alone may claim, a device plugged in
again has a new address, and a handle to the old one is dead.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import struct
import threading
import weakref
from array import array
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import usb.backend
import usb.core

from simulators.links import usb_descriptors
from simulators.links.usb_device import Setup, Transfer, UsbDevice, UsbError

BUS = 1
ADDRESSES = range(2, 128)  # 1 is the root hub

ResultT = TypeVar("ResultT")

_LIBUSB_ERRORS = {
    errno.EIO: (-1, "Input/Output Error"),
    errno.EACCES: (-3, "Access denied (insufficient permissions)"),
    errno.ENODEV: (-4, "No such device (it may have been disconnected)"),
    errno.ENOENT: (-5, "Entity not found"),
    errno.EBUSY: (-6, "Resource busy"),
    errno.ETIMEDOUT: (-7, "Operation timed out"),
    errno.EOVERFLOW: (-8, "Overflow"),
    errno.EPIPE: (-9, "Pipe error"),
}
_DEVICE_FIELDS = (
    "bLength bDescriptorType bcdUSB bDeviceClass bDeviceSubClass bDeviceProtocol "
    "bMaxPacketSize0 idVendor idProduct bcdDevice iManufacturer iProduct "
    "iSerialNumber bNumConfigurations"
)
_CONFIGURATION_FIELDS = (
    "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue "
    "iConfiguration bmAttributes bMaxPower"
)
_INTERFACE_FIELDS = (
    "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints "
    "bInterfaceClass bInterfaceSubClass bInterfaceProtocol iInterface"
)
_ENDPOINT_FIELDS = (
    "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"
)


@dataclass(slots=True, eq=False)
class Port:
    """A device on the bus, and what the host's kernel knows of it."""

    device: UsbDevice[Any]
    number: int
    address: int
    plug_count: int
    permitted: bool = True  # false: its node belongs to another user
    usblp_bound: bool = True
    claimed_by: weakref.ref[_Handle] | None = None

    @property
    def holder(self) -> _Handle | None:
        """The open handle that has claimed the interface."""
        return None if self.claimed_by is None else self.claimed_by()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What pyusb keeps of a device it has found: that one, however plugged in since."""

    port: Port
    plug_count: int
    address: int


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Handle:
    port: Port
    plug_count: int


class UsbBackend(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no types
    """`plug` each device into it; make it in the thread of `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread_id = threading.get_ident()
        self._ports: list[Port] = []
        self._addresses = itertools.cycle(ADDRESSES)

    def plug(self, device: UsbDevice[Any]) -> Port:
        """Give `device` the next port of the bus; it is enumerated when it is there."""
        number = len(self._ports) + 1
        port = Port(device, number, address=0, plug_count=0)
        self._ports.append(port)
        self._enumerate(port)
        return port

    # --- what is on the bus -----------------------------------------------------

    def enumerate_devices(self) -> Iterator[_Seen]:
        for port in self._ports:
            self._enumerate(port)
            if port.device.attached:
                yield _Seen(port, port.plug_count, port.address)

    def get_device_descriptor(self, dev: _Seen) -> SimpleNamespace:
        description = dev.port.device.description
        return _fields(
            "<BBHBBBBHHHBBBB",
            _DEVICE_FIELDS,
            description.device,
            bus=BUS,
            address=dev.address,
            port_number=dev.port.number,
            port_numbers=(dev.port.number,),
            speed=int(description.speed),
        )

    def get_configuration_descriptor(self, dev: _Seen, config: int) -> SimpleNamespace:
        if config != 0:
            raise _error(errno.ENOENT)
        raw = dev.port.device.description.configuration[:9]
        return _fields("<BBHBBBBB", _CONFIGURATION_FIELDS, raw, extra_descriptors=[])

    def get_interface_descriptor(
        self, dev: _Seen, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        if (intf, alt, config) != (0, 0, 0):
            raise IndexError(f"interface {intf}, setting {alt}: there is only 0")
        raw = dev.port.device.description.interface
        return _fields("<9B", _INTERFACE_FIELDS, raw, extra_descriptors=[])

    def get_endpoint_descriptor(
        self, dev: _Seen, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        self.get_interface_descriptor(dev, intf, alt, config)
        raw = dev.port.device.description.endpoints[ep]
        no_audio = {"bRefresh": 0, "bSynchAddress": 0, "extra_descriptors": []}
        return _fields("<BBBBHB", _ENDPOINT_FIELDS, raw, **no_audio)

    # --- handles ----------------------------------------------------------------

    def open_device(self, dev: _Seen) -> _Handle:
        handle = _Handle(dev.port, dev.plug_count)
        self._live(handle)
        if not dev.port.permitted:
            raise _error(errno.EACCES)
        return handle

    def close_device(self, dev_handle: _Handle) -> None:
        if dev_handle.port.holder is dev_handle:
            dev_handle.port.claimed_by = None

    def set_configuration(self, dev_handle: _Handle, config_value: int) -> None:
        port = self._live(dev_handle)
        if port.usblp_bound or port.holder is not None:
            raise _error(errno.EBUSY)
        self._control(dev_handle, Setup(0x00, 9, config_value, 0, 0), 0)

    def get_configuration(self, dev_handle: _Handle) -> int:
        value: int = self._control(dev_handle, Setup(0x80, 8, 0, 0, 1), 0)[0]
        return value

    def set_interface_altsetting(
        self, dev_handle: _Handle, intf: int, altsetting: int
    ) -> None:
        self._control(dev_handle, Setup(0x01, 11, altsetting, intf, 0), 0)

    def claim_interface(self, dev_handle: _Handle, intf: int) -> None:
        port = self._live(dev_handle)
        if intf != 0:
            raise _error(errno.ENOENT)
        if port.usblp_bound or port.holder not in (None, dev_handle):
            raise _error(errno.EBUSY)
        port.claimed_by = weakref.ref(dev_handle)

    def release_interface(self, dev_handle: _Handle, intf: int) -> None:
        port = self._live(dev_handle)
        if intf != 0 or port.holder is not dev_handle:
            raise _error(errno.ENOENT)
        port.claimed_by = None

    def is_kernel_driver_active(self, dev_handle: _Handle, intf: int) -> bool:
        return intf == 0 and self._live(dev_handle).usblp_bound

    def detach_kernel_driver(self, dev_handle: _Handle, intf: int) -> None:
        port = self._live(dev_handle)
        if intf != 0 or not port.usblp_bound:
            raise _error(errno.ENOENT)
        port.usblp_bound = False

    def attach_kernel_driver(self, dev_handle: _Handle, intf: int) -> None:
        port = self._live(dev_handle)
        if intf != 0:
            raise _error(errno.ENOENT)
        if port.usblp_bound or port.holder is not None:
            raise _error(errno.EBUSY)
        port.usblp_bound = True

    def reset_device(self, dev_handle: _Handle) -> None:
        port = self._live(dev_handle)
        port.claimed_by = None
        self._wait(dev_handle, _soon(port.device.reset), 0)

    # --- transfers --------------------------------------------------------------

    def bulk_write(
        self, dev_handle: _Handle, ep: int, intf: int, data: array[int], timeout: int
    ) -> int:
        self._claimed(dev_handle, intf)
        if ep != usb_descriptors.BULK_OUT:
            raise _error(errno.ENOENT)
        transfer = Transfer(data=data.tobytes())
        sending = dev_handle.port.device.bulk_out(transfer)
        try:
            self._wait(dev_handle, sending, timeout)
        except usb.core.USBTimeoutError:
            if transfer.taken_size == 0:
                raise
        return transfer.taken_size

    def bulk_read(
        self, dev_handle: _Handle, ep: int, intf: int, buff: array[int], timeout: int
    ) -> int:
        self._claimed(dev_handle, intf)
        if ep != usb_descriptors.BULK_IN:
            raise _error(errno.ENOENT)
        transfer = Transfer(size_max=len(buff) * buff.itemsize)
        coming = dev_handle.port.device.bulk_in(transfer)
        try:
            self._wait(dev_handle, coming, timeout)
        except usb.core.USBTimeoutError:
            if not transfer.came:  # what came as time ran out has come
                raise
        memoryview(buff).cast("B")[: len(transfer.came)] = transfer.came
        return len(transfer.came)

    def ctrl_transfer(
        self,
        dev_handle: _Handle,
        bmRequestType: int,  # noqa: N803 - pyusb's names
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        *data_and_timeout: Any,
    ) -> int:
        data, timeout = data_and_timeout
        size: int = len(data) * data.itemsize
        setup = Setup(bmRequestType, bRequest, wValue, wIndex, size)
        answer = self._control(dev_handle, setup, timeout)
        if not bmRequestType & 0x80:
            return size
        memoryview(data).cast("B")[: len(answer)] = answer
        return len(answer)

    def clear_halt(self, dev_handle: _Handle, ep: int) -> None:
        self._claimed(dev_handle, 0)
        self._control(dev_handle, Setup(0x02, 1, 0, ep, 0), 0)

    # --- below ------------------------------------------------------------------

    def _enumerate(self, port: Port) -> None:
        """Do what the kernel does to a device that was plugged in, once."""
        device = port.device
        if not device.attached or port.plug_count == device.plug_count:
            return
        port.plug_count = device.plug_count
        port.address = next(self._addresses)
        port.usblp_bound, port.claimed_by = True, None
        value = usb_descriptors.CONFIGURATION_VALUE
        device.control(Setup(0x00, 9, value, 0, 0))

    def _live(self, handle: _Handle) -> Port:
        device = handle.port.device
        if not device.attached or device.plug_count != handle.plug_count:
            raise _error(errno.ENODEV)
        return handle.port

    def _claimed(self, handle: _Handle, intf: int) -> None:
        """Claim as the kernel does for one who forgot."""
        if self._live(handle).holder is not handle:
            self.claim_interface(handle, intf)

    def _control(self, handle: _Handle, setup: Setup, timeout_ms: int) -> bytes:
        device = self._live(handle).device
        answer: bytes = self._wait(handle, _soon(device.control, setup), timeout_ms)
        return answer

    def _wait(
        self, handle: _Handle, work: Coroutine[Any, Any, ResultT], timeout_ms: int
    ) -> ResultT:
        """Do `work` in the printers' loop; 0 ms: however long it takes."""
        assert threading.get_ident() != self._thread_id, "called in the printers' loop"
        within = self._within(handle, work, timeout_ms)
        try:
            return asyncio.run_coroutine_threadsafe(within, self._loop).result()
        except UsbError as error:
            raise _error(error.errno) from error
        except TimeoutError as error:
            raise _error(errno.ETIMEDOUT) from error

    async def _within(
        self, handle: _Handle, work: Coroutine[Any, Any, ResultT], timeout_ms: int
    ) -> ResultT:
        async with asyncio.timeout(timeout_ms / 1000 if timeout_ms else None):
            return await handle.port.device.while_attached(work, handle.plug_count)


async def _soon(call: Any, *arguments: Any) -> Any:
    return call(*arguments)


def _error(errno_: int) -> Exception:
    code, text = _LIBUSB_ERRORS[errno_]
    kind = usb.core.USBError
    if errno_ == errno.ETIMEDOUT:
        kind = usb.core.USBTimeoutError
    error: Exception = kind(text, code, errno_)
    return error


def _fields(layout: str, names: str, raw: bytes, **more: object) -> SimpleNamespace:
    values = zip(names.split(), struct.unpack(layout, raw), strict=True)
    return SimpleNamespace(**dict(values), **more)
