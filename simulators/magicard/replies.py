"""The answers to requests: bytes from SOH to ETX, or a line alone.

`REQ,INF` tells 35 fields, `REQ,STA,KEY` one value; what this printer has not is empty
or 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.magicard.errors import Trouble, number
from simulators.magicard.models import Model
from simulators.magicard.texts import error_text
from simulators.mechanism import Mechanism

SOH, ETX = b"\x01", b"\x03"
FIRMWARE = "1.00"
HEAD_POSITION = IMAGE_START = IMAGE_END = 50
CARDS_BETWEEN_CLEANINGS = 1000
LOOPBACK, MASK = 0x7F000001, 0xFF000000
DOTS_OF_A_PANEL = 1100


@dataclass(frozen=True, slots=True)
class View:
    """All that an answer can be made of."""

    machine: Mechanism
    model: Model
    serial: str
    trouble: Trouble | None
    language: str
    panel_count: int  # pressed so far


def reply(view: View, words: tuple[str, ...]) -> bytes:
    """Return the reply to a request; empty: it has none."""
    if words and words[0] == "REQ":
        return _asked(view, words[1:])
    for word, lines in (("QPR", _about), ("SNR", _sensors)):
        if len(words) == 1 and words[0].startswith(word):
            return _line(lines(view), words[0].removeprefix(word))
    return b""


def _asked(view: View, words: tuple[str, ...]) -> bytes:
    if words == ("ERR",):
        text = error_text(view.trouble, number(view.trouble), view.language)
        return _framed(f"STA{text}")
    if words == ("INF",):
        return _framed("STA$$" + "".join(f"{one}," for one in _fields(view)))
    if len(words) == 2 and words[0] == "STA":
        value = _VALUES.get(words[1])
        return b"" if value is None else _framed(f"STA,{words[1]}{value(view)},")
    return reply(view, words) if words and words[0] != "REQ" else b""


def _framed(text: str) -> bytes:
    return SOH + text.encode("latin-1") + ETX


def _line(lines: list[str], index: str) -> bytes:
    """The line by its number, from 1; behind the last, `END`."""
    at = int(index) if index.isascii() and index.isdecimal() and len(index) < 4 else 0
    return (lines[at - 1] if 0 < at <= len(lines) else "END").encode("latin-1")


def _about(view: View) -> list[str]:
    return [
        f"Model {view.model.name}",
        f"Serial {view.serial}",
        f"Cards {view.machine.counters.cards}",
    ]


def _sensors(view: View) -> list[str]:
    machine = view.machine
    return [
        f"Hopper {'empty' if machine.hopper_seems_empty else 'loaded'}",
        f"Card {'none' if machine.sensed_card is None else 'inside'}",
        f"Cover {'open' if machine.cover_open else 'closed'}",
    ]


def _fields(view: View) -> list[str]:
    machine, model = view.machine, view.model
    counters, ribbon = machine.counters, machine.ribbon
    major, minor = view.trouble.value if view.trouble else (0, 0)
    since = _cards_since(view)
    identity = [model.options, model.name, model.head_type, view.serial]
    identity += [f"H{view.serial}", f"B{view.serial}", FIRMWARE, "1", 0]
    work = [counters.cards, counters.cards, view.panel_count, counters.cleanings]
    work += [view.panel_count, since, CARDS_BETWEEN_CLEANINGS]
    film = [ribbon.serial, ribbon.capacity] if ribbon else ["", 0]
    film += [counters.used_sets, ribbon.kind.name if ribbon else ""]
    lengths = [DOTS_OF_A_PANEL] * 3
    rest = ["00", "00", "010120", "CONTOH", "010120", "0", ""]
    fields = identity + work + [HEAD_POSITION, IMAGE_START, IMAGE_END, major, minor]
    return [str(one) for one in fields + film + lengths + rest]


def _cards_since(view: View) -> int:
    """Cards since the last cleaning."""
    counters = view.machine.counters
    return max(0, counters.cards - counters.cleaned_at)


def _panels_left(view: View) -> int:
    ribbon = view.machine.ribbon
    return view.machine.sets_left_by_counter * (
        len(ribbon.kind.panels) if ribbon else 0
    )


def _address(address: int) -> int:
    """As a signed number of 32 bits."""
    return address - (1 << 32) if address >> 31 else address


_VALUES: dict[str, Callable[[View], object]] = {
    "MSR": lambda view: view.serial,
    "PSR": lambda view: f"H{view.serial}",
    "BSR": lambda view: f"B{view.serial}",
    "VRS": lambda _: FIRMWARE,
    "FDC": lambda _: 3829,
    "FSP": lambda _: IMAGE_START,
    "FEP": lambda _: IMAGE_END,
    "FSS": lambda _: 0,
    "FPP": lambda _: HEAD_POSITION,
    "MDL": lambda _: 0,
    "PID": lambda view: view.model.product_id,
    "VID": lambda _: 0x0C1F,
    "USN": lambda view: view.serial,
    "UPN": lambda _: "Magicard",
    "MAC": lambda _: "020000000001",
    "DYN": lambda _: 0,
    "IPA": lambda _: _address(LOOPBACK),
    "SNM": lambda _: _address(MASK),
    "GWY": lambda _: _address(LOOPBACK),
    "TCQ": lambda view: view.machine.counters.cards,
    "TCP": lambda view: view.machine.counters.cards,
    "TCN": lambda view: view.machine.counters.cleanings,
    "CCQ": _cards_since,
    "TPQ": lambda view: view.panel_count,
    "CCP": lambda _: CARDS_BETWEEN_CLEANINGS,
    "CPQ": lambda view: view.panel_count,
    "DFR": _panels_left,
    "CLP": lambda view: int(_cards_since(view) >= CARDS_BETWEEN_CLEANINGS),
}
