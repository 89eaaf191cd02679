"""The relay: from the outbox to the transport.

::

    outbox ──claim, fair over accounts──▶ packs ──publish, confirmed──▶ outbox_sent
       ▲                                              │ not safe (unroutable, broker away)
       └──────────────────────────────────────────────┘ the row stays; tried again a little later

A row is moved only after the transport says the message is safe. A crash before that publishes it twice;
the consumer's inbox absorbs the repeat. Over a broker the rows stay locked while they are published, so
several relays share the work. Without one (memory) "safe" means *handled by every queue*, which may take
long: rows are then marked instead of locked (``in_hand``).

Fairness: a *lane* is one routing key of one account. The claim walks from lane to lane by an index skip
scan, starts after the lane where it stopped, and takes an equal share of each: a supplier with 100,000
invoices waiting holds nobody else up, and a claim costs what it takes and not what waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

import asyncpg
import structlog

from libs import clock
from libs.contracts.topology import Topology
from libs.db.trouble import NOT_NOW
from libs.db.types import Connection, Pool, Record
from libs.errors import HubError
from libs.lifetimes import OUTBOX_SENT
from libs.messaging import backlog, in_hand, tracing
from libs.messaging.ahead import Ahead
from libs.messaging.in_hand import InHand
from libs.messaging.outbox import MOVE
from libs.messaging.pacing import CREDIT, Pacing
from libs.messaging.pack import Pack, Waiting, pack
from libs.messaging.shares import Shares
from libs.messaging.transport import QueueMissing, Transport, TransportAway
from libs.telemetry import metrics

_log = structlog.get_logger(__name__)

_MOST_DUE = 1000
_POLL_BUSY, _POLL_IDLE = 0.2, 1.0
_DUE_EVERY = 0.2
"""So often is asked what falls due: a retry waits for seconds."""
_LINGER = 0.005
"""After a quiet moment: what was made together goes together."""

_DUE = """
UPDATE outbox SET not_before = NULL WHERE id IN (
    SELECT id FROM outbox WHERE not_before <= now() ORDER BY not_before LIMIT $1 FOR UPDATE SKIP LOCKED)
"""

_LANES = """
WITH RECURSIVE lane AS (
    (SELECT routing_key, account FROM outbox
      WHERE not_before IS NULL AND (routing_key, account) > ($1, $2)
      ORDER BY routing_key, account LIMIT 1)
    UNION ALL
    SELECT following.* FROM lane, LATERAL (
        SELECT o.routing_key, o.account FROM outbox o
         WHERE o.not_before IS NULL AND (o.routing_key, o.account) > (lane.routing_key, lane.account)
         ORDER BY o.routing_key, o.account LIMIT 1) following
)
SELECT routing_key, account FROM lane LIMIT $3
"""

_CLAIM = """
WITH taken AS MATERIALIZED (
    SELECT row.* FROM unnest($1::text[], $2::uuid[], $3::int[]) AS lane (routing_key, account, most), LATERAL (
        SELECT o.id, o.account, o.exchange, o.routing_key, o.body, o.alone FROM outbox o
         WHERE o.not_before IS NULL AND o.routing_key = lane.routing_key AND o.account = lane.account
         ORDER BY o.id LIMIT lane.most FOR UPDATE SKIP LOCKED) row
)
SELECT id, account, exchange, routing_key, body, alone FROM taken ORDER BY id
"""

_LATER = """
UPDATE outbox SET not_before = now() + make_interval(secs => $2) WHERE id = ANY ($1::bigint[])
"""
_ROLL = "SELECT outbox_sent_roll($1)"
_ROLL_EVERY, _ROLL_AGAIN = 3600.0, 600.0
"""Not sooner again: for up to 2 s each time whoever writes waits behind the lock that cannot be had."""

_START = ("", UUID(int=0))


class Relay:
    """Publishes one service's outbox. ``run()`` until ``stop()``; ``wake()`` after a commit."""

    def __init__(
        self,
        pool: Pool,
        transport: Transport,
        topology: Topology,
        *,
        schema: str,
        emits: Sequence[str],
        batch: int = 400,
        pace: float = 0.04,
        share: float = 0,
    ) -> None:
        """``share``: events a second that one account gets while others are about; 0: no bound."""
        self._pool = pool
        self._transport = transport
        self._topology = topology
        self._schema = schema
        self._emits = tuple(emits)
        self._batch = batch
        self._pacing = Pacing(pace, credit=CREDIT)
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._roll_now = asyncio.Event()
        self._after: tuple[str, UUID] = _START
        self._is_woken = False
        """Whoever writes is in this process, and tells."""
        self._more = False
        """The last claim left something behind, or may have."""
        self._due_at = 0.0
        self._share_at = 0.0
        """When those get more who wait for their share; 0: nobody does."""
        self._in_hand = InHand(pool, topology, self._settle)
        self._unsure = False
        self._ahead = Ahead(transport, topology, schema=schema)
        self._shares = defaultdict[str, Shares](lambda: Shares(share))
        """By routing key: who opens an account, or has one erased, is not about where invoices are handed over."""

    async def run(self) -> None:
        """Publish until ``stop()``; what is claimed by then is finished first."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_rolling())
            group.create_task(self._keep_counting())
            await self._keep_publishing()

    async def _keep_publishing(self) -> None:
        await self._until_topology_is_there()
        if self._transport.settles_on_publish:
            await self._first(lambda: self._in_hand.try_suspects(self._transport.suspects, self._stopping))
        else:
            # Left by a process without a broker that was killed: with one, nobody has rows in hand.
            await self._first(self._in_hand.let_go_of_others)
        while not self._stopping.is_set():
            self._woken.clear()
            began = clock.monotonic()
            moved = await self._survive(self.pump())
            if moved is None:
                await self._sleep(_POLL_IDLE)
                continue
            if moved:
                self._pacing.cut(began)
            if moved < self._batch // 2:
                # A message costs the same full or nearly empty, so company is given time to come.
                await asyncio.sleep(max(_LINGER, self._pacing.due - clock.monotonic()))
            if not moved:
                # Those who wait for their share go on when it is there, and not along with the next who comes.
                most = max(0.0, self._share_at - clock.monotonic()) if self._share_at else _POLL_BUSY
                await self._sleep(min(most, _POLL_BUSY * random.uniform(0.8, 1.2)))  # noqa: S311
            elif moved < self._batch // 2 and self._is_woken and not self._more:
                # A claim that finds nothing costs two thirds of one that does.
                await self._sleep(_POLL_BUSY)
        await self._survive(self._in_hand.hand_back() if self._transport.settles_on_publish else self.pump())

    def wake(self) -> None:
        """There is something new in the outbox. Cheap; may be called from any coroutine of this loop."""
        self._is_woken = True
        self._woken.set()

    def stop(self) -> None:
        """Let ``run()`` finish the batch in hand and return."""
        self._stopping.set()
        self._woken.set()
        self._roll_now.set()

    async def pump(self) -> int:
        """Claim once and publish; returns how many rows left (or were taken in hand)."""
        if (now := clock.monotonic()) >= self._due_at:
            await self._pool.execute(_DUE, _MOST_DUE)
            self._due_at = now + _DUE_EVERY
        if self._transport.settles_on_publish:
            return await self._pump_in_hand()
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await self._claim(conn, self._batch)
            if not rows:
                return 0
            packs = list(pack(rows))
            safe, unsafe = await self._publish(packs)
            if safe:
                await conn.execute(MOVE, safe)
            if unsafe:
                await conn.execute(_LATER, unsafe, 2.0)
            return len(safe)

    async def _pump_in_hand(self) -> int:
        if self._in_hand.full:
            return 0
        if self._unsure:
            await self._in_hand.let_go_of_others()
        # Until the answer to COMMIT is here, nobody knows whether the rows are taken.
        self._unsure = True
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await self._claim(conn, self._batch)
            if rows:
                await conn.execute(in_hand.TAKE, [row.id for row in rows])
        self._unsure = False
        self._in_hand.start(rows, self._woken.set)
        return len(rows)

    async def _settle(self, each: Pack) -> None:
        """Publish one pack and wait, however long, until every queue has settled it."""
        safe, unsafe = await self._publish([each])
        await self._insist(
            lambda: self._pool.execute(MOVE, safe) if safe else self._pool.execute(_LATER, unsafe, 2.0)
        )

    async def _publish(self, packs: Sequence[Pack]) -> tuple[list[int], list[int]]:
        messages = [each.message for each in packs]
        self._ahead.sent(packs)
        with tracing.publishing(self._transport.name, messages):
            results = await self._transport.publish(messages)
        safe: list[int] = []
        unsafe: list[int] = []
        for each, result in zip(packs, results, strict=True):
            (unsafe if result else safe).extend(each.ids)
            if result is not None:
                _log.error("not published", schema=self._schema, code=result.code, detail=result.message)
        self._count(packs, results)
        return safe, unsafe

    def _count(self, packs: Sequence[Pack], results: Sequence[HubError | None]) -> None:
        for code, count in Counter(result and result.code for result in results).items():
            failed = {"error.type": code} if code else {}
            metrics.messages_sent.add(count, {"service": self._schema, **failed})
        published: Counter[str] = Counter()
        for each, result in zip(packs, results, strict=True):
            # What goes to one queue alone was published before: a retry, a replay, a part of a pack.
            if result is None and each.message.exchange:
                published[each.message.routing_key] += len(each.ids)
        for kind, count in published.items():
            metrics.events_published.add(count, {"service": self._schema, "type": kind})

    async def _claim(self, conn: Connection, most: int) -> list[Waiting]:
        self._share_at = 0.0
        midway = self._after != _START
        lanes = await conn.fetch(_LANES, *self._after, most)
        if not lanes and self._after != _START:
            self._after = _START
            lanes = await conn.fetch(_LANES, *_START, most)
        if not lanes:
            return []
        last = lanes[-1]
        self._after = (last["routing_key"], last["account"]) if len(lanes) == most else _START
        room = {key: await self._ahead.takes_more(key) for key in {lane["routing_key"] for lane in lanes}}
        ready = [lane for lane in lanes if room[lane["routing_key"]]]
        shares: list[int] = []
        for key, accounts in _by_key(ready).items():
            shares += self._shares[key].of(accounts, most * len(accounts) // len(ready))
        if not any(shares):
            self._share_at = min((self._shares[key].until for key in room if room[key]), default=0.0)
            return []
        keys, accounts = [lane["routing_key"] for lane in ready], [lane["account"] for lane in ready]
        rows = await conn.fetch(_CLAIM, keys, accounts, shares)
        for key, taken in _by_key(rows).items():
            self._shares[key].taken(taken)
        took = Counter((row["routing_key"], row["account"]) for row in rows)
        self._more = (
            midway
            or self._after != _START
            or len(ready) < len(lanes)
            or any(took[tuple(lane)] >= share for lane, share in zip(ready, shares, strict=True))
        )
        return [Waiting(r["id"], r["exchange"], r["routing_key"], r["body"], r["alone"]) for r in rows]

    def _behind(self) -> list[str]:
        """The queues that what this service emits must reach."""
        return sorted({queue for kind in self._emits for queue in self._ahead.next_stages(kind)})

    async def _until_topology_is_there(self) -> None:
        """Refuse to publish while a queue that must get our events is missing: a topic exchange would
        drop its share without a word."""
        wanted = self._behind()
        while not self._stopping.is_set():
            try:
                missing = await self._transport.missing(wanted)
            except TransportAway as away:
                _log.warning("waiting for the broker", schema=self._schema, detail=away.message)
            else:
                if not missing:
                    return
                error = QueueMissing(f"missing: {', '.join(missing)}; run the migrate step")
                _log.error("relay does not start", schema=self._schema, code=error.code, detail=error.message)
            await self._sleep(_POLL_IDLE)

    async def _keep_rolling(self) -> None:
        """Prepare and drop days of ``outbox_sent``. Apart from publishing: a day cannot be dropped while anybody
        reads that table, a backup for instance."""
        while not self._stopping.is_set():
            rolled = await self._survive(self._pool.fetchval(_ROLL, OUTBOX_SENT.kept.days))
            late = rolled is None or rolled < 0
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._roll_now.wait(), _ROLL_AGAIN if late else _ROLL_EVERY)
            if not self._stopping.is_set():
                self._roll_now.clear()

    async def _keep_counting(self) -> None:
        behind = self._behind()
        while not self._stopping.is_set():
            await self._survive(backlog.measure(self._pool, self._schema))
            await backlog.measure_queues(self._transport, behind)
            await self._stopped_within(backlog.EVERY_SECONDS)

    async def _survive(self, work: Awaitable[object]) -> int | None:
        """Run; None when the database is away. Anything else is a fault and ends the relay."""
        try:
            result = await work
        except asyncpg.CheckViolationError as error:
            # No day to move them to: the database's clock was set forward.
            _log.warning("relay interrupted", schema=self._schema, error=repr(error))
            self._roll_now.set()
            return None
        except (*NOT_NOW, asyncpg.PostgresError, HubError) as error:
            _log.warning("relay interrupted", schema=self._schema, error=repr(error))
            return None
        return result if isinstance(result, int) else 0

    async def _first(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run, again and again until the database answers or the relay is stopped: nothing is published yet."""
        while not self._stopping.is_set() and await self._survive(work()) is None:
            await self._stopped_within(_POLL_IDLE)

    async def _insist(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run, again and again until the database answers."""
        while await self._survive(work()) is None:  # noqa: ASYNC110  nothing tells when it is back
            await asyncio.sleep(_POLL_IDLE)

    async def _stopped_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _sleep(self, seconds: float) -> None:
        """Until woken or stopped, at most ``seconds``; ``stop`` wakes too."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)


def _by_key(rows: Iterable[Record]) -> dict[str, list[UUID]]:
    """Their accounts, by routing key."""
    found: dict[str, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["routing_key"], []).append(row["account"])
    return found
