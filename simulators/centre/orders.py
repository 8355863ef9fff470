"""A card somebody asked for, before it is addressed to a printer, and its job document.

An order is a JSON file: the fields of the job document but for what the centre fills in
(station, printer, rkid, times, parts), and `files`: a file for each binary part.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from simulators.centre.contract import ContractError, Document, parse

MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
VALID_FOR = timedelta(days=30)


class OrderError(Exception):
    """An order's file cannot be used: which one, and why."""


@dataclass(frozen=True, slots=True)
class File:
    """One binary part."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """`fields` are the document's; `job_id` and `queue_no` must be among them."""

    fields: Document
    files: tuple[File, ...]

    @property
    def job_id(self) -> str:
        """The centre's name for the job."""
        return str(self.fields["job_id"])

    @property
    def parts(self) -> bytes:
        """All binary parts, one after another."""
        return b"".join(file.data for file in self.files)


@dataclass(frozen=True, slots=True)
class Addressee:
    """One agent: its printer, and the key its jobs are sealed for."""

    station: str
    printer: str
    rkid: str


def document(order: Order, to: Addressee, issued_at: datetime) -> Document:
    """Return the job document of an order, for one agent."""
    manifest = [
        {
            "name": file.name,
            "type": file.media_type,
            "size": len(file.data),
            "sha256": hashlib.sha256(file.data).hexdigest(),
        }
        for file in order.files
    ]
    return {
        **order.fields,
        "station": to.station,
        "printer": to.printer,
        "rkid": to.rkid,
        "issued_at": _time(issued_at),
        "expires_at": _time(issued_at + VALID_FOR),
        "parts": manifest,
    }


def write(order: Order, directory: Path) -> None:
    """Write an order's files; `read_all` finds them again."""
    names = {}
    endings = {kind: ending for ending, kind in reversed(MEDIA_TYPES.items())}
    for file in order.files:
        names[file.name] = f"{order.job_id}-{file.name}{endings[file.media_type]}"
        (directory / names[file.name]).write_bytes(file.data)
    text = json.dumps({**order.fields, "files": names}, indent=2)
    (directory / f"{order.job_id}.json").write_text(text + "\n")


def read_all(directory: Path) -> list[Order]:
    """Read every `*.json` of a directory, by queue number.

    Raises:
        OrderError: names the file.
    """
    orders = [_read(path) for path in sorted(directory.glob("*.json"))]
    if not orders:
        raise OrderError(f"no order (*.json) in {directory}")
    return sorted(orders, key=lambda order: int(order.fields["queue_no"]))


def _read(path: Path) -> Order:
    try:
        fields = parse(path.read_bytes(), str(path))
        missing = [name for name in ("job_id", "queue_no") if name not in fields]
        if missing:
            raise OrderError(f"{path}: {missing[0]} is missing")
        named: dict[str, str] = fields.pop("files", {})
        files = tuple(
            File(name, _media_type(path, file), (path.parent / file).read_bytes())
            for name, file in named.items()
        )
    except (ContractError, OSError) as error:
        raise OrderError(str(error)) from error
    return Order(fields, files)


def _media_type(path: Path, file: str) -> str:
    ending = Path(file).suffix.lower()
    if ending not in MEDIA_TYPES:
        raise OrderError(f"{path}: {file} must end in .png, .jpg or .jpeg")
    return MEDIA_TYPES[ending]


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
