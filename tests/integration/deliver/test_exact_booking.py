"""Invoices into the books at Exact Online, against the simulator in process: five calls, the right company, and proof."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from libs.contracts.invoice import InvoiceImported
from services.deliver.exact import outcomes, parties
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.kinds import SALES
from services.deliver.parcel import Loaded
from tests.integration.deliver.exact_office import (
    all_told,
    calls,
    dispatching,
    entries,
    invoice,
    last,
    linked,
    receiver_of,
    sent,
    table,
    told,
)
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Fault, Settings

READS = ["GET financial/GLAccounts", "GET vat/VATCodes"]
FIVE = [
    "POST documents/Documents",
    "POST documents/DocumentAttachments",
    "POST documents/DocumentAttachments",
    "POST purchaseentry/PurchaseEntries",
    "GET purchaseentry/PurchaseEntries",
]
PURCHASES = "purchaseentry/PurchaseEntries"


@pytest.mark.proves("R50", "R100", "SA1")
async def test_five_calls_book_an_invoice_and_the_proof_is_told(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        for number in ("F1", "F2"):
            await sent(stage, to, number=number)
            await dispatching(at, stage).dispatch()
        assert calls(at) == [*READS, "GET crm/Accounts", *FIVE, *FIVE]
        await told(stage)
        assert await stage.states() == ["confirmed"] * 2
        facts = [fact for fact in await all_told(stage) if isinstance(fact, InvoiceImported)]
        first, second = entries(at)
        assert [fact.entry_number for fact in facts] == [
            str(first["EntryNumber"]),
            str(second["EntryNumber"]),
        ]
        assert facts[0].booked_at is not None
        assert "read back" in facts[0].evidence
        assert [name for name, _ in await stage.facts()] == [
            "handed_over",
            "handed_over",
            *["confirmed", "imported"] * 2,
        ]
        assert (first["YourRef"], first["Supplier"]) == ("F1", at.office.supplier)
        assert [row["ID"] for row in table(at, "documents")] == [first["Document"], second["Document"]]
        assert len(table(at, "attachments")) == 4


async def test_a_supplier_nobody_knows_is_made_once_however_many_invoices_come_at_once(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        for n in range(6):
            await sent(stage, to, invoice(f"N{n}", "90004760", seller_name="Nieuwe Leverancier BV"), f"N{n}")
        workers = [dispatching(at, stage), dispatching(at.another(), stage)]
        await asyncio.gather(*(worker.dispatch() for worker in workers))
        # Those that wait for it come back together: there are calls for all of them.
        longest = "SELECT max(due_at) - now() FROM delivery WHERE state = 'queued'"
        assert await stage.worker.fetchval(longest) <= parties.WAIT
        for _ in range(2):
            await stage.make_due()
            await asyncio.gather(*(worker.dispatch() for worker in workers))
        assert set(await stage.states()) == {"handed_over"}
        assert calls(at).count("POST crm/Accounts") == 1
        assert len({row["Supplier"] for row in entries(at)}) == 1


async def test_a_customer_who_sends_an_invoice_becomes_a_supplier_too(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at), invoice("F1", "69599068"))
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert calls(at)[2:4] == ["GET crm/Accounts", "PUT crm/Accounts"]
        assert entries(at)[0]["Supplier"] == at.office.customer


@pytest.mark.parametrize("other", [{"seller_vat": True}, {"seller_name": True}])
async def test_a_name_or_a_fiscal_unitys_vat_number_makes_no_other_company_the_supplier(
    stage: Stage, other: dict[str, bool]
) -> None:
    async with linked(stage.worker) as at:
        (known,) = [row for row in table(at, "accounts") if row["ID"] == at.office.supplier]
        known["VATNumber"] = "NL863726392B01"
        names = {"seller_vat": "NL863726392B01", "seller_name": known["Name"]}
        to = await receiver_of(at)
        await sent(stage, to, invoice("F1", seller_vat="NL863726392B01"))
        await dispatching(at, stage).dispatch()
        await sent(stage, to, invoice("F2", "90004760", **{name: names[name] for name in other}), "F2")
        for _ in range(3):
            await dispatching(at, stage).dispatch()
            await stage.make_due()
        assert await stage.states() == ["handed_over"] * 2
        first, second = sorted(entries(at), key=lambda row: str(row["YourRef"]))
        assert first["Supplier"] == at.office.supplier
        assert second["Supplier"] != at.office.supplier


async def test_a_sale_is_never_booked_in_the_books_of_whoever_links_its_party_later(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        held = dispatching(at, stage)
        (job,) = (await held.start("exact_online")).jobs.values()
        channel = ExactChannel(stage.worker, at.calling, timedelta())
        sale = Loaded(replace(job, account_id=UUID(int=0xB)), invoice(), None)
        assert await channel.book(sale, to.party_id, SALES) == outcomes.NO_LINK
        assert calls(at) == []


async def test_a_page_that_is_too_large_is_left_out_and_told(stage: Stage) -> None:
    async with linked(stage.worker, Settings(attachment_bytes=20_000)) as at:
        await sent(stage, await receiver_of(at), pdf=b"%PDF-1.7 " + bytes(30_000))
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert ".pdf" in (await last(stage))["detail"]
        assert len(entries(at)) == 1
        await told(stage)
        assert "did not take" in (await all_told(stage))[-1].evidence


async def test_what_the_books_made_of_it_is_kept_field_by_field_and_not_told_its_sender(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        at.office.exact.faults.plan(Fault("server_error", PURCHASES, "GET"))
        worker = dispatching(at, stage)
        await worker.dispatch()
        at.office.screens.change_entry(at.office.books, entries(at)[0]["EntryID"], YourRef="X9")
        await stage.make_due()
        await worker.dispatch()
        await told(stage)
        kept = await stage.worker.fetchval("SELECT differences FROM exact_booking")
        assert kept == [{"field": "YourRef", "line": None, "sent": "F1", "booked": "X9"}]
        assert "differs" in (await last(stage))["detail"]
        assert not any(
            word in fact.model_dump_json() for fact in await all_told(stage) for word in ("X9", "differ")
        )


async def test_an_entry_that_cannot_be_read_back_is_told_as_booked_all_the_same(stage: Stage) -> None:
    """It would be a lie to give it up: it stands in the books."""
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        at.office.exact.faults.plan(Fault("server_error", PURCHASES, "GET", times=None))
        worker = dispatching(at, stage, breaker_failures=100)
        for _ in range(4):
            await worker.dispatch()
            await stage.make_due()
        assert await stage.states() == ["handed_over"]
        assert "could not be read back" in (await last(stage))["detail"]


_WAITING = """
SELECT d.due_at, b.document IS NOT NULL AS half_way FROM delivery d LEFT JOIN exact_booking b USING (delivery_id)
 WHERE d.state = 'queued' ORDER BY d.due_at
"""


async def test_calls_that_are_used_up_spread_what_waits(stage: Stage) -> None:
    async with linked(stage.worker, Settings(per_minute=24)) as at:
        to = await receiver_of(at)
        # Nobody waits for their supplier to be found.
        await sent(stage, to, number="F")
        await dispatching(at, stage).dispatch()
        for n in range(12):
            await sent(stage, to, number=f"F{n}")
        await dispatching(at, stage).dispatch()
        rows = await stage.worker.fetch(_WAITING)
        due = [row["due_at"] for row in rows if not row["half_way"]]
        half_way = [row["due_at"] for row in rows if row["half_way"]]
        assert len(due) >= 4
        assert half_way
        assert (max(half_way) - due[0]).total_seconds() < 1, "what is half-way waits for no turn"
        apart = [(b - a).total_seconds() for a, b in itertools.pairwise(due)]
        assert min(apart) > 3
        assert not [each for each in at.office.exact.journal if each.status == 429]
