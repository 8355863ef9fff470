"""What the agent may ask of any printer family, and what a family can prove.

The agent knows this page and nothing below it. Two seams are declared here:
`Transport` (a byte pipe) and `Driver` (a printer that works card by card, in one of two
ways: `StepwiseDriver`, `WholeJobDriver`); `WireSink` reads along with the first, and
`PrinterClass` is what some links offer beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Protocol

from protocols.vocabulary import (
    CardPosition,
    CardSide,
    Panel,
    PrinterState,
    Reason,
)

if TYPE_CHECKING:
    from PIL import Image


class EndOfStream(Enum):
    """The other side has closed: no byte will follow. Never spelled as `b""`."""

    END = "end"


@dataclass(frozen=True, slots=True)
class PortStatus:
    """A printer's port at one moment, as GET_PORT_STATUS of the USB class tells it."""

    value: int  # one byte; families may know more of it than the class says

    @property
    def paper_empty(self) -> bool:
        return bool(self.value & 0x20)

    @property
    def selected(self) -> bool:
        return bool(self.value & 0x10)

    @property
    def error(self) -> bool:
        return not self.value & 0x08


class PrinterClass(Protocol):
    """Three requests that pass beside the byte pipe, so also in the midst of a job.

    Source: USB Device Class Definition for Printing Devices 1.1, section 4.2. Each is
    allowed between `open` and `close` of its transport, also while a read or a write
    waits, and raises `TransportError` on failure.
    """

    async def device_id(self) -> str:
        """The IEEE-1284 id, such as `MFG:Acme;MDL:Enduro;`, without its length."""
        ...

    async def port_status(self) -> PortStatus: ...

    async def soft_reset(self) -> None:
        """Have the printer forget what it was sent and has not carried out."""
        ...


class Transport(Protocol):
    """A byte pipe to one printer. Every method raises `TransportError` on failure.

    A transport knows no protocol and never retries. It may be opened again after
    `close`; each opening is a new connection.
    """

    @property
    def name(self) -> str:
        """How a technician would write it, such as `tcp 127.0.0.1:9100`."""
        ...

    @property
    def exchange_per_connection(self) -> bool:
        """True where a printer ends each reply by closing (raw TCP port)."""
        ...

    @property
    def beside(self) -> PrinterClass | None:
        """What can be asked beside the stream; None where the link has no such way."""
        ...

    async def open(self) -> None: ...

    async def write(self, data: bytes) -> None:
        """Hand over all of `data`; returning does not prove that the printer has it."""
        ...

    async def finish(self) -> None:
        """Say that the request is whole (half-close), where a link can say that."""
        ...

    async def read(self, size_max: int) -> bytes | EndOfStream:
        """Return at least one byte, or END once the printer has closed its side."""
        ...

    async def close(self) -> None:
        """Close at once; closing twice is allowed, and never raises."""
        ...


class Happening(StrEnum):
    """What may be told of a transport."""

    OPEN = "open"
    OUT = "out"  # told before the bytes are handed on: some of them may arrive
    FINISH = "finish"
    IN = "in"
    END = "end"  # the printer has closed its side, or answered where a link stays open
    CLOSE = "close"  # we have, or ask the next thing there
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One thing that happened on a transport."""

    at_s: float  # monotonic
    what: Happening
    data: bytes = b""  # of OUT and IN
    detail: str = ""  # of OPEN the transport's name, of FAILURE what went wrong


class WireSink(Protocol):
    """Whoever reads along. Neither member may wait or raise."""

    @property
    def wanted(self) -> bool:
        """Asked at each opening: whether this connection is told at all."""
        ...

    def tell(self, event: WireEvent) -> None: ...


class CountsAt(StrEnum):
    """The moment of a card's way at which a printer's counter moves."""

    FEED = "feed"
    START = "start"  # the first panel of a set
    END = "end"  # the last panel lies on the card, which may still be inside


@dataclass(frozen=True, slots=True)
class Ribbon:
    """The panels of one set, in ribbon order, and what a set prints."""

    front: tuple[Panel, ...]
    back: tuple[Panel, ...] | None = None  # None: a back takes a whole set of its own

    def panels(self, side: CardSide) -> tuple[Panel, ...]:
        """Return the panels that this side of a card is printed with."""
        if side is CardSide.FRONT or self.back is None:
            return self.front
        return self.back

    def sets_for(self, side_count: int) -> int:
        """How many sets a card with so many printed sides uses up."""
        return side_count if self.back is None else 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do, and which evidence its family can give of a card's fate.

    What no source proves is given its weaker word here.
    """

    family: str
    model: str
    dpi: int
    width_px: int  # printable area of a card lying in landscape
    height_px: int
    two_sided: bool
    reject_bin: bool
    ribbons: Mapping[str, Ribbon]  # by kind
    feed_counter: CountsAt | None  # of cards; None: the model has no such counter
    ribbon_counter: CountsAt | None  # of ribbon sets left
    faults_latch: bool  # a fault stays visible until the host clears it
    power_canary: bool  # a value that is lost with the printer's power
    status_beside_job: bool  # status can be had outside the stream of a job
    longest_card_s: float  # from feed to output, two sides
    settle_gap_s: float  # between the two equal observations that mean "settled"
    # It feeds by itself, and ejects once it has the last byte: a `WholeJobDriver`.
    whole_job: bool = False
    stripe: bool = False  # it writes a magnetic stripe: a `StripeDriver`
    cleaning: bool = False  # it can be told to clean itself: a `CleanableDriver`
    cleaning_cards: int = 0  # what a cleaning card moves `Observation.cards_fed` by


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers. Empty text: this model does not say."""

    model: str
    serial: str
    firmware: str
    head_serial: str


@dataclass(frozen=True, slots=True)
class Status:
    """One cheap look: safe at any time, moves nothing, asks for no counter."""

    state: PrinterState
    reasons: frozenset[Reason]
    card: CardPosition
    busy: bool  # a job, a motion or a claim is under way
    session_foreign: bool  # another host holds the printer
    restarted: bool  # the printer says that it was switched on or reset since


@dataclass(frozen=True, slots=True)
class Supplies:
    """Ribbon in use; what a set prints: `Ribbon.sets_for`."""

    ribbon_kind: str  # a key of `Capabilities.ribbons`, or the vendor's word
    ribbon_serial: str
    ribbon_left: int | None  # sets
    ribbon_capacity: int | None  # sets, when new


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a printer can prove at one moment. Equal ones mean nothing moved."""

    status: Status
    identity: Identity
    supplies: Supplies
    cards_fed: int | None  # moves as `Capabilities.feed_counter` says
    canary: str | None  # None: none, not readable, or as after any power-up
    cards_counter: str = ""  # which one `cards_fed` is of; two are never compared
    panels_printed: int | None = None  # moves within a card; None: no such counter


@dataclass(frozen=True, slots=True)
class SidePlanes:
    """The images for the panels of one side of a card, in landscape.

    Each plane is a Pillow image of mode "L", exactly `width_px` × `height_px` of the
    model: 0 no dye, 255 full dye; for K and O only 0 and 255 occur.
    """

    side: CardSide
    planes: Mapping[Panel, Image.Image]


@dataclass(frozen=True, slots=True)
class PreparedCard:
    """A card's panels in the form the wire wants, made before any blank moves."""

    sides: tuple[tuple[CardSide, tuple[tuple[Panel, bytes], ...]], ...]
    ribbon_kind: str
    digest: str
    """SHA-256, in hex, of all panel bytes as they will be sent, in order of sending."""
    tracks: tuple[tuple[int, str], ...] = ()
    """Data of its magnetic stripe by track: a person's, so in no digest and no log."""


class Driver(Protocol):
    """A printer, whichever way it makes its cards.

    Call order: `open`, then per card `claim`, the card's own way, `release`. `observe`
    and `status` fit anywhere. Each motion returns only when the printer reports it
    done; each raises `PrinterError` with the card's fate, after which the driver is
    spent. No method retries a motion.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    async def open(self) -> Identity:
        """Reach the printer and learn who it is; takes no blank and begins no card.

        A whole job that a dead process of ours left waiting is let end;
        what became of its card stays unknown.

        Raises:
            DeviceError: another model than configured answers.
        """
        ...

    async def status(self) -> Status: ...

    async def observe(self) -> Observation: ...

    def prepare(self, sides: Sequence[SidePlanes], ribbon_kind: str) -> PreparedCard:
        """Pack the planes for the wire (CPU only: call it in a thread).

        Raises:
            LocalProtocolError: a plane of another size, an unknown ribbon kind, or a
                side this model cannot print.
        """
        ...

    async def claim(self) -> str | None:
        """Take the printer for ourselves and switch its own retries off, read back.

        Returns the power canary as it now stands (see `Capabilities.power_canary`).
        """
        ...

    async def finish_print(self) -> None:
        """Wait until every panel is on the card: inside, or out where it ejects."""
        ...

    async def reject(self) -> None:
        """Move the card inside to the reject bin.

        Raises:
            LocalProtocolError: this model has none.
        """
        ...

    async def clear_fault(self) -> None:
        """Acknowledge latched faults after a person has removed their cause."""
        ...

    async def release(self) -> None:
        """Give the printer free for other hosts."""
        ...

    async def close(self) -> None: ...


class StepwiseDriver(Driver, Protocol):
    """A printer whose cards are moved step by step by the host.

    A card's way: `feed print_side… finish_print`, then one of `deliver` or `reject`.
    """

    async def feed(self) -> None:
        """Move one blank from the hopper to the print position."""
        ...

    async def print_side(self, card: PreparedCard, side: CardSide) -> None:
        """Send one side's panels; returns when the printer has taken every byte."""
        ...

    async def deliver(self) -> None:
        """Move the card inside to the output hopper."""
        ...


class WholeJobDriver(Driver, Protocol):
    """A printer that is sent a card as one job, and feeds and ejects by itself.

    A card's way: `send_job send_last finish_print`. What `send_last` sends is held
    back on purpose: without it the printer cannot eject a finished card.
    """

    async def send_job(self, card: PreparedCard) -> None:
        """Send all but the last bytes; an error before the first says `UNTOUCHED`."""
        ...

    async def send_last(self) -> None:
        """Send the last bytes; returns when the printer has taken every byte."""
        ...


class StripeDriver(Driver, Protocol):
    """A printer that writes a card's magnetic stripe in the course of its making."""

    def with_stripe(
        self, card: PreparedCard, tracks: Mapping[int, str]
    ) -> PreparedCard:
        """Return the card with `tracks`, by number and without sentinels.

        Raises:
            LocalProtocolError: no track, one that does not exist, or data that it
                cannot bear. Says where, never what.
        """
        ...


class Confidence(StrEnum):
    """Why a family and a model are believed to be the right ones."""

    HIGH = "high"  # the printer names itself
    MEDIUM = "medium"  # its product number stands for that model alone
    LOW = "low"  # the family is sure; the model is not known
    NONE = "none"  # nobody here knows it


@dataclass(frozen=True, slots=True)
class Recognised:
    """A family, and its model as a configuration would name it, if that is known."""

    family: str
    model: str | None
    confidence: Confidence
    candidates: tuple[str, ...] = ()  # where the model is not known; empty: any


@dataclass(frozen=True, slots=True)
class Sighting:
    """One printer that is attached or was reached."""

    uri: str  # as a configuration would name it
    told: str  # what it says of itself, and where it is
    serial: str  # empty: it did not say
    recognised: Recognised | None
    note: str = ""  # what a technician should know or do


class CleaningDue(Protocol):
    """How far the next cleaning is, in cards; None: the printer does not say."""

    @property
    def until_advised(self) -> int | None:
        """Below 0: it has been advised for so many cards."""
        ...

    @property
    def until_overdue(self) -> int | None:
        """Below 0: it has been overdue for so many cards."""
        ...


class Maintenance(Protocol):
    """What may be asked of a printer between two cards.

    Each raises `PrinterError` as the driver's own members do, and spends the driver.
    """

    async def cleaning(self) -> CleaningDue:
        """Moves nothing."""
        ...

    async def clean(self) -> None:
        """Run a cleaning, after `claim`; a person has prepared the printer for it."""
        ...


class CleanableDriver(Driver, Protocol):
    """A printer that can be told to clean itself; takes no blank for it."""

    @property
    def maintenance(self) -> Maintenance: ...
