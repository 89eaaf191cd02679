"""SA22 as one chain: a sender's own invoice in its own books at Exact Online, paid there, undone, and paid again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from libs.contracts.invoice import PaymentFact
from libs.contracts.registry import decode
from libs.service import Wake
from services.deliver.payments import api
from services.deliver.receivers import connections
from services.track import facts, status
from tests.integration.deliver.exact_office import Desk, linked
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.deliver.test_exact_payments import look
from tests.integration.deliver.test_exact_sold import (
    SALES,
    fields,
    runner,
    sender_of,
    states,
    wanted,
)
from tests.integration.validate.api_client import ANNA, BERT, as_, served
from tests.unit.deliver.exact import extra
from tests.unit.deliver.sample import receiver

assert ACCOUNT == ANNA
DUE = "25.10"


async def seen(stage: Stage) -> tuple[str, str]:
    """The status that the invoice has by all that deliver told of it, as track makes it of facts, and its sentence."""
    rows = await stage.worker.fetch("SELECT convert_from(body, 'UTF8')::jsonb AS event FROM outbox")
    told = [facts.read(decode(row["event"])) for row in rows]
    found = status.apply_all(status.NOTHING, (fact for fact in told if fact is not None))
    headline, because = status.headline_of(found)
    return headline, because["en"]


async def choose(hub: httpx.AsyncClient, who: str) -> None:
    """What is paid comes from the books, on a schedule."""
    chosen = {"source": "exact_online", "way": "automatic"}
    reply = await hub.put("/v1/payments/source", json=chosen, headers=as_(who))
    assert reply.status_code == 200, reply.text


async def told(stage: Stage) -> list[tuple[str, int, str, str | None, str, str]]:
    """Payments in the outbox: type, number, whose word, source, paid, open."""
    said: list[Any] = await stage.told()
    return [
        (each.type.split(".")[1], each.sequence, each.by, each.source, str(each.paid), str(each.open))
        for each in said
        if isinstance(each, PaymentFact)
    ]


async def sold(at: Desk, stage: Stage) -> str:
    """A customer got it by mail, and it stands in the sender's books with all 18 fields; the entry's id."""
    options = {name: list(sources) for name, sources in extra.MATCHING.items()}
    await sender_of(at, options=options)
    to = receiver()
    await connections.connect(
        stage.worker, to.party_id, BERT, "other", "smtp", {"email": "in@dejong.example"}
    )
    xml = extra.ubl(number="F1", issue_date="2025-01-10")
    await stage.plan(await stage.routed(to, xml=xml, payable=DUE))
    await stage.dispatcher().dispatch()
    await runner(at, stage).look()
    assert (await stage.states(), await states(stage)) == (["handed_over"], ["booked"])
    (row,) = await stage.worker.fetch("SELECT entry::text, kind, differences FROM exact_booking")
    assert (row["kind"], row["differences"]) == ("sales", [])
    assert await fields(at, SALES, "SalesEntryLines", row["entry"]) == wanted(at)
    return str(row["entry"])


@pytest.mark.proves("SA22", "R55", "R100", "R110", "R113", "R120")
async def test_a_sale_with_extra_fields_is_booked_and_paid_and_undone_by_the_senders_word(
    stage: Stage,
) -> None:
    async with linked(stage.worker, country="BE") as at, served(api.routes(stage.worker, Wake())) as hub:
        office, books = at.office, at.office.books
        entry = await sold(at, stage)
        # Somebody books by hand what looks the same; what is paid of that is none of the hub's business.
        by_hand = office.screens.book(books, "sales", office.sale(YourRef=extra.HEADER["YourRef"]))
        office.screens.pay(books, by_hand["EntryID"])
        await choose(hub, "anna")
        await look(at, stage)
        assert (await told(stage), (await seen(stage))[0]) == ([], "sent")

        story: list[tuple[str, int, str, str | None, str, str]] = []
        steps: tuple[tuple[Callable[[], object], str, str, str, str], ...] = (
            (lambda: office.screens.pay(books, entry, Decimal("5.10")), "paid", "5.10", "20.00", "sent"),
            (lambda: office.screens.pay(books, entry), "paid", DUE, "0.00", "paid"),
            (lambda: office.screens.reverse(books, entry), "reversed", "0.00", DUE, "sent"),
            (lambda: office.screens.pay(books, entry), "paid", DUE, "0.00", "paid"),
        )
        for act, word, paid, left, shown in steps:
            act()
            await look(at, stage)
            await look(at, stage)  # and nothing new
            story.append((word, len(story) + 1, "sender", "exact_online", paid, left))
            assert (await told(stage), (await seen(stage))[0]) == (story, shown)
        said = "According to the books of the sender, the invoice is paid on 15 January 2025: EUR 25.10."
        assert await seen(stage) == ("paid", said)
        (own,) = [row["delivery_id"] for row in await stage.rows()]
        for who in ("anna", "bert"):
            reply = (await hub.get(f"/v1/payments/{own}", headers=as_(who))).json()
            assert [(each["side"], each["paid"]) for each in reply["movements"]] == [
                ("sender", "5.10"), ("sender", DUE), ("sender", "0.00"), ("sender", DUE),
            ]  # fmt: skip
            assert reply["last"]["paid_on"] == date(2025, 1, 15).isoformat()
        assert (await hub.get(f"/v1/payments/{own}", headers=as_("staff"))).status_code == 404


@pytest.mark.proves("SA22", "R110")
async def test_the_senders_books_change_no_word_of_its_customer(stage: Stage) -> None:
    async with linked(stage.worker, country="BE") as at, served(api.routes(stage.worker, Wake())) as hub:
        entry = await sold(at, stage)
        await choose(hub, "anna")
        (own,) = [row["delivery_id"] for row in await stage.rows()]

        async def say(who: str, paid: str) -> tuple[int, str]:
            reply = await hub.put(f"/v1/payments/{own}", json={"paid": paid}, headers=as_(who))
            return reply.status_code, reply.json().get("code", "")

        assert await say("anna", DUE) == (409, "source-exact-online")
        assert await say("bert", DUE) == (200, "")
        for act in (at.office.screens.pay, at.office.screens.reverse):
            act(at.office.books, entry)
            await look(at, stage)
        story = [
            ("paid", 1, "receiver", "hand", DUE, "0.00"),
            ("paid", 2, "sender", "exact_online", DUE, "0.00"),
            ("reversed", 3, "sender", "exact_online", "0.00", DUE),
        ]
        assert await told(stage) == story
        # To its customer it is as paid as before: nothing new to tell.
        assert await say("bert", DUE) == (200, "")
        assert await told(stage) == story
