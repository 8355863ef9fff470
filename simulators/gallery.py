"""Keeps what is pressed on the cards inside, and draws those that have left.

How a face is drawn of its panels is the printer's family's business. A card's digest is
the SHA-256 of all its panels' bytes in the order they were pressed; a card that is not
complete has none.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from simulators.blanks import Blank, Mark, Side


@dataclass(frozen=True, slots=True)
class Pressing:
    """One panel on a card: its bytes, and the share of its rows that got there."""

    panel: str
    data: bytes
    share: float


Draw = Callable[[Sequence[Pressing]], Image.Image]


def save(face: Image.Image, path: Path) -> None:
    """Write a PNG; it is there whole under its name, or not at all."""
    part = path.with_suffix(".part")
    face.save(part, format="PNG", compress_level=1)
    part.replace(path)


@dataclass(slots=True)
class Inside:
    """What was pressed on a card that has not left the path, in order."""

    pressings: list[tuple[Side, Pressing]] = field(default_factory=list)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, side: Side, pressing: Pressing) -> None:
        self.pressings.append((side, pressing))
        self.digest.update(pressing.data)

    def faces(self) -> dict[Side, list[Pressing]]:
        """The same by side."""
        found: dict[Side, list[Pressing]] = {}
        for side, pressing in self.pressings:
            found.setdefault(side, []).append(pressing)
        return found


@dataclass(slots=True)
class Gallery:
    draw: Draw  # one side's pressings to its face
    directory: Path | None  # where PNGs go; None: nowhere
    files: dict[str, list[str]] = field(default_factory=dict)  # by blank id
    digests: dict[str, str] = field(default_factory=dict)  # of those that are out
    inside: dict[str, Inside] = field(default_factory=dict)
    _to_draw: asyncio.Queue[tuple[str, Side, list[Pressing]]] = field(
        default_factory=asyncio.Queue
    )

    def pressed(self, blank: Blank, side: Side, mark: Mark, data: bytes) -> None:
        """Note one panel's bytes as they got on the card."""
        inside = self.inside.setdefault(blank.blank_id, Inside())
        inside.add(side, Pressing(mark.panel, data, mark.share))

    def left(self, blank: Blank) -> None:
        """The card is out: its faces can be drawn, its bytes forgotten."""
        inside = self.inside.pop(blank.blank_id, None)
        if inside is None:
            return
        self.digests.pop(blank.blank_id, None)  # it may have been in before
        if blank.state == "complete":
            self.digests[blank.blank_id] = inside.digest.hexdigest()
        if self.directory is not None:
            for side, pressings in inside.faces().items():
                self._to_draw.put_nowait((blank.blank_id, side, pressings))

    def digest(self, blank: Blank) -> str | None:
        """The digest of a complete card, wherever it is; None for any other."""
        inside = self.inside.get(blank.blank_id)
        if inside is not None:
            complete = blank.state == "complete"
            return inside.digest.hexdigest() if complete else None
        return self.digests.get(blank.blank_id)

    async def drawn(self) -> None:
        """Return once the face of every card that has left is on the disk."""
        await self._to_draw.join()

    async def run(self) -> None:
        """Draw the faces of cards as they leave, one by one, in a thread."""
        while True:
            blank_id, side, pressings = await self._to_draw.get()
            name = f"{blank_id}-{side}.png"
            try:
                await asyncio.to_thread(self._draw, name, pressings)
                names = self.files.setdefault(blank_id, [])
                if name not in names:
                    names.append(name)
            except OSError as error:
                sys.stderr.write(f"cannot write {name}: {error.strerror}\n")
            finally:
                self._to_draw.task_done()

    def _draw(self, name: str, pressings: list[Pressing]) -> None:
        assert self.directory is not None
        save(self.draw(pressings), self.directory / name)
