"""Ribbons as things: sets of panels, one after the other, in the order they lie in.

A ribbon is only ever wound forward: a panel that lies behind the head, or that the set
has not, begins the next set. Knows no machine and no card.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RibbonKind:
    """What one set consists of, and which panels make a whole side of a card."""

    name: str
    panels: tuple[str, ...]  # in the order they come under the head
    front: tuple[str, ...]
    backs: tuple[tuple[str, ...], ...]  # one of these

    def completes(self, panels: tuple[str, ...], *, back: bool) -> bool:
        """True where these panels, each whole, are all that a side can have."""
        return panels in self.backs if back else panels == self.front


def _kind(name: str, panels: str, *, backs: tuple[str, ...] = ()) -> RibbonKind:
    """A kind whose front takes what lies before the panels kept for the back."""
    front = tuple(panels.removesuffix(backs[0] if backs else ""))
    return RibbonKind(
        name, tuple(panels), front, (front, *(tuple(back) for back in backs))
    )


RIBBON_KINDS = {
    kind.name: kind
    for kind in (
        _kind("YMCKO", "ymcko"),
        _kind("YMCKOK", "ymckok", backs=("k",)),
        _kind("KO", "ko"),
        _kind("K", "k"),
    )
}


@dataclass(slots=True)
class Ribbon:
    kind: RibbonKind
    left: int  # sets that are really there
    capacity: int
    serial: str
    next_panel_index: int | None = None  # in the set under the head; None: no set begun
    uncounted: bool = False  # the set begun is not finished

    def has(self, panel: str) -> bool:
        return panel in self.kind.panels

    def needs_new_set(self, panel: str) -> bool:
        """True where `panel`, one that the kind has, is behind the head."""
        return self._ahead(panel) is None

    def advance(self, panel: str) -> None:
        """Bring `panel` under the head, of this set or of another."""
        index = self._ahead(panel)
        if index is None:
            index = self.kind.panels.index(panel)
            self.left -= 1
            self.uncounted = True
        self.next_panel_index = index + 1

    @property
    def ends_side(self) -> bool:
        """True after the last panel of a side."""
        index = self.next_panel_index
        return index in (len(self.kind.front), len(self.kind.panels))

    def take_finished(self, *, given_up: bool = False) -> bool:
        """Once for each set: True when its last panel was used, or it is given up."""
        used_up = self.next_panel_index == len(self.kind.panels)
        if not self.uncounted or not (used_up or given_up):
            return False
        self.uncounted = False
        return True

    def wind_on(self) -> None:
        """Leave what is left of the set begun: the next panel is of another."""
        self.next_panel_index = None

    def _ahead(self, panel: str) -> int | None:
        if self.next_panel_index is None:
            return None
        rest = self.kind.panels[self.next_panel_index :]
        return self.next_panel_index + rest.index(panel) if panel in rest else None
