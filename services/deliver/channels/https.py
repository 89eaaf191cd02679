"""The HTTPS channel: one signed request an invoice, with the documents inside, to the address the receiver gave.

Whoever answers 2xx has the invoice. An attempt of unknown end goes again under the same webhook-id with the same body: a
receiver that keeps those ids, as Standard Webhooks tells it to, has it once, and the result says ``repeated``.

A receiver that says when to come back is left alone until then: what is waiting in this process is not begun, and its
breaker (``breaker.py``) tells all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from libs import clock
from libs.http.outside import Outside, TooLate
from libs.http.public import NotPublic
from libs.http.session import BrokenOff, NotReached
from services.deliver.channels import Done
from services.deliver.channels.lanes import Lanes
from services.deliver.parcel import Failed, Job, Loaded, NotBegun, Outcome, Unknown
from services.deliver.receivers import http_replies, push

Secrets = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Sequence[bytes]]]]
"""What signs for these receivers, the newest first."""

OFF_LOOP = 64 * 1024
"""Bytes from which a body is made in a thread: the event loop stays free."""


class HttpsChannel:
    def __init__(
        self, outside: Callable[[], Outside], secrets: Secrets, *, at_once: int, per_lane: int
    ) -> None:
        """``outside`` is made when it is first needed, inside the running loop."""
        self._make = outside
        self._made: Outside | None = None
        self._secrets = secrets
        self._places = asyncio.Semaphore(at_once)
        self._lanes = Lanes(per_lane, self._attempt)
        self._signing: dict[UUID, Sequence[bytes]] = {}
        self._not_before: dict[str, float] = {}
        """By lane, on ``clock.monotonic``."""

    async def deliver(self, loaded: Sequence[Loaded]) -> AsyncGenerator[Done, None]:
        parties = {each.job.parcel.receiver.party_id for each in loaded}
        found = await self._secrets(sorted(parties))
        self._signing.update({party: found.get(party, ()) for party in parties})
        coming = self._lanes.deliver(loaded)
        del loaded  # each is let go of by itself
        async for done in coming:
            yield done

    async def settled(self, jobs: Sequence[Job]) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()

    async def _attempt(self, each: Loaded) -> Outcome:
        job = each.job
        secrets = self._signing.get(job.parcel.receiver.party_id)
        if not secrets:
            return Failed(
                "no-secret", "there is nothing to sign with: has the key it lies under been taken away?"
            )
        try:
            body = await self._body(each)
        except Exception as strange:  # noqa: BLE001 - it comes from a stranger's invoice; others go on
            return Failed("https-compose", f"{type(strange).__name__}: {strange}")
        async with self._places:
            left = self._not_before.get(job.lane, 0.0) - clock.monotonic()
            if left > 0:
                return NotBegun("the receiver said when to come back", wait=timedelta(seconds=left))
            if not job.lease.held:
                return NotBegun("the lease ran out")
            return await self._send(job, body, secrets)

    async def _send(self, job: Job, body: bytes, secrets: Sequence[bytes]) -> Outcome:
        if self._made is None:
            self._made = self._make()
        now = clock.now()
        headers = push.headers(job.delivery_id, body, secrets, now)
        try:
            answer = await self._made.post(
                job.parcel.settings["url"], headers, body, may=lambda: job.lease.held
            )
        except TooLate:
            return NotBegun("the lease ran out")
        except NotPublic:
            return http_replies.NOT_PUBLIC
        except NotReached as away:
            return Failed("https-away", str(away))
        except BrokenOff as broken:
            return Unknown(str(broken))
        outcome = http_replies.meaning(answer.status, answer.headers, answer.said, now, again=job.unresolved)
        if isinstance(outcome, Failed) and outcome.wait:
            self._not_before[job.lane] = clock.monotonic() + outcome.wait.total_seconds()
        else:
            self._not_before.pop(job.lane, None)
        return outcome

    async def _body(self, each: Loaded) -> bytes:
        size = len(each.xml or b"") + len(each.pdf or b"")
        return await asyncio.to_thread(push.body, each) if size > OFF_LOOP else push.body(each)
