"""The page docs/evolis-job.md, from `job_bytes.STEPS` and from a card that is printed.

`python -m tests.interop.evolis_sdk.job_page FILE` writes it (`make docs`).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from tests.interop.evolis_sdk.job_bytes import (
    STEPS,
    Given,
    Sent,
    sent_by_driver,
    sent_by_sdk,
)
from tests.interop.evolis_sdk.pictures import card_picture
from tests.interop.evolis_sdk.sdk_world import Sdk

HEAD = """\
# The bytes of a job, ours and the vendor's

One card, front only, on an emulated Primacy with a YMCKO ribbon: what this project's
driver sends, beside what the vendor's own `evolis-sdk` 9.4.1 sends for the same
picture. Both were kept by a relay before the emulator. This page is written by `make
docs`; a test prints the card again on both sides, and fails when either sends
anything else than is said here.

`(look)` is a connection that sends nothing and is answered with the status; several
in a row count as one. Every other command is ESC, its words, CR. Our driver sends one
command a connection, with a NUL after it. The SDK does so too, but for the job
itself: from `Psync;1;0` to `Psync;4;0` is one stream, and from `Pcla;0` to
`Psync;11;0` another, each with one NUL at its end. `<time>` is the time of day,
`<id>` the number of our session. Where the SDK has seen a status a moment ago, it
may leave a look out; its looks are therefore not held to the table.

## Commands in order

| | ours | vendor's SDK | why |
|---|---|---|---|
"""
DOTS = """
## Dots

| panel | bytes, ours | bytes, SDK | dots that differ | by, in the mean | at most |
|---|---|---|---|---|---|
"""
TAIL = """
The differences of dye lie at edges: the SDK sharpens what it sends, and makes resin
of grey that is nearly black (up to 6 of 255), where we do so of pure black alone.
Areas of one colour have the same dots on both sides, and so have black text and the
overlay. So far no tone curve was seen for a Primacy; for a Badgy200 the SDK bends all
colours.

## The whole job

`print_whole` of our driver sends the card as the SDK does, for printers that take no
lone panel. On a ribbon of resin alone, and with an overlay after it, both streams are
then the same, byte for byte, but for the time of day; so they are for a Zenius. On a
YMCKO ribbon they differ in the dots of dye, as above, and so in `Pida`. For a
Badgy200, whose 260 dpi across have no place for each row of the picture, the dots of
resin differ too: the SDK leaves rows out, we lay two over each other. Before and
after the streams our driver does what it does for any card; it looks once more
between them, for CLAIM.
"""


def page(ours: Sent, sdk: Sent) -> str:
    """The whole page, for what both sides sent for the same picture."""
    return HEAD + "".join(_steps()) + DOTS + "".join(_panels(ours, sdk)) + TAIL


def _steps() -> Iterator[str]:
    for step in STEPS:
        yield f"| {step.what} | {_code(step.ours)} | {_code(step.sdk)} | {step.why} |\n"


def _code(commands: str) -> str:
    return f"`{commands}`" if commands else "–"


def _panels(ours: Sent, sdk: Sent) -> Iterator[str]:
    assert ours.panels.keys() == sdk.panels.keys()
    for letter, dots in ours.panels.items():
        others = sdk.panels[letter]
        sizes = f"| {letter} | {len(dots):,} | {len(others):,} |"
        if dots == others:
            yield f"{sizes} none | | |\n"
            continue
        size = (len(dots), 1)
        apart = ImageChops.difference(
            Image.frombytes("L", size, dots), Image.frombytes("L", size, others)
        )
        off = len(dots) - apart.histogram()[0]
        mean, (_, most) = ImageStat.Stat(apart).mean[0], apart.getextrema()
        share = off / len(dots)
        yield f"{sizes} {off:,} ({share:.1%}) | {mean:.2f} of 255 | {most} |\n"


def main() -> None:
    sdk = Sdk()
    if sdk.missing:
        sys.exit(f"the vendor's SDK is not to be had here: {sdk.missing}")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "front.bmp"
        card_picture("CONTOH").save(picture)
        given = Given(picture)
        text = page(sent_by_driver(given), sent_by_sdk(sdk, given))
    sdk.close()
    Path(sys.argv[1]).write_text(text)


if __name__ == "__main__":
    main()
