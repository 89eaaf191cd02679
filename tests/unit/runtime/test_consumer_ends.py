"""A consumer of which one part fails ends as a whole, also when its broker's library answers a cancellation with
an error of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.messaging.consumer import Consumer
from libs.messaging.handler import PROMPT
from libs.messaging.transport import QueueMissing, Subscription


class Deaf:
    """A transport whose library, cancelled while it asks for a queue, says that there is none."""

    name = "memory"

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str, *, prefetch: int) -> AsyncIterator[Subscription]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3)
        raise QueueMissing(queue)
        yield


class Listening:
    queue = "ingest.outcomes"
    pace = PROMPT


class NoTables:
    """A pool on a database without our tables."""

    def acquire(self) -> Any:
        raise LookupError("no such table")

    fetch = fetchval = execute = acquire


async def test_a_part_that_fails_takes_the_others_with_it() -> None:
    consumer: Consumer[Any, Any] = Consumer(Listening(), NoTables(), Deaf(), schema="ingest")  # type: ignore[arg-type]
    running = asyncio.create_task(consumer.run())
    await asyncio.wait({running}, timeout=2)
    ended = running.done()
    consumer.stop()
    with pytest.raises(ExceptionGroup) as failed:
        await running
    assert failed.group_contains(LookupError)
    assert ended, "a part that nobody told to end went on"
