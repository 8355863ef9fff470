"""The models this emulator can be, and the three ways in which their dots lie in a row.

A row has what public sources say of its model; what they do not say, docs/emulator.md
lists as guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from simulators.build import CountsAt
from simulators.links.usb_descriptors import Speed
from simulators.motions import Timing

CARD_DOTS = 642
"""Of a card's short side, under the head when it stands in its default position."""
MARGIN_DOTS = 15
"""Dots of the head on each side of the card."""
DENSITY_BITS = 6
PLAIN_LINES = 1016
PRODUCT_UNKNOWN = 0xFFFF  # no source names it; a host must not go by it

MAGNETIC, DUPLEX = 0x01, 0x02  # of field 0 of the answer to REQ,INF


def _in_order(dot: int) -> int:
    return dot


def _interleaved(dot: int) -> tuple[int, int]:
    """The 32-bit word of a dot of the other heads, and the bit of that word."""
    if dot < 288:
        return 6 + dot // 16, 2 * (dot % 16)
    return (dot - 288) // 16, 1 + 2 * ((dot - 288) % 16)


def _from_the_top(dot: int) -> int:
    word, bit = _interleaved(dot)
    return 32 * word + bit


def _bytes_turned(dot: int) -> int:
    word, bit = _interleaved(dot)
    return 32 * word + 31 - bit


@dataclass(frozen=True, slots=True)
class Layout:
    """`place` says where a dot's bit is, counted from the first byte's highest bit."""

    row_size: int  # bytes of one bit row
    place: Callable[[int], int]


KEE = Layout(84, _in_order)
KGE_ENDURO = Layout(96, _from_the_top)
KGE_ALTO = Layout(96, _bytes_turned)


@dataclass(frozen=True)
class Model:
    name: str
    tag: str  # of the print head, in the header of each page
    layout: Layout
    product_id: int
    device_id: str  # the IEEE-1284 id
    head_type: int = 0  # as REQ,INF tells it
    line_count: int = PLAIN_LINES
    turned: bool = False  # its pages come turned by half a circle
    area: tuple[int, int, int, int] = (0, 0, 1025, 641)  # of the overcoat, unasked
    usb_release: int = 0x0200
    usb_speed: Speed = Speed.HIGH
    magnetic: bool = False
    two_sided: bool = False
    has_reject_bin: bool = False
    cards_count_at: CountsAt = CountsAt.END
    ribbon_counts_at: CountsAt = CountsAt.START
    timing: Timing = field(default_factory=Timing)

    def fitted(
        self,
        *,
        magnetic: bool = False,
        two_sided: bool | None = None,
        reject_bin: bool | None = None,
    ) -> Model:
        """The same model with this fitted (True) or left out; None: as it comes."""
        return replace(
            self,
            magnetic=magnetic,
            two_sided=self.two_sided if two_sided is None else two_sided,
            has_reject_bin=bool(reject_bin),
        )

    def plane_size(self, letter: str, line_count: int) -> int:
        """Bytes of a plane; `letter` is B, G, R or K."""
        bits = 1 if letter == "K" else DENSITY_BITS
        return line_count * bits * self.layout.row_size

    @property
    def options(self) -> int:
        return (MAGNETIC if self.magnetic else 0) | (DUPLEX if self.two_sided else 0)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Where the bit of each of a card's dots is in a bit row."""
        first = MARGIN_DOTS
        return tuple(self.layout.place(first + dot) for dot in range(CARD_DOTS))


def _enduro(name: str, product_id: int) -> Model:
    device_id = f"MFG:Magicard ;MDL:{name};"
    area = (0, 0, 1015, 641)
    return Model(
        name, "KGE2", KGE_ENDURO, product_id, device_id, turned=True, area=area
    )


MODELS = {
    model.name: model
    for model in (
        Model("Rio 2e", "KEE", KEE, 0x1800, "MFG:Magicard ;CMD:PCL,MPL;MDL:Rio2e;"),
        Model(
            "Tango 2e",
            "KEE",
            KEE,
            0x1800,
            "MFG:Magicard ;CMD:PCL,MPL;MDL:RioTango2D;",
            two_sided=True,
        ),
        _enduro("Enduro", 0x4800),
        _enduro("Enduro+", 0x880A),
        _enduro("Rio Pro", PRODUCT_UNKNOWN),
        Model(
            "Alto",
            "KGE",
            KGE_ALTO,
            0x2800,
            "MFG:Magicard ;MDL:Alto;",
            line_count=1000,
            area=(0, 0, 999, 641),
            usb_release=0x0101,
            usb_speed=Speed.FULL,
        ),
    )
}
