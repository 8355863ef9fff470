"""One exchange as text: remarks alone, which are valid TOML.

What may show a person stays out: of a job nothing is told but its size, for its header
may hold a stripe's data and its planes a portrait.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from protocols.contract import Happening, WireEvent
from protocols.magicard.codec import ETX, FS, SOH

EVENTS_MAX = 400  # of a connection that are told
TEXT_MAX = 200
_REQUEST = re.compile(rb"\x05*\x01,?(REQ,(?:INF|ERR|STA,[A-Z]{3})),?\x1c\x03")


def annotate(
    events: Sequence[WireEvent], *, no: int, source: str, began_s: float
) -> str:
    """`registry.annotated` for this family; ends in an empty line."""
    told = [f"# {no}: {_safe(source)}"]
    told += [_line(event, began_s) for event in _joined(events[:EVENTS_MAX])]
    if len(events) > EVENTS_MAX:
        told.append(f"# … and {len(events) - EVENTS_MAX} more events")
    return "\n".join(told) + "\n\n"


def _joined(events: Sequence[WireEvent]) -> Iterator[WireEvent]:
    """The pieces of a job as one: told by its size."""
    job: list[WireEvent] = []
    for event in events:
        if event.what is Happening.OUT and not _REQUEST.fullmatch(event.data):
            job.append(event)
            continue
        if job:
            yield _whole(job)
            job = []
        yield event
    if job:
        yield _whole(job)


def _whole(job: list[WireEvent]) -> WireEvent:
    size = sum(len(event.data) for event in job)
    return WireEvent(job[0].at_s, Happening.OUT, b"", f"{size} bytes of a job")


def _line(event: WireEvent, began_s: float) -> str:
    what = event.detail
    if event.data and event.what is Happening.OUT:
        found = _REQUEST.fullmatch(event.data)
        assert found is not None
        what = found[1].decode("ascii")
    elif event.data:
        what = f"{len(event.data)} bytes: {_text(event.data)}"
    return f"# {event.at_s - began_s:9.3f}  {event.what:7} {_safe(what)}".rstrip()


def _text(data: bytes) -> str:
    marks = {SOH: b"<SOH>", FS: b"<FS>", ETX: b"<ETX>", b"\n": b"<LF>"}
    for byte, mark in marks.items():
        data = data.replace(byte, mark)
    return data[:TEXT_MAX].decode("latin-1")


def _safe(text: str) -> str:
    """A remark of TOML may hold no control character."""
    return "".join(one if one.isprintable() else "�" for one in text)
