"""The HTTPS channel against a real TLS server: what each answer and each attack means, and what a kill leaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiohttp.resolver import ThreadedResolver

from libs import clock
from libs.contracts.parts import Receiver
from libs.service import Wake
from libs.testing.certificates import pem
from services.deliver.app import https_channel
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.parcel import HandedOver
from services.deliver.receivers import connections, credentials
from services.deliver.views import Showing
from services.deliver.waits.parked import Parking
from tests.integration.deliver.listening import Listening, answer, listening
from tests.integration.deliver.stage import Stage
from tests.unit.deliver.sample import PDF, XML, receiver

SECRET = b"s" * 32


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Listening]:
    async with listening(tmp_path) as found:
        found.secrets.append(SECRET)
        yield found


async def connected(stage: Stage, url: str, name: str = "Jong BV") -> Receiver:
    to = receiver(name, email=f"in@{name.split()[0].lower()}.example")
    await connections.connect(stage.worker, to.party_id, None, "other", "https", {"url": url})
    async with stage.worker.acquire() as conn, conn.transaction():
        await credentials.put(conn, stage.settings().keys, to.party_id, "webhook", SECRET)
    return to


@contextlib.asynccontextmanager
async def pushing(stage: Stage, inbox: Listening, **more: Any) -> AsyncIterator[Dispatcher]:
    fields: dict[str, Any] = {"reachable_networks": ("127.0.0.0/8",), "https_certificates": inbox.certificate}
    settings = stage.settings(**{**fields, **more})
    channel = https_channel(settings, stage.worker)
    try:
        yield Dispatcher(settings, stage.worker, stage.documents, {"https": channel}, Wake())
    finally:
        await channel.close()


async def last(stage: Stage) -> asyncpg.Record:
    row = await stage.worker.fetchrow("SELECT * FROM attempt ORDER BY started_at DESC LIMIT 1")
    assert row is not None
    return row


async def shown(stage: Stage, *, inside: bool) -> str | None:
    """What is read over HTTP of the last attempt; ``inside``: by an operator, else by its sender."""
    delivery_id = (await stage.rows())[0]["delivery_id"]
    async with stage.worker.acquire() as conn:
        found = await Showing(stage.worker, timedelta(hours=72)).one(conn, delivery_id, inside=inside)
    return found.history[-1].detail


@pytest.mark.proves("SA18", "R50", "R53")
async def test_signed_with_both_documents_and_its_word_as_receipt(stage: Stage, inbox: Listening) -> None:
    await stage.send(await connected(stage, inbox.url), 5)
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
    assert set(await stage.states()) == {"handed_over"}
    assert inbox.documents() == [[XML, PDF]] * 5
    assert set(inbox.kept.values()) == {1}
    told = await stage.told()
    assert {(fact.type, fact.channel) for fact in told} == {("invoice.handed_over.v1", "https")}
    assert told[0].receipt == "HTTP 202"  # type: ignore[attr-defined]
    assert inbox.most_at_once <= 4
    assert inbox.connections <= 4, "connections are kept"


@pytest.mark.parametrize(
    ("reply", "state", "outcome", "code"),
    [
        (answer(308, Location="https://127.0.0.1:1/"), "queued", "failed", "https-redirect"),
        (answer(500, b"oops"), "queued", "failed", "https-trouble"),
        (answer(404), "queued", "failed", "https-trouble"),
        (answer(400, b"no such buyer"), "queued", "failed", "https-refused"),
        (answer(413), "undeliverable", "refused", "https-too-large"),
        (answer(429), "queued", "failed", "https-later"),
    ],
)
async def test_what_it_says_is_what_is_done(
    stage: Stage, inbox: Listening, reply: bytes, state: str, outcome: str, code: str
) -> None:
    inbox.replies.append(reply)
    await stage.send(await connected(stage, inbox.url))
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
        row = await last(stage)
        assert (await stage.states(), row["outcome"], row["code"]) == ([state], outcome, code)
        await stage.make_due()
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over" if state == "queued" else state]
    # A clear no is no unknown end: nothing is announced as a repeat.
    assert not getattr((await stage.told())[0], "repeated", False)


async def test_a_redirect_is_not_followed(stage: Stage, inbox: Listening) -> None:
    inbox.replies += [answer(307, Location=inbox.url)]
    await stage.send(await connected(stage, inbox.url))
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
    assert not inbox.kept
    row = await last(stage)
    assert (await stage.states(), row["outcome"], row["code"]) == (["queued"], "failed", "https-redirect")
    assert row["detail"].startswith("307")


async def test_gone_ends_the_connection_and_what_is_under_way_waits(stage: Stage, inbox: Listening) -> None:
    """The next invoice goes as is agreed without it; what waits goes on when the receiver connects again."""
    inbox.replies.append(answer(410, b"moved out"))
    to = await connected(stage, inbox.url)
    await stage.send(to)
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
        assert await stage.states() == ["parked"]
        assert (await last(stage))["detail"] == "410 moved out"
        assert [await shown(stage, inside=inside) for inside in (True, False)] == [
            "410 moved out",
            "HTTP 410",
        ]
        assert await connections.one(stage.worker, to.party_id) is None
        await stage.send(to)
        assert [row["channel"] for row in await stage.rows()] == ["https", "smtp"]
        await connections.connect(
            stage.worker, to.party_id, None, "other", "https", {"url": inbox.url + "/new"}
        )
        await Parking(stage.worker, Wake()).look()
        await dispatcher.dispatch()
    assert (await stage.states())[0] == "handed_over"
    assert [fact for fact, _ in await stage.facts()] == [
        "delivery_parked",
        "delivery_released",
        "handed_over",
    ]


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_obeyed_by_everybody(stage: Stage, inbox: Listening, status: int) -> None:
    """One is told to come back in an hour: nothing else goes there until then, by this worker or another."""
    inbox.replies += [answer(status, Retry_After="3600")]
    await stage.send(await connected(stage, inbox.url), 6)
    async with pushing(stage, inbox, https_connections_per_receiver=1) as dispatcher:
        await dispatcher.dispatch()
    assert not inbox.kept
    outcomes = await stage.worker.fetch("SELECT outcome, code FROM attempt ORDER BY outcome")
    assert [(row["outcome"], row["code"]) for row in outcomes] == [
        ("failed", "https-later"), *[("not_begun", None)] * 5,
    ]  # fmt: skip
    waits = await stage.worker.fetch("SELECT due_at - now() AS left FROM delivery")
    assert all(row["left"] > timedelta(minutes=58) for row in waits)
    await stage.make_due()
    async with pushing(stage, inbox) as other:
        await other.dispatch()
        assert not inbox.kept, "the breaker tells other workers"
        await stage.worker.execute("UPDATE breaker SET open_until = now()")
        for _ in range(2):
            await stage.make_due()
            await other.dispatch()
    assert set(await stage.states()) == {"handed_over"}


@pytest.mark.parametrize("way", ["literal", "name", "one of two", "mapped"])
async def test_what_is_not_public_is_never_reached(
    stage: Stage, inbox: Listening, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Not even by a name that was harmless when it was entered; and the sender learns nothing of our network."""
    found = {
        "name": ["127.0.0.1"],
        "one of two": ["8.8.8.8", "127.0.0.1"],
        "mapped": ["::ffff:127.0.0.1"],
    }.get(way, [])

    async def resolve(_: ThreadedResolver, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        return [
            {"hostname": host, "host": each, "port": port, "family": family, "proto": 0, "flags": 0}
            for each in found
        ]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    url = inbox.url if way == "literal" else inbox.url.replace("127.0.0.1", "rebound.example")
    await stage.send(await connected(stage, url))
    async with pushing(stage, inbox, reachable_networks=()) as dispatcher:
        await dispatcher.dispatch()
    assert inbox.connections == 0
    assert await stage.states() == ["parked"]
    (told,) = await stage.told()
    assert told.code == "address-not-public"  # type: ignore[attr-defined]
    assert "127.0.0.1" not in str(await last(stage))


async def test_the_connection_goes_to_the_address_that_was_looked_at(
    stage: Stage, inbox: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that says something else the second time it is asked is asked once."""
    asked: list[str] = []

    async def resolve(_: ThreadedResolver, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [{"hostname": host, "host": address, "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    await stage.send(await connected(stage, inbox.url.replace("127.0.0.1", "localhost")))
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]
    assert asked == ["localhost"]


def _ended(folder: Path) -> Path:
    return pem(folder, "ended", also=("127.0.0.1",), ends=clock.now() - timedelta(minutes=1))


def _of_somebody_else(folder: Path) -> Path:
    return pem(folder, "else", also=("127.0.0.2",))


@pytest.mark.parametrize(
    "made", [None, _ended, _of_somebody_else], ids=["not trusted", "ended", "of somebody else"]
)
async def test_a_certificate_that_does_not_hold_gets_nothing(
    stage: Stage, tmp_path: Path, made: Callable[[Path], Path] | None
) -> None:
    certificate = made(tmp_path) if made else None
    async with listening(tmp_path, "127.0.0.1", certificate) as inbox:
        inbox.secrets.append(SECRET)
        await stage.send(await connected(stage, inbox.url))
        async with pushing(stage, inbox, https_certificates=certificate) as dispatcher:
            await dispatcher.dispatch()
    assert not inbox.kept
    row = await last(stage)
    assert (await stage.states(), row["outcome"], row["code"]) == (["queued"], "failed", "https-away")
    assert row["detail"], "what was wrong with it is kept"
    assert [row["unresolved"] for row in await stage.rows()] == [False]


async def _drip(writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _flood(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + bytes(65536) + b"\r\n")
        await writer.drain()


async def _flood_of_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: " + b"a" * 60000 + b"\r\n")
        await writer.drain()


async def _hang_in_the_body(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nkept")
    await writer.drain()
    await asyncio.sleep(30)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("reply", [_drip, _flood_of_headers, _hang_up, _nonsense])
async def test_without_an_answer_it_goes_again_under_the_same_id_and_says_so(
    stage: Stage, inbox: Listening, reply: Any
) -> None:
    """A slow loris, headers without end, no answer at all: the receiver may have it, and can tell."""
    inbox.replies.append(reply)
    await stage.send(await connected(stage, inbox.url))
    impatient = {"https_seconds": 1} if reply is _drip else {}
    async with pushing(stage, inbox, **impatient) as dispatcher:
        await dispatcher.dispatch()
        assert await stage.attempts() == [(1, "unknown")]
    await stage.make_due()
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
    assert await stage.states() == ["handed_over"]
    assert list(inbox.kept.values()) == [2]
    assert len(set(inbox.bodies)) == 1
    (told,) = await stage.told()
    assert told.repeated  # type: ignore[attr-defined]
    assert "same webhook-id" in told.receipt  # type: ignore[attr-defined]


@pytest.mark.parametrize("reply", [_flood, _hang_in_the_body])
async def test_what_comes_after_a_yes_is_cut_off(
    stage: Stage, inbox: Listening, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.http.outside.READ_SECONDS", 0.3)
    inbox.replies.append(reply)
    await stage.send(await connected(stage, inbox.url))
    async with pushing(stage, inbox) as dispatcher, asyncio.timeout(10):
        await dispatcher.dispatch()
    assert await stage.attempts() == [(1, "handed_over")]
    assert len((await last(stage))["detail"]) <= 300


@pytest.mark.proves("SA1")
@pytest.mark.parametrize("phase", ["before the act", "after the act"])
async def test_killed_it_goes_again_under_the_same_id_and_says_so(
    stage: Stage, inbox: Listening, phase: str
) -> None:
    await stage.send(await connected(stage, inbox.url))
    async with pushing(stage, inbox) as dead, pushing(stage, inbox) as other:
        held = await dead.start("https")
        if phase == "after the act":
            loaded, _ = await dead._load(list(held.jobs.values()))
            async for done in dead._channels["https"].deliver(loaded):
                assert isinstance(done[0][1], HandedOver)
        await stage.expire()
        await other.dispatch()
    assert list(inbox.kept.values()) == [2 if phase == "after the act" else 1]
    (told,) = await stage.told()
    assert told.repeated  # type: ignore[attr-defined]


async def test_one_that_hangs_holds_up_nobody_else(stage: Stage, inbox: Listening, tmp_path: Path) -> None:
    hang_up = asyncio.Event()

    async def answered(writer: asyncio.StreamWriter) -> None:
        await hang_up.wait()

    async with listening(tmp_path, "127.0.0.2", inbox.certificate) as slow:
        slow.secrets.append(SECRET)
        slow.replies += [answered] * 8
        await stage.send(await connected(stage, slow.url, "Traag BV"), 8)
        to = await connected(stage, inbox.url)
        await stage.send(to, 20)
        async with pushing(stage, inbox) as dispatcher, asyncio.timeout(20):
            dispatching = asyncio.create_task(dispatcher.dispatch())
            while len(inbox.kept) < 20 or slow.at_once < 4:
                await asyncio.sleep(0.01)
            assert slow.most_at_once == 4
            hang_up.set()
            await dispatching
    assert [row["outcome"] for row in await stage.worker.fetch("SELECT outcome FROM attempt ORDER BY outcome")] == [
        *["handed_over"] * 20, *["unknown"] * 8,
    ]  # fmt: skip


async def test_without_a_secret_nothing_goes_unsigned(stage: Stage, inbox: Listening) -> None:
    to = await connected(stage, inbox.url)
    await stage.worker.execute("UPDATE credential SET key_name = 'gone' WHERE party_id = $1", to.party_id)
    await stage.send(to)
    async with pushing(stage, inbox) as dispatcher:
        await dispatcher.dispatch()
    assert inbox.connections == 0
    assert (await last(stage))["code"] == "no-secret"
    assert await stage.states() == ["queued"]


async def test_while_its_secret_is_replaced_a_receiver_takes_both(stage: Stage, inbox: Listening) -> None:
    to = await connected(stage, inbox.url)
    async with stage.worker.acquire() as conn, conn.transaction():
        await credentials.put(
            conn, stage.settings().keys, to.party_id, "webhook", b"n" * 32, overlap=timedelta(hours=1)
        )
    async with pushing(stage, inbox) as dispatcher:
        for secrets in ([SECRET], [b"n" * 32]):
            inbox.secrets = secrets
            await stage.send(to)
            await dispatcher.dispatch()
    assert len(inbox.kept) == 2
    assert isinstance(to.party_id, UUID)
