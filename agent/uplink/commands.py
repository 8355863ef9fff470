"""A message of the topic `command` becomes its effect on disk, and the reply to it."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from agent.contract.commands import JobStanding, Reply, Result
from agent.contract.envelope import EnvelopeRefused, OpenedCommand
from agent.contract.messages import State
from agent.journal.journal import Journal
from agent.journal.standing import Told
from agent.uplink.door import Door

QUERY = "query"

log = structlog.get_logger(__name__)


class Commands:
    """Takes each command once, and answers it as often as it comes."""

    def __init__(
        self,
        journal: Journal,
        open_command: Callable[[bytes], OpenedCommand],
        door: Door,
        state: Callable[[], State],
        forget: Callable[[], None],
    ) -> None:
        """`door` counts what does not verify; `forget`: a job was withdrawn."""
        self._journal = journal
        self._open_command = open_command
        self._door = door
        self._state = state
        self._forget = forget

    async def take(self, message: bytes) -> Reply | None:
        """Do what a message says; afterwards it may be acknowledged.

        None: nobody is answered, for the centre did not make it.
        """
        try:
            came = self._open_command(message)
        except EnvelopeRefused as refused:
            log.warning("command_refused", reason=refused.reason, detail=refused.detail)
            await self._door.count(refused.reason)
            return None
        told = await self._journal.orders.take(came)
        log.info(
            "command_answered",
            command=told.command,
            command_id=told.command_id,
            result=told.result,
        )
        if told.result is Result.CANCELED:
            self._forget()
        return self._reply(told)

    def _reply(self, told: Told) -> Reply:
        asks = told.command == QUERY and told.result is Result.DONE
        at = self._journal.now().at
        return Reply(
            command_id=told.command_id,
            command_no=told.command_no,
            command=told.command,
            result=told.result,
            detail=told.detail,
            at=at.replace(microsecond=at.microsecond // 1000 * 1000),
            event=told.event,
            job=self._standing(told.job),
            state=self._state() if asks and told.job is None else None,
        )

    def _standing(self, job_id: str | None) -> JobStanding | None:
        job = None if job_id is None else self._journal.job(job_id)
        if job is None:
            return None
        return JobStanding(
            job=job.job_id,
            state=str(job.state),
            reasons=job.reasons,
            attempt=job.attempts,
            stage=job.stage,
            outcome=job.outcome,
        )
