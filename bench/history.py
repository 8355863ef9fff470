"""A journal with a past: cards as the agent writes them, many to a commit."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import Executor, InlineExecutor, SystemClock
from agent.contract.envelope import OpenedJob
from agent.contract.events import Evidence, Expected, Place, Stage
from agent.contract.jose import Signer
from agent.contract.keyring import AgentKey
from agent.contract.messages import (
    Clock,
    ImageSide,
    Job,
    JobKind,
    MediaType,
    Outcome,
    Part,
    Sides,
)
from agent.journal import attempts, jobs
from agent.journal.attempts import Closing
from agent.journal.journal import Journal
from agent.journal.store import Stamp, Transaction
from agent.lifecycle.facts import Begun

CARDS_A_COMMIT = 50
SEALED = b"sealed" * 50
_SECRET = {"d": "no-secret-at-all-but-of-the-length-of-a-one"}
_KEY = AgentKey("K", "OKP", "X25519", _SECRET)
_DIGEST = hashlib.sha256(b"panels").hexdigest()


def job_of(number: int) -> OpenedJob:
    """Return an opened job; its picture is not there."""
    now = datetime.now(UTC)
    part = Part(name="front", type=MediaType.PNG, size=628_000, sha256=_DIGEST)
    job = Job(
        job_id=f"J-2026-{number:06d}",
        queue_no=number,
        station="bench-1",
        printer="p1",
        rkid="K",
        issued_at=now,
        expires_at=now + timedelta(days=30),
        kind=JobKind.FIRST,
        subject=f"S-{number:08d}",
        sides=Sides(front=ImageSide(part="front")),
        parts=[part],
    )
    return OpenedJob(job, {}, hashlib.sha256(job.job_id.encode()).hexdigest())


def evidence(card: str, fed: int) -> Evidence:
    """Return what a printer shows that says all it can."""
    return Evidence(
        card=card,
        reasons=[],
        cards_fed=fed,
        ribbon_left=200 - fed % 200,
        printer_serial="1000012345",
        head_serial="2000012345",
        ribbon_serial="3000012345",
        canary="2",
    )


async def open_journal(path: Path, executor: Executor | None = None) -> Journal:
    """Open a journal that signs checkpoints; it commits where it is called, if nowhere
    else."""
    executor = executor or InlineExecutor()
    journal = await Journal.open(path, SystemClock(), executor)
    await journal.sign_with(Signer(_KEY))
    return journal


def _begun(number: int) -> Begun:
    return Begun(
        stage=Stage.FEEDING,
        before=evidence("none", number),
        expected=Expected(cards=1, sets=1),
        digest=_DIGEST,
    )


async def print_card(journal: Journal, number: int, sealed: bytes = SEALED) -> float:
    """Write one good card as the worker does: each stage a commit.

    Returns the seconds that a printer had to wait for it: from before the first stage
    until the card is closed, and `sealed` erased.
    """
    opened = job_of(number)
    job_id = opened.job.job_id
    await journal.accept(opened, sealed)
    begin_s = time.monotonic()
    attempt = await journal.begin(job_id, (), _begun(number))
    await journal.advance(job_id, attempt, Stage.SENDING)
    await journal.advance(job_id, attempt, Stage.SENT)
    await journal.advance(
        job_id,
        attempt,
        Stage.DELIVERING,
        destination=Place.OUTPUT,
        evidence=evidence("inside", number + 1),
    )
    closing = Closing(Outcome.GOOD, evidence=evidence("none", number + 1))
    await journal.close_attempt(job_id, attempt, closing)
    return time.monotonic() - begin_s


async def add_cards(journal: Journal, first: int, count: int) -> None:
    """Write `count` good cards quickly: the same events, but few commits."""
    store = journal._store
    store._db.execute("PRAGMA synchronous = OFF")
    for begin in range(first, first + count, CARDS_A_COMMIT):
        numbers = range(begin, min(begin + CARDS_A_COMMIT, first + count))
        await journal.load_stock(len(numbers))
        stamp = Stamp(
            ledger=journal.ledger,
            boot=journal.boot,
            at=datetime.now(UTC),
            clock=Clock.SURE,
            mono_ms=begin,
        )
        store.write(lambda tx, numbers=numbers: _write(tx, numbers), stamp)  # type: ignore[misc] # bound now
    store._db.execute("PRAGMA synchronous = FULL")


def _write(tx: Transaction, numbers: range) -> None:
    for number in numbers:
        opened = job_of(number)
        job_id = opened.job.job_id
        jobs.accept(tx, opened, SEALED, "")
        attempt = attempts.begin(tx, job_id, (), _begun(number))
        attempts.advance(tx, job_id, attempt, Stage.SENDING)
        attempts.advance(tx, job_id, attempt, Stage.SENT)
        attempts.advance(
            tx,
            job_id,
            attempt,
            Stage.DELIVERING,
            destination=Place.OUTPUT,
            evidence=evidence("inside", number + 1),
        )
        closing = Closing(Outcome.GOOD, evidence=evidence("none", number + 1))
        attempts.close(tx, job_id, attempt, closing)
