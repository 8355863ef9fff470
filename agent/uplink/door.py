"""The door: a message of the topic `job` becomes a job on disk, or a refusal there.

What does not verify can be sent by anybody, so it gets one event a minute: the first
of it whole, the others counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from agent.artwork import ArtworkError
from agent.clock import Clock, Executor
from agent.contract.agent_events import AgentRefusals
from agent.contract.envelope import EnvelopeRefused, OpenedJob
from agent.contract.messages import Job, RejectReason
from agent.journal.journal import (
    Accepted,
    Journal,
    JournalError,
    Redelivered,
    Refused,
    Rejection,
)
from protocols.contract import Capabilities

QUIET_MS = 60_000

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """What was turned away since this process began: none of it became a card."""

    refused: Counter[str] = field(default_factory=Counter)  # messages, by the reason
    redelivered: int = 0  # jobs that were known already


class Door:
    """Judges each message, and returns only when the answer is on disk."""

    def __init__(
        self,
        journal: Journal,
        judge: Callable[[bytes], OpenedJob],
        executor: Executor,
        clock: Clock,
        forget: Callable[[], None],
    ) -> None:
        """`judge` opens a message and checks what is in it; called in a thread.

        `forget` is told when what it found will not be printed now.
        """
        self._journal = journal
        self._judge = judge
        self._executor = executor
        self._clock = clock
        self._forget = forget
        self._quiet_until_ms: int | None = None
        self._counts: Counter[str] = Counter()
        self.tally = Tally()

    async def take(self, message: bytes) -> None:
        """Accept or refuse; afterwards the message may be acknowledged."""
        await self.report_refusals()
        try:
            opened = await self._executor.run(self._judge, message)
        except EnvelopeRefused as refused:
            self._forget()
            await self._refuse(message, refused)
            self.tally.refused[refused.reason] += 1
            return
        verdict = await self._journal.accept(opened, message)
        if not isinstance(verdict, Accepted):
            self._forget()
        if isinstance(verdict, Refused):
            self.tally.refused[verdict.reason] += 1
            log.warning("job_refused", job=opened.job.job_id, reason=verdict.reason)
        elif isinstance(verdict, Redelivered):
            self.tally.redelivered += 1
            log.info("job_redelivered", job=opened.job.job_id)
        else:
            log.info("job_accepted", job=opened.job.job_id)

    async def report_refusals(self, *, now: bool = False) -> None:
        """Write the count of the last minute down, once the minute is over or `now`."""
        due = self._quiet_until_ms
        if due is None or (self._clock.mono_ms() < due and not now):
            return
        self._quiet_until_ms = None
        counts, self._counts = dict(self._counts), Counter()
        if not counts:
            return
        try:
            await self._journal.record(AgentRefusals(counts=counts))
        except JournalError:
            self._counts.update(counts)  # at the next occasion
            self._quiet_until_ms = self._clock.mono_ms() + QUIET_MS
            raise

    async def count(self, reason: RejectReason) -> None:
        """Count a message that does not verify and gets no event of its own."""
        await self.report_refusals()
        if self._quiet_until_ms is None:
            self._quiet_until_ms = self._clock.mono_ms() + QUIET_MS
        self._counts[reason] += 1
        self.tally.refused[reason] += 1

    async def _refuse(self, message: bytes, refused: EnvelopeRefused) -> None:
        if not refused.verified:
            if self._quiet_until_ms is not None:
                self._counts[refused.reason] += 1
                return
            self._quiet_until_ms = self._clock.mono_ms() + QUIET_MS
        log.warning("job_refused", reason=refused.reason, detail=refused.detail)
        await self._journal.reject(
            Rejection(
                reason=refused.reason,
                message_sha256=hashlib.sha256(message).hexdigest(),
                job_id=refused.job_id,
                payload_sha256=refused.payload_sha256,
                detail=refused.detail,
            )
        )


def judge_with(
    open_job: Callable[[bytes], OpenedJob], capabilities: Capabilities
) -> Callable[[bytes], OpenedJob]:
    """Open a message, and prove that this printer can make the card.

    The returned function raises `EnvelopeRefused` for whatever must be refused.
    """

    def judge(message: bytes) -> OpenedJob:
        # Deferred: Pillow costs megabytes that a daemon without jobs need not have.
        from agent.artwork import check

        opened = open_job(message)
        ids = (opened.job.job_id, opened.payload_sha256)
        if impossible := beyond(capabilities, opened.job):
            raise EnvelopeRefused(RejectReason.UNSUPPORTED, impossible, *ids)
        try:
            check(opened.job, opened.parts)
        except ArtworkError as error:
            raise EnvelopeRefused(error.reason, error.detail, *ids) from error
        return opened

    return judge


def beyond(capabilities: Capabilities, job: Job) -> str | None:
    """Return what the job asks for and this model cannot do, if anything."""
    model = f"{capabilities.family} {capabilities.model}"
    if job.sides.back is not None and not capabilities.two_sided:
        return f"sides.back: {model} prints one side"
    if job.magstripe is not None and not capabilities.stripe:
        return f"magstripe: {model} has no encoder here"
    if job.ribbon is not None and job.ribbon not in capabilities.ribbons:
        known = ", ".join(sorted(capabilities.ribbons))
        return f"ribbon: {model} takes {known}"
    return None
