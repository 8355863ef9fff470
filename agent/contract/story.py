"""A day of one printer as event lines: every kind, every reason, one whole chain.

Invented, but as the agent would write it: blanks come in, one card goes well, one is in
doubt and a person finds it, and a centre's programmer makes every mistake there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from agent.contract import agent_events as own
from agent.contract import events as e
from agent.contract import operation_events as operations
from agent.contract import order_events as orders
from agent.contract.checkpoints import sign_head
from agent.contract.commands import Owner, Result
from agent.contract.examples import BEGIN, BOOT, KEY_ID, LEDGER
from agent.contract.keyring import AgentKey
from agent.contract.messages import (
    Cause,
    Clock,
    JobKind,
    LedgerHead,
    Outcome,
    RejectReason,
)
from agent.contract.reasons import ADVICE, retry_of
from agent.contract.stock_events import centre_by
from agent.journal.chain import Head, seal

FIRST, SECOND = "J-2026-000001", "J-2026-000002"
OPERATOR, SUPERVISOR = "siti", "rina"
CENTRE = centre_by("dukcapil-2026")

_CHANGED_NO = 92  # of the event that says so below
_STEP = timedelta(seconds=7)
_SECRET = {"d": "published-in-an-example-so-no-secret-at-all"}
_KEY = AgentKey(KEY_ID, "OKP", "X25519", _SECRET)


@dataclass(frozen=True, slots=True)
class _Line:
    data: e.Data | None  # None: a checkpoint over the line before
    job: str | None = None
    attempt: int | None = None
    who: str | None = None


def story() -> tuple[list[bytes], LedgerHead]:
    """Return the lines, as they are published, and the head of their chain."""
    from agent.contract.jose import Signer

    signer = Signer(_KEY)
    head, lines = Head(), []
    for index, line in enumerate(_lines(signer.public)):
        data = line.data
        if data is None:
            signature = sign_head(signer, LEDGER, head.no, head.hash)
            data = own.Checkpoint(signature=signature)
        event = e.Event(
            ledger=LEDGER,
            no=index + 1,
            prev=head.hash,
            boot=BOOT,
            at=BEGIN + index * _STEP,
            clock=Clock.UNSURE if index == 0 else Clock.SURE,
            mono=index * 7000 + 412,
            data=data,
            job=line.job,
            attempt=line.attempt,
            who=line.who,
        )
        head, raw = seal(event)
        lines.append(raw)
    return lines, LedgerHead(ledger=LEDGER, no=head.no, hash=head.hash, acked=head.no)


def _lines(signing: own.SigningKey) -> Iterator[_Line]:
    yield _Line(_new_ledger(), who=OPERATOR)
    yield _Line(e.AgentStarted(version="0.1.0", contract=0))
    yield _Line(own.AgentKey(kid=KEY_ID, signing=signing))
    yield from _blanks_come(4)
    yield _Line(
        e.SupplyRibbon(ribbon_kind="YMCKO", serial="RB-1", left=200, capacity=200)
    )
    yield _Line(e.PrinterCounted(evidence=_evidence("none", 0)))
    yield from _upkeep(10)
    yield from _good_card()
    yield from _doubtful_card()
    yield from _spoiled_card()
    yield from _evening()
    yield from _other_ends()
    yield from _inspection()
    yield from _orders()
    yield from _refusals()
    yield from _incidents()
    yield _Line(e.AgentStopped(reason="SIGTERM"))
    yield _Line(None)


def _new_ledger() -> own.LedgerBegun:
    return own.LedgerBegun(
        because="the disk of the computer failed, a new one was put in",
        counts={"hopper": 0, "path": 0, "output": 0, "reject-bin": 0},
        old_ledger="0f6e0c3a-51f2-4f0c-8d0e-6a2f1b7c9d10",
        old_no=4_711,
        old_hash=_digest("the last line that the centre had"),
        set_aside="journal-damaged-20261123T170000Z.db",
        identity="unproven",
    )


def _blanks_come(no: int) -> Iterator[_Line]:
    """From event `no` on: received by two, one of them later, and loaded by one."""
    people = [f"{OPERATOR} operator", f"{SUPERVISOR} supervisor"]
    yield _Line(e.AgentRoster(sha256=_digest("roster"), people=people))
    received = e.StockMoved(
        source=e.Place.RECEIVED,
        destination=e.Place.DESK,
        count=100,
        cause=e.StockCause.RECEIVE,
        after={"received": 100, "desk": 100},
        identity="proven",
        unconfirmed=True,
    )
    yield _Line(received, who=OPERATOR)
    confirmed = e.StockConfirmed(movement=no + 1, late=False, identity="proven")
    yield _Line(confirmed, who=SUPERVISOR)
    loaded = _move(
        e.Place.DESK,
        e.Place.HOPPER,
        e.StockCause.LOAD,
        {"desk": 0, "hopper": 100},
        100,
        "proven",
    )
    yield _Line(loaded, who=OPERATOR)


def _evening() -> Iterator[_Line]:
    """The hopper is counted, the spoiled cards are sealed and burnt, two stand by."""
    counted = e.StockCounted(
        place=e.Place.HOPPER, book=97, counted=96, identity="proven"
    )
    yield _Line(counted, who=OPERATOR)
    short = {"hopper": 96, "difference": 1}
    cause = e.StockCause.COUNT
    moved = _move(e.Place.HOPPER, e.Place.DIFFERENCE, cause, short, 1, "proven")
    yield _Line(moved, who=OPERATOR)
    after = {"reject-bin": 0, "waste": 2}
    cause = e.StockCause.SEAL
    moved = _move(e.Place.REJECT_BIN, e.Place.WASTE, cause, after, 2, "proven")
    yield _Line(moved, who=OPERATOR)
    handed_in = e.StockOldCards(
        source=e.Place.RECEIVED,
        destination=e.Place.WASTE,
        count=3,
        cause=e.StockCause.HAND_IN,
        after={"received": 3, "waste": 3},
        identity="proven",
    )
    yield _Line(handed_in, who=OPERATOR)
    denied = e.AgentDenied(
        request="stock-move",
        error="second-needed",
        message="`destroy` needs two people at once; only one is named",
        login="siti",
    )
    yield _Line(denied, who=OPERATOR)
    burnt = e.StockMoved(
        source=e.Place.WASTE,
        destination=e.Place.DESTROYED,
        count=2,
        cause=e.StockCause.DESTROY,
        after={"waste": 0, "destroyed": 2},
        identity="proven",
        second=SUPERVISOR,
        record="BA-2026-03-02",
        record_sha256=_digest("BA-2026-03-02"),
    )
    yield _Line(burnt, who=OPERATOR)


def _move(
    source: e.Place,
    destination: e.Place,
    cause: e.StockCause,
    after: dict[str, int],
    count: int = 1,
    identity: str | None = None,
) -> e.StockMoved:
    return e.StockMoved(
        source=source,
        destination=destination,
        count=count,
        cause=cause,
        after=after,
        identity=identity,
    )


def _digest(word: str) -> str:
    return sha256(word.encode()).hexdigest()


def _evidence(card: str, cards_fed: int) -> e.Evidence:
    return e.Evidence(
        card=card,
        reasons=[],
        cards_fed=cards_fed,
        ribbon_left=200 - cards_fed,
        printer_serial="PR-0001",
        head_serial="HD-0001",
        ribbon_serial="RB-1",
        canary="2",
    )


def _accepted(job: str, number: int) -> _Line:
    accepted = e.JobAccepted(
        payload_sha256=_digest(job),
        queue_no=number * 10,
        subject=f"S-{number:08d}",
        job_kind=JobKind.FIRST,
        expires_at=BEGIN + timedelta(days=30),
        blanks=2,
        side_count=1,
    )
    return _Line(accepted, job)


def _begin(
    job: str, number: int, attempt: int, fed: int, passed: tuple[str, ...] = ()
) -> Iterator[_Line]:
    """Start, feed, send."""
    started = e.JobStarted(queue_no=number * 10, passed_over=passed)
    yield _Line(started, job, attempt)
    feeding = e.AttemptStage(
        stage=e.Stage.FEEDING,
        digest=_digest(f"{job} panels"),
        expected=e.Expected(cards=1, sets=1),
        evidence=_evidence("none", fed),
    )
    yield _Line(feeding, job, attempt)
    sending = e.AttemptStage(
        stage=e.Stage.SENDING, evidence=_evidence("inside", fed + 1)
    )
    yield _Line(sending, job, attempt)
    after = {"hopper": 99 - fed, "path": 1}
    fed_now = _move(e.Place.HOPPER, e.Place.PATH, e.StockCause.FEED, after)
    yield _Line(fed_now, job, attempt)


def _good_card() -> Iterator[_Line]:
    yield _accepted(FIRST, 1)
    yield from _begin(FIRST, 1, 1, 0)
    yield _Line(e.AttemptStage(stage=e.Stage.SENT), FIRST, 1)
    delivering = e.AttemptStage(
        stage=e.Stage.DELIVERING,
        destination=e.Place.OUTPUT,
        evidence=_evidence("inside", 1),
    )
    yield _Line(delivering, FIRST, 1)
    closed = e.AttemptClosed(
        outcome=Outcome.GOOD, stage=e.Stage.DELIVERING, evidence=_evidence("none", 1)
    )
    yield _Line(closed, FIRST, 1)
    after = {"path": 0, "output": 1}
    moved = _move(e.Place.PATH, e.Place.OUTPUT, e.StockCause.PRINT, after)
    yield _Line(moved, FIRST, 1)
    yield _Line(e.JobCompleted(attempts=1), FIRST, 1)


def _doubtful_card() -> Iterator[_Line]:
    yield _accepted(SECOND, 2)
    yield from _begin(SECOND, 2, 1, 1, ("J-2026-000009 not-before",))
    yield _Line(e.FaultRaised(reasons=["media-jam-error"]))
    interrupted = e.AttemptInterrupted(
        stage=e.Stage.SENDING, detail="stopped", reasons=("media-jam-error",)
    )
    yield _Line(interrupted, SECOND, 1)
    decided = e.AttemptDecided(
        decision=e.Decision.UNKNOWN,
        row=10,
        reason="a hand took it, or a power-up",
        stage=e.Stage.SENDING,
        card="none",
        unbroken=False,
        moved="one",
        printed="used",
        evidence=_evidence("none", 2),
    )
    yield _Line(decided, SECOND, 1)
    closed = e.AttemptClosed(
        outcome=Outcome.UNKNOWN,
        stage=e.Stage.SENDING,
        detail="a hand took it, or a power-up",
        evidence=_evidence("none", 2),
    )
    yield _Line(closed, SECOND, 1)
    after = {"path": 0, "suspense": 1}
    moved = _move(e.Place.PATH, e.Place.SUSPENSE, e.StockCause.DOUBT, after)
    yield _Line(moved, SECOND, 1)
    yield _Line(e.JobStopped(reasons=["x-outcome-unknown-error"]), SECOND, 1)
    resolved = e.AttemptResolved(
        found=e.Found.REJECT_BIN,
        good=False,
        reason="half a picture",
        identity="proven",
        second=SUPERVISOR,
    )
    yield _Line(resolved, SECOND, 1, OPERATOR)
    out = e.StockMoved(
        source=e.Place.SUSPENSE,
        destination=e.Place.REJECT_BIN,
        count=1,
        cause=e.StockCause.RESOLVE_MARKED,
        after={"suspense": 0, "reject-bin": 1},
        identity="proven",
        second=SUPERVISOR,
    )
    yield _Line(out, SECOND, 1, OPERATOR)
    counted = e.StockCounted(
        place=e.Place.REJECT_BIN, book=1, counted=1, identity="proven"
    )
    yield _Line(counted, SECOND, 1, OPERATOR)
    yield _Line(e.FaultCleared(reasons=["media-jam-error"]))
    yield _Line(e.JobReturned(outcome=Outcome.SPOILED), SECOND, 1)


def _spoiled_card() -> Iterator[_Line]:
    yield from _begin(SECOND, 2, 2, 2)
    closed = e.AttemptClosed(
        outcome=Outcome.SPOILED,
        stage=e.Stage.SENDING,
        cause=Cause.GAGAL_CETAK,
        detail="the ribbon ended in the second panel",
        evidence=_evidence("none", 3),
    )
    yield _Line(closed, SECOND, 2)
    after = {"path": 0, "reject-bin": 2}
    moved = _move(e.Place.PATH, e.Place.REJECT_BIN, e.StockCause.REJECT, after)
    yield _Line(moved, SECOND, 2)
    yield _Line(orders.JobHeld(reason="x-blanks-used"), SECOND, 2)


def _other_ends() -> Iterator[_Line]:
    for job, number, end in (
        ("J-2026-000003", 3, e.JobCanceled(reason="withdrawn by the centre")),
        ("J-2026-000004", 4, e.JobAborted(reason="expired")),
    ):
        yield _accepted(job, number)
        yield _Line(end, job)


def _inspection() -> Iterator[_Line]:
    """The first card has a stripe, seen at the counter: out it goes."""
    inspected = e.JobInspected(
        inspection="failed",
        cause=Cause.GAGAL_CETAK,
        destination=e.Place.REJECT_BIN,
        reason="a stripe across the name",
        identity="proven",
    )
    yield _Line(inspected, FIRST, 1, OPERATOR)
    after = {"output": 0, "reject-bin": 1}
    cause = e.StockCause.INSPECT
    out = _move(e.Place.OUTPUT, e.Place.REJECT_BIN, cause, after, 1, "proven")
    yield _Line(out, FIRST, 1, OPERATOR)


def _orders() -> Iterator[_Line]:
    """The centre pauses and withdraws, an operator holds a job back, all ends well."""
    centre, operator = Owner.CENTRE, Owner.OPERATOR
    waiting = "J-2026-000005"
    yield _accepted(waiting, 5)
    yield _Line(orders.AgentPaused(owner=centre, reason="the counter closes at noon"))
    yield _command(2, "pause", Result.DONE)
    yield _Line(orders.AgentResumed(owners=[centre], still=[]))
    yield _command(3, "resume", Result.DONE)
    held = orders.JobHeld(reason="wrong name", owner=operator, identity="proven")
    yield _Line(held, waiting, who=OPERATOR)
    released = orders.JobReleased(owners=[operator], still=[], identity="proven")
    yield _Line(released, waiting, who=OPERATOR)
    yield _Line(e.JobCanceled(reason="ordered twice"), waiting)
    yield _command(4, "cancel", Result.CANCELED, waiting)
    until = BEGIN + timedelta(days=1)
    yield _command(5, "cancel", Result.REMEMBERED, "J-2026-000006", until)
    yield _Line(orders.AgentRetired())
    yield _command(6, "retire", Result.DONE)


def _command(
    number: int,
    kind: str,
    result: Result,
    job: str | None = None,
    until: datetime | None = None,
) -> _Line:
    command = orders.AgentCommand(
        command_id=f"C-2026-{number:06d}",
        command_no=number,
        command=kind,
        payload_sha256=_digest(f"command {number}"),
        result=result,
        until=until,
    )
    return _Line(command, job, who=CENTRE)


def _upkeep(no: int) -> Iterator[_Line]:
    """From event `no` on: the centre asks for a test, done between two cards."""
    test = operations.Operation.SELF_TEST
    asked = operations.OperationAsked(
        operation=test,
        owner=Owner.CENTRE,
        command_id="C-2026-000001",
        identity="proven",
    )
    yield _Line(asked, who=CENTRE)
    yield _command(1, "self-test", Result.DONE)
    begun = operations.OperationBegun(
        operation=test,
        request=no,
        expected=e.Expected(cards=0, sets=0),
        evidence=_evidence("none", 0),
    )
    yield _Line(begun)
    ended = operations.OperationEnded(
        operation=test,
        request=no,
        result=operations.OperationResult.DONE,
        evidence=_evidence("none", 0),
    )
    yield _Line(ended)


def _refusals() -> Iterator[_Line]:
    """One line for each reason; the agent itself folds those that do not verify."""
    unverified = {
        RejectReason.UNKNOWN_KEY,
        RejectReason.BAD_SIGNATURE,
    }
    for reason, advice in ADVICE.items():
        verified = reason not in unverified
        rejected = e.JobRejected(
            reason=reason,
            retry=retry_of(reason),
            message_sha256=_digest(f"message {reason}"),
            payload_sha256=_digest(f"document {reason}") if verified else None,
            detail=advice.meaning,
        )
        yield _Line(rejected, f"J-{reason}" if verified else None)
    yield _Line(own.AgentRefusals(counts={"bad-signature": 41, "malformed": 3}))
    yield _Line(
        own.AgentMended(
            detail="journal /var/lib/blanko/p1/journal.db: disk I/O error",
            stopped_s=97,
        )
    )


def _incidents() -> Iterator[_Line]:
    yield _Line(
        e.IncidentRaised(
            incident=e.Incident.STOCK_MISMATCH,
            detail="the hopper is empty, the book says otherwise",
            place=e.Place.HOPPER,
            book=96,
            seen=0,
        )
    )
    for incident, detail in (
        (e.Incident.COUNTER_MISMATCH, "two cards were fed, one was asked for"),
        (e.Incident.UNACCOUNTED_CARD, "the counter rose by 1 with no attempt open"),
        (e.Incident.FOREIGN_CARD, "a card stood in the path before the feed"),
        (e.Incident.PRINTER_CHANGED, "PR-0002 answers, PR-0001 is expected"),
        (e.Incident.LEDGER_FORK, "the ack names another line"),
        (e.Incident.SECOND_AGENT, "the session was taken over twice in 60 s"),
        (e.Incident.CLOCK_JUMP, "the system clock was set 86400 s forward"),
        (e.Incident.UNCONFIRMED, "nobody else stood for a movement of siti's"),
    ):
        yield _Line(e.IncidentRaised(incident=incident, detail=detail))
    confirmed = e.PrinterConfirmed(
        serial="PR-0002",
        incident=_CHANGED_NO,
        reason="the old one is being repaired",
        identity="proven",
        second=SUPERVISOR,
    )
    yield _Line(confirmed, who=OPERATOR)
