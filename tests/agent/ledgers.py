"""Ledgers to verify: a good one, and what can be done to it.

`python -m tests.agent.ledgers` shows four of them to `blanko ledger verify` and to the
script of docs/ledger.md.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.clock import InlineExecutor
from agent.contract.envelope import open_ack
from agent.contract.events import AgentStarted, AgentStopped, Place, Stage
from agent.contract.keys import public_of
from agent.contract.messages import Outcome
from agent.journal.journal import AckVerdict, Closing, Journal
from tests.agent.envelope_by_hand import TO, World, compact, public_jwk
from tests.agent.paper_printer import FEEDING, START, VirtualClock, make_job, opened

PAGE = Path(__file__).parents[2] / "docs/ledger.md"
CARDS_COUNT = 12
NOTHING = FEEDING.before


@dataclass(frozen=True)
class Ledger:
    """A journal file, and what an auditor was given beside it."""

    file: Path
    public_key: Path  # of the agent
    trust: Path  # the centre's keys

    def copied_to(self, file: Path) -> Ledger:
        shutil.copy(self.file, file)
        return Ledger(file, self.public_key, self.trust)


def made(folder: Path) -> Ledger:
    """Write a ledger of a few cards, with checkpoints and the centre's ack."""
    world = World()
    asyncio.run(_write(folder / "journal.db", world))
    public_key, trust = folder / "agent.pub", folder / "trust.jwks"
    public_key.write_text(json.dumps(public_of(world.keyring().agent)))
    centre = {**public_jwk(world.centre), "kid": world.centre_kid, "alg": world.alg}
    trust.write_text(json.dumps({"keys": [centre]}))
    return Ledger(folder / "journal.db", public_key, trust)


async def _write(path: Path, world: World) -> None:
    journal = await Journal.open(path, VirtualClock(), InlineExecutor())
    keyring = world.keyring()
    await journal.record(AgentStarted(version="0.1.0", contract=0))
    await journal.sign_with(keyring.signer())
    await journal.load_stock(50)
    for number in range(1, CARDS_COUNT + 1):
        job_id = f"J{number}"
        job = make_job(job_id, queue_no=number, subject=f"S{number}")
        await journal.accept(opened(job), b"sealed")
        await print_one(journal, job_id)
    await journal.accept(opened(make_job("J99", subject="S99")), b"sealed")
    head = journal.head()
    fields = {"ledger": head.ledger, "no": head.no, "hash": head.hash}
    fields["at"] = START.isoformat()
    message = world.ack(compact(world.ack_document(**fields)))
    verdict = await journal.store_ack(open_ack(message, keyring, TO), message)
    assert verdict is AckVerdict.ADVANCED
    await journal.record(AgentStopped(reason="asked to stop"))
    await journal.close()


async def print_one(journal: Journal, job_id: str) -> None:
    """Write down a good card."""
    attempt = await journal.begin(job_id, (), FEEDING)
    for stage in (Stage.SENDING, Stage.SENT):
        await journal.advance(job_id, attempt, stage)
    await journal.advance(
        job_id, attempt, Stage.DELIVERING, destination=Place.OUTPUT, evidence=NOTHING
    )
    await journal.close_attempt(job_id, attempt, Closing(Outcome.GOOD))


def tampered(file: Path, *statements: str) -> None:
    """Change a journal as somebody would who has the file, SQLite and some care."""
    db = sqlite3.connect(file, isolation_level=None)
    query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    triggers = db.execute(query).fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    for statement in (*statements, *(sql for _, sql in triggers)):
        db.execute(statement)
    db.close()


def truncate(file: Path) -> None:
    tampered(file, "DELETE FROM events WHERE no > (SELECT max(no) - 3 FROM events)")


def edit(file: Path) -> None:
    changed = "CAST(replace(CAST(line AS TEXT), '\"count\":1', '\"count\":2') AS BLOB)"
    tampered(file, f"UPDATE events SET line = {changed} WHERE no > 20 AND no < 30")


def reorder(file: Path) -> None:
    tampered(
        file,
        "CREATE TABLE two AS SELECT no, line FROM events WHERE no IN (40, 41)",
        "UPDATE events SET line = (SELECT line FROM two WHERE two.no = 81 - events.no)"
        " WHERE no IN (40, 41)",
        "DROP TABLE two",
    )


TAMPERINGS: dict[str, Callable[[Path], None]] = {
    "good": lambda _: None,
    "truncated": truncate,
    "edited": edit,
    "reordered": reorder,
}


def script_of_the_page() -> str:
    """Return the program that docs/ledger.md gives to auditors."""
    (script,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(script)


def _show() -> None:
    with tempfile.TemporaryDirectory(prefix="blanko-ledger-") as name:
        folder = Path(name)
        whole = made(folder)
        script = folder / "check.py"
        script.write_text(script_of_the_page())
        verify = ["-m", "agent", "ledger", "verify"]
        keys = ["--key", str(whole.public_key), "--trust", str(whole.trust)]
        for title, program, options in (
            ("blanko ledger verify --key … --trust …", verify, keys),
            ("the script of docs/ledger.md", ["-I", str(script)], []),
        ):
            sys.stdout.write(f"{title}\n")
            for kind, tamper in TAMPERINGS.items():
                one = whole.copied_to(folder / f"{kind}.db")
                tamper(one.file)
                command = [sys.executable, *program, str(one.file), *options]
                done = subprocess.run(command, capture_output=True, text=True)
                sys.stdout.write(f"  {done.returncode:3}  {done.stdout}")
                one.file.unlink()


if __name__ == "__main__":
    _show()
