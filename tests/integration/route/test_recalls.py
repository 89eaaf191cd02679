"""After a wrong delivery: the sender and that receiver are stopped until a person says that it is right."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from typer.testing import CliRunner

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceParked, InvoiceRecalled, InvoiceRouted
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.route.companies import parties
from services.route.companies.entries import read_all
from services.route.companies.parties import Entry
from services.route.deciding.decision import Key
from services.route.waits import recall_cli
from services.route.waits.releases import release_some
from tests.integration.route.stage import OPERATOR, decided, enter, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.unit.route.sample import BRANCH, GLN, KVK

X = (KVK, "58070036")
GLN_NORTH = (GLN, "8712345678906")
TERMS: dict[str, Any] = {"type_code": "380", "issue_date": date(2026, 11, 2)}


def numbered(number: str, to: Key = X, **terms: Any) -> Event:
    return validated(to, number=number, **{**TERMS, **terms})


async def change(pools: Pools, entry: Entry) -> None:
    """An operator changes a party, and what waited for it is looked at again."""
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await parties.change(conn, entry, OPERATOR)
        await release_some(conn, 500)


async def last(pools: Pools) -> InvoiceRecalled:
    worker = await pools.get("route", "worker")
    body = await worker.fetchval(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' FROM outbox WHERE routing_key LIKE 'invoice.recalled%'"
        " ORDER BY id LIMIT 1"
    )
    return InvoiceRecalled.model_validate(body)


@pytest.mark.proves("R30")
async def test_nothing_more_goes_until_a_person_says_so(pools: Pools, hub: httpx.AsyncClient) -> None:
    party = await enter(pools, "De Jong", X)
    north = await enter(pools, "De Jong Noord", (BRANCH, "000027449173"), branch_of=party.party_id)
    wrong = [numbered("F1"), numbered("F2")]
    await decided(pools, *wrong)
    body = {"invoices": [event.subject for event in wrong]}
    reply = await hub.post("/v1/recalls", json=body, headers=as_("staff"))
    assert reply.status_code == 201, reply.text
    assert reply.json() == {
        "receiver": "De Jong", "stopped": sorted([str(party.party_id), str(north.party_id)]), "mailed": True,
    }  # fmt: skip
    for event in wrong:
        assert [name for name, _ in await told(pools, UUID(event.subject))] == ["routed", "recalled"]
    fact = await last(pools)
    assert (fact.number, fact.not_theirs, fact.receiver.email) == (1, ("F1", "F2"), "in@de.example")
    # What comes next waits, although everything on it agrees; another sender's goes on.
    waits, other = await decided(pools, numbered("F3"), numbered("F3", account=BERT))
    assert isinstance(waits, InvoiceParked)
    assert waits.code == "stopped"
    assert isinstance(other, InvoiceRouted)
    assert other.lifted == 0
    chosen = {"party_id": str(party.party_id)}
    reply = await hub.post(f"/v1/parked/{waits.invoice_id}/release", json=chosen, headers=as_("anna"))
    assert reply.status_code == 200, reply.text
    (goes,) = await decided(pools, numbered("F4"))
    assert isinstance(goes, InvoiceRouted)
    assert goes.lifted == 1


@pytest.mark.proves("R30", "R51")
async def test_the_number_of_what_went_wrong_is_free_for_the_right_one(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    party = await enter(pools, "De Jong", X)
    await enter(pools, "Smit", (KVK, "69599084"))
    wrong = numbered("F1")
    await decided(pools, wrong)
    await hub.post("/v1/recalls", json={"invoices": [wrong.subject]}, headers=as_("staff"))
    said = await decided(pools, validated((KVK, "69599084"), number="F1", **TERMS))
    assert [type(fact).__name__ for fact in said] == ["InvoiceRouted", "InvoiceLinked", "InvoiceLinked"]
    # The directory was wrong: what is stopped goes on, to whose number it is.
    waits = numbered("F2")
    await decided(pools, waits)
    assert [name for name, _ in await told(pools, UUID(waits.subject))] == ["parked"]
    await change(pools, replace(party, identifiers=read_all([(KVK, "90004760")])))
    await enter(pools, "De Vries", X)
    assert [name for name, _ in await told(pools, UUID(waits.subject))][-2:] == ["released", "routed"]


@pytest.mark.proves("R30")
async def test_a_stop_stays_with_its_party_whosever_place_it_becomes(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    """Its number is told with what is routed, so that deliver can tell, whatever comes first."""
    party = await enter(pools, "De Jong", X)
    north = await enter(pools, "De Jong Noord", GLN_NORTH, branch_of=party.party_id)
    head = await enter(pools, "Hoofd", (KVK, "69599084"))
    for n in (1, 2):
        wrong = numbered(f"F{n}")
        (routed,) = await decided(pools, wrong)
        if isinstance(routed, InvoiceParked):
            path = f"/v1/parked/{wrong.subject}/release"
            await hub.post(path, json={"party_id": str(party.party_id)}, headers=as_("anna"))
        await hub.post("/v1/recalls", json={"invoices": [wrong.subject]}, headers=as_("staff"))
    worker = await pools.get("route", "worker")
    rows = await worker.fetch("SELECT number, invoices, by_account FROM recall ORDER BY number")
    assert [row["number"] for row in rows] == [1, 2]
    assert all(row["by_account"] is not None for row in rows)
    assert [tuple(row) for row in await worker.fetch("SELECT number, lifted FROM stop")] == [(2, False)] * 2
    # Neither is stopped any less as a place of another company, which is not stopped itself.
    for each in (north, party):
        await change(pools, replace(each, branch_of=head.party_id))
    waits = numbered("F4")
    said = await decided(pools, numbered("F3", to=(KVK, "69599084")), waits, numbered("F5", to=GLN_NORTH))
    assert [type(fact).__name__ for fact in said] == ["InvoiceRouted", "InvoiceParked", "InvoiceParked"]
    # A word on the one is none on the other, nor what was said of the head before.
    path = f"/v1/parked/{waits.subject}/release"
    reply = await hub.post(path, json={"party_id": str(party.party_id)}, headers=as_("anna"))
    assert reply.status_code == 200, reply.text
    goes, stopped = await decided(pools, numbered("F6"), numbered("F7", to=GLN_NORTH))
    assert isinstance(goes, InvoiceRouted)
    assert (goes.receiver.party_id, goes.lifted) == (party.party_id, 2)
    assert isinstance(stopped, InvoiceParked)


async def test_who_may_and_what_cannot_be(pools: Pools, hub: httpx.AsyncClient) -> None:
    await enter(pools, "De Jong", X)
    one, other = numbered("F1"), numbered("F1", account=BERT)
    await decided(pools, one, other)
    parked = validated((KVK, "90004760"))
    await decided(pools, parked)
    for who, invoices, status in (
        ("anna", [one.subject], 403),
        ("staff", [str(uuid4())], 404),
        ("staff", [one.subject, parked.subject], 404),
        ("staff", [one.subject, other.subject], 409),
        ("staff", [], 422),
    ):
        reply = await hub.post("/v1/recalls", json={"invoices": invoices}, headers=as_(who))
        assert reply.status_code == status, (who, invoices)
    worker = await pools.get("route", "worker")
    assert await worker.fetchval("SELECT count(*) FROM stop") == 0


def test_on_the_command_line(database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    event = numbered("F1", account=ANNA)

    async def work() -> None:
        pools = Pools(database)
        await enter(pools, "De Jong", X)
        await decided(pools, event)
        await pools.close()

    asyncio.run(work())
    done = CliRunner().invoke(recall_cli.app, [event.subject])
    assert (done.exit_code, "De Jong" in done.output, "in@de.example" in done.output) == (0, True, True)
    assert CliRunner().invoke(recall_cli.app, [str(uuid4())]).exit_code == 1
