"""Deciding against a real Postgres: the directory in one query, decisions and parked rows set-based."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from libs.contracts.invoice import InvoiceParked, InvoiceRouted
from libs.db.pools import Pools, tenant
from libs.messaging import Decided, outbox
from services.route import store
from services.route.handlers import Validated
from tests.integration.route.stage import decided, drain, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT
from tests.integration.validate.drive import counted
from tests.unit.route.sample import BRANCH, KVK, OIN, VAT


@pytest.mark.proves("R30", "R19", "SA2")
async def test_three_invoices_for_three_numbers_go_to_three_receivers(pools: Pools) -> None:
    names = {"58070036": "De Jong", "69599084": "Smit", "55344526": "Gemeente"}
    for kvk, name in names.items():
        await enter(pools, name, (KVK, kvk))
    said = await decided(pools, *(validated((KVK, kvk)) for kvk in names))
    assert [type(fact) for fact in said] == [InvoiceRouted] * 3
    assert [fact.receiver.name for fact in said if isinstance(fact, InvoiceRouted)] == list(names.values())


@pytest.mark.proves("R30")
async def test_a_routed_invoice_carries_all_that_delivery_needs_and_why(pools: Pools) -> None:
    entry = await enter(pools, "De Jong", (KVK, "58070036"), language="en")
    (fact,) = await decided(pools, validated((KVK, "58070036")))
    assert isinstance(fact, InvoiceRouted)
    assert (fact.receiver.party_id, fact.receiver.email, fact.receiver.language) == (
        entry.party_id, "in@de.example", "en",
    )  # fmt: skip
    assert (fact.sequence, fact.summary.number) == (1, "F1")
    assert "58070036" in fact.explanation.nl
    async with tenant(await pools.get("route", "api"), ANNA) as conn:
        (row,) = await conn.fetch("SELECT outcome, receiver FROM decision")
    assert row["receiver"]["party_id"] == str(entry.party_id)


@pytest.mark.proves("SA7", "R32")
async def test_oin_and_vat_numbers_go_through_the_directory(pools: Pools) -> None:
    entry = await enter(pools, "De Jong", (KVK, "58070036"), (VAT, "NL001234567B01"))
    for key in ((OIN, "00000003580700360000"), (VAT, "NL001234567B01")):
        (fact,) = await decided(pools, validated(key))
        assert isinstance(fact, InvoiceRouted)
        assert fact.receiver.party_id == entry.party_id


@pytest.mark.proves("R35", "R36", "SA6")
async def test_without_a_number_it_waits_with_the_words_that_help(pools: Pools) -> None:
    (fact,) = await decided(pools, validated())
    assert isinstance(fact, InvoiceParked)
    assert fact.code == "no-identifier"
    assert "Kamer van Koophandel" in fact.reason.nl
    assert "NEW sales orders" in fact.reason.en
    async with tenant(await pools.get("route", "api"), ANNA) as conn:
        row = await store.parked(conn, fact.invoice_id)
    assert row is not None
    assert (row["state"], row["code"], row["reason"]) == ("open", "no-identifier", fact.reason.model_dump())


@pytest.mark.proves("R34", "SA8")
async def test_a_branch_number_is_never_taken_for_a_kvk_number(pools: Pools) -> None:
    """Not even when its first or last eight digits are somebody's KvK number, or when a party has it."""
    await enter(pools, "First", (KVK, "00002744"))
    await enter(pools, "Last", (KVK, "27449173"))
    await enter(pools, "Branch", (BRANCH, "000027449173"))
    (fact,) = await decided(pools, validated((BRANCH, "000027449173")))
    assert isinstance(fact, InvoiceParked)
    assert fact.code == "branch-number"
    assert "vestigingsnummer" in fact.reason.nl


@pytest.mark.proves("R34")
async def test_a_branch_number_refines_within_one_company(pools: Pools) -> None:
    head = await enter(pools, "De Jong", (KVK, "58070036"))
    north = await enter(pools, "De Jong Noord", (BRANCH, "000027449173"), branch_of=head.party_id)
    (fact,) = await decided(pools, validated((KVK, "58070036"), (BRANCH, "000027449173")))
    assert isinstance(fact, InvoiceRouted)
    assert fact.receiver.party_id == north.party_id


async def test_a_claimed_party_receives_nothing(pools: Pools) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"), status="claimed")
    (fact,) = await decided(pools, validated((KVK, "58070036")))
    assert isinstance(fact, InvoiceParked)
    assert fact.code == "unknown-receiver"


async def test_a_repeated_verdict_does_not_route_twice(pools: Pools) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"))
    event = validated((KVK, "58070036"))
    (first,) = await decided(pools, event)
    again = validated((KVK, "58070036"), invoice_id=first.invoice_id)
    assert await decided(pools, again, again) == []
    assert await told(pools, first.invoice_id) == [("routed", 1)]


async def test_a_repeated_verdict_on_a_parked_invoice_is_decided_by_the_directory_of_today(
    pools: Pools,
) -> None:
    (first,) = await decided(pools, validated((KVK, "58070036")))
    again = validated((KVK, "58070036"), invoice_id=first.invoice_id)
    (second,) = await decided(pools, again)
    assert isinstance(second, InvoiceParked)
    assert second.sequence == 2
    worker = await pools.get("route", "worker")
    assert await worker.fetchval("SELECT count(*) FROM parked") == 1


async def test_a_batch_costs_the_same_statements_whatever_its_size(pools: Pools) -> None:
    """Routed: insert, outbox. Parked: and lock, look-up, parked rows."""
    await enter(pools, "De Jong", (KVK, "58070036"))
    worker = await pools.get("route", "worker")
    await decided(
        pools, validated((KVK, "58070036"))
    )  # the first time it is also remembered that they belong together
    for size in (1, 200):
        routed = [validated((KVK, "58070036")) for _ in range(size)]
        emitted, statements = await counted(Validated(worker), worker, routed)
        assert (len(emitted), statements) == (size, 2)
        parked = [validated((KVK, "90004760")) for _ in range(size)]
        emitted, statements = await counted(Validated(worker), worker, parked)
        assert (len(emitted), statements) == (size, 5)


async def test_whoever_becomes_known_between_reading_and_parking_is_seen(pools: Pools) -> None:
    """The directory was read before the party came; the write looks again and nothing waits for ever."""
    worker = await pools.get("route", "worker")
    handler = Validated(worker)
    event = validated((KVK, "58070036"))
    known = await handler.gather([event])
    decision = handler.decide(event, known)
    await enter(pools, "De Jong", (KVK, "58070036"))
    async with worker.acquire() as conn, conn.transaction():
        (out,) = await handler.write(conn, [Decided(event, decision)])
        await outbox.append(conn, [out])
    assert isinstance(out.data, InvoiceRouted)


async def test_parking_and_becoming_known_at_once_never_leaves_one_waiting(pools: Pools) -> None:
    """Both run freely against each other, many times: whoever comes second sees the first."""
    keys = [(KVK, f"{40_000_000 + n}") for n in range(30)]
    events = [validated(key) for key in keys]

    async def decide_all() -> None:
        for event in events:
            await decided(pools, event)

    async def enter_all() -> None:
        for key in keys:
            await enter(pools, f"P{key[1]}", key)

    await asyncio.gather(decide_all(), enter_all())
    await drain(pools)
    worker = await pools.get("route", "worker")
    assert await worker.fetchval("SELECT count(*) FROM parked WHERE state = 'open'") == 0
    assert await worker.fetchval("SELECT count(*) FROM decision WHERE outcome = 'routed'") == 30
    assert await worker.fetchval("SELECT count(*) FROM arrival") == 0


async def test_another_account_sees_nothing(pools: Pools) -> None:
    await enter(pools, "De Jong", (KVK, "58070036"))
    await decided(pools, validated((KVK, "58070036")), validated())
    api = await pools.get("route", "api")
    for account, rows in ((ANNA, 1), (BERT, 0)):
        async with tenant(api, account) as conn:
            assert await conn.fetchval("SELECT count(*) FROM parked") == rows
            assert await conn.fetchval("SELECT count(*) FROM decision") == rows * 2
            assert await conn.fetchval("SELECT count(*) FROM party") == 0
            assert await conn.fetchval("SELECT count(*) FROM identifier") == 0
            assert await conn.fetchval("SELECT count(*) FROM party_change") == 0
    for table in ("parked", "decision", "party", "identifier", "party_change"):
        with pytest.raises(asyncpg.PostgresError, match=r"uuid|postbode\.account"):
            await api.fetch(f"SELECT * FROM {table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api.fetch("SELECT * FROM arrival")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO decision VALUES ('{id}', 9, '{mine}', 'routed', NULL, '{{}}')",
        "INSERT INTO decision VALUES ('{id}', 9, '{other}', 'returned', 'x', NULL)",
        "INSERT INTO party (party_id, owner_account, name, status) VALUES ('{id}', '{mine}', 'x', 'confirmed')",
        "INSERT INTO party (party_id, owner_account, name, status) VALUES ('{id}', '{other}', 'x', 'claimed')",
        "UPDATE parked SET validated = '{{}}'",
        "DELETE FROM decision",
        "SELECT * FROM inbox",
    ],
)
async def test_what_the_api_role_may_not_do(pools: Pools, statement: str) -> None:
    """Whatever a mistake in the API let through: the database says no."""
    text = statement.format(id=UUID(int=99), mine=ANNA, other=BERT)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with tenant(await pools.get("route", "api"), ANNA) as conn:
            await conn.execute(text)
