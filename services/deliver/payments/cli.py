"""``postbode payments``: what is paid, with the database at hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer

from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.errors import Refusal
from libs.settings import load as load_settings
from libs.terminal import Lang, Language, say
from services.deliver.payments import reports
from services.deliver.payments.lines import MOST_BYTES
from services.deliver.payments.load import load
from services.deliver.payments.reports import Loaded, NotTaken, Taken
from services.deliver.payments.sheet import Encoding, Told
from services.deliver.settings import DeliverSettings

app = typer.Typer(no_args_is_help=True, help="What is paid of invoices.")


@app.callback()
def main() -> None:
    """What is paid of invoices."""


@app.command("load")
def load_statement(
    file: Annotated[
        Path, typer.Argument(help="a bank statement: CAMT.053 or CSV", exists=True, dir_okay=False)
    ],
    account: Annotated[UUID, typer.Option("--account", help="whose statement it is")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what it would do, and do nothing")] = False,
    encoding: Annotated[str, typer.Option(help="of a CSV file")] = "utf-8",
    iban: Annotated[
        str | None, typer.Option(help="CSV without a column of the own account: its IBAN")
    ] = None,
    currency: Annotated[str | None, typer.Option(help="CSV that names no currency: which")] = None,
    decimal: Annotated[
        str | None, typer.Option(help="CSV: the mark before cents, where it could be either")
    ] = None,
    lang: Lang = Language.nl,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for machines")] = False,
) -> None:
    """Take a bank statement of an account; what pays no invoice is listed with the reason."""
    told = Told(_one(encoding), iban and "".join(iban.split()).upper(), currency, _mark(decimal))
    if file.stat().st_size > MOST_BYTES:
        say(f"a statement may be at most {MOST_BYTES} bytes: split it", err=True)
        raise typer.Exit(1)

    async def work() -> Loaded:
        settings = load_settings(DeliverSettings)
        pools = Pools(database_of(settings))
        try:
            pool = await pools.get("deliver", "worker")
            return reports.shown(
                await load(pool, file.read_bytes(), told, (account, None), rehearsal=dry_run)
            )
        finally:
            await pools.close()

    try:
        done = asyncio.run(work())
    except Refusal as no:
        say(no.words.get(lang, no.message), err=True)
        raise typer.Exit(1) from no
    if as_json:
        say(done.model_dump_json())
        return
    for taken in done.taken:
        say(_taken(taken))
    for left in done.left:
        say(_left(left, lang))
    said = "taken" if done.written else "would be taken"
    say(f"{done.entries} payments: {len(done.taken)} {said}, {done.repeated} known, {len(done.left)} not")


def _one(encoding: str) -> Encoding:
    match encoding.lower():
        case "utf-8" | "utf-16" | "windows-1252" | "iso-8859-1" | "iso-8859-15" as known:
            return known
    raise typer.BadParameter("utf-8, utf-16, windows-1252, iso-8859-1 or iso-8859-15")


def _mark(decimal: str | None) -> Literal[",", "."] | None:
    match decimal:
        case None | "," | "." as known:
            return known
    raise typer.BadParameter("a comma or a point")


def _taken(each: Taken) -> str:
    return f"{each.line.entry:6}  {each.number}  {each.amount:.2f} {each.line.currency}  {each.invoice_id}"


def _left(each: NotTaken, lang: Language) -> str:
    words = each.reason.nl if lang is Language.nl else each.reason.en
    amount = "-" if each.line.amount is None else f"{each.line.amount:.2f} {each.line.currency}"
    return f"{each.line.entry:6}  {amount}  {each.code}: {words}"
