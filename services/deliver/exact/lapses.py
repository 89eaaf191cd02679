"""Telling an account that its link with Exact Online has lapsed (R105): once, whatever made it lapse.

``told_at`` is committed with the event. A link that came back (``tokens``: who had the new ones was only slow) may lapse,
and be told of, again. Of a consent by which nobody's books are reached any more nobody is told.
"""

from __future__ import annotations

from typing import Any

from libs import clock
from libs.contracts.envelope import Event, new_event
from libs.contracts.parts import Words
from libs.contracts.party import AccountConnectionLapsed
from libs.db.types import Pool
from libs.messaging import outbox
from libs.service import Wake
from services.deliver import SOURCE
from services.deliver.exact.links import PACKAGE

PAGE = 200

_TAKE = """
WITH lapsed AS (
    UPDATE exact_grant SET told_at = now()
     WHERE grant_id IN (SELECT grant_id FROM exact_grant WHERE state = 'lapsed' AND told_at IS NULL
                         ORDER BY grant_id LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING grant_id, account_id, person_name, reason, told_at
)
SELECT g.account_id, g.person_name, g.reason, g.told_at, count(l.link_id) AS links,
       coalesce(array_agg(l.division_name ORDER BY l.division_name) FILTER (WHERE l.division IS NOT NULL), '{}') AS books
  FROM lapsed g LEFT JOIN exact_link l ON l.grant_id = g.grant_id AND l.ended_at IS NULL
 GROUP BY g.grant_id, g.account_id, g.person_name, g.reason, g.told_at
"""


class Lapses:
    """``look`` tells of all that lapsed since. ``pool`` has the worker role."""

    def __init__(self, pool: Pool, wake: Wake) -> None:
        self._pool = pool
        self._wake = wake

    async def look(self) -> None:
        while True:
            async with self._pool.acquire() as conn, conn.transaction():
                rows = await conn.fetch(_TAKE, PAGE)
                await outbox.append(conn, [event(row) for row in rows if row["links"]])
            if not rows:
                return
            self._wake()


def event(row: Any) -> Event:
    """Pure; ``row`` as above."""
    reason = row["reason"]
    data = AccountConnectionLapsed(
        account_id=row["account_id"],
        lapse_id=clock.uuid7(),
        package=PACKAGE,
        user=row["person_name"],
        books=tuple(row["books"]),
        code=reason["code"],
        reason=Words(nl=reason["nl"], en=reason["en"]),
        lapsed_at=row["told_at"],
    )
    return new_event(data, source=SOURCE, account=row["account_id"])
