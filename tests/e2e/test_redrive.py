"""``postbode redrive`` on a living hub: a broker that lost its disk, a projection to build anew."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner

from libs.contracts.topology import TOPOLOGY
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection
from libs.messaging import MemoryTransport
from libs.messaging.amqp import AmqpTransport
from libs.messaging.consumer import Consumer
from libs.testing import builders
from libs.testing.rabbitmq import RabbitMQ
from services import redrive
from services.track import ledger
from services.track.books import GRACE
from services.track.ledger import Ledger
from services.track.snapshots import snapshots
from tests.e2e.world import Supplier, World
from tests.e2e.world import world as start

COUNT = int(os.environ.get("POSTBODE_REDRIVE_INVOICES", "150"))
"""Invoices under way when the broker loses its disk."""
AT_ONCE = 50
PATIENCE = 60 + COUNT / 10
X, NOBODY = "58070036", "69599084"


@pytest.fixture
def operator(database: DatabaseSettings) -> Callable[..., Awaitable[Any]]:
    """Runs ``postbode redrive`` beside the hub, as a person would."""
    environment = {
        "PATH": os.environ["PATH"],
        "POSTBODE_DATABASE_URL": database.url,
        "POSTBODE_SECRET": database.secret,
    }

    async def act(*arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.cli", "redrive", "--json", *arguments),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(said)

    return act


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Validate takes nothing from its queue before this is set."""
    found, consume = asyncio.Event(), Consumer._consume

    async def wait(self: Consumer[Any, Any]) -> None:
        while self._queue == "validate.received" and not (found.is_set() or self._stopping.is_set()):
            await asyncio.sleep(0.05)
        await consume(self)

    monkeypatch.setattr(Consumer, "_consume", wait)
    return found


async def until(question: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await question():
            await asyncio.sleep(0.2)


async def books(database: DatabaseSettings, grace: timedelta = GRACE) -> Ledger:
    async with snapshots(database) as found:
        return await ledger.take(found, grace)


async def hand_over(world: World, supplier: Supplier) -> None:
    for n in range(0, COUNT, AT_ONCE):
        numbers = [f"F{n + k:05d}" for k in range(min(AT_ONCE, COUNT - n))]
        files = [(f"{number}.xml", builders.invoice(number=number, buyer_kvk=X)) for number in numbers]
        reply = await world.post(supplier, *files)
        assert reply.status_code == 202, reply.text


async def test_nothing_is_lost_or_doubled_when_the_broker_loses_its_disk(
    database: DatabaseSettings,
    breakable_broker: RabbitMQ,
    tmp_path: Path,
    operator: Callable[..., Awaitable[Any]],
    gate: asyncio.Event,
) -> None:
    broker = breakable_broker
    admin: Connection = await asyncpg.connect(database.url)

    async def all_with_the_broker() -> bool:
        return bool(
            await admin.fetchval(
                "SELECT (SELECT count(*) FROM ingest.outbox) = 0 AND $1 = (SELECT count(*) FROM ingest.outbox_sent"
                " WHERE routing_key = 'invoice.received.v1')",
                COUNT,
            )
        )

    async def all_delivered() -> bool:
        world.receivers.take_away()
        return (await books(database)).delivered == COUNT

    async with start(database.url, database.secret, tmp_path, AmqpTransport(broker.url)) as world:
        supplier = await world.supplier()
        await world.receiver("X BV", ("0106", X), folder="x")
        await hand_over(world, supplier)
        await until(all_with_the_broker)
        assert "validate.received" in await asyncio.to_thread(broker.management.queues)
        await asyncio.to_thread(broker.wipe)
        assert not await asyncio.to_thread(broker.management.queues), "its disk is lost"
        await _migrate(broker.url)
        gate.set()
        # Nothing can bring them any more, and the ledger says so, each by name, as soon as nobody waits for it.
        gone = await books(database, timedelta(0))
        assert (gone.acknowledged, gone.unaccounted, len(gone.entries)) == (COUNT, COUNT, COUNT)
        said = await operator("--since", "1h")
        assert said["queues"]["validate.received"]["again"] == COUNT
        await until(all_delivered)
    world.receivers.take_away()
    found = await books(database)
    assert (found.acknowledged, found.delivered) == (COUNT, COUNT)
    assert (found.lost, found.duplicated, found.unaccounted, found.entries) == (0, 0, 0, [])
    got = world.receivers.got()
    assert len(got) == COUNT
    assert world.receivers.doubled() == 0
    await admin.close()


async def _migrate(amqp_url: str) -> None:
    """What the migrate step does with the broker."""
    transport = AmqpTransport(amqp_url)
    await transport.start()
    await transport.apply(TOPOLOGY)
    await transport.stop()


SCHEMAS = ("ingest", "validate", "route", "deliver", "track")
STATUS = "SELECT * FROM track.status ORDER BY invoice_id, role, account_id"
FACTS = "SELECT event_id, invoice_id, account_id, axis, sequence, type, occurred_at, body FROM track.fact ORDER BY event_id"
ACCOUNTS = "SELECT * FROM track.account ORDER BY account_id"
NOTICES = "SELECT invoice_id, topic, event_id FROM track.notice ORDER BY invoice_id, topic"
DONE = (
    "SELECT delivery_id, state, sequence FROM deliver.delivery ORDER BY delivery_id",
    "SELECT invoice_id, open, closed_by FROM ingest.invoice ORDER BY invoice_id",
    "SELECT queue, event_id FROM deliver.inbox WHERE queue = 'deliver.routed' ORDER BY event_id",
    "SELECT queue, event_id FROM ingest.inbox WHERE queue = 'ingest.outcomes' ORDER BY event_id",
)


async def test_tracks_projection_is_built_anew_to_the_identical_state(
    database: DatabaseSettings, tmp_path: Path, operator: Callable[..., Awaitable[Any]]
) -> None:
    admin: Connection = await asyncpg.connect(database.url)

    async def rows(*queries: str) -> list[list[tuple[Any, ...]]]:
        return [[tuple(row) for row in await admin.fetch(query)] for query in queries]

    async def settled() -> bool:
        """Nothing is on its way to anybody: without a broker an event leaves its outbox once all who hear of it have."""
        return not any([await admin.fetchval(f"SELECT count(*) FROM {schema}.outbox") for schema in SCHEMAS])

    async with start(database.url, database.secret, tmp_path, MemoryTransport()) as world:
        await _all_kinds(world)
        await until(settled)
        before = await rows(STATUS, FACTS, ACCOUNTS, NOTICES)
        assert [len(table) for table in before[:2]] > [3, 9]

        async def as_before() -> bool:
            return await rows(STATUS, FACTS, ACCOUNTS, NOTICES) == before

        # Handled twice, the events of these queues change nothing.
        done = await rows(*DONE)

        async def as_done() -> bool:
            return await rows(*DONE) == done

        for queue in ("deliver.routed", "ingest.outcomes"):
            said = await operator("--queue", queue, "--again")
            assert said["queues"][queue]["again"] > 0
        await until(as_done)
        assert await as_before()

        # All of track is gone but its mails; what was published is still kept.
        await admin.execute("DELETE FROM track.status; DELETE FROM track.fact; DELETE FROM track.account")
        assert not await as_before()
        for queue in ("track.facts", "track.accounts"):
            said = await operator("--queue", queue, "--again")
            assert said["queues"][queue]["again"] > 0
        await until(as_before)

        # Older than anything published is kept: the timeline and ingest's accounts are the truth.
        for schema in SCHEMAS:
            await admin.execute(f"DELETE FROM {schema}.outbox_sent")
        await admin.execute("DELETE FROM track.account; DELETE FROM track.status WHERE headline <> 'arrived'")
        await admin.execute("UPDATE track.status SET headline = 'received', axes = axes - 'routing'")
        said = await operator("--queue", "track.facts", "--again")
        assert said["queues"]["track.facts"]["again"] == 0
        assert said["status_mended"] == len(before[0])
        assert (await rows(STATUS, FACTS, NOTICES)) == [before[0], before[1], before[3]]
        assert (await operator("--queue", "track.accounts", "--again"))["accounts_told"] == len(before[2])
        await until(as_before)
    await admin.close()


async def _all_kinds(world: World) -> None:
    supplier = await world.supplier()
    await world.receiver("X BV", ("0106", X), folder="x")
    for name, data, end in (
        ("F1", builders.invoice(number="F1", buyer_kvk=X), "arrived"),
        ("F2", builders.invoice(number="F2", buyer_kvk=X, break_rule="BR-CO-10"), "rejected"),
        ("F3", builders.invoice(number="F3", buyer_kvk=NOBODY), "parked"),
        ("F4", builders.invoice(number="F4", buyer_kvk=X), "arrived"),
    ):
        reply = await world.post(supplier, (f"{name}.xml", data))
        await world.until(supplier, reply.json()["invoices"][0]["invoice_id"], end)


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["--since", "yesterday"], ["--since", "9999999d"], ["--since", "3030-01-01"]),
        *(["--queue", "portal.facts"], ["--again", "--since", "1h"], ["--again"]),
        *(["--queue", "track.facts", "--again", "--everything"], ["--everything", "--lang", "xx"]),
        # Each would give a second verdict or decision, and tell the sender of it.
        *(["--queue", "validate.received", "--again"], ["--queue", "route.validated", "--again"]),
    ],
)
def test_what_cannot_be_meant_is_told(arguments: list[str]) -> None:
    said = CliRunner().invoke(redrive.app, arguments)
    assert said.exit_code == 2
    assert isinstance(said.exception, SystemExit), said.exception


def test_an_invoice_nobody_ever_published_anything_about_is_told(
    database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTBODE_DATABASE_URL", database.url)
    monkeypatch.setenv("POSTBODE_SECRET", database.secret)
    said = CliRunner().invoke(redrive.app, ["--invoice", str(UUID(int=0))])
    assert said.exit_code == 1
    assert "klopt het nummer?" in said.stderr
