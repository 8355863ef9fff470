"""What an unbroken ledger can still tell of a dishonest office: for a person to judge.

Order is evidence, and so is who threw how many cards away. Pure: told the events in
order, it answers with sentences.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from simulators.centre.contract import Document

BURST_WITHIN = timedelta(days=1)
CLAIMS_MAX = 3  # cards that one person throws away, and no printer called a jam
REPRINTS_MAX = 2  # cards for one person beyond the first

BURST = "reprint burst"
PASSED_OVER = "passed over without a reason"

JAM = "media-jam-error"

_REPRINTS = ("replacement", "correction")
_ENDS = ("job-completed", "job-canceled", "job-aborted")


@dataclass(frozen=True, slots=True)
class _Place:
    """A job's place in the queue."""

    queue_no: int
    job_id: str

    def before(self, other: _Place) -> bool:
        mine, its = (self.queue_no, self.job_id), (other.queue_no, other.job_id)
        return mine < its


@dataclass(slots=True)
class Suspicions:
    """`found`: one sentence each, the oldest first."""

    found: list[str] = field(default_factory=list)
    _queue: dict[str, _Place] = field(default_factory=dict)  # jobs that have not ended
    _claims: dict[str, list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _reprints: dict[str, list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )

    _jammed: set[tuple[str, int | None]] = field(default_factory=set)  # attempts

    def add(self, event: Document) -> list[str]:
        """Take the next event; return what it makes one suspect."""
        data, job = event["data"], str(event.get("job", ""))
        news: list[str] = []
        match data["kind"]:
            case "job-accepted":
                self._queue[job] = _Place(data["queue_no"], job)
                if data["job_kind"] in _REPRINTS:
                    subject = data["subject"]
                    if _burst(self._reprints[subject], _at(event), REPRINTS_MAX):
                        news.append(f"{BURST}: {subject} is to have one card more")
            case "job-started":
                news += self._passed_over(job, data)
            case "attempt-interrupted" if JAM in data["reasons"]:
                self._jammed.add((job, event.get("attempt")))
            case "attempt-resolved" if (job, event.get("attempt")) in self._jammed:
                pass  # the printer itself has said so
            case "attempt-resolved" | "job-inspected" if _thrown_away(data):
                who = str(event.get("who"))
                if _burst(self._claims[who], _at(event), CLAIMS_MAX):
                    news.append(f"{BURST}: {who} threw one card more away")
            case kind if kind in _ENDS:
                self._queue.pop(job, None)
        self.found += news
        return news

    def _passed_over(self, job_id: str, data: Document) -> list[str]:
        """Each smaller number must be named with a reason, or at least be counted."""
        mine = self._queue.get(job_id)
        if mine is None:
            return []
        before = {one.job_id for one in self._queue.values() if one.before(mine)}
        reasons, more = _named(data.get("passed_over", ()))
        silent = sorted(before - {name for name, why in reasons.items() if why})
        if len(silent) == more:
            return []
        return [f"{PASSED_OVER}: {one} by {job_id}" for one in silent]


def _named(entries: list[str]) -> tuple[dict[str, str], int]:
    """Return the reasons by job, and how many more there are that are not named."""
    reasons, more = {}, 0
    for entry in entries:
        name, _, why = entry.partition(" ")
        if name.startswith("+"):
            more = int(name)
        else:
            reasons[name] = why
    return reasons, more


def _thrown_away(data: Document) -> bool:
    """Whether a person says that a card is waste, and it may bear a picture."""
    if data["kind"] == "job-inspected":
        return True
    found = data["found"]
    return bool(
        found == "reject-bin" or (found == "output" and data.get("good") is False)
    )


def _at(event: Document) -> datetime:
    return datetime.fromisoformat(event["at"])


def _burst(times: list[datetime], at: datetime, most: int) -> bool:
    """Add one more; whether that is more than `most` within the time."""
    times.append(at)
    del times[: -(most + 1)]
    return len(times) > most and at - times[0] <= BURST_WITHIN
