"""`blanko ledger`: is the chain of events what was written? (docs/ledger.md)"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from agent.cli.ask import REFUSED, fail, people, pin_of

if TYPE_CHECKING:
    from agent.contract.agent_events import SigningKey
    from agent.contract.keyring import CentreKey
    from agent.contract.messages import Ack
    from agent.journal.verify import Report

EXIT_CODES = {
    "good": 0,
    "truncated": 10,
    "edited": 11,
    "reordered": 12,
    "tables": 13,
    "signature": 14,
    "damaged": 15,
}
"""By verdict; `tests/agent/test_cli_ledger.py` holds it to be complete."""


class _Asked(NamedTuple):
    file: Path
    signing: SigningKey | None  # whose signatures are believed
    open_ack: Callable[[bytes], Ack] | None


@click.group()
def ledger() -> None:
    """Verify the chain of events, open a new one after a loss."""


@ledger.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="A daemon's configuration: names its journal, its key and its trust file.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Agent's public key, as `blanko keys show` prints it: must have signed.",
)
@click.option(
    "--trust",
    type=click.Path(path_type=Path),
    help="Trust file with the centre's keys: one must have signed the ack.",
)
def verify(
    file: Path | None, config: Path | None, key: Path | None, trust: Path | None
) -> None:
    """Say in one line whether FILE, a journal or a copy of one, is whole.

    The daemon may be running. Nothing is changed. Exit codes: 0 good, 10 truncated,
    11 edited, 12 reordered, 13 tables differ, 14 signature, 15 damaged.
    """
    from agent.journal.verify import verify as judge

    asked = _asked(file, config, key, trust)
    if not asked.file.is_file():
        fail(f"{asked.file}: there is no such file", REFUSED)
    report = judge(asked.file, asked.signing, asked.open_ack)
    click.echo(_line(report, asked))
    sys.exit(EXIT_CODES[report.verdict])


@ledger.command("open")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    required=True,
    help="The daemon's configuration, which names its folder.",
)
@click.option("--because", required=True, help="What happened, for the auditor.")
@click.option(
    "--count",
    "counts",
    multiple=True,
    metavar="PLACE=N",
    help="Blanks at a place, counted now. Once for each place.",
)
@click.option("--old-ledger", help="Id of the lost ledger, where no file names it.")
@people
def open_ledger(
    config: Path,
    because: str,
    counts: tuple[str, ...],
    old_ledger: str | None,
    who: str | None,
    second: str | None,
) -> None:
    """Open a new ledger in the place of one that was damaged, lost or forked.

    It wants two identities, as a movement of blanks may. The daemon must not be
    running; what is left of the old ledger is kept. What became of jobs accepted
    before is unknown: jobs issued before now are refused.
    """
    from agent.config import ConfigError, load
    from agent.journal.anew import Beginning, begin
    from agent.journal.errors import JournalError, Refusal
    from agent.lifecycle.ledger import Signers
    from agent.people.identities import announced, prove_at_hand
    from agent.people.roster import RosterError
    from agent.people.roster import load as load_roster

    places = _counted(counts)
    try:
        given = load(config)
        found = None if given.roster is None else load_roster(given.roster)
        if found is None:
            by = Signers(who or getpass.getuser(), second)
        else:
            by = prove_at_hand(found, who, second, pin_of)
        roster = None if found is None else announced(found)
        said = Beginning(because, places, by, old_ledger, roster)
        begun = begin(given.state_dir, said)
    except (ConfigError, JournalError, RosterError) as error:
        fail(str(error), REFUSED)
    except Refusal as refusal:
        fail(refusal.message, REFUSED)
    click.echo(f"ledger {begun} begun; start the daemon again")
    if by.proven and by.second is None:
        click.echo("a second person has 24 hours: blanko stock confirm 1 --as ID")


def _counted(counts: tuple[str, ...]) -> dict[str, int]:
    """Return blanks by place; every place that can be counted must be there."""
    from agent.lifecycle.ledger import COUNTED

    found: dict[str, int] = {}
    for text in counts:
        place, _, number = text.partition("=")
        if place not in COUNTED or not number.isdecimal() or place in found:
            raise click.UsageError(
                f"--count {text}: expected PLACE=N once for each of"
                f" {', '.join(COUNTED)}"
            )
        found[place] = int(number)
    if missing := [str(place) for place in COUNTED if place not in found]:
        raise click.UsageError(f"count also: {', '.join(missing)}")
    return found


def _asked(
    file: Path | None, config: Path | None, key: Path | None, trust: Path | None
) -> _Asked:
    from agent.config import ConfigError, load
    from agent.contract.keyring import KeyFileError, trust_of
    from agent.contract.keys import signing_of, signing_of_public

    if file is None and config is None:
        raise click.UsageError("say which: FILE or --config FILE")
    signing, centre = None, None
    try:
        if config is not None:
            given = load(config)
            file = file or given.state_dir / "journal.db"
            signing = signing_of(given.keys.agent)
            centre = trust_of(given.keys.trust)
        if key is not None:
            signing = signing_of_public(key)
        if trust is not None:
            centre = trust_of(trust)
    except (ConfigError, KeyFileError) as error:
        fail(str(error), REFUSED)
    assert file is not None
    return _Asked(file, signing, None if centre is None else _opener(centre))


def _opener(centre: dict[str, CentreKey]) -> Callable[[bytes], Ack]:
    from agent.contract.envelope import EnvelopeRefused, read_ack

    def open_ack(message: bytes) -> Ack:
        try:
            return read_ack(message, centre)
        except EnvelopeRefused as refused:
            raise ValueError(refused.detail) from refused

    return open_ack


def _line(report: Report, asked: _Asked) -> str:
    if report.verdict != "good":
        return f"{report.verdict}: {report.detail}"
    parts = [f"ledger {report.ledger}", f"{report.head.no} events"]
    if report.checkpoint_count:
        whose = "the given key" if asked.signing else "the key that it names itself"
        parts.append(f"signed up to {report.signed_no} by {whose}")
    else:
        parts.append("no checkpoint")
    if report.acked_no:
        how = "checked" if report.ack_checked else "its signature not checked"
        parts.append(f"the centre signed up to {report.acked_no}, {how}")
    parts.append(f"head {report.head.hash}")
    return f"good: {'; '.join(parts)}"
