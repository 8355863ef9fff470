"""The journal's part about attempts: begun, advanced, decided, closed, resolved."""

from __future__ import annotations

from agent.contract.events import Evidence, Place, Stage
from agent.contract.messages import CurrentJob
from agent.journal import attempts
from agent.journal.attempts import Closing, OpenAttempt, Resolution
from agent.journal.jobs import JobView
from agent.journal.part import Part
from agent.lifecycle.facts import Begun
from agent.lifecycle.recovery import Finding
from agent.lifecycle.states import JobState


class AttemptBook(Part):
    """What is written down of the card in the path, and what is read of it."""

    async def begin(
        self,
        job_id: str,
        passed_over: tuple[str, ...],
        begun: Begun,
    ) -> int:
        """Write down the first stage; return the attempt's number. Then feed, or send.

        Raises:
            StorageFullError: the disk could not take all that this card will write.
            Refusal: the job may not start any more: somebody was faster.
        """
        await self._executor.run(self._store.require_room_for_card)
        return await self._write(
            lambda tx: attempts.begin(tx, job_id, passed_over, begun)
        )

    async def advance(
        self,
        job_id: str,
        attempt: int,
        stage: Stage,
        *,
        destination: Place | None = None,
        evidence: Evidence | None = None,
    ) -> None:
        """Write down a stage; on return the motion it announces may begin.

        Raises:
            Refusal: a person has answered for the card: nothing may move it.
        """
        await self._write(
            lambda tx: attempts.advance(
                tx, job_id, attempt, stage, destination=destination, evidence=evidence
            )
        )

    async def interrupt(
        self, job_id: str, attempt: int, detail: str, reasons: tuple[str, ...]
    ) -> None:
        """Write down why a run ended without an outcome; the attempt stays open.

        With reasons (a fault, a hand) nothing about it is unbroken from here on.
        """
        await self._write(
            lambda tx: attempts.interrupt(tx, job_id, attempt, detail, reasons)
        )

    async def stop_job(
        self, job_id: str, attempt: int, reasons: tuple[str, ...]
    ) -> None:
        """Put an open attempt before a person: its printer does not come to rest."""
        await self._write(lambda tx: attempts.stop(tx, job_id, attempt, reasons))

    async def decide(
        self, job_id: str, attempt: int, finding: Finding, closing: Closing | None
    ) -> bool:
        """Write down what is done about an open attempt; False: a person was faster.

        `closing` where the decision ends it; else the card may be moved on return.
        """
        return await self._write(
            lambda tx: attempts.decide(tx, job_id, attempt, finding, closing)
        )

    async def close_attempt(
        self, job_id: str, attempt: int, closing: Closing
    ) -> JobState:
        """Write down outcome, movement and evidence; return the job's next state."""
        return await self._write(
            lambda tx: attempts.close(tx, job_id, attempt, closing), ends=True
        )

    async def resolve(self, job_id: str, resolution: Resolution) -> JobState:
        """Take a person's answer about a card in doubt; return the job's next state.

        Raises:
            Refusal: no such job, it is not in doubt, the answer cannot be true, or it
                lacks what its kind needs.
        """
        return await self._write(lambda tx: attempts.resolve(tx, job_id, resolution))

    async def ask_again(
        self, job_id: str, attempt: int, reasons: tuple[str, ...]
    ) -> None:
        """Put a card in doubt before a person again."""
        await self._write(lambda tx: attempts.ask_again(tx, job_id, attempt, reasons))

    def open_attempt(self) -> OpenAttempt | None:
        """Return the attempt that was begun and not closed."""
        return self._read(attempts.open_attempt)

    def doubtful(self) -> JobView | None:
        """Return the job whose card a person must find."""
        return self._read(attempts.doubtful)

    def current(self) -> CurrentJob | None:
        """Return the job whose attempt is open or in doubt."""
        return self._read(attempts.current)
