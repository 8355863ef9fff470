"""Fixtures: the vendor's SDK, emulated printers for it, and a picture to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.conftest import IN_CI
from tests.interop.evolis_sdk.sdk_world import Client, Machine, Sdk

CORNERS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))


@pytest.fixture(scope="session")
def sdks() -> Iterator[list[Sdk]]:
    """The processes that run, so that a test takes one that lives."""
    running = [Sdk()]
    if running[0].missing:
        running[0].close()
        reason = f"the vendor's SDK is not to be had here ({running[0].missing}); "
        reason += "`make lint` installs it where it has a wheel"
        (pytest.fail if IN_CI else pytest.skip)(reason)
    yield running
    for sdk in running:
        sdk.close()


@pytest.fixture
def sdk(sdks: list[Sdk]) -> Sdk:
    if not sdks[0].alive:
        sdks[0] = Sdk()
    return sdks[0]


@pytest.fixture
def machine() -> Iterator[Callable[..., Machine]]:
    """Makes emulators; they end with the test."""
    made: list[Machine] = []

    def make(**settings: Any) -> Machine:
        made.append(Machine(**settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def printer(sdk: Sdk, machine: Callable[..., Machine]) -> Machine:
    """A Primacy as it comes out of its box, stocked. The SDK is there too."""
    return machine()


@pytest.fixture
def client(sdk: Sdk, printer: Machine) -> Iterator[Client]:
    opened = Client(sdk, printer.uri())
    assert opened.opened == "OK"
    yield opened
    if sdk.alive:
        opened.close()


def card_picture(text: str) -> Image.Image:
    """A card's face with a mark in each corner, a tint, a ramp, dye and black text."""
    picture = Image.new("RGB", (1016, 648), (214, 228, 236))
    pen = ImageDraw.Draw(picture)
    for x in range(400):
        grey = x * 255 // 399
        pen.rectangle((560 + x, 480, 561 + x, 580), fill=(grey, 128, 255 - grey))
    pen.rectangle((60, 90, 300, 420), fill=(40, 90, 150))
    for colour, (x, y) in zip(
        CORNERS, ((0, 0), (996, 0), (0, 628), (996, 628)), strict=True
    ):
        pen.rectangle((x, y, x + 19, y + 19), fill=colour)
    pen.fontmode = "1"
    pen.text((340, 120), text, fill=(0, 0, 0), font_size=96)
    return picture


@pytest.fixture
def front(tmp_path: Path) -> Path:
    path = tmp_path / "front.bmp"
    card_picture("CONTOH").save(path)
    return path


@pytest.fixture
def back(tmp_path: Path) -> Path:
    path = tmp_path / "back.bmp"
    card_picture("belakang").save(path)
    return path
