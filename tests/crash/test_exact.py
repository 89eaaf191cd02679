"""A worker that books in Exact Online, and reads what is paid there, is killed before and after its calls: each invoice
stands in the books once, as a purchase and as a sale, and what is paid of it is told once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.contracts.invoice import PaymentFact
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.testing import builders
from libs.testing.machine import free_ports
from services.deliver.exact import sales_store
from services.deliver.payments import sources
from services.deliver.payments.sources import Chosen
from services.deliver.settings import DeliverSettings
from tests.crash import scale
from tests.crash.books import Books, opened
from tests.crash.faults import Strike
from tests.crash.hub import Hub, Nursery, Place
from tests.crash.scene import declare, until
from tests.integration.deliver import exact_office
from tests.integration.deliver.stage import ACCOUNT, Sink, Stage
from tests.sims.exact_online import Exact, Screens

pytestmark = pytest.mark.timeout(0 if scale.SOAK else 400)

INVOICES = 12 if scale.SOAK else 2
PURCHASES, SALES, DOCUMENTS = (
    "purchaseentry/PurchaseEntries",
    "salesentry/SalesEntries",
    "documents/Documents",
)
TERMS = "Cashflow/PaymentTerms"
BOUGHT = (
    Strike("exact.call.after", 2, "POST documents/DocumentAttachments"),
    Strike("exact.call.after", 1, f"POST {PURCHASES}"),
    *(
        (
            Strike("exact.call.before", 2, f"POST {PURCHASES}"),
            Strike("exact.call.after", 2, f"POST {DOCUMENTS}"),
            Strike("exact.call.after", 1, f"GET {PURCHASES}"),
        )
        if scale.SOAK
        else ()
    ),
)
SOLD = (
    Strike("exact.call.after", 1, f"POST {SALES}"),
    *((Strike("exact.call.before", 2, f"POST {SALES}"),) if scale.SOAK else ()),
)
PAID = (
    # Read and not kept; told and not committed; committed, and nobody wrote that the reading is at its end.
    Strike("exact.call.after", 1, f"GET {TERMS}"),
    Strike("exact.told.before"),
    Strike("exact.told.after"),
)
RULES = {"sales": {"rules": [{"journal": "70"}, {"account": "8000", "vat_code": "4"}]}}
_HOLD = "UPDATE exact_sale SET due_at = now() + interval '1 hour'"
_LET_GO = "UPDATE exact_sale SET due_at = now() WHERE state = 'queued'"
_OVER = "UPDATE payment_fetch SET lease_until = now() - interval '1 s'"


async def entered(stage: Stage, books: Books, keys_of: DatabaseSettings) -> None:
    """Invoices for somebody with books at Exact Online, sent by somebody who has its own booked there, too."""
    keys = DeliverSettings(database_url=keys_of.url, secret=keys_of.secret).keys
    to = await exact_office.receiver_with(stage.worker, await books.granted(stage.worker, keys))
    await exact_office.set_up(stage.worker, to.party_id, RULES)
    await sales_store.sell(stage.worker, ACCOUNT, to.party_id)
    for n in range(INVOICES):
        xml = builders.invoice(number=f"F{n}", seller_kvk=exact_office.SUPPLIER_KVK)
        await stage.plan(await stage.routed(to, number=f"F{n}", xml=xml, payable="25.10"))
    await stage.worker.execute(_HOLD)


async def paid(stage: Stage, hub: Hub) -> None:
    """What is paid is read from the books, until the worker has died of all that strikes it and told everything."""
    async with stage.worker.acquire() as conn, conn.transaction():
        await sources.choose(conn, ACCOUNT, Chosen("exact_online", "automatic"), None)
    died = 0

    async def read() -> bool:
        nonlocal died
        if hub.deaths and len(hub.deaths) > died:
            died = len(hub.deaths)
            await stage.worker.execute(_OVER)  # as if its five minutes were over
        return bool(await stage.worker.fetchval("SELECT bool_and(read_at IS NOT NULL) FROM payment_fetch"))

    await until(read, seconds=180)


@pytest.mark.proves("R100", "R110", "SA1", "SA22")
async def test_killed_around_its_calls_a_worker_books_each_invoice_once_and_tells_once_what_is_paid(
    nursery: Nursery, database: DatabaseSettings, amqp_url: str, tmp_path: Path
) -> None:
    with opened() as books:
        (sink,) = free_ports(1)
        settings = {**books.settings, "POSTBODE_DELIVER_LEASE_SECONDS": "1"}
        place = Place(
            tmp_path, database.url, database.secret, amqp_url, sink, tmp_path / "globe", settings=settings
        )
        hub, pools = Hub(nursery, place), Pools(database)
        await declare(amqp_url)
        async with nursery.attached():
            try:
                worker = await pools.get("deliver", "worker")
                stage = Stage(pools, worker, tmp_path / "globe", Sink())
                await entered(stage, books, database)
                left = [*BOUGHT, *SOLD, *PAID]
                hub.plan = lambda _: [left.pop(0)] if left else []
                await hub.start("deliver.worker", "deliver", "worker")

                async def bought() -> bool:
                    return set(await stage.states()) == {"confirmed"}

                async def sold() -> bool:
                    rows = await worker.fetch("SELECT state FROM exact_sale")
                    return {row["state"] for row in rows} == {"booked"}

                await until(bought, seconds=180)
                await worker.execute(_LET_GO)
                await until(sold, seconds=180)

                def pay(exact: Exact) -> None:
                    for table in ("purchase_entries", "sales_entries"):
                        for row in books.division.table(table).all():
                            Screens(exact).pay(books.division, row["EntryID"])

                books.server.do(pay)
                await paid(stage, hub)
                said: list[Any] = list(await stage.told())
                told = [fact for fact in said if isinstance(fact, PaymentFact)]
            finally:
                await hub.close()
                await pools.close()
        assert not left
        assert hub.strikes().total() == len(BOUGHT) + len(SOLD) + len(PAID)
        assert not hub.fell
        numbers = sorted(f"F{n}" for n in range(INVOICES))
        for table in ("purchase_entries", "sales_entries"):
            assert sorted(row["YourRef"] for row in books.rows(table)) == numbers, table
        assert len(books.rows("documents")) == 2 * INVOICES
        assert len(books.rows("attachments")) == 2 * 2 * INVOICES
        # By the word of who pays, and of who is paid; each once, and nothing else.
        words = sorted((str(fact.invoice_id), fact.by, str(fact.paid), str(fact.open)) for fact in told)
        invoices = sorted({each[0] for each in words})
        assert len(invoices) == INVOICES
        assert words == [(each, by, "25.10", "0.00") for each in invoices for by in ("receiver", "sender")]
