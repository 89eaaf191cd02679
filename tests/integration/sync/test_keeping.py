"""What is older than it is kept goes; what became of a record last, and what it is called, stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from libs.contracts.envelope import Event
from libs.contracts.masterdata import RecordSettled
from libs.errors import Conflict
from services.sync import history, plans
from services.sync.keeping import Keeping
from services.sync.plans import Item, Plan
from services.sync.settling import told
from tests.integration.sync.stage import Stage, change_account, of

OLD = timedelta(days=1000)


async def changed(synced: Stage, text: str) -> tuple[Plan, Item]:
    await change_account(synced, text)
    plan = await synced.apply(await synced.plan())
    (item,) = of(await synced.items(plan), "gl_account")
    return plan, item


async def keep(synced: Stage, **days: int) -> None:
    ages = {"records": 90, "plans": 90, "history": 90} | days
    await Keeping(synced.shop.pool, **{name: timedelta(days=many) for name, many in ages.items()}).run()


@pytest.mark.proves("R300")
async def test_what_became_of_a_record_last_is_kept_for_ever(synced: Stage) -> None:
    async with synced.shop.pool.acquire() as conn:

        async def all_aged_but(young: Plan) -> None:
            await conn.execute(
                "UPDATE plan SET made_at = made_at - $2::interval WHERE plan_id <> $1", young.plan_id, OLD
            )

        async def outcomes() -> list[dict[str, Any]]:
            return await history.of(conn, "gl_account", item.external_id)

        async def listed() -> set[Any]:
            return {each.plan_id for each in await plans.of(conn, synced.solution_id, 1000)}

        first, _ = await changed(synced, "Eerst")
        second, item = await changed(synced, "Daarna")
        await change_account(synced, "Nooit uitgevoerd")
        forgotten, fresh = await synced.plan(), await synced.plan()
        known = await conn.fetchval("SELECT count(*) FROM identity")
        many = len(await outcomes())
        await all_aged_but(fresh)
        await keep(synced, records=9000)
        assert len(await outcomes()) == many

        # Nobody listened so far: the last outcome stands in its plan alone.
        await keep(synced)
        assert [each["plan_id"] for each in await outcomes()] == [second.plan_id]
        assert await listed() >= {second.plan_id, fresh.plan_id}
        assert not {first.plan_id, forgotten.plan_id} & await listed()
        expired = await synced.plan()
        await all_aged_but(fresh)
        await keep(synced, plans=9000)
        with pytest.raises(Conflict):
            await synced.apply(expired)
        assert await synced.items(expired) == []

        # Told, it stands in history: the plan can go.
        async def hear(plan: Plan) -> None:
            event: Event = told(plan, item, "applied", "")
            assert isinstance(event.data, RecordSettled)
            await history.keep(conn, [(event, event.data)])

        await hear(second)
        await keep(synced)
        assert second.plan_id not in await listed()
        assert [each["plan_id"] for each in await outcomes()] == [second.plan_id]
        # And of history the last of each record stays.
        await hear(fresh)
        await conn.execute("UPDATE history SET at = at - $1::interval", OLD)
        await keep(synced)
        assert [each["plan_id"] for each in await outcomes()] == [fresh.plan_id]
        assert await conn.fetchval("SELECT count(*) FROM identity") == known
    assert (await synced.apply(fresh)).state == "applied"
