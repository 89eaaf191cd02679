"""SQL of what is remembered of records: their identities, and the mirror of Purchase to Pay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from libs.db.types import Connection
from services.sync import standstill
from services.sync.mappings.field import Name, Payload
from services.sync.planning import Known

# One look-up by the key for each id, whatever the planner believes of a table it has not analysed yet: it would
# read every record of the kind for each chunk (500 of 10,000 took 277 ms, and now take 2).
_KNOWN = """
SELECT w.record_id, i.external_id, i.stamp, i.digest, i.held, CASE WHEN $5 THEN i.agreed END AS agreed
  FROM unnest($4::text[]) AS w (record_id), LATERAL (
    SELECT * FROM identity WHERE client_id = $1 AND administration = $2 AND kind = $3 AND record_id = w.record_id LIMIT 1) i
"""


async def known(
    conn: Connection, client_id: UUID, administration: str, kind: Name, ids: Sequence[str]
) -> dict[str, Known]:
    """What is remembered of these records, by record id."""
    rows = await conn.fetch(_KNOWN, client_id, administration, kind, list(ids), kind == "supplier")
    return {
        row["record_id"]: Known(row["external_id"], row["stamp"], row["digest"], row["agreed"], row["held"])
        for row in rows
    }


_STAMPS = """
SELECT record_id, stamp, digest <> '' AS went_over, external_id FROM identity
 WHERE client_id = $1 AND administration = $2 AND kind = $3
"""


async def stamps(
    conn: Connection, client_id: UUID, administration: str, kind: Name
) -> dict[str, tuple[str, bool, str]]:
    """Stamp, whether it went over, and external id of every record remembered, by record id."""
    rows = await conn.fetch(_STAMPS, client_id, administration, kind)
    return {row["record_id"]: (row["stamp"], row["went_over"], row["external_id"]) for row in rows}


_COMPARED = """
SELECT coalesce(p.record_id, i.record_id) AS record_id, p.record_id IS NULL AS gone,
       coalesce(i.digest <> '', false) AS went_over, p.stamp IS NOT DISTINCT FROM i.stamp AS alike,
       CASE WHEN i.digest <> '' THEN i.external_id ELSE '' END AS external_id
  FROM unnest($4::text[], $5::text[], $6::text[]) AS p (record_id, stamp, code)
  FULL JOIN (SELECT record_id, stamp, digest, external_id FROM identity
              WHERE client_id = $1 AND administration = $2 AND kind = $3) AS i USING (record_id)
 WHERE $7 OR p.stamp IS DISTINCT FROM i.stamp OR (i.digest <> '' AND i.external_id <> p.code)
"""


class Compared(NamedTuple):
    """A record that is in Globe+, in our memory or in both, and not alike in them."""

    record_id: str
    gone: bool
    """From Globe+."""
    went_over: bool
    alike: bool
    """It was not changed: only what it is called in Purchase to Pay is not its code any more, or all were asked for."""
    external_id: str
    """What it is called there; empty: it never went over."""


async def compared(
    conn: Connection,
    client_id: UUID,
    administration: str,
    kind: Name,
    ids: Sequence[str],
    stamps: Sequence[str],
    codes: Sequence[str],
    *,
    whole: bool,
) -> list[Compared]:
    """Hold the stamps Globe+ has now against those remembered; ``whole``: also give what is alike. Nearly everything
    is, so it is Postgres that compares: only what differs comes back. ``codes``: of kinds known by code alone, to find
    those that were renumbered; else empty."""
    rows = await conn.fetch(
        _COMPARED, client_id, administration, kind, list(ids), list(stamps), list(codes), whole
    )
    return [Compared(*row) for row in rows]


_HOLDERS = """
SELECT external_id, administration, record_id FROM identity
 WHERE client_id = $1 AND kind = $2 AND external_id = ANY ($3::text[]) AND digest <> ''
 ORDER BY external_id, administration, length(record_id), record_id
"""


async def holders(
    conn: Connection, client_id: UUID, kind: Name, external_ids: Sequence[str]
) -> list[tuple[str, str, str]]:
    """External id, administration and record of all that went over under these external ids, in their order."""
    rows = await conn.fetch(_HOLDERS, client_id, kind, list(external_ids))
    return [(row["external_id"], row["administration"], row["record_id"]) for row in rows]


_SEEN = """
INSERT INTO identity (client_id, administration, kind, account_id, record_id, external_id, stamp, digest, agreed)
SELECT $1, $2, $3, $4, t.record_id, t.external_id, t.stamp, t.digest, t.agreed
  FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
       AS t (record_id, external_id, stamp, digest, agreed)
ON CONFLICT (client_id, administration, kind, record_id) DO UPDATE SET
    external_id = excluded.external_id, stamp = excluded.stamp,
    digest = CASE WHEN excluded.digest <> '' THEN excluded.digest ELSE identity.digest END,
    agreed = coalesce(excluded.agreed, identity.agreed),
    held = CASE WHEN excluded.digest <> '' AND excluded.digest <> identity.held THEN '' ELSE identity.held END
"""


async def remember(
    conn: Connection,
    client_id: UUID,
    account_id: UUID,
    administration: str,
    kind: Name,
    records: Sequence[tuple[str, str, str, str, Payload | None]],
) -> None:
    """Note records: id, external id, stamp, digest (empty: as it was), what was agreed (None: as it was)."""
    if records:
        await standstill.over(conn, client_id, administration, kind)
        ids, externals, marks, digests, agreed = zip(*records, strict=True)
        await conn.execute(
            _SEEN,
            client_id,
            administration,
            kind,
            account_id,
            list(ids),
            list(externals),
            list(marks),
            list(digests),
            list(agreed),
        )


_FORGET = """
DELETE FROM identity WHERE client_id = $1 AND administration = $2 AND kind = $3 AND record_id = ANY ($4::text[])
"""


async def forget(
    conn: Connection, client_id: UUID, administration: str, kind: Name, ids: Sequence[str]
) -> None:
    """Forget records that are gone and settled."""
    if ids:
        await standstill.over(conn, client_id, administration, kind)
        await conn.execute(_FORGET, client_id, administration, kind, list(ids))


_HOLD = """
UPDATE identity SET held = $5 WHERE client_id = $1 AND administration = $2 AND kind = $3 AND record_id = $4
"""


async def hold(
    conn: Connection, client_id: UUID, administration: str, kind: Name, record_id: str, digest: str
) -> None:
    """Do not send what has this digest again."""
    await conn.execute(_HOLD, client_id, administration, kind, record_id, digest)


_TOUCH = (
    "UPDATE identity SET stamp = '' WHERE client_id = $1 AND kind = $2 AND external_id = ANY ($3::text[])"
)


async def touch(conn: Connection, client_id: UUID, kind: Name, external_ids: Sequence[str]) -> None:
    """These were changed in Purchase to Pay: without a stamp they are not as they were until they are weighed, whatever
    becomes of the plan that saw it first."""
    if external_ids:
        await conn.execute(_TOUCH, client_id, kind, list(external_ids))


_UNSTAMP = """
UPDATE identity SET stamp = ''
 WHERE client_id = $1 AND administration = $2 AND kind = $3 AND record_id = ANY ($4::text[]) AND stamp <> ''
"""


async def unstamp(
    conn: Connection, client_id: UUID, administration: str, kind: Name, ids: Sequence[str]
) -> None:
    """Something is to be done about these: they are not as they were until it is done, whatever becomes of this plan."""
    if ids:
        await conn.execute(_UNSTAMP, client_id, administration, kind, list(ids))


_COUNT = "SELECT count(*) FROM identity WHERE client_id = $1 AND digest <> ''"


async def count(conn: Connection, client_id: UUID) -> int:
    """How many records went over so far."""
    return int(await conn.fetchval(_COUNT, client_id))


_CURSOR = "SELECT since, seen FROM mirror_cursor WHERE client_id = $1 AND kind = $2"


async def cursor(conn: Connection, client_id: UUID, kind: Name) -> tuple[datetime | None, int]:
    """Until when the mirror of a kind is complete (None: it is to be read whole), and its generation."""
    row = await conn.fetchrow(_CURSOR, client_id, kind)
    return (row["since"], row["seen"]) if row else (None, 0)


_MOVE_CURSOR = """
INSERT INTO mirror_cursor (client_id, kind, account_id, since, seen) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (client_id, kind) DO UPDATE SET since = excluded.since, seen = excluded.seen
"""


async def move_cursor(
    conn: Connection, client_id: UUID, account_id: UUID, kind: Name, since: datetime, seen: int
) -> None:
    await conn.execute(_MOVE_CURSOR, client_id, kind, account_id, since, seen)


_REFLECT = """
WITH given AS (
    SELECT DISTINCT ON (external_id) external_id, payload FROM unnest($4::text[], $5::jsonb[]) AS t (external_id, payload)
), changed AS (
    SELECT g.external_id FROM given g LEFT JOIN LATERAL (
        SELECT payload FROM mirror WHERE client_id = $1 AND kind = $2 AND external_id = g.external_id LIMIT 1) m ON true
     WHERE m.payload IS DISTINCT FROM g.payload
), written AS (
    INSERT INTO mirror (client_id, kind, account_id, external_id, payload, seen)
    SELECT $1, $2, $3, external_id, payload, $6 FROM given
    ON CONFLICT (client_id, kind, external_id) DO UPDATE SET payload = excluded.payload, seen = excluded.seen
)
SELECT external_id FROM changed
"""


async def reflect(
    conn: Connection,
    client_id: UUID,
    account_id: UUID,
    kind: Name,
    records: Sequence[tuple[str, Payload]],
    seen: int,
) -> list[str]:
    """Put what Purchase to Pay has into the mirror; returns the external ids that are not as they were."""
    if not records:
        return []
    rows = await conn.fetch(
        _REFLECT,
        client_id,
        kind,
        account_id,
        [external_id for external_id, _ in records],
        [payload for _, payload in records],
        seen,
    )
    return [row["external_id"] for row in rows]


_SWEEP = "DELETE FROM mirror WHERE client_id = $1 AND kind = $2 AND seen < $3 RETURNING external_id"


async def sweep(conn: Connection, client_id: UUID, kind: Name, seen: int) -> list[str]:
    """After a full reading: what was not in it is no more. Returns what that was."""
    return [row["external_id"] for row in await conn.fetch(_SWEEP, client_id, kind, seen)]


_MIRRORED = """
SELECT w.external_id, m.payload FROM unnest($3::text[]) AS w (external_id), LATERAL (
    SELECT payload FROM mirror WHERE client_id = $1 AND kind = $2 AND external_id = w.external_id LIMIT 1) m
"""


async def mirrored(
    conn: Connection, client_id: UUID, kind: Name, external_ids: Sequence[str]
) -> dict[str, Payload]:
    """What Purchase to Pay has under these ids, as last seen."""
    rows = await conn.fetch(_MIRRORED, client_id, kind, list(external_ids))
    return {row["external_id"]: row["payload"] for row in rows}


_EXTERNAL_IDS = "SELECT external_id FROM mirror WHERE client_id = $1 AND kind = $2 ORDER BY external_id"


async def external_ids(conn: Connection, client_id: UUID, kind: Name) -> list[str]:
    """Everything Purchase to Pay has of a kind, as last seen."""
    return [row["external_id"] for row in await conn.fetch(_EXTERNAL_IDS, client_id, kind)]


_KNOWS = "SELECT EXISTS (SELECT 1 FROM identity WHERE client_id = $1 AND administration = $2)"


async def knows(conn: Connection, client_id: UUID, administration: str) -> bool:
    """Whether anything is remembered of an administration."""
    return bool(await conn.fetchval(_KNOWS, client_id, administration))


def rows_of(records: Sequence[dict[str, Any]]) -> list[tuple[str, Payload]]:
    """Records of a page with their external ids; one without an id cannot be known and is left out."""
    return [(str(each["externalId"]), each) for each in records if each.get("externalId")]
