"""What can be the matter with the printer, its number, and what stops what.

Known from a real printer are 00:00, all is well, and 11:01, no card came. No list of
the others is public: they are given numbers that no source shows, from 99:01 on.
"""

from __future__ import annotations

from enum import Enum

from simulators.motions import Stop


class Trouble(Enum):
    """By its major and minor number."""

    NOT_FED = (11, 1)
    JAMMED = (99, 1)
    STUCK = (99, 2)
    COVER_OPEN = (99, 3)
    NO_FILM = (99, 4)
    WRONG_FILM = (99, 5)
    FILM_ENDED = (99, 6)
    FILM_BROKEN = (99, 7)
    HEAD_HOT = (99, 8)
    OUTPUT_FULL = (99, 9)
    STRIPE_BAD = (99, 10)
    CARD_INSIDE = (99, 11)
    NOT_FITTED = (99, 12)
    BAD_JOB = (99, 13)


TROUBLE_OF = {
    Stop.HOPPER_EMPTY: Trouble.NOT_FED,
    Stop.FEED_FAILED: Trouble.NOT_FED,
    Stop.NO_CARD: Trouble.NOT_FED,
    Stop.JAMMED: Trouble.JAMMED,
    Stop.COVER_OPEN: Trouble.COVER_OPEN,
    Stop.NO_RIBBON: Trouble.NO_FILM,
    Stop.WRONG_RIBBON: Trouble.WRONG_FILM,
    Stop.RIBBON_ENDED: Trouble.FILM_ENDED,
    Stop.RIBBON_BROKEN: Trouble.FILM_BROKEN,
    Stop.STUCK: Trouble.STUCK,
    Stop.HEAD_HOT: Trouble.HEAD_HOT,
    Stop.OUTPUT_FULL: Trouble.OUTPUT_FULL,
    Stop.STRIPE_BAD: Trouble.STRIPE_BAD,
    Stop.NO_FLIPPER: Trouble.NOT_FITTED,
}
"""Of the stops that a card of this printer can meet, but a reset and the power."""


def number(trouble: Trouble | None) -> str:
    major, minor = trouble.value if trouble else (0, 0)
    return f"{major:02d}:{minor:02d}"
