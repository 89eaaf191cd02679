"""``postbode recall``: after a wrong delivery, with the database at hand."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from libs.contracts.invoice import InvoiceRecalled
from libs.db.types import Connection
from libs.errors import Refusal
from libs.messaging import outbox
from libs.terminal import say
from services.route.companies import directory
from services.route.sessions import run, told
from services.route.settings import RouteSettings
from services.route.waits import recalls

app = typer.Typer(help="Invoices went to somebody they were not for: stop, and tell both sides.")


@app.command()
def recall(
    invoices: Annotated[
        list[UUID], typer.Argument(help="invoices of one sender that one receiver got by mistake")
    ],
) -> None:
    """Nothing more goes from that sender to that receiver until a person says so (`postbode parked release --to`); what
    is under way between them waits; sender and receiver are told."""

    async def work(conn: Connection, settings: RouteSettings) -> str:  # noqa: ARG001
        await directory.change_alone(conn)
        events = await recalls.recall(conn, set(invoices), None, None)
        await outbox.append(conn, events)
        fact, *_ = (event.data for event in events if isinstance(event.data, InvoiceRecalled))
        address = fact.receiver.email or "nowhere: it has no address, call it"
        return f"stopped: {fact.account_id} → {fact.receiver.name}; the receiver is told at {address}"

    try:
        say(run(work))
    except Refusal as refused:
        raise told(refused) from refused
