"""Migrations: plain SQL files, applied once, in order, never edited afterwards.

::

    administrator ──▶ roles <schema>_owner, _worker, _api · groups · the schema itself   (roles.py)
    <schema>_owner ─▶ per file one transaction: lock ▸ already applied? ▸ run ▸ record name and checksum

A file is named ``0001_pre_words.sql`` (expand: safe while the old release runs) or ``0002_post_words.sql``
(contract: once the new release runs everywhere). It runs as the owner with ``search_path`` set to the
schema, and grants to ``{schema}_worker`` and ``{schema}_api`` what each may do: nothing is granted here
but the use of their own schema. ``{schema}`` in a file stands for the schema's name.

Names are recorded with the folder they belong to (``messaging/0001_pre_outbox.sql``), so that shared and
own migrations never clash. Each file takes the lock anew inside its own transaction: two processes may
migrate at the same time, and one that dies leaves nothing half done.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import asyncpg

from libs import clock
from libs.db.roles import bootstrap
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.errors import HubError

Phase: TypeAlias = Literal["pre", "all"]

ROLES_SECONDS = 30.0
"""So long migrations of several databases on one server may get in each other's way."""

_FILE = re.compile(r"\d{4}_(pre|post)_[a-z0-9_]+\.sql")
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,40}")


class MigrationChanged(HubError):
    """A migration that was applied before has been edited: put it back and write a new file instead."""

    slug = "migration-changed"
    transient = False


class BadMigration(HubError):
    """A migration does not follow the rules of its kind."""

    slug = "bad-migration"
    transient = False


@dataclass(frozen=True, slots=True)
class Migrations:
    """The schema of one service and the folders its files come from, in order."""

    schema: str
    sources: tuple[Path, ...]

    def files(self) -> Iterator[tuple[str, str]]:
        """Recorded name and text of every file, in the order they apply. Raises ``BadMigration``."""
        if not _SCHEMA.fullmatch(self.schema):
            raise BadMigration(f"{self.schema!r} cannot be a schema name")
        seen: set[str] = set()
        for source in self.sources:
            if source.parent.name in seen:
                raise BadMigration(f"two migration folders are called {source.parent.name}")
            seen.add(source.parent.name)
            for path in sorted(source.glob("*.sql")):
                if not _FILE.fullmatch(path.name):
                    raise BadMigration(
                        f"{path.name}: a migration is called 0001_pre_words.sql or 0001_post_words.sql"
                    )
                yield f"{source.parent.name}/{path.name}", path.read_text(encoding="utf-8")


async def migrate(
    settings: DatabaseSettings, migrations: Migrations, *, sql_only: bool = False, phase: Phase = "all"
) -> list[str]:
    """Bring one schema up to date and return the names that were applied now.

    ``phase="pre"`` holds a folder back from its first pending ``post`` file on. With ``sql_only`` nothing is
    touched: what is still to be done is returned as scripts instead, for an administrator to read and run
    with psql (passwords appear as SCRAM verifiers only). Without ``settings.url`` roles and schema must
    exist. Raises ``MigrationChanged``, ``BadMigration`` and asyncpg's errors.
    """
    files = list(migrations.files())
    if sql_only:
        return await _as_script(settings, migrations.schema, files, phase)
    if settings.url:
        await _prepare(settings, migrations.schema)
    return await _apply(settings, migrations.schema, files, phase)


async def _prepare(settings: DatabaseSettings, schema: str) -> None:
    """As the administrator: roles, groups, schema. Safe to repeat."""
    conn: Connection = await asyncpg.connect(settings.url)
    try:
        until = clock.monotonic() + ROLES_SECONDS
        while True:
            try:
                async with conn.transaction():
                    await _lock(conn, "roles")
                    await conn.execute(bootstrap(settings, schema))
                break
            except asyncpg.InternalServerError:
                # "tuple concurrently updated": roles belong to the whole server, the lock to one database,
                # and somebody migrates another database of this server right now. Whoever clashed was beaten
                # by one that got through, so waiting helps.
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(random.uniform(0.02, 0.1))  # noqa: S311
    finally:
        await conn.close()


async def _apply(
    settings: DatabaseSettings, schema: str, files: Sequence[tuple[str, str]], phase: Phase
) -> list[str]:
    """As the owner: every file not yet recorded."""
    conn: Connection = await asyncpg.connect(
        **settings.role_url(f"{schema}_owner"),
        server_settings={"search_path": schema, "application_name": f"postbode-{schema}-migrate"},
    )
    applied: list[str] = []
    try:
        while True:
            async with conn.transaction():
                await _lock(conn, schema)
                await conn.execute(_table(schema))
                waiting = _pending(schema, files, await _recorded(conn, schema), phase)
                if not waiting:
                    return applied
                name, text = waiting[0]
                await conn.execute(_script(schema, name, text))
                applied.append(name)
    finally:
        await conn.close()


async def _as_script(
    settings: DatabaseSettings, schema: str, files: Sequence[tuple[str, str]], phase: Phase
) -> list[str]:
    """Everything that is still to be done, as psql takes it; without a URL, everything there is."""
    recorded: Mapping[str, str] = {}
    if settings.url:
        conn: Connection = await asyncpg.connect(settings.url)
        try:
            if await conn.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.migration"):
                recorded = await _recorded(conn, schema)
        finally:
            await conn.close()
    waiting = _pending(schema, files, recorded, phase)
    start = f"SET ROLE {schema}_owner;\nSET search_path = {schema};\n{_table(schema).strip()};"
    scripts = [f"BEGIN;\n{_script(schema, *file)}COMMIT;" for file in waiting]
    return [bootstrap(settings, schema), start, *scripts, "RESET ROLE;\nRESET search_path;"]


def _pending(
    schema: str, files: Sequence[tuple[str, str]], recorded: Mapping[str, str], phase: Phase
) -> list[tuple[str, str]]:
    """The files still to be applied, in order. A name recorded but not on disk is a newer release's."""
    pending: list[tuple[str, str]] = []
    held_back: set[str] = set()
    for name, text in files:
        folder = name.split("/")[0]
        if name in recorded:
            if recorded[name] != checksum(text):
                raise MigrationChanged(f"{schema}: {name} was edited after it was applied; write a new file")
        elif phase == "pre" and "_post_" in name:
            held_back.add(folder)
        elif folder not in held_back:
            pending.append((name, text))
    return pending


async def _recorded(conn: Connection, schema: str) -> dict[str, str]:
    rows = await conn.fetch(f"SELECT name, checksum FROM {schema}.migration")  # noqa: S608  a checked name
    return {row["name"]: row["checksum"] for row in rows}


async def _lock(conn: Connection, schema: str) -> None:
    """Wait for every other migration of this schema; let go at the end of the transaction."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtext('postbode.migrate'), hashtext($1))", schema)


def _table(schema: str) -> str:
    """What was applied. The worker may read it: a process is not ready before its migrations are there."""
    return f"""
CREATE TABLE IF NOT EXISTS migration (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON migration TO {schema}_worker
"""


def checksum(text: str) -> str:
    """What is recorded of a file's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _script(schema: str, name: str, text: str) -> str:
    """What applies one file. The name needs no quoting: ``files()`` lets only harmless characters in."""
    body = text.replace("{schema}", schema)
    return f"{body}\nINSERT INTO migration (name, checksum) VALUES ('{name}', '{checksum(text)}');\n"
