"""Administrations of Globe+ on one Postgres: a database each, as Globe has them on one SQL Server.

Whoever syncs reads as ``reader_url``: it may select and nothing else (inference, the stricter choice: Exact's own
integration writes through Globe's services and never into the tables).
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.sims.globe.rows import Company, Row

SCHEMA = Path(__file__).with_name("schema.sql")
BATCH = 10_000
READER = "globe_reader"
_PASSWORD = "reads-and-nothing-else"


class Globe:
    """Makes and drops administrations on the server ``url`` (its administrator's)."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def create(self, company: Company, database: str | None = None) -> Administration:
        """A database with Globe's empty tables and the one row of ``bedryf``. ``database``: its name, else
        one nobody has."""
        name = database or f"globe_{company.bedrnr.strip().lower()}_{secrets.token_hex(4)}"
        server = await asyncpg.connect(self._url)
        try:
            await server.execute(
                f"DO $$ BEGIN CREATE ROLE {READER} LOGIN PASSWORD '{_PASSWORD}';"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
            await server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        finally:
            await server.close()
        made = Administration(self._at(name), company.bedrnr)
        async with made.connection() as conn:
            await conn.execute(SCHEMA.read_text("utf-8"))
            await conn.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}")
        await made.add(company)
        return made

    async def drop(self, administration: Administration) -> None:
        """The administration is deleted in Globe: its database is gone, whoever was connected."""
        server = await asyncpg.connect(self._url)
        try:
            await server.execute(f'DROP DATABASE IF EXISTS "{administration.database}" WITH (FORCE)')
        finally:
            await server.close()

    def _at(self, database: str) -> str:
        return urlunsplit(urlsplit(self._url)._replace(path=f"/{database}"))


class Administration:
    """One Globe administration. ``url``: for the people in it; ``reader_url``: for whoever syncs."""

    def __init__(self, url: str, code: str) -> None:
        self.url = url
        self.code = code
        self.database = urlsplit(url).path.lstrip("/")
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        self.reader_url = urlunsplit(parts._replace(netloc=f"{READER}:{_PASSWORD}@{host}"))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """An asyncpg connection of somebody who works in Globe."""
        conn = await asyncpg.connect(self.url)
        try:
            yield conn
        finally:
            await conn.close()

    async def add(self, *rows: Row) -> None:
        """Somebody enters these, in the order given, all or none."""
        await self.load(rows)

    async def load(self, rows: Iterable[Row]) -> int:
        """Copy rows in, ``BATCH`` at a time and a table at a time within a batch. Returns how many."""
        done = 0
        async with self.connection() as conn, conn.transaction():
            batch: list[Row] = []
            tables: set[str] = set()
            for row in rows:
                batch.append(row)
                tables.add(row.table)
                if len(batch) == BATCH:
                    done += await _copy(conn, batch)
                    batch.clear()
            done += await _copy(conn, batch)
            for table in tables:
                await _catch_up(conn, table)
        return done

    # ------------------------------------------------------------------ what goes wrong

    @asynccontextmanager
    async def locked(self, *tables: str) -> AsyncIterator[None]:
        """Another session holds these tables: readers and writers wait until it lets go."""
        names = ", ".join(f'"{table}"' for table in tables)
        async with self.connection() as conn, conn.transaction():
            await conn.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
            yield

    @asynccontextmanager
    async def pending(self) -> AsyncIterator[Any]:
        """A connection whose writes get their stamps now and are seen by others only after the block: a
        reader that remembers the newest stamp it saw never sees them, unless it looks back."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    async def set_clock(
        self,
        *,
        skew: timedelta = timedelta(),
        fixed: datetime | None = None,
        zone: str = "Europe/Amsterdam",
    ) -> None:
        """The clock Globe's stamps come from: wrong by ``skew``; standing still at ``fixed`` (aware); of
        ``zone``. Without arguments: right again."""
        async with self.connection() as conn:
            await conn.execute("UPDATE sim.clock SET skew = $1, fixed = $2, zone = $3", skew, fixed, zone)


async def _copy(conn: Any, rows: list[Row]) -> int:
    alike: dict[tuple[type[Row], bool, bool], list[Row]] = defaultdict(list)
    for row in rows:
        alike[type(row), row.syscreated is None, row.sysmodified is None].append(row)
    for (kind, *_), some in alike.items():
        names = [field.name for field in fields(kind)]
        given = [name for name in names if any(getattr(row, name) is not None for row in some)]
        await conn.copy_records_to_table(
            kind.table,
            schema_name="public",
            columns=given,
            records=[tuple(getattr(row, name) for name in given) for row in some],
        )
    return len(rows)


async def _catch_up(conn: Any, table: str) -> None:
    """Ids that were given count: the next one the table chooses itself is higher."""
    sequence = await conn.fetchval(
        "SELECT pg_get_serial_sequence(format('%I', table_name), column_name) FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = $1 AND is_identity = 'YES'",
        table,
    )
    if sequence is not None:
        column = "HID" if table == "BacoDiscussions" else "ID"
        highest = await conn.fetchval(f'SELECT max("{column}") FROM "{table}"')  # the names are our own
        await conn.execute("SELECT setval($1::text::regclass, $2)", sequence, highest)
