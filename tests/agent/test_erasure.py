"""What was a citizen's is in no raw byte of the state directory once its job ended."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.clock import InlineExecutor
from agent.contract.envelope import OpenedJob, open_job
from agent.contract.events import Place, Stage
from agent.contract.messages import Outcome
from agent.contract.vault import Vault
from agent.journal.journal import Accepted, Closing, Journal
from tests.agent.envelope_by_hand import TO, World, compact
from tests.agent.paper_printer import FEEDING, VirtualClock

ROOT = Path(__file__).parents[2]
NAME, NIK = "ANGGREK CONTOH SATU", "0001024503870000"
PICTURE = b"\x89PNG\r\n\x1a\n" + os.urandom(60_000)
NOTHING = FEEDING.before
SLICE = 16  # bytes: an overwritten page leaves less than this of nothing


def document_of(world: World) -> bytes:
    sides = {
        "front": {
            "kind": "layout",
            "layout": "e-ktp",
            "fields": {"nama": NAME, "nik": NIK},
            "parts": {"foto": "front"},
        }
    }
    part = world.document()["parts"][0]
    digest = hashlib.sha256(PICTURE).hexdigest()
    manifest = [{**part, "size": len(PICTURE), "sha256": digest}]
    return compact(world.document(sides=sides, parts=manifest))


def raw_bytes(folder: Path) -> bytes:
    files = sorted(file for file in folder.iterdir() if file.is_file())
    return b"".join(file.read_bytes() for file in files)


def traces(folder: Path, message: bytes) -> list[str]:
    """Return what of the job can be read in the files of a folder."""
    raw = raw_bytes(folder)
    pieces = {
        "name": [NAME.encode()],
        "NIK": [NIK.encode()],
        "picture": [PICTURE[at : at + SLICE] for at in range(64, 60_000, 997)],
        "message": [message[at : at + SLICE] for at in range(0, len(message), 997)],
    }
    return [
        what for what, parts in pieces.items() if any(part in raw for part in parts)
    ]


def opened_and_message(world: World, *, sealed: bool) -> tuple[OpenedJob, bytes]:
    document = document_of(world)
    bare = document + b"\n" + PICTURE
    message = world.message(document, PICTURE) if sealed else bare
    keyring = world.keyring(allow_unsigned=not sealed)
    return open_job(message, keyring, TO), message


async def accepted(
    folder: Path, world: World, *, sealed: bool
) -> tuple[Journal, bytes]:
    clock = VirtualClock()
    clock.sure = False  # it does not stand at the day of the job
    journal = await Journal.open(folder / "journal.db", clock, InlineExecutor())
    journal.keep_in(Vault(world.keyring(allow_unsigned=not sealed)))
    opened, message = opened_and_message(world, sealed=sealed)
    await journal.load_stock(5)
    assert await journal.accept(opened, message) == Accepted("J-1")
    return journal, message


async def printed(journal: Journal) -> None:
    """All of a card but its closing."""
    attempt = await journal.begin("J-1", (), FEEDING)
    await journal.advance("J-1", attempt, Stage.SENDING)
    await journal.advance("J-1", attempt, Stage.SENT)
    await journal.advance(
        "J-1", attempt, Stage.DELIVERING, destination=Place.OUTPUT, evidence=NOTHING
    )


@pytest.mark.parametrize("sealed", [True, False])
def test_a_waiting_job_lies_in_the_spool_in_no_clear_word(
    tmp_path: Path, sealed: bool
) -> None:
    async def test() -> None:
        journal, message = await accepted(tmp_path, World(), sealed=sealed)
        assert traces(tmp_path, message) == (["message"] if sealed else [])
        assert await journal.spooled("J-1") == message
        await journal.close()
        assert traces(tmp_path, message) == (["message"] if sealed else [])

    asyncio.run(test())


@pytest.mark.parametrize("sealed", [True, False])
def test_a_job_that_has_ended_leaves_nothing_at_once(
    tmp_path: Path, sealed: bool
) -> None:
    async def test() -> None:
        journal, message = await accepted(tmp_path, World(), sealed=sealed)
        db = journal._store._db
        (kept,) = db.execute("SELECT sealed FROM spool").fetchone()
        await printed(journal)
        assert kept[:SLICE] in raw_bytes(tmp_path)
        await journal.close_attempt("J-1", 1, Closing(Outcome.GOOD))
        assert traces(tmp_path, message) == []
        assert traces(tmp_path, kept) == []

    asyncio.run(test())


def test_killed_at_any_statement_of_the_ending_nothing_is_left_after_the_restart(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()

    async def prepare() -> bytes:
        journal, message = await accepted(folder, World(), sealed=True)
        await printed(journal)
        # As a crash leaves it: the files of the open journal, -wal and all.
        crashed = tmp_path / "crashed"
        shutil.copytree(folder, crashed)
        await journal.close()
        shutil.rmtree(folder)
        crashed.rename(folder)
        return message

    message = asyncio.run(prepare())
    assert traces(folder, message) == ["message"]
    command = [sys.executable, "-m", "tests.agent.killed", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT)
    killed = sorted(path for path in tmp_path.iterdir() if path.name.isdecimal())
    assert len(killed) > 10

    async def restart(copy: Path) -> bool:
        journal = await Journal.open(
            copy / "journal.db", VirtualClock(), InlineExecutor()
        )
        waits = journal.open_job_ids() == ["J-1"]
        if waits:
            assert await journal.spooled("J-1") == message
            await journal.close_attempt("J-1", 1, Closing(Outcome.GOOD))
        assert traces(copy, message) == []
        await journal.close()
        return waits

    waited = [asyncio.run(restart(copy)) for copy in killed]
    assert True in waited
    assert False in waited  # killed between the commit and the cut of the -wal


def test_what_another_key_has_sealed_is_no_job(tmp_path: Path) -> None:
    ours, other = Vault(World().keyring()), Vault(World().keyring())
    kept = ours.seal(b'{"a": "bare one"}\n')
    assert ours.open(kept) == b'{"a": "bare one"}\n'
    assert other.open(kept) == kept
