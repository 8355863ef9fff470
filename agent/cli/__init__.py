"""The command `blanko`. Each command's module is imported only when it is typed."""

from __future__ import annotations

import importlib

import click

from agent import __version__

COMMANDS = {
    "run": "Be the agent of one printer, until stopped.",
    "status": "Show printer, broker, current job and blanks.",
    "job": "List, explain, hold and resolve jobs.",
    "stock": "Show, move and count blank cards.",
    "roster": "Say who may stand for blanks, with PINs.",
    "ledger": "Verify the chain of events; begin a new one after a loss.",
    "printer": "Find, prove, pause, clean or test it; read along with it.",
    "config": "Check a configuration file.",
    "keys": "Make and show keys.",
    "contract": "Export the contract, check a job against it.",
}
"""Name to help line; the module is `agent.cli.NAME`, the command in it is NAME."""


class LazyGroup(click.Group):
    """Knows its commands by name alone, so that help is there at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"agent.cli.{cmd_name}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"max_content_width": 80})
@click.version_option(__version__, message="blanko %(version)s")
def main() -> None:
    """No card printed twice, every blank accounted for.

    Errors go to stderr. Exit codes: 1 refused, 2 wrong use, 3 the daemon does
    not answer.
    """
