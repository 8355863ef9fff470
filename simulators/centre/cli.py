"""`blanko-sim centre`: a stand-in central server for one station's printer."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from simulators.centre import keys, orders
from simulators.centre.batch import ROUND, batch
from simulators.centre.book import BookError
from simulators.centre.commands import CommandError
from simulators.centre.contract import CONTRACT_DIR, Contract, ContractError
from simulators.centre.desk import Desk, system_clocks
from simulators.centre.fate import FateError
from simulators.centre.link import Broker, Link
from simulators.centre.orders import Addressee, Order, OrderError
from simulators.centre.store import Store

FAILED = 1
BROKEN_PROMISE = 3
"""Exit status when a message was not as the contract says, or the chain broke."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asks for."""

    broker: Broker
    key_dir: Path
    agent_file: Path
    station: str
    printer: str
    job_dir: Path | None
    batch: str | None
    count: int
    store_dir: Path
    contract_dir: Path
    exit_when_done: bool
    commands: tuple[str, ...]
    fates: tuple[str, ...]


@click.command()
@click.option("--broker", "broker_uri", required=True, help="mqtt://HOST:PORT")
@click.option(
    "--keys", "key_dir", required=True, type=click.Path(path_type=Path),
    help="the centre's key and trust.jwks; made if missing",
)  # fmt: skip
@click.option(
    "--agent-key", "agent_file", required=True,
    type=click.Path(path_type=Path, exists=True), help="the agent's public JWK",
)  # fmt: skip
@click.option("--station", required=True)
@click.option("--printer", required=True)
@click.option(
    "--jobs", "job_dir", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="orders to send: *.json with the files they name",
)  # fmt: skip
@click.option("--batch", type=click.Choice(["demo"]), help="make the orders instead")
@click.option("--count", default=ROUND, show_default=True, help="cards of the batch")
@click.option("--store", "store_dir", required=True, type=click.Path(path_type=Path))
@click.option(
    "--contract", "contract_dir", default=CONTRACT_DIR, show_default=True,
    type=click.Path(path_type=Path), help="directory of the contract's schemas",
)  # fmt: skip
@click.option(
    "--command", "commands", multiple=True, metavar="WORDS",
    help="send one: pause, resume, retire, query, clean, self-test; with a job's id: "
    "hold, release, cancel, query, resolve; with fields as in "
    "`count place=hopper count=96`: resolve, load, move, count, confirm",
)  # fmt: skip
@click.option(
    "--declare", "fates", multiple=True, metavar="WORDS",
    help="what became of a job whose ledger was lost: "
    "`J-7 completed by=siti second=rina`, or aborted, if there is no card of it",
)  # fmt: skip
@click.option("--exit-when-done", is_flag=True, help="end when all is over")
def centre(broker_uri: str, batch: str | None, **options: object) -> None:
    """Send signed jobs and commands to one agent, and keep its events."""
    if batch is not None and options["job_dir"] is not None:
        raise click.UsageError("give either --jobs DIR or --batch demo")
    if not (batch or options["job_dir"] or options["commands"]):
        raise click.UsageError("give --jobs DIR, --batch demo, or --command WORDS")
    try:
        plan = Plan(Broker.parse(broker_uri), batch=batch, **options)  # type: ignore[arg-type]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(_run(plan))


def _run(plan: Plan) -> int:
    try:
        desk = _desk(plan)
        asyncio.run(_work(plan, desk))
    except (BookError, ContractError) as error:
        _say(f"BROKEN: {error}")
        return BROKEN_PROMISE
    except (OrderError, CommandError, FateError, keys.KeyFileError, OSError) as error:
        click.echo(str(error), err=True)
        return FAILED
    jobs = desk.book.jobs.values()
    good = sum(job.progress == "completed" for job in jobs)
    _say(f"{good} of {len(jobs)} jobs completed, {desk.book.ledger.no} events kept")
    wanted = good == len(jobs) and desk.commands.good(len(plan.commands))
    return 0 if wanted or not plan.exit_when_done else FAILED


def _desk(plan: Plan) -> Desk:
    key = keys.centre_key(plan.key_dir)
    agent = keys.agent_key(plan.agent_file)
    desk = Desk(
        contract=Contract(plan.contract_dir),
        store=Store(plan.store_dir),
        key=key,
        agent=agent,
        to=Addressee(plan.station, plan.printer, agent.kid),
        clocks=system_clocks(),
        say=_say,
    )
    desk.open(_orders(plan), plan.commands, plan.fates)
    return desk


def _orders(plan: Plan) -> list[Order]:
    """The orders of `--jobs`, or the batch, which is made once and then kept."""
    if plan.job_dir is not None:
        return orders.read_all(plan.job_dir)
    if plan.batch is None:
        return []
    directory = plan.store_dir / "orders"
    if not directory.exists():
        directory.mkdir(parents=True)
        for order in batch(plan.count, f"demo-{secrets.token_hex(2)}"):
            orders.write(order, directory)
    return orders.read_all(directory)


async def _work(plan: Plan, desk: Desk) -> None:
    link = Link(plan.broker, desk, _say)
    task = asyncio.create_task(link.run(plan.exit_when_done))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        _say("centre told to stop")


def _say(text: str) -> None:
    """A line for whoever reads along: plain, at once, even where only ASCII goes."""
    click.echo(text.encode("ascii", "replace").decode())
    sys.stdout.flush()
