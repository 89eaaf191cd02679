"""A fresh, migrated database for every test: copied from a template that is migrated once.

Roles belong to the whole server and not to one database, so all test databases share one secret.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from libs import documents, messaging
from libs.db.migrate import Migrations, migrate
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection

SECRET = "the secret of every test database"

ROOT = Path(__file__).parents[2]


def present(root: Path = ROOT) -> list[Migrations]:
    """The schemas of this checkout: documents first, then every service that has a migrations folder."""
    own = sorted(root.glob("services/*/migrations"))
    return [
        Migrations("documents", (documents.MIGRATIONS,)),
        *(Migrations(folder.parent.name, (messaging.MIGRATIONS, folder)) for folder in own),
    ]


class Databases:
    """Makes and drops databases on one server. ``url``: its administrator's."""

    def __init__(self, url: str, schemas: Sequence[Migrations]) -> None:
        self._url = url
        self._schemas = schemas
        self._numbers = itertools.count(1)
        self._template: str | None = None
        self._strategy = ""

    async def empty(self) -> DatabaseSettings:
        """A database with nothing in it."""
        return await self._create(None)

    async def fresh(self) -> DatabaseSettings:
        """A database with every schema, migrated to the newest."""
        if self._template is None:
            await self._choose_strategy()
            settings = await self._create(None)
            for schema in self._schemas:
                await migrate(settings, schema)
            self._template = _name(settings)
        return await self._create(self._template)

    async def drop(self, settings: DatabaseSettings) -> None:
        """Remove it, whoever is still connected."""
        await self._administer(f"DROP DATABASE IF EXISTS {_name(settings)} WITH (FORCE)")

    async def close(self) -> None:
        """Remove the template."""
        if self._template is not None:
            await self._administer(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")
            self._template = None

    async def _choose_strategy(self) -> None:
        """Files are copied in half the time that a log of them takes, where nothing waits for a disk."""
        conn: Connection = await asyncpg.connect(self._url)
        try:
            version = int(await conn.fetchval("SHOW server_version_num"))
            if version >= 150_000 and await conn.fetchval("SHOW fsync") == "off":
                self._strategy = "STRATEGY FILE_COPY"
        finally:
            await conn.close()

    async def _create(self, template: str | None) -> DatabaseSettings:
        name = f"postbode_test_{os.getpid()}_{next(self._numbers)}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template or 'template0'} {self._strategy}")
        url = urlunsplit(urlsplit(self._url)._replace(path=f"/{name}"))
        return DatabaseSettings(url, SECRET)

    async def _administer(self, statement: str) -> None:
        conn: Connection = await asyncpg.connect(self._url)
        try:
            await conn.execute(statement)
        finally:
            await conn.close()


def _name(settings: DatabaseSettings) -> str:
    return urlsplit(settings.url).path.lstrip("/")
