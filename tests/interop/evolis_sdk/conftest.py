"""Fixtures: the vendor's SDK, emulated printers for it, and a picture to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IN_CI
from tests.interop.evolis_sdk.pictures import card_picture
from tests.interop.evolis_sdk.sdk_world import Client, Machine, Sdk


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
