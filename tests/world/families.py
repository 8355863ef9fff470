"""The families of printers that a world can have: stepwise, and whole jobs.

Of each a model with a picture of few dots, as its driver knows it and as the emulator
is it, so that a world costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from protocols.contract import Capabilities, Driver, Transport
from protocols.evolis.driver import EvolisDriver
from protocols.evolis.models import MODELS as EVOLIS
from protocols.magicard.driver import MagicardDriver
from protocols.magicard.models import MODELS as MAGICARD
from simulators.clock import Pacemaker
from simulators.evolis import picture as evolis_picture
from simulators.evolis.models import MODELS as EMULATED_EVOLIS
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
LINES = 8  # of a Magicard: one across the card each, as long as the print head
TINY_EVOLIS = replace(
    EVOLIS["Primacy"],
    row_dots=HEIGHT_PX,
    capabilities=replace(
        EVOLIS["Primacy"].capabilities, width_px=WIDTH_PX, height_px=HEIGHT_PX
    ),
)
_TWO_SIDED = MAGICARD["Tango 2e two-sided"]
TINY_MAGICARD = replace(
    _TWO_SIDED, capabilities=replace(_TWO_SIDED.capabilities, width_px=LINES)
)
_SILENT_EVOLIS = replace(
    TINY_EVOLIS, capabilities=replace(TINY_EVOLIS.capabilities, feed_counter=None)
)
_EMULATED_EVOLIS = replace(
    EMULATED_EVOLIS["Primacy"], row_count=WIDTH_PX, row_dots=HEIGHT_PX
)
_EMULATED_MAGICARD = replace(EMULATED_MAGICARD["Tango 2e"], line_count=LINES)


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


def _evolis(machine: Mechanism, pacemaker: Pacemaker, gallery: Gallery) -> Printer:
    return EvolisPrinter(
        _EMULATED_EVOLIS,
        machine,
        pacemaker,
        gallery,
        serial="E100000",
        head_serial="312100000",
    )


def _magicard(machine: Mechanism, pacemaker: Pacemaker, gallery: Gallery) -> Printer:
    serial = "M100000"
    return MagicardPrinter(_EMULATED_MAGICARD, machine, pacemaker, gallery, serial)


_NOT_THERE = "connecting-to-device-error"
_CARD_THERE = frozenset({"x-foreign-card-error", "media-jam-error"})
_NO_WORD = "other-error"  # this family has no words but one for its troubles

FAMILIES: Mapping[str, Family] = {
    one.name: one
    for one in (
        Family(
            name="evolis",
            capabilities=TINY_EVOLIS.capabilities,
            emulated=_EMULATED_EVOLIS,
            draw=evolis_picture.draw,
            printer=_evolis,
            driver=lambda wire: EvolisDriver(TINY_EVOLIS, wire, session_id=SESSION_ID),
            stranger=EvolisStranger,
            usb=None,
            card_in_the_way=_CARD_THERE,
            out_of_step=frozenset({_NOT_THERE}),
        ),
        Family(
            name="evolis-silent",  # no counter of its cards is known
            capabilities=_SILENT_EVOLIS.capabilities,
            emulated=_EMULATED_EVOLIS,
            draw=evolis_picture.draw,
            printer=_evolis,
            driver=lambda wire: EvolisDriver(
                _SILENT_EVOLIS, wire, session_id=SESSION_ID
            ),
            stranger=EvolisStranger,
            usb=None,
            card_in_the_way=_CARD_THERE,
            out_of_step=frozenset({_NOT_THERE}),
        ),
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
