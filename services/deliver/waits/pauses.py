"""Deliveries that an operator holds back: of a channel, of an account, or of an account on a channel. Nothing is lost and
nothing counts as an attempt; what is under way when a pause begins is finished. ``claiming.claim`` keeps it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from libs.db.types import Pool
from libs.errors import BadInput
from services.deliver.parcel import Channel

_PAUSE = """
INSERT INTO pause (channel, account_id, by, why) VALUES ($1, $2, $3, $4)
ON CONFLICT (coalesce(channel, ''), coalesce(account_id, '00000000-0000-0000-0000-000000000000')) DO NOTHING
RETURNING since
"""
_RESUME = """
DELETE FROM pause WHERE channel IS NOT DISTINCT FROM $1 AND account_id IS NOT DISTINCT FROM $2 RETURNING since
"""
# What a pause put off, and what merely waits for its next try: that one comes early, which does no harm.
_NOW = """
UPDATE delivery SET due_at = now()
 WHERE state = 'queued' AND due_at > now() AND account_id = $2 AND channel = coalesce($1, channel)
"""
_PAUSES = """
SELECT p.channel, p.account_id, p.since, p.by, p.why,
       (SELECT count(*) FROM delivery d
         WHERE d.state = 'queued' AND d.channel = coalesce(p.channel, d.channel)
           AND d.account_id = coalesce(p.account_id, d.account_id)) AS waiting
  FROM pause p ORDER BY p.since
"""


async def pause(pool: Pool, channel: Channel | None, account_id: UUID | None, *, by: str, why: str) -> bool:
    """Hold back from the next claim on; False: they were held back already. Raises ``BadInput`` for everything at once."""
    if channel is None and account_id is None:
        raise BadInput(
            "say which: a channel, an account, or both", nl="zeg welke: een kanaal, een account, of beide"
        )
    return await pool.fetchval(_PAUSE, channel, account_id, by, why) is not None


async def resume(pool: Pool, channel: Channel | None, account_id: UUID | None) -> bool:
    """Let go what that very pause held back; False: there is none."""
    async with pool.acquire() as conn, conn.transaction():
        if await conn.fetchval(_RESUME, channel, account_id) is None:
            return False
        if account_id is not None:
            await conn.execute(_NOW, channel, account_id)
    return True


async def pauses(pool: Pool) -> list[dict[str, Any]]:
    """Those there are, the oldest first, with how many deliveries wait."""
    return [dict(row.items()) for row in await pool.fetch(_PAUSES)]
