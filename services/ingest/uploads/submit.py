"""``POST /v1/submissions``: the files of a request, judged, stored, and answered with a receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from libs.db.types import Pool
from libs.errors import HubError, Refusal
from libs.http import encoding, forms
from libs.http.heavy import Heavy
from libs.http.principal import Principal
from libs.http.quota import Quota
from services.ingest.access import accounts
from services.ingest.backlog import Backlog
from services.ingest.settings import IngestSettings
from services.ingest.uploads import idempotency, intake, remembered, zipped
from services.ingest.uploads.groups import GroupCommit
from services.ingest.uploads.idempotency import Key, Running
from services.ingest.uploads.intake import Upload
from services.ingest.uploads.part import Part
from services.ingest.uploads.receipts import Kept, Reply, receipt
from services.ingest.uploads.submissions import Submission, compose, wants_seller

Commits: TypeAlias = GroupCommit[Submission, tuple[Kept, ...] | Reply]

INLINE_BYTES = 64 * 1024
"""Larger submissions, and ZIPs, are gated in a thread: the event loop must not stand still for one big file."""

HEAVY_BYTES = 12 * 1024 * 1024
"""Of larger submissions and mails together, while they are gated and stored; the others wait. Judging one takes some three
times its bytes."""


class Submit:
    """``pool`` has the api role."""

    def __init__(
        self, settings: IngestSettings, pool: Pool, commits: Commits, running: Running, gate: Gate
    ) -> None:
        self._most = settings.max_submission_bytes
        self._intake = Intake(pool, commits)
        self._running = running
        self._gate = gate
        self._unpacking = asyncio.Lock()

    async def post(self, request: Request) -> Response:
        principal, fields = await self._gate.enter(request)
        header = request.headers.get("idempotency-key")
        name = idempotency.read(header) if header is not None else None
        async with _received(request, self._most) as received, self._gate.heavy.hold(received.size):
            parts = [Part(file.data, file.filename, file.media_type) for file in await received.read()]
            if name is None:
                return (await self._take(principal.account_id, parts)).response(fields)
            key = Key(name, idempotency.fingerprint(parts))
            with self._running.hold(principal.account_id, name):
                try:
                    reply = await self._take(principal.account_id, parts, key)
                except Refusal as refused:
                    reply = await self._intake.taken_before(principal.account_id, key, refused)
                return reply.response(fields)

    async def _take(self, account_id: UUID, parts: Sequence[Part], key: Key | None = None) -> Reply:
        if any(zipped.is_zip(part) for part in parts):
            # One at a time: it may become fifty megabytes.
            async with self._unpacking:
                uploads = await asyncio.to_thread(_judged, parts)
        elif sum(len(part.data) for part in parts) > INLINE_BYTES:
            uploads = await asyncio.to_thread(_judged, parts)
        else:
            uploads = _judged(parts)
        return await self._intake.keep(account_id, uploads, key)


class Gate:
    """Who may hand over now, and how much of what is large is in hand at once, by whatever door (``heavy``)."""

    def __init__(self, quota: Quota, backlog: Backlog) -> None:
        self._quota = quota
        self._backlog = backlog
        self.heavy = Heavy(most=HEAVY_BYTES, light=INLINE_BYTES)

    async def enter(self, request: Request) -> tuple[Principal, Mapping[str, str]]:
        """The caller, and fields to answer with. Raises what turns it away: ``Unauthenticated``, ``Forbidden``,
        ``OverQuota``, ``Unavailable``."""
        principal: Principal = await request.app.state.identity.authenticate(
            request.headers.get("authorization")
        )
        principal.require("invoice:write")
        return principal, await self.admit(principal.account_id)

    async def admit(self, account_id: UUID) -> Mapping[str, str]:
        """Count one submission of the account, by whatever door; fields to answer with. Raises ``OverQuota``,
        ``Unavailable``, and asyncpg's errors."""
        fields = await self._quota.take(account_id)
        self._backlog.check(account_id)
        return fields


class Intake:
    """What is judged becomes a submission, and a submission a reply. ``pool`` has the api role."""

    def __init__(self, pool: Pool, commits: Commits) -> None:
        self._pool = pool
        self._commits = commits

    async def keep(self, account_id: UUID, uploads: Sequence[Upload], key: Key | None) -> Reply:
        """Store it. Raises ``Unavailable`` when too many wait, ``Conflict`` or ``Unprocessable`` about its key."""
        seller = await accounts.sender(self._pool, account_id) if wants_seller(uploads) else None
        submission = compose(account_id, "api", uploads, seller=seller, key=key)
        done = await self._commits.submit(submission)
        return done if isinstance(done, Reply) else receipt(submission.submission_id, done)

    async def taken_before(self, account_id: UUID, key: Key, refused: Refusal) -> Reply:
        """The reply that files got which are refused now: what was taken once was right then, whatever the hub thinks
        of it by now. Raises ``refused`` when there is none."""
        told = await remembered.recall(self._pool, account_id, key)
        if told is None:
            raise refused
        if isinstance(told, HubError):
            raise told from None
        return told


def _judged(parts: Sequence[Part]) -> Sequence[Upload]:
    return intake.sort_strictly(zipped.opened_strictly(parts))


def _received(request: Request, limit: int) -> AbstractAsyncContextManager[forms.Received]:
    """The files of a request: the body itself, or each file of a multipart form. Raises ``TooLarge``,
    ``BadInput``."""
    # Header values are Latin-1 by the standard and UTF-8 in practice: hand over the bytes.
    named = request.headers.get("postbode-filename", "").encode("latin-1").decode("ascii", "surrogateescape")
    return forms.received(encoding.unpacked(request, most=limit), most=limit, filename=named or None)
