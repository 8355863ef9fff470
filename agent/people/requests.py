"""What the control socket may be asked to write down, and who stands for it.

A PIN in a request is `Private`: it can be checked, and is shown to nobody.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec.structs import force_setattr

from agent.contract.events import Found, Item, PersonId, Place, StockCause
from agent.contract.messages import Cause, Id, Natural, Sha256
from agent.contract.operation_events import Operation
from agent.contract.private import Private

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Paper = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Pin = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
# Judged by the books and not here, so that a refusal is put on record.
Number = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31)]


class Request(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="do",
):
    """Base of every request: closed, so that a typing error is not ignored."""


class Named(Request, frozen=True, kw_only=True):
    """A request that is written down, and by whom; `pin` proves it."""

    who: Who | None = None
    pin: Pin | None = None

    def __post_init__(self) -> None:
        for name in ("pin", "second_pin"):
            if (pin := getattr(self, name, None)) is not None:
                force_setattr(self, name, Private(pin))


class Signed(Named, frozen=True, kw_only=True):
    """A request that a second person may stand for at once."""

    second: PersonId | None = None
    second_pin: Pin | None = None


class Resolve(Signed, frozen=True, kw_only=True, tag="resolve"):
    """A person says where the card of a job in doubt was found."""

    job: Id
    found: Found
    good: bool | None = None  # needed for `output`, where it decides the job
    reason: Reason
    bin_count: Number | None = None  # where it was found, this one included


class Inspect(Named, frozen=True, kw_only=True, tag="inspect"):
    """A person found the card of a completed job bad, and threw it out."""

    job: Id
    cause: Cause
    destination: Place = Place.REJECT_BIN
    reason: Reason


class StockLoad(Signed, frozen=True, kw_only=True, tag="stock-load"):
    """A person put blanks into the hopper."""

    count: Number


class StockMove(Signed, frozen=True, kw_only=True, tag="stock-move"):
    """A person moved blanks; places that follow from the cause need not be named."""

    cause: StockCause
    count: Number
    source: Place | None = None
    destination: Place | None = None
    item: Item = Item.BLANK
    reason: Reason | None = None
    record: Paper | None = None
    record_sha256: Sha256 | None = None


class StockCount(Named, frozen=True, kw_only=True, tag="stock-count"):
    """A person counted a place."""

    place: Place
    count: Number


class StockConfirm(Named, frozen=True, kw_only=True, tag="stock-confirm"):
    """A second person stands for a movement that waits for one."""

    movement: Natural  # the number of its event


class Pause(Named, frozen=True, kw_only=True, tag="pause"):
    """A person wants no new card to start."""

    reason: Reason


class Resume(Named, frozen=True, kw_only=True, tag="resume"):
    """A person takes their pause back."""


class Hold(Named, frozen=True, kw_only=True, tag="hold"):
    """A person wants one waiting job not to start."""

    job: Id
    reason: Reason


class Release(Named, frozen=True, kw_only=True, tag="release"):
    """A person takes their hold back."""

    job: Id


class Operate(Named, frozen=True, kw_only=True, tag="operate"):
    """A person wants the printer cleaned, or tested, between two cards."""

    operation: Operation
    reason: Reason | None = None


class PrinterConfirm(Signed, frozen=True, kw_only=True, tag="printer-confirm"):
    """People stand for it that another printer is here."""

    serial: Who
    reason: Reason


Held = Pause | Resume | Hold | Release
Written = (
    Inspect
    | Resolve
    | StockLoad
    | StockMove
    | StockCount
    | StockConfirm
    | Held
    | Operate
    | PrinterConfirm
)


def word(request: Request) -> str:
    """Return what the request calls itself."""
    return str(request.__struct_config__.tag)
