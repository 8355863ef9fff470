"""What one printer does otherwise than its family: `quirks.toml`, read and checked.

Knows no family's code: the families' tables and what recognises a printer ask here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from protocols.contract import Confidence, Recognised

FILE = "quirks.toml"
FAMILIES = ("evolis", "magicard")


class QuirkError(ValueError):
    """The file of quirks is not what it must be; says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What departs in one model; the plain value is its family's rule."""

    turned: bool = False  # its dots are sent turned by 180°
    firmware_in_version: bool = False  # a job's header tells it its own firmware
    reject_off: bool = False  # each job forbids it to throw a card out by itself
    overcoat_right: int | None = None  # where its overcoat ends; None: the last line
    trays_in_job: bool = False  # a whole job names its trays, and no coercivity


_USB = re.compile("[0-9a-f]{4}:[0-9a-f]{4}")
_SOURCE = re.compile(r"(EVO|MAG)-\d\d(, (EVO|MAG)-\d\d)*")
STORY_SIZE_MIN = 20
_KINDS: dict[str, type] = {
    "family": str,
    "models": list,
    "story": str,
    "source": str,
    "usb": str,
    "sure": bool,
    "turned": bool,
    "firmware_in_version": bool,
    "reject_off": bool,
    "overcoat_right": int,
    "trays_in_job": bool,
}


@dataclass(frozen=True, slots=True)
class _Row:
    family: str
    models: tuple[str, ...]
    story: str
    source: str
    usb: str | None
    sure: bool  # that the product number is theirs
    effects: Mapping[str, bool | int]  # what it changes, by the names of `Quirks`

    @classmethod
    def of(cls, raw: object) -> _Row:
        """Raises: QuirkError: without the row's number."""
        if not isinstance(raw, dict):
            raise QuirkError("expected a table")
        for key, value in raw.items():
            kind = _KINDS.get(key)
            if kind is None:
                raise QuirkError(f"`{key}` is not known, expected {', '.join(_KINDS)}")
            if type(value) is not kind:
                raise QuirkError(f"`{key}` is {value!r}, expected a {kind.__name__}")
        models, story = raw.get("models", []), raw.get("story", "")
        usb = raw.get("usb")
        if raw.get("family") not in FAMILIES:
            raise QuirkError(f"`family` is not one of {', '.join(FAMILIES)}")
        if not models or not all(isinstance(one, str) and one for one in models):
            raise QuirkError("`models` names none")
        if len(story) < STORY_SIZE_MIN:
            raise QuirkError(f"`story` has {len(story)} signs: it is to tell one")
        if not _SOURCE.fullmatch(raw.get("source", "")):
            raise QuirkError("`source` names no fact, such as MAG-02")
        if usb is not None and not _USB.fullmatch(usb):
            raise QuirkError(f"`usb` is {usb!r}, expected such as 0c1f:2800")
        effects = {name: raw[name] for name in Quirks.__slots__ if raw.get(name)}
        if (usb is None) is not bool(effects):
            raise QuirkError("expected `usb` or what it changes, one of both")
        sure = raw.get("sure", True)
        if usb is None and not sure:
            raise QuirkError("`sure` is for a row with `usb`")
        source = raw["source"]
        return cls(raw["family"], tuple(models), story, source, usb, sure, effects)


@dataclass(frozen=True, slots=True)
class Book:
    """The whole file; `parse` reads one."""

    rows: tuple[_Row, ...]

    @classmethod
    def parse(cls, text: str) -> Book:
        """Raises: QuirkError: not as `quirks.toml` must be."""
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise QuirkError(f"{FILE}: {error}") from error
        tables = raw.get("quirk")
        if set(raw) != {"quirk"} or not isinstance(tables, list):
            raise QuirkError(f"{FILE}: expected tables [[quirk]] and nothing else")
        rows: list[_Row] = []
        for no, table in enumerate(tables, 1):
            try:
                rows.append(_Row.of(table))
            except QuirkError as error:
                raise QuirkError(f"{FILE}: quirk {no}: {error}") from error
        book = cls(tuple(rows))
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
        """No row says what another has said."""
        said: set[tuple[str, ...]] = set()
        for no, row in enumerate(self.rows, 1):
            keys = [("usb", row.usb)] if row.usb else []
            keys += [(one, model) for one in row.effects for model in row.models]
            for key in keys:
                if (row.family, *key) in said:
                    twice = f"{' of '.join(key)} is said twice"
                    raise QuirkError(f"{FILE}: quirk {no}: {twice}")
                said.add((row.family, *key))


QUIRKS = Book.parse(files("protocols").joinpath(FILE).read_text(encoding="utf-8"))
