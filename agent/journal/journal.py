"""The journal's face: every write one commit, every read cheap.

Writes run in the executor, one after the other; when one returns, it is on disk and
`changed` has moved. Reads see the last commit and may be called from the event loop.
A write that was begun ends even when its caller is cancelled.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import structlog

from agent.clock import Clock, Executor, TrustedTime
from agent.contract.agent_events import AgentMended
from agent.contract.checkpoints import sign_head
from agent.contract.events import Data, Evidence
from agent.contract.messages import Ack, LedgerHead
from agent.contract.messages import Clock as ClockWord
from agent.journal import acks, disk, jobs, kept
from agent.journal.acks import AckVerdict
from agent.journal.attempt_book import AttemptBook
from agent.journal.attempts import Closing, OpenAttempt, Resolution
from agent.journal.changed import Changed
from agent.journal.errors import (
    JournalDamagedError,
    JournalError,
    Refusal,
    StorageError,
    StorageFullError,
)
from agent.journal.jobs import Accepted, JobView, Redelivered, Refused, Rejection
from agent.journal.opening import named
from agent.journal.operation_book import OperationBook
from agent.journal.orders import Orders
from agent.journal.outage import DETAIL_MAX, Outage, word_of
from agent.journal.stock_book import StockBook
from agent.journal.store import Stamp, Store, Transaction
from agent.journal.wear_book import WearBook
from agent.lifecycle.decide import Now, Waiting
from protocols.vocabulary import StateReason

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
    "StorageError",
    "StorageFullError",
]

T = TypeVar("T")

log = structlog.get_logger(__name__)

FREE_SIZE_MIN = 16 * 2**20  # bytes that a job must leave to the ledger

DICE = random.SystemRandom()

_JOB_WRITTEN_TIMES = 3  # once into the -wal, once into the file, once as zeros


class Journal(AttemptBook, OperationBook, StockBook, WearBook):
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
        self._connection = 0
        self._outage: Outage | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._failing = asyncio.Event()
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
            JournalError: held by another agent, damaged, of a newer schema, not a
                journal, or the disk fails. The file is left as it is; the message
                names it.
        """
        ledger, boot = kept.new_uuid(dice), kept.new_uuid(dice)
        try:
            store = await executor.run(Store, path, ledger)
        except StorageFullError:
            if not disk.spend_reserve(path):
                raise
            store = await executor.run(Store, path, ledger)
        journal = cls(store, store.reader(), clock, executor, free_size_min, boot)
        try:
            await executor.run(disk.keep_reserve, path)
        except StorageError as error:
            journal._fail(error)
        return journal

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
        """Return the newest event, and how far the centre holds them.

        A commit that failed may be in the file: no word of it before it stands.
        """
        with self.at_one_moment():
            newest, acked = self._read(acks.newest), self._read(acks.acked).no
        if self.stopped:
            newest = self._store.head
        return LedgerHead(
            ledger=self.ledger, no=newest.no, hash=newest.hash, acked=acked
        )

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Let all that is read within be of one commit; await nothing meanwhile.

        What is written to disk by another thread shows at the next read, and might
        else come between two reads of one picture.
        """
        if self._reader.in_transaction:
            yield
            return
        self._read(lambda db: db.execute("BEGIN"))
        try:
            yield
        finally:
            if self._reader.in_transaction:
                self._reader.execute("COMMIT")

    def now(self) -> Now:
        """Return the agent's time, and whether it may be relied on."""
        return Now(self.time.now(), self.time.sure)

    @property
    def forked(self) -> bool:
        """True once the centre signed for a history not ours: no new card."""
        return self._read(acks.forked)

    # Writing that fails, and comes back

    @property
    def stopped(self) -> bool:
        """True while the disk does not take what must be written."""
        return self._outage is not None

    @property
    def trouble(self) -> StateReason | None:
        """What keeps the disk from new cards, for the state; None: nothing does."""
        error = None if self._outage is None else self._outage.error
        if error is None:
            try:
                self._store.require_room_for_card()
            except StorageError as short:
                error = short
        return None if error is None else word_of(error)

    async def writable(self) -> None:
        """Wait until what is written stands again; at once while nothing fails."""
        await self._writable.wait()

    async def failing(self) -> None:
        """Wait until a write fails."""
        await self._failing.wait()

    async def mend(self) -> bool:
        """Try whether writing works again, with a commit that says so.

        Raises:
            JournalDamagedError: something that was on the disk is not there any more.
        """
        outage = self._outage
        if outage is None:
            return True
        path = self._store.path
        mended = AgentMended(
            detail=str(outage.error)[:DETAIL_MAX],
            stopped_s=(self._clock.mono_ms() - outage.since_ms) // 1000,
        )
        try:
            await self._executor.run(disk.keep_reserve, path)
            await self._executor.run(disk.require_writing, path)
            if self._store.spent:
                self._reopen()
            await self._write(lambda tx: tx.append(mended))
        except JournalDamagedError:
            raise
        except JournalError as error:
            log.info("journal_not_mended", error=str(error))
            return False
        self._outage = None
        self._failing.clear()
        self._writable.set()
        self.changed.move()
        return True

    def _reopen(self) -> None:
        # In the loop's own thread, so that no reading comes in between.
        self._reader.close()
        try:
            self._store.reopen()
        finally:
            self._reader = self._store.reader()

    def _fail(self, error: StorageError) -> None:
        if self._outage is not None:
            self._outage = Outage(error, self._outage.since_ms)
            return
        log.critical("journal_failed", error=str(error))
        self._outage = Outage(error, self._clock.mono_ms())
        self._writable.clear()
        self._failing.set()
        self.changed.move()

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
        path = self._store.path
        no_room = await self._executor.run(disk.no_room, path, needed)
        try:
            result = await self._accept(opened, sealed, no_room)
        except StorageFullError as error:
            result = await self._accept(opened, sealed, str(error))
        if isinstance(result, Accepted):
            self.time.learn_issued(opened.job.issued_at)
        return result

    async def _accept(
        self, opened: OpenedJob, sealed: bytes, no_room: str
    ) -> Accepted | Redelivered | Refused:
        seal = self._vault.seal if self._vault else bytes

        def work(tx: Transaction) -> Accepted | Redelivered | Refused:
            result = jobs.accept(tx, opened, sealed, no_room, seal)
            if isinstance(result, Accepted):
                kept.keep_issued_time(tx, opened.job.issued_at)
            return result

        return await self._write(work, reserved=bool(no_room))

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
        """Return a number higher than that of every connection before.

        While nothing can be written it is only this process that remembers it.
        """
        above = max(self._connection, self._read(kept.connection))
        self._connection = above + 1
        if not self.stopped:
            with suppress(StorageError):
                await self._write(lambda tx: kept.count_connection(tx, above))
        return self._connection

    async def lines_after(
        self, no: int, count_max: int, size_max: int
    ) -> list[tuple[int, bytes]]:
        """Return event lines from `no` + 1 on with their numbers, oldest first.

        The first is returned even when it alone is larger than `size_max` bytes.
        """
        # A commit that failed may be in the file: no word of it before it stands.
        count = max(0, min(count_max, self._store.head.no - no))
        return await self._executor.run(
            self._store.read, lambda db: acks.lines_after(db, no, count, size_max)
        )

    async def store_ack(
        self, ack: Ack, raw: bytes, *, echoed: bool = False
    ) -> AckVerdict:
        """Keep a verified acknowledgement, and say what it means.

        `echoed`: it answers an `ask` of this boot, which makes the clock sure.
        """
        verdict = self._read(lambda db: acks.judge(db, self.ledger, ack))
        believed = self.time.believes(ack.at)
        if not believed:
            log.warning("ack_time_not_believed", at=str(ack.at))
        self.time.learn(ack.at, echoed=echoed)
        if verdict is AckVerdict.FORK:
            await self._write(lambda tx: acks.mark_fork(tx, ack))
        elif verdict in (AckVerdict.ADVANCED, AckVerdict.LOWER):

            def work(tx: Transaction) -> None:
                acks.keep(tx, ack, raw)
                if believed:
                    kept.keep_signed_time(tx, ack.at)

            # Lost in a power cut, it costs one more resend; no disk need wait for it.
            await self._write(work, synced=False)
        return verdict

    # Inside

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with named(self._store.path):
                return query(self._reader)
        except StorageError as error:
            self._store.doubt(error)
            self._fail(error)
            raise

    async def _write(
        self,
        work: Callable[[Transaction], T],
        *,
        synced: bool = True,
        ends: bool = False,
        reserved: bool = True,
    ) -> T:
        def commit() -> T:
            return self._store.write(
                work, self._stamp(), synced=synced, ends=ends, reserved=reserved
            )

        async def commit_and_tell() -> T:
            try:
                result = await self._executor.run(commit)
            except StorageError as error:
                self._fail(error)
                raise
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
