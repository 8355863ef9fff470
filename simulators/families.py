"""The families of printers that there are to emulate, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from PIL import Image

from simulators.build import CountsAt
from simulators.clock import Pacemaker
from simulators.evolis import models as evolis_models
from simulators.evolis import picture as evolis_picture
from simulators.evolis import usb as evolis_usb
from simulators.evolis.firmware import Firmware
from simulators.evolis.printer import Printer as EvolisPrinter
from simulators.gallery import Gallery, Pressing
from simulators.links.usb_descriptors import Description
from simulators.links.usb_device import UsbPrinter
from simulators.magicard import models as magicard_models
from simulators.magicard import picture as magicard_picture
from simulators.magicard import usb as magicard_usb
from simulators.magicard.printer import Printer as MagicardPrinter
from simulators.mechanism import Mechanism
from simulators.motions import Timing


class Model(Protocol):
    """What the emulator must know of a model of any family."""

    @property
    def name(self) -> str: ...

    @property
    def two_sided(self) -> bool: ...

    @property
    def has_reject_bin(self) -> bool: ...

    @property
    def timing(self) -> Timing: ...

    @property
    def cards_count_at(self) -> CountsAt: ...

    @property
    def ribbon_counts_at(self) -> CountsAt: ...

    def fitted(
        self, *, magnetic: bool, two_sided: bool | None, reject_bin: bool | None
    ) -> Model: ...


class Printer(UsbPrinter[Any], Protocol):
    """A printer as the emulator runs it, whatever its wire."""

    serial: str

    def settle(self) -> None: ...

    def lasting(self) -> dict[str, str]:
        """What its electronics keep without power."""
        ...

    def remind(self, kept: dict[str, str]) -> None:
        """Give it again what `lasting` once returned, before it does anything."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a printer is put together from; `serial_no` has six digits."""

    machine: Mechanism
    pacemaker: Pacemaker
    gallery: Gallery
    serial_no: int
    firmware: Firmware


@dataclass(frozen=True, slots=True)
class Family:
    """Each takes a model of its own, as `models` has them."""

    models: Mapping[str, Any]
    draw: Callable[[Any, Sequence[Pressing]], Image.Image]
    printer: Callable[[Any, Parts], Printer]
    description: Callable[[Any, str], Description]


def _evolis(model: evolis_models.Model, parts: Parts) -> Printer:
    return EvolisPrinter(
        model,
        parts.machine,
        parts.pacemaker,
        parts.gallery,
        serial=f"E{parts.serial_no:06d}",
        head_serial=f"312{parts.serial_no:06d}",
        firmware=parts.firmware,
    )


def _magicard(model: magicard_models.Model, parts: Parts) -> Printer:
    return MagicardPrinter(
        model,
        parts.machine,
        parts.pacemaker,
        parts.gallery,
        serial=f"M{parts.serial_no:06d}",
    )


FAMILIES = {
    "evolis": Family(
        evolis_models.MODELS,
        evolis_picture.draw,
        _evolis,
        evolis_usb.description,
    ),
    "magicard": Family(
        magicard_models.MODELS,
        magicard_picture.draw,
        _magicard,
        magicard_usb.description,
    ),
}
