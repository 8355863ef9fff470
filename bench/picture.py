"""The test card: as hard to compress as a photo, some 600 KB of PNG."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def card_png() -> bytes:
    """Return a finished picture, 1011 × 638 pixels."""
    size = (1011, 638)
    ramp = Image.linear_gradient("L").resize(size)
    turned = ramp.transpose(Image.Transpose.ROTATE_180)
    image = Image.merge("RGB", (ramp, turned, Image.new("L", size, 180)))
    grain = Image.merge("RGB", [Image.effect_noise(size, 2) for _ in range(3)])
    image = Image.blend(image, grain, 0.4)
    pen = ImageDraw.Draw(image)
    for row in range(8):
        pen.text((340, 60 + row * 60), f"CONTOH {row}", fill=(0, 0, 0), font_size=40)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
