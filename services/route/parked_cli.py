"""``postbode parked``: what waits and why, with the database at hand."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import typer

from libs.db.types import Connection
from libs.messaging import outbox
from libs.terminal import say
from services.route import directory, facts, store, words
from services.route.sessions import run
from services.route.settings import RouteSettings
from services.route.views import ParkedView, view

app = typer.Typer(no_args_is_help=True, help="Invoices that wait for a fact or a person.")


class Language(StrEnum):
    nl = "nl"
    en = "en"


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
    lang: Annotated[Language, typer.Option(help="of the words")] = Language.nl,
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
    for candidate in found.candidates:
        say(f"  {candidate.identifier.scheme}:{candidate.identifier.value}  {candidate.path}")
    if found.first is not None:
        say(f"{found.first}:")
    for each in found.differences:
        say(f"  {each.term:8} {each.path}: {_or_none(each.before)} → {_or_none(each.after)}")


def _or_none(text: str | None) -> str:
    return "-" if text is None else text


@app.command("release")
def release(
    invoice_id: Annotated[UUID, typer.Argument(help="the invoice")],
    to: Annotated[
        UUID | None,
        typer.Option("--to", help="the party that receives it, as `postbode parties list` prints it"),
    ] = None,
) -> None:
    """Say who receives an invoice that waits; that company's number is believed on this sender's invoices from then on.
    Without --to: deliver one that waits because another has its number."""

    async def let_through(conn: Connection) -> str | None:
        await directory.hold(conn)
        waiting = await store.lock_open(conn, [invoice_id])
        row = await store.parked(conn, invoice_id)
        if not waiting or row is None:
            return "no such invoice waits"
        if row["code"] != facts.DIFFERS:
            return "it waits for a receiver: say which with --to"
        await outbox.append(conn, await facts.let_through(conn, waiting[0], "operator"))
        return None

    async def work(conn: Connection, settings: RouteSettings) -> str | None:  # noqa: ARG001
        if to is None:
            return await let_through(conn)
        await directory.change_alone(conn)
        party = await directory.by_id(conn, to)
        if party is None:
            return "there is no such party, or it is not confirmed"
        waiting = await store.lock_open(conn, [invoice_id])
        if not waiting:
            return "no such invoice waits"
        await outbox.append(conn, await facts.choose(conn, waiting[0], party))
        return None

    _told(run(work), "released")


@app.command("return")
def give_back(invoice_id: Annotated[UUID, typer.Argument(help="the invoice")]) -> None:
    """Give an invoice that waits back to its sender: it is not delivered, and may be sent again."""

    async def work(conn: Connection, settings: RouteSettings) -> str | None:  # noqa: ARG001
        waiting = await store.lock_open(conn, [invoice_id])
        if not waiting:
            return "no such invoice waits"
        await outbox.append(conn, await facts.give_back(conn, waiting, "given-back", words.given_back()))
        return None

    _told(run(work), "given back")


def _told(trouble: str | None, done: str) -> None:
    say(trouble or done, err=trouble is not None)
    if trouble is not None:
        raise typer.Exit(1)
