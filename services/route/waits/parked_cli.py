"""``postbode parked``: what waits and why, with the database at hand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import UUID

import typer

from libs.db.types import Connection
from libs.errors import Refusal
from libs.terminal import Lang, Language, say
from services.route import store
from services.route.sessions import run, told
from services.route.settings import RouteSettings
from services.route.waits import by_hand
from services.route.waits.by_hand import Move
from services.route.waits.steps import Person
from services.route.waits.views import ParkedView, view

app = typer.Typer(no_args_is_help=True, help="Invoices that wait for a fact or a person.")


_WHO: dict[Language, dict[Person, str]] = {
    Language.nl: {"sender": "afzender", "receiver": "ontvanger", "operator": "beheerder"},
    Language.en: {"sender": "sender", "receiver": "receiver", "operator": "operator"},
}
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines, one object a line")]


@app.command("list")
def list_parked(
    limit: Annotated[int, typer.Option(help="how many at most", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """What waits, of every account, longest first."""

    async def work(conn: Connection, settings: RouteSettings) -> list[ParkedView]:  # noqa: ARG001
        beginning = (datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))
        return [view(row) for row in await store.waiting(conn, beginning, limit)]

    for parked in run(work):
        if as_json:
            say(parked.model_dump_json())
        else:
            waits = " ".join(parked.waits_for) or "-"
            say(
                f"{parked.invoice_id}  {parked.parked_at:%Y-%m-%d %H:%M}  {parked.code:17}  "
                f"{parked.number or '-'}  {parked.receiver or '-'}  {waits}"
            )


@app.command("show")
def show(
    invoice_id: Annotated[UUID, typer.Argument(help="the invoice")],
    lang: Lang = Language.nl,
    as_json: AsJson = False,
) -> None:
    """Why one invoice waits, and what to do."""

    async def work(conn: Connection, settings: RouteSettings) -> ParkedView | None:  # noqa: ARG001
        row = await store.parked(conn, invoice_id)
        return view(row) if row else None

    found = run(work)
    if found is None:
        say("no such invoice waits or waited", err=True)
        raise typer.Exit(1)
    if as_json:
        say(found.model_dump_json())
        return
    say(f"{found.number or '-'} → {found.receiver or '-'}: {found.state}, {found.code}")
    say(found.reason.en if lang is Language.en else found.reason.nl)
    for step in found.steps:
        who = ", ".join(_WHO[lang][person] for person in step.who)
        say(f"- {who}: {step.words.en if lang is Language.en else step.words.nl}")
        if step.command is not None:
            say(f"    {step.command}")
    for candidate in found.candidates:
        say(f"  {candidate.identifier.scheme}:{candidate.identifier.value}  {candidate.path}")
    if found.first is not None:
        say(f"{found.first}:")
    for each in found.differences:
        say(f"  {each.term:8} {each.path}: {_or_none(each.before)} → {_or_none(each.after)}")


def _or_none(text: str | None) -> str:
    return "-" if text is None else text


InvoiceId = Annotated[UUID, typer.Argument(help="the invoice, as `postbode parked list` prints it")]


@app.command("release")
def release(
    invoice_id: InvoiceId,
    to: Annotated[
        UUID | None,
        typer.Option("--to", help="the party that receives it, as `postbode parties list` prints it"),
    ] = None,
) -> None:
    """Say who receives an invoice that waits; that company's number is believed on this sender's invoices from then on.
    Without --to: deliver one that waits because another has its number, or because its PDF names another account."""
    _moved(invoice_id, partial(by_hand.release, to=to))


@app.command("return")
def give_back(invoice_id: InvoiceId) -> None:
    """Give an invoice that waits back to its sender: it is not delivered, and may be sent again."""
    _moved(invoice_id, by_hand.give_back)


@app.command("retry")
def look_again(invoice_id: InvoiceId) -> None:
    """Look up the receiver again, by the directory and the rules of today. What waits goes on by itself when a party
    becomes known or is changed, so this is for what waits since before an update of the hub, and for doubt."""
    _moved(invoice_id, by_hand.look_again)


def _moved(invoice_id: UUID, move: Move) -> None:
    """Do it, and say how it stands now; 1 when it cannot be done."""

    async def work(conn: Connection, settings: RouteSettings) -> ParkedView | None:  # noqa: ARG001
        await move(conn, invoice_id, who="operator")
        row = await store.parked(conn, invoice_id)
        return view(row) if row else None

    try:
        found = run(work)
    except Refusal as refused:
        raise told(refused) from refused
    if found is not None:
        waits = f", {found.code}: see `postbode parked show {invoice_id}`" if found.state == "open" else ""
        say(f"{found.state}{waits}")
