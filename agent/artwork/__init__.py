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

__all__ = ["ArtworkError", "check", "render"]


def render(job: Job, parts: Mapping[str, bytes]) -> dict[CardSide, Image.Image]:
    """Return the picture of each side the job asks for, front first.

    Each is RGB, 1011 × 638 pixels, landscape. CPU only (some 15 ms for a PNG): call it
    in a thread. `parts` are the binary parts of the job by name, whole and verified.

    Raises:
        ArtworkError: the job can never be printed; says what is wrong and where.
    """
    from agent.artwork.sides import picture_of_side

    sides = {CardSide.FRONT: job.sides.front}
    if job.sides.back is not None:
        sides[CardSide.BACK] = job.sides.back
    types = {part.name: part.type for part in job.parts}
    return {
        name: picture_of_side(name, side, types, parts) for name, side in sides.items()
    }


def check(job: Job, parts: Mapping[str, bytes]) -> None:
    """Prove that `render` will succeed, by rendering: what is accepted can be printed.

    Raises:
        ArtworkError: as `render`.
    """
    render(job, parts)
