"""``postbode sync``: Exact Globe+ and Exact Purchase to Pay kept alike, with the database at hand.

Setting up is here; plans, applies and comparisons are in ``runs_cli``, first loads in ``loads_cli``.
"""

from __future__ import annotations

import json
from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID

import typer

from libs.errors import BadInput
from libs.terminal import say
from services.sync import clients, loads_cli, runs_cli, timetable
from services.sync.given import GivenAdministration, GivenChange, GivenClient, GivenSettings, given
from services.sync.sessions import OWN, AsJson, run, run_of
from services.sync.workshop import Workshop, open_globe

app = typer.Typer(no_args_is_help=True, help="Keep Exact Globe+ and Exact Purchase to Pay alike.")

Owner = Annotated[UUID, typer.Option("--account", help="the account it belongs to")]


@app.command("client")
def client(
    name: Annotated[str, typer.Argument(help="what you call this Purchase to Pay")],
    address: Annotated[str, typer.Option(help="Base Address: where it answers")],
    username: Annotated[str, typer.Option(help="User name")],
    password: Annotated[
        str, typer.Option(help="Password", envvar="POSTBODE_P2P_PASSWORD", prompt=True, hide_input=True)
    ],
    api_key: Annotated[
        str, typer.Option(help="API key", envvar="POSTBODE_P2P_API_KEY", prompt=True, hide_input=True)
    ],
    account: Owner = OWN,
) -> None:
    """Add a Purchase to Pay, connect to it, and save it when that succeeds."""

    async def work(shop: Workshop) -> None:
        typed = given(
            GivenClient,
            account_id=account,
            name=name,
            base_address=address,
            username=username,
            password=password,
            api_key=api_key,
        )
        await shop.add_client(account, name, typed.account)

    run(work)
    say(f"{name}: verbonden en bewaard / connected and saved")


@app.command("administration")
def administration(
    code: Annotated[str, typer.Argument(help="its code in Globe+, such as 001")],
    source: Annotated[
        str,
        typer.Option(
            help="its database: mssql+mssqlpython://user:password@server/database",
            envvar="POSTBODE_GLOBE_SOURCE",
        ),
    ],
    update: Annotated[str, typer.Option(help="product update of Globe+, such as 421SP7 or 508")],
    name: Annotated[str, typer.Option(help="what you call it")] = "",
    cmdm: Annotated[
        bool, typer.Option("--cmdm", help="it is synced by CMDM instead of Exact Integrator")
    ] = False,
    account: Owner = OWN,
) -> None:
    """Add a Globe+ administration, or say where it is now. Its database is read once to see that it is there."""

    async def work(shop: Workshop) -> str:
        member = given(
            GivenAdministration,
            account_id=account,
            code=code,
            name=name,
            source=source,
            product_update=update,
            integrator="cmdm" if cmdm else "integrator",
        ).member
        globe = open_globe(member)
        try:
            found = globe.administration()
        finally:
            globe.close()
        if found is None:
            raise BadInput(
                f"This database has no administration {code}.",
                nl=f"Deze database heeft geen administratie {code}.",
            )
        async with shop.pool.acquire() as conn:
            await clients.put_administration(conn, shop.seal, account, member)
        return found.name

    say(f"{code}: {run(work)}")


@app.command("solution")
def solution(
    name: Annotated[str, typer.Argument(help="what you call this configuration")],
    client: Annotated[str, typer.Option(help="the Purchase to Pay")],
    administrations: Annotated[
        list[str],
        typer.Option(
            "--administration", help="a Globe+ administration, repeatable; the first one's value holds"
        ),
    ],
    description: Annotated[str, typer.Option(help="what it is for")] = "",
    every: Annotated[
        str, typer.Option(help=f"repeat task every: {', '.join(timetable.EVERY)} or day")
    ] = "1h",
    at: Annotated[str | None, typer.Option(help="with day: the time, such as 06:30")] = None,
    timezone: Annotated[str, typer.Option(help="of that time")] = "Europe/Amsterdam",
    setting: Annotated[
        list[str] | None, typer.Option(help='NAME=JSON, such as languages=["en","de","fr","es"]')
    ] = None,
    account: Owner = OWN,
) -> None:
    """Put one Purchase to Pay and one or more administrations together. It is off until it is activated."""
    moment = _time(at)

    async def work(shop: Workshop) -> UUID:
        timetable.checked(every, moment, timezone)
        settings = given(GivenSettings, **_settings(setting or [])).model_dump(exclude_none=True)
        async with shop.pool.acquire() as conn, conn.transaction():
            client_id, _ = await clients.client(conn, shop.seal, account, client)
            return await clients.add_solution(
                conn,
                account,
                client_id,
                name,
                description,
                administrations,
                every,
                moment,
                timezone,
                settings,
            )

    say(f"{name}: {run(work)}")


def _time(text: str | None) -> time | None:
    try:
        return time.fromisoformat(text) if text else None
    except ValueError as bad:
        raise typer.BadParameter("a time is written 06:30") from bad


def _settings(given: list[str]) -> dict[str, Any]:
    found = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            found[name] = json.loads(value)
        except ValueError as bad:
            raise typer.BadParameter(f"{each}: write NAME=JSON") from bad
    return found


@app.command("change")
def change(
    name: Annotated[str, typer.Argument(help="the configuration")],
    every: Annotated[str | None, typer.Option(help="repeat task every")] = None,
    at: Annotated[str | None, typer.Option(help="with day: the time, such as 06:30")] = None,
    timezone: Annotated[str | None, typer.Option(help="of that time")] = None,
    setting: Annotated[list[str] | None, typer.Option(help="NAME=JSON; NAME=null is as usual again")] = None,
) -> None:
    """Give a configuration another schedule or other settings; what is not named stays as it is."""
    moment = _time(at)

    async def work(shop: Workshop, solution_id: UUID) -> None:
        settings = given(GivenSettings, **_settings(setting or []))
        typed = given(GivenChange, every=every, at=moment, timezone=timezone, settings=settings)
        await shop.change(solution_id, typed)

    run_of(name, work)
    say(f"{name}: bewaard / saved")


@app.command("administrations")
def administrations(
    name: Annotated[str, typer.Argument(help="the configuration")],
    codes: Annotated[
        list[str], typer.Argument(help="all administrations it has from now on, in their order")
    ],
) -> None:
    """Give a configuration other administrations, in one action; no record loses its identity."""

    async def work(shop: Workshop, solution_id: UUID) -> None:
        async with shop.pool.acquire() as conn, conn.transaction():
            found = await clients.solution(conn, shop.seal, solution_id)
            await clients.change_members(conn, found.account_id, solution_id, codes)

    run_of(name, work)
    say(f"{name}: {', '.join(codes)}")


@app.command("activate")
def activate(
    name: Annotated[str, typer.Argument(help="the configuration")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Let the schedule run it, from now on."""
    if not yes:
        typer.confirm(
            "De configuratie wordt bewaard en geactiveerd / it will be saved and activated. OK?", abort=True
        )

    async def work(shop: Workshop, solution_id: UUID) -> datetime:
        return await shop.activate(solution_id)

    say(f"{name}: actief / active, {run_of(name, work):%Y-%m-%d %H:%M} UTC")


@app.command("deactivate")
def deactivate(name: Annotated[str, typer.Argument(help="the configuration")]) -> None:
    """Stop running it by schedule."""

    async def work(shop: Workshop, solution_id: UUID) -> None:
        async with shop.pool.acquire() as conn:
            await clients.activate(conn, solution_id, False, None)

    run_of(name, work)
    say(f"{name}: uit / off")


@app.command("list")
def list_solutions(as_json: AsJson = False) -> None:
    """Every configuration."""

    async def work(shop: Workshop) -> list[dict[str, Any]]:
        async with shop.pool.acquire() as conn:
            return await clients.solutions(conn)

    for each in run(work):
        if as_json:
            say(json.dumps(each, default=str))
        else:
            state = "aan/on" if each["active"] else "uit/off"
            say(
                f"{each['name']}  {each['client']} ← {', '.join(each['administrations'] or [])}  {each['every']}  {state}"
            )


app.registered_commands += runs_cli.app.registered_commands + loads_cli.app.registered_commands
