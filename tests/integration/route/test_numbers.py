"""Two invoices of one number (R51): one counts, however they come, and a number is free again when its invoice is over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs import clock
from libs.contracts.envelope import Event
from libs.contracts.invoice import (
    InvoiceFact,
    InvoiceLinked,
    InvoiceParked,
    InvoiceReturned,
    InvoiceRouted,
    InvoiceValidated,
)
from libs.contracts.parts import Identifier, PartyFacts, Words
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from services.route import facts as writing
from services.route.companies import directory
from services.route.deciding import numbers
from services.route.deciding.decision import Key
from services.route.handlers import Validated
from tests.integration.route.numbered import (
    TERMS,
    Worker,
    X,
    ended,
    of,
    read,
    rejected,
    said,
    sent,
    undeliverable,
)
from tests.integration.route.stage import blocked, decided, drain, enter, facts, told, validated
from tests.integration.validate.api_client import ANNA, BERT, as_
from tests.integration.validate.drive import counted, handle
from tests.unit.route.sample import KVK, VAT


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


OWN, ITS_VAT = (KVK, "69599084"), (VAT, "NL001234567B01")


def seller(*keys: Key, name: str | None = "Bakker BV") -> PartyFacts:
    return PartyFacts(name=name, identifiers=tuple(Identifier(scheme=s, value=v) for s, v in keys))


@pytest.mark.proves("R51")
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one after the other"])
async def test_a_seller_that_leaves_its_best_number_out_is_still_the_same(
    pools: Pools, together: bool
) -> None:
    await enter(pools, "De Jong", X)
    handler = Validated(worker := await pools.get("route", "worker"))

    async def told(*events: Event) -> dict[UUID, InvoiceFact]:
        emitted = facts(await handle(handler, worker, events))
        return {fact.invoice_id: fact for fact in emitted if not isinstance(fact, InvoiceLinked)}

    first = await sent(pools, seller=seller(OWN, ITS_VAT))
    of_its_group = await sent(pools, seller=seller((KVK, "55344526"), ITS_VAT, name="Molenaar BV"))
    by_vat = await sent(pools, seller=seller(ITS_VAT, name="Bakker"))
    by_name = await sent(pools, seller=seller(name="bakker  bv"), payable="99.00")
    stranger = await sent(pools, seller=seller((VAT, "NL009999999B01"), name="Bakker BV"), number="F2")
    if together:
        found = await told(first, of_its_group, by_vat, by_name, stranger)
    else:
        found = {}
        for event in (first, of_its_group, by_vat, by_name, stranger):
            found |= await told(event)
    assert [type(found[of(each)]) for each in (first, of_its_group, stranger)] == [InvoiceRouted] * 3
    returned, parked = found[of(by_vat)], found[of(by_name)]
    assert isinstance(returned, InvoiceReturned)
    assert returned.first == of(first)
    assert isinstance(parked, InvoiceParked)
    assert (parked.code, parked.first) == ("duplicate-differs", of(first))


@pytest.mark.proves("R51", "SA21")
async def test_what_was_rejected_for_want_of_a_number_is_linked_when_it_is_filled_in(pools: Pools) -> None:
    await enter(pools, "De Jong", X)
    old = rejected(clock.uuid7())
    less = old.summary.model_copy(update={"seller": seller(ITS_VAT)})
    await ended(pools, old.model_copy(update={"summary": less}))
    found = await said(pools, new := await sent(pools, seller=seller(OWN, ITS_VAT)))
    assert [type(fact) for fact in found[of(new)]] == [InvoiceRouted, InvoiceLinked]
    (replaced,) = found[old.invoice_id]
    assert isinstance(replaced, InvoiceLinked)
    assert (replaced.relation, replaced.other) == ("replaced_by", of(new))


async def test_an_account_that_the_pdf_does_not_name_waits_for_a_person_once(
    pools: Pools, hub: httpx.AsyncClient
) -> None:
    (event,) = doubted = [doubting(await sent(pools, pay_to=("NL20INGB0001234567",)))]
    (parked,) = await decided(pools, *doubted)
    assert isinstance(parked, InvoiceParked)
    # Nobody is known who receives it: whoever says so is told of the account too, and with that it goes on.
    assert parked.code == "unknown-receiver"
    assert "NL20INGB0001234567" in parked.reason.nl
    assert "NL91ABNA0417164300" in parked.reason.en
    await enter(pools, "De Jong", X)
    path = f"/v1/parked/{of(event)}"
    assert (await hub.get(path, headers=as_("anna"))).json()["code"] == "account-differs"
    await hub.post(f"{path}/retry", headers=as_("anna"))
    assert (await hub.get(path, headers=as_("anna"))).json()["state"] == "open"
    assert (await hub.post(f"{path}/release", headers=as_("reader"))).status_code == 403
    reply = await hub.post(f"{path}/release", headers=as_("anna"))
    assert (reply.status_code, reply.json()["state"]) == (200, "released")
    assert [name for name, _ in await told(pools, of(event))][-2:] == ["released", "routed"]
    # It holds its number like any other: the same again gets its answer.
    (returned,) = (await said(pools, again := await sent(pools, pay_to=("NL20INGB0001234567",))))[of(again)]
    assert isinstance(returned, InvoiceReturned)
    # Beside another invoice of its number it is asked once, for both.
    (other,) = await decided(pools, beside := doubting(await sent(pools, payable="99.00")))
    assert isinstance(other, InvoiceParked)
    assert (other.code, "NL91ABNA0417164300" in other.reason.nl) == ("duplicate-differs", True)
    reply = await hub.post(f"/v1/parked/{of(beside)}/release", headers=as_("anna"))
    assert reply.json()["state"] == "released"
    assert [name for name, _ in await told(pools, of(beside))][-1] == "routed"


def doubting(event: Event) -> Event:
    """The same invoice, of which the PDF names another account."""
    assert isinstance(event.data, InvoiceValidated)
    return replace(event, data=event.data.model_copy(update={"pdf_accounts": ("NL91ABNA0417164300",)}))


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
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "both at once"])
async def test_one_sent_again_before_the_news_of_the_first_came_goes_after_all(
    pools: Pools, database: DatabaseSettings, at_once: bool
) -> None:
    await enter(pools, "De Jong", X)
    worker = await pools.get("route", "worker")
    await decided(pools, one := await sent(pools))
    failed = clock.now()
    again, third = await sent(pools), await sent(pools)
    if at_once:
        await decided(pools, again)
        last = Worker(worker, await read(worker, third))
        writing = await last.begin()
        news = asyncio.create_task(ended(pools, undeliverable(of(one)), failed))
        await blocked(worker)
        last.end()
        await asyncio.gather(writing, news)
    else:
        await decided(pools, again, third)
        await ended(pools, undeliverable(of(one)), failed)
    await drain(pools)
    # The last of them goes; it is one invoice.
    assert [name for name, _ in await told(pools, of(again))] == ["returned"]
    names = [name for name, _ in await told(pools, of(third))]
    assert names == ["returned", "released", "routed", "linked"]
    admin = await asyncpg.connect(database.url)
    rows = await admin.fetch("SELECT invoice_id, part FROM route.ledger WHERE part IN ('routed', 'returned')")
    await admin.close()
    assert dict(rows) == {of(one): "routed", of(again): "returned", of(third): "routed"}
    assert len(rows) == 3


@pytest.mark.proves("R51")
@pytest.mark.parametrize("why", ["it came before", "another waits", "another has it"])
async def test_one_with_the_firsts_answer_keeps_it_when(pools: Pools, why: str) -> None:
    await enter(pools, "De Jong", X)
    await decided(pools, one := await sent(pools))
    failed = clock.now()
    await decided(pools, again := await sent(pools))
    mended = await sent(pools, payable="99.00")
    if why == "it came before":
        failed = clock.now() + timedelta(seconds=1)
    elif why == "another waits":
        await decided(pools, mended)
    else:
        worker = await pools.get("route", "worker")
        async with worker.acquire() as conn, conn.transaction():
            assert isinstance(mended.data, InvoiceValidated)
            await numbers.beside(conn, mended.data)
    await ended(pools, undeliverable(of(one)), failed)
    await drain(pools)
    assert [name for name, _ in await told(pools, of(again))] == ["returned"]
    if why == "another waits":
        assert "routed" in [name for name, _ in await told(pools, of(mended))]


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


async def test_a_verdict_that_is_repeated_keeps_its_number(pools: Pools, hub: httpx.AsyncClient) -> None:
    """Of one that waits: it is no duplicate of itself. Of one that was taken back: it takes no number any more."""
    (parked,) = await decided(pools, first := await sent(pools))
    (again,) = await decided(pools, await sent(pools, invoice_id=of(first)))
    assert isinstance(parked, InvoiceParked)
    assert isinstance(again, InvoiceParked)
    assert (again.code, again.sequence) == ("unknown-receiver", 2)
    await hub.post(f"/v1/parked/{of(first)}/return", headers=as_("anna"))
    assert await decided(pools, await sent(pools, invoice_id=of(first))) == []
    assert await told(pools, of(first)) == [("parked", 1), ("parked", 2), ("returned", 3)]


@pytest.mark.proves("R51")
async def test_numbers_cost_a_batch_two_statements_more_to_write(pools: Pools) -> None:
    """One waits for whoever may be at the same numbers, the next takes them: only so it sees what they have done."""
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
    entry = await enter(pools, "De Jong", X)

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
    by_hand = validated((KVK, "90004760"), **{**TERMS, "number": "hand"}, pay_to=[ING])
    await decided(pools, by_hand)
    worker = await pools.get("route", "worker")
    async with worker.acquire() as conn, conn.transaction():
        await directory.change_alone(conn)
        party = await directory.by_id(conn, entry.party_id)
        assert party is not None
        *_, chosen = facts(await writing.choose(conn, by_hand, party))
    assert isinstance(chosen, InvoiceRouted)
    assert ING in chosen.warnings[0].en, "also where a person chose the receiver"
    admin = await asyncpg.connect(database.url)
    for account, days in ((ING, 31), (ABN, 90)):
        await admin.execute(
            f"UPDATE route.pay_to SET since = now() - interval '{days} days' WHERE account = $1", account
        )
    await admin.close()
    assert await warned("5", ANNA, ING) == ()
