"""The families of printers that a world can have: stepwise, and whole jobs.

Of each a model with a picture of few dots, as its driver knows it and as the emulator
is it, so that a world costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from protocols.contract import Capabilities, CountsAt, Driver, Transport
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS as EVOLIS
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS as MAGICARD
from simulators.clock import Pacemaker
from simulators.evolis import picture as evolis_picture
from simulators.evolis.models import MODELS as EMULATED_EVOLIS
from simulators.evolis.models import Model as EmulatedEvolis
from simulators.evolis.printer import Printer as EvolisPrinter
from simulators.families import Printer
from simulators.gallery import Gallery, Pressing
from simulators.links.usb_descriptors import Description
from simulators.magicard import picture as magicard_picture
from simulators.magicard import usb as magicard_usb
from simulators.magicard.models import MODELS as EMULATED_MAGICARD
from simulators.magicard.printer import Printer as MagicardPrinter
from simulators.mechanism import Mechanism
from tests.world.strangers import EvolisStranger, MagicardStranger, Stranger

SESSION_ID = 4711
WIDTH_PX, HEIGHT_PX = 16, 8
LINES = 16  # of a Magicard, each as long as its head: a plane is more than a chunk
_TWO_SIDED = MAGICARD["Tango 2e two-sided"]
TINY_MAGICARD = replace(
    _TWO_SIDED, capabilities=replace(_TWO_SIDED.capabilities, width_px=LINES)
)
_EMULATED_EVOLIS = replace(
    EMULATED_EVOLIS["Primacy"], row_count=WIDTH_PX, row_dots=HEIGHT_PX
)
_WITHOUT_BIN = _EMULATED_EVOLIS.fitted(reject_bin=False)
_EMULATED_MAGICARD = replace(EMULATED_MAGICARD["Tango 2e"], line_count=LINES)


_NOT_THERE = "connecting-to-device-error"
_CARD_THERE = frozenset({"x-foreign-card-error", "media-jam-error"})
_NO_WORD = "other-error"  # of a family that has one word for all of its troubles


@dataclass(frozen=True)
class Family:
    """What a world must know of the printer it has."""

    name: str
    capabilities: Capabilities
    emulated: Any  # the emulator's model
    draw: Callable[[Any, Sequence[Pressing]], Image.Image]
    printer: Callable[[Mechanism, Pacemaker, Gallery], Printer]
    driver: Callable[[Transport], Driver]
    stranger: Callable[[Any], Stranger]
    usb: Description | None  # None: it is on a network
    # Words of the agent's for which a person looks into the path, or switches it.
    card_in_the_way: frozenset[str]
    out_of_step: frozenset[str]

    @property
    def size(self) -> tuple[int, int]:
        return self.capabilities.width_px, self.capabilities.height_px


def _evolis(
    name: str,
    model: str,
    emulated: EmulatedEvolis,
    counter: CountsAt | None = CountsAt.FEED,
) -> Family:
    """`counter`: the moment of its card counter; None: it is known to have none."""
    driven = EVOLIS[model]
    able = replace(
        driven.capabilities,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        feed_counter=counter,
    )
    tiny = replace(driven, row_dots=HEIGHT_PX, capabilities=able)

    def made(machine: Mechanism, pacemaker: Pacemaker, gallery: Gallery) -> Printer:
        serial, head = "E100000", "312100000"
        return EvolisPrinter(
            emulated, machine, pacemaker, gallery, serial=serial, head_serial=head
        )

    return Family(
        name=name,
        capabilities=tiny.capabilities,
        emulated=emulated,
        draw=evolis_picture.draw,
        printer=made,
        driver=lambda wire: EvolisDriver(tiny, wire, session_id=SESSION_ID),
        stranger=EvolisStranger,
        usb=None,
        card_in_the_way=_CARD_THERE,
        out_of_step=frozenset({_NOT_THERE}),
    )


def _magicard(machine: Mechanism, pacemaker: Pacemaker, gallery: Gallery) -> Printer:
    serial = "M100000"
    return MagicardPrinter(_EMULATED_MAGICARD, machine, pacemaker, gallery, serial)


FAMILIES: Mapping[str, Family] = {
    one.name: one
    for one in (
        _evolis("evolis", "Primacy", _EMULATED_EVOLIS),
        _evolis("evolis-no-bin", "Primacy without reject bin", _WITHOUT_BIN),
        _evolis("evolis-silent", "Primacy", _EMULATED_EVOLIS, counter=None),
        Family(
            name="magicard",
            capabilities=TINY_MAGICARD.capabilities,
            emulated=_EMULATED_MAGICARD,
            draw=magicard_picture.draw,
            printer=_magicard,
            driver=lambda wire: MagicardDriver(TINY_MAGICARD, wire),
            stranger=MagicardStranger,
            usb=magicard_usb.description(_EMULATED_MAGICARD, "M100000"),
            card_in_the_way=_CARD_THERE | {_NO_WORD},
            out_of_step=frozenset({_NOT_THERE, _NO_WORD}),
        ),
    )
}
