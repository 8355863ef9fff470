"""`blanko job`: what became of a job, why, and what a person found."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from agent.cli.ask import Reply, ask, ask_signed, given, options, people, person, show
from agent.cli.why import in_words

CAUSES = ["gagal-encode", "gagal-cetak", "rusak", "perubahan-elemen-data"]
PLACES = ["output", "reject-bin", "printer", "hopper", "missing"]


@click.group()
def job() -> None:
    """List, explain, hold and resolve jobs."""


@job.command("list")
@options
def list_jobs(config: Path | None, socket: Path | None, as_json: bool) -> None:
    """List jobs that have not ended, then the newest that have."""
    reply = ask({"do": "jobs"}, config, socket)
    lines = [f"{'queue':>6}  {'job':30} {'state':19} blanks"]
    lines += [
        f"{job['queue_no']:>6}  {job['job_id']:30} {_state(job):19} {job['spoiled']}"
        for job in reply["jobs"]
    ]
    show(reply, lines if reply["jobs"] else ["no jobs"], as_json=as_json)


@job.command("show")
@click.argument("job_id")
@options
def show_job(
    job_id: str,
    config: Path | None,
    socket: Path | None,
    as_json: bool,
) -> None:
    """Show one job as it stands."""
    reply = ask({"do": "job", "job": job_id}, config, socket)
    show(reply, _lines(reply), as_json=as_json)


@job.command()
@click.argument("job_id")
@options
def why(
    job_id: str,
    config: Path | None,
    socket: Path | None,
    as_json: bool,
) -> None:
    """Show every event of one job, oldest first."""
    reply = ask({"do": "why", "job": job_id}, config, socket)
    lines = [line for event in reply["events"] for line in _event(event)]
    show(reply, lines, as_json=as_json)


@job.command()
@click.argument("job_id")
@click.option("--found", required=True, type=click.Choice(PLACES), help="Where it is.")
@click.option("--good/--bad", default=None, help="Whether the card is whole and right.")
@click.option("--reason", required=True, help="What you saw, for the record.")
@click.option(
    "--bin-count",
    type=click.IntRange(0),
    help="Cards in the reject bin or hopper now, if this one is among them.",
)
@people
@options
def resolve(job_id: str, as_json: bool, **said: str | bool | Path | None) -> None:
    """Say what became of the card of a job in doubt."""
    config, socket = said.pop("config"), said.pop("socket")
    assert not isinstance(config, str | bool)
    assert not isinstance(socket, str | bool)
    request: Reply = {"do": "resolve", "job": job_id} | given(**said)
    reply = ask_signed(request, config, socket)
    show(reply, _lines(reply), as_json=as_json)


@job.command()
@click.argument("job_id")
@click.option("--failed", "cause", required=True, type=click.Choice(CAUSES))
@click.option(
    "--to", "destination", type=click.Choice(["reject-bin", "waste"]), help="Where."
)
@click.option("--reason", required=True, help="What is wrong with the card.")
@person
@options
def inspect(job_id: str, as_json: bool, **said: str | Path | None) -> None:
    """Say that the card of a completed job is bad and thrown out."""
    _held({"do": "inspect", "job": job_id}, said, as_json=as_json)


@job.command()
@click.argument("job_id")
@click.option("--reason", required=True, help="Why, for the record.")
@person
@options
def hold(job_id: str, as_json: bool, **said: str | Path | None) -> None:
    """Let a waiting job not start, until it is released."""
    _held({"do": "hold", "job": job_id}, said, as_json=as_json)


@job.command()
@click.argument("job_id")
@person
@options
def release(job_id: str, as_json: bool, **said: str | Path | None) -> None:
    """Let a held job start again, if the hold was an operator's."""
    _held({"do": "release", "job": job_id}, said, as_json=as_json)


def _held(request: Reply, said: dict[str, str | Path | None], *, as_json: bool) -> None:
    config, socket = said.pop("config"), said.pop("socket")
    assert not isinstance(config, str)
    assert not isinstance(socket, str)
    reply = ask_signed(request | given(**said), config, socket)
    show(reply, _lines(reply), as_json=as_json)


def _state(job: Reply) -> str:
    return str(job["state"])


def _lines(reply: Reply) -> list[str]:
    job = reply["job"]
    lines = []
    for name, value in job.items():
        if value in (None, []):
            continue
        text = ", ".join(value) if isinstance(value, list) else str(value)
        lines.append(f"{name.replace('_', '-'):15} {text}")
    return lines


def _event(event: Reply) -> list[str]:
    data = dict(event["data"])
    told = in_words(data)
    kind = data.pop("kind")
    if told:
        data = {"evidence": data.get("evidence")}
    facts = "  ".join(_facts(data))
    attempt = f" #{event['attempt']}" if event.get("attempt") else ""
    who = f" by {event['who']}" if event.get("who") else ""
    first = f"{event['no']:>5} {event['at'][:19]}Z {kind}{attempt}{who}"
    said = [line for one in told for line in _folded.wrap(one)]
    return [first, *said, *_folded.wrap(facts)]


_folded = textwrap.TextWrapper(
    80,
    initial_indent=" " * 8,
    subsequent_indent=" " * 8,
    break_long_words=False,
    break_on_hyphens=False,
)


def _facts(data: Reply, inside: str = "") -> Iterator[str]:
    """Each thing that is said, a zero too; absent ones are left out."""
    for key, value in data.items():
        name = inside + key
        if isinstance(value, dict):
            yield from _facts(value, f"{name}.")
        elif value not in (None, "", []):
            yield f"{name}={_fact(value)}"


def _fact(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    text = str(value)
    return text[:12] + "..." if len(text) == 64 and " " not in text else text
