"""A whole card as bytes: attention, header, planes, and the end that is held back.

PURE. Panels come uncopied among the pieces. Field order and values: MAG-20 … 29.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from protocols.contract import PreparedCard
from protocols.magicard.codec import ATTENTION, ETX, FS, SOH
from protocols.magicard.magnetic import Coercivity, Track, stripe_fields
from protocols.magicard.models import CARD_DOTS, Model
from protocols.vocabulary import DYES, CardSide, Panel

DRIVER_VERSION = "1.0"
LETTERS = {  # of the planes, in their order on the wire                         MAG-14
    Panel.YELLOW: "B",
    Panel.MAGENTA: "G",
    Panel.CYAN: "R",
    Panel.BLACK: "K",
}
_ATTENTION = 64 * ATTENTION  # MAG-12
_HEAD_POWER = 50  # of 100, each of three                                        MAG-28


@dataclass(frozen=True, slots=True)
class Orders:
    """What is said of a job besides its pictures."""

    unix_time_s: int
    firmware: str = ""  # as the printer told it; known to be asked for by one layout
    tracks: Sequence[Track] = field(default=())
    coercivity: Coercivity = Coercivity.HIGH  # MAG-49


def first_part(model: Model, card: PreparedCard, orders: Orders) -> Iterator[bytes]:
    """Everything but `last_part`: the printer cannot end the card on it."""
    for number, (side, panels) in enumerate(card.sides, 1):
        planes = [(panel, dots) for panel, dots in panels if panel in LETTERS]
        yield _ATTENTION + SOH + b","
        header = _header(model, card, side, orders)
        yield ",".join(header).encode("ascii") + FS
        for at, (panel, dots) in enumerate(planes, 1):
            yield dots
            if at < len(planes):
                yield _end_of(panel)
        if number < len(card.sides):
            yield _end_of(planes[-1][0]) + ETX


def last_part(card: PreparedCard) -> bytes:
    """The end of the last plane and of the job (MAG-41)."""
    _, panels = card.sides[-1]
    last = [panel for panel, _ in panels if panel in LETTERS][-1]
    return _end_of(last) + ETX


def stripe_job(
    tracks: Sequence[Track], coercivity: Coercivity, orders: Orders
) -> bytes:
    """A card that is encoded and not printed: a page without planes (MAG-13)."""
    fields = ["NOC1", f"VER{DRIVER_VERSION}", *_language(orders)]
    fields += stripe_fields(tracks, coercivity)
    return _ATTENTION + SOH + b"," + ",".join(fields).encode("ascii") + FS + ETX


def _header(
    model: Model, card: PreparedCard, side: CardSide, orders: Orders
) -> Iterator[str]:
    panels = dict(card.sides)[side]
    duplex = len(card.sides) > 1
    first = side is CardSide.FRONT
    yield "NOC1"
    version = f"VER{DRIVER_VERSION}"
    firmware = "".join(
        one for one in orders.firmware if one.isascii() and one.isprintable()
    )
    tells = model.quirks.firmware_in_version
    yield f"{version}-{firmware}" if tells else version
    yield from _language(orders)
    if first:
        yield from stripe_fields(orders.tracks, orders.coercivity)
    if model.quirks.reject_off:
        yield "REJOFF"
    yield from model.head_tags
    yield "DPXON" if duplex else "DPXOFF"
    if duplex and first:
        yield f"BAC{_contents(dict(card.sides)[CardSide.BACK])}"
    yield "PAG1" if first else "PAG2"
    planes = [(panel, dots) for panel, dots in panels if panel in LETTERS]
    yield "IMF" + "".join(LETTERS[panel] for panel, _ in planes)
    lines = model.capabilities.width_px
    yield from ("XCO0", "YCO0", f"WID{lines}", f"HGT{CARD_DOTS}")
    yield from _overcoat(model, dict(panels).get(Panel.OVERLAY))
    yield "ICC0"
    yield from (f"{word}{_HEAD_POWER}" for word in ("CPW", "KPW", "OPW"))
    yield from (f"SZ{LETTERS[panel]}{len(dots)}" for panel, dots in planes)


def _language(orders: Orders) -> Iterator[str]:
    yield "LANENG"  # the printer's replies are in it, too                       MAG-21
    yield f"TDT{orders.unix_time_s & 0xFFFFFFFF:08X}"


def _overcoat(model: Model, hole: bytes | None) -> Iterator[str]:
    """`hole`: as `preparing.prepare` has it; None: there is no overcoat."""
    if hole is None:
        yield "OVROFF"
        return
    yield from ("OVRON", "NNNOFF", "USFOFF")
    yield f"PCT0,0,{model.overcoat_right},{CARD_DOTS - 1}"  # MAG-25
    if hole:
        yield f"NCT{hole.decode()}"  # MAG-26


def _contents(panels: Sequence[tuple[Panel, bytes]]) -> str:
    """What the back will bear: colour, resin, overcoat (MAG-29)."""
    found = {panel for panel, _ in panels}
    colour = "C" if found & set(DYES) else ""
    resin = "K" if Panel.BLACK in found else ""
    return colour + resin + ("O" if Panel.OVERLAY in found else "")


def _end_of(panel: Panel) -> bytes:
    return FS + f"{LETTERS[panel]}:".encode("ascii")
