"""What is paid, from the books in Exact Online: against the simulator in process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs import clock
from libs.contracts.invoice import PaymentFact
from libs.service import Wake
from services.deliver.exact import links
from services.deliver.payments import api, fetching, sources
from services.deliver.payments.following import Following
from services.deliver.payments.sources import Chosen
from services.deliver.payments.terms import ENDPOINT
from tests.integration.deliver.exact_office import Desk, calls, dispatching, invoice, linked, receiver_of
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.validate.api_client import as_, served
from tests.sims.exact_online import Fault, Settings

DUE = "25.10"
HOUR = timedelta(hours=1)


@asynccontextmanager
async def booked(
    stage: Stage, *numbers: str, settings: Settings | None = None
) -> AsyncIterator[tuple[Desk, list[str]]]:
    """Invoices in the books of an account that has its payment status from there; ids of the entries."""
    async with linked(stage.worker, settings) as at:
        to = await receiver_of(at)
        for number in numbers:
            await stage.plan(await stage.routed(to, number=number, xml=invoice(number), payable=DUE))
            await dispatching(at, stage).dispatch()
        async with stage.worker.acquire() as conn, conn.transaction():
            await sources.choose(conn, ACCOUNT, Chosen("exact_online", "automatic"), None)
        yield at, [str(row["EntryID"]) for row in at.office.books.table("purchase_entries").all()]


async def look(at: Desk, stage: Stage) -> None:
    """A worker of its own, and the time has come."""
    await stage.worker.execute("UPDATE payment_fetch SET due_at = now(), lease_until = NULL")
    await Following(stage.worker, at.another().calling, Wake(), HOUR).look()


async def told(stage: Stage) -> list[tuple[str, int, str, str]]:
    facts: list[Any] = [fact for fact in await stage.told() if isinstance(fact, PaymentFact)]
    assert {(fact.by, fact.source, fact.currency) for fact in facts} <= {("receiver", "exact_online", "EUR")}
    return [(fact.type.split(".")[1], fact.sequence, str(fact.paid), str(fact.open)) for fact in facts]


def asked(at: Desk) -> int:
    return calls(at).count(f"GET {ENDPOINT}")


STORY = [
    ("paid", 1, "5.10", "20.00"), ("paid", 2, "25.10", "0.00"), ("reversed", 3, "0.00", "25.10"),
    ("paid", 4, "25.10", "0.00"),
]  # fmt: skip


@pytest.mark.proves("R55", "R110", "R112", "R113", "SA16")
async def test_in_part_whole_undone_and_again_and_nothing_of_what_others_booked(stage: Stage) -> None:
    async with booked(stage, "F1", "F2") as (at, (entry, _)):
        office = at.office
        by_hand = office.screens.book(office.books, "purchase", office.purchase(YourRef="F-hand"))
        office.screens.pay(office.books, by_hand["EntryID"])
        await look(at, stage)
        assert await told(stage) == []
        steps: tuple[Callable[[], object], ...] = (
            lambda: office.screens.pay(office.books, entry, Decimal("5.10")),
            lambda: office.screens.pay(office.books, entry, Decimal("20.00")),
            lambda: office.screens.reverse(office.books, entry),
            lambda: office.screens.pay(office.books, entry),
        )
        for step in steps:
            step()
            before = asked(at)
            await look(at, stage)
            await look(at, stage)  # and nothing new
            assert asked(at) - before == 2
        assert await told(stage) == STORY
        assert await stage.worker.fetchval("SELECT count(DISTINCT booking) FROM payment_term") == 2
        facts: list[Any] = await stage.told()
        fact: PaymentFact = next(
            each for each in facts if isinstance(each, PaymentFact) and each.sequence == 4
        )
        assert fact.evidence.startswith("Exact Online: entry ")
        assert fact.paid_on is not None


@pytest.mark.proves("R55", "R110")
async def test_what_a_sender_booked_for_itself_is_told_of_as_its_own_word(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (bought,)):
        office = at.office
        sold = await office.made(
            "salesentry/SalesEntries", office.sale(office.line(GLAccount=office.revenue, AmountFC="20.74"))
        )
        sale, number = clock.uuid7(), str(sold["EntryNumber"])
        await stage.worker.execute(_SOMETHING_ELSE, sale)
        await stage.worker.execute(_SALE, sale, sold["EntryID"], number)
        office.screens.pay(office.books, sold["EntryID"])
        office.screens.pay(office.books, bought)
        await look(at, stage)
        facts: list[Any] = [fact for fact in await stage.told() if isinstance(fact, PaymentFact)]
        assert {(fact.by, str(fact.paid), fact.evidence.split()[3]) for fact in facts} == {
            ("receiver", "25.10", facts[0].evidence.split()[3]), ("sender", "25.10", number),
        }  # fmt: skip
        assert sorted(fact.sequence for fact in facts) == [1, 2]


# What the id of a sale is: no delivery of this invoice.
_SOMETHING_ELSE = """
INSERT INTO delivery (delivery_id, invoice_id, account_id, receiver_id, receiver_name, routing, channel, lane, size, state,
                      sequence)
SELECT $1, $1, account_id, receiver_id, receiver_name, routing, channel, lane, size, state, 0 FROM delivery
"""
_SALE = """
INSERT INTO exact_booking (delivery_id, invoice_id, link_id, division, kind, entry, entry_number)
SELECT $1, invoice_id, link_id, division, 'sales', $2, $3 FROM exact_booking
"""


class Killed(BaseException):
    """A worker is gone."""


@pytest.mark.parametrize("step", ["keep", "tell", "_tell", "end"])
@pytest.mark.parametrize("after", [False, True])
async def test_wherever_a_worker_dies_each_fact_is_told_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    async with booked(stage, "F1") as (at, (entry,)):
        office = at.office
        office.screens.pay(office.books, entry)
        real = getattr(fetching, step)

        async def dying(*given: Any) -> Any:
            if after:
                await real(*given)
            raise Killed

        monkeypatch.setattr(fetching, step, dying)
        with pytest.raises(Killed):
            await look(at, stage)
        monkeypatch.setattr(fetching, step, real)
        await look(at, stage)
        assert await told(stage) == [("paid", 1, "25.10", "0.00")]


async def test_a_long_reading_goes_on_where_it_was_stopped_and_bookings_go_first(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (entry,)):
        office = at.office
        office.screens.pay(office.books, entry)
        (one,) = [row for row in office.books.table("terms").all() if row["TransactionEntryID"] == entry]
        for n in range(2_500):
            other = {
                "ID": f"{n:08}-0000-4000-8000-000000000000",
                "TransactionEntryID": f"{n:08}-0000-4000-8000-000000000001",
            }
            office.books.add("terms", **{**one, **other})
        office.exact.faults.plan(Fault("minute_spent", endpoint=ENDPOINT, skip=1))
        await look(at, stage)
        row = await stage.worker.fetchrow(
            "SELECT unfinished, high > 0 AS on_its_way, trouble FROM payment_fetch"
        )
        assert (tuple(row or ()), await told(stage)) == ((True, True, None), [])
        office.exact.clock.advance(120)
        before = asked(at)
        await look(at, stage)
        assert (asked(at) - before, len(await told(stage))) == (2, 1)


async def test_what_is_asked_by_hand_is_fetched_once_and_only_from_the_source(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (entry,)), served(api.routes(stage.worker, Wake())) as hub:

        async def choose(status: int = 200, **chosen: str) -> Any:
            reply = await hub.put("/v1/payments/source", json=chosen, headers=as_("anna"))
            assert reply.status_code == status, reply.text

        async def fetch() -> tuple[int, str]:
            reply = await hub.post("/v1/payments/fetch", headers=as_("anna"))
            return reply.status_code, reply.json().get("code", "")

        at.office.screens.pay(at.office.books, entry)
        await choose(source="exact_online", way="manual")
        following = Following(stage.worker, at.calling, Wake(), HOUR)
        await following.look()
        assert asked(at) == 0
        assert await fetch() == (202, "")
        await following.look()
        await following.look()
        assert (asked(at), len(await told(stage))) == (1, 1)
        (link,) = (await hub.get("/v1/payments/fetch", headers=as_("anna"))).json()["links"]
        assert (link["division"], link["due_at"], link["trouble"], link["reading"]) == (
            100,
            None,
            None,
            False,
        )
        assert link["read_at"]
        (own,) = [row["delivery_id"] for row in await stage.rows()]
        reply = await hub.put(
            f"/v1/payments/{own}", json={"paid": "0", "side": "receiver"}, headers=as_("anna")
        )
        assert (reply.status_code, reply.json()["code"]) == (409, "source-exact-online")
        await choose(source="exact_online", way="file")
        assert await fetch() == (409, "not-fetched")
        await choose(source="none")
        await choose(source="bank_feed", feed="codabox")
        assert await fetch() == (409, "bank-feed")
        at.office.screens.reverse(at.office.books, entry)
        await look(at, stage)
        assert (asked(at), len(await told(stage))) == (1, 1)
        reply = await hub.post("/v1/payments/fetch", headers=as_("bert"))
        assert reply.json()["code"] == "not-fetched"


async def test_who_asks_while_it_is_being_read_is_read_for_once_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid after the page went by would else wait for the next time, or for ever where there is none."""
    async with booked(stage, "F1") as (at, (entry,)):
        real = fetching.tell

        async def meanwhile(*given: Any) -> bool:
            monkeypatch.setattr(fetching, "tell", real)
            at.office.screens.pay(at.office.books, entry)
            assert await fetching.ask(stage.worker, ACCOUNT) == 1
            return await real(*given)

        monkeypatch.setattr(fetching, "tell", meanwhile)
        await Following(stage.worker, at.calling, Wake(), HOUR).look()
        assert (asked(at), await told(stage)) == (2, [("paid", 1, "25.10", "0.00")])


async def test_what_was_asked_by_hand_goes_by_the_clock_once_its_account_says_so(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (entry,)), served(api.routes(stage.worker, Wake())) as hub:
        following = Following(stage.worker, at.calling, Wake(), HOUR)
        for way in ("manual", "automatic"):
            chosen = {"source": "exact_online", "way": way}
            reply = await hub.put("/v1/payments/source", json=chosen, headers=as_("anna"))
            assert reply.status_code == 200, reply.text
            await following.look()
        at.office.screens.pay(at.office.books, entry)
        (link,) = (await hub.get("/v1/payments/fetch", headers=as_("anna"))).json()["links"]
        assert (asked(at), link["due_at"] is not None) == (1, True)


async def test_a_link_that_ends_is_read_no_further(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async with booked(stage, "F1") as (at, (entry,)):
        at.office.screens.copy_terms(at.office.books, entry, 1_500)
        at.office.screens.pay(at.office.books, entry)
        real = fetching.keep

        async def ended(pool: Any, reading: fetching.Reading, *page: Any) -> bool:
            await links.end(stage.worker, reading.link_id)
            return await real(pool, reading, *page)

        monkeypatch.setattr(fetching, "keep", ended)
        for _ in range(2):
            await look(at, stage)
        assert (asked(at), await told(stage)) == (1, [])


async def test_in_another_division_reading_begins_with_its_first_timestamp(stage: Stage) -> None:
    """Each counts its own, and those of the other may be smaller."""
    async with booked(stage, "F1") as (at, (entry,)):
        at.office.screens.pay(at.office.books, entry)
        await look(at, stage)
        before = await stage.worker.fetchrow("SELECT division, high > 0 AS read FROM payment_fetch")
        await stage.worker.execute("UPDATE exact_link SET division = 200")
        await stage.worker.execute("UPDATE payment_fetch SET due_at = now()")
        there = await fetching.claim(stage.worker)
        assert before is not None
        assert there is not None
        assert (tuple(before), there.division, there.high) == ((100, True), 200, 0)
        assert await fetching.keep(stage.worker, there, [])
        await fetching.end(stage.worker, there, HOUR)
        assert await stage.worker.fetchval("SELECT low FROM payment_fetch") == 0


async def test_who_was_too_slow_keeps_nothing_and_ends_nothing(stage: Stage) -> None:
    async with booked(stage, "F1"):
        slow = await fetching.claim(stage.worker)
        assert await fetching.claim(stage.worker) is None
        await stage.worker.execute("UPDATE payment_fetch SET lease_until = now() - interval '1 s'")
        other = await fetching.claim(stage.worker)
        assert slow is not None
        assert other is not None
        assert not await fetching.keep(stage.worker, slow, [])
        await fetching.end(stage.worker, slow, HOUR)
        assert await fetching.keep(stage.worker, other, [])
        assert await stage.worker.fetchval("SELECT read_at FROM payment_fetch") is None


async def test_what_was_being_booked_while_a_reading_went_by_is_in_the_next(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (entry,)):
        at.office.screens.pay(at.office.books, entry)
        await stage.worker.execute("UPDATE exact_booking SET entry = NULL, doing = 'entry'")
        await look(at, stage)
        assert await told(stage) == []
        await stage.worker.execute("UPDATE exact_booking SET entry = $1, doing = NULL", entry)
        await look(at, stage)
        assert await told(stage) == [("paid", 1, "25.10", "0.00")]


async def test_an_id_in_capitals_is_the_same_entry(stage: Stage) -> None:
    async with booked(stage, "F1") as (at, (entry,)):
        at.office.screens.pay(at.office.books, entry)
        for row in at.office.books.table("terms").all():
            row["TransactionEntryID"] = row["TransactionEntryID"].upper()
        await look(at, stage)
        assert await told(stage) == [("paid", 1, "25.10", "0.00")]


@pytest.mark.proves("R110", "R112")
async def test_50000_open_entries_take_no_more_than_60_calls(stage: Stage) -> None:
    """By Exact's own limits: a reading that has used up its minute goes on with the next."""
    async with booked(stage, "F1", "F2") as (at, (entry, last)):
        office = at.office
        office.screens.copy_terms(office.books, entry, 50_000)
        office.screens.pay(office.books, last)
        for _ in range(3):
            await look(at, stage)
            office.exact.clock.advance(125)
        assert await told(stage) == [("paid", 1, "25.10", "0.00")]
        assert not await stage.worker.fetchval("SELECT unfinished FROM payment_fetch")
        assert 50 < asked(at) <= 60
