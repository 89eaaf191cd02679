"""A sender's own invoices on their way into its own books: entered once, booked once, whatever is cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.parts import Words
from libs.service import Wake
from services.deliver.exact import sales_store
from services.deliver.exact.kinds import SALES, Kind
from services.deliver.exact.sales import TWICE
from services.deliver.exact.sales_runner import SalesRunner
from services.deliver.parcel import Channel, Failed, HandedOver, Lease, Loaded, Outcome, Parked
from services.deliver.receivers import connections
from services.deliver.under_way import LEFT
from services.deliver.waits import pauses
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.unit.deliver.sample import PDF, XML, receiver

OTHER, OWN, SANDBOX = UUID(int=0xB), UUID(int=0x5E11E2), UUID("00000000-0000-8000-8000-00000000000a")
NO_RULE = Parked("exact-no-account", Words(nl="Geen rekening.", en="No account."))


@dataclass
class Books:
    """Somebody's Exact Online, as the runner sees it: answers with ``outcomes``, one after the other, then takes all."""

    outcomes: list[Outcome | BaseException] = field(default_factory=list)
    taken: list[tuple[Loaded, UUID]] = field(default_factory=list)
    busy: asyncio.Event | None = None

    async def book(self, each: Loaded, party: UUID, kind: Kind) -> Outcome:
        assert kind is SALES
        self.taken.append((each, party))
        if self.busy is not None:
            await self.busy.wait()
        outcome = self.outcomes.pop(0) if self.outcomes else HandedOver("boekstuk 25700001")
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def runner(self, stage: Stage, seconds: float = 5.0) -> SalesRunner:
        settings = stage.settings(retry_first_seconds=0.001, lease_seconds=seconds)
        return SalesRunner(stage.worker, stage.documents, self.book, settings, Wake())


async def sales(stage: Stage) -> list[dict[str, Any]]:
    rows = await stage.worker.fetch("SELECT * FROM exact_sale ORDER BY sale_id")
    return [dict(row.items()) for row in rows]


async def told(stage: Stage) -> Sequence[tuple[str, int]]:
    found = [each for each in await stage.told() if each.type.startswith("invoice.sale_")]
    return [(each.type, each.sequence) for each in found]


async def sold(stage: Stage, number: str = "F1", **more: Any) -> None:
    await sales_store.sell(stage.worker, ACCOUNT, OWN)
    await stage.plan(await stage.routed(receiver(), number=number, **more))


async def test_entered_once_for_whom_wants_it_and_no_delivery(stage: Stage) -> None:
    await stage.plan(await stage.routed(receiver(), number="before"))
    await sales_store.sell(stage.worker, ACCOUNT, OWN)
    event = await stage.routed(receiver())
    for _ in range(2):
        await stage.plan(event, await stage.routed(receiver(), account=OTHER))
    await sales_store.sell(stage.worker, SANDBOX, OWN)
    await stage.plan(await stage.routed(receiver(), account=SANDBOX))
    (row,) = await sales(stage)
    assert (row["account_id"], row["party_id"], row["number"], row["state"]) == (ACCOUNT, OWN, "F1", "queued")
    assert len([r for r in await stage.rows() if r["account_id"] == ACCOUNT]) == 2, (
        "the deliveries, and nothing else"
    )
    await sales_store.stop_selling(stage.worker, ACCOUNT, OWN)
    await stage.plan(await stage.routed(receiver(), number="after"))
    assert len(await sales(stage)) == 1


async def test_it_is_booked_with_its_documents_and_told_once(stage: Stage) -> None:
    await sold(stage)
    books = Books()
    runner = books.runner(stage)
    await asyncio.gather(runner.look(), books.runner(stage).look(), runner.look())
    ((each, party),) = books.taken
    assert (each.xml, each.pdf, party) == (XML, PDF, OWN)
    (row,) = await sales(stage)
    assert (row["state"], row["receipt"], row["booked_at"] is not None) == (
        "booked",
        "boekstuk 25700001",
        True,
    )
    assert await told(stage) == [("invoice.sale_booked.v1", 1)]
    (shown,) = await sales_store.listed(stage.worker, ACCOUNT, OWN, None, 10)
    assert shown["sale_id"] == row["sale_id"]
    assert await sales_store.listed(stage.worker, ACCOUNT, OWN, row["sale_id"], 10) == []
    assert await sales_store.listed(stage.worker, OTHER, OWN, None, 10) == [], "whoever links the party later"


async def test_what_waits_for_a_rule_goes_on_when_the_books_are_set_up_otherwise(stage: Stage) -> None:
    connect = (stage.worker, OWN, ACCOUNT, "other", "smtp")
    await connections.connect(*connect, {"email": "a@b.example"})
    await sold(stage)
    books = Books([NO_RULE])
    await books.runner(stage).look()
    await books.runner(stage).look()
    (row,) = await sales(stage)
    assert (row["state"], row["reason"]["code"], len(books.taken)) == ("parked", "exact-no-account", 1)
    await connections.connect(*connect, {"email": "c@d.example"})
    await books.runner(stage).look()
    assert (await sales(stage))[0]["state"] == "booked"
    assert await told(stage) == [("invoice.sale_parked.v1", 1), ("invoice.sale_booked.v1", 2)]


async def test_a_failure_and_something_strange_are_tried_again(stage: Stage) -> None:
    await sold(stage)
    books = Books([Failed("exact-away", "nobody answers"), ValueError("odd")])
    for _ in range(3):
        await stage.worker.execute("UPDATE exact_sale SET due_at = now() WHERE state = 'queued'")
        await books.runner(stage).round()
    (row,) = await sales(stage)
    assert (row["state"], row["attempts"], row["failures"], len(books.taken)) == ("booked", 3, 2, 3)
    found = await stage.worker.fetch("SELECT outcome, code FROM exact_sale_attempt ORDER BY number")
    assert [tuple(each) for each in found] == [
        ("failed", "exact-away"),
        ("unknown", "no-answer"),
        ("booked", None),
    ]


async def test_who_takes_over_what_was_cut_short_knows_it_and_the_first_ones_result_is_late(
    stage: Stage,
) -> None:
    await sold(stage)
    slow = Books(busy=asyncio.Event())
    first = asyncio.create_task(slow.runner(stage, seconds=60).round())
    while not slow.taken:
        await asyncio.sleep(0.01)
    await stage.worker.execute("UPDATE exact_sale SET lease_until = now() - interval '1 second'")
    second = Books()
    await second.runner(stage).look()
    assert [each.job.unresolved for each, _ in second.taken] == [True]
    assert slow.busy is not None
    slow.busy.set()
    await first
    assert await told(stage) == [("invoice.sale_booked.v1", 1)]
    late = await stage.worker.fetch("SELECT number, late FROM exact_sale_attempt ORDER BY number")
    assert [tuple(each) for each in late] == [(1, True), (2, False)]


async def test_a_lease_that_somebody_else_took_lets_nothing_more_begin(stage: Stage) -> None:
    await sold(stage)
    slow = Books(busy=asyncio.Event())
    first = asyncio.create_task(slow.runner(stage, seconds=0.4).round())
    while not slow.taken:
        await asyncio.sleep(0.01)
    (each, _) = slow.taken[0]
    lease, begun = each.job.lease, each.job.lease.until
    async with asyncio.timeout(15):
        while lease.until <= begun:
            await asyncio.sleep(0.01)  # it is renewed while it is worked on
        await stage.worker.execute("UPDATE exact_sale SET attempts = attempts + 1")
        while lease.until > 0:
            await asyncio.sleep(0.01)
    assert slow.busy is not None
    slow.busy.set()
    await first
    assert (await sales(stage))[0]["state"] == "attempting"


async def test_what_an_operator_holds_back_waits_and_is_what_is_left(stage: Stage) -> None:
    async def left() -> tuple[int, int]:
        (row,) = [row for row in await stage.worker.fetch(LEFT) if row["what"] == "sales"]
        return row["now"], row["later"]

    await sold(stage)
    books = Books()
    held: tuple[tuple[Channel | None, UUID | None], ...] = (("exact_online", None), (None, ACCOUNT))
    for channel, account in held:
        await pauses.pause(stage.worker, channel, account, by="anna", why="x")
        await books.runner(stage).look()
        assert (books.taken, await left()) == ([], (0, 1))
        await pauses.resume(stage.worker, channel, account)
    assert await left() == (1, 0)
    await pauses.pause(stage.worker, "smtp", None, by="anna", why="x")
    await stage.worker.execute("UPDATE exact_sale SET due_at = now() + interval '1 hour'")
    assert await left() == (0, 1)
    await stage.worker.execute("UPDATE exact_sale SET due_at = now()")
    await books.runner(stage).look()
    assert (len(books.taken), await left()) == (1, (0, 0))


async def test_the_second_of_one_number_waits_though_its_clock_ran_behind(stage: Stage) -> None:
    await sold(stage)
    await stage.worker.execute(
        "UPDATE exact_sale SET sale_id = $1", UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
    )
    books = Books([Failed("exact-away", "nobody answers")])
    await books.runner(stage).round()
    await sold(stage)
    for _ in range(2):
        await stage.worker.execute("UPDATE exact_sale SET due_at = now() WHERE state = 'queued'")
        await books.runner(stage).round()
    assert [row["state"] for row in await sales(stage)] == ["parked", "booked"]


async def test_of_two_of_one_number_claimed_at_one_moment_the_second_waits(stage: Stage) -> None:
    await sold(stage)
    await stage.worker.execute(
        "UPDATE exact_sale SET sale_id = $1", UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")
    )
    async with stage.worker.acquire() as conn:
        async with conn.transaction():
            await conn.execute(sales_store._ALONE)
            (first,) = await conn.fetch(sales_store._CLAIM, 8, 5.0, TWICE)
            await sold(stage)
            second = asyncio.create_task(sales_store.claim(stage.worker, 8, 5.0, Lease(0.0)))
            await asyncio.sleep(0.1)
        (waits,) = await second
    assert (first["twice"], waits.twice) == (False, True)


async def test_a_second_invoice_of_one_number_waits_for_a_person(stage: Stage) -> None:
    await sold(stage)
    await sold(stage, "F2")
    await sold(stage)
    books = Books()
    await books.runner(stage).look()
    first, other, again = await sales(stage)
    assert [row["state"] for row in (first, other, again)] == ["booked", "booked", "parked"]
    assert (again["reason"]["code"], "nummer F1" in again["reason"]["nl"]) == ("exact-number-twice", True)
    # Other rules are no answer to that.
    await connections.connect(stage.worker, OWN, ACCOUNT, "other", "smtp", {"email": "a@b.example"})
    await books.runner(stage).look()
    assert len(books.taken) == 2
    assert not await sales_store.release(stage.worker, ACCOUNT, clock.uuid7(), again["sale_id"])
    assert not await sales_store.release(stage.worker, OTHER, OWN, again["sale_id"])
    assert await sales_store.release(stage.worker, ACCOUNT, OWN, again["sale_id"])
    await books.runner(stage).look()
    assert [row["state"] for row in await sales(stage)] == ["booked"] * 3
