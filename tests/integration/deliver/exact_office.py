"""An office at Exact Online, simulated in process, with deliver's own parts in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from libs import clock
from libs.contracts.parts import Receiver
from libs.db.types import Pool
from libs.keyring import KeyRing
from libs.service import Wake
from libs.testing import builders
from services.deliver.attempts.dispatcher import Dispatcher
from services.deliver.exact import links
from services.deliver.exact.allowances import Allowances
from services.deliver.exact.budget import Use
from services.deliver.exact.channel import ExactChannel
from services.deliver.exact.client import Books, Calling, Grant
from services.deliver.exact.oauth import App, Pair
from services.deliver.exact.reports import ExactReports
from services.deliver.exact.tokens import Tokens
from services.deliver.receivers import credentials
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Api, Settings, application
from tests.unit.deliver.sample import receiver
from tests.unit.sims.office import CALLBACK, Office

BASE = "http://exact"
KEYS = KeyRing([bytes(32)])
_NEW = """
INSERT INTO exact_grant (grant_id, account_id, base, person, person_name, state, issued_at)
VALUES ($1, $2, $3, $4, 'kantoor', 'live', $5)
"""


@dataclass
class Desk:
    """One worker's way to the office; all clocks are the simulator's."""

    office: Office
    pool: Pool
    http: httpx.AsyncClient
    calling: Calling
    grant: Grant

    def books(self, use: Use = "booking", division: int = 100) -> Books:
        return self.calling.books(self.grant, division, use)

    def another(self) -> Desk:
        """Another worker, with nothing in common but the database."""
        return desk(self.office, self.pool, self.grant, self.http)

    async def state(self) -> dict[str, Any]:
        row = await self.pool.fetchrow("SELECT * FROM exact_grant WHERE grant_id = $1", self.grant.grant_id)
        assert row is not None
        return dict(row.items())


def now_of(office: Office) -> datetime:
    return datetime.fromtimestamp(office.exact.clock.now(), UTC)


def desk(office: Office, pool: Pool, grant: Grant, http: httpx.AsyncClient) -> Desk:
    app = App(office.app.client_id, office.app.secret, CALLBACK)

    def now() -> datetime:
        return now_of(office)

    allowances = Allowances(pool, now)
    tokens = Tokens(pool, KEYS, app, http, now)
    return Desk(office, pool, http, Calling(http, allowances, tokens, app.client_id), grant)


@contextlib.asynccontextmanager
async def linked(pool: Pool, settings: Settings | None = None, country: str = "NL") -> AsyncIterator[Desk]:
    """Somebody consented; the tokens are stored."""
    async with Office(settings, country=country) as office:
        grant = Grant(clock.uuid7(), BASE, office.user.id)
        await enter(pool, grant, Pair(office.token, office.refresh), now_of(office))
        transport = httpx.ASGITransport(application(Api(office.exact, BASE)))
        async with httpx.AsyncClient(transport=transport) as http:
            yield desk(office, pool, grant, http)


async def enter(pool: Pool, grant: Grant, pair: Pair, now: datetime, keys: KeyRing = KEYS) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_NEW, grant.grant_id, UUID(int=0xA), grant.base, grant.person, now)
        await credentials.put(conn, keys, grant.grant_id, "exact", pair.packed())


RULES = {"rules": [{"journal": "60"}, {"account": "4500"}]}
SUPPLIER_KVK = "68750110"
"""Of the supplier that the division has already."""


async def receiver_of(desk: Desk, *, rules: dict[str, Any] = RULES) -> Receiver:
    """A party whose books are the office's."""
    return await receiver_with(desk.pool, desk.grant, rules)


async def chosen(pool: Pool, party_id: UUID) -> None:
    """The party books in the office's division."""
    link = await links.one(pool, party_id)
    assert link is not None
    assert await links.choose(pool, link.link_id, 100, "Voorbeeld BV")


async def receiver_with(pool: Pool, grant: Grant, rules: dict[str, Any] = RULES) -> Receiver:
    """A party whose books this grant reaches."""
    to = receiver("Jong BV", email="in@jong.example")
    await books_of(pool, grant, to.party_id, rules)
    return to


async def books_of(pool: Pool, grant: Grant, party_id: UUID, rules: dict[str, Any] = RULES) -> None:
    """This party's books are those this grant reaches."""
    await pool.execute(
        "INSERT INTO exact_link (link_id, party_id, account_id, grant_id) VALUES ($1, $2, $3, $4)",
        clock.uuid7(),
        party_id,
        UUID(int=0xA),
        grant.grant_id,
    )
    await set_up(pool, party_id, {"purchase": rules})
    await chosen(pool, party_id)


async def set_up(pool: Pool, party_id: UUID, settings: dict[str, Any]) -> None:
    link = await links.one(pool, party_id)
    assert link is not None
    assert await links.set_up(pool, link.link_id, settings)


def dispatching(desk: Desk, stage: Stage, **more: Any) -> Dispatcher:
    """A worker that books, and does nothing else."""
    channel = ExactChannel(stage.worker, desk.calling, timedelta())
    settings = stage.settings(**more)
    return Dispatcher(settings, stage.worker, stage.documents, {"exact_online": channel}, Wake())


async def told(stage: Stage) -> None:
    await ExactReports(stage.worker, Wake()).look()


def calls(desk: Desk) -> list[str]:
    """What was asked of the division, in order."""
    return [f"{each.method} {each.endpoint}" for each in desk.office.exact.journal if each.division == 100]


def invoice(number: str = "F1", seller_kvk: str = SUPPLIER_KVK, **more: Any) -> bytes:
    return builders.invoice(number=number, seller_kvk=seller_kvk, **{"issue_date": "2025-01-10", **more})


async def sent(stage: Stage, to: Receiver, xml: bytes | None = None, number: str = "F1", **more: Any) -> None:
    await stage.plan(await stage.routed(to, number=number, xml=xml or invoice(number), **more))


async def last(stage: Stage) -> asyncpg.Record:
    row = await stage.worker.fetchrow("SELECT * FROM attempt ORDER BY started_at DESC, number DESC LIMIT 1")
    assert row is not None
    return row


def table(at: Desk, name: str) -> list[dict[str, Any]]:
    return list(at.office.books.table(name).all())


def entries(at: Desk) -> list[dict[str, Any]]:
    return table(at, "purchase_entries")


async def all_told(stage: Stage) -> list[Any]:
    return list(await stage.told())
