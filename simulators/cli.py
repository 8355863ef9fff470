"""`blanko-sim`: what pretends. Each command is imported only when it is used."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "printer": ("simulators.printer_cli:printer", "An emulated card printer."),
    "centre": ("simulators.centre.cli:centre", "A stand-in for the central server."),
    "demo": ("simulators.demo.cli:demo", "Cards through broker, agent and printer."),
    "station": ("simulators.station:station", "Agent and emulator at a broker."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name][0].partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup)
def main() -> None:
    """Printers, a centre and whole stations that pretend, for trying and testing."""
