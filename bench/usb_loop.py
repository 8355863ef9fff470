"""A USB printer through real libusb: the transport beside a raw pyusb loop.

`python bench/usb_loop.py COUNT`, under the umockdev that plays the kernel: prints
three values: milliseconds a MiB by the transport, the same by the loop, and the CPU in
percent of an open transport at rest.
"""

from __future__ import annotations

import asyncio
import sys
import time

import usb.backend.libusb1
import usb.core
import usb.util

from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress

VENDOR, OUT = 0x0F49, 0x01
SIZE = 4 * 2**20
CHUNK_SIZE = 65536
NULS = bytes(SIZE)  # passed over by the printer between commands
REST_S = 5.0


def plugged_in() -> None:
    """Return once the emulated kernel shows the printer; without a bus libusb fails."""
    for _ in range(100):
        backend = usb.backend.libusb1.get_backend()
        if backend and usb.core.find(idVendor=VENDOR, backend=backend):
            return
        time.sleep(0.1)
    raise LookupError("the emulated printer does not appear")


def raw_loop() -> float:
    device = usb.core.find(idVendor=VENDOR)
    device.detach_kernel_driver(0)
    usb.util.claim_interface(device, 0)
    began_s = time.monotonic()
    for at in range(0, SIZE, CHUNK_SIZE):
        device.write(OUT, NULS[at : at + CHUNK_SIZE], 5000)
    took_s = time.monotonic() - began_s
    usb.util.release_interface(device, 0)
    device.attach_kernel_driver(0)
    usb.util.dispose_resources(device)
    return took_s


async def transport() -> float:
    link = UsbTransport(UsbAddress(VENDOR))
    await link.open()
    began_s = time.monotonic()
    await link.write(NULS)
    took_s = time.monotonic() - began_s
    await link.close()
    return took_s


async def at_rest() -> float:
    link = UsbTransport(UsbAddress(VENDOR))
    await link.open()
    before_s = time.process_time()
    await asyncio.sleep(REST_S)
    used_s = time.process_time() - before_s
    await link.close()
    return used_s / REST_S * 100


def main(count: int) -> None:
    plugged_in()
    ours_s, raw_s = [], []
    for _ in range(1 + count):  # in turn, so that both meet the same machine
        ours_s.append(asyncio.run(transport()))
        raw_s.append(raw_loop())
    for each_s in (ours_s, raw_s):
        # The best of them: four processes share the machine with whatever else runs.
        print(min(each_s[1:]) * 1000 / (SIZE / 2**20))
    print(asyncio.run(at_rest()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
