"""From a sealed message to the panels of its card: open, draw, separate, pack.

CPU only, for a thread. Nothing has moved yet, so whatever fails here fails the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from agent.artwork import ArtworkError
from agent.contract.envelope import EnvelopeRefused, OpenedJob
from agent.contract.messages import Job, Magstripe, RejectReason
from protocols.contract import Driver, PreparedCard, StripeDriver
from protocols.errors import LocalProtocolError
from protocols.vocabulary import CardSide

if TYPE_CHECKING:
    from PIL.Image import Image


class CannotPrintError(Exception):
    """The job can never become a card here; its text begins with the reason."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the worker is lent: a printer, the key to sealed jobs, a draughtsman."""

    make_driver: Callable[[], Driver]
    open_spooled: Callable[[bytes], OpenedJob]
    render: Callable[[Job, Mapping[str, bytes]], Mapping[CardSide, Image]]
    forget: Callable[[], None]  # what was opened or drawn in advance: its job ended

    def pack(self, driver: Driver, sealed: bytes, ribbon_kind: str) -> PreparedCard:
        """Return the panels of the job's card for this ribbon.

        Raises:
            CannotPrintError: it cannot be opened, drawn, or printed by this model.
        """
        try:
            return self._pack(driver, sealed, ribbon_kind)
        except (ArtworkError, EnvelopeRefused) as refused:
            raise CannotPrintError(f"{refused.reason}: {refused.detail}") from refused
        except LocalProtocolError as refused:
            text = f"{RejectReason.UNSUPPORTED}: {refused}"
            raise CannotPrintError(text) from refused

    def _pack(self, driver: Driver, sealed: bytes, ribbon_kind: str) -> PreparedCard:
        # Pillow waits for the first card, so that an idle agent stays small.
        from protocols.raster import separate

        opened, can = self.open_spooled(sealed), driver.capabilities
        stripe = opened.job.magstripe
        if stripe is not None and not can.stripe:
            raise LocalProtocolError(f"{can.model} has no magnetic stripe encoder")
        ribbon = can.ribbons[ribbon_kind]
        pictures = dict(self.render(opened.job, opened.parts))
        planes = [
            separate(
                pictures.pop(side),  # nobody else holds it: a picture is megabytes
                side=side,
                panels=ribbon.panels(side),
                width_px=can.width_px,
                height_px=can.height_px,
                overlay=opened.job.overlay,
            )
            for side in list(pictures)
        ]
        card = driver.prepare(planes, ribbon_kind)
        if stripe is None:
            return card
        return cast(StripeDriver, driver).with_stripe(card, _tracks(stripe))


def _tracks(stripe: Magstripe) -> dict[int, str]:
    """By number; what is private in the job stays so."""
    every = {1: stripe.track_1, 2: stripe.track_2, 3: stripe.track_3}
    return {number: data for number, data in every.items() if data is not None}
