"""``POST /v1/submissions:batch``: a line for every item, taken or refused, and a way to go on."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from libs.db.settings import DatabaseSettings
from libs.errors import Unavailable
from libs.http.client import client
from libs.testing import builders
from services.ingest import store
from services.ingest.uploads import batch
from tests.integration.ingest.door import Replica, replica

BATCH = "/v1/submissions:batch"


@pytest.fixture
async def door(database: DatabaseSettings) -> AsyncIterator[Replica]:
    async with replica(database, max_batch_bytes=500_000) as made:
        yield made


@pytest.fixture
async def http(door: Replica) -> AsyncIterator[httpx.AsyncClient]:
    async with client(base_url=door.url, timeout=60) as made:
        yield made


def packed(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def xml(number: int) -> bytes:
    return builders.invoice(number=f"F{number}")


async def lines(
    http: httpx.AsyncClient, login: dict[str, str], body: bytes, query: str = "", **headers: str
) -> list[dict[str, Any]]:
    reply = await http.post(BATCH + query, content=body, headers={**login, **headers})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/x-ndjson"), reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


async def test_items_are_taken_or_refused_each_by_itself(
    door: Replica, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "WINDOW", 2)
    account, login = await door.supplier()
    body = packed({
        "F1.xml": xml(1), "F1.pdf": builders.pdf("F1"), "bad.xml": b"<Invoice>", "F2.xml": xml(2),
        "loose.pdf": builders.pdf("x"), "again/F1.xml": xml(1), "F3.xml": xml(3),
    })  # fmt: skip
    first = await lines(http, login, body)
    assert [(each.get("item"), each.get("status"), each.get("code")) for each in first[:-1]] == [
        (0, 202, None), (1, 422, "not-xml"), (2, 202, None), (3, 422, "lone-pdf"), (4, 202, None), (5, 202, None),
    ]  # fmt: skip
    assert first[-1] == {"end": {"next": 6, "accepted": 4, "refused": 2}}
    assert (first[1]["filename"], first[1]["line"], set(first[1]["words"])) == ("bad.xml", 1, {"nl", "en"})
    # The same bytes in another folder are the same invoice, and said to be so.
    assert first[4]["repeat"] is True
    assert first[4]["submission_id"] == first[0]["submission_id"]
    shown = await http.get(f"/v1/submissions/{first[5]['submission_id']}", headers=login)
    assert shown.json()["invoices"][0]["invoice_id"] == first[5]["invoices"][0]["invoice_id"]

    # Going on where the lines ended, in a body that is packed once more.
    rest = await lines(http, login, gzip.compress(body), "?offset=4", **{"Content-Encoding": "gzip"})
    assert [each.get("item") for each in rest] == [4, 5, None]
    assert rest[0]["submission_id"] == first[4]["submission_id"]
    assert await lines(http, login, body, "?offset=6") == [{"end": {"next": 6, "accepted": 0, "refused": 0}}]
    worker = await door.pools.get("ingest", "worker")
    assert await worker.fetchval("SELECT count(*) FROM invoice WHERE account_id = $1", account) == 3


async def test_with_a_key_every_item_gets_its_first_receipt_again(
    door: Replica, http: httpx.AsyncClient
) -> None:
    account, login = await door.supplier()
    keyed = {**login, "Idempotency-Key": "night-1"}
    first = await lines(http, keyed, packed({"F1.xml": xml(1), "bad.xml": b"<Invoice>"}))
    assert [each.get("status") for each in first] == [202, 422, None]
    # Mended, and with one more behind: what was refused had used up nothing.
    mended = packed({"F1.xml": xml(1), "bad.xml": xml(2), "F3.xml": xml(3)})
    again = await lines(http, keyed, mended)
    assert [each.get("status") for each in again] == [202, 202, 202, None]
    assert again[0] == first[0]
    assert await lines(http, keyed, mended) == again
    other = await lines(http, keyed, packed({"F1.xml": xml(4), "F2.xml": xml(2), "F3.xml": xml(3)}))
    assert [each.get("code") for each in other[:-1]] == [
        "idempotency-key-reused", "idempotency-key-reused", None,
    ]  # fmt: skip
    worker = await door.pools.get("ingest", "worker")
    assert await worker.fetchval("SELECT count(*) FROM submission WHERE account_id = $1", account) == 3


async def test_what_cannot_be_taken_for_now_says_where_to_go_on(
    door: Replica, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "WINDOW", 1)
    monkeypatch.setattr(batch, "_AGAIN", (0.0, 0.0))
    _, login = await door.supplier()
    body = packed({f"F{n}.xml": xml(n) for n in range(4)})
    keep, calls = store.keep, [0]

    async def away(*args: Any) -> Any:
        calls[0] += 1
        if calls[0] > 2:
            raise Unavailable
        return await keep(*args)

    with monkeypatch.context() as patched:
        patched.setattr(store, "keep", away)
        *done, stopped = await lines(http, login, body)
    assert [each["item"] for each in done] == [0, 1]
    assert (stopped["stopped"]["next"], stopped["stopped"]["code"]) == (2, "unavailable")
    *rest, end = await lines(http, login, body, f"?offset={stopped['stopped']['next']}")
    assert [each["item"] for each in rest] == [2, 3]
    assert end == {"end": {"next": 4, "accepted": 2, "refused": 0}}


async def test_a_batch_that_cannot_be_read_is_refused_whole(door: Replica, http: httpx.AsyncClient) -> None:
    _, login = await door.supplier()

    async def code(body: bytes, query: str = "", **headers: str) -> tuple[int, str]:
        reply = await http.post(BATCH + query, content=body, headers={**login, **headers})
        return reply.status_code, reply.json()["code"]

    assert await code(xml(1)) == (422, "zip-broken")
    assert await code(b"") == (422, "zip-broken")
    assert await code(packed({"../F1.xml": xml(1)})) == (422, "zip-name")
    assert await code(packed({"F1.xml": b" " * 5_000_000})) == (413, "zip-bomb")
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nContent-Length: 500001\r\n\r\n".encode())
    assert b" 413 " in await reader.readline()
    await hang_up(writer)
    assert await code(gzip.compress(b" " * 5_000_000), **{"Content-Encoding": "gzip"}) == (413, "too-large")
    assert await code(packed({"F1.xml": xml(1)}), "?offset=-1") == (400, "bad-offset")
    assert await code(packed({"F1.xml": xml(1)}), Authorization="Bearer x") == (401, "unauthenticated")


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_an_account_sends_one_at_a_time_and_leaves_room_when_it_hangs_up(
    door: Replica, http: httpx.AsyncClient
) -> None:
    _, login = await door.supplier()
    _, visser = await door.supplier("Visser")
    body = packed({"F1.xml": xml(1)})
    head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: {login['Authorization']}\r\n"
    for _ in range(100):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
        await asyncio.sleep(0.02)
        if (reply := await http.post(BATCH, content=body, headers=login)).status_code != 200:
            break
        # Ours came first, and the other one was turned away.
        await hang_up(writer)
    assert (reply.status_code, reply.json()["code"]) == (429, "batch-running")
    assert reply.headers["retry-after"] == "10"
    assert len(await lines(http, visser, body)) == 2
    await hang_up(writer)
    while (reply := await http.post(BATCH, content=body, headers=login)).status_code == 429:
        await asyncio.sleep(0.02)
    assert reply.status_code == 200


async def test_a_single_submission_may_come_as_gzip(door: Replica, http: httpx.AsyncClient) -> None:
    _, login = await door.supplier()
    headers = {**login, "Content-Encoding": "gzip", "Idempotency-Key": "k-1"}
    packed_once = await http.post("/v1/submissions", content=gzip.compress(xml(1), 1), headers=headers)
    assert packed_once.status_code == 202
    del headers["Content-Encoding"]
    # The key is about the file, not about how it travelled.
    assert (
        await http.post("/v1/submissions", content=xml(1), headers=headers)
    ).content == packed_once.content
    bomb = gzip.compress(b" " * 26_000_000)
    refused = await http.post("/v1/submissions", content=bomb, headers={**login, "Content-Encoding": "gzip"})
    assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
