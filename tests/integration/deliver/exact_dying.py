"""A worker that stands still for good in the middle of a booking."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx

from tests.integration.deliver.exact_office import (
    Desk,
    desk,
    dispatching,
)
from tests.integration.deliver.stage import Stage
from tests.sims.exact_online import Api, application


class Freezing(httpx.AsyncBaseTransport):
    """A worker that stands still for good at its ``at``-th call, before it or after it was carried out: as a kill leaves
    things, for nothing of its own runs any more."""

    def __init__(self, inner: httpx.AsyncBaseTransport, at: int, *, after: bool) -> None:
        self._inner, self._at, self._after = inner, at, after
        self.frozen = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._at -= 1
        if self._at == 0 and not self._after:
            self.frozen.set()
            await asyncio.Event().wait()
        response = await self._inner.handle_async_request(request)
        if self._at == 0:
            await response.aread()
            self.frozen.set()
            await asyncio.Event().wait()
        return response


@contextlib.asynccontextmanager
async def killed(stage: Stage, at: Desk, call: int, *, after: bool) -> AsyncIterator[bool]:
    """A worker died at this call of its round; whether it came so far."""
    inner = httpx.ASGITransport(application(Api(at.office.exact, at.grant.base)))
    freezing = Freezing(inner, call, after=after)
    async with httpx.AsyncClient(transport=freezing) as http:
        dead = dispatching(desk(at.office, stage.worker, at.grant, http), stage)
        dying = asyncio.create_task(dead.dispatch())
        frozen = asyncio.create_task(freezing.frozen.wait())
        await asyncio.wait({dying, frozen}, return_when=asyncio.FIRST_COMPLETED)
        if not dying.done():
            await stage.expire()
            # Its other claims run out, too.
            await stage.worker.execute("UPDATE exact_party SET until = now() WHERE party IS NULL")
        try:
            yield not dying.done()
        finally:
            dying.cancel()
            frozen.cancel()
            await asyncio.gather(dying, frozen, return_exceptions=True)
