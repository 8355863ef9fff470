"""Every way a journal is damaged: what the operator and the centre see, and what then.

The daemon is a process, the broker is real, and at the printer, which is ready, waits a
job that would be printed if anything went on. Where the store is whole, it is.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.journal import schema
from tests.agent.ledgers import made
from tests.agent.test_daemon import Centre, Desk, play, png
from tests.agent.test_full_disk import TinyDisk
from tests.conftest import BROKER, Mosquitto, Processes, free_port, needs, wait_until

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(300)]

MISCONFIGURED = 78
PAGE = 4096
NOBODY = "tcp://127.0.0.1:9"
DAMAGED = "x-journal-damaged-error"
FORK = "x-ledger-fork-error"
FAILED = "x-storage-failed-error"
FULL = "spool-area-full-error"
DB, WAL = "journal.db", "journal.db-wal"
PLACES = ("desk=0", "output=1", "reject-bin=0", "waste=0")
FORKED = "ledger_forked"
LEFT, ASIDE, NOTHING = "left where it is", "set aside", "nothing to set aside"
OPEN = "two people open a new ledger"
BACK = "a person puts the right file back"
RIGHT = "a person gives the right back"

Harm = Callable[[Path, Path], None]
"""Do it to the journal in the first folder; the second holds what one may need."""


@dataclass(frozen=True)
class Trial:
    """What is done, and what must be seen of it, in words."""

    name: str
    harm: Harm
    log: str  # the operator reads it in the log
    reason: str  # the centre reads it in the state; `blanko status` shows it
    found: str  # what becomes of the file
    then: str  # what a person does


# --- what is done to it -------------------------------------------------------------


def cut(size_of: Callable[[int], int], name: str = DB) -> Harm:
    def harm(state: Path, _: Path) -> None:
        os.truncate(state / name, size_of((state / name).stat().st_size))

    return harm


def flip(at_of: Callable[[int], int], name: str = DB) -> Harm:
    def harm(state: Path, _: Path) -> None:
        with (state / name).open("r+b") as file:
            at = at_of((state / name).stat().st_size)
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ 4]))

    return harm


def flip_in_an_event(state: Path, _: Path) -> None:
    raw = bytearray((state / "journal.db").read_bytes())
    raw[raw.index(b'"kind":"stock-moved"') + 12] ^= 1
    (state / "journal.db").write_bytes(raw)


def old_file(state: Path, shelf: Path) -> None:
    for name in (DB, WAL):
        (state / name).unlink()
    shutil.copy(shelf / "old/journal.db", state)


def old_under_wal(state: Path, shelf: Path) -> None:
    shutil.copy(shelf / "old/journal.db", state)


def old_folder(state: Path, shelf: Path) -> None:
    shutil.rmtree(state)
    shutil.copytree(shelf / "old", state)


def without(*names: str) -> Harm:
    def harm(state: Path, _: Path) -> None:
        for name in names:
            (state / name).unlink()

    return harm


def instead(make: Callable[[Path, Path], None]) -> Harm:
    """Put something else in its place."""

    def harm(state: Path, shelf: Path) -> None:
        (state / "journal.db").rename(state / "elsewhere.db")
        (state / "journal.db-wal").unlink()
        make(state / "journal.db", shelf)

    return harm


def newer(state: Path, _: Path) -> None:
    with closing(sqlite3.connect(state / "journal.db")) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")


def program(file: Path, _: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
        db.execute("INSERT INTO bookmarks VALUES ('https://example.org/')")
        db.commit()


def folder(file: Path, _: Path) -> None:
    file.mkdir()


def link(file: Path, _: Path) -> None:
    file.symlink_to("elsewhere.db")


def text(file: Path, _: Path) -> None:
    file.write_text("Dear colleague, the journal is on the other disk.\n" * 200)


def anothers(file: Path, shelf: Path) -> None:
    shutil.copy(shelf / "other/journal.db", file)


def anothers_folder(state: Path, shelf: Path) -> None:
    for name in (DB, WAL):
        (state / name).unlink()
    for name in ("journal.db", "journal.db-lock"):
        shutil.copy(shelf / "other" / name, state)


def no_right(state: Path, _: Path) -> None:
    (state / "journal.db").chmod(0)


cut_last = cut(lambda size: size - PAGE)
cut_wal = cut(lambda size: size // 2, WAL)
flip_wal = flip(lambda _: 70, WAL)


def flip_header(state: Path, shelf: Path) -> None:
    # First the -wal is brought in: else the page that it holds would heal this one.
    with closing(sqlite3.connect(state / DB)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    flip(lambda _: 3)(state, shelf)


def half(size: int) -> int:
    return size // 2 // PAGE * PAGE


TRIALS = (
    Trial("cut off in the header", cut(lambda _: 60), "", DAMAGED, ASIDE, OPEN),
    Trial("cut off in a page", cut(lambda n: n // 2 + 9), "", DAMAGED, ASIDE, OPEN),
    Trial("cut off before its last page", cut_last, "", DAMAGED, ASIDE, BACK),
    Trial("a bit of the header", flip_header, "not a database", DAMAGED, ASIDE, BACK),
    Trial("a bit of a page's head", flip(half), "", DAMAGED, ASIDE, BACK),
    Trial("a bit of an event", flip_in_an_event, "hash", DAMAGED, ASIDE, OPEN),
    Trial("a bit of the -wal", flip_wal, "its -wal lost", DAMAGED, ASIDE, BACK),
    Trial("the -wal cut off", cut_wal, "its -wal lost", DAMAGED, ASIDE, OPEN),
    Trial("the -wal lost", without(WAL), "its -wal lost", DAMAGED, ASIDE, BACK),
    Trial("an old copy of the file", old_file, "an old copy", DAMAGED, ASIDE, BACK),
    Trial("an old copy under its -wal", old_under_wal, "", DAMAGED, ASIDE, OPEN),
    Trial("an old copy of the folder", old_folder, FORKED, FORK, LEFT, OPEN),
    Trial("a newer schema", newer, "run the newer agent", DAMAGED, LEFT, BACK),
    Trial("no bytes, a -wal", cut(lambda _: 0), "-wal is here", DAMAGED, ASIDE, BACK),
    Trial("no file, a -wal", without(DB), "-wal is here", DAMAGED, ASIDE, OPEN),
    Trial("no file at all", without(DB, WAL), "is gone", DAMAGED, NOTHING, OPEN),
    Trial("a folder in its place", instead(folder), "no file", DAMAGED, LEFT, BACK),
    Trial("a link in its place", instead(link), "symbolic link", DAMAGED, LEFT, BACK),
    Trial("a program's file", instead(program), "not a journal", DAMAGED, LEFT, BACK),
    Trial("a text", instead(text), "not a database", DAMAGED, ASIDE, OPEN),
    Trial("a printer's file", instead(anothers), "this is ", DAMAGED, ASIDE, BACK),
    Trial("a printer's folder", anothers_folder, FORKED, FORK, LEFT, BACK),
    Trial("no right to it", no_right, "Permission denied", FAILED, LEFT, RIGHT),
)


# --- the station --------------------------------------------------------------------


class Station(TinyDisk):
    """A station whose journal can be harmed again and again."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.state = self.folder / "state"
        self.shelf = self.folder / "shelf"
        self.tried: set[tuple[str, str, str]] = set()
        self.signed = b""  # the ack that the broker keeps

    def begin(self) -> None:
        """Have printed one card since a copy was made; a second job waits."""
        self.start_printer()
        printer, self.printer_uri = self.printer_uri, NOBODY
        picture = png((200, 100, 50))

        async def scene(centre: Centre) -> None:
            agent = Desk.start_agent(self)
            await centre.until(lambda: centre.online)
            load = {"do": "stock-load", "count": 20}
            assert (await asyncio.to_thread(self.agent, **load))["ok"]
            await centre.send(self.job(1, picture))
            await centre.until(lambda: "job-accepted" in centre.kinds())
            await self.ended(agent)
            shutil.copytree(self.state, self.shelf / "old")
            self.printer_uri = printer
            agent = Desk.start_agent(self)
            await centre.until(lambda: "job-completed" in centre.kinds())
            self.signed = self.ack_of(centre.lines[max(centre.lines)])
            await centre.ack(self.signed)
            acked = self.acked
            await asyncio.to_thread(wait_until, acked, "the ack is on disk")
            await self.ended(agent)
            self.printer_uri = NOBODY
            agent = Desk.start_agent(self)
            await centre.until(lambda: self.accepts(centre))
            self.waiting = self.job(2, picture)
            await centre.send(self.waiting)
            await centre.until(lambda: centre.kinds().count("job-accepted") == 2)
            agent.kill()
            await asyncio.to_thread(agent.wait)

        play(self, scene)
        self.printer_uri = printer
        for name in ("control.sock", "journal.db-shm"):
            (self.state / name).unlink(missing_ok=True)
        self.state.rename(self.shelf / "whole")
        (self.shelf / "other").mkdir()
        made(self.shelf / "other")

    def acked(self) -> bool:
        return bool(self.agent(do="status")["state"]["head"]["acked"])

    @staticmethod
    def accepts(centre: Centre) -> bool:
        return bool(centre.online[-1]["online"] and centre.states[-1]["accepting"])

    async def ended(self, agent: subprocess.Popen[str]) -> None:
        agent.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(agent.wait, 20) == 0

    def harmed(self, harm: Harm) -> dict[str, bytes]:
        """Lay the whole state out, harm it; return what the daemon will find."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.shelf / "whole", self.state)
        harm(self.state, self.shelf)
        return self.bytes_of("")

    def bytes_of(self, prefix: str) -> dict[str, bytes]:
        """What lies there as the journal, or as the one that was set aside."""
        found = {}
        for side in ("", "-wal"):
            if prefix:
                files = sorted(self.state.glob(f"{prefix}*.db{side}"))
            else:
                files = [self.state / f"journal.db{side}"]
            for file in files:
                if file.is_file() and file.stat().st_size:
                    found[side] = file.read_bytes()
        return found

    def start_agent(self, *options: str) -> subprocess.Popen[str]:
        """Start it as one whom the modes of files bind, as on a station."""
        assert not options
        bound = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
        program = bound if os.geteuid() == 0 else ["env"]
        return self.processes.start(
            *("-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"),
            *(*program, sys.executable, "-m", "agent", "run", str(self.config)),
        )

    def status(self) -> tuple[int, str]:
        """What `blanko status` says, and its exit code."""
        words = [sys.executable, "-m", "agent", "status", "--config", str(self.config)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def places(self) -> Any:
        places = self.truth()["places"]
        return {"hopper": places["hopper"], "output": places["output"]}

    def open_ledger(self) -> str:
        words = [sys.executable, "-m", "agent", "ledger", "open"]
        words += ["--config", str(self.config), "--because", "trial"]
        words += ["--as", "siti", "--second", "rina"]
        hopper = f"hopper={self.places()['hopper']}"
        for count in (*PLACES, hopper):
            words += ["--count", count]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("d")
    (folder / "mosquitto").mkdir()
    program = needs("mosquitto", BROKER)
    broker = Mosquitto(program, folder / "mosquitto", free_port())
    processes = Processes(folder)
    broker.start()
    try:
        found = Station(folder, broker, processes)
        found.begin()
        yield found
    finally:
        processes.end()
        broker.stop()


# --- what is seen -------------------------------------------------------------------


async def seen(station: Station, trial: Trial, centre: Centre) -> str:
    """Start the daemon on what was harmed; say what was seen, or fail."""
    found = station.harmed(trial.harm)
    before = station.places()
    agent = station.start_agent()
    told = await told_the_centre(station, trial, centre, agent)
    assert station.places() == before, "a card was printed"
    if trial.found == ASIDE:
        assert station.bytes_of("journal-damaged-") == found
    elif trial.found == LEFT and trial.reason != FORK:
        assert station.bytes_of("") == found
    if trial.reason == FORK:
        await station.ended(agent)
    row, kind = f"{told}; {trial.found}", (trial.reason, trial.found, trial.then)
    if kind in station.tried:
        if agent.poll() is None:
            await station.ended(agent)
        return f"{row}; then {trial.then}"
    station.tried.add(kind)
    then = await decided(station, trial, centre, agent)
    return f"{row}; then {trial.then}: {then}"


async def told_the_centre(
    station: Station, trial: Trial, centre: Centre, agent: subprocess.Popen[str]
) -> str:
    """Wait for what the operator and the centre are to see."""
    states = len(centre.states)
    await centre.until(lambda: said(centre, trial.reason, states))
    assert not centre.states[-1]["accepting"]
    if trial.reason == DAMAGED:
        assert await asyncio.to_thread(agent.wait, 20) == MISCONFIGURED
        assert not centre.online[-1]["online"]
        operator = "code 78"
    elif trial.reason == FORK:
        await centre.until(lambda: "incident-raised" in centre.kinds())
        code, text = await asyncio.to_thread(station.status)
        assert (code, FORK in text) == (0, True), text
        operator = f"status {FORK}"
    else:
        assert agent.poll() is None
        operator = "the daemon waits"
    log = station.log_of(agent)
    assert trial.log in log
    if trial.reason == DAMAGED and trial.found != LEFT:
        assert "blanko ledger open" in log
    if trial.reason != FORK:
        code, text = await asyncio.to_thread(station.status)
        assert (code, "no daemon answers" in text) == (3, True), text
    word = f" ({trial.log})" if trial.log else ""
    return f"operator: {operator}{word}; centre: {trial.reason}"


def said(centre: Centre, reason: str, after: int) -> bool:
    states = centre.states[max(0, after - 1) :]
    return any(reason in state["state_reasons"] for state in states)


async def decided(
    station: Station,
    trial: Trial,
    centre: Centre,
    agent: subprocess.Popen[str],
) -> str:
    """Do what a person does then; say what came of it."""
    before = station.places()
    if trial.then == OPEN:
        begun = await asyncio.to_thread(station.open_ledger)
        assert " begun" in begun, begun
        centre.events.clear()
        again = station.start_agent()
        await centre.until(lambda: "agent-started" in centre.kinds())
        assert centre.kinds()[0] == "ledger-begun"
        # Without a time server the centre's answer dates the ledger.
        newest = centre.lines[max(centre.events)]
        nonce = centre.asks[-1]["nonce"]
        await centre.ack(station.ack_of(newest, nonce=nonce))
        await centre.until(lambda: centre.states[-1]["clock"] == "sure")
        await centre.send(station.waiting)
        await centre.until(lambda: "job-rejected" in centre.kinds())
        (rejected,) = rejections(centre)
        assert rejected == "before-ledger"
        await centre.send(station.job(3, png((1, 2, 3))))
        await centre.until(lambda: "job-completed" in centre.kinds())
        await station.ended(again)
        one_more = {"hopper": before["hopper"] - 1, "output": before["output"] + 1}
        assert station.places() == one_more
        await centre.ack(station.signed)  # for the next trial's ledger
        return "the job that waited is refused, one issued since is printed"
    if agent.poll() is not None or (trial.found == LEFT and trial.reason == FORK):
        station.harmed(lambda *_: None)
        agent = station.start_agent()
    else:
        (station.state / "journal.db").chmod(0o600)
    await centre.until(lambda: completed(centre, "J-2"), 60)
    assert station.places()["output"] == before["output"] + 1
    if agent.poll() is None:
        await station.ended(agent)
    return "the job that waited is printed"


def rejections(centre: Centre) -> list[str]:
    told = [event["data"] for event in centre.events.values()]
    return [data["reason"] for data in told if data["kind"] == "job-rejected"]


def completed(centre: Centre, job_id: str) -> bool:
    kinds = [
        event["data"]["kind"]
        for event in centre.events.values()
        if event.get("job") == job_id
    ]
    return "job-completed" in kinds


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_nothing_prints_and_everybody_is_told(
    station: Station, trial: Trial, record_property: Callable[[str, object], None]
) -> None:
    told: list[str] = []

    async def scene(centre: Centre) -> None:
        told.append(await seen(station, trial, centre))

    play(station, scene)
    record_property("figure", f"journal, {trial.name}: {told[0]}")


def test_where_the_store_is_whole_the_job_is_printed(station: Station) -> None:
    """Without this, that nothing printed would say nothing."""

    async def scene(centre: Centre) -> None:
        station.harmed(lambda *_: None)
        before = station.places()["output"]
        agent = station.start_agent()
        await centre.until(lambda: completed(centre, "J-2"))
        assert station.places()["output"] == before + 1
        await station.ended(agent)

    play(station, scene)
