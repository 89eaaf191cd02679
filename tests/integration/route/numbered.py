"""Invoices of one number, and a worker whose transaction stays open as long as a test wants."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.invoice import (
    InvoiceFact,
    InvoiceRejected,
    InvoiceUndeliverable,
)
from libs.contracts.parts import Words
from libs.db.pools import Pools
from libs.db.types import Pool
from libs.messaging import Decided, outbox
from libs.testing import builders
from services.route.handlers import Outcomes, Validated
from tests.integration.route.stage import decided, facts, stored, validated
from tests.integration.validate.api_client import ANNA
from tests.integration.validate.drive import handle
from tests.unit.route.sample import KVK, summary

X = (KVK, "58070036")
TERMS: dict[str, Any] = {"number": "F1", "type_code": "380", "issue_date": date(2026, 11, 2)}
_blanks = itertools.count(1)


async def sent(pools: Pools, *, account: UUID = ANNA, payable: str = "25.10", **terms: Any) -> Event:
    """An invoice of number F1, of its own bytes; what it says is ``payable``."""
    data = builders.invoice(number="F1", buyer_kvk=X[1]).replace(
        b">25.10</cbc:Pay", f">{payable}</cbc:Pay".encode()
    )
    original = await stored(pools, data + b" " * next(_blanks), account)
    return validated(terms.pop("to", X), account=account, original=original, **{**TERMS, **terms})


async def said(pools: Pools, *events: Event) -> dict[UUID, list[InvoiceFact]]:
    found: dict[UUID, list[InvoiceFact]] = {}
    for fact in await decided(pools, *events):
        found.setdefault(fact.invoice_id, []).append(fact)
    return found


def of(event: Event) -> UUID:
    return UUID(event.subject)


async def ended(pools: Pools, data: InvoiceFact, at: datetime | None = None) -> list[InvoiceFact]:
    worker = await pools.get("route", "worker")
    event = new_event(data, source="/test", account=data.account_id, time=at)
    return facts(await handle(Outcomes(), worker, [event]))


def undeliverable(invoice_id: UUID) -> InvoiceUndeliverable:
    return InvoiceUndeliverable(
        invoice_id=invoice_id, account_id=ANNA, sequence=1, delivery_id=clock.uuid7(), channel="smtp",
        receiver_id=UUID(int=9), receiver_name="X", attempt=1, code="refused", reason=Words(nl="", en=""),
    )  # fmt: skip


def rejected(invoice_id: UUID) -> InvoiceRejected:
    return InvoiceRejected(
        invoice_id=invoice_id, account_id=ANNA, sequence=1, rule_pack="x", summary=summary(X, **TERMS), fatals=1,
        findings=(),
    )  # fmt: skip


class Worker:
    """One worker's transaction: what it has written is there, and uncommitted, until it may end."""

    def __init__(self, pool: Pool, decided: Sequence[Decided[Any]]) -> None:
        self._pool = pool
        self._decided = decided
        self._wrote, self._may_end = asyncio.Event(), asyncio.Event()

    async def run(self, *, killed: bool = False) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            await outbox.append(conn, await Validated(self._pool).write(conn, self._decided))
            self._wrote.set()
            await self._may_end.wait()
            if killed:
                raise OSError("killed")

    async def begin(self, *, killed: bool = False) -> asyncio.Task[None]:
        """Until it has written."""
        task = asyncio.create_task(self.run(killed=killed))
        async with asyncio.timeout(20):
            await self._wrote.wait()
        return task

    def end(self) -> None:
        self._may_end.set()


async def write(pool: Pool, decided: Sequence[Decided[Any]]) -> None:
    """All of it, and the commit."""
    worker = Worker(pool, decided)
    worker.end()
    await worker.run()


async def read(pool: Pool, *events: Event) -> list[Decided[Any]]:
    handler = Validated(pool)
    known = await handler.gather(events)
    return [Decided(event, handler.decide(event, known)) for event in events]
