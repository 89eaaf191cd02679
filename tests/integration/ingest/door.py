"""ingest's API as replicas have it: each with pools, a group commit and a port of its own, on one database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.documents.postgres import PostgresDocuments
from libs.http.app import Readiness
from libs.http.principal import Authenticator
from libs.http.server import Server, listen
from libs.messaging import MemoryTransport
from libs.runtime import app_of
from libs.service import Resources
from services.ingest.access import accounts, keys, mailboxes
from services.ingest.app import build, vault_of
from services.ingest.settings import IngestSettings


@dataclass(frozen=True)
class Replica:
    port: int
    smtp: int
    pools: Pools
    settings: IngestSettings

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def supplier(
        self, name: str = "Bakker", scopes: Sequence[str] = ("invoice:write", "invoice:read")
    ) -> tuple[UUID, dict[str, str]]:
        """A new account: its id, and headers that let it in."""
        claims = accounts.Claims(name=name, email="a@bakker.example")
        account = await accounts.open_account(await self.pools.get("ingest", "worker"), claims)
        async with tenant(await self.pools.get("ingest", "api"), account) as conn:
            key, _ = await keys.add_key(conn, account, vault_of(self.settings), "test", scopes)
        return account, {"Authorization": f"Bearer {key}"}

    async def mailbox(self, account: UUID) -> str:
        """A key mailbox of the account: its address."""
        async with tenant(await self.pools.get("ingest", "api"), account) as conn:
            _, local = await mailboxes.add_mailbox(conn, account, vault_of(self.settings))
        return f"{local}@{self.settings.upload_domains[0]}"


class _Nobody:
    async def authenticate(self, authorization: str | None) -> Any:
        raise AssertionError("ingest keeps the credentials itself")


@contextlib.asynccontextmanager
async def replica(database: DatabaseSettings, **changed: Any) -> AsyncIterator[Replica]:
    """``changed`` are settings of ingest."""
    settings = IngestSettings(database_url=database.url, secret=database.secret, smtp_port=0, **changed)
    pools = Pools(database)
    documents = PostgresDocuments(await pools.get("ingest", "worker"))
    nobody: Authenticator = _Nobody()
    resources = Resources(MemoryTransport(), pools, documents, nobody, "http://127.0.0.1")
    service = await build(settings, resources)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pools.close)
        for context in service.background:
            await stack.enter_async_context(context)
        (mail,) = service.listeners
        ports = await stack.enter_async_context(mail)
        listening = listen("127.0.0.1", 0)
        server = Server(app_of([service], resources, Readiness()), finish_seconds=10)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await server.until_started(serving)
        try:
            yield Replica(listening.getsockname()[1], ports.smtp, pools, settings)
        finally:
            server.leave()
            await serving
