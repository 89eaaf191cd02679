"""``postbode account``: open accounts, make keys and mailboxes, with the database at hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from pydantic import BaseModel, ValidationError

from libs.db.pools import Pools, tenant
from libs.db.settings import database_of
from libs.db.types import Connection
from libs.errors import NotFound
from libs.http import fields
from libs.settings import load
from libs.terminal import Language, say
from services.ingest.access import accounts, keys, mailboxes
from services.ingest.access.given import NewAccount, NewKey
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings

app = typer.Typer(no_args_is_help=True, help="Open accounts, make API keys and key mailboxes.")

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
AccountId = Annotated[UUID, typer.Argument(help="the account, as `postbode account open` printed it")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for machines")]


class Right(StrEnum):
    """What a key made at the machine itself may carry: those of the API, and an operator's."""

    invoice_write = "invoice:write"
    invoice_read = "invoice:read"
    party_read = "party:read"
    party_write = "party:write"
    account_admin = "account:admin"
    operator = "operator"


@app.command("open")
def open_account(
    name: Annotated[str, typer.Option(help="name of the company")],
    email: Annotated[str, typer.Option(help="where notices go")],
    kvk: Annotated[str | None, typer.Option(help="KvK number it claims, 8 digits")] = None,
    vat: Annotated[str | None, typer.Option(help="VAT number it claims")] = None,
    language: Annotated[Language, typer.Option(help="of what it is told")] = Language.nl,
    iban: Annotated[str | None, typer.Option(help="its bank account")] = None,
    street: Annotated[
        str | None,
        typer.Option(help="street and number: with the other two its address, the seller's on eExact files"),
    ] = None,
    post_code: Annotated[str | None, typer.Option(help="of its address")] = None,
    city: Annotated[str | None, typer.Option(help="of its address")] = None,
    country: Annotated[str | None, typer.Option(help="of its address: NL, BE …; NL when left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Open an account. It can do nothing until it has a key: see `postbode account key`."""
    given = {"street": street, "post_code": post_code, "city": city, "country": country}
    address = {part: value for part, value in given.items() if value is not None} or None
    new = _checked(
        NewAccount,
        name=name,
        email=email,
        kvk=kvk,
        vat=vat,
        iban=iban,
        language=language.value,
        address=address,
    )
    claims = accounts.Claims(**new.model_dump())

    async def work(pools: Pools, settings: IngestSettings) -> UUID:  # noqa: ARG001
        return await accounts.open_account(await pools.get("ingest", "worker"), claims)

    _print({"account_id": str(_run(work))}, as_json)


@app.command("key")
def make_key(
    account_id: AccountId,
    label: Annotated[str, typer.Option(help="what the key is for")] = "API key",
    scope: Annotated[
        list[Right] | None, typer.Option(help="repeatable; default invoice:write and invoice:read")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an API key and print it once; it cannot be shown again."""
    _checked(NewKey, label=label)
    scopes = [right.value for right in scope or (Right.invoice_write, Right.invoice_read)]

    async def work(pools: Pools, settings: IngestSettings) -> str:
        async with _account(pools, account_id) as conn:
            key, _ = await keys.add_key(conn, account_id, vault_of(settings), label, scopes)
        return str(key)

    _print({"key": _run(work)}, as_json)


@app.command("mailbox")
def make_mailbox(account_id: AccountId, as_json: AsJson = False) -> None:
    """Make a key mailbox and print its addresses, one for each upload domain."""

    async def work(pools: Pools, settings: IngestSettings) -> list[str]:
        async with _account(pools, account_id) as conn:
            _, local = await mailboxes.add_mailbox(conn, account_id, vault_of(settings))
        return [f"{local}@{domain}" for domain in settings.upload_domains]

    _print({"addresses": _run(work)}, as_json)


@app.command("pdf")
def set_pdf(
    account_id: AccountId,
    loose: Annotated[
        bool,
        typer.Option(
            "--loose/--same-name",
            help="loose: the only PDF of a mail belongs to its only invoice, whatever their names (R25)",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which PDFs an account may mail along. A PDF without any XML is never an invoice."""

    async def work(pools: Pools, settings: IngestSettings) -> None:  # noqa: ARG001
        async with _account(pools, account_id):
            pass
        await mailboxes.let_loose(await pools.get("ingest", "worker"), account_id, loose)

    _run(work)
    _print({"loose_pdf": str(loose).lower()}, as_json)


def _checked(kind: type[M], **given: object) -> M:
    """What the API refuses is refused here, in a sentence for each option."""
    try:
        return kind.model_validate(given)
    except ValidationError as wrong:
        raise typer.BadParameter("; ".join(map(_said, wrong.errors(include_url=False)))) from wrong


def _said(error: Mapping[str, Any]) -> str:
    words = fields.words(error)
    return f"--{_option(error['loc'])}: {words['nl']} / {words['en']}"


def _option(place: tuple[int | str, ...]) -> str:
    """The option that filled this field: of a group, its parts have one each."""
    return str(place[-1]).replace("_", "-")


@contextlib.asynccontextmanager
async def _account(pools: Pools, account_id: UUID) -> AsyncIterator[Connection]:
    """A transaction that sees this account. Raises ``NotFound`` when there is none."""
    async with tenant(await pools.get("ingest", "api"), account_id) as conn:
        if await accounts.account(conn) is None:
            raise NotFound(f"there is no account {account_id}: `postbode account open` makes one")
        yield conn


def _run(work: Callable[[Pools, IngestSettings], Awaitable[T]]) -> T:
    async def session() -> T:
        settings = load(IngestSettings)
        pools = Pools(database_of(settings))
        try:
            return await work(pools, settings)
        finally:
            await pools.close()

    return asyncio.run(session())


def _print(answer: dict[str, object], as_json: bool) -> None:
    if as_json:
        say(json.dumps(answer))
        return
    for value in answer.values():
        for line in value if isinstance(value, list) else [value]:
            say(line)
