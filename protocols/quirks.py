"""What one printer does otherwise than its family: `quirks.toml`, read and checked.

Knows no family's code: the families' tables and what recognises a printer ask here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Literal

import msgspec

from protocols.contract import Confidence, Recognised
from protocols.errors import PrinterError
from protocols.vocabulary import CardFate

FILE = "quirks.toml"


class QuirkError(PrinterError):
    """The file of quirks is not what it must be; says where and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{FILE}: {message}", card=CardFate.UNTOUCHED)


@dataclass(frozen=True, slots=True)
class Quirks:
    """What departs in one model; the plain value is its family's rule."""

    turned: bool = False  # its dots are sent turned by 180°
    firmware_in_version: bool = False  # a job's header tells it its own firmware
    reject_off: bool = False  # each job forbids it to throw a card out by itself
    overcoat_right: int | None = None  # where its overcoat ends; None: the last line
    trays_in_job: bool = False  # a whole job names its trays, and no coercivity


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    family: Literal["evolis", "magicard"]
    models: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    story: Annotated[str, msgspec.Meta(min_length=20)]
    source: Annotated[str, msgspec.Meta(pattern=r"^(EVO|MAG)-\d\d(, (EVO|MAG)-\d\d)*$")]
    usb: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{4}:[0-9a-f]{4}$")] | None = None
    sure: bool = True  # that the product number is theirs
    turned: bool = False
    firmware_in_version: bool = False
    reject_off: bool = False
    overcoat_right: Annotated[int, msgspec.Meta(ge=641, le=1100)] | None = None
    trays_in_job: bool = False

    @property
    def effects(self) -> dict[str, bool | int]:
        """What it changes, by the names of `Quirks`."""
        every = {name: getattr(self, name) for name in Quirks.__slots__}
        return {name: value for name, value in every.items() if value}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quirk: tuple[_Row, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """The whole file; `parse` reads one."""

    rows: tuple[_Row, ...]

    @classmethod
    def parse(cls, text: str) -> Book:
        """Raises: QuirkError: not as `quirks.toml` must be."""
        try:
            book = cls(msgspec.toml.decode(text, type=_File).quirk)
        except msgspec.DecodeError as error:
            raise QuirkError(str(error)) from error
        book._check()
        return book

    def of(self, family: str, model: str) -> Quirks:
        """What departs in `model`, named without its fittings."""
        found: dict[str, bool | int] = {}
        for row in self._about(family, model):
            found |= row.effects
        return Quirks(**found)  # type: ignore[arg-type]  # _Row has the same types

    def recognised(self, family: str, vendor_id: int, product_id: int) -> Recognised:
        """Judge by the numbers alone what printer of the family it is."""
        usb = f"{vendor_id:04x}:{product_id:04x}"
        for row in self.rows:
            if (row.family, row.usb) != (family, usb):
                continue
            if row.sure and len(row.models) == 1:
                return Recognised(family, row.models[0], Confidence.MEDIUM)
            return Recognised(family, None, Confidence.LOW, row.models)
        return Recognised(family, None, Confidence.LOW)

    def _about(self, family: str, model: str) -> Iterator[_Row]:
        for row in self.rows:
            if row.family == family and row.usb is None and model in row.models:
                yield row

    def _check(self) -> None:
        """Each row says one kind of thing, and none says what another has said."""
        said: set[tuple[str, ...]] = set()
        for no, row in enumerate(self.rows, 1):
            if (row.usb is None) is not bool(row.effects):
                raise QuirkError(
                    f"quirk {no} ({', '.join(row.models)}): expected `usb` or what it "
                    "changes, one of both"
                )
            if row.usb is None and not row.sure:
                raise QuirkError(f"quirk {no}: `sure` is for a row with `usb`")
            keys = [("usb", row.usb)] if row.usb else []
            keys += [(one, model) for one in row.effects for model in row.models]
            for key in keys:
                if (row.family, *key) in said:
                    raise QuirkError(f"quirk {no}: {' of '.join(key)} is said twice")
                said.add((row.family, *key))


QUIRKS = Book.parse(files("protocols").joinpath(FILE).read_text(encoding="utf-8"))
