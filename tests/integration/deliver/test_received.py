"""Receivers see what they got, in their own format and as PDF, and say what they think of it; nobody else does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from libs.contracts.envelope import new_event
from libs.contracts.invoice import InvoiceAnswered, InvoiceRecalled
from libs.contracts.parts import Receiver, Words
from libs.service import Wake
from libs.testing import builders
from services.deliver.handlers import Recalled
from services.deliver.receivers import answers, connections, received_api
from tests.integration.deliver.stage import ACCOUNT, Stage
from tests.integration.deliver.test_recalls import PATIENCE
from tests.integration.validate.api_client import BERT, as_, served
from tests.integration.validate.drive import handle
from tests.unit.deliver.sample import PDF

INVOICE = builders.invoice(number="F0")


@pytest.fixture
async def hub(stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    async with served(received_api.routes(stage.worker, stage.documents, Wake())) as client:
        yield client


async def berts(stage: Stage, name: str, **settings: str) -> Receiver:
    """A receiver whose package is bert's to change."""
    to = await stage.folder(name)
    terms = {"folder": name, **settings}
    await connections.connect(stage.worker, to.party_id, BERT, "globe", "folder", terms)
    return to


async def got(stage: Stage, to: Receiver, count: int = 1, **more: Any) -> list[str]:
    """Invoices that were handed over to it; ids of the deliveries, newest first."""
    await stage.send(to, count, **{"xml": INVOICE, **more})
    await stage.dispatcher().dispatch()
    rows = await stage.worker.fetch("SELECT delivery_id FROM delivery WHERE receiver_id = $1", to.party_id)
    return sorted((str(row["delivery_id"]) for row in rows), reverse=True)


async def listed(hub: httpx.AsyncClient, caller: str = "bert", **query: Any) -> dict[str, Any]:
    reply = await hub.get("/v1/received", headers=as_(caller), params=query)
    assert reply.status_code == 200, reply.text
    page: dict[str, Any] = reply.json()
    return page


@pytest.mark.proves("R50", "R53")
async def test_a_receiver_lists_what_it_got_in_pages_and_nobody_else_sees_it(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    ids = await got(stage, await berts(stage, "a"), 3)
    await got(stage, await stage.folder("elsewhere"))
    await stage.plan(await stage.routed(await berts(stage, "b"), number="under way"))
    first = await listed(hub, limit=2)
    second = await listed(hub, limit=2, after=first["next"])
    assert [each["delivery_id"] for each in (*first["received"], *second["received"])] == ids
    assert second["next"] is None
    one = first["received"][0]
    assert (one["number"], one["seller"], one["payable"], one["currency"]) == (
        "F2", "Bakker Bouwmaterialen BV", "1234.50", "EUR",
    )  # fmt: skip
    assert (one["state"], one["format"], one["answer"]) == ("handed_over", "original", None)
    # Its sender has the timeline, and not what the receiver has.
    assert (await listed(hub, "anna"))["received"] == []
    assert len((await listed(hub, "staff"))["received"]) == 4
    path = f"/v1/received/{ids[0]}"
    for method, tail in (("GET", ""), ("GET", "/document"), ("GET", "/pdf"), ("POST", "/answer")):
        reply = await hub.request(method, path + tail, headers=as_("anna"), json={"answer": "accepted"})
        assert reply.status_code == 404, tail
    assert (await hub.get("/v1/received", headers=as_("nothing"))).status_code == 403
    reply = await hub.post(f"{path}/answer", json={"answer": "accepted"}, headers=as_("reader"))
    assert reply.status_code == 403


async def test_who_gets_the_connection_later_sees_it_and_who_had_it_does_not(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    to = await berts(stage, "a")
    (own,) = await got(stage, to)
    await connections.connect(stage.worker, to.party_id, ACCOUNT, "globe", "folder", {"folder": "a"})
    assert (await listed(hub))["received"] == []
    assert [each["delivery_id"] for each in (await listed(hub, "anna"))["received"]] == [own]


@pytest.mark.proves("R50", "R52")
async def test_it_is_fetched_in_the_format_it_was_delivered_in_and_as_pdf(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    to = await berts(stage, "a", format="json")
    (own,) = await got(stage, to, pdf=None)
    # What it takes from now on changes nothing of what it got.
    await connections.connect(stage.worker, to.party_id, BERT, "globe", "folder", {"folder": "a"})
    reply = await hub.get(f"/v1/received/{own}/document", headers=as_("bert"))
    (name,) = stage.visible("a")
    assert (reply.status_code, reply.content) == (200, (stage.root / "a" / name).read_bytes())
    assert orjson.loads(reply.content)["number"] == "F0"
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-disposition"] == f'attachment; filename="{name.removesuffix(".xml")}.json"'
    page = await hub.get(f"/v1/received/{own}/pdf", headers=as_("bert"))
    assert (page.status_code, page.headers["content-type"]) == (200, "application/pdf")
    assert page.content.startswith(b"%PDF-")
    with_pdf, _ = await got(stage, to)
    page = await hub.get(f"/v1/received/{with_pdf}/pdf", headers=as_("bert"))
    assert page.content == PDF
    document = await hub.get(f"/v1/received/{with_pdf}/document", headers=as_("bert"))
    assert document.content == INVOICE


async def test_what_no_page_can_be_made_of_and_what_is_not_kept_is_said(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    to = await berts(stage, "a")
    (own,) = await got(stage, to, xml=b"<Strange/>", pdf=None)
    document = await hub.get(f"/v1/received/{own}/document", headers=as_("bert"))
    assert document.content == b"<Strange/>"
    page = await hub.get(f"/v1/received/{own}/pdf", headers=as_("bert"))
    assert (page.status_code, page.json()["code"]) == (409, "not-made")
    await stage.worker.execute("UPDATE parcel SET body = jsonb_set(body, '{original,document_id}', $1)", own)
    gone = await hub.get(f"/v1/received/{own}/document", headers=as_("bert"))
    assert (gone.status_code, gone.json()["code"]) == (404, "gone")


@pytest.mark.proves("R53")
async def test_each_word_of_the_receiver_is_told_once_and_the_last_counts(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    (own,) = await got(stage, await berts(stage, "a"))
    path = f"/v1/received/{own}/answer"
    query = {"answer": "queried", "code": "PRI", "reason": " Regel 3: € 12,50. "}
    for given in (query, query, {"answer": "rejected", "reason": "niet besteld"}, {"answer": "accepted"}):
        reply = await hub.post(path, json=given, headers=as_("bert"))
        assert reply.status_code == 200, reply.text
    assert reply.json()["answer"]["answer"] == "accepted"
    assert reply.json()["answer"]["status"] == "AP"
    said: list[Any] = await stage.told()
    told = [each for each in said if isinstance(each, InvoiceAnswered)]
    assert [(each.sequence, each.answer, each.code, each.said) for each in told] == [
        (1, "queried", "PRI", "Regel 3: € 12,50."), (2, "rejected", "OTH", "niet besteld"), (3, "accepted", None, None),
    ]  # fmt: skip
    assert {(each.account_id, each.receiver_name) for each in told} == {(ACCOUNT, "a BV")}
    for bad in (
        {"answer": "queried"},
        {"answer": "rejected", "reason": "  "},
        {"answer": "paid"},
        {"answer": "queried", "code": "XYZ", "reason": "x"},
        {"answer": "rejected", "code": "PPD", "reason": "x"},
        {"answer": "queried", "code": "NON", "reason": "x"},
        {"answer": "accepted", "code": "PRI"},
        {"answer": "queried", "reason": "a\nb"},
        {"answer": "queried", "reason": "x" * 1001},
    ):
        assert (await hub.post(path, json=bad, headers=as_("bert"))).status_code == 422, bad


async def test_two_who_answer_at_once_are_counted_one_after_the_other(stage: Stage) -> None:
    (own,) = await got(stage, await berts(stage, "a"))
    (row,) = await stage.rows()

    async def say(n: int) -> None:
        async with stage.worker.acquire() as conn, conn.transaction():
            await answers.say(conn, row["delivery_id"], "queried", None, f"vraag {n}", (BERT, None))

    await asyncio.gather(*(say(n) for n in range(5)))
    rows = await stage.worker.fetch("SELECT sequence FROM response ORDER BY sequence")
    assert [each["sequence"] for each in rows] == [1, 2, 3, 4, 5]
    assert str(row["delivery_id"]) == own


@pytest.mark.proves("R30")
async def test_what_went_to_the_wrong_company_is_not_shown_to_it_any_more(
    stage: Stage, hub: httpx.AsyncClient
) -> None:
    to = await berts(stage, "a")
    right, wrong = await got(stage, to, 2)
    invoice = next(row["invoice_id"] for row in await stage.rows() if str(row["delivery_id"]) == wrong)
    data = InvoiceRecalled(
        invoice_id=invoice, account_id=ACCOUNT, sequence=1, receiver=to, places=(to.party_id,), number=1,
        reason=Words(nl="", en=""),
    )  # fmt: skip
    await handle(Recalled(PATIENCE), stage.worker, [new_event(data, source="/test", account=ACCOUNT)])
    assert [each["delivery_id"] for each in (await listed(hub))["received"]] == [right]
    assert (await hub.get(f"/v1/received/{wrong}/document", headers=as_("bert"))).status_code == 404
