"""A process with the transport and real libusb: prints what it found, as JSON."""

from __future__ import annotations

import asyncio
import json
import time

from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS
from protocols.transports.usb import UsbTransport
from protocols.transports.usb_address import UsbAddress
from protocols.transports.usb_bus import UsbError

MODEL = b"\x1bRtp\r\0"
NULS = bytes(300_000)


async def main() -> None:
    link = UsbTransport(UsbAddress.parse("usb://EVOLIS/Primacy?serial=E100000"))
    await link.open()
    seen: dict[str, object] = {"id": await link.device_id()}
    seen["port"] = (await link.port_status()).value
    await link.write(NULS + MODEL)
    reply = await link.read(1024)
    assert isinstance(reply, bytes)
    seen["model"] = reply.partition(b"\0")[0].decode()
    waiting = asyncio.create_task(link.read(64))
    await link.soft_reset()
    began_s = time.monotonic()
    await link.close()
    seen["close_s"] = time.monotonic() - began_s
    try:
        await waiting
    except UsbError as error:
        seen["read"] = error.trouble
    driver = EvolisDriver(MODELS["Primacy"], link, session_id=7)
    seen["serial"] = (await driver.open()).serial
    await driver.close()
    print(json.dumps(seen), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
