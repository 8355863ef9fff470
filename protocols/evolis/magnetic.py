"""The magnetic stripe of a card that is begun: tracks to it, and back from it.

What stands on a track is a card holder's. It is in no error and in no log: where it is
wrong, the place and the kind of sign are told.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from protocols.errors import DeviceError, LocalProtocolError
from protocols.evolis.commands import Op
from protocols.evolis.guard import Guard
from protocols.vocabulary import (
    CardFate,
    CardPosition,
    Reason,
    Severity,
    StateReason,
)

_NUMERIC = frozenset(string.digits + "=")
_FAILED = frozenset({Reason(StateReason.ENCODE_FAILED, Severity.ERROR)})


class Coercivity(StrEnum):
    HIGH = "h"
    LOW = "l"


@dataclass(frozen=True, slots=True)
class Track:
    """What ISO/IEC 7811 lets a track hold between its sentinels (EVO-88)."""

    signs: frozenset[str]
    size_max: int
    layout: int  # of `Pmt`


TRACKS = {
    1: Track(frozenset(string.ascii_uppercase + string.digits + " $()-./^"), 76, 1),
    2: Track(_NUMERIC, 37, 2),
    3: Track(_NUMERIC, 104, 3),
}


def check_tracks(
    tracks: Mapping[int, str], *, fate: CardFate = CardFate.UNTOUCHED
) -> None:
    """Refuse what no stripe can hold; `fate` is what is known of the card by now.

    Raises:
        LocalProtocolError: no track, one that does not exist, an empty or too long
            one, a sign that its alphabet lacks. Says where, never what.
    """
    if not tracks:
        raise LocalProtocolError("no track to write", card=fate)
    for number, data in tracks.items():
        track = TRACKS.get(number)
        if track is None:
            what = f"track {number!r}, expected 1, 2 or 3"
            raise LocalProtocolError(what, card=fate)
        if not 0 < len(data) <= track.size_max:
            raise LocalProtocolError(
                f"track {number} has {len(data)} signs, expected 1 to {track.size_max}",
                card=fate,
            )
        for at, sign in enumerate(data, start=1):
            if sign not in track.signs:
                raise LocalProtocolError(
                    f"track {number}, sign {at} is not in the alphabet of the track",
                    card=fate,
                )


class MagneticStripe:
    """After `feed` and before the first side; an error spends the driver too."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._link = guard.link

    async def write(self, tracks: Mapping[int, str], coercivity: Coercivity) -> None:
        """Write `tracks`, by number, and read back that they are on the card.

        Raises:
            LocalProtocolError: see `check_tracks`; nothing was sent.
            DeviceError: with `x-encode-failed` where the stripe is the cause.
        """
        check_tracks(tracks, fate=self._guard.session.card)
        with self._guard.accounted():
            await self._begin()
            await self._link.ask(Op.COERCIVITY, coercivity.value)
            await self._lay_out()
            for number, data in sorted(tracks.items()):
                await self._link.ask(Op.TRACK_DATA, number, data)
            written = await self._link.ask(Op.WRITE_TRACKS)
            self._guard.has_happened(written.trailer)
            found = await self._read(tuple(sorted(tracks)))
            # A reply loses the blanks at its end: EVO-08.
            wrong = [n for n, data in tracks.items() if found[n] != data.rstrip(" ")]
            if wrong:
                raise DeviceError(
                    f"{self._link.name}: read back from the stripe, track "
                    f"{', '.join(map(str, wrong))} is not as written",
                    reasons=_FAILED,
                    card=self._guard.session.card,
                )

    async def read(self, *numbers: int) -> dict[int, str]:
        """Return what stands on these tracks.

        Raises:
            LocalProtocolError: no such track.
            DeviceError: with `x-encode-failed` where one is blank or cannot be read.
        """
        if not numbers or not set(numbers) <= set(TRACKS):
            raise LocalProtocolError(
                f"tracks {numbers!r}, expected some of 1, 2 and 3",
                card=self._guard.session.card,
            )
        with self._guard.accounted():
            await self._begin()
            await self._lay_out()
            return await self._read(numbers)

    async def _begin(self) -> None:
        trailer = await self._guard.fit_to_move()
        self._guard.stands(CardPosition.INSIDE, trailer)
        await self._guard.begin()

    async def _lay_out(self) -> None:
        for number, track in TRACKS.items():
            await self._link.ask(Op.TRACK_FORMAT, number, track.layout)

    async def _read(self, numbers: tuple[int, ...]) -> dict[int, str]:
        passed = await self._link.ask(Op.READ_TRACKS)
        self._guard.has_happened(passed.trailer)
        found = {}
        for number in numbers:
            found[number] = (await self._link.ask(Op.TRACK_TEXT, number)).text
        return found
