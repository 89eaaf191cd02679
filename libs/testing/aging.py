"""Time that has gone by: what an account handed over, as if it had come then."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from libs import clock


async def age(url: str, account: UUID, submission: UUID, to: datetime, *, bare: bool = False) -> None:
    """Move a submission and its documents to ``to``, to the microsecond: the documents are known by that instant, and their
    ids begin with it. ``url`` is the administrator's; ``bare``: it may have none (all of it had been there before)."""
    conn = await asyncpg.connect(url)
    try:
        was = await conn.fetchval(
            "SELECT received_at FROM ingest.submission WHERE submission_id = $1", submission
        )
        await conn.execute(
            "UPDATE ingest.submission SET received_at = $2 WHERE submission_id = $1", submission, to
        )
        documents = await conn.fetch(
            "SELECT document_id FROM documents.document WHERE account = $1 AND created_at = $2", account, was
        )
        assert documents or bare, "a submission without documents"
        for row in documents:
            born = UUID(int=int(to.timestamp() * 1000) << 80 | clock.uuid7().int & (1 << 80) - 1)
            await conn.execute(
                "UPDATE documents.document SET created_at = $3, document_id = $4"
                " WHERE account = $1 AND document_id = $2",
                account, row["document_id"], to, born,
            )  # fmt: skip
    finally:
        await conn.close()
