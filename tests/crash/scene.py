"""A whole scene: a hub of processes, suppliers and receivers around it, on a database and virtual host of its own."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg
import httpx

from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools, tenant
from libs.db.settings import DatabaseSettings
from libs.messaging import AmqpTransport
from libs.settings import Settings
from libs.testing.machine import free_ports
from services.deliver.settings import DeliverSettings
from services.ingest.access import accounts, keys
from services.ingest.app import vault_of
from services.ingest.settings import IngestSettings
from tests.crash import scale
from tests.crash.books import Books
from tests.crash.hub import Hub, Nursery, Place
from tests.crash.judge import Verdict, judge, settled
from tests.crash.people import BOOKKEEPER, RECEIVERS, REFUSING, SENDER, Invoice, Receiver, Supplier
from tests.crash.receivers import Receivers
from tests.crash.story import story

STAFF = ("operator", "party:write", "party:read", "account:admin")
SUPPLIER = ("invoice:write", "invoice:read", "account:admin")
FETCHER = ("invoice:write", "invoice:read")
SERVICES = ("ingest", "validate", "route", "deliver", "track")


@dataclass
class Scene:
    hub: Hub
    supplier: Supplier
    receivers: Receivers
    random: random.Random
    direct_url: str
    """The database's own address, where the hub's goes through something that breaks."""
    staff: str
    """The operator's key."""
    sent: list[Invoice] = field(default_factory=list)

    async def ask(self, query: str) -> Any:
        """The first column of the first row, from the hub's database."""
        conn = await asyncpg.connect(self.direct_url, timeout=10)
        try:
            return await conn.fetchval(query)
        finally:
            await conn.close()

    async def send(self, batch: Sequence[Invoice], *, at_once: int = 8, patience: float = 60.0) -> None:
        self.sent += batch
        await self.supplier.send(batch, at_once=at_once, patience=patience)

    async def in_the_broker(self) -> list[str]:
        """Queues in which messages wait."""
        url = self.hub.place.amqp_url
        if not url:
            return []
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            found = [await channel.declare_queue(queue.name, passive=True) for queue in TOPOLOGY.queues]
            return [
                f"{each.declaration_result.message_count} in {each.name}"
                for each in found
                if each.declaration_result.message_count
            ]

    async def enter(self, receiver: Receiver) -> None:
        """Make a receiver known, whatever dies meanwhile."""
        place = self.hub.place
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:

            async def done() -> bool:
                with contextlib.suppress(httpx.HTTPError):
                    reply = await _enter(http, place.url(self.hub.home_of("route")), self.staff, receiver)
                    # The answer to an earlier try may have died on its way.
                    return reply.is_success or reply.json().get("code") == "identifier-taken"
                return False

            await until(done, seconds=180)

    async def verdict(self, *, patience: float = 300, still: float = 15.0 + scale.ROUND_SECONDS) -> Verdict:
        """Wait until nothing is under way, then judge. Nothing is waited for that has not moved for ``still``
        seconds: long, for a machine that is busy with others, and longer than a second round lets wait."""
        # Somebody who is started again and again is at work, if only at finding out what kills it.
        left = await settled(
            self.direct_url,
            self.receivers,
            patience=patience,
            still=still,
            moving=lambda: [member.starts for member in self.hub.members.values()],
        )
        return await judge(
            self.direct_url,
            self.sent,
            self.supplier,
            self.receivers,
            cut=self.hub.may_repeat(),
            left=left,
        )

    async def kept(self) -> Verdict:
        """The verdict, when every promise was kept and nobody ended by himself. Raises ``AssertionError`` with all
        that is known of what was not."""
        verdict = await self.verdict(patience=900 if scale.SOAK else 300)
        print(verdict)
        if verdict.faults or self.hub.fell:
            raise AssertionError(await story(self, verdict))
        return verdict


async def until(done: Callable[[], bool | Awaitable[bool]], *, seconds: float = 60.0) -> None:
    """Look again and again. Raises ``TimeoutError``; ``seconds`` is for a machine that is busy with others."""
    async with asyncio.timeout(seconds):
        while True:
            found = done()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def scene(
    nursery: Nursery,
    database: DatabaseSettings,
    amqp_url: str,
    folder: Path,
    *,
    seed: int,
    solo: bool = False,
    books: Books | None = None,
    through: str = "",
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Scene]:
    """Everybody is known to the hub; no process runs after the set-up. ``through``: what the hub's processes
    take for the database's address. ``books``, open: somebody receives there, too."""
    sink, push_port, sftp_port = free_ports(3)
    receivers = Receivers(folder / "globe", sink, push_port, sftp_port)
    place = Place(
        folder,
        through or database.url,
        database.secret,
        amqp_url,
        sink,
        folder / "globe",
        settings={**receivers.pushed.settings, **(books.settings if books else {}), **(settings or {})},
    )
    hub = Hub(nursery, place)
    common = Settings(database_url=database.url, secret=database.secret, base_url=place.url("ingest"))
    pools = Pools(database)
    if not solo:
        await declare(amqp_url)
    async with nursery.attached():
        await receivers.open()
        try:
            _, key = await _account(pools, common, SUPPLIER)
            supplier = Supplier(place.url("ingest"), place.ports["smtp"], key, "")
            if solo:
                await hub.start("solo", "solo", "")
            else:
                for service in ("ingest", "route", "deliver"):
                    await hub.start(service, service, "api")
            _, staff = await _account(pools, common, STAFF)
            fetcher, key = await _account(pools, common, FETCHER)
            parties = await _introduce(hub, supplier, staff, receivers, fetcher, solo=solo)
            if books is not None:
                keys = DeliverSettings(**common.model_dump()).keys
                await books.of(parties[BOOKKEEPER], await pools.get("deliver", "worker"), keys)
                books.begin(receivers.at(BOOKKEEPER.place))
            receivers.fetching.begin(lambda: place.url(hub.home_of("deliver")), key)
            await asyncio.gather(*(hub.stop(name) for name in list(hub.members)))
            await pools.close()
            yield Scene(hub, supplier, receivers, random.Random(seed), database.url, staff)
        finally:
            await hub.close()
            await receivers.close()
            if books is not None:
                await books.close()
            await pools.close()  # a second time is nothing


async def declare(amqp_url: str) -> None:
    """What the migrate step does with the broker."""
    transport = AmqpTransport(amqp_url)
    await transport.start()
    await transport.apply(TOPOLOGY)
    await transport.stop()


async def _account(pools: Pools, common: Settings, scopes: Sequence[str]) -> tuple[UUID, str]:
    """Its id and a key."""
    settings = IngestSettings(**common.model_dump())
    claims = accounts.Claims(name="Bakker BV", email=SENDER, language="en")
    account_id = await accounts.open_account(await pools.get("ingest", "worker"), claims)
    async with tenant(await pools.get("ingest", "api"), account_id) as conn:
        key, _ = await keys.add_key(conn, account_id, vault_of(settings), "crash", scopes)
    return account_id, str(key)


async def _introduce(
    hub: Hub, supplier: Supplier, staff: str, receivers: Receivers, fetcher: UUID, *, solo: bool
) -> Mapping[Receiver, UUID]:
    """Enter receivers and how they are reached, and make the supplier's key mailbox, through the APIs. ``fetcher``: the
    account that fetches. Returns their parties; whoever receives at Exact Online has no link yet."""
    parties: dict[Receiver, UUID] = {}
    place = hub.place
    await hub.ready("ingest", *(() if solo else ("route", "deliver")))

    def url(service: str) -> str:
        return place.url("ingest" if solo else service)

    as_staff = {"Authorization": f"Bearer {staff}"}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as http:
        reply = await http.post(
            f"{place.url('ingest')}/v1/mailboxes", headers={"Authorization": f"Bearer {supplier.key}"}
        )
        supplier.mailbox = reply.raise_for_status().json()["addresses"][0]
        for each in (*RECEIVERS, BOOKKEEPER, REFUSING):
            party = await _enter(http, url("route"), staff, each)
            party.raise_for_status()
            party_id = party.json()["party_id"]
            parties[each] = UUID(party_id)
            if each.by == "exact":
                continue
            reply = await http.put(
                f"{url('deliver')}/v1/connections/{party_id}",
                headers=as_staff,
                json=_wants(each, receivers, fetcher),
            )
            if each.by == "sftp":
                await receivers.afar.let_in(reply.raise_for_status().json()["public_key"])
            reply.raise_for_status()
    return parties


def _wants(to: Receiver, receivers: Receivers, fetcher: UUID) -> dict[str, Any]:
    """How it is to be reached."""
    match to.by:
        case "folder":
            return {"package": "globe", "channel": "folder", "settings": {"folder": to.folder}}
        case "sftp":
            return {
                "package": "globe",
                "channel": "sftp",
                "settings": receivers.afar.settings(str(to.folder)),
            }
        case "https":
            return {"channel": "https", "settings": {"url": receivers.pushed.url}}
        case "pull":
            return {"channel": "pull", "account_id": str(fetcher)}
        case "exact":
            raise ValueError("its link is its connection")
        case "smtp":
            # Whoever comes later gets pages that the hub makes; for all mails of a storm they would be most of the work.
            return {"channel": "smtp", "page": False}


async def _enter(http: httpx.AsyncClient, url: str, staff: str, receiver: Receiver) -> httpx.Response:
    return await http.post(
        f"{url}/v1/parties",
        headers={"Authorization": f"Bearer {staff}"},
        json={
            "name": receiver.name,
            "country": "NL",
            "email": receiver.email,
            "identifiers": [{"scheme": "0106", "value": receiver.kvk}],
        },
    )
