"""sync over HTTP: an account's own configurations and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from services.sync.api import routes

ME, OTHER = UUID(int=1), UUID(int=2)


class Keys:
    """``Bearer me`` may administer, ``Bearer reader`` may not."""

    async def authenticate(self, authorization: str | None) -> Principal:
        scopes = {"Bearer me": "account:admin", "Bearer reader": "invoice:read"}.get(authorization or "")
        if scopes is None:
            raise Unauthenticated
        return Principal(ME, None, frozenset({scopes}), frozenset())


@pytest.fixture
async def pools(database: DatabaseSettings) -> AsyncIterator[Pools]:
    pools = Pools(database)
    yield pools
    await pools.close()


@pytest.fixture
async def api(pools: Pools) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app([routes(await pools.get("sync", "api"))], title="sync", identity=Keys())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example") as client:
        yield client


async def test_an_account_sees_its_own_configurations_only(api: httpx.AsyncClient, pools: Pools) -> None:
    mine = {"Authorization": "Bearer me"}
    assert (await api.get("/v1/sync", headers=mine)).json() == {"configurations": []}
    worker = await pools.get("sync", "worker")
    for account in (ME, OTHER):
        await worker.execute(
            "INSERT INTO configuration (configuration_id, account_id, name, administration)"
            " VALUES ($1, $2, 'Hoofdkantoor', '001')",
            UUID(int=account.int + 100), account,
        )  # fmt: skip
    (found,) = (await api.get("/v1/sync", headers=mine)).json()["configurations"]
    assert (found["configuration_id"], found["enabled"]) == (str(UUID(int=101)), False)


@pytest.mark.parametrize(("authorization", "status"), [("", 401), ("Bearer no", 401), ("Bearer reader", 403)])
async def test_who_may_not_ask(api: httpx.AsyncClient, authorization: str, status: int) -> None:
    reply = await api.get("/v1/sync", headers={"Authorization": authorization} if authorization else {})
    assert reply.status_code == status
