"""Reads every stored document over, again and again, and names those that are not what they were."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import structlog

from libs.db.types import Pool, Record
from libs.documents.scrub import wrong
from libs.telemetry import metrics

PAGE = 200
BYTES = 50_000_000
"""Read in one run: at a run a minute, 70 GB a day."""

_log = structlog.get_logger(__name__)

_CURSOR = "SELECT account, document_id FROM scrub"
_MOVE = """
INSERT INTO scrub (account, document_id) VALUES ($1, $2)
ON CONFLICT (one) DO UPDATE SET account = excluded.account, document_id = excluded.document_id,
   round_at = CASE WHEN $3 THEN now() ELSE scrub.round_at END
"""
_NEXT = """
SELECT account, document_id, sha256, size, body FROM documents.document
 WHERE (account, document_id) > ($1, $2) ORDER BY account, document_id LIMIT $3
"""
_NOTE = """
INSERT INTO damage (account_id, document_id, detail) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])
ON CONFLICT (account_id, document_id) DO UPDATE SET detail = excluded.detail, found_at = now()
"""
_START = UUID(int=0)


class Damaged(NamedTuple):
    account_id: UUID
    document_id: UUID
    detail: str


class Scrubber:
    """``pool`` has the worker role. Any number of processes may scrub: they read the same twice, at worst."""

    def __init__(self, pool: Pool, most: int = BYTES) -> None:
        self._pool = pool
        self._most = most

    async def run(self) -> None:
        """Go on where the last run stopped, for a while."""
        row = await self._pool.fetchrow(_CURSOR)
        account, document = (row["account"], row["document_id"]) if row else (_START, _START)
        read, over = 0, False
        while read < self._most and not over:
            rows = await self._pool.fetch(_NEXT, account, document, PAGE)
            over = len(rows) < PAGE
            account, document = (_START, _START) if over else (rows[-1]["account"], rows[-1]["document_id"])
            read += sum(len(each["body"]) for each in rows)
            await self._note(await asyncio.to_thread(_look, rows))
            await self._pool.execute(_MOVE, account, document, over)

    async def everything(self) -> list[Damaged]:
        """Read all of it now; returns what is damaged."""
        found: list[Damaged] = []
        account, document = _START, _START
        while rows := await self._pool.fetch(_NEXT, account, document, PAGE):
            account, document = rows[-1]["account"], rows[-1]["document_id"]
            found += await asyncio.to_thread(_look, rows)
        await self._note(found)
        return found

    async def _note(self, found: Sequence[Damaged]) -> None:
        if not found:
            return
        await self._pool.execute(
            _NOTE,
            [each.account_id for each in found],
            [each.document_id for each in found],
            [each.detail for each in found],
        )
        metrics.documents_damaged.add(len(found))
        for each in found:
            _log.error(
                "a stored document is damaged: put it back from a backup",
                account=str(each.account_id),
                document_id=str(each.document_id),
                detail=each.detail,
            )


def _look(rows: Sequence[Record]) -> list[Damaged]:
    checked = ((row, wrong(row["body"], row["sha256"], row["size"])) for row in rows)
    return [Damaged(row["account"], row["document_id"], said) for row, said in checked if said is not None]
