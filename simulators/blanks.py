"""A blank as a thing: it has an id, a place, and the marks made on it.

Places are the machine's own; `hand` is everything outside of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulators.ribbons import RibbonKind


class Place(StrEnum):
    HOPPER = "hopper"
    PATH = "path"
    OUTPUT = "output"
    REJECT_BIN = "reject-bin"
    HAND = "hand"


class Side(StrEnum):
    FRONT = "front"
    BACK = "back"

    @property
    def other(self) -> Side:
        return Side.BACK if self is Side.FRONT else Side.FRONT


@dataclass(slots=True)
class Mark:
    """One panel of ribbon pressed on a card; `share` of it is there (1 = all)."""

    panel: str
    image_no: int  # names the picture that was pressed; the printer keeps it
    share: float = 0.0


@dataclass(slots=True)
class Blank:
    blank_id: str
    place: Place
    ribbon_kind: RibbonKind | None = None  # of the ribbon that marked it
    marks: dict[Side, list[Mark]] = field(default_factory=dict)
    fed_no: int | None = None  # how many cards the machine had taken, this one included
    tracks: dict[str, str] = field(default_factory=dict)  # on its magnetic stripe
    strange: bool = False  # a hand put it into the path; the machine never took it
    hidden: bool = False  # in the path where no sensor looks

    @property
    def state(self) -> str:
        """`blank`, `part-printed`, or `complete`: all panels on each begun side."""
        if self.ribbon_kind is None or not any(self.marks.values()):
            return "blank"
        for side, marks in self.marks.items():
            panels = tuple(mark.panel for mark in marks if mark.share >= 1.0)
            whole = self.ribbon_kind.completes(panels, back=side is Side.BACK)
            if marks and not (whole and len(panels) == len(marks)):
                return "part-printed"
        return "complete"
