"""A process with real pyusb and libusb: a JSON list a line in, an answer a line out.

`["write", data in hex, timeout in ms]` and so on; an answer is a value, or the codes of
the error as pyusb gave them. It knows nothing of who plays the kernel.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import usb.core
import usb.util

VENDOR = 0x0F49
OUT, IN = 0x01, 0x82


class Host:
    """What a test may ask; `find` comes first."""

    device: Any

    def find(self) -> list[object] | None:
        found = usb.core.find(idVendor=VENDOR)
        if found is None:
            return None
        self.device = found
        try:
            texts = [found.manufacturer, found.product, found.serial_number]
        except ValueError:  # pyusb's word for one that has gone since
            return None
        return [*texts, found.address, found.speed]

    def claim(self) -> None:
        usb.util.claim_interface(self.device, 0)

    def take(self) -> None:
        """Everything that comes before the first transfer."""
        self.device.detach_kernel_driver(0)
        self.device.set_configuration()
        self.claim()

    def usblp(self) -> bool:
        return bool(self.device.is_kernel_driver_active(0))

    def write(self, data: str, timeout_ms: int = 5000) -> int:
        return int(self.device.write(OUT, bytes.fromhex(data), timeout_ms))

    def zeros(self, size: int, timeout_ms: int = 5000) -> int:
        return int(self.device.write(OUT, bytes(size), timeout_ms))

    def read(self, size: int = 1024, timeout_ms: int = 5000) -> str:
        return bytes(self.device.read(IN, size, timeout_ms)).hex()

    def control(self, *request: int) -> str:
        return bytes(self.device.ctrl_transfer(*request)).hex()

    def soft_reset(self) -> int:
        return int(self.device.ctrl_transfer(0x21, 2, 0, 0))

    def clear_halt(self, endpoint: int) -> None:
        self.device.clear_halt(endpoint)

    def reset(self) -> None:
        self.device.reset()

    def leave(self) -> None:
        usb.util.dispose_resources(self.device)


def main() -> None:
    host = Host()
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer: object = getattr(host, name)(*arguments)
        except usb.core.USBError as error:
            answer = {"code": error.backend_error_code, "errno": error.errno}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
