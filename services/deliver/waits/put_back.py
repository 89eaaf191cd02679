"""After the database was put back to an earlier moment: receivers may have what it believes is still to be brought.

Everything is held back until what it does know is planned again: a delivery that was made after that moment is made
anew, and is no less unsure than one that is there. Then all that waits counts as an attempt of unknown end, and goes. SQL.
"""

from __future__ import annotations

from typing import get_args

from libs.db.types import Pool
from services.deliver.parcel import Channel

WHY = "put back to an earlier moment"
"""Of these pauses and no others."""
_OUTSIDE = [each for each in get_args(Channel) if each not in ("pull", "sandbox")]

_HOLD = """
INSERT INTO pause (channel, by, why) SELECT channel, $2, $3 FROM unnest($1::text[]) AS c (channel)
ON CONFLICT (coalesce(channel, ''), coalesce(account_id, '00000000-0000-0000-0000-000000000000')) DO NOTHING
"""
_UNSURE = """
UPDATE delivery SET unresolved = true
 WHERE state IN ('queued', 'attempting', 'parked') AND NOT unresolved AND channel = ANY ($1::text[])
"""
_UNSURE_SALES = """
UPDATE exact_sale SET unresolved = true WHERE state IN ('queued', 'attempting', 'parked') AND NOT unresolved
"""
_LET_GO = "DELETE FROM pause WHERE why = $1 AND account_id IS NULL RETURNING channel"


async def hold(worker: Pool, *, by: str) -> None:
    """Every channel that reaches somebody outside; those that were held back already stay so afterwards."""
    await worker.execute(_HOLD, _OUTSIDE, by, WHY)


async def let_go(worker: Pool) -> bool:
    """What waits may have been delivered, and goes so. False: nothing is held back for that."""
    async with worker.acquire() as conn, conn.transaction():
        if not await conn.fetch(_LET_GO, WHY):
            return False
        await conn.execute(_UNSURE, _OUTSIDE)
        await conn.execute(_UNSURE_SALES)
    return True
