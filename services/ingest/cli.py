"""``postbode account``: open accounts, make keys and mailboxes, with the database at hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer

from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from services.ingest import accounts
from services.ingest.app import vault_of
from services.ingest.credentials import new_api_key, new_local_part
from services.ingest.settings import IngestSettings

app = typer.Typer(no_args_is_help=True, help="Open accounts, make API keys and key mailboxes.")

T = TypeVar("T")
AccountId = Annotated[UUID, typer.Argument(help="the account, as `postbode account open` printed it")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


@app.command("open")
def open_account(
    name: Annotated[str, typer.Option(help="name of the company")],
    email: Annotated[str, typer.Option(help="where notices go")],
    kvk: Annotated[str | None, typer.Option(help="KvK number it claims, 8 digits")] = None,
    vat: Annotated[str | None, typer.Option(help="VAT number it claims")] = None,
    language: Annotated[str, typer.Option(help="nl or en")] = "nl",
    as_json: AsJson = False,
) -> None:
    """Open an account. It can do nothing until it has a key: see `postbode account key`."""
    claims = accounts.Claims(name=name, email=email, kvk=kvk, vat=vat, language=language)

    async def work(pools: Pools, settings: IngestSettings) -> UUID:  # noqa: ARG001
        return await accounts.open_account(await pools.get("ingest", "worker"), claims)

    _print({"account_id": str(_run(work))}, as_json)


@app.command("key")
def make_key(
    account_id: AccountId,
    label: Annotated[str, typer.Option(help="what the key is for")] = "API key",
    scope: Annotated[
        list[str] | None, typer.Option(help="repeatable; default invoice:write and invoice:read")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it once; it cannot be shown again."""
    scopes = scope or ["invoice:write", "invoice:read"]

    async def work(pools: Pools, settings: IngestSettings) -> str:
        key = new_api_key()
        digest = vault_of(settings).digest(key.secret)
        async with tenant(await pools.get("ingest", "api"), account_id) as conn:
            await accounts.add_key(conn, key.key_id, account_id, digest, label, scopes)
        return str(key)

    _print({"key": _run(work)}, as_json)


@app.command("mailbox")
def make_mailbox(account_id: AccountId, as_json: AsJson = False) -> None:
    """Make a key mailbox and print its addresses, one for each upload domain."""

    async def work(pools: Pools, settings: IngestSettings) -> list[str]:
        local, vault = new_local_part(), vault_of(settings)
        async with tenant(await pools.get("ingest", "api"), account_id) as conn:
            await accounts.add_mailbox(conn, account_id, vault.digest(local), vault.encrypt(local))
        return [f"{local}@{domain}" for domain in settings.upload_domains]

    _print({"addresses": _run(work)}, as_json)


def _run(work: Callable[[Pools, IngestSettings], Awaitable[T]]) -> T:
    async def session() -> T:
        settings = IngestSettings()
        pools = Pools(DatabaseSettings(settings.database_url, settings.secret))
        try:
            return await work(pools, settings)
        finally:
            await pools.close()

    return asyncio.run(session())


def _print(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for value in answer.values():
        for line in value if isinstance(value, list) else [value]:
            typer.echo(line)
