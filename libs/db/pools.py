"""One connection pool per schema and role, made when first asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Pool
from libs.telemetry import database as telemetry

Role: TypeAlias = Literal["worker", "api"]

MAX_SIZE = 8
"""Connections per pool. Work is set-based: a few busy connections do more than many waiting ones."""

_TIMEOUTS = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}
_JSONB_VERSION = b"\x01"


class Pools:
    """The pools of one process."""

    def __init__(self, settings: DatabaseSettings, *, max_size: int = MAX_SIZE) -> None:
        self._settings = settings
        self._max_size = max_size
        self._pools: dict[tuple[str, Role], Pool] = {}
        self._making = asyncio.Lock()

    async def get(self, schema: str, role: Role) -> Pool:
        """The pool of ``<schema>_<role>``. Raises asyncpg's and ``OSError`` when the database is away."""
        async with self._making:
            key = (schema, role)
            if key not in self._pools:
                self._pools[key] = await asyncpg.create_pool(
                    **self._settings.role_url(f"{schema}_{role}"),
                    min_size=1,
                    max_size=self._max_size,
                    init=_prepare,
                    reset=_leave,
                    server_settings={
                        "search_path": schema,
                        "application_name": f"postbode-{schema}-{role}",
                        "jit": "off",  # compiling costs more than these short statements take
                        # Tables here begin empty and grow by thousands before they are analysed: a plan made
                        # for the empty table would read the whole of it with every batch.
                        "enable_seqscan": "off",
                        **_TIMEOUTS,
                    },
                )
            return self._pools[key]

    async def close(self) -> None:
        """Close all pools, waiting for connections in use."""
        pools, self._pools = list(self._pools.values()), {}
        await asyncio.gather(*(pool.close() for pool in pools))


async def _prepare(conn: Any) -> None:
    await use_orjson(conn)
    telemetry.watch(conn)


async def _leave(conn: Any) -> None:
    """Nothing to undo when a connection is given back, so no round trip for it: what is set is set within
    transactions (``tenant``), and asyncpg itself rolls back one that is still open."""


async def use_orjson(conn: Any) -> None:
    """Let ``jsonb`` parameters and columns be plain Python values (``conn``: a raw asyncpg connection)."""
    await conn.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: _JSONB_VERSION + orjson.dumps(value),
        decoder=lambda data: orjson.loads(data[1:]),
    )


@asynccontextmanager
async def tenant(pool: Pool, account_id: UUID, *, snapshot: bool = False) -> AsyncIterator[Connection]:
    """A transaction of an ``api`` role that sees one account's rows and no others.

    With ``snapshot`` it reads and does not write, and all it reads is of one moment: for answers made of several reads
    that must not contradict each other.

    The setting ends with the transaction; row policies read it without a default, so forgetting
    ``tenant()`` is an error and never an empty or a full answer.
    """
    isolation: Literal["repeatable_read", "read_committed"] = (
        "repeatable_read" if snapshot else "read_committed"
    )
    async with pool.acquire() as conn, conn.transaction(isolation=isolation, readonly=snapshot):
        await conn.execute("SELECT set_config('postbode.account', $1, true)", str(account_id))
        yield conn
