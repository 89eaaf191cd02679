"""``postbode``: one command line over all services.

Each service keeps its own ``cli.py``; it is imported only when one of its commands runs, so
``postbode check`` starts without loading a database driver. In an image that holds one service only that
service's commands are there.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives and what it is for; the help is here so that listing imports nothing."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "demo": Command("services.demo", "watch real invoices travel through the whole hub, on this machine"),
    "solo": Command("services.solo", "run the whole hub in one process, with its own Postgres"),
    "account": Command("services.ingest.cli", "open accounts, make API keys and key mailboxes"),
    "check": Command("services.validate.cli", "check invoice files against the rules, offline"),
    "rules": Command(
        "services.validate.shadow_cli", "which rules there are, and what the next release would change"
    ),
    "convert": Command(
        "services.deliver.converting.convert_cli", "an invoice in another format, with a report, offline"
    ),
    "show": Command(
        "services.deliver.converting.show_cli", "an invoice of any format as people read it, offline"
    ),
    "parties": Command("services.route.cli", "the directory of receivers"),
    "delivery": Command("services.deliver.cli", "deliveries and their attempts"),
    "payments": Command("services.deliver.payments.cli", "take bank statements: what is paid of invoices"),
    "secrets": Command(
        "services.deliver.receivers.credentials_cli",
        "secrets of receivers' connections, and the keys they lie under",
    ),
    "sync": Command(
        "services.sync.cli", "keep Exact Globe+ and Exact Purchase to Pay alike: plan, apply, verify"
    ),
    "parked": Command("services.route.waits.parked_cli", "invoices that wait for a fact or a person"),
    "recall": Command(
        "services.route.waits.recall_cli", "after a wrong delivery: stop sender and receiver, tell both"
    ),
    "invoice": Command("services.track.cli", "where an invoice is"),
    "dead": Command("libs.messaging.dead_cli", "events that no retry helped: list, show, replay, drop"),
    "redrive": Command("services.redrive", "publish events of the past again"),
    "keys": Command(
        "services.keys", "what one service derives from the master secret, to give it nothing else"
    ),
    "doctor": Command("services.doctor", "what is wrong with what the hub stands on, and what to do"),
    "drain": Command("services.drain", "wait until nothing is under way, and say what remains"),
    "scrub": Command("services.ingest.keeping.scrub_cli", "is every stored document what it was"),
    "ledger": Command(
        "services.track.ledger_cli", "is every acknowledged invoice delivered, returned or open"
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command. Exits with its code; what stops it is said in a sentence, 2 when nothing could be looked at:
    a command that does not exist, wrong settings, a database that is away."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _any_terminal()
    if not given or given[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return
    name = given[0]
    # Only the one that was asked for: looking where a command lives imports its package.
    if name not in COMMANDS or not _importable(COMMANDS[name].module):
        near = difflib.get_close_matches(name, present(), n=1)
        meant = f" Did you mean: postbode {near[0]}?" if near else ""
        sys.stderr.write(f"postbode: there is no command {name!r}.{meant} See: postbode --help\n")
        raise SystemExit(2)
    run(importlib.import_module(COMMANDS[name].module).app, name, given[1:])


def run(command: Callable[..., object], name: str, given: Sequence[str]) -> None:
    """One command, with what stops it said in a sentence."""
    try:
        command(given, prog_name=f"postbode {name}")
    except SystemExit:
        # How every command ends. Asked for first: the failures below are known to a module of weight.
        raise
    except _failures().EXPECTED as failed:
        code, words = _failures().explain(failed)
        sys.stderr.write(f"postbode {name}: {words}\n")
        raise SystemExit(code) from None


def present() -> list[str]:
    """The commands whose service is in this image."""
    return [name for name, command in COMMANDS.items() if _importable(command.module)]


def _failures() -> ModuleType:
    """Loaded when something failed and not before: it needs the database's driver, most commands do not."""
    return importlib.import_module("libs.failures")


def _any_terminal() -> None:
    """Words are Dutch and English and written in UTF-8; a terminal that cannot show a sign gets a question
    mark and not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def usage() -> str:
    lines = [f"  {name:<10} {COMMANDS[name].help}" for name in present()]
    return "\n".join(
        (
            "Postbode, the e-invoice exchange hub: take an invoice, prove it is lawful, bring it to its receiver.",
            "",
            "Usage: postbode COMMAND [OPTIONS]",
            "",
            *lines,
            "",
            "Start with `postbode demo`. `postbode COMMAND --help` explains a command.",
            "",
        )
    )


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    main()
