"""sync over HTTP: an account's own configurations and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from libs.db.pools import Pools
from libs.db.types import Connection, Pool
from libs.errors import BadInput, Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from libs.service import Wake
from services.sync import clients, plans
from services.sync.api import routes
from services.sync.clients import Member
from services.sync.p2p.client import Account
from services.sync.settings import SyncSettings
from services.sync.workshop import Workshop

ME, OTHER = UUID(int=1), UUID(int=2)


class Keys:
    """``Bearer me`` may administer, ``Bearer reader`` may not."""

    async def authenticate(self, authorization: str | None) -> Principal:
        scopes = {"Bearer me": "account:admin", "Bearer reader": "invoice:read"}.get(authorization or "")
        if scopes is None:
            raise Unauthenticated
        return Principal(ME, None, frozenset({scopes}), frozenset())


@pytest.fixture
async def api(pools: Pools) -> AsyncIterator[httpx.AsyncClient]:
    shop = Workshop(SyncSettings(), await pools.get("sync", "worker"), Wake())
    app = create_app([routes(await pools.get("sync", "api"), shop, Wake())], title="sync", identity=Keys())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.example") as client:
        yield client


async def test_an_account_sees_its_own_configurations_only_and_each_as_of_one_moment(
    api: httpx.AsyncClient, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for authorization, status in (("", 401), ("Bearer no", 401), ("Bearer reader", 403)):
        headers = {"Authorization": authorization} if authorization else {}
        assert (await api.get("/v1/sync", headers=headers)).status_code == status
    mine = {"Authorization": "Bearer me"}
    assert (await api.get("/v1/sync", headers=mine)).json() == {"solutions": []}
    shop = Workshop(SyncSettings(), await pools.get("sync", "worker"), Wake())
    async with shop.pool.acquire() as conn:
        for owner in (ME, OTHER):
            client = await clients.put_client(
                conn, shop.seal, owner, "P2P", Account("https://p2p.example", "api", "word", "key")
            )
            await clients.put_administration(
                conn, shop.seal, owner, Member("001", "Molen", "mssql://", "508", "integrator", True)
            )
            await clients.add_solution(
                conn, owner, client, f"Van {owner.int}", "", ["001"], "1h", None, "Europe/Amsterdam", {}
            )
    (found,) = (await api.get("/v1/sync", headers=mine)).json()["solutions"]
    assert (found["name"], found["client"], found["administrations"]) == ("Van 1", "P2P", ["001"])
    async with shop.pool.acquire() as conn:  # at the machine itself nobody stands for one account
        assert str(await clients.named(conn, "Van 1")) == found["solution_id"]
        await conn.execute("UPDATE solution SET name = 'Kantoor'")
        with pytest.raises(BadInput):
            await clients.named(conn, "Kantoor")
        assert str(await clients.named(conn, found["solution_id"])) == found["solution_id"]
    assert not found["active"]
    await what_is_shown_of_a_plan_is_of_one_moment(api, shop.pool, monkeypatch)


async def what_is_shown_of_a_plan_is_of_one_moment(
    api: httpx.AsyncClient, worker: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await worker.fetchval(
        "INSERT INTO plan (plan_id, solution_id, client_id, account_id, mode, state) SELECT gen_random_uuid(), solution_id,"
        " client_id, account_id, 'changes', 'applying' FROM solution WHERE account_id = $1 RETURNING plan_id",
        ME,
    )
    await worker.execute(
        "INSERT INTO item (plan_id, sequence, account_id, administration, kind, record_id, external_id, action, state)"
        " VALUES ($1, 1, $2, '001', 'supplier', '42', '001-42', 'create', 'started')",
        plan,
        ME,
    )
    real = plans.outcomes

    async def meanwhile(conn: Connection, plan_id: UUID) -> dict[str, int]:
        await worker.execute("UPDATE item SET state = 'applied'")
        await worker.execute("UPDATE plan SET state = 'applied'")
        return await real(conn, plan_id)

    monkeypatch.setattr(plans, "outcomes", meanwhile)
    for moment in (("applying", {"started": 1}), ("applied", {"applied": 1})):
        shown = (await api.get(f"/v1/sync/plans/{plan}", headers={"Authorization": "Bearer me"})).json()
        assert (shown["state"], shown["outcomes"]) == moment
