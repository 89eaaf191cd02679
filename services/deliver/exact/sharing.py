"""An operator's exception: one person at Exact holds links of several accounts (R106). SQL."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.parts import Words
from libs.db.types import Pool
from services.deliver.exact.links import alone, connect

NO_MORE = Words(
    nl="De uitzondering is ingetrokken waarmee één gebruiker van Exact Online koppelingen van meer accounts had. Die van "
    "het account dat het laatst koppelde blijft; deze is vervallen. Zet haar opnieuw op met een eigen gebruiker.",
    en="The exception by which one Exact Online user had links of several accounts was withdrawn. That of the account "
    "which linked last stays; this one has lapsed. Set it up again with a user of your own.",
)

_SHARE = """
INSERT INTO exact_shared (person, by, why) VALUES ($1, $2, $3)
ON CONFLICT (person) DO UPDATE SET by = EXCLUDED.by, why = EXCLUDED.why, since = now()
"""
_SHARED = """
WITH freed AS (
    UPDATE exact_grant g SET shared = true, state = CASE g.state WHEN 'warned' THEN 'live' ELSE g.state END
      FROM exact_grant was WHERE g.person = $1 AND was.grant_id = g.grant_id
    RETURNING g.grant_id, was.state
)
SELECT l.party_id FROM freed JOIN exact_link l USING (grant_id) WHERE freed.state = 'warned' AND l.ended_at IS NULL
"""


async def share(pool: Pool, person: str, by: str, why: str) -> None:
    """This person may hold links of several accounts."""
    async with pool.acquire() as conn, conn.transaction():
        await alone(conn, person)
        await conn.execute(_SHARE, person, by, why)
        for row in await conn.fetch(_SHARED, person):
            await connect(conn, row["party_id"])


_UNSHARE = "DELETE FROM exact_shared WHERE person = $1 RETURNING true"
# By the link that is in use and was set up last; what nobody uses goes first.
_LAST = """
SELECT grant_id FROM exact_grant g WHERE person = $1 AND state = 'live'
 ORDER BY (SELECT max(created_at) FROM exact_link l WHERE l.grant_id = g.grant_id AND l.ended_at IS NULL) DESC NULLS LAST,
          created_at DESC LIMIT 1
"""
_LAPSE = """
WITH lapsed AS (
    UPDATE exact_grant SET state = 'lapsed', reason = $3, renewing_until = NULL, shared = false
     WHERE person = $1 AND state = 'live' AND grant_id <> $2 RETURNING grant_id
)
SELECT l.party_id FROM lapsed JOIN exact_link l USING (grant_id) WHERE l.ended_at IS NULL ORDER BY l.party_id
"""
_ALONE_AGAIN = "UPDATE exact_grant SET shared = false WHERE person = $1"


async def unshare(pool: Pool, person: str) -> list[UUID] | None:
    """It may not any more: the link that was set up last stays, the others lapse, with the reason. Parties of which it
    lapsed; None: there was no exception."""
    async with pool.acquire() as conn, conn.transaction():
        await alone(conn, person)
        if not await conn.fetchval(_UNSHARE, person):
            return None
        last = await conn.fetchval(_LAST, person)
        rows = []
        if last is not None:
            rows = await conn.fetch(
                _LAPSE, person, last, {"code": "exact-not-shared", **NO_MORE.model_dump()}
            )
        await conn.execute(_ALONE_AGAIN, person)
        return [row["party_id"] for row in rows]
