"""``Idempotency-Key`` over HTTP, with two replicas on one database: one reply, one submission.

Replies that are cut off, by the thousand: ``test_cut_off.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest

from libs.db.settings import DatabaseSettings
from libs.errors import Unavailable
from libs.http.client import client
from libs.testing import builders
from services.ingest.uploads import intake, remembered
from services.ingest.uploads.part import Part
from tests.integration.ingest.door import Replica, replica

XML = builders.invoice(number="F1")


@pytest.fixture
async def doors(database: DatabaseSettings) -> AsyncIterator[tuple[Replica, Replica]]:
    async with replica(database) as one, replica(database) as other:
        yield one, other


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with client(timeout=30) as made:
        yield made


async def submissions(door: Replica, account: UUID) -> int:
    worker = await door.pools.get("ingest", "worker")
    found: int = await worker.fetchval("SELECT count(*) FROM submission WHERE account_id = $1", account)
    return found


async def post(
    http: httpx.AsyncClient, door: Replica, headers: dict[str, str], body: bytes
) -> httpx.Response:
    return await http.post(f"{door.url}/v1/submissions", headers=headers, content=body)


async def test_the_same_again_gets_the_same_words_and_other_files_are_refused(
    doors: tuple[Replica, Replica], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = doors
    account, login = await one.supplier()
    keyed = {**login, "Idempotency-Key": '"k-1"'}
    # Refused: the key is not used up, and mended files may come under it.
    assert (await post(http, one, keyed, b"<Invoice>")).status_code == 422
    first = await post(http, one, keyed, XML)
    assert first.status_code == 202
    again = await post(http, other, {**login, "Idempotency-Key": "k-1"}, XML)
    assert (again.status_code, again.content) == (202, first.content)
    told = ("location", "retry-after", "content-type")
    assert [again.headers[name] for name in told] == [first.headers[name] for name in told]
    assert "postbode-repeat" not in again.headers
    assert await submissions(one, account) == 1

    for wrong in (builders.invoice(number="F2"), b"<Invoice>"):
        refused = await post(http, other, keyed, wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency-key-reused")
    malformed = await post(http, one, {**login, "Idempotency-Key": "two words"}, XML)
    assert (malformed.status_code, malformed.json()["code"]) == (400, "idempotency-key-malformed")

    # Another account has keys of its own, and with them its own invoices.
    _, elsewhere = await one.supplier("Visser")
    theirs = await post(http, one, {**elsewhere, "Idempotency-Key": "k-1"}, builders.invoice(number="F2"))
    assert theirs.status_code == 202

    # What is said beside an invoice is a part of what is sent.
    def form(note: str) -> list[tuple[str, tuple[str, bytes]]]:
        said = f'{{"Notes": "{note}"}}'.encode()
        return [("file", ("F3.xml", builders.invoice(number="F3"))), ("file", ("F3.fields.json", said))]

    answers = [
        await http.post(
            f"{door.url}/v1/submissions", headers=login | {"Idempotency-Key": "k-3"}, files=form(note)
        )
        for door, note in ((one, "een"), (other, "een"), (other, "twee"))
    ]
    assert [each.status_code for each in answers] == [202, 202, 422]
    assert answers[0].content == answers[1].content
    assert answers[2].json()["code"] == "idempotency-key-reused"

    # What was taken once stays taken, also when the hub would refuse it today.
    def stricter(_: object) -> None:
        raise intake.as_error(intake.refuse(Part(b""), "no-invoice"))

    monkeypatch.setattr(intake, "sort_strictly", stricter)
    assert (await post(http, one, keyed, XML)).content == first.content


async def test_two_replicas_with_one_key_at_once_make_one_submission(
    doors: tuple[Replica, Replica], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = doors
    account, login = await one.supplier()
    keyed = {**login, "Idempotency-Key": "k-1"}
    held, goes_on = asyncio.Event(), asyncio.Event()
    claim = remembered.claim

    async def slow(*args: object) -> object:
        told = await claim(*args)  # type: ignore[arg-type]
        if not held.is_set():
            held.set()
            await goes_on.wait()
        return told

    monkeypatch.setattr(remembered, "claim", slow)
    first = asyncio.create_task(post(http, one, keyed, XML))
    await held.wait()
    # Beside it, and through the other replica: nobody waits for the first, nor for each other.
    for door in (one, other):
        busy = await post(http, door, keyed, XML)
        assert (busy.status_code, busy.json()["code"]) == (409, "idempotency-key-running")
        assert busy.headers["retry-after"] == "1"
    someone = await post(http, other, {**login, "Idempotency-Key": "k-2"}, builders.invoice(number="F2"))
    assert someone.status_code == 202
    goes_on.set()
    assert (await first).status_code == 202
    assert (await post(http, other, keyed, XML)).content == (await first).content
    assert await submissions(one, account) == 2


async def test_a_write_that_fails_leaves_no_key_behind(
    doors: tuple[Replica, Replica], http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = doors
    account, login = await one.supplier()
    keyed = {**login, "Idempotency-Key": "k-1"}

    async def broken(*_: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(remembered, "remember", broken)
        assert (await post(http, one, keyed, XML)).status_code == 503
    assert await submissions(one, account) == 0
    assert (await post(http, one, keyed, XML)).status_code == 202
