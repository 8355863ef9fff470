"""`blanko contract`: the contract as files, and a job held against it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.ask import REFUSED, fail, show

if TYPE_CHECKING:
    from agent.contract.check import Judge


@click.group()
def contract() -> None:
    """Export the contract, check a job against it."""


@contract.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def export(directory: Path) -> None:
    """Write schemas, examples, reasons and AsyncAPI document to DIRECTORY."""
    from agent.contract.export import export as write

    try:
        for path in write(directory):
            click.echo(path)
    except OSError as error:
        fail(f"{directory} cannot be written: {error.strerror}", REFUSED)


@contract.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The agent's configuration: check all that this agent would.",
)
def check(file: Path, config: Path | None) -> None:
    """Say why the job in FILE would be refused.

    With --config, FILE is the message as it would be published, and its seal,
    signature, address, parts and pictures are checked. Without, FILE is the document
    before signing, and only its form is.
    """
    from agent.contract.check import check_message
    from agent.contract.keyring import KeyFileError
    from agent.contract.reasons import ADVICE, retry_of

    try:
        message = file.read_bytes()
        judge = _judge_of(config) if config else None
        opened, findings = check_message(message, judge, datetime.now(UTC))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", REFUSED)
    except KeyFileError as error:
        fail(str(error), REFUSED)
    lines = []
    for finding in findings:
        advice = ADVICE[finding.reason]
        lines += [f"refused: {finding.reason} (retry: {retry_of(finding.reason)})"]
        lines += [f"  {finding.detail}", f"  {advice.meaning}", f"  {advice.remedy}"]
    if opened is not None and not findings:
        job = opened.job
        size = sum(part.size for part in job.parts)
        lines.append(f"good: job {job.job_id} for {job.station}/{job.printer}")
        lines.append(f"  {len(job.parts)} parts, {size} bytes in all")
        if judge is None:
            lines.append("  form only: seal, signature and pictures need --config")
    show({}, lines, as_json=False)
    if findings:
        sys.exit(REFUSED)


def _judge_of(config: Path) -> Judge:
    from functools import partial

    from agent.config import ConfigError, load
    from agent.contract.envelope import Keyring, open_job
    from agent.contract.topics import Address
    from agent.uplink.door import judge_with
    from protocols.registry import capabilities_of

    try:
        found = load(config)
    except ConfigError as error:
        fail(str(error), REFUSED)
    keyring = Keyring.load(
        found.keys.agent,
        found.keys.trust,
        allow_unsigned=found.keys.allow_unsigned_jobs,
    )
    to = Address(found.station, found.printer)
    capabilities = capabilities_of(found.device.family, found.device.model)
    return judge_with(partial(open_job, keyring=keyring, to=to), capabilities)
