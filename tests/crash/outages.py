"""What happens to a hub besides dying: connections that are cut at COMMIT, events that come twice and in another
order, processes told to stop or standing still, servers that go away, receivers that do not answer.

Every outage ends with the same judgement as a kill: all that was acknowledged was delivered once or returned.
None depends on how fast the machine is: each step waits for what it needs to have happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.contracts.topology import TOPOLOGY
from libs.db.pools import Pools
from libs.db.settings import DatabaseSettings
from libs.messaging.redrive import redrive
from libs.testing import stack
from libs.testing.databases import Databases, present
from tests.crash import scale, storm
from tests.crash.attacks import FOLDERS, MAILS
from tests.crash.hub import Nursery
from tests.crash.judge import Verdict
from tests.crash.people import invoices
from tests.crash.proxy import CuttingProxy
from tests.crash.scene import SERVICES, Scene, declare, scene, until
from tests.crash.tricks import FROZEN, THAW


@dataclass(frozen=True, slots=True)
class Around:
    """What an outage may use."""

    nursery: Nursery
    database: DatabaseSettings
    amqp_url: str
    folder: Path
    seed: int


async def weather(around: Around, *, solo: bool = False) -> Verdict:
    """Connections are cut when a COMMIT goes by, on either side of the server; events come twice and shuffled;
    processes are told to stop under load, and stand still for longer than a lease."""
    proxy = CuttingProxy(around.database.url, random.Random(around.seed), share=0)
    async with proxy.running(), _scene(around, solo=solo, through=proxy.url) as on:
        if solo:
            await on.hub.start("solo", "solo", "", tricks=["shuffle"], seed=around.seed)
        else:
            for service in SERVICES:
                await on.hub.start(service, service, "serve", tricks=["shuffle"], seed=around.seed)
            await on.hub.start("second", "deliver", "worker", tricks=["shuffle"], seed=around.seed)
        await on.hub.up()
        proxy.share = 0.1
        rounds = 0
        while rounds < scale.ROUNDS or min(proxy.cuts["before"], proxy.cuts["after"]) < 3:
            await on.send(invoices(12, on.random, f"F{rounds:03d}"), at_once=6)
            name = on.random.choice(sorted(on.hub.members))
            if rounds % 2:
                on.hub.ask_to_stop(name)
            else:
                on.hub.pause(name)
                await asyncio.sleep(1.5 * scale.LEASE_SECONDS)
                on.hub.go_on(name)
            rounds += 1
        proxy.share = 0
        print(f"{proxy.commits} commits, cut {dict(proxy.cuts)}, {rounds} processes disturbed")
        return await _kept(on)


async def database_away(around: Around, *, solo: bool = False) -> Verdict:
    """Postgres is restarted, at once and without a word, and later stays away for a while."""
    with stack.postgres(private=True, durable=True) as server:
        database = await Databases(server.url, present()).fresh()
        async with _scene(around, database=database, solo=solo) as on:
            if solo:
                await on.hub.start("solo", "solo", "")
            else:
                await storm.start(on)
            await on.hub.up()
            batch = invoices(120, on.random)
            sending = asyncio.create_task(on.send(batch, at_once=4, patience=scale.AWAY_SECONDS + 120))
            await until(lambda: len(on.supplier.acknowledged) > 30)
            await asyncio.to_thread(server.restart, "immediate")
            await until(lambda: len(on.supplier.acknowledged) > 60)
            await asyncio.to_thread(server.stop, "fast")
            await asyncio.sleep(scale.AWAY_SECONDS)
            await asyncio.to_thread(server.start)
            await sending
            return await _kept(on)


async def broker_away(around: Around) -> Verdict:
    """RabbitMQ is killed under load and comes back; then it loses its disk with events in it."""
    with stack.rabbitmq(private=True, durable=True) as broker:
        async with _scene(around, amqp_url=broker.url) as on:
            await storm.start(on)
            await on.hub.up()
            sending = asyncio.create_task(on.send(invoices(80, on.random), at_once=4))
            await until(lambda: len(on.supplier.acknowledged) > 20)
            await asyncio.to_thread(broker.restart, hard=True)
            await sending
            await on.hub.stop("route.serve")
            await on.send(invoices(40, on.random, "W", unlawful=0), at_once=8)

            async def in_the_broker() -> bool:
                return bool(await on.ask(_JUDGED) == len(on.sent) and not await on.ask(_WAITING))

            await until(in_the_broker)
            await asyncio.to_thread(broker.wipe)
            await declare(broker.url)
            await on.hub.start("route.serve", "route", "serve")
            pools = Pools(around.database)
            workers = {schema: await pools.get(schema, "worker") for schema in SERVICES}
            for queue in TOPOLOGY.queues:
                if queue.service in workers:
                    await redrive(workers, workers[queue.service], queue)
            await pools.close()
            return await _kept(on)


_WAITING = "SELECT (SELECT count(*) FROM ingest.outbox) + (SELECT count(*) FROM validate.outbox)"
_JUDGED = """
SELECT count(DISTINCT subject) FROM validate.outbox_sent
 WHERE routing_key IN ('invoice.validated.v1', 'invoice.rejected.v1')
"""


async def receivers_hang(around: Around, *, solo: bool = False) -> Verdict:
    """One mail domain never answers the final dot and one folder hangs: nobody else waits for them, and when they
    come back they get everything once, but for the mails they had taken without saying so."""
    async with _scene(around, solo=solo) as on:
        thawed = asyncio.Event()

        async def hold(recipient: str) -> None:
            if recipient == MAILS[0].email:
                await thawed.wait()

        on.receivers.hold = hold
        for service in ("solo",) if solo else SERVICES:
            tricks = ["frozen-folder"] if service in ("solo", "deliver") else ()
            await on.hub.start(service, service, "serve", tricks=tricks)
        await on.send(invoices(60, on.random, unlawful=0), at_once=8)
        quick = {each.number for each in on.sent if each.to in (MAILS[1], FOLDERS[1])}
        await until(lambda: quick <= on.receivers.numbers.keys())
        frozen = {each.number for each in on.sent if each.to.folder == FROZEN}
        assert not frozen & on.receivers.numbers.keys()
        thawed.set()
        (on.receivers.root / THAW).touch()
        return await _kept(on)


def _scene(
    around: Around,
    *,
    solo: bool = False,
    database: DatabaseSettings | None = None,
    amqp_url: str = "",
    through: str = "",
) -> contextlib.AbstractAsyncContextManager[Scene]:
    return scene(
        around.nursery,
        database or around.database,
        "" if solo else amqp_url or around.amqp_url,
        around.folder,
        seed=around.seed,
        solo=solo,
        through=through,
    )


async def _kept(on: Scene) -> Verdict:
    verdict = await on.kept()
    assert not verdict.unacknowledged, f"{verdict.unacknowledged} were never taken in"
    return verdict


Outage = Callable[[Around], Awaitable[Verdict]]

OUTAGES: Mapping[str, Outage] = {
    "weather": weather,
    "weather-solo": lambda around: weather(around, solo=True),
    "database-away": database_away,
    "database-away-solo": lambda around: database_away(around, solo=True),
    "broker-away": broker_away,
    "receivers-hang": receivers_hang,
    "receivers-hang-solo": lambda around: receivers_hang(around, solo=True),
}
