"""``POST /v1/submissions:batch``: a ZIP of invoices in, one line of JSON for each out.

::

    body ──▶ spool (disk) ──▶ archive: items ──▶ window of items ──▶ judged (thread) ──▶ group commit ──▶ lines
                                                    ▲     200, 8 MB       │ the next one meanwhile      │
                                                    └─────────────────────┴─────────────────────────────┘

Every item is a submission of its own: it is stored, or refused with its code, and its neighbours do not notice. A line
is said after its item is stored. Whoever loses the connection sends the ZIP again with ``?offset=`` the first item
it has no line of; with an ``Idempotency-Key`` from the beginning too, each item has its key then. What is not taken for now
ends the reply with a line that names where to go on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from libs.db.trouble import TRANSIENT
from libs.db.types import Pool
from libs.errors import BadInput, HubError, Refusal, Unavailable
from libs.http import encoding, problems, spool
from services.ingest.settings import IngestSettings
from services.ingest.uploads import idempotency
from services.ingest.uploads.archive import Archive, Item
from services.ingest.uploads.idempotency import Key, Running
from services.ingest.uploads.intake import Upload
from services.ingest.uploads.receipts import Reply
from services.ingest.uploads.submit import Commits, Gate, Intake

WINDOW, WINDOW_BYTES = 200, 8_000_000
"""Items that are judged and stored together: most of them, and most unpacked bytes of more than one."""
SEND_SECONDS = 60.0
"""A caller that does not read its lines for so long has gone."""
_AGAIN = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between tries when too much waits to be stored: then the caller is told to come back."""

Judged: TypeAlias = tuple[int, Item, Key | None, tuple[Upload, ...] | Refusal]
Done: TypeAlias = tuple[int, Item, Reply | HubError]


class Batch:
    """``pool`` has the api role."""

    def __init__(
        self, settings: IngestSettings, pool: Pool, commits: Commits, running: Running, gate: Gate
    ) -> None:
        self._settings = settings
        self._intake = Intake(pool, commits)
        self._running = running
        self._gate = gate
        self._taken: set[UUID] = set()

    async def post(self, request: Request) -> Response:
        principal, fields = await self._gate.enter(request)
        header = request.headers.get("idempotency-key")
        name = idempotency.read(header) if header is not None else None
        offset = _offset(request.query_params.get("offset", "0"))
        with contextlib.ExitStack() as held:
            if name is not None:
                held.enter_context(self._running.hold(principal.account_id, name))
            given = self._settings
            file = held.enter_context(
                spool.Room(
                    self._taken, principal.account_id, most=given.max_batches, folder=given.batch_folder
                )
            )
            body = encoding.unpacked(request, most=given.max_batch_bytes)
            await spool.fill(file, body, most=given.max_batch_bytes, seconds=given.batch_upload_seconds)
            archive = await asyncio.to_thread(
                Archive, file, most_file=given.max_submission_bytes, most_bytes=given.max_batch_unpacked_bytes
            )
            lines = self._lines(principal.account_id, archive, name, offset)
            return _Lines(lines, held.pop_all(), fields)

    async def _lines(
        self, account_id: UUID, archive: Archive, name: str | None, offset: int
    ) -> AsyncGenerator[bytes, None]:
        accepted = refused = 0
        windows = _windows(archive.items, offset)
        judging = _judge(archive, next(windows, None), name)
        try:
            while judged := await judging:
                judging = _judge(archive, next(windows, None), name)
                said: list[bytes] = []
                for number, item, outcome in await asyncio.gather(
                    *(self._keep(account_id, each) for each in judged)
                ):
                    if isinstance(outcome, Reply):
                        accepted += 1
                        said.append(_accepted(number, outcome))
                    elif isinstance(outcome, Refusal):
                        refused += 1
                        said.append(_refused(number, item, outcome))
                    else:
                        # What comes behind it in this window may be stored: sent again it is known.
                        yield b"".join([*said, _stopped(number, outcome)])
                        return
                yield b"".join(said)
        finally:
            # A thread cannot be stopped, and reads the file that is closed after this.
            await asyncio.gather(judging, return_exceptions=True)
        yield _line({"end": {"next": len(archive.items), "accepted": accepted, "refused": refused}})

    async def _keep(self, account_id: UUID, judged: Judged) -> Done:
        number, item, key, outcome = judged
        try:
            if not isinstance(outcome, Refusal):
                return number, item, await self._patiently(account_id, outcome, key)
            if key is not None:
                return number, item, await self._intake.taken_before(account_id, key, outcome)
        except HubError as error:
            return number, item, error
        except TRANSIENT as away:
            problems.of(away)  # into the log
            return number, item, Unavailable()
        return number, item, outcome

    async def _patiently(self, account_id: UUID, uploads: Sequence[Upload], key: Key | None) -> Reply:
        for seconds in _AGAIN:
            try:
                return await self._intake.keep(account_id, uploads, key)
            except Unavailable:
                await asyncio.sleep(seconds)
        return await self._intake.keep(account_id, uploads, key)


class _Lines(Response):
    """NDJSON as it becomes known. Gives back what it holds when it ends, however it ends."""

    media_type = "application/x-ndjson"

    def __init__(
        self, lines: AsyncGenerator[bytes, None], held: contextlib.ExitStack, fields: Mapping[str, str]
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = b""
        self.init_headers(fields)
        del self.headers["content-length"]
        self._lines = lines
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            async with contextlib.aclosing(self._lines) as lines:
                await self._send(lines, send)

    async def _send(self, lines: AsyncIterator[bytes], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in lines:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _offset(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise bad_offset()
    return int(text)


def bad_offset() -> BadInput:
    return BadInput(
        "The offset is no number of an item: send the `item` of the first line you did not get, from 0.",
        nl="De offset is geen nummer van een item: stuur de `item` van de eerste regel die u niet kreeg, vanaf 0.",
        code="bad-offset",
    )


def _windows(items: Sequence[Item], offset: int) -> Iterator[range]:
    """Stretches of items that fit together into memory."""
    begin, held = offset, 0
    for number in range(offset, len(items)):
        size = items[number].size
        if number > begin and (number - begin >= WINDOW or held + size > WINDOW_BYTES):
            yield range(begin, number)
            begin, held = number, 0
        held += size
    if begin < len(items):
        yield range(begin, len(items))


def _judge(archive: Archive, window: range | None, name: str | None) -> asyncio.Future[list[Judged]]:
    return asyncio.ensure_future(asyncio.to_thread(_judged, archive, window or range(0), name))


def _judged(archive: Archive, window: range, name: str | None) -> list[Judged]:
    return [_one(archive, number, name) for number in window]


def _one(archive: Archive, number: int, name: str | None) -> Judged:
    item, key = archive.items[number], None
    try:
        parts = archive.parts(item)
        key = Key(name, idempotency.fingerprint(parts), number + 1) if name is not None else None
        return number, item, key, archive.uploads(parts, item)
    except Refusal as refused:
        return number, item, key, refused


def _accepted(number: int, reply: Reply) -> bytes:
    # The receipt is the one a single POST gets, with the item in front of it.
    repeat = b',"repeat":true' if reply.headers.get("Postbode-Repeat") else b""
    return b'{"item":%d,"status":202%b,%b\n' % (number, repeat, reply.body[1:])


def _refused(number: int, item: Item, refused: Refusal) -> bytes:
    return _line({"item": number, "filename": item.files[0].filename[:200], **problems.members(refused)})


def _stopped(number: int, why: HubError) -> bytes:
    return _line(
        {"stopped": {"retry_after": problems.RETRY_SECONDS, **problems.members(why), "next": number}}
    )


def _line(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body) + b"\n"
