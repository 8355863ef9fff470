"""What a measurement returns, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `goal` and `peer_ratio_max` are wishes, not gates."""

    what: str
    unit: str
    value: float
    peer: str = ""
    peer_value: float | None = None
    goal: float | None = None  # at most, in `unit`
    peer_ratio_max: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.peer_value if self.peer_value else None

    @property
    def reached(self) -> bool:
        """Whether every goal that was set is reached."""
        value_ok = self.goal is None or self.value <= self.goal
        ratio_ok = self.peer_ratio_max is None or (
            self.ratio is not None and self.ratio <= self.peer_ratio_max
        )
        return value_ok and ratio_ok

    def lines(self) -> list[str]:
        """The figure as it is printed, 80 columns at most."""
        goals = []
        if self.goal is not None:
            goals.append(f"≤ {self.goal:g} {self.unit}")
        if self.peer_ratio_max is not None:
            goals.append(f"≤ {self.peer_ratio_max:g} × peer")
        mark = "" if not goals else "   reached" if self.reached else "   MISSED"
        wish = f"   goal {' and '.join(goals)}{mark}" if goals else ""
        lines = [f"{self.what}", f"    {self.value:.4g} {self.unit}{wish}"]
        if self.peer_value is not None:
            ratio = f"   ratio {self.ratio:.2f}" if self.ratio is not None else ""
            lines.append(f"    peer: {self.peer}: {self.peer_value:.4g}{ratio}")
        return lines
