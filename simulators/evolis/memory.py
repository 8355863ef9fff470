"""What the printer remembers beside its mechanism, and the `P…` commands that set it.

All but the trays and the timer is volatile: a power-up or a reset brings the defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.evolis.magnetic import Encoder
from simulators.evolis.wire import Command

OK = "OK"
UNKNOWN_COMMAND = "ERROR CDE"
BAD_PARAMETER = "ERROR PARAMETRES"

# Words a print job carries that change nothing this emulator models.
_ACCEPTED = frozenset(
    (
        *("Psync", "Psmgr", "Ppws", "Ppmode", "Pwres", "Psk", "Piqla"),
        *("Peoic", "Pc", "Pl", "Pida", "Pmi", "Pdt", "Pneab", "Pbc", "Pfs"),
    )
)
# `Pr;ymcko` in the older way, `Pr;0;t` by type number in the newer one.
_RIBBON_WORDS = frozenset(
    (
        *("ymcko", "ymckos", "ymckok", "kb", "kw", "kr", "kbl", "kgr", "kgo", "ksi"),
        *("ksc", "ko", "k", "h", "ho", "ktc", "ktp", "ka"),
    )
)
_RIBBON_TYPES = frozenset(
    str(number)
    for number in (
        *(0, 1, 3, 4, 5, 9, 10, 12, 13, 16, 91, 100, 101, 102, 103, 105, 106, 107, 108),
        *(112, 114, 115, 116, 1000, 1001, 1002, 1003, 1004, 1005, 1050, 1051, 1100),
        2000,
    )
)
OFF_AFTER_MAX_MIN = 1440
_ERROR_MODES = frozenset(["0", "1", "2", "3", "4", "5", "16", "18"])
_TRAY_LETTERS = {"Pcim": "FMCIBNR", "Pcem": "DMRNIKL", "Pcrm": "DRMIKL"}


@dataclass(slots=True)
class Session:
    """One host's hold on the printer; it ends after `lasts_s` without a command."""

    number: int = 0
    lasts_s: float = 0.0
    ends_s: float = 0.0

    def at(self, now_s: float) -> int:
        """Its number, 0 when nobody holds the printer."""
        return self.number if now_s < self.ends_s else 0

    def command_came(self, now_s: float) -> None:
        if self.at(now_s):
            self.ends_s = now_s + self.lasts_s


@dataclass(slots=True)
class Memory:
    error_mode: str = "0"  # Pem: 0 the printer manages errors, 2 the host does
    saved_error_mode: str = "0"
    claimed: bool = False
    claim_ending: bool = False
    job_broken: bool = False  # a fault ended a claimed job: the rest of it is dropped
    answers_status: bool = True  # Pps
    off_after_min: int = 0  # Psdc: 0: it never switches itself off
    may_feed: bool = False  # Ss came: the first panel takes a blank if none is there
    restarted: bool = True  # switched on or reset, and not yet told to do anything
    session: Session = field(default_factory=Session)
    encoder: Encoder = field(default_factory=Encoder)
    trays: dict[str, str] = field(
        default_factory=lambda: {"Pcim": "F", "Pcem": "D", "Pcrm": "D"}
    )

    def after_restart(self, *, answers_status: bool) -> Memory:
        """The memory as it is after power-up or reset."""
        return Memory(
            answers_status=answers_status,
            trays=self.trays,
            off_after_min=self.off_after_min,
        )

    def lasting(self) -> dict[str, str]:
        """What is kept without power, by the word that sets it."""
        return {**self.trays, "Psdc": str(self.off_after_min)}

    def remind(self, kept: dict[str, str]) -> None:
        """Take what `lasting` once returned."""
        self.trays = {word: kept[word] for word in self.trays}
        self.off_after_min = int(kept["Psdc"])

    def set_parameter(self, command: Command, now_s: float) -> str:
        """Carry out a `P…` command; return the answer's text."""
        word, parameters = command.word, command.parameters
        if word in _ACCEPTED:
            return OK
        if word in _TRAY_LETTERS:
            return self._set_tray(word, parameters)
        setter = _SETTERS.get(word)
        if setter is None:
            return UNKNOWN_COMMAND
        return OK if setter(self, parameters, now_s) else BAD_PARAMETER

    def _set_tray(self, word: str, parameters: tuple[str, ...]) -> str:
        letter = parameters[0] if parameters else ""
        if len(letter) != 1 or letter not in _TRAY_LETTERS[word]:
            return BAD_PARAMETER
        self.trays[word] = letter
        return OK


def _set_error_mode(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    if not parameters or parameters[0] not in _ERROR_MODES:
        return False
    memory.error_mode = parameters[0]
    return True


def _set_session(memory: Memory, parameters: tuple[str, ...], now_s: float) -> bool:
    if len(parameters) != 2 or not all(text.isdecimal() for text in parameters):
        return False
    number, lasts_s = int(parameters[0]), int(parameters[1])
    if number > 0xFFFF or not 0 < lasts_s <= 86400:
        return False
    holder = memory.session.at(now_s)
    if number == 0:
        memory.session = Session()
    elif holder in (0, number):
        memory.session = Session(number, lasts_s, now_s + lasts_s)
    # Another's session stays: the answer is OK all the same, the trailer tells.
    return True


def _set_claim(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    if parameters not in (("0",), ("1",)):
        return False
    memory.claim_ending = parameters == ("0",)
    memory.job_broken = False
    memory.claimed = memory.claimed or parameters == ("1",)
    return True


def _set_status(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    if parameters not in (("0",), ("1",)):
        return False
    memory.answers_status = parameters == ("1",)
    return True


def _set_off_timer(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    """`Psdc;D` or `Psdc;E;minutes`; to switch off at once is no parameter's matter."""
    if parameters == ("D",):
        memory.off_after_min = 0
        return True
    if len(parameters) != 2 or parameters[0] != "E":
        return False
    if not (parameters[1].isascii() and parameters[1].isdecimal()):
        return False
    minutes = int(parameters[1][:5])
    if not 0 < minutes <= OFF_AFTER_MAX_MIN:
        return False
    memory.off_after_min = minutes
    return True


def _set_ribbon(_: Memory, parameters: tuple[str, ...], __: float) -> bool:
    if len(parameters) == 2 and parameters[1] == "t":
        return parameters[0] in _RIBBON_TYPES
    return len(parameters) == 1 and parameters[0] in _RIBBON_WORDS


def _set_layout(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    return memory.encoder.set_layout(parameters)


def _set_coercivity(memory: Memory, parameters: tuple[str, ...], _: float) -> bool:
    return memory.encoder.set_coercivity(parameters)


_SETTERS: dict[str, Callable[[Memory, tuple[str, ...], float], bool]] = {
    "Pem": _set_error_mode,
    "Psid": _set_session,
    "Pcla": _set_claim,
    "Pps": _set_status,
    "Psdc": _set_off_timer,
    "Pr": _set_ribbon,
    "Pmt": _set_layout,
    "Pmc": _set_coercivity,  # told in each job, an encoder fitted or not
}
