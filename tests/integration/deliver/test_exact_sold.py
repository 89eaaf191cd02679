"""A sender's own invoices in its own books at Exact Online, against the simulator in process: with all fields, and once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs.contracts.invoice import InvoiceFact, InvoiceSaleBooked
from libs.contracts.parts import Receiver
from libs.http.app import create_app
from libs.service import Wake
from libs.testing import builders
from services.deliver.exact import sales_api, sales_store
from services.deliver.exact.booking import Booking
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.sales_runner import SalesRunner
from tests.integration.deliver.exact_dying import Freezing
from tests.integration.deliver.exact_office import (
    RULES,
    SUPPLIER_KVK,
    Desk,
    calls,
    desk,
    dispatching,
    linked,
    receiver_of,
    set_up,
)
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.deliver.test_exact_links import Keys
from tests.sims.exact_online import Api, Fault, Settings, application
from tests.unit.deliver.exact import extra
from tests.unit.deliver.sample import receiver

SALES_RULES = {"rules": [{"journal": "70"}, {"account": "8000", "vat_code": "4"}]}
SALES = "salesentry/SalesEntries"
STEPS = [
    "POST documents/Documents",
    "POST documents/DocumentAttachments",
    "POST documents/DocumentAttachments",
    f"POST {SALES}",
    f"GET {SALES}",
]


def runner(at: Desk, stage: Stage) -> SalesRunner:
    channel = ExactChannel(stage.worker, at.calling, timedelta())
    return SalesRunner(stage.worker, stage.documents, channel.book, stage.settings(), Wake())


async def sender_of(at: Desk, **settings: Any) -> UUID:
    """The party whose books the account's own invoices go to."""
    party = (await receiver_of(at)).party_id
    await set_up(at.pool, party, {"sales": SALES_RULES, **settings})
    await sales_store.sell(at.pool, ACCOUNT, party)
    return party


async def sent(
    stage: Stage, number: str, xml: bytes | None = None, to: Receiver | None = None, **more: Any
) -> None:
    own = xml or builders.invoice(number=number, issue_date="2025-01-10", **more)
    await stage.plan(await stage.routed(to or receiver(), number=number, xml=own))


def entries(at: Desk, name: str = "sales_entries") -> list[dict[str, Any]]:
    return list(at.office.books.table(name).all())


async def states(stage: Stage) -> list[str]:
    rows = await stage.worker.fetch("SELECT state FROM exact_sale ORDER BY sale_id")
    return [row["state"] for row in rows]


async def fields(at: Desk, path: str, nested: str, entry: str) -> dict[str, str]:
    """The 18 extra fields of an entry of one line, as Exact shows them."""
    shown = (await at.office.get(f"{path}(guid'{entry}')", expand=nested)).json()["d"]
    (line,) = shown[nested]["results"]
    return {name: str({**shown, **line}[name]).removesuffix(".0") for name in extra.VALUES}


def wanted(at: Desk) -> dict[str, str]:
    """What ``fields`` are of ``extra.ubl`` by ``extra.MATCHING``."""
    tracking = at.office.books.by_code("tracking_numbers", "TN-1", "")["ID"]
    days = {"From": "/Date(1735689600000)/", "To": "/Date(1743379200000)/"}
    return {**extra.VALUES, "TrackingNumber": tracking, **days}


@pytest.mark.proves("SA17", "R120", "R121")
async def test_all_18_fields_reach_both_kinds_of_entry(stage: Stage) -> None:
    """One invoice, booked by its receiver as a purchase and by its sender as a sale."""
    async with linked(stage.worker, country="BE") as at:
        to = await receiver_of(at)
        options = {name: list(sources) for name, sources in extra.MATCHING.items()}
        await set_up(at.pool, to.party_id, {"purchase": RULES, "sales": SALES_RULES, "options": options})
        await sales_store.sell(at.pool, ACCOUNT, to.party_id)
        await sent(stage, "F1", extra.ubl(number="F1", issue_date="2025-01-10", seller_kvk=SUPPLIER_KVK), to)
        await dispatching(at, stage).dispatch()
        await runner(at, stage).look()
        assert (await stage.states(), await states(stage)) == (["handed_over"], ["booked"])
        for path, nested in (
            ("purchaseentry/PurchaseEntries", "PurchaseEntryLines"),
            (SALES, "SalesEntryLines"),
        ):
            (head,) = await at.office.rows(path, filter="EntryNumber gt 0", select="EntryID")
            assert await fields(at, path, nested, head["EntryID"]) == wanted(at)
        assert [
            row["differences"] for row in await stage.worker.fetch("SELECT differences FROM exact_booking")
        ] == [
            [],
            [],
        ]


@pytest.mark.proves("R100", "R54")
async def test_a_sender_has_its_own_invoice_in_its_own_books(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await sender_of(at)
        await sent(stage, "F1")
        await runner(at, stage).look()
        before = len(calls(at))
        await sent(stage, "C1", credit_note=True)
        await runner(at, stage).look()
        invoice, credit = entries(at)
        assert (invoice["Type"], invoice["YourRef"], credit["Type"], credit["YourRef"]) == (
            20,
            "F1",
            21,
            "C1",
        )
        assert invoice["AmountFC"] == -credit["AmountFC"]
        assert entries(at, "purchase_entries") == []
        assert calls(at)[before:] == STEPS, "no more, once the customer is known"
        assert await stage.states() == ["queued", "queued"], "the deliveries are none of its business"
        facts: list[InvoiceFact] = list(await stage.told())
        told = [fact for fact in facts if isinstance(fact, InvoiceSaleBooked)]
        assert [
            str(row["EntryNumber"]) in fact.evidence for row, fact in zip(entries(at), told, strict=True)
        ] == [
            True,
            True,
        ]
        (customer,) = {row["Customer"] for row in (invoice, credit)}
        made = at.office.books.table("accounts").get(customer)
        assert made is not None
        assert made["Name"] == "Aannemer De Jong BV"


async def test_without_a_rule_it_waits_and_goes_on_when_there_is_one(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        party = await sender_of(at, sales={"rules": [{"journal": "70"}]})
        await sent(stage, "F1")
        await runner(at, stage).look()
        assert await states(stage) == ["parked"]
        assert entries(at) == entries(at, "documents") == [], "what cannot be coded leaves nothing behind"
        await set_up(at.pool, party, {"sales": SALES_RULES})
        await runner(at, stage).look()
        assert (await states(stage), len(entries(at))) == (["booked"], 1)


async def test_only_whose_link_it_is_switches_it_and_releases_what_waits(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        party = (await receiver_of(at)).party_id
        app = create_app([sales_api.routes(stage.worker)], title="deliver", identity=Keys())
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub") as api:

            async def ask(account: int, method: str, path: str = "", body: Any = None) -> httpx.Response:
                url = f"/v1/connections/{party}/exact/sales{path}"
                return await api.request(
                    method, url, json=body, headers={"Authorization": f"Bearer {account}"}
                )

            for stranger in (await ask(1, "GET"), await ask(1, "PUT", body={"on": True})):
                assert stranger.status_code == 404
            own = ACCOUNT.int
            assert (await ask(own, "GET")).json()["on"] is False
            assert (await ask(own, "PUT", body={"on": True})).json()["since"] is not None
            await sent(stage, "F1")
            await runner(at, stage).look()
            (sale,) = (await ask(99, "GET")).json()["sales"]
            assert (sale["state"], sale["code"], sale["number"]) == ("parked", "exact-no-journal", "F1")
            assert "dagboek" in sale["reason"]["nl"]
            release = f"/{sale['sale_id']}/release"
            assert (await ask(1, "POST", release)).status_code == 404
            await set_up(at.pool, party, {"sales": SALES_RULES})
            assert [(await ask(own, "POST", release)).status_code for _ in range(2)] == [204, 404]
            await runner(at, stage).look()
            assert (await ask(own, "PUT", body={"on": False})).json()["on"] is False
            (sale,) = (await ask(own, "GET")).json()["sales"]
            assert sale["state"] == "booked"
            assert sale["receipt"].endswith("read back: the same")


@contextlib.asynccontextmanager
async def killed(stage: Stage, at: Desk, call: int, *, after: bool) -> AsyncIterator[bool]:
    """A worker stood still for good at this call, before or after it was carried out; whether it came so far."""
    inner = httpx.ASGITransport(application(Api(at.office.exact, at.grant.base)))
    freezing = Freezing(inner, call, after=after)
    async with httpx.AsyncClient(transport=freezing) as http:
        dying = asyncio.create_task(runner(desk(at.office, stage.worker, at.grant, http), stage).round())
        frozen = asyncio.create_task(freezing.frozen.wait())
        await asyncio.wait({dying, frozen}, return_when=asyncio.FIRST_COMPLETED)
        so_far = not dying.done()
        dying.cancel()
        frozen.cancel()
        await asyncio.gather(dying, frozen, return_exceptions=True)
    await stage.worker.execute(
        "UPDATE exact_sale SET lease_until = now() - interval '1 s' WHERE state = 'attempting'"
    )
    await stage.worker.execute("UPDATE exact_party SET until = now() WHERE party IS NULL")
    yield so_far


async def test_killed_at_any_step_it_is_booked_once(stage: Stage) -> None:
    async with linked(stage.worker, Settings(per_minute=10_000)) as at:
        await sender_of(at)
        count = 0
        for after in (False, True):
            so_far, call = True, 0
            while so_far:
                call, count = call + 1, count + 1
                await sent(
                    stage, f"K{after:d}{call}", buyer_kvk=f"9{count:07}", buyer_name=f"Klant {count} BV"
                )
                async with killed(stage, at, call, after=after) as so_far:
                    await runner(at.another(), stage).look()
                at.office.exact.clock.advance(20)
        assert count >= 2 * 8
        assert set(await states(stage)) == {"booked"}
        assert len({row["YourRef"] for row in entries(at)}) == len(entries(at)) == count
        assert len(entries(at, "documents")) == count


async def test_without_the_look_up_a_kill_books_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail."""

    async def nothing(self: Booking, body: dict[str, Any]) -> bool:
        return False

    monkeypatch.setattr(Booking, "_there", nothing)
    async with linked(stage.worker) as at:
        await sender_of(at)
        await sent(stage, "F1")
        await sent(stage, "F2")
        at.office.exact.faults.plan(Fault("drop", SALES, method="POST", after=True))
        for _ in range(2):
            await stage.worker.execute("UPDATE exact_sale SET due_at = now() WHERE state = 'queued'")
            await runner(at, stage).round()
        assert len(entries(at)) == 3
