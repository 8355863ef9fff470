"""The programs of a demo are started, watched, and all ended again."""

import asyncio
import os
import select
import sys
from pathlib import Path

import pytest

from simulators.demo.children import ChildError, Children

READY = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True);"
    "[signal.pause() for _ in range(9)]"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_a_child_is_ready_when_it_says_so_and_gone_after_stop(tmp_path):
    async def story() -> int:
        children = Children(tmp_path)
        child = await children.start("one", python(READY))
        assert await children.line(child, "ready", 20) == "ready"
        assert alive(child.process.pid)
        await children.stop()
        return child.process.pid

    assert not alive(asyncio.run(story()))
    assert (tmp_path / "one.log").read_text() == "ready\n"


def test_a_child_that_dies_early_is_named_with_its_last_words(tmp_path):
    async def story() -> None:
        children = Children(tmp_path)
        await children.start("two", python("print('no such key'); raise SystemExit(7)"))
        try:
            await children.watch()
        finally:
            await children.stop()

    with pytest.raises(ChildError, match=r"(?s)two ended early \(status 7\).*no such"):
        asyncio.run(story())


def test_waiting_for_the_line_of_a_dead_child_ends(tmp_path):
    async def story() -> None:
        children = Children(tmp_path)
        child = await children.start("three", python("pass"))
        try:
            await children.line(child, "ready", 20)
        finally:
            await children.stop()

    with pytest.raises(ChildError, match="three ended early"):
        asyncio.run(story())


def test_ending_a_child_on_purpose_is_no_alarm(tmp_path):
    async def story() -> None:
        children = Children(tmp_path)
        child = await children.start("four", python(READY))
        await children.line(child, "ready", 20)
        await children.end(child)
        async with asyncio.timeout(0.2):
            await children.watch()

    with pytest.raises(TimeoutError):
        asyncio.run(story())


def test_a_child_that_does_not_listen_is_killed(tmp_path):
    async def story() -> int | None:
        children = Children(tmp_path, patience_s=0.1)
        child = await children.start("stubborn", python(STUBBORN))
        await children.line(child, "ready", 20)
        await children.stop()
        return child.process.returncode

    assert asyncio.run(story()) == -9


def test_a_program_that_is_not_there_is_named(tmp_path):
    async def story() -> None:
        await Children(tmp_path).start("five", ["/nonexistent/program"])

    with pytest.raises(ChildError, match="cannot start five"):
        asyncio.run(story())


def test_a_child_ends_when_its_starter_is_killed(tmp_path):
    code = (
        "import asyncio, os, sys; from pathlib import Path;"
        "from simulators.demo.children import Children\n"
        "async def story():\n"
        f"    children = Children(Path({str(tmp_path)!r}))\n"
        f"    child = await children.start('six', [sys.executable, '-c', {READY!r}])\n"
        "    await children.line(child, 'ready', 20)\n"
        "    print(child.process.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(story())\n"
    )

    async def run() -> int:
        starter = await asyncio.create_subprocess_exec(
            *python(code), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        out, _ = await starter.communicate()
        return int(out)

    pid = asyncio.run(run())
    descriptor = _pidfd(pid)
    if descriptor is not None:
        assert select.select([descriptor], [], [], 20)[0]
        os.close(descriptor)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
