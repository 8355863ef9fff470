"""One example of every message: invented station, impossible persons, fixed times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

from agent.contract.attempt_events import Found
from agent.contract.commands import (
    Cancel,
    Clean,
    Confirm,
    CountPlace,
    Hold,
    Inspect,
    JobStanding,
    Load,
    Move,
    Ordered,
    Pause,
    Query,
    Release,
    Reply,
    Resolve,
    Result,
    Resume,
    Retire,
    SelfTest,
)
from agent.contract.messages import (
    Ack,
    Ask,
    Cause,
    Clock,
    CurrentJob,
    Duty,
    ImageSide,
    Job,
    JobKind,
    LayoutSide,
    LedgerHead,
    MediaType,
    Message,
    Online,
    Part,
    PrinterIdentity,
    Ribbon,
    Sides,
    State,
)
from agent.contract.stock_events import Place, StockCause
from agent.contract.topics import Address
from protocols.vocabulary import PrinterState

TO = Address("bekasi-1", "p1")
BEGIN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LEDGER = "5b1f0c56-6a35-4c1e-9a57-0c7d1a4be0f1"
BOOT = "c0a7f1de-19c4-4b8e-8d0b-52c6a1f0b9aa"
NONCE = "9f8b2a40c7d14f4e9a55a1f2f4c7c3de"
KEY_ID = "2hZk0n1kqY0a5v1m3n7uXr9s8t6w4y2z0A1B2C3D4E5"

_FIELDS = {
    "provinsi": "PROVINSI CONTOH",
    "kabupaten": "KABUPATEN CONTOH",
    "nik": "0001024503870000",
    "nama": "ANGGREK CONTOH SATU",
    "tempat_lahir": "KOTA CONTOH",
    "tanggal_lahir": "05-03-1987",
    "jenis_kelamin": "PEREMPUAN",
    "golongan_darah": "O",
    "alamat": "JL. CONTOH NO. 1",
    "rt_rw": "001/002",
    "kel_desa": "DESA CONTOH",
    "kecamatan": "CONTOH BARAT",
    "agama": "ISLAM",
    "status_perkawinan": "BELUM KAWIN",
    "pekerjaan": "KARYAWAN SWASTA",
    "kewarganegaraan": "WNI",
    "berlaku_hingga": "SEUMUR HIDUP",
    "tempat_terbit": "KABUPATEN CONTOH",
    "tanggal_terbit": "24-11-2026",
}


_COMMANDS: tuple[Callable[..., Ordered], ...] = (
    partial(Pause, reason="the counter closes at noon"),
    Resume,
    partial(Hold, job_id="J-2026-000002", reason="the citizen was not found"),
    partial(Release, job_id="J-2026-000002"),
    partial(Cancel, job_id="J-2026-000003", reason="ordered twice"),
    partial(Query, job_id="J-2026-000001"),
    partial(
        Resolve,
        job_id="J-2026-000002",
        found=Found.REJECT_BIN,
        reason="half a picture, says the operator on the telephone",
        bin_count=1,
    ),
    partial(
        Inspect,
        job_id="J-2026-000001",
        cause=Cause.GAGAL_CETAK,
        reason="a stripe across the name",
    ),
    partial(Load, count=100),
    partial(Move, cause=StockCause.SEAL, count=2),
    partial(CountPlace, place=Place.HOPPER, count=96),
    partial(Confirm, movement=5),
    partial(Clean, reason="stripes on the last cards"),
    SelfTest,
    Retire,
)


def examples(head: LedgerHead) -> dict[str, tuple[str, Message]]:
    """Return file name to message's name and message; `head` is the story's last."""
    return {
        "job-image": ("job", _job_with_image()),
        "job-two-sided": ("job", _job_with_two_sides()),
        "job-layout": ("job", _job_with_layout()),
        **_commands(),
        **_replies(head),
        "ask": ("ask", _ask()),
        "ack": ("ack", _ack(head)),
        "online-birth": ("online", Online(online=True, connection=7, boot=BOOT)),
        "online-death": ("online", Online(online=False, connection=7, boot=BOOT)),
        "state-printing": ("state", _state(head)),
        "state-stopped": ("state", _state_without_printer(head)),
    }


def part(name: str, media_type: MediaType, size: int) -> Part:
    """Return a manifest entry; the digest is of its name, there is no such picture."""
    digest = sha256(name.encode()).hexdigest()
    return Part(name=name, type=media_type, size=size, sha256=digest)


def _job(number: int, kind: JobKind, sides: Sides, parts: list[Part]) -> Job:
    return Job(
        job_id=f"J-2026-{number:06d}",
        queue_no=number * 10,
        station=TO.station,
        printer=TO.printer,
        rkid=KEY_ID,
        issued_at=BEGIN,
        expires_at=BEGIN + timedelta(days=30),
        kind=kind,
        subject=f"S-{number:08d}",
        sides=sides,
        parts=parts,
    )


def _job_with_image() -> Job:
    sides = Sides(front=ImageSide(part="front"))
    return _job(1, JobKind.FIRST, sides, [part("front", MediaType.PNG, 628_000)])


def _job_with_two_sides() -> Job:
    sides = Sides(front=ImageSide(part="front"), back=ImageSide(part="back"))
    parts = [
        part("front", MediaType.JPEG, 180_000),
        part("back", MediaType.PNG, 90_000),
    ]
    return _job(2, JobKind.CORRECTION, sides, parts)


def _job_with_layout() -> Job:
    front = LayoutSide(
        layout="e-ktp",
        fields=_FIELDS,
        parts={"foto": "foto", "tanda_tangan": "tanda_tangan"},
    )
    parts = [
        part("foto", MediaType.JPEG, 24_000),
        part("tanda_tangan", MediaType.PNG, 3_000),
    ]
    return _job(3, JobKind.REPLACEMENT, Sides(front=front), parts)


def _commands() -> dict[str, tuple[str, Message]]:
    found: dict[str, tuple[str, Message]] = {}
    for number, make in enumerate(_COMMANDS, 1):
        command = make(
            command_id=f"C-2026-{number:06d}",
            command_no=number,
            station=TO.station,
            printer=TO.printer,
            issued_at=BEGIN,
            expires_at=BEGIN + timedelta(days=1),
        )
        found[f"command-{command.__struct_config__.tag}"] = ("command", command)
    return found


def _replies(head: LedgerHead) -> dict[str, tuple[str, Message]]:
    """One for each result, with the words that the agent itself would use."""
    held = _standing("J-2026-000002", "pending-held", ["held-by-centre"])
    withdrawn = _standing("J-2026-000003", "canceled", ["ordered twice"])
    printing = JobStanding(
        job="J-2026-000001",
        state="processing",
        reasons=[],
        attempt=1,
        stage="sending",
        outcome=None,
    )
    other = "another document came under this id"
    late, old = "the job is processing", "number 7 was executed before"
    rows: list[_Row] = [
        (Result.DONE, "hold", "", held),
        (Result.CANCELED, "cancel", "", withdrawn),
        (Result.TOO_LATE, "cancel", late, printing),
        (Result.REMEMBERED, "cancel", "it has not come yet", None),
        (Result.UNKNOWN_JOB, "hold", "no job J-9 was ever accepted here", None),
        (Result.JOBS_OPEN, "retire", "2 jobs have not ended", None),
        (Result.BUSY, "self-test", "a clean waits its turn", None),
        *_no_errands(held),
        (Result.STALE, "resume", old, None),
        (Result.EXPIRED, "pause", f"expires_at {BEGIN.isoformat()} has passed", None),
        (Result.CLOCK_UNSURE, "pause", "it has passed, if this clock is right", None),
        (Result.DUPLICATE_DIFFERS, "pause", other, None),
        (Result.UNKNOWN_KIND, "shake", "invalid value - at `$.kind`", None),
        (Result.MALFORMED, None, "object missing required field `kind`", None),
        (Result.WRONG_PRINTER, "pause", "it is for bekasi-1/p2, this is p1", None),
    ]
    found: dict[str, tuple[str, Message]] = {}
    for number, (result, kind, detail, job) in enumerate(rows, 1):
        found[f"reply-{result}"] = (
            "reply",
            Reply(
                command_id=f"C-2026-{number:06d}",
                command_no=number,
                command=kind,
                result=result,
                detail=detail,
                at=BEGIN + timedelta(minutes=number),
                event=40 + number,
                job=job,
            ),
        )
    asked = Reply(
        command_id="C-2026-000099",
        command_no=99,
        command="query",
        result=Result.DONE,
        at=BEGIN + timedelta(minutes=3),
        event=140,
        state=_state(head),
    )
    return found | {"reply-state": ("reply", asked)}


_Row = tuple[Result, str | None, str, JobStanding | None]


def _no_errands(held: JobStanding) -> list[_Row]:
    """Why cards and blanks were not booked as a command said."""
    in_doubt = "a blank in suspense is the card of job J-2026-000002: resolve the job"
    unclear = "`find` goes several ways, say which: missing to desk, missing to hopper"
    rows = [
        (Result.COUNT_IMPOSSIBLE, "move", "a movement of 3 from desk, which holds 2"),
        (Result.MOVEMENT_ILLEGAL, "move", "`feed` is not for a person to book"),
        (Result.MOVEMENT_UNCLEAR, "move", unclear),
        (Result.REASON_NEEDED, "move", "`find` needs a reason, for the record"),
        (Result.RECORD_NEEDED, "move", "`destroy` needs the number of the record"),
        (Result.SECOND_NEEDED, "move", "`destroy` needs two people at once"),
        (Result.SAME_PERSON, "confirm", "the second identity must be another person"),
        (Result.IN_DOUBT, "move", in_doubt),
        (Result.CARD_UNDER_WAY, "count", "a card of job J-9 is on its way"),
        (Result.NOTHING_TO_CONFIRM, "confirm", "event 12 waits for nobody"),
    ]
    of_job = [
        (Result.NOT_IN_DOUBT, "the job is pending-held: nothing is in doubt"),
        (Result.ANSWER_IMPOSSIBLE, "a card found at the output is either good or bad"),
        (Result.NOT_COMPLETED, "job J-9 is pending: it has no card"),
        (Result.COUNT_NEEDED, "say how many cards lie in the reject bin now"),
    ]
    return [
        *((result, "resolve", detail, held) for result, detail in of_job),
        *((result, kind, detail, None) for result, kind, detail in rows),
    ]


def _standing(job: str, state: str, reasons: list[str]) -> JobStanding:
    return JobStanding(
        job=job, state=state, reasons=reasons, attempt=0, stage=None, outcome=None
    )


def _ask() -> Ask:
    accepted = ["J-2026-000001", "J-2026-000002"]
    return Ask(nonce=NONCE, boot=BOOT, ledger=LEDGER, accepted=accepted)


def _ack(head: LedgerHead) -> Ack:
    return Ack(
        station=TO.station,
        printer=TO.printer,
        ledger=head.ledger,
        no=head.no,
        hash=head.hash,
        at=BEGIN + timedelta(hours=2),
        nonce=NONCE,
    )


def _state(head: LedgerHead) -> State:
    return State(
        contract=0,
        version="0.1.0",
        boot=BOOT,
        connection=7,
        at=BEGIN + timedelta(minutes=3),
        clock=Clock.SURE,
        printer_state=PrinterState.PROCESSING,
        state_reasons=["media-low-warning"],
        accepting=True,
        queued=2,
        current=CurrentJob(
            job="J-2026-000001", state="processing", attempt=1, stage="sending"
        ),
        stock={
            "received": -100,
            "hopper": 12,
            "path": 1,
            "output": 85,
            "reject-bin": 2,
        },
        ribbon=Ribbon(kind="YMCKO", serial="RB-0001", left=113, capacity=200),
        printer=PrinterIdentity(
            family="evolis", model="Primacy", serial="PR-0001", firmware="1.0"
        ),
        head=head,
        unsigned_jobs=False,
        refused={"bad-signature": 3, "wrong-printer": 1},
        redelivered=2,
        duty=Duty(
            rests_for=None,
            rests_until=None,
            cards_a_day=912,
            queue_ends_at=BEGIN + timedelta(minutes=5),
            run_left=7_892,
            run_ends_at=BEGIN + timedelta(days=9),
        ),
    )


def _state_without_printer(head: LedgerHead) -> State:
    return State(
        contract=0,
        version="0.1.0",
        boot=BOOT,
        connection=8,
        at=BEGIN + timedelta(minutes=9),
        clock=Clock.UNSURE,
        printer_state=PrinterState.STOPPED,
        state_reasons=["connecting-to-device-error"],
        accepting=True,
        queued=3,
        current=None,
        stock={"received": -100, "hopper": 13, "output": 85, "reject-bin": 2},
        ribbon=None,
        printer=None,
        head=head,
        unsigned_jobs=False,
    )
