"""track over HTTP, on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from libs import clock
from libs.db.types import Connection, Pool, Record
from libs.errors import Unauthenticated
from libs.http.app import create_app
from libs.http.principal import Principal
from services.track import store
from services.track.api import routes
from tests.integration.track.feeding import feed
from tests.unit.http import cursors
from tests.unit.track.sample import TRACE, Journey

OTHER = UUID(int=43)


class Keys:
    """The key is the account's number; ``x`` lacks the right to read."""

    async def authenticate(self, authorization: str | None) -> Principal:
        key = (authorization or "").removeprefix("Bearer ")
        if key == "x":
            return Principal(OTHER, None, frozenset({"invoice:write"}), frozenset())
        if not key.isdigit():
            raise Unauthenticated
        return Principal(UUID(int=int(key)), None, frozenset({"invoice:read"}), frozenset())


@pytest.fixture
async def api(api_role: Pool) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app([routes(api_role)], title="track", identity=Keys()))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://hub.example", headers={"Authorization": "Bearer 42"}
    ) as client:
        yield client


async def get(api: httpx.AsyncClient, path: str, **params: Any) -> Any:
    reply = await api.get(path, params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_what_is_shown_of_an_invoice_is_of_one_moment(
    api: httpx.AsyncClient, worker: Pool, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    j = Journey(account)
    await feed(worker, j.received())
    real = store.timeline

    async def meanwhile(conn: Connection, invoice_id: UUID) -> list[Record]:
        await feed(worker, j.validated())
        return await real(conn, invoice_id)

    monkeypatch.setattr(store, "timeline", meanwhile)
    found = await get(api, f"/v1/invoices/{j.invoice_id}")
    assert ([*found["axes"]], len(found["timeline"])) == (["ingest"], 1)
    monkeypatch.setattr(store, "timeline", real)
    found = await get(api, f"/v1/invoices/{j.invoice_id}")
    assert (len(found["axes"]), len(found["timeline"])) == (2, 2)


@pytest.mark.proves("R53", "R56")
async def test_one_invoice_with_its_timeline(api: httpx.AsyncClient, worker: Pool, account: UUID) -> None:
    j = Journey(account)
    events = [j.received(), j.validated(), j.routed(), j.handed_over(), j.confirmed()]
    await feed(worker, *reversed(events), j.duplicate())
    found = await get(api, f"/v1/invoices/{j.invoice_id}")
    assert (found["status"], found["label"]) == ("arrived", {"nl": "aangekomen", "en": "arrived"})
    assert (found["number"], found["issue_date"], found["sender"], found["receiver"]) == (
        "F1", "2026-11-02", "Bakkerij Bos", "Aannemer De Jong BV",
    )  # fmt: skip
    assert found["reason"]["nl"] == "Aannemer De Jong BV heeft de factuur uit de map gehaald."
    assert [m["type"].split(".")[1] for m in found["timeline"]] == [
        "received", "validated", "routed", "handed_over", "confirmed", "duplicate",
    ]  # fmt: skip
    for moment in found["timeline"]:
        assert moment["trace_id"] == TRACE.split("-")[1]
        assert moment["source"].startswith("/postbode/")
        assert moment["at"] < moment["recorded_at"]
        assert moment["words"]["nl"]
    assert [m["proof"] for m in found["timeline"][3:5]] == ["F1.xml", "F1.xml is weggehaald"]
    assert found["trace_id"] == TRACE.split("-")[1]
    axis = f"delivery:folder:{j.receiver.party_id}"
    assert found["axes"][axis] == {
        "value": "confirmed", "sequence": 2, "at": "2026-11-03T09:05:00Z", "source": "/postbode/deliver",
    }  # fmt: skip
    taken = {step["step"]: step["at"] for step in found["steps"]}
    assert taken["sent"] == "2026-11-03T09:04:00Z"
    assert (taken["imported"], taken["paid"]) == (None, None)


@pytest.mark.proves("R56")
async def test_a_rejection_shows_its_findings_with_their_lines(
    api: httpx.AsyncClient, worker: Pool, account: UUID
) -> None:
    j = Journey(account)
    await feed(worker, j.received(), j.rejected())
    found = await get(api, f"/v1/invoices/{j.invoice_id}")
    (finding,) = found["timeline"][1]["findings"]
    assert (finding["line"], finding["rule"], finding["message"]["en"]) == (
        12, "BR-CO-15", "The total is not right.",
    )  # fmt: skip


async def test_another_account_s_invoice_is_not_there(
    api: httpx.AsyncClient, worker: Pool, account: UUID
) -> None:
    j = Journey(account)
    await feed(worker, j.received())
    theirs = {"Authorization": "Bearer 43"}
    reply = await api.get(f"/v1/invoices/{j.invoice_id}", headers=theirs)
    unknown = await api.get(f"/v1/invoices/{clock.uuid7()}", headers=theirs)
    assert reply.status_code == unknown.status_code == 404
    assert reply.json()["code"] == unknown.json()["code"] == "not-found"
    assert (await api.get("/v1/invoices", headers=theirs)).json() == {"invoices": [], "next": None}
    assert (await get(api, f"/v1/invoices/{j.invoice_id}"))["status"] == "received"


@pytest.mark.parametrize("path", ["/v1/invoices", f"/v1/invoices/{UUID(int=1)}"])
async def test_who_may_not_read(api: httpx.AsyncClient, path: str) -> None:
    for key, status in (("", 401), ("nobody", 401), ("x", 403)):
        assert (await api.get(path, headers={"Authorization": f"Bearer {key}"})).status_code == status


@pytest.mark.proves("R48a")
async def test_every_invoice_comes_once_over_the_pages_newest_first(
    api: httpx.AsyncClient, worker: Pool, account: UUID
) -> None:
    journeys = [Journey(account, f"F{n}") for n in range(23)]  # all received at one instant: ids decide
    await feed(worker, *(j.received() for j in journeys), Journey(OTHER).received())
    seen: list[str] = []
    path: str | None = "/v1/invoices?limit=5"
    pages = 0
    while path:
        reply = await api.get(path)
        body = reply.json()
        seen += [each["invoice_id"] for each in body["invoices"]]
        link = reply.links.get("next")
        assert (link is None) == (body["next"] is None)
        path = link["url"] if link else None
        pages += 1
    assert pages == 5
    assert seen == sorted((str(j.invoice_id) for j in journeys), reverse=True)


async def test_filter_by_status(api: httpx.AsyncClient, worker: Pool, account: UUID) -> None:
    sent, parked, rejected = (Journey(account, name) for name in ("sent", "parked", "rejected"))
    await feed(
        worker, sent.received(), sent.validated(), sent.handed_over(), parked.received(), parked.parked(),
        rejected.rejected(),
    )  # fmt: skip
    for status in ("sent", "parked", "rejected"):
        found = await get(api, "/v1/invoices", status=status)
        assert [each["number"] for each in found["invoices"]] == [status]
    assert (await get(api, "/v1/invoices", status="paid"))["invoices"] == []
    assert len((await get(api, "/v1/invoices"))["invoices"]) == 3


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"limit": 0}, 422),
        ({"limit": 201}, 422),
        ({"status": "nonsense"}, 422),
        ({"after": "nonsense"}, 400),
        ({"after": "W10"}, 400),
        ({"after": "WzEsMl0"}, 400),
        ({"after": "WyIyMDI2LTAxLTAxIiwieCJd"}, 400),
        ({"after": "WyIyMDI2LTAxLTAxIiwiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIl0"}, 400),
    ],
)
async def test_what_cannot_be_asked(api: httpx.AsyncClient, params: dict[str, Any], status: int) -> None:
    reply = await api.get("/v1/invoices", params=params)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"


async def test_many_repeats_do_not_drown_the_timeline(
    api: httpx.AsyncClient, worker: Pool, account: UUID
) -> None:
    j = Journey(account)
    await feed(worker, j.received(), *(j.duplicate() for _ in range(200)), j.rejected())
    found = await get(api, f"/v1/invoices/{j.invoice_id}")
    kinds = [m["type"] for m in found["timeline"]]
    assert (kinds[0], kinds[-1], len(kinds)) == ("invoice.received.v1", "invoice.rejected.v1", 52)


@pytest.mark.parametrize("cursor", cursors.INSTANT_AND_ID.values(), ids=cursors.INSTANT_AND_ID)
async def test_a_cursor_that_is_not_ours_is_400(api: httpx.AsyncClient, cursor: str) -> None:
    reply = await api.get("/v1/invoices", params={"after": cursor})
    assert (reply.status_code, reply.json()["code"]) == (400, "bad-cursor")
