"""The texts of the `R…` commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulators.blanks import Place
from simulators.evolis.magnetic import BLANK_TRACK, NOT_FITTED, TRACKS
from simulators.evolis.memory import BAD_PARAMETER, UNKNOWN_COMMAND, Memory
from simulators.evolis.models import Model
from simulators.evolis.status import Words
from simulators.evolis.upkeep import Upkeep
from simulators.evolis.wire import Command
from simulators.faults import FaultKind
from simulators.mechanism import Mechanism

NO_RIBBON = "ERR RIB DETECTION"
NEEDS_CLEANING = "ERR NEED CLEANING"
STANDBY_MIN = 10
NEAR_EMPTY = 10  # blanks in the hopper
_RIBBON_TYPE_NO = {"YMCKO": 0, "KO": 1, "YMCKOK": 4, "K": 100}


@dataclass(frozen=True, slots=True)
class View:
    """All that an answer can be made of."""

    machine: Mechanism
    model: Model
    memory: Memory
    words: Words
    upkeep: Upkeep
    serial: str
    head_serial: str


def read(view: View, command: Command) -> str:
    """Return the answer's text to an `R…` command."""
    reader = _READERS.get(command.word)
    if reader is None:
        return UNKNOWN_COMMAND
    return reader(view, command.parameters)


def _type(view: View, parameters: tuple[str, ...]) -> str:
    if parameters == ("d",):
        return str(view.model.model_no)
    return view.model.answers_name if not parameters else BAD_PARAMETER


def _error_mode(view: View, parameters: tuple[str, ...]) -> str:
    memory = view.memory
    if parameters == ("1",):
        return memory.error_mode
    return f"{memory.error_mode} {memory.saved_error_mode}"


def _ribbon(view: View, parameters: tuple[str, ...]) -> str:
    ribbon = view.machine.ribbon
    if ribbon is None:
        return NO_RIBBON
    left = view.machine.sets_left_by_counter
    values = {
        "label": ribbon.kind.name,
        "zone": "0",
        "type": str(_RIBBON_TYPE_NO[ribbon.kind.name]),
        "ref": f"CONTOH-{ribbon.kind.name}",
        "qty": str(ribbon.capacity),
        "count": str(left),
        "date": "1735689600",
        "evosn": ribbon.serial,
        "m3": "00000",
        "k7": "00000",
        "progress": str(100 * left // ribbon.capacity if ribbon.capacity else 0),
    }
    if parameters == ("all",):
        return "".join(f"{key}:{value}\n" for key, value in values.items())
    return values.get(parameters[0] if parameters else "", BAD_PARAMETER)


def _counter(view: View, parameters: tuple[str, ...]) -> str:
    if parameters in (("card",), ("clean",)):
        if not view.upkeep.firmware.names_counters:
            return UNKNOWN_COMMAND
        if parameters == ("clean",):
            return view.upkeep.named()
        return f"inserted_head:{view.machine.counters.cards}\n"
    if parameters == ("l",):
        return str(view.machine.sets_left_by_counter)
    number = view.upkeep.numbered(parameters)
    return BAD_PARAMETER if number is None else number


def _card(view: View, parameters: tuple[str, ...]) -> str:
    if parameters == ("p",):
        return "OK" if view.machine.sensed_card is None else "CARD"
    if parameters == ("h",):
        full = {FaultKind.OUTPUT_FULL, FaultKind.REJECT_BIN_FULL}
        return "CARD" if full & view.machine.standing else "NO CARD"
    if parameters == ("r",):
        return NEEDS_CLEANING if view.upkeep.advised else "OK"
    return BAD_PARAMETER


def _sensor(view: View, parameters: tuple[str, ...]) -> str:
    machine = view.machine
    if parameters == ("f",):
        return _volts(not machine.hopper_seems_empty)
    if parameters == ("n",):
        return _volts(len(machine.at(Place.HOPPER)) <= NEAR_EMPTY)
    if parameters == ("o",):
        return _volts(not machine.cover_open)
    return BAD_PARAMETER


def _off_timer(view: View, parameters: tuple[str, ...]) -> str:
    minutes = view.memory.off_after_min
    if parameters == ("1",):
        return "1" if minutes else "0"
    return str(minutes) if parameters == ("2",) else BAD_PARAMETER


def _standby(view: View, parameters: tuple[str, ...]) -> str:
    known = parameters in ((), ("1",), ("2",))
    return str(STANDBY_MIN) if known else BAD_PARAMETER


def _volts(high: bool) -> str:
    return "5,00 Volts" if high else "0,17 Volts"


def _layout(view: View, parameters: tuple[str, ...]) -> str:
    layouts = view.memory.encoder.layouts
    return layouts.get(parameters[0] if parameters else "", BAD_PARAMETER)


def _track(view: View, parameters: tuple[str, ...]) -> str:
    if not view.model.has_encoder:
        return NOT_FITTED
    if len(parameters) != 1 or parameters[0] not in TRACKS:
        return BAD_PARAMETER
    return view.memory.encoder.was_read.get(parameters[0], BLANK_TRACK)


_READERS: dict[str, Callable[[View, tuple[str, ...]], str]] = {
    "Rok": lambda _view, _parameters: "OK",
    "Rtp": _type,
    "Rfv": lambda view, _parameters: view.model.firmware,
    "Rsn": lambda view, _parameters: view.serial,
    "Rkn": lambda view, _parameters: view.head_serial,
    "Roem": lambda _view, _parameters: "0",
    "Rzp": lambda _view, _parameters: "0",
    "Rem": _error_mode,
    "Rrt": _ribbon,
    "Rco": _counter,
    "Rcim": lambda view, _parameters: f"MODE ({view.memory.trays['Pcim']})",
    "Rcem": lambda view, _parameters: f"MODE ({view.memory.trays['Pcem']})",
    "Rcrm": lambda view, _parameters: f"MODE ({view.memory.trays['Pcrm']})",
    "Rpst": lambda view, _parameters: view.words.hexadecimal,
    "Rlr": _card,
    "Rmt": _layout,
    "Rmc": lambda view, _parameters: view.memory.encoder.coercivity,
    "Rmb": _track,
    "Rse": _sensor,
    "Rst": _standby,
    "Rsdc": _off_timer,
    "Rip": lambda _view, _parameters: "127.0.0.1",
    "Renm": lambda _view, _parameters: "255.0.0.0",
    "Regw": lambda _view, _parameters: "127.0.0.1",
    "Rmip": lambda _view, _parameters: "224.0.0.1",
    "Rmac": lambda _view, _parameters: "02:00:00:00:00:01",
}
