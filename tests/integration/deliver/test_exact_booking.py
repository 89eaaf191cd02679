"""Invoices into the books at Exact Online, against the simulator in process: five calls, once, whatever dies or fails."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs.contracts.invoice import InvoiceImported
from libs.contracts.parts import Receiver
from libs.testing import builders
from services.deliver.exact import outcomes, records
from services.deliver.exact.booking import Booking
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.kinds import SALES
from services.deliver.parcel import Loaded
from tests.integration.deliver.exact_office import (
    SUPPLIER_KVK,
    Desk,
    calls,
    desk,
    dispatching,
    linked,
    receiver_of,
    told,
)
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Api, Fault, Settings, application

READS = ["GET financial/GLAccounts", "GET vat/VATCodes"]
FIVE = [
    "POST documents/Documents",
    "POST documents/DocumentAttachments",
    "POST documents/DocumentAttachments",
    "POST purchaseentry/PurchaseEntries",
    "GET purchaseentry/PurchaseEntries",
]


def invoice(number: str = "F1", seller_kvk: str = SUPPLIER_KVK, **more: Any) -> bytes:
    return builders.invoice(number=number, seller_kvk=seller_kvk, **{"issue_date": "2025-01-10", **more})


async def sent(stage: Stage, to: Receiver, xml: bytes | None = None, number: str = "F1", **more: Any) -> None:
    await stage.plan(await stage.routed(to, number=number, xml=xml or invoice(number), **more))


async def last(stage: Stage) -> asyncpg.Record:
    row = await stage.worker.fetchrow("SELECT * FROM attempt ORDER BY started_at DESC, number DESC LIMIT 1")
    assert row is not None
    return row


def table(at: Desk, name: str) -> list[dict[str, Any]]:
    return list(at.office.books.table(name).all())


def entries(at: Desk) -> list[dict[str, Any]]:
    return table(at, "purchase_entries")


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
        for _ in range(3):
            await asyncio.gather(*(worker.dispatch() for worker in workers))
            await stage.make_due()
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


async def test_booked_is_booked_though_the_link_lapsed_before_it_was_told(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        async with killed(stage, at, 7, after=True):
            pass
        assert len(entries(at)) == 1
        await stage.worker.execute(
            "UPDATE exact_booking SET entry = $1, entry_number = '7', doing = NULL", entries(at)[0]["EntryID"]
        )
        reason = {"code": "exact-other-account", "nl": "n", "en": "e"}
        await stage.worker.execute("UPDATE exact_grant SET state = 'lapsed', reason = $1", reason)
        await stage.make_due()
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over"]


async def test_whoever_was_overtaken_while_it_waited_for_the_database_books_nothing(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        await dispatching(at, stage).dispatch()
        row = await stage.worker.fetchrow("SELECT * FROM exact_booking")
        assert row is not None
        stale = await records.begin(
            stage.worker, row["delivery_id"], row["invoice_id"], row["link_id"], 100, "purchase"
        )
        stale.entry = None
        with pytest.raises(records.Overtaken):
            await records.doing(stage.worker, stale, "entry", {"a": "b"})
        await stage.worker.execute("UPDATE exact_booking SET entry = NULL")
        again = await records.begin(
            stage.worker, row["delivery_id"], row["invoice_id"], row["link_id"], 100, "purchase"
        )
        await records.doing(stage.worker, again, "entry", {"a": "b"})
        with pytest.raises(records.Overtaken):
            await records.doing(stage.worker, stale, "entry", {"a": "b"})


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


class Freezing(httpx.AsyncBaseTransport):
    """A worker that stands still for good at its ``at``-th call, before it or after it was carried out: as a kill leaves
    things, for nothing of its own runs any more."""

    def __init__(self, inner: httpx.AsyncBaseTransport, at: int, *, after: bool) -> None:
        self._inner, self._at, self._after = inner, at, after
        self.frozen = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._at -= 1
        if self._at == 0 and not self._after:
            self.frozen.set()
            await asyncio.Event().wait()
        response = await self._inner.handle_async_request(request)
        if self._at == 0:
            await response.aread()
            self.frozen.set()
            await asyncio.Event().wait()
        return response


@contextlib.asynccontextmanager
async def killed(stage: Stage, at: Desk, call: int, *, after: bool) -> AsyncIterator[bool]:
    """A worker died at this call of its round; whether it came so far."""
    inner = httpx.ASGITransport(application(Api(at.office.exact, at.grant.base)))
    freezing = Freezing(inner, call, after=after)
    async with httpx.AsyncClient(transport=freezing) as http:
        dead = dispatching(desk(at.office, stage.worker, at.grant, http), stage)
        dying = asyncio.create_task(dead.dispatch())
        frozen = asyncio.create_task(freezing.frozen.wait())
        await asyncio.wait({dying, frozen}, return_when=asyncio.FIRST_COMPLETED)
        if not dying.done():
            await stage.expire()
            # Its other claims run out, too.
            await stage.worker.execute("UPDATE exact_party SET until = now() WHERE party IS NULL")
        try:
            yield not dying.done()
        finally:
            dying.cancel()
            frozen.cancel()
            await asyncio.gather(dying, frozen, return_exceptions=True)


async def everywhere(stage: Stage, at: Desk, to: Receiver) -> int:
    """One invoice for every place a worker can die at while it books; how many."""
    count = 0
    for after in (False, True):
        call = 1
        while True:
            number = f"K{after:d}{call}"
            kvk = f"9{count:07}"
            await sent(
                stage,
                to,
                invoice(number, kvk, seller_name=f"Leverancier {number} BV", seller_vat=None),
                number,
            )
            async with killed(stage, at, call, after=after) as so_far:
                count += 1
                if not so_far:
                    break
                other = dispatching(at.another(), stage)
                for _ in range(2):
                    await stage.make_due()
                    await other.dispatch()
            call += 1
            at.office.exact.clock.advance(20)
    return count


@pytest.mark.proves("SA1")
async def test_killed_at_any_step_it_is_booked_once(stage: Stage) -> None:
    async with linked(stage.worker, Settings(per_minute=10_000)) as at:
        to = await receiver_of(at)
        count = await everywhere(stage, at, to)
        assert count >= 2 * 9
        assert set(await stage.states()) == {"handed_over"}
        for name in ("purchase_entries", "documents"):
            assert len(table(at, name)) == count, name
        assert len({row["YourRef"] for row in entries(at)}) == count
        assert len(table(at, "attachments")) == 2 * count
        assert len(table(at, "accounts")) == 2 + count


async def test_without_the_look_up_a_kill_books_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail."""

    async def nothing(self: Booking, body: dict[str, Any]) -> bool:
        return False

    monkeypatch.setattr(Booking, "_there", nothing)
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        async with killed(stage, at, len([*READS, "GET crm/Accounts", *FIVE]) - 1, after=True) as so_far:
            assert so_far
            await dispatching(at.another(), stage).dispatch()
        assert len(entries(at)) == 2


async def all_told(stage: Stage) -> list[Any]:
    return list(await stage.told())


PURCHASES = "purchaseentry/PurchaseEntries"


@pytest.mark.parametrize("kind", ["server_error", "drop", "timeout"])
async def test_5xx_and_broken_lines_after_the_write_book_once(stage: Stage, kind: Any) -> None:
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        at.office.exact.faults.plan(
            Fault(kind, "documents/Documents", after=True),
            Fault(kind, "documents/DocumentAttachments", after=True),
            Fault(kind, PURCHASES, "POST", after=True),
        )
        worker = dispatching(at, stage)
        for _ in range(4):
            await worker.dispatch()
            await stage.make_due()
        assert [outcome for _, outcome in await stage.attempts()] == [*["unknown"] * 3, "handed_over"]
        assert [len(table(at, name)) for name in ("purchase_entries", "documents", "attachments")] == [
            1,
            1,
            2,
        ]


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (Fault("unauthorised", PURCHASES, "POST"), "handed_over", None),
        (Fault("unauthorised", PURCHASES, "POST", times=2), "failed", "exact-unauthorised"),
        (Fault("server_error", "documents/Documents"), "unknown", "no-answer"),
        (Fault("server_error", "vat/VATCodes"), "failed", "exact-trouble"),
        (Fault("server_error", PURCHASES, "GET"), "failed", "exact-read-back"),
        (Fault("minute_spent", PURCHASES), "not_begun", None),
        (Fault("day_spent", "documents/DocumentAttachments"), "not_begun", None),
        (Fault("key_blocked", PURCHASES), "not_begun", None),
        (Fault("wrong_division", PURCHASES), "refused", "exact-no-right"),
    ],
)
async def test_what_went_wrong_decides_what_is_done(
    stage: Stage, fault: Fault, outcome: str, code: str | None
) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        at.office.exact.faults.plan(fault)
        await dispatching(at, stage).dispatch()
        row = await last(stage)
        assert (row["outcome"], row["code"]) == (outcome, code)
        if outcome == "refused":
            assert await stage.states() == ["parked"]
            return
        # Later, with calls again, it is booked, and once.
        at.office.exact.clock.advance(24 * 3600)
        await stage.worker.execute("UPDATE exact_grant SET issued_at = issued_at - interval '1 day'")
        for _ in range(2):
            await stage.make_due()
            await dispatching(at.another(), stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert len(entries(at)) == 1


async def refused(stage: Stage, at: Desk, code: str, *words: str) -> asyncpg.Record:
    """It waits with this code, words in both languages that say its receiver what to do, and nothing in the books. Its
    sender reads none of that."""
    await dispatching(at, stage).dispatch()
    assert await stage.states() == ["parked"]
    row = await last(stage)
    assert (row["outcome"], row["code"]) == ("refused", code)
    (fact,) = await all_told(stage)
    assert fact.code == "receiver-must-act"
    (delivery,) = await stage.rows()
    reason = delivery["reason"]["receiver"]
    assert reason["code"] == code
    assert all(word in reason["nl"] for word in words), reason
    assert reason["en"] != reason["nl"]
    assert not any(word in fact.model_dump_json() for word in words), fact
    assert not entries(at)
    return row


async def test_a_closed_period_waits(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        at.office.screens.close_period(at.office.books, 2025, 1)
        to = await receiver_of(at)
        await sent(stage, to)
        await refused(stage, at, "exact-period-closed", "Open haar", "2025/1")


async def test_a_blocked_supplier_waits(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        at.office.screens.block(at.office.books, at.office.supplier)
        to = await receiver_of(at)
        await sent(stage, to)
        await refused(stage, at, "exact-party-blocked", "Haal de blokkade daar weg")


async def test_a_vat_code_that_is_not_there_waits_for_another_rule(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(
            at, rules={"rules": [{"journal": "60"}, {"account": "4500", "vat_code": "77"}]}
        )
        await sent(stage, to)
        await refused(stage, at, "exact-unknown-vat-code", "77")
        assert "POST documents/Documents" not in calls(at), "nothing is left behind"


async def test_a_vat_code_that_goes_away_between_two_invoices_waits(stage: Stage) -> None:
    """Ours is a day old by then: it is Exact that says no."""
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        await sent(stage, to)
        await dispatching(at, stage).dispatch()
        for row in table(at, "vat_codes"):
            row["IsBlocked"] = True
        await sent(stage, to, number="F2")
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over", "parked"]
        assert (await last(stage))["code"] == "exact-vat-code"


async def test_a_right_that_was_withdrawn_waits_and_goes_on_when_the_division_is_chosen_again(
    stage: Stage,
) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        at.office.screens.withdraw(at.office.user, "purchaseentry")
        await sent(stage, to)
        await refused(stage, at, "exact-no-right", "Kantoorgebruiker")


async def test_a_page_that_is_too_large_is_left_out_and_told(stage: Stage) -> None:
    async with linked(stage.worker, Settings(attachment_bytes=20_000)) as at:
        await sent(stage, await receiver_of(at), pdf=b"%PDF-1.7 " + bytes(30_000))
        await dispatching(at, stage).dispatch()
        assert await stage.states() == ["handed_over"]
        assert ".pdf" in (await last(stage))["detail"]
        assert len(entries(at)) == 1
        await told(stage)
        assert "did not take" in (await all_told(stage))[-1].evidence


async def test_a_lapsed_link_waits_and_says_why(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        to = await receiver_of(at)
        at.office.screens.end_link(at.office.user, at.office.app)
        at.office.exact.clock.advance(580)
        await sent(stage, to)
        await refused(stage, at, "exact-link-ended", "Zet de koppeling opnieuw op")


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


async def test_calls_that_are_used_up_spread_what_waits(stage: Stage) -> None:
    async with linked(stage.worker, Settings(per_minute=20)) as at:
        to = await receiver_of(at)
        for n in range(12):
            await sent(stage, to, number=f"F{n}")
        await dispatching(at, stage).dispatch()
        rows = await stage.worker.fetch("SELECT due_at FROM delivery WHERE state = 'queued' ORDER BY due_at")
        due = [row["due_at"] for row in rows]
        assert len(due) >= 8
        apart = [(b - a).total_seconds() for a, b in itertools.pairwise(due)]
        assert min(apart) > 3
        assert not [each for each in at.office.exact.journal if each.status == 429]


async def test_nothing_is_done_with_a_lease_that_ran_out(stage: Stage) -> None:
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        worker = dispatching(at, stage)
        held = await worker.start("exact_online")
        for job in held.jobs.values():
            job.lease.until = float("-inf")
        await worker.attempt("exact_online", held)
        assert calls(at) == []
        assert (await last(stage))["outcome"] == "not_begun"
