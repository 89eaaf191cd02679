"""``postbode parties letter`` and ``confirm``: an operator's side of confirming, with the database at hand."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from libs import clock
from libs.contracts.parts import Words
from libs.db.types import Connection, Pool
from libs.errors import Conflict, HubError, NotFound
from libs.identifiers import kvk
from libs.terminal import say
from services.route.companies import directory, parties
from services.route.companies.entries import pair, read_key
from services.route.companies.parties import Editor, Entry
from services.route.companies.party_views import as_line
from services.route.confirming import letters
from services.route.confirming.letter_page import draw, texts
from services.route.deciding.corroboration import root
from services.route.deciding.decision import Key
from services.route.sessions import run, run_with_pool, told
from services.route.settings import CODES, RouteSettings
from services.route.trade_register import kvk_api
from services.route.trade_register.lookups import Lookups, care_of
from services.route.waits.releases import release_some

_OPERATOR = Editor(account_id=None, operator=True)
_SAY_KVK = Words(
    nl="Zoek dit bedrijf op bij kvk.nl, vergelijk naam en adres, en noem het nummer dat u vond: --kvk ….",
    en="Look this company up at kvk.nl, compare name and address, and give the number you found: --kvk ….",
)
_SAY_ID = Words(
    nl="Zoek dit bedrijf op in zijn register, vergelijk naam en adres, en noem het nummer dat u vond: --id soort:nummer.",
    en="Look this company up in its register, compare name and address, and give the number you found: --id scheme:value.",
)
_OTHER = Words(
    nl="Deze partij heeft niet het nummer dat u noemt. Er is niets bevestigd. Een partij met een KvK-nummer wordt daarmee "
    "bevestigd (--kvk); is dat een ander nummer dan u opzocht, vraag het dan aan wie haar invoerde.",
    en="This party has not the number you give. Nothing was confirmed. A party with a KvK number is confirmed by that one "
    "(--kvk); if it is another than you looked up, ask whoever entered it.",
)
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
        async with contextlib.AsyncExitStack() as stack:
            register = kvk_api.configured(settings)
            if register is not None:
                await stack.enter_async_context(register)
            lookups = Lookups(pool, register, care_of(settings))
            to = await letters.addressee(lookups, entry, number, line or ())
        async with pool.acquire() as conn, conn.transaction():
            made = await letters.make(conn, party_id, to, _OPERATOR, settings.derive(CODES))
        return draw(texts(made, party_id, url, clock.now().date(), entry.language))

    try:
        page = run_with_pool(work)
    except HubError as refused:
        raise told(refused) from refused
    out.touch(mode=0o600)
    out.write_bytes(page)
    say(str(out))


def confirm(
    party_id: PartyId,
    number: Annotated[
        str | None,
        typer.Option(
            "--kvk", help="its KvK number as you looked it up; left out: shows what would be confirmed"
        ),
    ] = None,
    identifier: Annotated[
        str | None,
        typer.Option("--id", help="scheme:value, for a party without a KvK number: 0208:0203201340"),
    ] = None,
) -> None:
    """Confirm a party on your own word; what waits for it goes on. Its owner may change what it claims until then, so you
    say which number you looked up, and another is not confirmed."""

    async def work(conn: Connection, settings: RouteSettings) -> Entry:
        checked = None
        if number is not None:
            checked = read_key(kvk.SCHEME, number)
        elif identifier is not None:
            checked = read_key(*pair(identifier))
        await directory.change_alone(conn)
        before = await parties.party(conn, party_id, lock=True)
        if before is None:
            raise NotFound
        refused = not_checked(before, checked)
        if refused is not None:
            say(as_line(before), err=True)
            raise Conflict(refused.en, nl=refused.nl, code="other-number" if checked else "number-not-said")
        after = await parties.change(conn, replace(before, status="confirmed"), _OPERATOR)
        await release_some(conn, settings.release_most)
        return after

    try:
        say(as_line(run(work)))
    except HubError as refused:
        raise told(refused) from refused


def not_checked(entry: Entry, checked: Key | None) -> Words | None:
    """Why a party may not be confirmed on the word of somebody who looked this number up; None: it may. Pure."""
    own = {root(i.scheme, i.value) for i in entry.identifiers}
    by_kvk = any(scheme == kvk.SCHEME for scheme, _ in own)
    if checked is None:
        return _SAY_KVK if by_kvk else _SAY_ID
    known = root(*checked) in own and (root(*checked)[0] == kvk.SCHEME or not by_kvk)
    return None if known else _OTHER
