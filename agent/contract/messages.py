"""Every message of the contract as a type; limits stand in the types.

Unknown fields are refused, but for names that begin with "x-", which the reader drops
before these types see them. All times are RFC 3339 UTC. No field is a float. What is a
citizen's (layout fields, tracks) turns into `Private` when a struct is made.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec.structs import force_setattr

from agent.contract.private import Private
from protocols.vocabulary import PrinterState

CONTRACT_MINOR = 0
"""The highest minor version of the contract `blanko/v1` that this agent knows."""

JOB_SIZE_MAX = 3 * 2**20
"""Bytes of a job before sealing: document and parts."""

VALID_FOR_MAX = timedelta(days=366)
"""From a job's `issued_at` to its `expires_at`."""

# "No character follows": Python's `$` would let a line feed follow.
END = "(?!.|[^.])"
NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?" + END
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}" + END
PART_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}" + END
KEY_ID_PATTERN = r"^[!-~]{1,64}" + END
KEYWORD_PATTERN = r"^[a-z][a-z0-9-]{0,63}" + END
TIME_PATTERN = (
    r"^2[01][0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?(Z|\+00:00)" + END
)

Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}" + END)]
KeyId = Annotated[str, msgspec.Meta(pattern=KEY_ID_PATTERN)]
Keyword = Annotated[str, msgspec.Meta(pattern=KEYWORD_PATTERN)]
Time = Annotated[
    datetime, msgspec.Meta(tz=True, extra_json_schema={"pattern": TIME_PATTERN})
]
Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Count = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31)]
PartName = Annotated[str, msgspec.Meta(pattern=PART_PATTERN)]
Text = Annotated[str, msgspec.Meta(max_length=200)]


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every message: closed, so that a typing error cannot print a card."""


class JobKind(StrEnum):
    """Why the centre asks for a card."""

    FIRST = "first"
    REPLACEMENT = "replacement"
    CORRECTION = "correction"
    TEST = "test"


class MediaType(StrEnum):
    """What a binary part may be."""

    PNG = "image/png"
    JPEG = "image/jpeg"


class Part(Message, frozen=True, kw_only=True):
    """One binary part that follows the signed document, in this order."""

    name: PartName
    type: MediaType
    size: Annotated[int, msgspec.Meta(ge=1, le=JOB_SIZE_MAX)]  # bytes
    sha256: Sha256


class ImageSide(Message, frozen=True, kw_only=True, tag_field="kind", tag="image"):
    """A finished picture: exactly 1011 × 638 pixels (CR80 at 300 dpi), landscape."""

    part: PartName


class LayoutSide(Message, frozen=True, kw_only=True, tag_field="kind", tag="layout"):
    """Fields that the agent lays out; `parts` gives a part's name for each picture."""

    layout: Annotated[str, msgspec.Meta(max_length=32)]
    fields: Annotated[dict[PartName, Text], msgspec.Meta(max_length=64)]
    parts: Annotated[dict[PartName, PartName], msgspec.Meta(max_length=8)] = {}
    labels: bool = True  # print the field names too

    def __post_init__(self) -> None:
        hidden = {name: Private(value) for name, value in self.fields.items()}
        force_setattr(self, "fields", hidden)


class Sides(Message, frozen=True, kw_only=True):
    """The faces of the card."""

    front: ImageSide | LayoutSide
    back: ImageSide | LayoutSide | None = None


class Magstripe(Message, frozen=True, kw_only=True):
    """Tracks of ISO/IEC 7811, without sentinels."""

    track_1: Annotated[str, msgspec.Meta(max_length=76)] | None = None
    track_2: Annotated[str, msgspec.Meta(max_length=37)] | None = None
    track_3: Annotated[str, msgspec.Meta(max_length=104)] | None = None

    def __post_init__(self) -> None:
        for name in ("track_1", "track_2", "track_3"):
            if (track := getattr(self, name)) is not None:
                force_setattr(self, name, Private(track))


class Job(Message, frozen=True, kw_only=True):
    """One card asked for by the centre: the signed document of a `blanko-job`.

    `station`, `printer` and `rkid` stand under the signature, so that a job cannot be
    sealed again for another agent.
    """

    contract: Natural = 0  # the minor version this document needs
    job_id: Id
    queue_no: Natural  # its place in the queue of one printer; gaps are normal
    station: Name
    printer: Name
    rkid: KeyId  # of the agent's key that the envelope is sealed for
    issued_at: Time
    expires_at: Time
    not_before: Time | None = None
    kind: JobKind
    subject: Id  # opaque, one for a person for ever; never a NIK nor its hash
    reprint_of: Id | None = None
    reason: Text | None = None  # of the centre's officer; names no citizen
    blanks: Annotated[int, msgspec.Meta(ge=1, le=9)] = 2  # it may use, spoiled ones too
    sides: Sides
    magstripe: Magstripe | None = None
    ribbon: Annotated[str, msgspec.Meta(min_length=1, max_length=16)] | None = None
    overlay: bool = True
    parts: Annotated[list[Part], msgspec.Meta(max_length=8)] = []

    def __post_init__(self) -> None:
        require_utc(self, "issued_at", "expires_at", "not_before")
        if self.expires_at <= self.issued_at:
            raise ValueError("`expires_at` must be later than `issued_at`")
        if self.expires_at - self.issued_at > VALID_FOR_MAX:
            days = VALID_FOR_MAX.days
            raise ValueError(
                f"`expires_at` must be {days} days after `issued_at` at most"
            )
        if self.not_before is not None and self.not_before >= self.expires_at:
            raise ValueError("`not_before` must be earlier than `expires_at`")


class Ack(Message, frozen=True, kw_only=True):
    """The signed document of a `blanko-ack`: the centre holds every line up to `no`."""

    station: Name
    printer: Name
    ledger: Id
    no: Natural  # 0: nothing yet
    hash: Sha256  # of line `no`; 64 zeros when `no` is 0
    at: Time
    nonce: Id | None = None  # of the last `ask`, echoed

    def __post_init__(self) -> None:
        require_utc(self, "at")


class Ask(Message, frozen=True, kw_only=True):
    """After each connect: the accepted jobs that have not ended; the rest is wanted."""

    nonce: Id
    boot: Id
    ledger: Id
    accepted: list[Id]


class Online(Message, frozen=True, kw_only=True):
    """Birth, and as the will death, of one connection."""

    online: bool
    connection: Natural
    boot: Id


class Clock(StrEnum):
    """Whether the agent's time is confirmed."""

    SURE = "sure"
    UNSURE = "unsure"


class CurrentJob(Message, frozen=True, kw_only=True):
    """The job whose attempt is open."""

    job: Id
    state: str
    attempt: Natural
    stage: str


class Ribbon(Message, frozen=True, kw_only=True):
    """The ribbon in the printer; `left` and `capacity` in sets, one a side."""

    kind: str
    serial: str
    left: Natural | None
    capacity: Natural | None


class LedgerHead(Message, frozen=True, kw_only=True):
    """The newest event."""

    ledger: Id
    no: Natural
    hash: Sha256
    acked: Natural


class PrinterIdentity(Message, frozen=True, kw_only=True):
    """Who the printer says it is."""

    family: str
    model: str
    serial: str
    firmware: str


class Duty(Message, frozen=True, kw_only=True):
    """How hard the printer is worked, and when that will have made every card.

    The ends are the earliest: as if it printed day and night, and nothing went wrong.
    """

    rests_for: Keyword | None  # the state reason why no new card starts; null: one may
    rests_until: Time | None  # null, with a reason: until the printer is cool
    cards_a_day: Natural  # that the setting and the time of a card allow, day and night
    queue_ends_at: Time | None  # null: no job waits
    run_left: Natural | None  # of the cards that this printer is to make in all
    run_ends_at: Time | None


class State(Message, frozen=True, kw_only=True):
    """The whole picture, retained: on connect, on change, every five minutes."""

    contract: Natural
    version: str  # of the agent
    boot: Id
    connection: Natural
    at: Time
    clock: Clock
    printer_state: PrinterState
    state_reasons: list[Keyword]
    accepting: bool
    queued: Natural
    current: CurrentJob | None
    stock: dict[str, Count]  # blanks by place
    ribbon: Ribbon | None
    printer: PrinterIdentity | None
    head: LedgerHead
    unsigned_jobs: bool  # true: the station takes jobs nobody signed
    paused_by: list[Keyword] = []  # centre, operator, system: who lets no card start
    refused: dict[Keyword, Natural] = {}  # messages since this boot, by the reason
    redelivered: Natural = 0  # jobs that came again since this boot; none was printed
    duty: Duty | None = None  # null: no agent is at work here


class RejectReason(StrEnum):
    """Why a job was refused at the door; the comment says when a retry makes sense."""

    MALFORMED = "malformed"  # never
    TOO_LARGE = "too-large"  # never
    WRONG_PRINTER = "wrong-printer"  # never
    EXPIRED = "expired"  # never
    DUPLICATE_DIFFERS = "duplicate-differs"  # never; the first job stands
    CANCELED = "canceled"  # never
    IMAGE_BAD = "image-bad"  # never
    LAYOUT_BAD = "layout-bad"  # never: a field missing, unknown, or too long to print
    UNSUPPORTED = "unsupported"  # never: this printer cannot do what the job asks
    VERSION = "version"  # never
    SECOND_FIRST = "second-first"  # never: a first card for this subject was taken
    FATE_OPEN = "fate-open"  # later: the job that this one replaces has not ended
    RETIRED = "retired"  # never: this agent takes no job any more
    STORAGE_FULL = "storage-full"  # later
    BEFORE_LEDGER = "before-ledger"  # never: may have been printed before a loss
    CLOCK_UNSURE = "clock-unsure"  # later
    UNKNOWN_KEY = "unknown-key"  # other-key
    BAD_SIGNATURE = "bad-signature"  # other-key


class Retry(StrEnum):
    """What the centre should do about a refused job."""

    NEVER = "never"
    LATER = "later"
    OTHER_KEY = "other-key"


class Outcome(StrEnum):
    """What became of an attempt's blank."""

    GOOD = "good"
    SPOILED = "spoiled"
    UNTOUCHED = "untouched"
    TEST = "test"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a blank was spoiled; the field's four words, exactly."""

    GAGAL_ENCODE = "gagal-encode"
    GAGAL_CETAK = "gagal-cetak"
    RUSAK = "rusak"
    PERUBAHAN_ELEMEN_DATA = "perubahan-elemen-data"


RETRY: dict[RejectReason, Retry] = {
    RejectReason.STORAGE_FULL: Retry.LATER,
    RejectReason.CLOCK_UNSURE: Retry.LATER,
    RejectReason.FATE_OPEN: Retry.LATER,
    RejectReason.UNKNOWN_KEY: Retry.OTHER_KEY,
    RejectReason.BAD_SIGNATURE: Retry.OTHER_KEY,
}
"""What to do about each reason; a reason that is missing here means `Retry.NEVER`."""


def require_utc(message: Message, *names: str) -> None:
    """Refuse a time with an offset, or of another age than ours.

    Raises:
        ValueError: names the field; msgspec adds where in the message it stands.
    """
    for name in names:
        time: datetime | None = getattr(message, name)
        if time is None:
            continue
        if time.utcoffset() != timedelta(0):
            raise ValueError(f"`{name}` must be in UTC, written with Z")
        if not 2000 <= time.year < 2200:
            raise ValueError(f"`{name}` must be in a year from 2000 to 2199")
