"""What the centre knows: the agent's event lines, and how far each job has come.

Pure: no clock, no files, no network. Bytes of lines are kept as they came and never
encoded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from simulators.centre.contract import Document, parse
from simulators.centre.fate import Declaration, FateError
from simulators.centre.stock import StockBook, StockError

ZEROS = "0" * 64
"""The hash before line 1."""

RESEND_S = 20.0
"""A job nobody has answered is sent again after this time."""

RETRY_LATER_S = (60.0, 3600.0)
"""A job refused with `retry: later` goes again after this time, doubled up to that."""


class BookError(Exception):
    """A line that cannot stand in an honest ledger: which one, and why."""


@dataclass(frozen=True, slots=True)
class Line:
    """One event line, checked."""

    no: int
    hash: str
    raw: bytes  # with its line feed
    event: Document

    @property
    def kind(self) -> str:
        """What happened."""
        return str(self.event["data"]["kind"])


class Progress(StrEnum):
    """How far a job has come, as its events say."""

    UNANSWERED = "unanswered"
    ACCEPTED = "accepted"
    STARTED = "started"
    STOPPED = "stopped"
    HELD = "held"
    REFUSED_FOR_NOW = "refused-for-now"
    REJECTED = "rejected"
    COMPLETED = "completed"
    UNKNOWN = "unknown"  # its agent lost the ledger: two people must say
    CANCELED = "canceled"
    ABORTED = "aborted"

    @property
    def over(self) -> bool:
        """Nothing more will come of it."""
        return self in _OVER


_OVER = (Progress.REJECTED, Progress.COMPLETED, Progress.CANCELED, Progress.ABORTED)
_STEPS = {
    "job-accepted": Progress.ACCEPTED,
    "job-started": Progress.STARTED,
    "job-stopped": Progress.STOPPED,
    "job-held": Progress.HELD,
    "job-released": Progress.ACCEPTED,
    "job-returned": Progress.ACCEPTED,
    "job-completed": Progress.COMPLETED,
    "job-canceled": Progress.CANCELED,
    "job-aborted": Progress.ABORTED,
}


@dataclass(slots=True)
class Followed:
    """One job and what became of it."""

    job_id: str
    progress: Progress = Progress.UNANSWERED
    reason: str = ""
    attempts: int = 0
    issued_at: datetime | None = None
    due_s: float = 0.0  # when to send it again, by the caller's clock
    refusals: int = 0


class Ledger:
    """The lines of one agent, a chain without gap."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.lines: list[Line] = []

    @property
    def no(self) -> int:
        """The number of the newest line; 0 when there is none."""
        return len(self.lines)

    @property
    def hash(self) -> str:
        """The hash of the newest line."""
        return self.lines[-1].hash if self.lines else ZEROS

    def read(self, raw: bytes) -> Line:
        """Check one line by itself.

        Raises:
            BookError: it is not `<sha256 hex> <JSON>` and a line feed, the hash is not
                that of the JSON, or there is no number in it.
            ContractError: the JSON is none.
        """
        if len(raw) < 67 or raw[64:65] != b" " or not raw.endswith(b"\n"):
            raise BookError(f"no event line: {raw[:80]!r}")
        said, body = raw[:64].decode("ascii", "replace"), raw[65:-1]
        if hashlib.sha256(body).hexdigest() != said:
            raise BookError(f"the hash of an event line is wrong: {raw[:80]!r}")
        event = parse(body, "event")
        number = event.get("no")
        if not isinstance(number, int) or number < 1:
            raise BookError(f"an event line without a number: {raw[:80]!r}")
        return Line(number, said, raw, event)

    def add(self, line: Line) -> bool:
        """Take the next line; False: it stands here already, or lines are missing.

        Raises:
            BookError: another ledger, another line at a known number, or a chain that
                does not hold.
        """
        ledger = str(line.event["ledger"])
        if self.id not in (None, ledger):
            raise BookError(f"ledger {ledger} came, but {self.id} was followed")
        self.id = ledger
        if line.no <= self.no:
            if self.lines[line.no - 1].hash != line.hash:
                raise BookError(f"event {line.no} came again with another hash")
            return False
        if line.no > self.no + 1:
            return False
        if line.event["prev"] != self.hash:
            raise BookError(f"event {line.no} does not follow event {self.no}")
        self.lines.append(line)
        return True


@dataclass(slots=True)
class Book:
    """The ledger, the jobs and, where its rules are known, the blanks."""

    ledger: Ledger = field(default_factory=Ledger)
    jobs: dict[str, Followed] = field(default_factory=dict)
    stock: StockBook | None = None
    past: list[Ledger] = field(default_factory=list)  # that were lost, oldest first
    _sent: dict[str, str] = field(default_factory=dict)  # message hash -> job

    def follow(self, job_ids: Iterable[str], issued_at: datetime | None = None) -> None:
        """These jobs are to become cards; None: issued whoever knows when."""
        for job_id in job_ids:
            self.jobs.setdefault(job_id, Followed(job_id, issued_at=issued_at))

    def add(self, line: Line, now_s: float) -> bool:
        """As `Ledger.add`; the line moves its job on, and its blanks.

        Raises:
            BookError: also, blanks that cannot have gone that way.
        """
        if self._takes_its_place(line):
            self._begin_anew(line)
        if not self.ledger.add(line):
            return False
        if self.stock is not None:
            try:
                self.stock.add(line.event)
            except StockError as error:
                raise BookError(f"event {line.no}: {error}") from error
        job = self.jobs.get(str(line.event.get("job", "")))
        data = line.event["data"]
        if line.kind == "job-rejected":
            job = job or self.jobs.get(self._sent.get(data["message_sha256"], ""))
            self._refuse(job, data, now_s)
        elif job is not None and line.kind in _STEPS and not data.get("still"):
            job.progress = _STEPS[line.kind]
            job.reason = str(data.get("reason", "")) or " ".join(
                data.get("reasons", ())
            )
            job.attempts = max(job.attempts, int(line.event.get("attempt", 0)))
        return True

    def due(self, now_s: float) -> list[str]:
        """Jobs to send now: nobody has answered them, or later has come."""
        waiting = (Progress.UNANSWERED, Progress.REFUSED_FOR_NOW)
        return [
            job.job_id
            for job in self.jobs.values()
            if job.progress in waiting and job.due_s <= now_s
        ]

    def lacking(self, accepted: Iterable[str]) -> list[str]:
        """Jobs to send at once, as the agent's list of open jobs lacks them.

        One of unknown fate is not sent again: there may be a card of it.
        """
        known = set(accepted)
        return [
            job.job_id
            for job in self.jobs.values()
            if not job.progress.over
            and job.progress is not Progress.UNKNOWN
            and job.job_id not in known
        ]

    @property
    def unknown(self) -> list[str]:
        """Jobs that nobody but people can tell of."""
        return [
            job.job_id for job in self.jobs.values() if job.progress is Progress.UNKNOWN
        ]

    def declare(self, said: Declaration) -> None:
        """Take two people's word for what became of a job.

        Raises:
            FateError: its agent can tell, or it is no job here.
        """
        job = self.jobs.get(said.job_id)
        if job is None or job.progress is not Progress.UNKNOWN:
            how = "no job of this centre" if job is None else job.progress
            raise FateError(f"{said.job_id} is {how}: its agent has the word")
        job.progress = Progress(said.fate)
        job.reason = f"declared by {said.by} and {said.second}"

    def sent(self, job_id: str, message: bytes, now_s: float) -> None:
        """This message has gone out for the job."""
        self._sent[hashlib.sha256(message).hexdigest()] = job_id
        self.jobs[job_id].due_s = now_s + RESEND_S

    @property
    def done(self) -> bool:
        """Nothing more will come of any job."""
        return all(job.progress.over for job in self.jobs.values())

    def _takes_its_place(self, line: Line) -> bool:
        """Whether people began this line's ledger in the place of ours."""
        ours = self.ledger.id
        if line.no != 1 or line.kind != "ledger-begun":
            return False
        if ours in (None, str(line.event["ledger"])):
            return False
        return line.event["data"].get("old_ledger") in (None, ours)

    def _begin_anew(self, line: Line) -> None:
        """Follow the new ledger; of what the lost one left open nobody can tell."""
        self.past.append(self.ledger)
        self.ledger = Ledger()
        begun = datetime.fromisoformat(line.event["at"])
        for job in self.jobs.values():
            before = job.issued_at is None or job.issued_at <= begun
            if before and not job.progress.over:
                job.progress, job.reason = Progress.UNKNOWN, "its ledger was lost"

    def _refuse(self, job: Followed | None, data: Document, now_s: float) -> None:
        if job is None or job.progress is not Progress.UNANSWERED:
            return  # nobody's job, or another message of a job that stands
        job.reason = f"{data['reason']}: {data.get('detail', '')}".rstrip(": ")
        if data["retry"] == "later":
            first, most = RETRY_LATER_S
            job.due_s = now_s + min(first * 2**job.refusals, most)
            job.refusals += 1
            job.progress = Progress.REFUSED_FOR_NOW
        elif data["reason"] == "before-ledger":  # an earlier message may have got in
            job.progress = Progress.UNKNOWN
        else:
            job.progress = Progress.REJECTED
