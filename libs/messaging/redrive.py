"""Publish events of the past again: after a broker lost its disk, for a rebuilt projection, for a new service.

Events keep their ids, so whoever handled one before recognises the repeat; to have a consumer handle them
anew, its inbox is emptied first (``forget``).
"""

from __future__ import annotations

from datetime import datetime

from libs.db.types import Pool
from libs.messaging import inbox

_BACK = """
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body)
SELECT event_id, account,
       CASE WHEN $3::text IS NULL THEN exchange ELSE '' END,
       coalesce($3, routing_key), subject, body
  FROM (SELECT DISTINCT ON (event_id) * FROM outbox_sent
         WHERE exchange <> '' AND ($1::timestamptz IS NULL OR sent_at >= $1)
           AND ($2::text IS NULL OR subject = $2)
           AND ($4::text[] IS NULL OR routing_key = ANY ($4))
         ORDER BY event_id, sent_at) AS sent
"""


async def redrive(
    pool: Pool,
    *,
    since: datetime | None = None,
    subject: str | None = None,
    queue: str | None = None,
    routing_keys: list[str] | None = None,
) -> int:
    """Put sent events of this schema back into its outbox; returns how many.

    ``queue`` sends them to that queue alone; ``subject`` is an invoice id; without limits everything that
    ``outbox_sent`` still keeps goes out again.
    """
    tag = await pool.execute(_BACK, since, subject, queue, routing_keys)
    return int(tag.rpartition(" ")[2])


async def forget(pool: Pool, queue: str) -> None:
    """Empty a consumer's inbox, so that it handles everything anew."""
    async with pool.acquire() as conn, conn.transaction():
        await inbox.forget(conn, queue)
