"""What an agent would say of a job, without an agent: for the makers of a centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.contract.documents import DocumentError, convert, parse
from agent.contract.envelope import EnvelopeRefused, OpenedJob
from agent.contract.messages import Job, RejectReason
from agent.contract.parts import cut, require_names


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why the job would be refused; `detail` says where and what."""

    reason: RejectReason
    detail: str


Judge = Callable[[bytes], OpenedJob]
"""Opens a message and looks at all that is in it; raises `EnvelopeRefused`."""


def check_message(
    message: bytes, judge: Judge | None, now: datetime
) -> tuple[OpenedJob | None, list[Finding]]:
    """Return the job, if it is one, and why an agent would refuse it.

    `judge` is what the agent itself would ask. Without one, `message` is a bare
    document, alone or with LF and parts, and only its form is checked. Whether the job
    came before is for a journal to say, not for this.
    """
    try:
        opened = judge(message) if judge else _form_of(message)
    except EnvelopeRefused as refused:
        return None, [Finding(refused.reason, refused.detail)]
    except DocumentError as error:
        return None, [Finding(RejectReason.MALFORMED, str(error))]
    if judge is not None and opened.job.expires_at <= now:
        detail = f"expires_at {opened.job.expires_at.isoformat()} has passed"
        return opened, [Finding(RejectReason.EXPIRED, detail)]
    return opened, []


def _form_of(message: bytes) -> OpenedJob:
    """Read a document as its author has it: alone it may have many lines."""
    payload, parts_follow, binary = message, False, b""
    line, separator, rest = message.partition(b"\n")
    if separator and _is_whole(line):
        payload, parts_follow, binary = line, bool(rest.strip()), rest
    job = convert(parse(payload), Job)
    require_names(job)
    parts = cut(job, binary) if parts_follow else {}
    return OpenedJob(job, parts, "")


def _is_whole(line: bytes) -> bool:
    try:
        parse(line)
    except DocumentError:
        return False
    return True
