"""A Magicard's job: CPU from the planes of a side to its bulk transfers."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from bench.figures import Figure
from bench.picture import card_png
from protocols.contract import SidePlanes
from protocols.magicard.job import Orders, first_part, last_part
from protocols.magicard.models import MODELS, Model
from protocols.magicard.preparing import prepare
from protocols.magicard.raster import margin_of
from protocols.raster import separate
from protocols.vocabulary import DYES, CardSide, Panel

_COUNT, _WARM_COUNT = 20, 3
_TRANSFER_SIZE = 65536
_MODELS = ("Rio 2e", "Enduro", "Alto")


def measure(folder: Path) -> Iterator[Figure]:
    picture = Image.open(io.BytesIO(card_png())).convert("RGB")
    for name in _MODELS:
        model = MODELS[name]
        able = model.capabilities
        side = separate(
            picture,
            side=CardSide.FRONT,
            panels=able.ribbons["YMCKO"].front,
            width_px=able.width_px,
            height_px=able.height_px,
        )
        ours_ms, bare_ms = _medians(
            lambda model=model, side=side: _ours(model, side),  # type: ignore[misc] # bound now
            lambda side=side: _bare(side),  # type: ignore[misc] # bound now
        )
        yield Figure(
            f"CPU from the planes of a YMCKO side to bulk transfers, {name}",
            "ms",
            ours_ms,
            "turn each plane, pack its bits with Pillow",
            bare_ms,
            peer_ratio_max=1.3,
        )


def _ours(model: Model, side: SidePlanes) -> int:
    card = prepare(model, [side], "YMCKO", margin_of(None))
    pieces = [*first_part(model, card, Orders(0)), last_part(card)]
    return sum(
        len(memoryview(piece)[at : at + _TRANSFER_SIZE])
        for piece in pieces
        for at in range(0, len(piece), _TRANSFER_SIZE)
    )


def _bare(side: SidePlanes) -> int:
    """Six one-bit images of a dye, one of resin: no margin, no layout, no header."""
    size = 0
    for panel, plane in side.planes.items():
        turned = plane.transpose(Image.Transpose.ROTATE_270)
        if panel in DYES:
            for bit in range(2, 8):
                index = [255 * (dot >> bit & 1) for dot in range(256)]
                size += len(turned.point(index, "1").tobytes())
        elif panel is Panel.BLACK:
            size += len(turned.convert("1", dither=Image.Dither.NONE).tobytes())
    return size


def _medians(*works: Callable[[], int]) -> tuple[float, ...]:
    """CPU of each in milliseconds, taken in turn."""
    took: list[list[float]] = [[] for _ in works]
    for count in range(_WARM_COUNT + _COUNT):
        for times, work in zip(took, works, strict=True):
            before_s = time.process_time()
            work()
            if count >= _WARM_COUNT:
                times.append((time.process_time() - before_s) * 1000)
    return tuple(map(statistics.median, took))
