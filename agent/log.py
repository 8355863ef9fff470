"""Logs: native fields in the journal under systemd, else one JSON object a line.

Only plain values are ever written: what is private, bytes, a picture or a whole struct
is reduced to a word before it reaches an output.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path, PurePath
from typing import TextIO

# structlog imports rich where it finds it (30 ms, 5 MB), for a console we never use.
with contextlib.ExitStack() as _without:
    if "rich" not in sys.modules:
        sys.modules["rich"] = None  # type: ignore[assignment] # how import is told "no"
        _without.callback(sys.modules.pop, "rich", None)
    import structlog

JOURNAL_SOCKET = Path("/run/systemd/journal/socket")

_TEXT_LENGTH_MAX = 4_000  # characters of one field; a datagram may hold some 200 KiB
_ITEMS_MAX = 50
_DEPTH_MAX = 3
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_PLAIN = (str, int, float, bool, type(None))

Fields = MutableMapping[str, object]
Sink = Callable[[Mapping[str, object]], None]


def configure(
    *,
    debug: bool = False,
    stderr: TextIO = sys.stderr,
    environ: Mapping[str, str] = os.environ,
    journal: Path = JOURNAL_SOCKET,
) -> None:
    """Set up structlog, and lead the standard library's loggers into it."""
    in_journal = _is_journal(stderr, environ) and journal.exists()
    sink = _journal_sink(journal) if in_journal else _json_sink(stderr)

    def write(_logger: object, _name: str, fields: Fields) -> Mapping[str, object]:
        sink(fields)
        raise structlog.DropEvent

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            redact,
            write,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(10 if debug else 20),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [_Bridge(logging.WARNING)]


def redact(_logger: object, _name: str, fields: Fields) -> Fields:
    """Reduce every value that is not known to be harmless to a word about it."""
    return {str(key): _plain(value) for key, value in fields.items()}


def _plain(value: object, depth: int = 0) -> object:
    if type(value) in _PLAIN:
        return value[:_TEXT_LENGTH_MAX] if isinstance(value, str) else value
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath | BaseException):
        return str(value)[:_TEXT_LENGTH_MAX]
    if depth < _DEPTH_MAX and type(value) in (list, tuple, set, frozenset):
        items = list(value)[:_ITEMS_MAX]  # type: ignore[call-overload] # of these four
        return [_plain(item, depth + 1) for item in items]
    if depth < _DEPTH_MAX and type(value) is dict:
        pairs = list(value.items())[:_ITEMS_MAX]
        return {
            str(_plain(key, depth + 1)): _plain(item, depth + 1) for key, item in pairs
        }
    return f"<{type(value).__name__}>"


class _Bridge(logging.Handler):
    """Leads what libraries log (asyncio, paho) into ours, cut to one short line."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().partition("\n")[0][:200]
        log = structlog.get_logger(record.name)
        level = max(record.levelno // 10 * 10, logging.WARNING)
        error = record.exc_info[1] if record.exc_info else None
        more = {"exc_info": error} if error else {}
        log.log(level, "library_logged", logger=record.name, text=text, **more)


def _is_journal(stderr: TextIO, environ: Mapping[str, str]) -> bool:
    """True when stderr itself is the journal: the variable is inherited by children."""
    try:
        status = os.fstat(stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _json_sink(stderr: TextIO) -> Sink:
    def write(fields: Mapping[str, object]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, **fields}, ensure_ascii=False)
        # A log that cannot be written must not stop a card.
        with contextlib.suppress(OSError, ValueError):
            stderr.write(line + "\n")
            stderr.flush()

    return write


def _journal_sink(path: Path) -> Sink:
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC

    def write(fields: Mapping[str, object]) -> None:
        message = b"".join(_journal_fields(fields))
        # A journal that restarts must not stop a card.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as to:
            to.sendto(message, str(path))

    return write


def _journal_fields(fields: Mapping[str, object]) -> list[bytes]:
    """Each field as systemd's native protocol wants it: sized, so lines may break."""
    level = str(fields.get("level", "info"))
    named: dict[str, object] = {
        "MESSAGE": fields.get("event", ""),
        "PRIORITY": _PRIORITY.get(level, 6),
        "SYSLOG_IDENTIFIER": "blanko",
    }
    for key, value in fields.items():
        plain = value if isinstance(value, str) else json.dumps(value)
        named["BLANKO_" + _field_name(key)] = plain
    encoded = []
    for name, value in named.items():
        data = str(value).encode(errors="replace")
        size = len(data).to_bytes(8, "little")
        encoded.append(name.encode() + b"\n" + size + data + b"\n")
    return encoded


def _field_name(key: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in key.upper())[:50]
