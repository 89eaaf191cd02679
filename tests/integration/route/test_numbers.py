"""Two invoices of one number (R51): one counts, however they come, and a number is free again when its invoice is over."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import (
    InvoiceFact,
    InvoiceLinked,
    InvoiceParked,
    InvoiceRejected,
    InvoiceReturned,
    InvoiceRouted,
    InvoiceUndeliverable,
)
from libs.contracts.parts import Words
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Pool
from libs.messaging import Decided, outbox
from libs.testing import builders
from services.route import facts as writing
from services.route import store
from services.route.handlers import Outcomes, Validated
from tests.integration.route.stage import blocked, decided, drain, enter, facts, stored, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.integration.validate.drive import counted, handle
from tests.unit.route.sample import KVK, summary

X = (KVK, "58070036")
TERMS: dict[str, Any] = {"number": "F1", "type_code": "380", "issue_date": date(2026, 11, 2)}
_blanks = itertools.count(1)


async def sent(pools: Pools, *, account: UUID = ANNA, payable: str = "25.10", **terms: Any) -> Event:
    """An invoice of number F1, of its own bytes; what it says is ``payable``."""
    data = builders.invoice(number="F1", buyer_kvk=X[1]).replace(
        b">25.10</cbc:Pay", f">{payable}</cbc:Pay".encode()
    )
    original = await stored(pools, data + b" " * next(_blanks), account)
    return validated(terms.pop("to", X), account=account, original=original, **{**TERMS, **terms})


async def said(pools: Pools, *events: Event) -> dict[UUID, list[InvoiceFact]]:
    found: dict[UUID, list[InvoiceFact]] = {}
    for fact in await decided(pools, *events):
        found.setdefault(fact.invoice_id, []).append(fact)
    return found


def of(event: Event) -> UUID:
    return UUID(event.subject)


async def ended(pools: Pools, data: InvoiceFact) -> list[InvoiceFact]:
    worker = await pools.get("route", "worker")
    event = new_event(data, source="/test", account=data.account_id)
    return facts(await handle(Outcomes(), worker, [event]))


def undeliverable(invoice_id: UUID) -> InvoiceUndeliverable:
    return InvoiceUndeliverable(
        invoice_id=invoice_id, account_id=ANNA, sequence=1, delivery_id=clock.uuid7(), channel="smtp",
        receiver_id=UUID(int=9), receiver_name="X", attempt=1, code="refused", reason=Words(nl="", en=""),
    )  # fmt: skip


def rejected(invoice_id: UUID) -> InvoiceRejected:
    return InvoiceRejected(
        invoice_id=invoice_id, account_id=ANNA, sequence=1, rule_pack="x", summary=summary(X, **TERMS), fatals=1,
        findings=(),
    )  # fmt: skip


@pytest.mark.proves("R51")
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_the_same_content_gets_the_first_ones_answer(pools: Pools, together: bool) -> None:
    await enter(pools, "De Jong", X)
    one, other = await sent(pools), await sent(pools)
    found = await said(pools, one, other) if together else {**await said(pools, one)}
    if not together:
        for invoice_id, more in (await said(pools, other)).items():
            found.setdefault(invoice_id, []).extend(more)
    routed, linked = found[of(one)]
    (returned,) = found[of(other)]
    assert isinstance(routed, InvoiceRouted)
    assert isinstance(returned, InvoiceReturned)
    assert (returned.code, returned.first, returned.sequence) == ("duplicate", of(one), 1)
    assert str(of(one)) in returned.reason.nl
    assert isinstance(linked, InvoiceLinked)
    assert (linked.relation, linked.other, linked.sequence) == ("repeated_by", of(other), 1)


@pytest.mark.proves("R51")
async def test_other_content_waits_says_what_differs_and_its_sender_releases_it(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    await enter(pools, "De Jong", X)
    one, other = await sent(pools), await sent(pools, payable="99.00")
    await decided(pools, one)
    (parked,) = await decided(pools, other)
    assert isinstance(parked, InvoiceParked)
    assert (parked.code, parked.first) == ("duplicate-differs", of(one))
    path = f"/v1/parked/{of(other)}"
    shown = (await hub.get(path, headers=as_("anna"))).json()
    assert shown["first"] == str(of(one))
    assert shown["differences"] == [
        {"term": "BT-115", "path": "totals.amount_due", "before": "25.1 EUR", "after": "99 EUR"}
    ]
    assert "BT-115: 25.1 EUR wordt 99 EUR" in shown["reason"]["nl"]
    assert (await hub.post(f"{path}/release", headers=as_("bert"))).status_code == 404
    assert (await hub.post(f"{path}/release", headers=as_("reader"))).status_code == 403
    reply = await hub.post(f"{path}/release", headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "released")
    assert [name for name, _ in await told(pools, of(other))] == ["parked", "released", "routed"]
    # From now on both count.
    for payable, first in (("25.10", one), ("99.00", other)):
        (returned,) = (await said(pools, again := await sent(pools, payable=payable)))[of(again)]
        assert isinstance(returned, InvoiceReturned)
        assert returned.first == of(first)


async def test_releasing_without_a_receiver_is_for_numbers_alone(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    (waits,) = await decided(pools, await sent(pools))
    reply = await hub.post(f"/v1/parked/{waits.invoice_id}/release", headers=as_("anna"))
    assert (reply.status_code, reply.json()["code"]) == (409, "no-receiver-chosen")


@pytest.mark.proves("R51")
@pytest.mark.parametrize(
    "other",
    [{"number": "F2"}, {"type_code": "381"}, {"issue_date": date(2025, 11, 2)}, {"account": BERT}],
    ids=["number", "type", "year", "account"],
)
async def test_another_number_is_another_invoice(pools: Pools, other: dict[str, Any]) -> None:
    await enter(pools, "De Jong", X)
    found = await decided(pools, await sent(pools), await sent(pools, **other))
    assert [type(fact) for fact in found] == [InvoiceRouted] * 2


@pytest.mark.proves("R51", "SA21")
async def test_a_first_one_that_waits_and_is_taken_back_lets_the_second_go_on(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    """The usual correction: the first names a receiver nobody knows, the second is right."""
    await enter(pools, "De Jong", X)
    wrong, right = await sent(pools, to=(KVK, "90004760")), await sent(pools, payable="26.10")
    await decided(pools, wrong, right)
    await drain(pools)
    assert await told(pools, of(right)) == [("parked", 1)]
    assert (await hub.post(f"/v1/parked/{of(wrong)}/return", headers=as_("anna"))).status_code == 200
    await drain(pools)
    assert [name for name, _ in await told(pools, of(right))] == ["parked", "released", "routed", "linked"]
    assert [name for name, _ in await told(pools, of(wrong))] == ["parked", "returned", "linked"]


@pytest.mark.proves("R51", "SA21")
async def test_an_undeliverable_number_may_be_sent_again_and_is_linked(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    one, other, third = await sent(pools), await sent(pools), await sent(pools)
    await decided(pools, one)
    await ended(pools, undeliverable(of(one)))
    found = await said(pools, other)
    routed, replaces = found[of(other)]
    (replaced,) = found[of(one)]
    assert isinstance(routed, InvoiceRouted)
    assert isinstance(replaces, InvoiceLinked)
    assert isinstance(replaced, InvoiceLinked)
    assert (replaces.relation, replaces.other) == ("replaces", of(one))
    assert (replaced.relation, replaced.other) == ("replaced_by", of(other))
    # The event again, and late: the one that came in its place keeps the number.
    await ended(pools, undeliverable(of(one)))
    (returned,) = (await said(pools, third))[of(third)]
    assert isinstance(returned, InvoiceReturned)
    assert returned.first == of(other)


@pytest.mark.proves("R51", "SA21")
@pytest.mark.parametrize("late", [True, False], ids=["told late", "told in time"])
async def test_a_rejected_number_is_linked_whichever_is_heard_of_first(pools: Pools, late: bool) -> None:
    await enter(pools, "De Jong", X)
    old, new = clock.uuid7(), await sent(pools)
    links = [] if late else await ended(pools, rejected(old))
    links += await decided(pools, new)
    links += await ended(pools, rejected(old))
    found = {(f.invoice_id, f.relation, f.other) for f in links if isinstance(f, InvoiceLinked)}
    assert found == {(of(new), "replaces", old), (old, "replaced_by", of(new))}
    assert [name for name, _ in await told(pools, of(new))] == ["routed", "linked"]


async def test_what_was_rejected_and_is_lawful_by_the_rules_of_today_takes_its_number(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    invoice_id = clock.uuid7()
    await ended(pools, rejected(invoice_id))
    (routed,) = await decided(pools, await sent(pools, invoice_id=invoice_id))
    assert isinstance(routed, InvoiceRouted)
    (again,) = (await said(pools, second := await sent(pools)))[of(second)]
    assert isinstance(again, InvoiceReturned)


async def test_when_the_first_is_over_one_let_through_beside_it_counts(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    await enter(pools, "De Jong", X)
    one, beside, third = [await sent(pools, payable=f"{n}.00") for n in (1, 2, 3)]
    await decided(pools, one)
    await decided(pools, beside)
    await hub.post(f"/v1/parked/{of(beside)}/release", headers=as_("anna"))
    await ended(pools, undeliverable(of(one)))
    (waits,) = await decided(pools, third)
    assert isinstance(waits, InvoiceParked)
    assert waits.first == of(beside)
    await ended(pools, undeliverable(of(beside)))
    await drain(pools)
    assert "routed" in [name for name, _ in await told(pools, of(third))]


class Worker:
    """One worker's transaction: what it has written is there, and uncommitted, until it may end."""

    def __init__(self, pool: Pool, decided: Sequence[Decided[Any]]) -> None:
        self._pool = pool
        self._decided = decided
        self._wrote, self._may_end = asyncio.Event(), asyncio.Event()

    async def run(self, *, killed: bool = False) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await outbox.append(conn, await Validated(self._pool).write(conn, self._decided))
            self._wrote.set()
            await self._may_end.wait()
            if killed:
                raise OSError("killed")

    async def begin(self, *, killed: bool = False) -> asyncio.Task[None]:
        """Until it has written."""
        task = asyncio.create_task(self.run(killed=killed))
        async with asyncio.timeout(20):
            await self._wrote.wait()
        return task

    def end(self) -> None:
        self._may_end.set()


async def write(pool: Pool, decided: Sequence[Decided[Any]]) -> None:
    """All of it, and the commit."""
    worker = Worker(pool, decided)
    worker.end()
    await worker.run()


async def _read(pool: Pool, *events: Event) -> list[Decided[Any]]:
    handler = Validated(pool)
    known = await handler.gather(events)
    return [Decided(event, handler.decide(event, known)) for event in events]


@pytest.mark.proves("R51")
@pytest.mark.parametrize("killed", [True, False], ids=["the first is killed", "the first commits"])
@pytest.mark.parametrize("payable", ["25.10", "99.00"], ids=["same", "differs"])
async def test_two_workers_at_once_and_one_wins(pools: Pools, killed: bool, payable: str) -> None:
    """Both have read that nobody has the number; the second's insert waits for the first's transaction."""
    await enter(pools, "De Jong", X)
    await decided(pools, validated(X))  # they belong together: no lock but the number's is needed
    worker = await pools.get("route", "worker")
    events = [await sent(pools), await sent(pools, payable=payable)]
    one, other = [await _read(worker, event) for event in events]
    winner = Worker(worker, one)
    first = await winner.begin(killed=killed)
    second = asyncio.create_task(write(worker, other))
    await blocked(worker)
    winner.end()
    done = await asyncio.gather(first, second, return_exceptions=True)
    names = [[name for name, _ in await told(pools, of(event))] for event in events]
    if killed:
        assert isinstance(done[0], OSError)
        assert names == [[], ["routed"]]
        # Its event comes back.
        await decided(pools, events[0])
        names = [[name for name, _ in await told(pools, of(event))] for event in events]
        assert [each.count("routed") for each in names] == [0, 1]
    else:
        assert names[0][0] == "routed"
        assert names[1] == (["returned"] if payable == "25.10" else ["parked"])


@pytest.mark.proves("R51")
async def test_two_batches_that_want_the_same_numbers_in_opposite_order_do_not_stop_each_other(
    pools: Pools,
) -> None:
    await enter(pools, "De Jong", X)
    await decided(pools, validated(X))
    worker = await pools.get("route", "worker")
    numbers = [f"G{n}" for n in range(20)]
    for _ in range(5):
        ours = [validated(X, **{**TERMS, "number": number}) for number in numbers]
        theirs = [validated(X, **{**TERMS, "number": number}) for number in reversed(numbers)]
        one, other = await _read(worker, *ours), await _read(worker, *theirs)
        await asyncio.gather(write(worker, one), write(worker, other))
        for event, rival in zip(ours, reversed(theirs), strict=True):
            names = [(await told(pools, of(each)))[0][0] for each in (event, rival)]
            assert sorted(names) == ["returned", "routed"]
        await worker.execute("DELETE FROM numbered")


@pytest.mark.proves("R51")
async def test_whoever_is_parked_while_the_first_ends_is_not_forgotten(pools: Pools) -> None:
    """The second waits for the first, and the first is given back, in two transactions at once."""
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    wrong, right = await sent(pools, to=(KVK, "90004760")), await sent(pools, payable="26.10")
    await decided(pools, wrong)
    waits = await _read(worker, right)
    parks = Worker(worker, waits)
    parking = await parks.begin()

    async def give_back() -> None:
        async with worker.acquire() as conn, conn.transaction():
            waiting = await store.lock_open(conn, [of(wrong)])
            await outbox.append(conn, await writing.give_back(conn, waiting))

    giving = asyncio.create_task(give_back())
    await blocked(worker)
    parks.end()
    await asyncio.gather(parking, giving)
    await drain(pools)
    assert [name for name, _ in await told(pools, of(right))] == ["parked", "released", "routed", "linked"]


@pytest.mark.proves("R51")
async def test_whoever_has_read_what_is_over_by_now_decides_once_more(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    one, other = await sent(pools), await sent(pools)
    await decided(pools, one)
    stale = await _read(worker, other)
    await ended(pools, undeliverable(of(one)))
    await write(worker, stale)
    assert [name for name, _ in await told(pools, of(other))] == ["routed", "linked"]


async def test_a_verdict_that_is_repeated_keeps_its_number(pools: Pools) -> None:
    """Of one that waits: it is no duplicate of itself."""
    (parked,) = await decided(pools, first := await sent(pools))
    (again,) = await decided(pools, await sent(pools, invoice_id=of(first)))
    assert isinstance(parked, InvoiceParked)
    assert isinstance(again, InvoiceParked)
    assert (again.code, again.sequence) == ("unknown-receiver", 2)


@pytest.mark.proves("R51")
async def test_numbers_cost_a_batch_one_statement_more_to_write(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    await decided(pools, validated(X))
    for size in (1, 200):
        events = [validated(X, **{**TERMS, "number": f"{size}-{n}"}) for n in range(size)]
        emitted, statements = await counted(Validated(worker), worker, events)
        assert (len(emitted), statements) == (size, 4)


ABN, ING = "NL91ABNA0417164300", "NL20INGB0001234567"


@pytest.mark.proves("R51")
async def test_another_account_of_a_known_seller_is_a_warning_to_the_receiver_whoever_sends(
    pools: Pools, database: DatabaseSettings
) -> None:
    await enter(pools, "De Jong", X)

    async def warned(number: str, account: UUID, *pay_to: str) -> tuple[Words, ...]:
        event = validated(X, account=account, **{**TERMS, "number": number}, pay_to=pay_to)
        (fact,) = await decided(pools, event)
        assert isinstance(fact, InvoiceRouted)
        assert all(each.nl in fact.explanation.nl for each in fact.warnings)
        return fact.warnings

    assert await warned("1", ANNA, ABN) == ()
    assert await warned("2", ANNA, ABN) == ()
    (warning,) = await warned("3", BERT, ING)
    assert ING in warning.nl
    assert len(await warned("4", ANNA, ABN, ING)) == 1, "it is not believed because it came once"
    admin = await asyncpg.connect(database.url)
    for account, days in ((ING, 31), (ABN, 90)):
        await admin.execute(
            f"UPDATE route.pay_to SET since = now() - interval '{days} days' WHERE account = $1", account
        )
    await admin.close()
    assert await warned("5", ANNA, ING) == ()
