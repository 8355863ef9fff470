"""The peer at work: the least that must be done for one card, in a straight line.

`python bench/bare_loop.py PORT PNG COUNT FOLDER`: write the PNG durably, decode it,
make the five panels of a YMCKO ribbon, send them; prints CPU milliseconds a card.
No MQTT, no seal, no ledger, no question to the printer: it is what no agent can save.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import time
from pathlib import Path

from PIL import Image, ImageChops

PRINTER_SIZE = (1016, 648)
_DYED = [0] + [255] * 255  # by a dot's brightest component
_WARM_COUNT = 3


def panels(image: Image.Image) -> list[bytes]:
    """Yellow, magenta, cyan in 256 levels; black and overlay one bit a dot; turned."""
    page = Image.new("RGB", PRINTER_SIZE, "white")
    page.paste(image, (2, 5))
    red, green, blue = page.transpose(Image.Transpose.ROTATE_270).split()
    dyed = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(_DYED)
    dyes = [ImageChops.subtract(dyed, channel) for channel in (blue, green, red)]
    resin = ImageChops.invert(dyed).convert("1", dither=Image.Dither.NONE)
    overlay = Image.new("1", resin.size, 1)
    return [plane.tobytes() for plane in (*dyes, resin, overlay)]


def print_card(png: bytes, port: int, folder: Path) -> None:
    store(png, folder)
    image = Image.open(io.BytesIO(png), formats=["PNG"])  # RGB already: no copy
    with socket.create_connection(("127.0.0.1", port)) as link:
        for panel in panels(image):
            link.sendall(panel)


def store(data: bytes, folder: Path) -> None:
    """Write as a spool must: whole or not at all, and there after a power cut."""
    with (folder / "part").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    (folder / "part").rename(folder / "whole")
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


def main() -> None:
    port, png, count = (
        int(sys.argv[1]),
        Path(sys.argv[2]).read_bytes(),
        int(sys.argv[3]),
    )
    folder = Path(sys.argv[4])
    for _ in range(_WARM_COUNT):
        print_card(png, port, folder)
    before_s = time.process_time()
    for _ in range(count):
        print_card(png, port, folder)
    print((time.process_time() - before_s) * 1000 / count)


if __name__ == "__main__":
    main()
