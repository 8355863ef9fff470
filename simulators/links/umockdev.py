"""usbfs for printers that are on USB/IP: real libusb without USB in the kernel.

    /usr/bin/python3 -m simulators.links.umockdev 127.0.0.1:3240 127.0.0.1:3241

needs the system's Python for umockdev's bindings (python3-gi, gir1.2-umockdev-1.0). It
says `testbed FOLDER`; a process with that as UMOCKDEV_DIR and libumockdev-preload.so.0
as LD_PRELOAD then finds each printer in /sys and /dev/bus/usb, in a socket of its own,
and plays usbfs with this one. It ends with its standard input, or by SIGTERM. A node
is always ready, so libusb spins while it waits: measure no CPU here.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import struct
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gi

gi.require_version("UMockdev", "1.0")
from gi.repository import GLib, UMockdev  # noqa: E402 - only after the version

from simulators.links.usb_descriptors import CONFIGURATION_VALUE  # noqa: E402
from simulators.links.usbip_host import (  # noqa: E402
    Ended,
    LostError,
    RefusedError,
    UsbipHost,
)

PRELOAD = "libumockdev-preload.so.0"
LOOK_AGAIN_MS = 50  # for a printer that is not plugged in
ROOT_HUB = "/sys/devices/pci0000:00/0000:00:14.0/usb1"
MAJOR = 189  # of all nodes of USB devices
SPEEDS = {1: "1.5", 2: "12", 3: "480"}  # Mbit/s, as sysfs says it

CONTROL, BULK = 2, 3  # kinds of URB
URB_SIZE, STATUS_AT, BUFFER_AT, ACTUAL_AT, SETUP_SIZE = 56, 4, 16, 28, 8
NO_PACKET_SIZE_LIMIT = 0x04

SETCONFIGURATION, GETDRIVER, CLEAR_HALT = 0x80045505, 0x41045508, 0x80045515
SUBMITURB, DISCARDURB, REAPURBNDELAY = 0x8038550A, 0x550B, 0x4008550D
CLAIMINTERFACE, RELEASEINTERFACE = 0x8004550F, 0x80045510
IOCTL, DISCONNECT, CONNECT = 0xC0105512, 0x5516, 0x5517
RESET, GET_CAPABILITIES = 0x5514, 0x8004551A


@dataclass
class Urb:
    """One that libusb has submitted, and its memory in that process."""

    data: Any  # IoctlData of the struct
    buffer: Any  # IoctlData of what it points at, or None if that is empty
    address: bytes
    skip: int  # bytes of the buffer before the data: the setup of a control request


class Node(UMockdev.IoctlBase):  # type: ignore[misc]  # the bindings have no types
    """The node of a device while it is plugged in, and dead for ever after.

    umockdev asks from a thread of its own, while the main one reads the printer.
    """

    def __init__(self, host: UsbipHost) -> None:
        super().__init__()
        self.host = host
        self.alive = True
        self.usblp_bound = True
        self.claimed_by: Any = None
        self._urbs: dict[int, Urb] = {}  # by sequence
        self._done: deque[tuple[Urb, int, int]] = deque()  # with status and size
        self._waiting: dict[int, Any] = {}  # clients, by the sequence they wait for
        self._lock = threading.Lock()

    # --- from the printer -------------------------------------------------------

    def ended(self, ended: Ended) -> None:
        """Take the end of an URB, or of a request that an ioctl waits for."""
        with self._lock:
            self._take(ended)

    def _take(self, ended: Ended) -> None:
        client = self._waiting.pop(ended.sequence, None)
        if client is not None:
            _complete(client, -ended.status)
            return
        urb = self._urbs.pop(ended.sequence)
        status = ended.status
        if status == -errno.ECONNRESET:
            status = -errno.ENOENT  # as usbfs calls what its user has discarded
        if ended.data:
            urb.buffer.update(urb.skip, ended.data)
        self._done.append((urb, status, ended.size))

    def unplugged(self) -> None:
        """End all that is under way, as the kernel does when a device goes."""
        with self._lock:
            self.alive = False
            for urb in self._urbs.values():
                self._done.append((urb, -errno.ESHUTDOWN, 0))
            self._urbs.clear()
            for client in self._waiting.values():
                _complete(client, errno.ENODEV)
            self._waiting.clear()

    # --- from libusb ------------------------------------------------------------

    def do_handle_ioctl(self, client: Any) -> bool:
        with self._lock:
            self._handle(client, client.get_request())
        return True

    def _handle(self, client: Any, request: int) -> None:
        if request == REAPURBNDELAY:
            self._reap(client)
        elif not self.alive:
            _complete(client, errno.ENODEV)
        elif request not in _IOCTLS:
            _complete(client, errno.ENOTTY)
        else:
            try:
                _IOCTLS[request](self, client)
            except LostError:
                _complete(client, errno.ENODEV)

    def do_client_vanished(self, client: Any) -> None:
        if self.claimed_by == client:
            self.claimed_by = None

    def _capabilities(self, client: Any) -> None:
        limits = struct.pack("<I", NO_PACKET_SIZE_LIMIT)
        client.get_arg().resolve(0, 4).update(0, limits)
        _complete(client)

    def _claim(self, client: Any) -> None:
        if self.usblp_bound or self.claimed_by not in (None, client):
            _complete(client, errno.EBUSY)
            return
        self.claimed_by = client
        _complete(client)

    def _release(self, client: Any) -> None:
        if self.claimed_by != client:
            _complete(client, errno.EINVAL)
            return
        self.claimed_by = None
        _complete(client)

    def _driver(self, client: Any) -> None:
        if not self.usblp_bound and self.claimed_by is None:
            _complete(client, errno.ENODATA)
            return
        name = b"usblp\0" if self.usblp_bound else b"usbfs\0"
        client.get_arg().resolve(0, 260).update(4, name)
        _complete(client)

    def _detach_or_attach(self, client: Any) -> None:
        code = struct.unpack_from("<i", _bytes(client.get_arg().resolve(0, 16)), 4)[0]
        if code == DISCONNECT and self.usblp_bound:
            self.usblp_bound = False
            _complete(client)
        elif code == CONNECT and not self.usblp_bound and self.claimed_by is None:
            self.usblp_bound = True
            client.complete(1, 0)
        else:
            _complete(client, errno.ENODATA if code == DISCONNECT else errno.EBUSY)

    def _configure(self, client: Any) -> None:
        if self.usblp_bound or self.claimed_by is not None:
            _complete(client, errno.EBUSY)
            return
        value = _number(client.get_arg().resolve(0, 4))
        self._request(client, struct.pack("<BBHHH", 0x00, 9, value, 0, 0))

    def _clear_halt(self, client: Any) -> None:
        endpoint = _number(client.get_arg().resolve(0, 4))
        self._request(client, struct.pack("<BBHHH", 0x02, 1, 0, endpoint, 0))

    def _reset(self, client: Any) -> None:
        """All of a port's reset that USB/IP has words for: it is configured anew."""
        value = CONFIGURATION_VALUE
        self._request(client, struct.pack("<BBHHH", 0x00, 9, value, 0, 0))

    def _request(self, client: Any, setup: bytes) -> None:
        """Let the ioctl end as this control request of ours does."""
        sequence = self.host.submit(0, setup=setup, data=b"", size=0)
        self._waiting[sequence] = client

    def _submit(self, client: Any) -> None:
        data = client.get_arg().resolve(0, URB_SIZE)
        raw = _bytes(data)
        kind, endpoint, size = raw[0], raw[1], struct.unpack_from("<i", raw, 24)[0]
        buffer = data.resolve(BUFFER_AT, size) if size else None
        sent = _bytes(buffer) if buffer is not None else b""
        skip = SETUP_SIZE if kind == CONTROL else 0
        setup = sent[:skip] or bytes(SETUP_SIZE)
        incoming = (setup[0] if kind == CONTROL else endpoint) & 0x80
        if kind not in (CONTROL, BULK):
            _complete(client, errno.EINVAL)
            return
        sequence = self.host.submit(
            endpoint & 0x7F,
            setup=setup,
            data=None if incoming else sent[skip:],
            size=size - skip,
        )
        address = struct.pack("=Q", data.client_addr)
        self._urbs[sequence] = Urb(data, buffer, address, skip)
        _complete(client)

    def _discard(self, client: Any) -> None:
        address = _bytes(client.get_arg())
        for sequence, urb in self._urbs.items():
            if urb.address == address:
                self.host.unlink(sequence)
                _complete(client)
                return
        _complete(client, errno.EINVAL)

    def _reap(self, client: Any) -> None:
        if not self._done:
            _complete(client, errno.EAGAIN if self.alive else errno.ENODEV)
            return
        urb, status, size = self._done.popleft()
        urb.data.update(STATUS_AT, struct.pack("<i", status))
        urb.data.update(ACTUAL_AT, struct.pack("<i", size))
        client.get_arg().resolve(0, 8).set_ptr(0, urb.data)
        _complete(client)


_IOCTLS = {
    GET_CAPABILITIES: Node._capabilities,
    CLAIMINTERFACE: Node._claim,
    RELEASEINTERFACE: Node._release,
    GETDRIVER: Node._driver,
    IOCTL: Node._detach_or_attach,
    SETCONFIGURATION: Node._configure,
    CLEAR_HALT: Node._clear_halt,
    RESET: Node._reset,
    SUBMITURB: Node._submit,
    DISCARDURB: Node._discard,
}


class Socket:
    """A socket of the testbed, into which a printer is plugged while it is there."""

    def __init__(
        self, testbed: Any, number: int, device_nos: Iterator[int], address: str
    ) -> None:
        self.testbed = testbed
        self._path = f"{ROOT_HUB}/1-{number}"
        self._device_nos = device_nos
        host, _, port = address.rpartition(":")
        self._address = host, int(port)
        self._nodes: list[Node] = []  # the last may be alive; clients may hold others
        self._look()

    def _look(self) -> bool:
        """Plug the printer in if it is to be had; return whether to look again."""
        try:
            host = UsbipHost(*self._address)
        except (RefusedError, LostError, OSError):
            GLib.timeout_add(LOOK_AGAIN_MS, self._look)
            return False
        try:
            self._plug_in(host)
        except (RefusedError, LostError):
            host.close()
            GLib.timeout_add(LOOK_AGAIN_MS, self._look)
        return False

    def _plug_in(self, host: UsbipHost) -> None:
        descriptors = host.descriptors()
        texts = [host.text(number) for number in descriptors[14:17]]
        host.control(0x00, 9, CONFIGURATION_VALUE, 0)
        device_no = next(self._device_nos)
        name = f"bus/usb/001/{device_no:03d}"
        node = Node(host)
        self._nodes.append(node)
        # First, for libusb opens a node as soon as it is there.
        self.testbed.attach_ioctl(f"/dev/{name}", node)
        self.testbed.add_from_string(
            _described(self._path, device_no, descriptors, SPEEDS[host.speed], texts)
        )
        self.testbed.uevent(self._path, "add")
        GLib.io_add_watch(
            host.socket.fileno(), GLib.IO_IN | GLib.IO_HUP | GLib.IO_ERR, self._came
        )

    def _came(self, *_: object) -> bool:
        node = self._nodes[-1]
        try:
            for ended in node.host.read():
                node.ended(ended)
        except LostError:
            node.unplugged()
            node.host.close()
            self.testbed.uevent(self._path, "remove")
            self.testbed.remove_device(self._path)
            self._look()
            return False
        return True


def _described(
    path: str, number: int, descriptors: bytes, speed: str, texts: list[str]
) -> str:
    """The device as umockdev's record format writes it."""
    name = f"bus/usb/001/{number:03d}"
    vendor = int.from_bytes(descriptors[8:10], "little")
    product = int.from_bytes(descriptors[10:12], "little")
    release = int.from_bytes(descriptors[12:14], "little")
    attributes = {
        "busnum": "1",
        "devnum": str(number),
        "speed": speed,
        "idVendor": f"{vendor:04x}",
        "idProduct": f"{product:04x}",
        "bConfigurationValue": str(CONFIGURATION_VALUE),
        "bNumConfigurations": "1",
        **dict(zip(("manufacturer", "product", "serial"), texts, strict=True)),
    }
    lines = [
        f"P: {path.removeprefix('/sys')}",
        f"N: {name}",
        "E: SUBSYSTEM=usb",
        "E: DEVTYPE=usb_device",
        f"E: DEVNAME=/dev/{name}",
        "E: BUSNUM=001",
        f"E: DEVNUM={number:03d}",
        f"E: MAJOR={MAJOR}",
        f"E: MINOR={number - 1}",
        f"E: PRODUCT={vendor:x}/{product:x}/{release:x}",
        *(f"A: {key}={value}\\n" for key, value in attributes.items() if value),
        f"A: dev={MAJOR}:{number - 1}\\n",
        f"H: descriptors={descriptors.hex().upper()}",
    ]
    return "\n".join(lines) + "\n"


def _complete(client: Any, error_no: int = 0) -> None:
    client.complete(-1 if error_no else 0, error_no)


def _bytes(data: Any) -> bytes:
    return bytes(data.retrieve())


def _number(data: Any) -> int:
    return int.from_bytes(_bytes(data)[:4], "little")


def main() -> None:
    if PRELOAD not in os.environ.get("LD_PRELOAD", ""):  # it finds devices by udev
        again = [sys.executable, "-m", "simulators.links.umockdev", *sys.argv[1:]]
        os.execve(sys.executable, again, {**os.environ, "LD_PRELOAD": PRELOAD})  # noqa: S606
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    testbed, device_nos = UMockdev.Testbed.new(), itertools.count(2)
    sockets = [
        Socket(testbed, number, device_nos, address)
        for number, address in enumerate(sys.argv[1:], 1)
    ]
    sys.stdout.write(f"testbed {testbed.get_root_dir()}\n")
    sys.stdout.flush()
    try:
        loop.run()
    finally:
        del sockets
        shutil.rmtree(testbed.get_root_dir(), ignore_errors=True)


if __name__ == "__main__":
    main()
