"""`blanko-sim demo`: the whole story once, and an exit status that tells the truth."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import shutil
import signal
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import click

from simulators.centre.book import BookError
from simulators.centre.contract import ContractError
from simulators.demo.children import ChildError
from simulators.demo.command import CommandError
from simulators.demo.progress import COLUMNS, Teller
from simulators.demo.stage import MAKES
from simulators.demo.story import JOB_COUNT, LIMIT_S, Options, Story
from simulators.demo.table import job_table, place_table
from simulators.demo.verdict import Verdict
from simulators.demo.world import WorldError

AGREED, DIFFERS, STOPPED = 0, 1, 130
SPEED = 10.0
_PATH_MAX = 60  # a Unix socket's path has room for 107 bytes


@click.command()
@click.option(
    "--sabotage", type=click.Choice(["steal", "panel"]),
    help="a hand takes a blank, or one byte is flipped on the wire",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="stay up afterwards, with commands to try")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="where the cards' pictures go; default: a new folder in demo-out",
)  # fmt: skip
@click.option(
    "--speed", default=SPEED, show_default=True, type=click.FloatRange(1, 100),
    help="how much faster than a real one the emulated printer's clock runs",
)  # fmt: skip
@click.option(
    "--printer", "family", type=click.Choice(list(MAKES)), default="evolis",
    show_default=True, help="whose printer is emulated and driven",
)  # fmt: skip
def demo(
    sabotage: str | None, keep: bool, out: Path | None, speed: float, family: str
) -> None:
    """Print twelve cards: broker, agent, emulated printer, centre and an operator."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    place = (out or Path("demo-out") / name).absolute()
    place.mkdir(parents=True, exist_ok=True)
    try:
        status = asyncio.run(_demo(Options(sabotage, place, speed, family), keep))
    except (KeyboardInterrupt, asyncio.CancelledError):
        status = STOPPED
    sys.exit(status)


async def _demo(options: Options, keep: bool) -> int:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    teller = Teller(task.cancel)
    teller.plain(
        f"The emulated printer's clock runs {options.speed:g} times faster than a real "
        "one's."
    )
    directory = _short_directory()
    story = Story(options, directory, teller)
    try:
        verdict = await _perform(story, teller)
        if verdict is None:
            teller.plain(f"Logs of all programs: {_near(options.out / 'logs')}")
            return DIFFERS
        _show(verdict, options, teller)
        if keep:
            _suggest(story, teller)
            await _stay(story, teller)
        return DIFFERS if verdict.findings else AGREED
    finally:
        await story.close()
        shutil.rmtree(directory, ignore_errors=True)


async def _perform(story: Story, teller: Teller) -> Verdict | None:
    """The verdict; None when there is none, and the reason has been told."""
    try:
        return await story.perform()
    except TimeoutError:
        teller.plain(f"FAILED: not over after {LIMIT_S:.0f} s")
    except (ChildError, CommandError, WorldError, BookError, ContractError) as error:
        teller.plain(f"FAILED: {error}")
    return None


async def _stay(story: Story, teller: Teller) -> None:
    """Until Ctrl-C, or until one of the programs ends."""
    try:
        await story.children.watch()
    except ChildError as error:
        teller.plain(f"FAILED: {error}")


def _show(verdict: Verdict, options: Options, teller: Teller) -> None:
    for lines in (
        job_table(verdict.rows),
        place_table(verdict.stock, verdict.summed, verdict.truth),
    ):
        teller.plain()
        for line in lines:
            teller.plain(line)
    teller.plain()
    teller.plain(f"Pictures of the cards: {_near(options.out)}")
    good = sum(row.outcome == "completed" for row in verdict.rows)
    if verdict.findings:
        teller.plain(f"{good} of {JOB_COUNT} jobs completed, but:")
        for finding in verdict.findings:
            for line in _wrapped(f"  DIFFERS  {finding}"):
                teller.plain(line)
    else:
        teller.plain(f"{good} of {JOB_COUNT} jobs completed; books and machine agree.")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, COLUMNS, subsequent_indent=" " * 11)


def _suggest(story: Story, teller: Teller) -> None:
    blanko = f"{shlex.quote(sys.executable)} -m agent"
    config = f"--config {shlex.quote(str(story.config))}"
    events = shlex.quote(str(story.store_dir / "events.log"))
    job = story.job_ids()[0]
    teller.plain()
    teller.plain("Everything stays up until Ctrl-C. Five commands to try elsewhere:")
    for command in (
        f"{blanko} status {config}",
        f"{blanko} job list {config}",
        f"{blanko} job why {job} {config}",
        f"{blanko} stock show {config}",
        f"tail -n 3 {events}",
    ):
        teller.plain(f"  {command}")


def _short_directory() -> Path:
    """A new directory with a path short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="blanko-"))
    if len(str(directory)) > _PATH_MAX:
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix="blanko-", dir="/tmp"))
    return directory


def _near(path: Path) -> str:
    """The path as seen from here, if that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
