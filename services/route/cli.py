"""``postbode parties``: the directory, with the database at hand."""

from __future__ import annotations

import contextlib
import json
from typing import Annotated
from uuid import UUID

import typer

from libs import clock
from libs.db.types import Connection, Pool
from libs.errors import HubError
from libs.identifiers import kvk
from libs.terminal import Language, say
from services.route.companies import history, parties
from services.route.companies.entries import pair, read_all, read_key, read_name
from services.route.companies.history import ChangeView
from services.route.companies.parties import Editor, Entry
from services.route.companies.party_views import as_line
from services.route.confirming import letter_cli
from services.route.loads import load_cli
from services.route.sessions import run, run_with_pool, told
from services.route.settings import RouteSettings
from services.route.trade_register import kvk_api
from services.route.trade_register.lookups import NOTHING, Answer, Lookups, care_of
from services.route.waits.releases import release_some

app = typer.Typer(no_args_is_help=True, help="The directory of receivers.")
app.command("load")(load_cli.load)
app.command("letter")(letter_cli.letter)
app.command("confirm")(letter_cli.confirm)

_OPERATOR = Editor(account_id=None, operator=True)
_NOBODY = UUID(int=0)
"""The owner of what was entered at the machine itself: no account sees it as its own."""

AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines, one object a line")]


@app.command("add")
def add(
    name: Annotated[str, typer.Option(help="name of the company")],
    identifier: Annotated[
        list[str], typer.Option("--id", help="scheme:value, repeatable: 0106:58070036, branch:000027449173")
    ],
    email: Annotated[str | None, typer.Option(help="where its invoices go")] = None,
    country: Annotated[str, typer.Option(help="NL, BE …")] = "NL",
    language: Annotated[Language, typer.Option(help="of what it is told")] = Language.nl,
    called: Annotated[
        list[str] | None, typer.Option(help="another name it goes by, repeatable: trade names")
    ] = None,
    post_code: Annotated[list[str] | None, typer.Option(help="of an address, repeatable")] = None,
    branch_of: Annotated[UUID | None, typer.Option(help="the party this is a place of business of")] = None,
    as_json: AsJson = False,
) -> None:
    """Enter a confirmed party; invoices that wait for it go on."""

    async def work(conn: Connection, settings: RouteSettings) -> None:
        await parties.add(conn, entry, _OPERATOR)
        await release_some(conn, settings.release_most)

    try:
        entry = Entry(
            party_id=clock.uuid7(),
            owner_account=_NOBODY,
            name=read_name(name),
            identifiers=read_all(map(pair, identifier)),
            email=email,
            language=language.value,
            country=country,
            status="confirmed",
            branch_of=branch_of,
            names=tuple(map(read_name, called or ())),
            post_codes=tuple(post_code or ()),
        )
        run(work)
        _print(entry, as_json)
    except HubError as refused:
        raise told(refused) from refused


@app.command("list")
def list_parties(
    limit: Annotated[int, typer.Option(help="how many at most", min=1, max=10_000)] = 100,
    after: Annotated[UUID, typer.Option(help="the last party of the page before")] = _NOBODY,
    as_json: AsJson = False,
) -> None:
    """Parties in order of entry."""

    async def work(conn: Connection, settings: RouteSettings) -> list[Entry]:  # noqa: ARG001
        return await parties.parties(conn, after, limit)

    for entry in run(work):
        _print(entry, as_json)


@app.command("lookup")
def lookup(
    number: Annotated[str, typer.Argument(help="a KvK number")],
    as_json: AsJson = False,
) -> None:
    """What the trade register says of a company; nothing is entered. Needs POSTBODE_ROUTE_KVK_API_KEY."""

    async def work(pool: Pool, settings: RouteSettings) -> Answer:
        key = read_key(kvk.SCHEME, number)
        async with contextlib.AsyncExitStack() as stack:
            register = kvk_api.configured(settings)
            if register is not None:
                await stack.enter_async_context(register)
            return await Lookups(pool, register, care_of(settings)).company(key[1])

    try:
        answer = run_with_pool(work)
    except HubError as refused:
        raise told(refused) from refused
    if answer.company is None:
        say(f"{NOTHING.nl} / {NOTHING.en}", err=True)
        raise typer.Exit(1)
    found = answer.company
    if as_json:
        say(json.dumps(found.as_json() | {"asked_at": answer.asked_at.isoformat()}))
        return
    say(f"{found.kvk}  {found.name}{'  (ended)' if found.ended else ''}")
    for each in (*found.names, *found.postal, *found.post_codes):
        say(f"    {each}")


@app.command("history")
def show_history(
    party_id: Annotated[UUID, typer.Argument(help="the party, as `postbode parties list` prints it")],
    as_json: AsJson = False,
) -> None:
    """Every change of a party, oldest first: when, who, and what it was and became."""

    async def work(conn: Connection, settings: RouteSettings) -> list[ChangeView]:  # noqa: ARG001
        return await history.changes(conn, party_id, 0, 10_000)

    found = run(work)
    if not found:
        say("there is no such party", err=True)
        raise typer.Exit(1)
    for change in found:
        if as_json:
            say(change.model_dump_json())
            continue
        say(
            f"{change.at:%Y-%m-%d %H:%M:%S}  {change.by}  {change.by_account or '-'}  {change.by_user or '-'}"
        )
        for name, each in change.changes.items():
            say(f"    {name}: {json.dumps(each.before)} → {json.dumps(each.after)}")


def _print(entry: Entry, as_json: bool) -> None:
    if as_json:
        say(json.dumps({"party_id": str(entry.party_id), **entry.as_json()}))
        return
    say(as_line(entry))
