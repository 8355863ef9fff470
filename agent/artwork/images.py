"""Pictures out of bytes that a stranger may have made: PNG and JPEG, nothing else.

The decoders are called directly, never by Pillow's registry, so no other format's code
is ever loaded. The header is judged before a single pixel is decoded.
"""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import ImageFile
from PIL.Image import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from agent.artwork.errors import ArtworkError
from agent.contract.messages import MediaType, RejectReason

CARD_WIDTH_PX = 1011
CARD_HEIGHT_PX = 638
"""CR80, 85.60 × 53.98 mm, at 300 dpi."""

PIXEL_COUNT_MAX = 2 * CARD_WIDTH_PX * CARD_HEIGHT_PX
"""Of a picture inside a layout, before it is fitted; more would be a bomb."""

_OPAQUE_MODES = frozenset({"1", "L", "P", "RGB"})
_ALPHA_MODES = frozenset({"LA", "PA", "RGBA"})
_MAGIC = {MediaType.PNG: b"\x89PNG\r\n\x1a\n", MediaType.JPEG: b"\xff\xd8\xff"}
_PNG_DEPTH_OFFSET = 24  # of the bit depth in IHDR, which must be the first chunk
_DECODER_ERRORS = (SyntaxError, ValueError, OSError, EOFError, struct.error)


def finished_image(what: str, data: bytes, media_type: MediaType) -> Image:
    """Return a finished card picture as RGB, 1011 × 638 pixels.

    `what` names it in errors, such as ``front: part `face` ``.

    Raises:
        ArtworkError: `image-bad`; another type, size or kind of pixels than allowed,
            or damaged.
    """
    image = _open(what, data, media_type)
    if image.size != (CARD_WIDTH_PX, CARD_HEIGHT_PX):
        raise _bad(
            f"{what} is {image.width} × {image.height} pixels, "
            f"must be {CARD_WIDTH_PX} × {CARD_HEIGHT_PX}"
        )
    _refuse_alpha(what, image)
    return _decoded(what, image, "RGB")


def layout_picture(what: str, data: bytes, media_type: MediaType) -> Image:
    """Return a photo or signature for a layout, of any size within reason, as RGBA.

    Raises:
        ArtworkError: `image-bad`; another type, too many pixels, or damaged.
    """
    image = _open(what, data, media_type)
    if image.width * image.height > PIXEL_COUNT_MAX:
        raise _bad(
            f"{what} is {image.width} × {image.height} pixels, "
            f"must be {PIXEL_COUNT_MAX} in all at most"
        )
    return _decoded(what, image, "RGBA")


def _open(what: str, data: bytes, media_type: MediaType) -> ImageFile.ImageFile:
    """Read the header only."""
    if not data.startswith(_MAGIC[media_type]):
        raise _bad(f"{what} is not {media_type} by its first bytes")
    if media_type is MediaType.PNG and data[_PNG_DEPTH_OFFSET:][:1] == b"\x10":
        raise _bad(f"{what} has 16 bits a channel, must have 8 at most")
    decoder = PngImageFile if media_type is MediaType.PNG else JpegImageFile
    try:
        image: ImageFile.ImageFile = decoder(BytesIO(data))
        animated = getattr(image, "is_animated", False)
    except _DECODER_ERRORS as error:
        raise _bad(f"{what} has a damaged {media_type} header") from error
    if animated:
        raise _bad(f"{what} is animated, must be one picture")
    if image.mode not in _OPAQUE_MODES | _ALPHA_MODES:
        raise _bad(f"{what} has pixels of mode {image.mode}, must be grey or RGB")
    return image


def _refuse_alpha(what: str, image: Image) -> None:
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        raise _bad(f"{what} has transparency, must be opaque")


def _decoded(what: str, image: ImageFile.ImageFile, mode: str) -> Image:
    try:
        image.load()
        return image if image.mode == mode else image.convert(mode)
    except _DECODER_ERRORS as error:
        raise _bad(f"{what} is cut short or damaged") from error


def _bad(detail: str) -> ArtworkError:
    return ArtworkError(RejectReason.IMAGE_BAD, detail)
