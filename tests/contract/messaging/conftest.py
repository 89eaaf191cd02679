"""A small stage for the guarantees: one emitting schema, one consuming schema, a handler that can misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import structlog

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import InvoiceReceived
from libs.contracts.parts import DocumentRef
from libs.contracts.topology import INVOICE_EVENTS, Binding, Queue, Rounds, Topology
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.db.types import Connection, Pool
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Consumer, Decided, Pace, Relay, Transport, outbox
from libs.messaging.transport import Message

ONE = Queue("route.one", (Binding(INVOICE_EVENTS, "invoice.received.#"),))
TWO = Queue("route.two", (Binding(INVOICE_EVENTS, "invoice.received.#"),))
ALL = Queue("route.all", (Binding(INVOICE_EVENTS, "invoice.#"),))
PATIENCE = 25.0


def received(number: int = 1, account: UUID | None = None) -> Event:
    """An event to send around; ``filename`` carries its number."""
    owner = account or UUID(int=1)
    return new_event(
        InvoiceReceived(
            invoice_id=clock.uuid7(),
            account_id=owner,
            sequence=1,
            submission_id=clock.uuid7(),
            channel="api",
            syntax="ubl-invoice",
            original=DocumentRef(
                document_id=clock.uuid7(),
                sha256="0" * 64,
                size=1,
                media_type="application/xml",
                filename=str(number),
            ),
        ),
        source="/test",
        account=owner,
    )


def number_of(event: Event) -> int:
    assert isinstance(event.data, InvoiceReceived)
    return int(event.data.original.filename or 0)


def message(events: list[Event], *, exchange: str = "invoice.events", key: str = "") -> Message:
    body = b"[" + b",".join(event.encode() for event in events) + b"]"
    return Message(exchange, key or events[0].type, body, "m1")


@dataclass
class Recorder:
    """Writes every handled event to a table in its transaction, so that "handled once" is counted where it
    counts. ``decide_hook`` and ``write_hook`` make it misbehave."""

    queue: str
    pace: Pace = PROMPT
    heavy: bool = False
    decide_hook: Callable[[Event], None] = lambda event: None
    write_hook: Callable[[Sequence[Event]], None] = lambda events: None
    batches: list[int] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)

    async def gather(self, events: Sequence[Event]) -> None:
        self.attempts += [number_of(event) for event in events]

    def decide(self, event: Event, known: None) -> int:
        self.decide_hook(event)
        return number_of(event)

    def refused(self, event: Event, word: Reject | Park) -> int:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[int]]) -> Sequence[Event]:
        self.batches.append(len(decided))
        await conn.execute(
            "INSERT INTO handled (queue, event_id, number) SELECT $1, * FROM unnest($2::uuid[], $3::int[])",
            self.queue,
            [d.event.id for d in decided],
            [d.decision for d in decided],
        )
        self.write_hook([d.event for d in decided])
        return ()


class Stage:
    """Emits from schema ``ingest``, consumes into schema ``route``."""

    def __init__(self, transport: Transport, emitting: Pool, consuming: Pool, topology: Topology) -> None:
        self.transport = transport
        self.emitting = emitting
        self.consuming = consuming
        self.topology = topology

    def relay(self, *, schema: str = "ingest", share: float = 0) -> Relay:
        pool = self.emitting if schema == "ingest" else self.consuming
        emits = (InvoiceReceived.type,) if schema == "ingest" else ()
        return Relay(pool, self.transport, self.topology, schema=schema, emits=emits, share=share)

    def consumer(
        self, handler: Recorder, *, max_events: int = 200, prefetch: int = 20, again: timedelta | None = None
    ) -> Consumer[None, int]:
        """``again``: when an event gets its second round; not in the time of a test, unless said."""
        handler.pace = Pace(0.0, max_events, prefetch)
        rounds = Rounds(after=again) if again else Rounds()
        return Consumer(handler, self.consuming, self.transport, schema="route", rounds=rounds)

    async def emit(self, *events: Event) -> None:
        async with self.emitting.acquire() as conn, conn.transaction():
            await outbox.append(conn, events)

    async def handled(self, queue: str) -> list[int]:
        rows = await self.consuming.fetch(
            "SELECT number FROM handled WHERE queue = $1 ORDER BY number", queue
        )
        return [row["number"] for row in rows]

    async def dead(self) -> list[tuple[str, str]]:
        rows = await self.consuming.fetch("SELECT queue, cause FROM dead ORDER BY id")
        return [(row["queue"], row["cause"]) for row in rows]

    @contextlib.asynccontextmanager
    async def running(self, *parts: Relay | Consumer[None, int]) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(part.run()) for part in parts]
        try:
            yield
        finally:
            for part in parts:
                part.stop()
            await asyncio.wait_for(asyncio.gather(*tasks), 20)

    async def until(self, question: Callable[[], object]) -> None:
        """Wait until an async question is true."""
        async with asyncio.timeout(PATIENCE):
            while not await question():  # type: ignore[misc]
                await asyncio.sleep(0.02)

    async def until_handled(self, queue: str, numbers: Sequence[int]) -> None:
        async def complete() -> bool:
            return len(await self.handled(queue)) >= len(numbers)

        with contextlib.suppress(TimeoutError):
            await self.until(complete)
        assert await self.handled(queue) == sorted(numbers)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    """One line a failure: the developer's renderer draws every local variable, for seconds."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )


@pytest.fixture
async def stage(database: DatabaseSettings, transport: Transport) -> AsyncIterator[Stage]:
    admin = await asyncpg.connect(database.url)
    await admin.execute(
        "CREATE TABLE route.handled (queue text, event_id uuid, number int);"
        "GRANT SELECT, INSERT ON route.handled TO route_worker"
    )
    await admin.close()
    topology = Topology(queues=(ONE, TWO, ALL))
    await transport.apply(topology)
    pools = Pools(database)
    yield Stage(transport, await pools.get("ingest", "worker"), await pools.get("route", "worker"), topology)
    await pools.close()
