"""``postbode``: one command line over all services.

Each service keeps its own ``cli.py``; it is imported only when one of its commands runs, so
``postbode check`` starts without loading a database driver. In an image that holds one service only that
service's commands are there.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import typer.main


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives and what it is for; the help is here so that listing imports nothing."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command("services.demo", "Watch real invoices travel through the whole hub, on this machine."),
    "solo": Command("services.solo", "Run the whole hub in one process, with its own Postgres."),
    "account": Command("services.ingest.cli", "Open accounts, make API keys and key mailboxes."),
    "check": Command("services.validate.cli", "Check invoice files against the rules, offline."),
    "party": Command("services.route.cli", "The directory of receivers."),
    "parked": Command("services.route.parked_cli", "Invoices that wait for a fact or a person."),
    "delivery": Command("services.deliver.cli", "Deliveries and their attempts."),
    "invoice": Command("services.track.cli", "Where an invoice is."),
    "dead": Command("services.dead", "Messages that no retry helped: list, show, replay, drop."),
    "redrive": Command("services.redrive", "Publish events of the past again."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, command in COMMANDS.items() if _present(command.module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = COMMANDS.get(cmd_name)
        if command is None or not _present(command.module):
            return None
        app: Any = importlib.import_module(command.module).app
        built = typer.main.get_command(app)
        built.name = cmd_name
        return built

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])


def _present(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `postbode demo`. `postbode COMMAND --help` explains each command.",
)
def main() -> None:
    """Postbode, the e-invoice exchange hub: take an invoice, prove it is lawful, bring it to its receiver."""


if __name__ == "__main__":
    main()
