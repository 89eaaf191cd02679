"""``postbode secrets``: under which keys the secrets of receivers' connections lie, and another key for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from libs.db.pools import Pools
from libs.db.settings import database_of
from libs.db.types import Pool
from libs.keyring import KeyRing
from libs.settings import load
from libs.terminal import say
from services.deliver.receivers import credentials
from services.deliver.settings import DeliverSettings

app = typer.Typer(
    no_args_is_help=True, help="Secrets of receivers' connections, and the keys they lie under."
)
T = TypeVar("T")


@app.command("keys")
def list_keys() -> None:
    """How many secrets lie under each key, by name; the key that wraps new ones is marked."""

    async def work(pool: Pool, keys: KeyRing) -> tuple[dict[str, int], str]:
        return await credentials.by_key(pool), keys.current

    found, current = _run(work)
    for name, secrets in {current: 0, **found}.items():
        say(
            f"{name}  {secrets:6}  {'current' if name == current else 'rewrap, then drop it from the setting'}"
        )


@app.command("rewrap")
def rewrap() -> None:
    """Wrap every secret under the first key of POSTBODE_DELIVER_SECRET_KEYS. The hub may run; again does no harm."""

    async def work(pool: Pool, keys: KeyRing) -> credentials.Rewrapped:
        return await credentials.rewrap(pool, keys)

    done = _run(work)
    say(f"{done.done} rewrapped")
    for credential_id in done.unreadable:
        say(f"{credential_id}: no key at hand opens it; put its key back into the setting", err=True)
    if done.unreadable:
        raise typer.Exit(1)


def _run(work: Callable[[Pool, KeyRing], Awaitable[T]]) -> T:
    async def session() -> T:
        settings = load(DeliverSettings)
        pools = Pools(database_of(settings))
        try:
            return await work(await pools.get("deliver", "worker"), settings.keys)
        finally:
            await pools.close()

    return asyncio.run(session())
