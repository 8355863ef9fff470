"""From planes to a card that is ready for the wire; CPU only, nothing is sent.

PURE: what cannot be printed is refused here, before a blank moves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from protocols.contract import PreparedCard, SidePlanes
from protocols.errors import LocalProtocolError
from protocols.evolis.models import Model
from protocols.evolis.raster import pack
from protocols.vocabulary import CardFate, CardSide, Panel


def prepare(
    model: Model, sides: Sequence[SidePlanes], ribbon_kind: str
) -> PreparedCard:
    """Pack the planes of each side, front first, in the ribbon's order.

    Raises:
        LocalProtocolError: as `contract.Driver.prepare` says.
    """
    able = model.capabilities
    ribbon = able.ribbons.get(ribbon_kind)
    if ribbon is None:
        known = ", ".join(able.ribbons)
        raise _impossible(f"ribbon {ribbon_kind!r}, expected one of: {known}")
    order = [planes.side for planes in sides]
    if order not in ([CardSide.FRONT], [CardSide.FRONT, CardSide.BACK]):
        raise _impossible(f"sides {order}, expected front, or front and back")
    if CardSide.BACK in order and not able.two_sided:
        raise _impossible(f"a {able.model} prints the front alone")
    digest = hashlib.sha256()
    packed = []
    for planes in sides:
        panels = ribbon.panels(planes.side)
        _check_planes(model, planes, panels)
        dots = tuple((panel, _packed(model, planes, panel)) for panel in panels)
        for _, data in dots:
            digest.update(data)
        packed.append((planes.side, dots))
    return PreparedCard(
        sides=tuple(packed), ribbon_kind=ribbon_kind, digest=digest.hexdigest()
    )


def _packed(model: Model, planes: SidePlanes, panel: Panel) -> bytes:
    return pack(
        panel,
        planes.planes[panel],
        levels=model.colour_levels,
        row_dots=model.row_dots,
    )


def _check_planes(model: Model, planes: SidePlanes, panels: tuple[Panel, ...]) -> None:
    if set(planes.planes) != set(panels):
        raise _impossible(
            f"planes {sorted(planes.planes)} for the {planes.side}, "
            f"expected {sorted(panels)}"
        )
    size = (model.capabilities.width_px, model.capabilities.height_px)
    for panel, plane in planes.planes.items():
        if plane.mode != "L" or plane.size != size:
            raise _impossible(
                f"plane {panel} of the {planes.side} is {plane.mode} "
                f"{plane.width} × {plane.height}, expected L {size[0]} × {size[1]}"
            )


def _impossible(message: str) -> LocalProtocolError:
    return LocalProtocolError(message, card=CardFate.UNTOUCHED)
