"""A whole card as one stream of bytes, in the order of the vendor's program (EVO-70).

PURE. Pieces come one after the other, panels among them uncopied. Between commands
stand tags, which a printer passes over; a BINARY tag says the size of the panels in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from protocols.contract import PreparedCard
from protocols.evolis.codec import NUL, encode_panel, line
from protocols.evolis.models import Model, ribbon_type
from protocols.evolis.raster import ONE_BIT, unpack_seven_bits
from protocols.vocabulary import DYES, CardSide, Panel

# What is said of each face before its panels: contrast and luminosity as they are.
_TONE = (
    *(("Pc", "a"), ("Pl", "a"), ("Pc", "k"), ("Pc", "o")),
    *(("Pc", "l"), ("Pc", "f"), ("Pl", "f")),
)
_PLAIN_DPI = (300, 300)


@dataclass(frozen=True, slots=True)
class _Step:
    """A `Psync` and the tag that stands after it."""

    parameters: tuple[int, ...]
    tag: str = ""

    def __bytes__(self) -> bytes:
        return line("Psync", *self.parameters) + self.tag.encode("ascii")


def first_part(model: Model, card: PreparedCard, unix_time_s: int) -> Iterator[bytes]:
    """Everything up to the card's end, which is not yet allowed to leave (EVO-71)."""
    two_sided = len(card.sides) > 1
    yield from _header(model, card.ribbon_kind, unix_time_s)
    yield bytes(_Step((3, 1), f"<DOC Duplex={int(two_sided)}>"))
    yield bytes(_Step((3, 0)))
    yield bytes(_Step((5, 1), "<CARD>"))
    yield bytes(_Step((5, 0))) + line("Ss") + line("Mr", "s")
    for side, panels in card.sides:
        yield from _face(model, side, panels)
    yield line("Se")
    yield bytes(_Step((6, 1), "</CARD>")) + bytes(_Step((6, 0)))
    yield bytes(_Step((4, 1), "</DOC>")) + bytes(_Step((4, 0))) + NUL


def second_part() -> bytes:
    """Lets the printer end the card and drop its claim (EVO-71)."""
    end = bytes(_Step((11, 1), "<END>")) + bytes(_Step((11, 0)))
    return line("Pcla", 0) + end + NUL


def _header(model: Model, ribbon_kind: str, unix_time_s: int) -> Iterator[bytes]:
    along, across = model.resolution or _PLAIN_DPI
    ribbon = ribbon_type(ribbon_kind)
    yield bytes(_Step((1, 0), "<HEADER>"))
    yield line("Psmgr", 1) + line("Ppws", unix_time_s) + line("Pcla", 1)
    yield line("Ppmode", 0) + line("Pr", ribbon, "t")
    yield line("Pwres", along, across, ribbon) + line("Psk", 10)
    yield line("Piqla", "a", "d")
    if not model.quirks.trays_in_job:
        yield line("Pmc", "h")
    yield line("Peoic", "k", "D")
    if model.quirks.trays_in_job:
        yield line("Pcim", "F") + line("Pcem", "D")
    yield bytes(_Step((2,), "</HEADER>"))
    yield bytes(_Step((12, 1), f"<OPTION Dpi={along}x{across}>"))
    yield bytes(_Step((13, 0), "</OPTION>"))


def _face(
    model: Model, side: CardSide, panels: Sequence[tuple[Panel, bytes]]
) -> Iterator[bytes]:
    yield bytes(_Step((9, 1), "<FACE>")) + bytes(_Step((9, 0)))
    yield line("Sr" if side is CardSide.FRONT else "Sv")
    for word, of in _TONE:
        yield line(word, of, "=", 10)
    dyes = [dots for panel, dots in panels if panel in DYES]
    if dyes:
        yield line("Pida", *_statistics(dyes, model.colour_levels))
    # The dyes share one tag, each panel of one bit has its own.
    for _, group in groupby(panels, lambda one: "dye" if one[0] in DYES else one[0]):
        yield from _binary(model, group)
    yield bytes(_Step((10, 1), "</FACE>")) + bytes(_Step((10, 0)))


def _binary(model: Model, panels: Iterable[tuple[Panel, bytes]]) -> Iterator[bytes]:
    pieces: list[bytes] = []
    for panel, dots in panels:
        levels = 2 if panel in ONE_BIT else model.colour_levels
        head, _, tail = encode_panel(panel.value, levels, dots, model.resolution)
        pieces += head, dots, tail.removesuffix(NUL)
    yield f"<BINARY Size={sum(map(len, pieces))}>".encode("ascii")
    yield from pieces
    yield b"</BINARY>"


def _statistics(dyes: Sequence[bytes], levels: int) -> list[int]:
    """The share of dots without dye in percent, and each dye's mean of 255 (EVO-73)."""
    planes = dyes if levels == 256 else [unpack_seven_bits(dots) for dots in dyes]
    count = len(planes[0])
    dyed = 0
    for plane in planes:
        dyed |= int.from_bytes(plane, "big")
    bare = dyed.to_bytes(count, "big").count(0)
    means = [round(sum(plane) * 255 / (levels - 1) / count) for plane in planes]
    return [bare * 100 // count, *means]
