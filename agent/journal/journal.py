"""The journal's face: every write one commit, every read cheap.

Writes run in the executor, one after the other; when one returns, it is on disk and
`changed` has moved. Reads see the last commit and may be called from the event loop.
A write that was begun ends even when its caller is cancelled.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from agent.clock import Clock, Executor, TrustedTime
from agent.contract.checkpoints import sign_head
from agent.contract.events import Data, Evidence
from agent.contract.messages import Ack, LedgerHead
from agent.contract.messages import Clock as ClockWord
from agent.journal import acks, jobs, kept
from agent.journal.acks import AckVerdict
from agent.journal.attempt_book import AttemptBook
from agent.journal.attempts import Closing, OpenAttempt, Resolution
from agent.journal.changed import Changed
from agent.journal.errors import JournalError, Refusal, StorageFullError
from agent.journal.jobs import Accepted, JobView, Redelivered, Refused, Rejection
from agent.journal.opening import named
from agent.journal.orders import Orders
from agent.journal.stock_book import StockBook
from agent.journal.store import Stamp, Store, Transaction
from agent.journal.wear_book import WearBook
from agent.lifecycle.decide import Now, Waiting

if TYPE_CHECKING:
    from agent.contract.envelope import OpenedJob
    from agent.contract.jose import Signer
    from agent.contract.vault import Vault

__all__ = [
    "Accepted",
    "AckVerdict",
    "Closing",
    "JobView",
    "Journal",
    "JournalError",
    "OpenAttempt",
    "Redelivered",
    "Refusal",
    "Refused",
    "Rejection",
    "Resolution",
    "StorageFullError",
]

T = TypeVar("T")

FREE_SIZE_MIN = 16 * 2**20  # bytes that a job must leave to the ledger

DICE = random.SystemRandom()

_JOB_WRITTEN_TIMES = 3  # once into the -wal, once into the file, once as zeros


class Journal(AttemptBook, StockBook, WearBook):
    """What the agent remembers. Make one with `open`."""

    def __init__(
        self,
        store: Store,
        reader: sqlite3.Connection,
        clock: Clock,
        executor: Executor,
        free_size_min: int,
        boot: str,
    ) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock
        self._executor = executor
        self._free_size_min = free_size_min
        self._mono_start_ms = clock.mono_ms()
        self.boot = boot
        self.changed = Changed()
        self._vault: Vault | None = None
        self.time = TrustedTime(clock, kept.newest_signed(reader))
        self.orders = Orders(self._read, self._write, self.time)

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock,
        executor: Executor,
        free_size_min: int = FREE_SIZE_MIN,
        dice: random.Random = DICE,
    ) -> Journal:
        """Open the file at `path`, or make it; `dice` name this boot and a new ledger.

        Raises:
            JournalError: held by another agent, damaged, of a newer schema, or not a
                journal. The file is left as it is; the message names it.
        """
        ledger, boot = kept.new_uuid(dice), kept.new_uuid(dice)
        store = await executor.run(Store, path, ledger)
        return cls(store, store.reader(), clock, executor, free_size_min, boot)

    async def close(self) -> None:
        """Let go of the file; what was asked for before is finished first."""
        self._reader.close()
        await self._executor.run(self._store.close)

    # What the agent is told

    @property
    def ledger(self) -> str:
        """The UUID of this database."""
        return self._store.ledger

    def head(self) -> LedgerHead:
        """Return the newest event, and how far the centre holds them."""
        newest = self._store.head
        acked = self._read(acks.acked).no
        return LedgerHead(
            ledger=self.ledger, no=newest.no, hash=newest.hash, acked=acked
        )

    def now(self) -> Now:
        """Return the agent's time, and whether it may be relied on."""
        return Now(self.time.now(), self.time.sure)

    @property
    def forked(self) -> bool:
        """True once the centre signed for a history not ours: no new card."""
        return self._read(acks.forked)

    # Jobs

    async def accept(
        self, opened: OpenedJob, sealed: bytes
    ) -> Accepted | Redelivered | Refused:
        """Take in a verified job with its message as received, or say why not.

        When this returns, the message may be acknowledged to the broker.

        Raises:
            JournalError: nothing could be written; the message must come again.
        """
        needed = self._free_size_min + _JOB_WRITTEN_TIMES * len(sealed)
        no_room = await self._executor.run(self._store.no_room, needed)
        try:
            result = await self._accept(opened, sealed, no_room)
        except StorageFullError as error:
            result = await self._accept(opened, sealed, str(error))
        if isinstance(result, Accepted):
            self.time.learn(opened.job.issued_at, echoed=False)
        return result

    async def _accept(
        self, opened: OpenedJob, sealed: bytes, no_room: str
    ) -> Accepted | Redelivered | Refused:
        seal = self._vault.seal if self._vault else bytes

        def work(tx: Transaction) -> Accepted | Redelivered | Refused:
            result = jobs.accept(tx, opened, sealed, no_room, seal)
            if isinstance(result, Accepted):
                kept.keep_signed_time(tx, opened.job.issued_at)
            return result

        return await self._write(work)

    async def reject(self, rejection: Rejection) -> None:
        """Put on record that a message was refused before it was a job."""
        await self._write(lambda tx: jobs.reject(tx, rejection))

    async def abort(self, job_ids: list[str], reason: str) -> None:
        """Give up jobs of which no attempt is open."""
        await self._write(lambda tx: jobs.abort(tx, job_ids, reason))

    async def spooled(self, job_id: str) -> bytes | None:
        """Return a job's message as it came; None once the job has ended."""
        kept = await self._executor.run(
            self._store.read, lambda db: jobs.spooled(db, job_id)
        )
        return self._vault.open(kept) if kept and self._vault else kept

    def job(self, job_id: str) -> JobView | None:
        """Return one job; None when no such job was ever accepted."""
        return self._read(lambda db: jobs.view(db, job_id))

    def jobs_open(self, count_max: int) -> list[JobView]:
        """Return jobs that have not ended, by queue number."""
        return self._read(lambda db: jobs.views_open(db, count_max))

    def jobs_ended(self, count_max: int) -> list[JobView]:
        """Return jobs that have ended, the newest first."""
        return self._read(lambda db: jobs.views_ended(db, count_max))

    def waiting(self) -> list[Waiting]:
        """Return every job that has not ended, by queue number."""
        return self._read(jobs.waiting)

    def open_job_ids(self) -> list[str]:
        """Return the ids of every job that has not ended, by queue number."""
        return self._read(jobs.open_ids)

    def queued_count(self) -> int:
        """Return how many jobs have not ended."""
        return self._read(jobs.open_count)

    def why(self, job_id: str) -> list[bytes]:
        """Return the JSON of every event of a job, oldest first."""
        return self._read(lambda db: jobs.events(db, job_id))

    # Faults, the agent itself

    def faults(self) -> frozenset[str]:
        """Return the state reasons that were raised and not cleared."""
        return self._read(kept.faults)

    def counted(self) -> Evidence | None:
        """Return where the counters stood last with no attempt open; None: unknown."""
        return self._read(kept.counted)

    def ribbon(self) -> tuple[str, str] | None:
        """Return kind and serial of the ribbon that was reported last."""
        return self._read(kept.ribbon)

    async def record(
        self, *data: Data, who: str | None = None, job: str | None = None
    ) -> None:
        """Write events that move nothing, in one commit."""

        def work(tx: Transaction) -> None:
            for one in data:
                tx.append(one, who=who, job=job)

        await self._write(work)

    async def sign_with(self, signer: Signer) -> None:
        """Sign checkpoints with this key from now on; a new one is announced first."""
        await self._write(lambda tx: kept.name_key(tx, signer))
        ledger = self.ledger
        self._store.sign = lambda head: sign_head(signer, ledger, head.no, head.hash)

    def keep_in(self, vault: Vault) -> None:
        """Keep messages in this vault from now on."""
        self._vault = vault

    async def end_day(self) -> None:
        """Sign for the day before, if it is over and something was written in it."""
        await self._write(lambda _: None)

    # The way to the centre

    async def next_connection(self) -> int:
        """Return a number higher than that of every connection before."""
        return await self._write(kept.count_connection)

    async def lines_after(
        self, no: int, count_max: int, size_max: int
    ) -> list[tuple[int, bytes]]:
        """Return event lines from `no` + 1 on with their numbers, oldest first.

        The first is returned even when it alone is larger than `size_max` bytes.
        """
        return await self._executor.run(
            self._store.read, lambda db: acks.lines_after(db, no, count_max, size_max)
        )

    async def store_ack(
        self, ack: Ack, raw: bytes, *, echoed: bool = False
    ) -> AckVerdict:
        """Keep a verified acknowledgement, and say what it means.

        `echoed`: it answers an `ask` of this boot, which makes the clock sure.
        """
        verdict = self._read(lambda db: acks.judge(db, self.ledger, ack))
        self.time.learn(ack.at, echoed=echoed)
        if verdict is AckVerdict.FORK:
            await self._write(lambda tx: acks.mark_fork(tx, ack))
        elif verdict in (AckVerdict.ADVANCED, AckVerdict.LOWER):

            def work(tx: Transaction) -> None:
                acks.keep(tx, ack, raw)
                kept.keep_signed_time(tx, ack.at)

            # Lost in a power cut, it costs one more resend; no disk need wait for it.
            await self._write(work, synced=False)
        return verdict

    # Inside

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with named(self._store.path):
            return query(self._reader)

    async def _write(
        self,
        work: Callable[[Transaction], T],
        *,
        synced: bool = True,
        ends: bool = False,
    ) -> T:
        def commit() -> T:
            return self._store.write(work, self._stamp(), synced=synced, ends=ends)

        async def commit_and_tell() -> T:
            result = await self._executor.run(commit)
            self.changed.move()
            return result

        # Its own task: a caller that is cancelled must not hide a commit from others.
        return await asyncio.shield(asyncio.ensure_future(commit_and_tell()))

    def _stamp(self) -> Stamp:
        at = self.time.now()
        return Stamp(
            ledger=self.ledger,
            boot=self.boot,
            at=at.replace(microsecond=at.microsecond // 1000 * 1000),
            clock=ClockWord.SURE if self.time.sure else ClockWord.UNSURE,
            mono_ms=self._clock.mono_ms() - self._mono_start_ms,
        )
