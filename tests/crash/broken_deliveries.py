"""Broken guarantees of deliveries: claims, attempts, who gets what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from tests.crash.wrapping import Say, telling, without, wrap


def _lease_ignored(bit: Say) -> None:
    def held(self: Any) -> bool:
        bit()
        return True

    wrap("services.deliver.parcel:Lease.held", lambda _: property(held))


def _result_before_act(bit: Say) -> None:
    from services.deliver.parcel import HandedOver

    def make(original: Any) -> Any:
        async def act(self: Any, channel: Any, held: Any, jobs: Any) -> None:
            bit()
            await self.finish([(job, HandedOver("surely")) for job in jobs])
            loaded, _ = await self._load(jobs)
            async for _ in self._channels[channel].deliver(loaded):
                pass

        return act

    wrap("services.deliver.attempts.dispatcher:Dispatcher._act", make)


def _unknown_not_resolved(bit: Say) -> None:
    def listed(folder: Any) -> frozenset[Any]:
        bit()
        return frozenset()

    wrap("services.deliver.channels.placing:_listed", lambda _: listed)


def _new_webhook_id(bit: Say) -> None:
    def make(original: Any) -> Any:
        def webhook_id(delivery_id: Any) -> str:
            bit()
            return uuid4().hex

        return webhook_id

    wrap("services.deliver.receivers.push:webhook_id", make)


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

    wrap("services.deliver.email.mail:compose", make)


def _fence_ignored(bit: Say) -> None:
    """Whoever comes with a result is believed, also when the delivery is somebody else's by now."""
    fence = "AND d.attempts = t.number AND d.state = 'attempting'"
    wrap("services.deliver.store:_FINISH", lambda sql: without(sql, fence, ""))
    wrap("services.deliver.store:finish", telling(bit))


def _breaker_ignored(bit: Say) -> None:
    wrap(
        "services.deliver.attempts.claiming:_CLAIM",
        lambda all_: {
            kind: without(sql, "AND b.open_until IS NOT NULL", "AND false") for kind, sql in all_.items()
        },
    )
    wrap("services.deliver.attempts.claiming:claim", telling(bit))


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

    wrap("services.deliver.attempts.claiming:claim", claiming)
    wrap("services.deliver.store:finish", finishing)
    wrap("services.deliver.store:renew", lambda _: renew)


def _books_not_looked(bit: Say) -> None:
    async def there(self: Any, body: Any) -> bool:
        bit()
        return False

    wrap("services.deliver.exact.booking:Booking._there", lambda _: there)


def _wrong_receiver(bit: Say) -> None:
    """Each delivery is planned by the way of the one before it."""

    def make(original: Any) -> Any:
        last: list[Any] = []

        def way_to(account_id: Any, receiver: Any, connection: Any) -> Any:
            last.append(original(account_id, receiver, connection))
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

    wrap("services.deliver.attempts.dispatcher:Dispatcher._load", make)


BREAKS: Mapping[str, Callable[[Say], None]] = {
    "lease-ignored": _lease_ignored,
    "result-before-act": _result_before_act,
    "unknown-not-resolved": _unknown_not_resolved,
    "new-message-id": _new_message_id,
    "new-webhook-id": _new_webhook_id,
    "fence-ignored": _fence_ignored,
    "breaker-ignored": _breaker_ignored,
    "started-with-the-result": _started_with_the_result,
    "books-not-looked": _books_not_looked,
    "wrong-receiver": _wrong_receiver,
    "page-of-a-neighbour": _page_of_a_neighbour,
}
