"""One broken guarantee each, put into the real code by name: the suite must go red with it.

What each breaks, and what then goes red, is the table in ``docs/reliability.md``. A break says ``bit`` the
first time its broken code runs: one that never ran proves nothing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from libs.messaging import AmqpTransport
from libs.messaging.outbox import Row
from libs.messaging.pack import Waiting, pack
from tests.crash.wrapping import NoSuchName, wrap

Say = Callable[[], None]


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


def _lease_ignored(bit: Say) -> None:
    def held(self: Any) -> bool:
        bit()
        return True

    wrap("services.deliver.parcel:Lease.held", lambda _: property(held))


def _result_before_act(bit: Say) -> None:
    from services.deliver.parcel import HandedOver

    def make(original: Any) -> Any:
        async def act(self: Any, channel: Any, held: Any, jobs: Any, begun: Any) -> None:
            bit()
            await self.finish([(job, HandedOver("surely")) for job in jobs])
            loaded, _ = await self._load(jobs)
            async for _ in self._channels[channel].deliver(loaded):
                pass

        return act

    wrap("services.deliver.dispatcher:Dispatcher._act", make)


def _redelivered_in_batch(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def take_apart(self: Any, unread: Any) -> None:
            bit()
            await self._batch.handle(unread)

        return take_apart

    wrap("libs.messaging.consumer:Consumer._take_apart", make)


def _status_by_arrival(bit: Say) -> None:
    def order(fact: Any) -> tuple[int, str]:
        bit()
        # The one that is asked for later wins: `apply` asks for the standing fact first.
        order.asked += 1  # type: ignore[attr-defined]
        return order.asked, ""  # type: ignore[attr-defined]

    order.asked = 0  # type: ignore[attr-defined]
    wrap("services.track.status:_order", lambda _: order)


def _reply_before_commit(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def submit(self: Any, submission: Any) -> Any:
            from services.ingest.receipts import Kept

            bit()
            _kept_alive.append(asyncio.ensure_future(original(self, submission)))
            return tuple(Kept(i.invoice_id, submission.submission_id, i.filename) for i in submission.items)

        return submit

    wrap("services.ingest.groups:GroupCommit.submit", make)


_kept_alive: list[Any] = []


def _unknown_not_resolved(bit: Say) -> None:
    def listed(folder: Any) -> frozenset[Any]:
        bit()
        return frozenset()

    wrap("services.deliver.channels.placing:_listed", lambda _: listed)


def _repeat_not_told(bit: Say) -> None:
    def make(original: Any) -> Any:
        async def send(self: Any, line: Any, job: Any, data: bytes) -> Any:
            if job.unresolved:
                bit()
            return await original(self, line, replace(job, unresolved=False), data)

        return send

    wrap("services.deliver.channels.smtp:SmtpChannel._send", make)


def _new_message_id(bit: Say) -> None:
    def make(original: Any) -> Any:
        def compose(*args: Any) -> bytes:
            bit()
            raw: bytes = original(*args)
            head, mark, rest = raw.partition(b"Message-ID: <")
            if not mark:
                raise RuntimeError("this mail has no Message-ID")
            return head + mark + uuid4().hex.encode() + rest

        return compose

    wrap("services.deliver.mail:compose", make)


def _twice_is_two(bit: Say) -> None:
    """The door does not see that it has these bytes already."""

    def make(original: Any) -> Any:
        async def insert(conn: Any, pairs: Any) -> Any:
            bit()
            return await original(conn, [(s, replace(i, sha256=os.urandom(32))) for s, i in pairs])

        return insert

    wrap("services.ingest.store:_insert_invoices", make)


def _number_not_known(bit: Say) -> None:
    """Whoever routes sees each invoice as the first of its number."""

    def make(original: Any) -> Any:
        def numbered(*said: Any) -> Any:
            bit()
            number = original(*said)
            return number and number._replace(key=uuid4(), others=())

        return numbered

    wrap("services.route.facts:numbered", make)
    wrap("services.route.numbering:numbered", make)


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


def _fence_ignored(bit: Say) -> None:
    """Whoever comes with a result is believed, also when the delivery is somebody else's by now."""
    fence = "AND d.attempts = t.number AND d.state = 'attempting'"
    wrap("services.deliver.store:_FINISH", lambda sql: _without(sql, fence, ""))
    wrap("services.deliver.store:finish", _telling(bit))


def _breaker_ignored(bit: Say) -> None:
    wrap(
        "services.deliver.store:_CLAIM",
        lambda sql: _without(sql, "AND b.open_until IS NOT NULL", "AND false"),
    )
    wrap("services.deliver.store:claim", _telling(bit))


def _without(sql: str, part: str, instead: str) -> str:
    if part not in sql:
        raise NoSuchName(part)
    return sql.replace(part, instead)


def _telling(bit: Say) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        async def told(*args: Any, **named: Any) -> Any:
            bit()
            return await original(*args, **named)

        return told

    return make


_LATE_START = """
WITH begun AS (UPDATE delivery SET state = 'attempting', attempts = $2
                WHERE delivery_id = $1 AND state = 'queued' RETURNING delivery_id, account_id)
INSERT INTO attempt (delivery_id, number, account_id) SELECT delivery_id, $2, account_id FROM begun
"""


def _started_with_the_result(bit: Say) -> None:
    """That an attempt starts is committed together with its result, not before it acts."""

    def claiming(original: Any) -> Any:
        async def claim(pool: Any, *args: Any, **named: Any) -> Any:
            async with pool.acquire() as conn:
                started = conn.transaction()
                await started.start()
                jobs = await original(conn, *args, **named)
                await started.rollback()
            if jobs:
                bit()
            return jobs

        return claim

    def finishing(original: Any) -> Any:
        async def finish(conn: Any, results: Sequence[Any]) -> Any:
            for result in results:
                await conn.execute(_LATE_START, result.job.delivery_id, result.job.number)
            return await original(conn, results)

        return finish

    async def renew(pool: Any, jobs: Sequence[Any], seconds: float) -> set[Any]:
        return {job.delivery_id for job in jobs}

    wrap("services.deliver.store:claim", claiming)
    wrap("services.deliver.store:finish", finishing)
    wrap("services.deliver.store:renew", lambda _: renew)


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
    wrap("libs.messaging.dead:_GOES_AGAIN", lambda sql: _without(sql, counted, "false AND"))
    wrap("libs.messaging.dead:collect", _telling(bit))


def _settled_too_soon(bit: Say) -> None:
    """Without a broker: a row leaves the outbox when it was put into the queues, not when they are done."""

    async def publish(self: Any, messages: Sequence[Any]) -> list[None]:
        bit()
        for message in messages:
            for name in self._targets(message):
                await self._put(name, message)
        return [None for _ in messages]

    wrap("libs.messaging.memory:MemoryTransport.publish", lambda _: publish)


def _wrong_receiver(bit: Say) -> None:
    """Each delivery is planned by the way of the one before it."""

    def make(original: Any) -> Any:
        last: list[Any] = []

        def way_to(receiver: Any, connection: Any) -> Any:
            last.append(original(receiver, connection))
            if len(last) == 1:
                return last[0]
            if last[0] != last[1]:
                bit()
            return last.pop(0)

        return way_to

    wrap("services.deliver.plan:way_to", make)


def _page_of_a_neighbour(bit: Say) -> None:
    """Each PDF goes out with the next invoice that has one."""

    def make(original: Any) -> Any:
        last: list[bytes] = []

        async def load(self: Any, jobs: Any) -> Any:
            loaded, failed = await original(self, jobs)
            return [replace(each, pdf=shifted(each.pdf)) for each in loaded], failed

        def shifted(pdf: bytes | None) -> bytes | None:
            if pdf is None:
                return None
            last.append(pdf)
            if len(last) == 1:
                return pdf
            bit()
            return last.pop(0)

        return load

    wrap("services.deliver.dispatcher:Dispatcher._load", make)


def _notice_sent_before_mailed(bit: Say) -> None:
    from services.track import mailings

    def make(original: Any) -> Any:
        async def send(self: Any, claimed: Any) -> Any:
            bit()
            await mailings.settle(self._pool, claimed, "sent", "surely", state="sent")
            return await original(self, claimed)

        return send

    wrap("services.track.dispatch:Dispatcher._send", make)


def _notice_lease_ignored(bit: Say) -> None:
    import aiosmtplib

    async def data(self: Any, message: Any, **more: Any) -> Any:
        bit()
        return await aiosmtplib.SMTP.data(self, message, **more)

    wrap("services.track.dispatch:Line.data", lambda _: data)


def _notice_id_anew(bit: Say) -> None:
    """Every writing of a notice has a Message-ID of its own."""

    def make(original: Any) -> Any:
        def write(*args: Any) -> Any:
            bit()
            mail = original(*args)
            mail.replace_header("Message-ID", f"<notice.{uuid4()}@postbode.localhost>")
            return mail

        return write

    wrap("services.track.letter:write", make)


BREAKS: Mapping[str, Callable[[Say], None]] = {
    "ack-before-commit": _ack_before_commit,
    "no-inbox": _no_inbox,
    "no-outbox": _no_outbox,
    "publish-after-commit": _publish_after_commit,
    "rows-moved-first": _rows_moved_first,
    "lease-ignored": _lease_ignored,
    "result-before-act": _result_before_act,
    "redelivered-in-batch": _redelivered_in_batch,
    "status-by-arrival": _status_by_arrival,
    "reply-before-commit": _reply_before_commit,
    "unknown-not-resolved": _unknown_not_resolved,
    "repeat-not-told": _repeat_not_told,
    "new-message-id": _new_message_id,
    "twice-is-two": _twice_is_two,
    "number-not-known": _number_not_known,
    "retry-marked-done": _retry_marked_done,
    "fence-ignored": _fence_ignored,
    "breaker-ignored": _breaker_ignored,
    "started-with-the-result": _started_with_the_result,
    "dead-letter-dropped": _dead_letter_dropped,
    "no-second-round": _no_second_round,
    "rounds-not-counted": _rounds_not_counted,
    "settled-too-soon": _settled_too_soon,
    "wrong-receiver": _wrong_receiver,
    "page-of-a-neighbour": _page_of_a_neighbour,
    "notice-sent-before-mailed": _notice_sent_before_mailed,
    "notice-lease-ignored": _notice_lease_ignored,
    "notice-id-anew": _notice_id_anew,
}
