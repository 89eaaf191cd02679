"""What is kept is kept as long as the law asks, and gone afterwards; what is damaged is named."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from libs import clock
from libs.contracts.sandbox import sandbox_of
from libs.db.settings import DatabaseSettings
from libs.http.client import client
from libs.testing import builders
from libs.testing.aging import age
from services import cli
from services.ingest.keeping.retention import Retention
from services.ingest.keeping.scrubber import Scrubber
from tests.integration.ingest.door import Replica, replica

ADMIN = ["invoice:write", "invoice:read", "account:admin"]


class Archive:
    """An account's documents, and time."""

    def __init__(self, door: Replica, http: httpx.AsyncClient, database: DatabaseSettings) -> None:
        self.door = door
        self.http = http
        self.database = database
        self.woken = 0

    async def supplier(self) -> tuple[UUID, dict[str, str]]:
        return await self.door.supplier("Bakker", scopes=ADMIN)

    async def post(self, headers: dict[str, str], name: str, **more: str) -> str:
        said = (f"{name}.fields.json", b'{"Notes": "Pand 12"}')
        files = [("file", (f"{name}.xml", builders.invoice(number=name))), ("file", said)]
        reply = await self.http.post("/v1/submissions", files=files, headers=headers | more)
        assert reply.status_code == 202, reply.text
        found: str = reply.json()["submission_id"]
        return found

    async def age(self, account: UUID, submission: str, to: datetime) -> None:
        await age(self.database.url, account, UUID(submission), to)

    async def run(self) -> None:
        await self.retention.run()

    def wake(self) -> None:
        self.woken += 1

    @property
    def retention(self) -> Retention:
        return self._retention

    async def start(self) -> None:
        self._retention = Retention(await self.door.pools.get("ingest", "worker"), self.database, self.wake)

    async def left(self, *accounts: UUID) -> int:
        pool = await self.door.pools.get("ingest", "worker")
        count: int = await pool.fetchval(
            "SELECT count(*) FROM documents.document WHERE account = ANY ($1::uuid[])", list(accounts)
        )
        return count


@pytest.fixture
async def archive(database: DatabaseSettings) -> AsyncIterator[Archive]:
    async with replica(database) as door, client(base_url=door.url, timeout=30) as http:
        found = Archive(door, http, database)
        await found.start()
        yield found


def local(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=clock.HERE)


async def test_it_is_kept_its_years_and_then_it_is_gone(archive: Archive) -> None:
    year = clock.day(clock.now()).year
    over, nearly = local(year - 8, 12, 30), local(year - 7, 1, 2)
    account, headers = await archive.supplier()
    key = {"Idempotency-Key": "F1"}
    gone = await archive.post(headers, "F1", **key)
    held, young = await archive.post(headers, "F2"), await archive.post(headers, "F3")
    for submission, at in ((gone, over), (held, over + timedelta(seconds=1)), (young, nearly)):
        await archive.age(account, submission, at)
    hold = await archive.http.post(
        "/v1/accounts/me/holds", json={"submission_id": held, "reason": "proces"}, headers=headers
    )
    assert hold.status_code == 201
    houses, theirs = await archive.supplier()
    chosen = await archive.http.put("/v1/accounts/me/retention", json={"years": 10}, headers=theirs)
    assert chosen.json() == {"years": 10, "holds": []}
    land = await archive.post(theirs, "F1")
    await archive.age(houses, land, over)
    assert await archive.post(headers, "F1", **key) == gone, "the answer is kept as long as the submission"
    await archive.run()
    assert (await archive.left(account), await archive.left(houses)) == (2, 1)
    late = await archive.http.post(
        "/v1/accounts/me/holds", json={"submission_id": gone, "reason": "te laat"}, headers=headers
    )
    assert late.status_code == 404
    # The key is free again, and the same bytes are a new invoice: nothing is left to repeat.
    again = await archive.post(headers, "F1", **key)
    assert again != gone
    shown = (await archive.http.get(f"/v1/submissions/{gone}", headers=headers)).json()
    (item,) = shown["invoices"]
    assert (item["status"], item["filename"], item["fields"]) == ("erased", None, None), (
        "that it was stays known"
    )
    kept = (await archive.http.get(f"/v1/submissions/{young}", headers=headers)).json()["invoices"]
    assert [each["fields"] for each in kept] == [{"Notes": "Pand 12"}]
    pool = await archive.door.pools.get("ingest", "worker")
    said = "SELECT subject FROM outbox WHERE routing_key = 'invoice.erased.v1'"
    assert [row["subject"] for row in await pool.fetch(said)] == [item["invoice_id"]]
    assert archive.woken
    # A class that is shortened holds for what comes after, and a hold that is lifted lets go.
    for call in (
        archive.http.put("/v1/accounts/me/retention", json={"years": 7}, headers=theirs),
        archive.http.delete(f"/v1/accounts/me/holds/{hold.json()['hold_id']}", headers=headers),
    ):
        assert (await call).status_code < 300
    await archive.run()
    assert (await archive.left(account), await archive.left(houses)) == (2, 1)
    assert await pool.fetchval(f"SELECT count(*) FROM ({said}) AS told") == 2, "each is told once"
    # Whatever it is asked, the owner deletes nothing that is too young.
    at = await pool.fetchval("SELECT received_at FROM submission WHERE submission_id = $1", UUID(again))
    assert await archive.retention._delete([(account, at)]) == 0


async def test_what_was_tried_out_goes_after_a_month(archive: Archive) -> None:
    account, headers = await archive.supplier()
    made = await archive.http.post("/v1/keys", json={"sandbox": True}, headers=headers)
    test = {"Authorization": f"Bearer {made.json()['key']}"}
    old, new, live = (
        await archive.post(test, "F1"), await archive.post(test, "F2"), await archive.post(headers, "F1"),
    )  # fmt: skip
    month_ago = clock.now() - timedelta(days=30, minutes=1)
    await archive.age(sandbox_of(account), old, month_ago)
    await archive.age(account, live, month_ago)
    await archive.run()
    assert (await archive.left(sandbox_of(account)), await archive.left(account)) == (1, 1)
    assert (await archive.http.get(f"/v1/submissions/{new}", headers=test)).status_code == 200
    pool = await archive.door.pools.get("ingest", "worker")
    assert await archive.retention._delete([(account, month_ago)]) == 0
    assert await pool.fetchval("SELECT count(*) FROM submission WHERE expired_at IS NOT NULL") == 1


async def test_a_flipped_bit_is_named(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, headers = await archive.supplier()
    for n in range(3):
        await archive.post(headers, f"F{n}")
    scrubber = Scrubber(await archive.door.pools.get("ingest", "worker"), most=1)
    assert await scrubber.everything() == []
    owner = await asyncpg.connect(**archive.database.role_url("documents_owner"))
    document = await owner.fetchval(
        """UPDATE documents.document SET body = set_byte(body, 40, get_byte(body, 40) # 4)
            WHERE document_id = (SELECT document_id FROM documents.document ORDER BY document_id DESC LIMIT 1)
        RETURNING document_id"""
    )
    await owner.close()
    for _ in range(3):
        await scrubber.run()
    pool = await archive.door.pools.get("ingest", "worker")
    (row,) = await pool.fetch("SELECT account_id, document_id, detail FROM damage")
    assert (row["account_id"], row["document_id"]) == (account, document)
    assert row["detail"].startswith("bit 2 of byte 40 of the stored ")
    monkeypatch.setenv("POSTBODE_DATABASE_URL", archive.database.url)
    monkeypatch.setenv("POSTBODE_SECRET", archive.database.secret)
    capsys.readouterr()

    def ended() -> object:
        try:
            cli.main(("scrub", "--json"))
        except SystemExit as end:
            return end.code
        return 0

    assert await asyncio.to_thread(ended) == 1
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert [each["document_id"] for each in said["damaged"]] == [str(document)]


async def test_an_account_takes_everything_with_it(archive: Archive) -> None:
    account, headers = await archive.supplier()
    data = builders.invoice(number="F1")
    sent = await archive.http.post("/v1/submissions", content=data, headers=headers)
    other, theirs = await archive.supplier()
    await archive.post(theirs, "F9")
    box = (await archive.http.post("/v1/mailboxes", headers=headers)).json()
    reply = await archive.http.get("/v1/accounts/me/export", headers=headers)
    assert reply.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as packed:
        assert packed.testzip() is None
        whole: dict[str, Any] = json.loads(packed.read("account.json"))
        assert whole["account"]["account_id"] == str(account)
        assert [each["addresses"] for each in whole["mailboxes"]] == [box["addresses"]]
        assert "secret" not in json.dumps(whole["keys"])
        (line,) = packed.read("submissions.ndjson").splitlines()
        assert json.loads(line)["submission_id"] == sent.json()["submission_id"]
        (document,) = (json.loads(each) for each in packed.read("documents.ndjson").splitlines())
        assert packed.read(document["name"]) == data
        assert str(other) not in packed.read("account.json").decode()
    unknown = {"Authorization": "Basic " + base64.b64encode(b"a@b.example:x").decode()}
    assert (await archive.http.get("/v1/accounts/me/export", headers=unknown)).status_code == 401
