"""``postbode rules``: which rules there are, and which invoices the next release of them would treat otherwise."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from libs.db.settings import database_of
from libs.errors import Refusal
from libs.failures import EXPECTED, explain
from libs.rules.engine import releases
from libs.settings import load
from libs.terminal import cell, say
from services.validate import shadow as runs
from services.validate.settings import ValidateSettings

app = typer.Typer(no_args_is_help=True, help="Which rules there are, and what the next release would change.")


@app.command("list")
def list_packs() -> None:
    """Every pack, its releases, and since when each holds."""
    for name, every in releases().items():
        for pack in every:
            since = "always" if pack.since is None else f"issued {pack.since} or later"
            say(f"{name:10} {pack.release or '-':8} {since:28} {pack.source}")


@app.command()
def shadow(
    release: Annotated[str, typer.Option(metavar="RELEASE", help="the release to try, such as 2026.5")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="files, or folders with XML files in them", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="instead of files: the stored invoices judged since that day"
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object an invoice, each on a line")
    ] = False,
) -> None:
    """Tell which invoices another release of their rules would treat otherwise, and why. Nothing is changed.

    Ends with 0 when none would change, 1 when some would, 2 when nothing could be looked at. What cannot be read is told
    on standard error.
    """
    known = {each.release for every in releases().values() for each in every if each.release}
    if release not in known:
        raise typer.BadParameter(f"{release!r} is not one of {', '.join(sorted(known))}")
    if (since is None) is (not files):
        raise typer.BadParameter("name files, or --since a day for the stored invoices, and not both")
    counts = {"looked": 0, "changed": 0, "unread": 0}

    def look(name: str, data: bytes | None) -> None:
        try:
            change = None if data is None else runs.tried(name, data, release)
        except Refusal:
            data = change = None
        if data is None:
            counts["unread"] += 1
            say(f"{cell(name)}  cannot be read", err=True)
            return
        counts["looked"] += 1
        if change is None:
            return
        counts["changed"] += 1
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(asdict(change)) + b"\n")
            sys.stdout.flush()
            return
        why = ", ".join([*(f"+{rule}" for rule in change.breaks), *(f"-{rule}" for rule in change.mends)])
        say(f"{cell(change.invoice)}  [{change.pack}]  {change.now} -> {change.then}  {why}")

    async def look_back(day: datetime) -> None:
        settings = load(ValidateSettings)
        database = database_of(settings)
        async for invoice_id, data in runs.stored(database, day.replace(tzinfo=UTC)):
            look(str(invoice_id), data)

    if since is not None:
        try:
            asyncio.run(look_back(since))
        except EXPECTED as failed:
            say(f"The invoices cannot be read: {explain(failed)[1]}", err=True)
            raise typer.Exit(2) from failed
    for path in _files(files or []):
        look(str(path), _read(path))
    say(
        f"{counts['looked']} looked at, {counts['changed']} would change, {counts['unread']} cannot be read",
        err=as_json,
    )
    if not counts["looked"]:
        raise typer.Exit(2)
    raise typer.Exit(1 if counts["changed"] else 0)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*.xml") if each.is_file())
        else:
            yield path
