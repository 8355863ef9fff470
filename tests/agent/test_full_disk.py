"""The daemon on a real disk of a few MB: full, free again, read-only, writable again.

The disk is a tmpfs in a mount namespace of the daemon's own: root may have one, and
who else the kernel lets.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.journal.store import CARD_SIZE_MAX
from agent.journal.verify import Verdict, verify
from tests.agent.test_daemon import Centre, Desk, play, png
from tests.chaos.disk import fill, why_none
from tests.conftest import IN_CI, Mosquitto, Processes

pytestmark = pytest.mark.mosquitto

DISK_MIB = 64
LEFT_SIZE = 64 * 1024  # of a disk that is called full


def _unshare() -> str:
    """Return the program; where it may not do what is asked of it, skip."""
    if why := why_none():
        (pytest.fail if IN_CI else pytest.skip)(why)
    return shutil.which("unshare") or ""


class TinyDisk(Desk):
    """A station whose state directory is a disk of its own."""

    def start_agent(self, *options: str) -> subprocess.Popen[str]:
        unshare = _unshare()
        state = self.folder / "state"
        state.mkdir(exist_ok=True)
        mount = f"mount -t tmpfs -o size={DISK_MIB}m,mode=700 none {state}"
        steps = [mount, *(option.format(state=state) for option in options)]
        agent = f'exec "$@" run {self.config}'
        script = " && ".join([*steps, agent])
        return self.processes.start(
            *("-c", "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"),
            *(unshare, "-rm", "sh", "-c", script, "sh"),
            *(sys.executable, "-m", "agent"),
        )

    def disk_of(self, agent: subprocess.Popen[str]) -> Path:
        """Return where the daemon's disk can be reached from outside."""
        return Path(f"/proc/{agent.pid}/root{self.folder}/state")

    def ask_on(self, agent: subprocess.Popen[str], **request: Any) -> Any:
        return self.ask(self.disk_of(agent) / "control.sock", **request)


@pytest.fixture
def desk(
    tmp_path: Path, stopped_mosquitto: Mosquitto, processes: Processes
) -> TinyDisk:
    return TinyDisk(tmp_path, stopped_mosquitto, processes)


def of_job(centre: Centre, job_id: str) -> list[str]:
    """Return the kinds of a job's events."""
    events = [centre.events[no] for no in sorted(centre.events)]
    return [one["data"]["kind"] for one in events if one.get("job") == job_id]


def until_said(centre: Centre, word: str) -> Callable[[], object]:
    return lambda: word in centre.states[-1]["state_reasons"]


def test_a_full_disk_stops_the_next_card_and_refuses_jobs_until_there_is_room(
    desk: TinyDisk, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    desk.start_printer()
    picture = png((200, 100, 50))

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        disk = desk.disk_of(agent)
        loaded = await asyncio.to_thread(desk.ask_on, agent, do="stock-load", count=20)
        assert loaded["ok"]
        await centre.send(desk.job(1, picture))
        await centre.until(lambda: "job-completed" in centre.kinds())
        fill(disk, LEFT_SIZE)
        await centre.send(desk.job(2, picture))
        await centre.until(lambda: "job-rejected" in centre.kinds())
        assert of_job(centre, "J-2") == ["job-rejected"]
        await centre.until(until_said(centre, "spool-area-full-error"))
        assert not centre.states[-1]["accepting"]
        await centre.until(lambda: centre.states[-1]["printer_state"] == "stopped")
        fill(disk, 0)
        ask = partial(desk.ask_on, agent, do="stock-load", count=0)
        while (disk / "journal.db-reserve").exists():  # every answer is on record
            assert (await asyncio.to_thread(ask))["error"] == "count-impossible"
        fill(disk, 0)
        while (await asyncio.to_thread(ask))["error"] != "storage-failed":
            pass
        await centre.send(desk.job(3, picture))  # it stays at the broker
        assert agent.poll() is None
        (disk / "ballast").unlink()
        await centre.until(lambda: "agent-mended" in centre.kinds(), 60)
        await centre.until(lambda: of_job(centre, "J-3"))  # accepted now, or refused
        await centre.until(lambda: centre.states[-1]["accepting"])
        await centre.send(desk.job(4, picture))
        await centre.until(lambda: "job-completed" in of_job(centre, "J-4"), 60)
        for name in ("journal.db", "journal.db-wal"):
            shutil.copy(disk / name, tmp_path / name)
        report = await asyncio.to_thread(verify, tmp_path / "journal.db")
        assert report.verdict is Verdict.GOOD, report.detail
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(20) == 0

    play(desk, scene)
    told = "operator: storage-failed at the socket, the daemon lives"
    told += "; centre: spool-area-full-error, jobs refused storage-full or unread"
    told += "; then a person makes room: agent-mended, and the next job is printed"
    record_property("figure", f"journal, a full disk: {told}")


def test_no_card_begins_where_its_end_might_not_fit(desk: TinyDisk) -> None:
    desk.start_printer()

    async def scene(centre: Centre) -> None:
        agent = desk.start_agent()
        await centre.until(lambda: centre.online)
        disk = desk.disk_of(agent)
        await asyncio.to_thread(desk.ask_on, agent, do="stock-load", count=20)
        await asyncio.to_thread(
            desk.ask_on, agent, do="pause", who="siti", reason="test"
        )
        await centre.send(desk.job(1, png((200, 100, 50))))
        await centre.until(lambda: "job-accepted" in centre.kinds())
        fill(disk, CARD_SIZE_MAX // 2)
        await asyncio.to_thread(desk.ask_on, agent, do="resume", who="siti")
        await centre.until(until_said(centre, "spool-area-full-error"))
        assert "attempt-stage" not in centre.kinds()
        (disk / "ballast").unlink()
        await centre.until(lambda: "job-completed" in centre.kinds())

    play(desk, scene)


def test_a_disk_that_may_only_be_read_is_waited_for(
    desk: TinyDisk, record_property: Callable[[str, object], None]
) -> None:
    async def scene(centre: Centre) -> None:
        agent = desk.start_agent("mount -o remount,ro {state}")
        await centre.until(lambda: centre.states)
        assert centre.states[-1]["state_reasons"] == ["x-storage-failed-error"]
        assert not centre.states[-1]["accepting"]
        assert agent.poll() is None
        enter = [
            "nsenter",
            f"--user=/proc/{agent.pid}/ns/user",
            "--preserve-credentials",
        ]
        enter += [f"--mount=/proc/{agent.pid}/ns/mnt"]
        remount = ["mount", "-o", "remount,rw", str(desk.folder / "state")]
        subprocess.run([*enter, *remount], check=True)
        await centre.until(lambda: "agent-started" in centre.kinds(), 60)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(20) == 0

    play(desk, scene)
    told = "operator: the daemon waits; centre: x-storage-failed-error"
    told += "; then a person mounts it for writing: the daemon starts by itself"
    record_property("figure", f"journal, a disk that may only be read: {told}")
