"""Broken guarantees of messages: outbox, inbox, acknowledgements, retries."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from libs.messaging import AmqpTransport
from libs.messaging.outbox import Row
from libs.messaging.pack import Waiting, pack
from tests.crash.wrapping import Say, telling, without, wrap


def _ack_before_commit(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def handle(self: Any, subscription: Any, group: Any) -> None:
            bit()
            await subscription.ack([delivery for delivery, _ in group])
            await original(self, _Deaf(), group)

        return handle

    wrap("libs.messaging.consumer:Consumer._handle", make)


class _Deaf:
    """A subscription that has been told everything."""

    async def ack(self, deliveries: Sequence[Any]) -> None:
        return None

    async def hand_back(self, deliveries: Sequence[Any]) -> None:
        return None


def _no_inbox(bit: Say) -> None:
    async def known(conn: Any, queue: str, event_ids: Any) -> set[Any]:
        return set()

    async def claim(conn: Any, queue: str, event_ids: Any) -> set[Any]:
        bit()
        return set(event_ids)

    wrap("libs.messaging.inbox:known", lambda _: known)
    wrap("libs.messaging.inbox:claim", lambda _: claim)


def _no_outbox(bit: Say) -> None:
    """Events go straight to the broker, from inside the transaction."""
    publish = _publisher()

    async def append_rows(conn: Any, rows: Sequence[Any]) -> None:
        if rows:
            bit()
            await publish(rows)

    _instead_of_the_outbox(append_rows)


def _publish_after_commit(bit: Say) -> None:
    """No outbox either, but the events go out after the commit instead of before."""
    publish = _publisher()
    kept: list[Any] = []

    async def append_rows(conn: Any, rows: Sequence[Any]) -> None:
        if rows:
            bit()
        kept.extend(rows)

    def writing(original: Any) -> Any:
        async def write_once(self: Any, result: Any) -> Any:
            fresh = await original(self, result)
            said = list(kept)
            kept.clear()
            await publish(said)
            return fresh

        return write_once

    _instead_of_the_outbox(append_rows)
    wrap("libs.messaging.batch:Batch._write_once", writing)


def _publisher() -> Any:
    transport = AmqpTransport(os.environ["POSTBODE_AMQP_URL"])

    async def publish(rows: Sequence[Any]) -> None:
        waiting = [Waiting(n, r.exchange, r.routing_key, r.body, r.alone) for n, r in enumerate(rows)]
        await transport.publish([each.message for each in pack(waiting)])

    return publish


def _instead_of_the_outbox(append_rows: Any) -> None:
    async def append(conn: Any, events: Sequence[Any]) -> None:
        rows = [Row(e.id, e.account, e.data.exchange, e.type, e.subject, e.encode()) for e in events]
        await append_rows(conn, rows)

    wrap("libs.messaging.outbox:append", lambda _: append)
    wrap("libs.messaging.outbox:append_rows", lambda _: append_rows)


def _rows_moved_first(bit: Say) -> None:
    from libs.messaging import outbox, relay

    def make(original: Any) -> Any:
        async def pump(self: Any) -> int:
            await self._pool.execute(relay._DUE, relay._MOST_DUE)
            async with self._pool.acquire() as conn, conn.transaction():
                rows = await self._claim(conn, self._batch)
                if rows:
                    bit()
                    await conn.execute(outbox.MOVE, [row.id for row in rows])
            if rows:
                await self._publish(list(pack(rows)))
            return len(rows)

        return pump

    wrap("libs.messaging.relay:Relay.pump", make)


def _redelivered_in_batch(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def take_apart(self: Any, unread: Any) -> None:
            bit()
            await self._batch.handle(unread)

        return take_apart

    wrap("libs.messaging.consumer:Consumer._take_apart", make)


def _retry_marked_done(bit: Say) -> None:
    """An event that is to be tried again gets its inbox row at once."""

    def make(original: Any) -> Any:
        async def write_once(self: Any, result: Any) -> Any:
            fresh = await original(self, result)
            if result.retries:
                bit()
                async with self._pool.acquire() as conn, conn.transaction():
                    from libs.messaging import inbox

                    await inbox.claim(conn, self._queue, {event.id for event, _ in result.retries})
            return fresh

        return write_once

    wrap("libs.messaging.batch:Batch._write_once", make)


def _dead_letter_dropped(bit: Say) -> None:
    async def collect(*_: Any, **__: Any) -> None:
        bit()

    wrap("libs.messaging.dead:collect", lambda _: collect)


def _no_second_round(bit: Say) -> None:
    """What reached the delivery limit waits for a person at once."""
    from libs.contracts.topology import Rounds

    def make(original: Any) -> Any:
        async def collect(pool: Any, queue: str, message: Any, rounds: Any) -> None:
            bit()
            await original(pool, queue, message, Rounds(0))

        return collect

    wrap("libs.messaging.dead:collect", make)


def _rounds_not_counted(bit: Say) -> None:
    """Each time the delivery limit is reached looks like the first time."""
    counted = "before.queue = dead.queue AND"
    wrap("libs.messaging.dead:_GOES_AGAIN", lambda sql: without(sql, counted, "false AND"))
    wrap("libs.messaging.dead:collect", telling(bit))


def _settled_too_soon(bit: Say) -> None:
    """Without a broker: a row leaves the outbox when it was put into the queues, not when they are done."""

    async def publish(self: Any, messages: Sequence[Any]) -> list[None]:
        bit()
        for message in messages:
            for name in self._targets(message):
                await self._put(name, message)
        return [None for _ in messages]

    wrap("libs.messaging.memory:MemoryTransport.publish", lambda _: publish)


BREAKS: Mapping[str, Callable[[Say], None]] = {
    "ack-before-commit": _ack_before_commit,
    "no-inbox": _no_inbox,
    "no-outbox": _no_outbox,
    "publish-after-commit": _publish_after_commit,
    "rows-moved-first": _rows_moved_first,
    "redelivered-in-batch": _redelivered_in_batch,
    "retry-marked-done": _retry_marked_done,
    "dead-letter-dropped": _dead_letter_dropped,
    "no-second-round": _no_second_round,
    "rounds-not-counted": _rounds_not_counted,
    "settled-too-soon": _settled_too_soon,
}
