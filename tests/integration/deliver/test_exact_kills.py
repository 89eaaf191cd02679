"""Whatever dies, breaks or is overtaken while an invoice is booked at Exact Online: it is booked once."""

from __future__ import annotations

from typing import Any

import pytest

from libs.contracts.parts import Receiver
from services.deliver.exact import links, records
from services.deliver.exact.booking import Booking
from tests.integration.deliver.exact_dying import killed
from tests.integration.deliver.exact_office import (
    Desk,
    calls,
    dispatching,
    entries,
    invoice,
    last,
    linked,
    receiver_of,
    sent,
    table,
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


async def test_a_link_that_ends_while_it_books_by_it_gets_no_further_call(stage: Stage) -> None:
    """Two reads, the supplier, and five: before the first write, half-way, and once it is booked."""
    for call in (3, 5, 7):
        async with linked(stage.worker) as at:
            to = await receiver_of(at)
            await stage.worker.execute("DELETE FROM exact_party")
            await stage.worker.execute("UPDATE exact_chart SET read_at = now() - interval '2 days'")
            await sent(stage, to, number=f"F{call}")
            asked = 0

            async def ending(_: Any) -> None:
                nonlocal asked
                asked += 1
                if asked == call:  # noqa: B023
                    link = await links.one(stage.worker, to.party_id)  # noqa: B023
                    assert link is not None
                    assert await links.end(stage.worker, link.link_id)

            at.http.event_hooks = {"request": [ending]}
            await dispatching(at, stage).dispatch()
            assert asked == call, calls(at)
            await stage.make_due()
            await dispatching(at, stage).dispatch()
            assert asked == call, "nor later"
            booked = call >= 7
            assert len(entries(at)) == booked
            assert (await last(stage))["code"] == (None if booked else "exact-link-ended")
            assert (await stage.states())[-1] == ("handed_over" if booked else "parked")


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


@pytest.mark.parametrize("changed", ["YourRef", "Supplier"])
async def test_an_entry_that_a_person_changed_before_it_was_looked_up_is_known_by_its_document(
    stage: Stage, changed: str
) -> None:
    """Its number was corrected, or its supplier merged into another."""
    async with linked(stage.worker) as at:
        await sent(stage, await receiver_of(at))
        at.office.exact.faults.plan(Fault("drop", PURCHASES, "POST", after=True))
        await dispatching(at, stage).dispatch()
        (row,) = entries(at)
        value = {"YourRef": "F1-A", "Supplier": at.office.customer}[changed]
        at.office.screens.change_entry(at.office.books, row["EntryID"], **{changed: value})
        await stage.make_due()
        await dispatching(at.another(), stage).dispatch()
        assert (len(entries(at)), await stage.states()) == (1, ["handed_over"])
        (told,) = await stage.worker.fetchval("SELECT differences FROM exact_booking")
        assert (told["field"], told["booked"]) == (changed, value)


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
