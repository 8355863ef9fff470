"""Keeps in a folder what is physical of a printer, so that its process may be killed.

For the printer that is a plug pulled out: when it is started on the same folder again,
its cards, ribbon and counters are as they were, and what was volatile is gone. All is
on file before anybody can have been told of it. How far the motion under way had come
nobody knows: a panel that was being pressed has left nothing yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

import msgspec

from simulators.blanks import Blank, Side
from simulators.counters import Counters
from simulators.faults import FaultKind, Scheduled
from simulators.gallery import Gallery, Inside, Pressing
from simulators.hand import Hand
from simulators.mechanism import Mechanism
from simulators.ribbons import Ribbon


@dataclass(slots=True)
class Body:
    """What of a `Mechanism` outlasts a power cut."""

    blanks: list[Blank]
    ribbon: Ribbon | None
    counters: Counters
    powered: bool  # its switch, that is
    cover_open: bool
    jammed: bool
    hopper_stuck: bool
    facing: Side
    cards_fed: int
    sides_printed: int
    cleanings_done: int
    double_feed_next: bool
    cleaning_card: bool
    standing: set[FaultKind]


@dataclass(slots=True)
class _Pressed:
    """A panel of a card inside; its bytes are in the card's own file."""

    side: Side
    panel: str
    share: float
    size: int


@dataclass(slots=True)
class _Kept:
    """The file `machine.json`."""

    body: Body
    made_count: int
    ribbon_count: int
    held_ribbon: tuple[Ribbon, int] | None
    scheduled: list[Scheduled]
    on_link: set[FaultKind]
    files: dict[str, list[str]]
    digests: dict[str, str]
    inside: dict[str, list[_Pressed]]
    printer: dict[str, str]


_BODY = [part.name for part in fields(Body)]


@dataclass(slots=True)
class Keeping:
    """One printer's folder; `recall` and `save` are called by its emulator alone."""

    folder: Path
    hand: Hand
    gallery: Gallery
    _file: Path = field(init=False)
    _written: bytes = b""
    _panels_written: dict[str, int] = field(default_factory=dict)  # by card

    def __post_init__(self) -> None:
        self._file = self.folder / "machine.json"

    @property
    def has_machine(self) -> bool:
        return self._file.exists()

    def save(self, printer: dict[str, str]) -> None:
        """Write what has changed; `printer` is what its electronics keep.

        Raises:
            OSError: the folder cannot be written.
        """
        for card, inside in self.gallery.inside.items():
            self._append_panels(card, inside)
        now = msgspec.json.encode(self._look(printer))
        if now == self._written:
            return
        part = self._file.with_suffix(".part")
        part.write_bytes(now)
        part.replace(self._file)
        self._written = now
        for card in self._panels_written.keys() - self.gallery.inside.keys():
            del self._panels_written[card]
            self._panels_of(card).unlink()

    def recall(self, remind: Callable[[dict[str, str]], None]) -> None:
        """Make the machine what the folder holds, its power switched off and on again.

        `remind` gives the printer's electronics what they kept.

        Raises:
            OSError: the folder cannot be read.
            ValueError: it holds no machine that this program has written.
        """
        kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        machine, hand, gallery = self.hand.machine, self.hand, self.gallery
        for name in _BODY:
            setattr(machine, name, getattr(kept.body, name))
        hand.made_count, hand.ribbon_count = kept.made_count, kept.ribbon_count
        hand.held_ribbon = kept.held_ribbon
        machine.faults.scheduled, machine.faults.on_link = kept.scheduled, kept.on_link
        gallery.files, gallery.digests = kept.files, kept.digests
        for old in self.folder.glob("*.panels"):
            if old.stem not in kept.inside:
                old.unlink()
        for card, pressings in kept.inside.items():
            gallery.inside[card] = self._read_panels(card, pressings)
        remind(kept.printer)
        if machine.powered:
            machine.switch_power(on=False)
            machine.switch_power(on=True)

    def _look(self, printer: dict[str, str]) -> _Kept:
        machine: Mechanism = self.hand.machine
        return _Kept(
            body=Body(**{name: getattr(machine, name) for name in _BODY}),
            made_count=self.hand.made_count,
            ribbon_count=self.hand.ribbon_count,
            held_ribbon=self.hand.held_ribbon,
            scheduled=machine.faults.scheduled,
            on_link=machine.faults.on_link,
            files=self.gallery.files,
            digests=self.gallery.digests,
            inside={
                card: [
                    _Pressed(side, one.panel, one.share, len(one.data))
                    for side, one in inside.pressings
                ]
                for card, inside in self.gallery.inside.items()
            },
            printer=printer,
        )

    def _panels_of(self, card: str) -> Path:
        return self.folder / f"{card}.panels"

    def _append_panels(self, card: str, inside: Inside) -> None:
        written = self._panels_written.get(card, 0)
        if written == len(inside.pressings):
            return
        with self._panels_of(card).open("ab") as file:
            for _, one in inside.pressings[written:]:
                file.write(one.data)
        self._panels_written[card] = len(inside.pressings)

    def _read_panels(self, card: str, pressings: list[_Pressed]) -> Inside:
        """Read them, and cut off what a kill left behind them."""
        inside = Inside()
        with self._panels_of(card).open("r+b") as file:
            for one in pressings:
                data = file.read(one.size)
                inside.add(one.side, Pressing(one.panel, data, one.share))
            file.truncate(file.tell())
        self._panels_written[card] = len(pressings)
        return inside
