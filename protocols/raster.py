"""From a finished picture to the planes for a ribbon's panels. Knows no wire.

Pillow only: every step runs over whole images in C; no dot is touched in Python.
"""

from __future__ import annotations

from collections.abc import Collection

from PIL import Image, ImageChops

from protocols.contract import SidePlanes
from protocols.errors import LocalProtocolError
from protocols.vocabulary import CardFate, CardSide, Panel

FULL = 255  # all the dye that a panel can give
WHOLE_CARD = (1011, 638)  # CR80 at 300 dpi
EDGE_MAX_PX = 12  # of its length or width, that a printer may not reach

# Index by a dot's brightest component: only pure black, (0, 0, 0), becomes resin.
_DYED = [0] + [FULL] * 255
# Index by a dot's luma (ITU-R 601): what a ribbon of resin alone prints.
_DARK = [FULL] * 128 + [0] * 128


def separate(
    image: Image.Image,
    *,
    side: CardSide,
    panels: Collection[Panel],
    width_px: int,
    height_px: int,
    overlay: bool = True,
) -> SidePlanes:
    """Make one plane of `width_px` × `height_px` for each of `panels`.

    The picture stands in the middle; what is missing around it repeats its outermost
    dots, so that no white border shows. Y = 255 - B, M = 255 - G, C = 255 - R; pure
    black becomes K alone; the overlay covers all or nothing. On a ribbon without dyes
    all that is darker than half becomes K. Of a picture of the whole card the edges
    stay out that this printer does not reach.

    Raises:
        LocalProtocolError: the picture is not RGB, or larger than the printable area.
    """
    if image.mode != "RGB":
        raise LocalProtocolError(
            f"picture for the {side} has mode {image.mode}, expected RGB",
            card=CardFate.UNTOUCHED,
        )
    if image.size == WHOLE_CARD:
        image = _within_reach(image, (width_px, height_px))
    if image.width > width_px or image.height > height_px:
        raise LocalProtocolError(
            f"picture for the {side} is {image.width} × {image.height} px, the printer "
            f"takes at most {width_px} × {height_px}",
            card=CardFate.UNTOUCHED,
        )
    area = _bleed(image, (width_px, height_px))
    del image  # 2.6 MB, as is `area`: let go of it as soon as it has served
    if {Panel.YELLOW, Panel.MAGENTA, Panel.CYAN}.isdisjoint(panels):
        found = {Panel.BLACK: area.convert("L").point(_DARK)}
    else:
        bands = area.split()
        del area
        found = _dyes_and_resin(*bands)
    covered = FULL if overlay else 0
    found[Panel.OVERLAY] = Image.new("L", (width_px, height_px), covered)
    planes = {panel: found[panel] for panel in panels}
    return SidePlanes(side=side, planes=planes)


def _dyes_and_resin(
    red: Image.Image, green: Image.Image, blue: Image.Image
) -> dict[Panel, Image.Image]:
    """A dye is the complement of its component, and none where resin will lie."""
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    # Where resin lies, this and each component are 0; elsewhere it is full.
    dyed = brightest.point(_DYED)
    return {
        Panel.YELLOW: ImageChops.subtract(dyed, blue),
        Panel.MAGENTA: ImageChops.subtract(dyed, green),
        Panel.CYAN: ImageChops.subtract(dyed, red),
        Panel.BLACK: ImageChops.invert(dyed),
    }


def _within_reach(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of the picture, unless too much of it would be lost."""
    across = max(image.width - size[0], 0)
    along = max(image.height - size[1], 0)
    if not across + along or max(across, along) > EDGE_MAX_PX:
        return image
    left, top = across // 2, along // 2
    right, bottom = across - left, along - top
    return image.crop((left, top, image.width - right, image.height - bottom))


def _bleed(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Centre the image on `size` and repeat its edges outwards, corners included."""
    if image.size == size:
        return image
    width, height = size
    left, top = (width - image.width) // 2, (height - image.height) // 2
    right, bottom = left + image.width, top + image.height
    area = Image.new("RGB", size)
    area.paste(image, (left, top))
    # Columns first, on the rows that exist; then whole rows, which fills the corners.
    for source, begin, end in ((left, 0, left), (right - 1, right, width)):
        if end > begin:
            strip = area.crop((source, top, source + 1, bottom))
            area.paste(strip.resize((end - begin, image.height)), (begin, top))
    for source, begin, end in ((top, 0, top), (bottom - 1, bottom, height)):
        if end > begin:
            strip = area.crop((0, source, width, source + 1))
            area.paste(strip.resize((width, end - begin)), (0, begin))
    return area
