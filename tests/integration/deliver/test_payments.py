"""What is paid: by hand, from bank statements, from one source at a time; each movement is told once and numbered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import httpx
import pytest

from libs.contracts.invoice import InvoicePaid, InvoiceReversed, InvoiceRouted, PaymentFact
from libs.contracts.parts import Receiver
from libs.db.types import Connection
from libs.errors import Conflict
from libs.service import Wake
from services.deliver.payments import api, movements, sources
from services.deliver.payments.movements import Movement
from services.deliver.payments.sources import Chosen
from services.deliver.receivers import connections
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.validate.api_client import ANNA, BERT, as_, served
from tests.unit.deliver.payments.statements import CUSTOMER, OWN, SUPPLIER, camt, details, entry, statement
from tests.unit.deliver.sample import summary

DUE = Decimal("1234.50")


@pytest.fixture
async def hub(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with served(api.routes(stage.worker, Wake())) as client:
        yield client


async def delivered(stage: Stage, *numbers: str, pay_to: str = SUPPLIER) -> list[UUID]:
    """Invoices of anna that bert has: ids of their deliveries."""
    to: Receiver = await stage.folder("bert") if not await stage.rows() else await stage.routed_to("bert")
    await connections.connect(stage.worker, to.party_id, BERT, "globe", "folder", {"folder": "bert"})
    for number in numbers:
        event = await stage.routed(to, number=number)
        data = cast("InvoiceRouted", event.data)
        own = summary(number, pay_to=(pay_to,), type_code="380")
        await stage.plan(replace(event, data=data.model_copy(update={"summary": own})))
    await stage.dispatcher().dispatch()
    return [row["delivery_id"] for row in await stage.rows()][-len(numbers) :]


async def told(stage: Stage) -> list[tuple[str, int, str, str | None, str, str]]:
    """Payments in the outbox: type, number, whose word, source, paid, open."""
    facts: Sequence[Any] = await stage.told()
    return [
        (fact.type.split(".")[1], fact.sequence, fact.by, fact.source, str(fact.paid), str(fact.open))
        for fact in facts
        if isinstance(fact, PaymentFact)
    ]


async def say(hub: httpx.AsyncClient, own: UUID, who: str, paid: str, status: int = 200, **more: Any) -> Any:
    reply = await hub.put(f"/v1/payments/{own}", json={"paid": paid, **more}, headers=as_(who))
    assert reply.status_code == status, reply.text
    return reply.json()


async def load(
    hub: httpx.AsyncClient, data: bytes, who: str = "bert", status: int = 200, **query: Any
) -> dict[str, Any]:
    reply = await hub.post("/v1/payments/load", content=data, headers=as_(who), params=query)
    assert reply.status_code == status, reply.text
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.proves("R55", "R111")
async def test_by_hand_in_part_whole_undone_and_again_by_both_sides(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    (own,) = await delivered(stage, "F-1001")
    for who, paid in (
        ("bert", "1000.00"), ("bert", "1000.00"), ("bert", "1234.50"), ("anna", "1234.50"), ("bert", "0"),
        ("bert", "1234.50"),
    ):  # fmt: skip
        found = await say(hub, own, who, paid, paid_on="2026-11-03")
    assert [(each["side"], each["paid"]) for each in found["movements"]] == [
        ("receiver", "1000.00"), ("receiver", "1234.50"), ("sender", "1234.50"), ("receiver", "0"), ("receiver", "1234.50"),
    ]  # fmt: skip
    assert (found["last"]["side"], found["last"]["open"], found["last"]["paid_on"]) == (
        "receiver",
        "0.00",
        "2026-11-03",
    )
    assert [each[:5] for each in await told(stage)] == [
        ("paid", 1, "receiver", "hand", "1000.00"),
        ("paid", 2, "receiver", "hand", "1234.50"),
        ("paid", 3, "sender", "hand", "1234.50"),
        ("reversed", 4, "receiver", "hand", "0"),
        ("paid", 5, "receiver", "hand", "1234.50"),
    ]
    facts: list[Any] = [each for each in await stage.told() if isinstance(each, PaymentFact)]
    assert [each.in_part for each in facts if isinstance(each, InvoicePaid)] == [True, False, False, False]
    assert {(each.account_id, each.receiver_name, each.channel) for each in facts} == {
        (ACCOUNT, "bert BV", "folder")
    }
    assert [each.open for each in facts if isinstance(each, InvoiceReversed)] == [DUE]


async def test_nobody_else_and_nothing_that_cannot_be(stage: Stage, hub: httpx.AsyncClient) -> None:
    (own,) = await delivered(stage, "F-1001")
    for bad in ("1234.51", "-1", "1.001", "NaN"):
        await say(hub, own, "bert", bad, 400 if bad in ("1234.51", "-1") else 422)
    await say(hub, own, "staff", "1.00", 404)
    await say(hub, own, "reader", "1.00", 403)
    await say(hub, own, "anna", "1.00", 404, side="receiver")
    await say(hub, UUID(int=1), "anna", "1.00", 404)
    await stage.worker.execute("UPDATE delivery SET recalled = true")
    await say(hub, own, "bert", "1.00", 404)
    assert await told(stage) == []


@pytest.mark.proves("R54", "R111")
async def test_a_statement_is_rehearsed_then_taken_once(stage: Stage, hub: httpx.AsyncClient) -> None:
    first, second = await delivered(stage, "F-1001", "F-1002")
    data = camt(
        statement(
            entry("1234.50", details("Factuur F-1001")),
            entry("1000.00", details("F-1002", document="F-1002")),
            entry("77.00", details("Huur")),
            entry("1234.50", details("F-1001", other=CUSTOMER)),
        )
    )
    rehearsed = await load(hub, data, dry_run=True)
    assert (rehearsed["written"], len(rehearsed["taken"]), await told(stage)) == (False, 2, [])
    done = await load(hub, data)
    assert done["taken"] == rehearsed["taken"]
    assert [(each["delivery_id"], each["amount"], each["side"]) for each in done["taken"]] == [
        (str(first), "1234.50", "receiver"), (str(second), "1000.00", "receiver"),
    ]  # fmt: skip
    assert [(each["line"]["entry"], each["code"], each["numbers"]) for each in done["left"]] == [
        (3, "names-nothing", []), (4, "other-account", ["F-1001"]),
    ]  # fmt: skip
    assert all(each["reason"]["nl"] and each["reason"]["en"] for each in done["left"])
    said = await told(stage)
    assert said == [
        ("paid", 1, "receiver", "file", "1234.50", "0.00"), ("paid", 1, "receiver", "file", "1000.00", "234.50"),
    ]  # fmt: skip
    # The same file again, and one that overlaps it.
    again = await load(hub, data)
    assert (again["repeated"], again["taken"]) == (2, [])
    more = camt(
        statement(
            entry("1000.00", details("F-1002", document="F-1002")),
            entry("234.50", details("F-1002 rest")),
            number="2",
        ),
        statement(entry("1234.50", details("Factuur F-1001"), incoming=True, reversal=True), number="3"),
    )
    assert (await load(hub, more))["repeated"] == 1
    assert (await told(stage))[2:] == [
        ("paid", 2, "receiver", "file", "1234.50", "0.00"), ("reversed", 2, "receiver", "file", "0.00", "1234.50"),
    ]  # fmt: skip


async def test_who_is_paid_loads_its_own_statement_and_sees_nobody_elses_invoices(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    await delivered(stage, "F-1001", pay_to=OWN)
    table = (
        "Datum;IBAN;Tegenrekening;Bedrag (EUR);Af Bij;Omschrijving\n"
        f"03-11-2026;{OWN};{CUSTOMER};1.234,50;Bij;Café F-1001\n"
    ).encode("cp1252")
    await load(hub, table, "anna", 422)
    assert (await load(hub, table, "staff", encoding="windows-1252"))["left"][0]["code"] == "names-nothing"
    done = await load(hub, table, "anna", encoding="windows-1252")
    assert [(each["side"], each["amount"]) for each in done["taken"]] == [("sender", "1234.50")]
    assert [each[:4] for each in await told(stage)] == [("paid", 1, "sender", "file")]


@pytest.mark.parametrize(
    "data",
    [
        camt(statement(entry("1234.50", details("F-1001"))))[:-30],
        b"<!DOCTYPE d [<!ENTITY a 'b'>]>" + camt(statement(entry("1234.50", details("F-1001"))))[38:],
        b"Datum;Tegenrekening;Bedrag (EUR);Omschrijving\n2026-11-03;NL20INGB0001234567;-1234,50;F-1001\nkapot;;;\n",
    ],
)
async def test_of_a_bad_file_nothing_is_stored(stage: Stage, hub: httpx.AsyncClient, data: bytes) -> None:
    (own,) = await delivered(stage, "F-1001")
    said = await load(hub, data, status=422)
    assert {"nl", "en"} <= set(said["words"])
    assert await told(stage) == []
    assert (await hub.get(f"/v1/payments/{own}", headers=as_("bert"))).json()["last"] is None


@pytest.mark.proves("R114", "SA15")
async def test_one_source_at_a_time_and_never_exact_online_beside_a_bank_feed(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    (own,) = await delivered(stage, "F-1001")

    async def choose(status: int = 200, **chosen: str) -> Any:
        reply = await hub.put("/v1/payments/source", json=chosen, headers=as_("bert"))
        assert reply.status_code == status, reply.text
        return reply.json()

    assert (await hub.get("/v1/payments/source", headers=as_("bert"))).json()["source"] == "none"
    await choose(source="bank_feed", feed="ponto")
    said = await choose(409, source="exact_online", way="file")
    assert said["code"] == "bank-feed"
    assert "Ponto" in said["words"]["nl"]
    assert "geen invloed op de betaalstatus in Exact Online" in said["words"]["nl"]
    assert "no influence on the payment status in Exact Online" in said["words"]["en"]
    assert (await hub.get("/v1/payments/source", headers=as_("bert"))).json()["feed"] == "ponto"
    # The bank's own statements are no other source.
    await say(hub, own, "bert", "1.00")
    await choose(source="none")
    await choose(source="exact_online", way="file")
    await say(hub, own, "bert", "2.00")
    for bad in ({"source": "bank_feed"}, {"source": "exact_online"}, {"source": "none", "way": "file"}):
        await choose(400, **bad)
    assert (await hub.get("/v1/payments/source", headers=as_("anna"))).json()["source"] == "none"


async def test_two_who_load_the_same_at_once_tell_it_once(stage: Stage, hub: httpx.AsyncClient) -> None:
    (own,) = await delivered(stage, "F-1001")

    async def record(by: UUID, side: str, entry: str | None) -> None:
        movement = Movement(
            own,
            cast("Any", side),
            "file" if entry else "hand",
            "x",
            (by, None),
            amount=Decimal("100.00"),
            entry=entry,
        )
        async with stage.worker.acquire() as conn, conn.transaction():
            await movements.record(conn, [movement])

    await asyncio.gather(
        *(record(BERT, "receiver", "same") for _ in range(4)),
        *(record(ANNA, "sender", None) for _ in range(3)),
    )
    rows = await stage.worker.fetch("SELECT sequence, side, paid FROM payment ORDER BY sequence")
    assert [row["sequence"] for row in rows] == [1, 2, 3, 4]
    assert max(row["paid"] for row in rows if row["side"] == "receiver") == Decimal("100.00")
    assert max(row["paid"] for row in rows if row["side"] == "sender") == Decimal("300.00")


@pytest.mark.proves("R114")
async def test_of_two_first_choices_at_one_moment_the_second_knows_the_first(stage: Stage) -> None:
    async def choose(conn: Connection, chosen: Chosen) -> None:
        async with conn.transaction():
            await sources.choose(conn, ANNA, chosen, None)

    async with stage.worker.acquire() as one, stage.worker.acquire() as other:
        async with one.transaction():
            await choose(one, Chosen("bank_feed", feed="ponto"))
            second = asyncio.create_task(choose(other, Chosen("exact_online", "automatic")))
            await asyncio.sleep(0.2)
            assert not second.done(), "it waits to see what the first is"
        with pytest.raises(Conflict, match="Ponto"):
            await second
    assert await sources.of(stage.worker, ANNA) == Chosen("bank_feed", feed="ponto")
