"""One side of a job: its finished picture, or its layout with the parts it names."""

from __future__ import annotations

from collections.abc import Mapping

from PIL.Image import Image

from agent.artwork import layouts
from agent.artwork.errors import ArtworkError
from agent.artwork.images import finished_image, layout_picture
from agent.contract.messages import ImageSide, LayoutSide, MediaType, RejectReason
from protocols.vocabulary import CardSide


def picture_of_side(
    name: CardSide,
    side: ImageSide | LayoutSide,
    types: Mapping[str, MediaType],
    parts: Mapping[str, bytes],
) -> Image:
    """Return one side's picture, RGB, 1011 × 638 pixels.

    Raises:
        ArtworkError: the side can never be printed.
    """
    if isinstance(side, ImageSide):
        _require_part(name, side.part, types, parts)
        what = f"{name}: part `{side.part}`"
        return finished_image(what, parts[side.part], types[side.part])
    layout = layouts.by_name(name, side.layout)
    layouts.require_names(name, layout, side)
    pictures = {}
    for role, part in side.parts.items():
        _require_part(name, part, types, parts)
        what = f"{name}: {role} (part `{part}`)"
        pictures[role] = layout_picture(what, parts[part], types[part])
    return layout.draw(name, side.fields, pictures, side.labels)


def _require_part(
    name: CardSide,
    part: str,
    types: Mapping[str, MediaType],
    parts: Mapping[str, bytes],
) -> None:
    if part not in types or part not in parts:
        raise ArtworkError(
            RejectReason.MALFORMED, f"{name}: part `{part}` is not in the job's parts"
        )
