"""``postbode parties letter`` and ``confirm``: an operator's side of confirming, with the database at hand."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from libs import clock
from libs.db.types import Connection, Pool
from libs.errors import HubError, NotFound
from libs.terminal import say
from services.route import kvk_api, letters, parties
from services.route.letter_page import draw, texts
from services.route.lookups import Lookups, care_of
from services.route.parties import Editor
from services.route.releases import release_some
from services.route.sessions import run, run_with_pool
from services.route.settings import RouteSettings

_OPERATOR = Editor(account_id=None, operator=True)
PartyId = Annotated[UUID, typer.Argument(help="the party, as `postbode parties list` prints it")]


def letter(
    party_id: PartyId,
    out: Annotated[Path, typer.Option(help="where the PDF is written; whoever has it has the code")],
    url: Annotated[str, typer.Option(help="where people reach the hub, as it stands in the letter")],
    line: Annotated[
        list[str] | None,
        typer.Option(
            help="a line of the address below the name, repeatable; left out: the trade register is asked"
        ),
    ] = None,
) -> None:
    """Make the letter whose code confirms a claimed party, to print and post. The one before is void."""

    async def work(pool: Pool, settings: RouteSettings) -> bytes:
        async with pool.acquire() as conn:
            entry, number = await letters.claimed(conn, party_id)
        company = None
        if not line:
            async with contextlib.AsyncExitStack() as stack:
                register = kvk_api.configured(settings)
                if register is not None:
                    await stack.enter_async_context(register)
                company = (await Lookups(pool, register, care_of(settings)).company(number)).company
        to = letters.addressed(entry, number, company, line or ())
        async with pool.acquire() as conn, conn.transaction():
            made = await letters.make(conn, party_id, to, _OPERATOR, settings.secret, by_hand=bool(line))
        return draw(texts(made, party_id, url, clock.now().date(), entry.language))

    try:
        page = run_with_pool(work)
    except HubError as refused:
        raise _told(refused) from refused
    out.touch(mode=0o600)
    out.write_bytes(page)
    say(str(out))


def confirm(party_id: PartyId) -> None:
    """Confirm a party on your own word; what waits for it goes on."""

    async def work(conn: Connection, settings: RouteSettings) -> str:
        before = await parties.party(conn, party_id)
        if before is None:
            raise NotFound
        after = await parties.change(conn, replace(before, status="confirmed"), _OPERATOR)
        await release_some(conn, settings.release_most)
        return after.name

    try:
        say(run(work))
    except HubError as refused:
        raise _told(refused) from refused


def _told(refused: HubError) -> typer.Exit:
    say(f"{refused.code}: {refused.words['nl']} / {refused.words['en']}", err=True)
    return typer.Exit(1)
