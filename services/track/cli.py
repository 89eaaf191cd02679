"""``postbode invoice``: where an invoice is, over the public API, with an API key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.table import Column, Table

from libs.http.client import client
from libs.settings import load
from libs.terminal import cell, say
from services.track.labels import HEADLINES
from services.track.settings import TrackSettings

app = typer.Typer(no_args_is_help=True, help="Where an invoice is.")


class Language(StrEnum):
    nl = "nl"
    en = "en"


Key = Annotated[
    str, typer.Option(envvar="POSTBODE_API_KEY", help="API key; or set POSTBODE_API_KEY", show_default=False)
]
Lang = Annotated[Language, typer.Option("--lang", help="of the words")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


@app.command("list")
def list_invoices(
    key: Key,
    status: Annotated[str | None, typer.Option(help="only these: " + ", ".join(HEADLINES))] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="how many at most")] = 50,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """Your newest invoices; `show` says why."""
    found = _get("/v1/invoices", key, {"limit": limit, **({"status": status} if status else {})}, lang)
    if as_json:
        say(json.dumps(found["invoices"]))
        return
    table = Table(Column("invoice", no_wrap=True, min_width=36), "number", "receiver", "status")
    for each in found["invoices"]:
        table.add_row(
            each["invoice_id"], cell(each["number"] or each["filename"] or ""), cell(each["receiver"] or ""),
            each["label"][lang],
        )  # fmt: skip
    Console().print(table)


@app.command("show")
def show_invoice(
    invoice_id: Annotated[str, typer.Argument(help="the invoice, as its receipt named it")],
    key: Key,
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """One invoice and everything that happened to it."""
    found = _get(f"/v1/invoices/{invoice_id}", key, {}, lang)
    if as_json:
        say(json.dumps(found))
        return
    console = Console(highlight=False)
    console.print(cell(f"{found['number'] or found['filename'] or invoice_id}: {found['label'][lang]}"))
    console.print(cell(found["reason"][lang]))
    table = Table("when", "by", "what", "words")
    for each in found["timeline"]:
        table.add_row(
            each["at"][:19].replace("T", " "), each["source"].rpartition("/")[2], each["label"][lang],
            cell(each["words"][lang]),
        )  # fmt: skip
    console.print(table)


def _get(path: str, key: str, params: Mapping[str, Any], lang: Language) -> Any:
    """The API's answer; an error ends the program with its explanation."""

    async def ask() -> httpx.Response:
        async with client(base_url=load(TrackSettings).base_url) as http:
            return await http.get(path, params=params, headers={"Authorization": f"Bearer {key}"})

    try:
        reply = asyncio.run(ask())
    except httpx.HTTPError as away:
        say(f"The hub cannot be reached: {away}", err=True)
        raise typer.Exit(1) from away
    if not reply.is_success:
        problem = reply.json()
        say(problem.get("words", {}).get(lang) or problem.get("detail", reply.reason_phrase), err=True)
        raise typer.Exit(1)
    return reply.json()
