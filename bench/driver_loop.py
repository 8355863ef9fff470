"""The driver alone: planes to a socket beside the bare packing loop, and a poll.

`python bench/driver_loop.py PRINTER_PORT SINK_PORT COUNT`: prints three CPU times in
milliseconds: a side by the driver, the same side by the loop, one status poll.
"""

from __future__ import annotations

import asyncio
import io
import socket
import sys
import time
from statistics import median
from typing import cast

from PIL import Image

from bench.picture import card_png
from protocols.contract import SidePlanes, StepwiseDriver
from protocols.raster import separate
from protocols.registry import make_driver
from protocols.vocabulary import CardSide, Panel

YMCKO = tuple(Panel)
_WARM_COUNT = 3
_POLL_COUNT = 200


def bare_loop(side: SidePlanes, port: int) -> None:
    """Turn each plane, pack it, send it: what no driver can save."""
    with socket.create_connection(("127.0.0.1", port)) as link:
        for panel in YMCKO:
            turned = side.planes[panel].transpose(Image.Transpose.ROTATE_270)
            if panel in (Panel.BLACK, Panel.OVERLAY):
                turned = turned.convert("1", dither=Image.Dither.NONE)
            link.sendall(turned.tobytes())


async def card(driver: StepwiseDriver, side: SidePlanes) -> float:
    """Print one card; CPU seconds from its planes to the last byte taken."""
    await driver.claim()
    await driver.feed()
    before_s = time.process_time()
    prepared = driver.prepare([side], "YMCKO")
    await driver.print_side(prepared, CardSide.FRONT)
    used_s = time.process_time() - before_s
    await driver.finish_print()
    await driver.deliver()
    await driver.release()
    return used_s


async def main(printer_port: int, sink_port: int, count: int) -> None:
    picture = Image.open(io.BytesIO(card_png())).convert("RGB")
    side = separate(
        picture, side=CardSide.FRONT, panels=YMCKO, width_px=1016, height_px=648
    )
    uri = f"tcp://127.0.0.1:{printer_port}"
    driver = make_driver("evolis", "Primacy", uri, session_id=4711)
    await driver.open()
    driven_s, bare_s = [], []
    for _ in range(_WARM_COUNT + count):  # in turn, so that both meet the same machine
        driven_s.append(await card(cast(StepwiseDriver, driver), side))
        before_s = time.process_time()
        bare_loop(side, sink_port)
        bare_s.append(time.process_time() - before_s)
    before_s = time.process_time()
    for _ in range(_POLL_COUNT):
        await driver.status()
    poll_s = (time.process_time() - before_s) / _POLL_COUNT
    await driver.close()
    for value_s in (median(driven_s), median(bare_s), poll_s):
        print(value_s * 1000)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
