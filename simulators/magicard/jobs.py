"""From pages to a card's motions: one job makes whole cards, and all by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.blanks import Side
from simulators.magicard.header import PLANES, Header, HeaderError
from simulators.magicard.models import Model
from simulators.magicard.picture import overcoat
from simulators.magicard.wire import Page
from simulators.motions import Action, Motion
from simulators.ribbons import RibbonKind

OVERCOAT = "o"


@dataclass(slots=True)
class Job:
    """What is to be on a card, and on how many; pages in the order they came."""

    pages: list[Page]
    left: int  # cards still to come

    @property
    def header(self) -> Header:
        return self.pages[0].header

    @property
    def tracks(self) -> dict[str, str]:
        return {
            track: data
            for page in self.pages
            for track, data in page.header.tracks.items()
        }


@dataclass(slots=True)
class Card:
    """What is done for one card; the panels' bytes by the number of their picture."""

    actions: list[Action]
    planes: dict[int, bytes] = field(default_factory=dict)
    reject_faulty: bool = False

    @property
    def done(self) -> bool:
        return all(action.done for action in self.actions)

    @property
    def fed(self) -> bool:
        return self.actions[0].motion is not Motion.FEED or self.actions[0].begun


def check(model: Model, header: Header) -> None:
    """See that this printer can take such a page.

    Raises:
        HeaderError: it cannot.
    """
    lines = header.line_count or model.line_count
    if not 0 < lines <= model.line_count:
        raise HeaderError(f"WID{lines}: expected up to {model.line_count}")
    for letter, size in header.sizes.items():
        expected = model.plane_size(letter, lines)
        if size != expected:
            raise HeaderError(f"SZ{letter}{size}: expected {expected}")
    if header.sizes and header.tag != model.tag:
        raise HeaderError(f"a page for the print head {header.tag or '(none)'}")
    if header.hand_fed:
        raise HeaderError("HFDON: cards are not fed by hand here")


def card_of(model: Model, job: Job, new_image_no: Callable[[], int]) -> Card:
    """Return the motions for one card of the job."""
    tracks, card = job.tracks, Card([Action(Motion.FEED)])
    card.reject_faulty = job.header.reject_faulty
    if tracks:
        card.actions.append(Action(Motion.WRITE_STRIPE, tracks=tracks))
    printed = [page for page in job.pages if page.planes]
    due = {_side(page.header): _panels(page) for page in printed}
    for page in printed:
        if _side(page.header) is Side.BACK:
            card.actions.append(Action(Motion.FLIP))
        for panel, data in _pressings(model, page):
            image_no = new_image_no()
            card.planes[image_no] = data
            card.actions.append(
                Action(Motion.PRESS, panel=panel, image_no=image_no, due=due)
            )
    card.actions.append(Action(Motion.EJECT))
    return card


def self_test(model: Model, kind: RibbonKind, new_image_no: Callable[[], int]) -> Card:
    """A card with each panel of the film on its front, in stripes."""
    card = Card([Action(Motion.FEED)])
    letters = {panel: letter for letter, panel in PLANES.items()}
    for panel in kind.front:
        image_no = new_image_no()
        letter = letters.get(panel)
        size = model.plane_size(letter, model.line_count) if letter else 0
        card.planes[image_no] = b"\xf0" * size
        action = Action(Motion.PRESS, panel=panel, image_no=image_no)
        action.due = {Side.FRONT: kind.front}
        card.actions.append(action)
    card.actions.append(Action(Motion.EJECT))
    return card


def _side(header: Header) -> Side:
    return Side.BACK if header.page_no == 2 or header.back_only else Side.FRONT


def _panels(page: Page) -> tuple[str, ...]:
    panels = tuple(PLANES[letter] for letter in page.planes)
    return (*panels, OVERCOAT) if page.header.overcoat else panels


def _pressings(model: Model, page: Page) -> list[tuple[str, bytes]]:
    """The panels of a side with their bytes; of an overcoat, what limits it, if so."""
    pressings = [(PLANES[letter], data) for letter, data in page.planes.items()]
    if page.header.overcoat:
        limits = bool(page.header.holes) or page.header.area not in (None, model.area)
        mask = overcoat(model, page.header).tobytes() if limits else b""
        pressings.append((OVERCOAT, mask))
    return pressings
