"""The models this emulator can be: one row each, and what is fitted to one of them.

A row has what public sources say of its model. Where they say nothing of a flip station
or a reject bin, none is fitted unless asked for; the rest is every model's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from simulators.build import CountsAt
from simulators.motions import Timing

CFG_EXTENSION_1 = 0x08000000
CFG_ETHERNET = 0x00400000
CFG_FLIP = 0x00100000
CFG_MAGNETIC = 0x00020000
CFG_FEED_BY_FEEDER = 0x00002000
CFG_REJECT_SLOT = 0x00000020

CARD_ROWS, CARD_DOTS = 1016, 648
"""A card at 300 dpi: rows of a panel, columns of the landscape card; dots of a row."""
NARROW_DOTS = 562
"""Of a row at 260 dpi."""
_NARROW = ("300", "260")
_PLAIN = CFG_EXTENSION_1 | CFG_ETHERNET | CFG_FEED_BY_FEEDER


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    answers_name: str  # to Rtp
    model_no: int  # to Rtp;d, as the vendor's program numbers its models
    firmware: str = "1646"
    config: int = _PLAIN  # CFG word of the status
    row_count: int = CARD_ROWS
    row_dots: int = CARD_DOTS
    colour_levels: int = 256
    cards_count_at: CountsAt = CountsAt.FEED
    ribbon_counts_at: CountsAt = CountsAt.START
    timing: Timing = field(default_factory=Timing)

    @property
    def has_encoder(self) -> bool:
        """True where a magnetic encoder is fitted."""
        return bool(self.config & CFG_MAGNETIC)

    @property
    def two_sided(self) -> bool:
        """True where a flip station is fitted."""
        return bool(self.config & CFG_FLIP)

    @property
    def has_reject_bin(self) -> bool:
        return bool(self.config & CFG_REJECT_SLOT)

    @property
    def level_bits(self) -> int:
        """Bits of a dot of dye."""
        return self.colour_levels.bit_length() - 1

    @property
    def dot_count(self) -> int:
        return self.row_count * self.row_dots

    def fitted(
        self,
        *,
        magnetic: bool = False,
        two_sided: bool | None = None,
        reject_bin: bool | None = None,
    ) -> Model:
        """The same model with this fitted (True) or left out; None: as it comes."""
        config = self.config | (CFG_MAGNETIC if magnetic else 0)
        for bit, wanted in ((CFG_FLIP, two_sided), (CFG_REJECT_SLOT, reject_bin)):
            if wanted is not None:
                config = config | bit if wanted else config & ~bit
        return replace(self, config=config)

    def panel_size(self, word: str, parameters: tuple[str, ...]) -> int | None:
        """Bytes that follow the header of a panel; None: this model takes none such.

        `Db;panel;levels;` and `Dbx;panel;levels;300;260;` have as many as the panel has
        dots; `Dbc;panel;levels;size;` says how many itself.
        """
        panel, levels, *form = parameters
        narrow = self.row_dots == NARROW_DOTS
        bits = self._bits(panel, levels)
        if bits is None:
            return None
        if word == "Dbc":
            return None if narrow or bits != 1 else self._packed_size(*form)
        if word == "Dbx" if narrow else word == "Db":
            good = tuple(form) == (_NARROW if narrow else ())
            return self.dot_count * bits // 8 if good else None
        return None

    def _bits(self, panel: str, levels: str) -> int | None:
        if panel in ("y", "m", "c") and levels == str(self.colour_levels):
            return self.level_bits
        return 1 if panel in ("k", "o") and levels == "2" else None

    def _packed_size(self, text: str) -> int | None:
        """A row has a byte of its own at least, and all its dots at most."""
        if not (text.isascii() and text.isdecimal() and len(text) <= 6):
            return None
        size = int(text)
        largest = self.row_count * (1 + self.row_dots // 8)
        return size if self.row_count <= size <= largest else None


MODELS = {
    model.name: model
    for model in (
        Model("Primacy", "PRIMACY", 7, config=_PLAIN | CFG_FLIP | CFG_REJECT_SLOT),
        Model("Primacy 2", "Primacy 2", 35),
        Model("Elypso", "Elypso", 15),
        Model("KC200", "KC200", 3),
        Model("Zenius", "Zenius", 17, colour_levels=128),
        Model("Badgy200", "Badgy200", 27, colour_levels=128, row_dots=NARROW_DOTS),
    )
}
