"""Every command that a card needs, as a table: what it is on the wire, how long its
answer may take, and whether it may have touched a card. Fact ids: PROTOCOL.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Op(Enum):
    """What we ask for, in our words."""

    POLL = auto()
    STATUS_WORDS = auto()  # the same where no connection can be empty
    ENABLE_STATUS = auto()
    MODEL = auto()
    FIRMWARE = auto()
    SERIAL = auto()
    HEAD_SERIAL = auto()
    RIBBON = auto()
    CARD_COUNTER = auto()
    OLD_CARD_COUNTER = auto()
    RESERVE = auto()
    RELEASE = auto()
    HOST_DECIDES = auto()
    WHO_DECIDES = auto()
    CLEAR_FAULT = auto()
    FEED = auto()
    BEGIN = auto()
    FRONT = auto()
    BACK = auto()
    PANEL = auto()
    JOB = auto()  # a whole card in one stream
    JOB_END = auto()  # and what lets it go
    EJECT = auto()
    EJECT_STRAY = auto()
    REJECT = auto()
    # Maintenance.
    ALIVE = auto()
    INPUT_TRAY = auto()
    OUTPUT_TRAY = auto()
    ERROR_TRAY = auto()
    SET_INPUT_TRAY = auto()
    SET_OUTPUT_TRAY = auto()
    SET_ERROR_TRAY = auto()
    CLEANING = auto()
    OLD_CLEANINGS = auto()
    OLD_CLEANING_DUE = auto()
    OLD_ADVANCED_CLEANINGS = auto()
    CLEAN = auto()
    RESET = auto()
    # The magnetic stripe.
    COERCIVITY = auto()
    TRACK_FORMAT = auto()
    TRACK_DATA = auto()
    WRITE_TRACKS = auto()
    READ_TRACKS = auto()
    TRACK_TEXT = auto()


class Answer(Enum):
    """The form of a good reply's text; a text `ERR…` is a refusal whatever the form."""

    STATUS = auto()  # no text at all, the trailer says everything
    OK = auto()
    TEXT = auto()
    PAIRS = auto()  # lines `key:value`
    IGNORED = auto()  # of many commands: the status must be asked for afterwards


@dataclass(frozen=True, slots=True)
class Command:
    op: Op
    word: str  # empty: the request is an empty connection
    fixed: tuple[str, ...]  # parameters that never change
    free_count: int  # parameters that the caller adds
    answer: Answer
    reply_timeout_s: float
    moves_card: bool  # once sent, never send again without a person
    fact: str
    private: bool = False  # what it carries or brings is shown to nobody

    def __str__(self) -> str:
        return ";".join((self.word, *self.fixed)) if self.word else "a status poll"


STATUS_TIMEOUT_S = 4.0  # EVO-05: what the vendor's program allows a transfer
READ_TIMEOUT_S = 10.0
MOTION_TIMEOUT_S = 60.0  # EVO-05: the longest motion seen is some 15 s
CLEAN_TIMEOUT_S = 300.0  # guessed: EVO-85
JOB_TIMEOUT_S = 300.0  # EVO-71: what the vendor's program allows a whole card
PANEL_TIMEOUT_S = 60.0  # guessed: EVO-34, it may wait for the panels before it
OF_THE_STRIPE = ("Dm", "Rmb", "Smr")  # they carry or read what a card holder has


def _asks(op: Op, words: str, answer: Answer, fact: str, free: int = 0) -> Command:
    word, *fixed = words.split(";")
    return Command(
        op,
        word,
        tuple(fixed),
        free,
        answer,
        READ_TIMEOUT_S,
        moves_card=False,
        fact=fact,
        private=word in OF_THE_STRIPE,
    )


def _moves(op: Op, word: str, timeout_s: float, fact: str, free: int = 0) -> Command:
    return Command(op, word, (), free, Answer.OK, timeout_s, moves_card=True, fact=fact)


def _streams(op: Op, words: str, fact: str) -> Command:
    """Many commands at once, named by their first."""
    word, *fixed = words.split(";")
    return Command(
        op,
        word,
        tuple(fixed),
        0,
        Answer.IGNORED,
        JOB_TIMEOUT_S,
        moves_card=True,
        fact=fact,
    )


COMMANDS: dict[Op, Command] = {
    row.op: row
    for row in (
        Command(
            Op.POLL,
            "",
            (),
            0,
            Answer.STATUS,
            STATUS_TIMEOUT_S,
            moves_card=False,
            fact="EVO-06",
        ),
        _asks(Op.STATUS_WORDS, "Rpst", Answer.TEXT, "EVO-89"),
        _asks(Op.ENABLE_STATUS, "Pps;1", Answer.OK, "EVO-11"),
        _asks(Op.MODEL, "Rtp", Answer.TEXT, "EVO-14"),
        _asks(Op.FIRMWARE, "Rfv", Answer.TEXT, "EVO-14"),
        _asks(Op.SERIAL, "Rsn", Answer.TEXT, "EVO-14"),
        _asks(Op.HEAD_SERIAL, "Rkn", Answer.TEXT, "EVO-14"),
        _asks(Op.RIBBON, "Rrt;all", Answer.PAIRS, "EVO-15"),
        _asks(Op.CARD_COUNTER, "Rco;card", Answer.PAIRS, "EVO-17"),
        _asks(Op.OLD_CARD_COUNTER, "Rco;c", Answer.TEXT, "EVO-59"),
        _asks(Op.RESERVE, "Psid", Answer.OK, "EVO-18", free=2),
        _asks(Op.RELEASE, "Psid;0;45", Answer.OK, "EVO-18"),
        _asks(Op.HOST_DECIDES, "Pem;2", Answer.OK, "EVO-20"),
        _asks(Op.WHO_DECIDES, "Rem;1", Answer.TEXT, "EVO-20"),
        _asks(Op.CLEAR_FAULT, "Scs", Answer.OK, "EVO-22"),
        _moves(Op.FEED, "Si", MOTION_TIMEOUT_S, "EVO-30"),
        _moves(Op.BEGIN, "Ss", MOTION_TIMEOUT_S, "EVO-31"),
        _moves(Op.FRONT, "Sr", MOTION_TIMEOUT_S, "EVO-31"),
        _moves(Op.BACK, "Sv", MOTION_TIMEOUT_S, "EVO-32"),
        _moves(Op.PANEL, "Db", PANEL_TIMEOUT_S, "EVO-33", free=2),
        _streams(Op.JOB, "Psync;1;0", "EVO-70"),
        _streams(Op.JOB_END, "Pcla;0", "EVO-71"),
        _moves(Op.EJECT, "Se", MOTION_TIMEOUT_S, "EVO-36"),
        _moves(Op.EJECT_STRAY, "Sce", MOTION_TIMEOUT_S, "EVO-37"),
        _moves(Op.REJECT, "Ser", MOTION_TIMEOUT_S, "EVO-38"),
        _asks(Op.ALIVE, "Rok", Answer.TEXT, "EVO-80"),
        _asks(Op.INPUT_TRAY, "Rcim", Answer.TEXT, "EVO-81"),
        _asks(Op.OUTPUT_TRAY, "Rcem", Answer.TEXT, "EVO-81"),
        _asks(Op.ERROR_TRAY, "Rcrm", Answer.TEXT, "EVO-81"),
        _asks(Op.SET_INPUT_TRAY, "Pcim", Answer.OK, "EVO-82", free=1),
        _asks(Op.SET_OUTPUT_TRAY, "Pcem", Answer.OK, "EVO-82", free=1),
        _asks(Op.SET_ERROR_TRAY, "Pcrm", Answer.OK, "EVO-82", free=1),
        _asks(Op.CLEANING, "Rco;clean", Answer.PAIRS, "EVO-83"),
        _asks(Op.OLD_CLEANINGS, "Rco;n", Answer.TEXT, "EVO-84"),
        _asks(Op.OLD_CLEANING_DUE, "Rco;clp", Answer.TEXT, "EVO-84"),
        _asks(Op.OLD_ADVANCED_CLEANINGS, "Rco;cnac", Answer.TEXT, "EVO-84"),
        _moves(Op.CLEAN, "Scp", CLEAN_TIMEOUT_S, "EVO-85"),
        _moves(Op.RESET, "Srs", READ_TIMEOUT_S, "EVO-80"),
        _asks(Op.COERCIVITY, "Pmc", Answer.OK, "EVO-86", free=1),
        _asks(Op.TRACK_FORMAT, "Pmt", Answer.OK, "EVO-86", free=2),
        _asks(Op.TRACK_DATA, "Dm", Answer.OK, "EVO-86", free=2),
        _moves(Op.WRITE_TRACKS, "Smw", MOTION_TIMEOUT_S, "EVO-86"),
        _moves(Op.READ_TRACKS, "Smr", MOTION_TIMEOUT_S, "EVO-87"),
        _asks(Op.TRACK_TEXT, "Rmb", Answer.TEXT, "EVO-87", free=1),
    )
}
