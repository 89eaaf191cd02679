"""What every service holds, seen at one moment, as the one role that may look.

Services in one database are read in one snapshot, over a few connections at once: what one service has given
to the next is then either still with the giver, with the broker, or with the taker, and never with both or with none for
want of time. Where services have databases of their own (``POSTBODE_<SERVICE>_LEDGER_DATABASE_URL``) there is
one snapshot a database. They are taken against the stream, last service first: whatever a service holds in
its snapshot, those before it hold in theirs, which is later; and what they gave on in between counts as on
its way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeAlias

import asyncpg

from libs.db.roles import LEDGER
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Record
from services.track.books import Service

AGAINST_THE_STREAM: tuple[Service, ...] = ("track", "deliver", "route", "validate", "ingest")
AT_ONCE = 3
"""Connections to one database."""
_SECONDS = "120s"


class Snapshot:
    """One database as it was at one moment. May be asked several things at once."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[Connection] = asyncio.Queue()

    def add(self, conn: Connection) -> None:
        self._free.put_nowait(conn)

    async def fetch(self, query: str, *args: object) -> list[Record]:
        conn = await self._free.get()
        try:
            return await conn.fetch(query, *args)
        finally:
            self._free.put_nowait(conn)


Snapshots: TypeAlias = Mapping[Service, Snapshot]


@contextlib.asynccontextmanager
async def snapshots(settings: DatabaseSettings) -> AsyncIterator[Snapshots]:
    """By service; those in one database share one. Raises asyncpg's errors and ``OSError``."""
    by_address: dict[str, Snapshot] = {}
    found: dict[Service, Snapshot] = {}
    async with contextlib.AsyncExitStack() as stack:
        for service in AGAINST_THE_STREAM:
            address = _address(settings, service)
            key = repr(sorted(address.items()))
            if key not in by_address:
                by_address[key] = await _open(stack, address)
            found[service] = by_address[key]
        yield found


def _address(settings: DatabaseSettings, service: Service) -> dict[str, Any]:
    own = settings.own_url(f"{service}_ledger")
    return {"dsn": own} if own is not None else settings.role_url(LEDGER)


async def _open(stack: contextlib.AsyncExitStack, address: Mapping[str, Any]) -> Snapshot:
    snapshot = Snapshot()
    name: str | None = None
    for _ in range(AT_ONCE):
        conn: Connection = await asyncpg.connect(
            **address,
            server_settings={
                "application_name": "postbode-ledger",
                "statement_timeout": _SECONDS,
                "jit": "off",  # compiling costs more than these statements take
            },
        )
        stack.push_async_callback(conn.close)
        await stack.enter_async_context(conn.transaction(isolation="repeatable_read", readonly=True))
        if name is None:
            name = await conn.fetchval("SELECT pg_export_snapshot()")
        else:
            await conn.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
        snapshot.add(conn)
    return snapshot
