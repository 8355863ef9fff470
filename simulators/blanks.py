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
    # What a job that makes the whole card has for each side; else, as the ribbon has.
    due: dict[Side, tuple[str, ...]] = field(default_factory=dict)
    tracks: dict[str, str] = field(default_factory=dict)  # on its magnetic stripe
    strange: bool = False  # a hand put it into the path; the machine never took it
    hidden: bool = False  # in the path where no sensor looks

    @property
    def state(self) -> str:
        """`blank`, `part-printed`, or `complete`: all panels on each begun side.

        Of a card that one job makes whole: on each side that the job has.
        """
        if self.ribbon_kind is None or not any(self.marks.values()):
            return "blank"
        if any(not self.is_whole(side) for side in Side):
            return "part-printed"
        return "complete"

    def is_whole(self, side: Side) -> bool:
        """True where the side has all that it is to have, and nothing begun."""
        marks = self.marks.get(side, [])
        panels = tuple(mark.panel for mark in marks if mark.share >= 1.0)
        if len(panels) < len(marks):
            return False
        if self.due:
            return panels == self.due.get(side, ())
        assert self.ribbon_kind is not None
        back = side is Side.BACK
        return not marks or self.ribbon_kind.completes(panels, back=back)
