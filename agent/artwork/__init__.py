"""From a job to the pictures of its card: finished images checked, layouts drawn.

Pillow is imported at the first use, so that a daemon that waits for its first job
stays small. Knows nothing of ribbons or printers; `protocols.raster` takes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agent.artwork.errors import ArtworkError
from agent.contract.messages import Job
from protocols.vocabulary import CardSide

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ArtworkError", "check", "forget", "render"]


# What the last `check` drew. A job is mostly printed right after it came; the one
# behind a queue is drawn again. Never more than one, and gone once it is used.
_drawn: tuple[Job, dict[CardSide, Image.Image]] | None = None


def render(job: Job, parts: Mapping[str, bytes]) -> dict[CardSide, Image.Image]:
    """Return the picture of each side the job asks for, front first.

    Each is RGB, 1011 × 638 pixels, landscape. CPU only (some 15 ms for a PNG): call it
    in a thread. `parts` are the binary parts of the job by name, verified against the
    digests in it.

    Raises:
        ArtworkError: the job can never be printed; says what is wrong and where.
    """
    global _drawn
    drawn, _drawn = _drawn, None
    return drawn[1] if drawn is not None and drawn[0] == job else _draw(job, parts)


def check(job: Job, parts: Mapping[str, bytes]) -> None:
    """Prove that `render` will succeed, by drawing: what is accepted can be printed.

    Raises:
        ArtworkError: as `render`.
    """
    global _drawn
    _drawn = None
    _drawn = job, _draw(job, parts)


def forget() -> None:
    """Drop what `check` drew last, because its job will not be printed now."""
    global _drawn
    _drawn = None


def _draw(job: Job, parts: Mapping[str, bytes]) -> dict[CardSide, Image.Image]:
    from agent.artwork.sides import picture_of_side

    sides = {CardSide.FRONT: job.sides.front}
    if job.sides.back is not None:
        sides[CardSide.BACK] = job.sides.back
    types = {part.name: part.type for part in job.parts}
    return {
        name: picture_of_side(name, side, types, parts) for name, side in sides.items()
    }
