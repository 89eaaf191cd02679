"""validate and route as they run: consumers, relays, both transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from libs.contracts.envelope import Event, new_event
from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools
from libs.documents.postgres import PostgresDocuments
from libs.messaging import Consumer, Relay, Transport, outbox
from libs.service import Resources, Service
from libs.testing import builders
from services.route.app import build as build_route
from services.route.settings import RouteSettings
from services.validate.app import build as build_validate
from services.validate.settings import ValidateSettings
from tests.integration.route.stage import enter
from tests.integration.validate.api_client import Known
from tests.integration.validate.test_received import received
from tests.unit.route.sample import KVK


@asynccontextmanager
async def running(pools: Pools, transport: Transport) -> AsyncIterator[None]:
    """Both services, consuming and publishing."""
    await transport.apply(TOPOLOGY)
    resources = Resources(
        transport=transport,
        pools=pools,
        documents=PostgresDocuments(await pools.get("validate", "worker")),
        identity=Known(),
        base_url="http://hub.test",
    )
    services = [
        await build_validate(ValidateSettings(), resources),
        await build_route(RouteSettings(), resources),
    ]
    parts: list[Any] = [part for service in services for part in await _parts(service, resources)]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for part in parts:
            part.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 20)


async def _parts(service: Service, resources: Resources) -> list[Any]:
    pool = await resources.pools.get(service.name, "worker")
    relay = Relay(pool, resources.transport, TOPOLOGY, schema=service.name, emits=service.emits)
    service.wake.connect(relay.wake)
    consumers = [
        Consumer(handler, pool, resources.transport, schema=service.name, wake=service.wake)
        for handler in service.consumers
    ]
    return [relay, *consumers]


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.05)


async def _hand_over(pools: Pools, events: list[Event]) -> None:
    """As ingest does; validate's own outbox leads to the same exchange."""
    worker = await pools.get("validate", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await outbox.append(conn, events)


async def _outcomes(pools: Pools) -> dict[str, list[str]]:
    worker = await pools.get("route", "worker")
    rows = await worker.fetch("SELECT invoice_id, outcome FROM decision ORDER BY invoice_id, sequence")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(str(row["invoice_id"]), []).append(row["outcome"])
    return found


@pytest.mark.proves("R30", "R34", "R35", "SA2", "SA8")
async def test_each_invoice_of_a_mixed_batch_gets_its_own_end(pools: Pools, transport: Transport) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"))
    await enter(pools, "Smit", (KVK, "69599084"))
    files = {
        "De Jong": builders.invoice(number="A", buyer_kvk="58070036"),
        "Smit": builders.invoice(number="B", buyer_kvk="69599084"),
        "branch-number": builders.invoice(number="C", buyer_kvk="000027449173"),
        "no-identifier": builders.invoice(number="D", buyer_kvk=None, buyer_country="DE"),
        "unknown-receiver": builders.invoice(number="E", buyer_kvk="90004760"),
        "invalid": builders.invoice(number="F", break_rule="BR-NL-2"),
    }
    events = await received(pools, *files.values())
    worker = await pools.get("route", "worker")
    async with running(pools, transport):
        await _hand_over(pools, events)
        await _until(_all_decided(pools, 5))
    ends = {
        str(row["invoice_id"]): row["name"]
        for row in await worker.fetch(
            "SELECT invoice_id, coalesce(receiver ->> 'name', code) AS name FROM decision"
        )
    }
    verdicts = await (await pools.get("validate", "worker")).fetch("SELECT invoice_id, verdict FROM verdict")
    ends |= {str(row["invoice_id"]): "invalid" for row in verdicts if row["verdict"] == "invalid"}
    assert [ends.get(event.subject) for event in events] == list(files)


async def test_one_damaged_document_hurts_nobody_else(pools: Pools, transport: Transport) -> None:
    """It ends as a dead letter with its cause; the other 59 of its pack are judged and routed once."""
    await enter(pools, "De Jong", (KVK, "58070036"))
    events = await received(pools, *(builders.invoice(number=f"F{n}") for n in range(60)))
    data = events[17].data
    forged = data.original.model_copy(update={"sha256": "0" * 64})  # type: ignore[attr-defined]
    events[17] = new_event(
        data.model_copy(update={"original": forged}), source="/test", account=events[17].account
    )
    async with running(pools, transport):
        await _hand_over(pools, events)
        await _until(_all_decided(pools, 59))
        worker = await pools.get("validate", "worker")
        (letter,) = await worker.fetch("SELECT event_id, cause FROM dead")
    assert (letter["event_id"], letter["cause"]) == (events[17].id, "document-damaged")
    assert all(outcomes == ["routed"] for outcomes in (await _outcomes(pools)).values())


async def test_the_same_events_again_change_nothing(pools: Pools, transport: Transport) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"))
    events = await received(pools, *(builders.invoice(number=f"F{n}") for n in range(5)))
    marker = await received(pools, builders.invoice(number="marker"))
    async with running(pools, transport):
        await _hand_over(pools, events)
        await _until(_all_decided(pools, 5))
        await _hand_over(pools, [*events, *marker])
        await _until(_all_decided(pools, 6))
    assert all(outcomes == ["routed"] for outcomes in (await _outcomes(pools)).values())
    assert await (await pools.get("validate", "worker")).fetchval("SELECT max(sequence) FROM verdict") == 1


def _all_decided(pools: Pools, count: int) -> Callable[[], Awaitable[bool]]:
    async def enough() -> bool:
        return len(await _outcomes(pools)) >= count

    return enough
