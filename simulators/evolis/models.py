"""The models this emulator can be: one row each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulators.build import CountsAt
from simulators.motions import Timing

CFG_EXTENSION_1 = 0x08000000
CFG_ETHERNET = 0x00400000
CFG_FLIP = 0x00100000
CFG_MAGNETIC = 0x00020000
CFG_FEED_BY_FEEDER = 0x00002000
CFG_REJECT_SLOT = 0x00000020


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    answers_name: str  # to Rtp
    model_no: int  # to Rtp;d; the real numbering is not known
    firmware: str
    config: int  # CFG word of the status
    row_count: int  # a panel's rows: one for each dot of the card's long side
    row_dots: int
    colour_levels: int
    cards_count_at: CountsAt
    ribbon_counts_at: CountsAt
    timing: Timing

    @property
    def has_encoder(self) -> bool:
        """True where a magnetic encoder is fitted."""
        return bool(self.config & CFG_MAGNETIC)

    def with_encoder(self) -> Model:
        """The same model with a magnetic encoder fitted."""
        return replace(self, config=self.config | CFG_MAGNETIC)

    def panel_size(self, panel: str, levels: str) -> int | None:
        """Bytes that follow `Db;panel;levels;`; None: this model takes none."""
        dots = self.row_count * self.row_dots
        if panel in ("y", "m", "c") and levels == str(self.colour_levels):
            return dots * (self.colour_levels.bit_length() - 1) // 8
        if panel in ("k", "o") and levels == "2":
            return dots // 8
        return None


MODELS = {
    model.name: model
    for model in (
        Model(
            name="Primacy",
            answers_name="PRIMACY",
            model_no=7,
            firmware="1646",
            config=CFG_EXTENSION_1
            | CFG_ETHERNET
            | CFG_FLIP
            | CFG_FEED_BY_FEEDER
            | CFG_REJECT_SLOT,
            row_count=1016,
            row_dots=648,
            colour_levels=256,
            cards_count_at=CountsAt.FEED,
            ribbon_counts_at=CountsAt.START,
            timing=Timing(),
        ),
    )
}
