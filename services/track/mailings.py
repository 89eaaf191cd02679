"""SQL of the notices: each statement beside the one function that runs it.

::

    due ──gather──▶ joined to a lead, which stands for the mail
    lead ──claim──▶ due, attempt n started, lease ──act──▶ settle ──▶ sent | failed | due again later
      ▲                        │ nothing comes back
      └────── lease over ──────┘  unknown: the next attempt says that the mail may come twice

The number of the attempt is the fence: a result is taken only from the latest. What belongs together goes in one mail: a
notice waits until nothing more came for its address for a while, and an address that had many mails today gets one an
hour, with a list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from libs import clock
from libs.db.types import Connection, Pool
from services.track.listing import MOST
from services.track.notices import RECEIPTS, Kind, Notice, is_so
from services.track.status import Shown, show

SAFE = 0.75
"""Share of a lease after which nothing is sent."""

_INSERT = """
INSERT INTO notice (notice_id, invoice_id, account_id, kind, topic, axis, event_id, to_name, to_email, to_language)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
                     $9::text[], $10::text[])
ON CONFLICT (invoice_id, topic) DO NOTHING
"""


async def add(conn: Connection, notices: Sequence[Notice]) -> None:
    """Make notices due; one whose topic was told before is left alone."""
    if not notices:
        return
    rows = sorted(notices, key=lambda n: (n.invoice_id, n.topic))
    await conn.execute(
        _INSERT,
        [clock.uuid7() for _ in rows],
        [n.invoice_id for n in rows],
        [n.account_id for n in rows],
        [n.kind for n in rows],
        [n.topic for n in rows],
        [n.axis for n in rows],
        [n.event_id for n in rows],
        [n.to.name if n.to else None for n in rows],
        [n.to.email if n.to else None for n in rows],
        [n.to.language if n.to else None for n in rows],
    )


@dataclass(frozen=True, slots=True)
class Pace:
    """When what waits for one address becomes a mail."""

    quiet: timedelta
    """Once nothing more came for it for so long."""
    longest: timedelta
    """Or once the first waited for so long."""
    freely: int
    """Mails in a day; from then on it gets one an hour."""


# One gatherer at a time: two would make two mails of what belongs together. Whoever comes second leaves it to the first.
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('track notices', 0))"

# A notice whose account or status is not known (yet) simply waits. What somebody got by mistake is told apart.
_GATHER = """
WITH waiting AS MATERIALIZED (
    SELECT n.notice_id, n.account_id, n.created_at, lower(coalesce(n.to_email, a.email)) AS address,
           CASE WHEN n.kind = 'not-theirs' THEN n.notice_id END AS apart
      FROM notice n
      JOIN account a ON a.account_id = n.account_id
      JOIN status s ON s.invoice_id = n.invoice_id AND s.role = 'sender' AND s.account_id = n.account_id
     WHERE n.state = 'due' AND n.told_in IS NULL AND n.due_at <= now()
       FOR UPDATE OF n SKIP LOCKED),
ready AS (
    SELECT account_id, address, apart FROM waiting
     GROUP BY account_id, address, apart
    HAVING max(created_at) <= now() - $1::interval OR min(created_at) <= now() - $2::interval),
allowed AS (
    SELECT r.* FROM ready r
     CROSS JOIN LATERAL (SELECT count(*) AS today, max(started_at) AS last FROM notice_attempt t
                          WHERE t.attempt = 1 AND t.address = r.address
                            AND t.started_at > now() - interval '1 day') had
     WHERE had.today < $3 OR had.last <= now() - interval '1 hour'),
together AS (
    SELECT w.notice_id, first_value(w.notice_id) OVER (PARTITION BY w.account_id, w.address, w.apart
                                                       ORDER BY w.notice_id) AS lead
      FROM waiting w JOIN allowed a ON a.account_id = w.account_id AND a.address = w.address
                                   AND a.apart IS NOT DISTINCT FROM w.apart)
UPDATE notice n
   SET told_in = t.lead, state = CASE WHEN t.lead = n.notice_id THEN 'due' ELSE 'joined' END
  FROM together t WHERE t.notice_id = n.notice_id
"""


async def gather(pool: Pool, pace: Pace) -> None:
    """Make mails of the notices whose time has come."""
    async with pool.acquire() as conn, conn.transaction():
        if await conn.fetchval(_ALONE):
            await conn.execute(_GATHER, pace.quiet, pace.longest, pace.freely)


@dataclass(frozen=True, slots=True)
class Told:
    """One notice of a mail."""

    kind: Kind
    invoice_id: UUID
    shown: Shown
    fact: Any
    """What the status has of it on its axis; None of a receipt."""
    body: bytes | None
    """The CloudEvent it tells about: of the only one, and of receipts."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail in hand, its attempt already written down as started."""

    notice_id: UUID
    """Its lead."""
    attempt: int
    told: Sequence[Told]
    more: int
    """How many there are beside ``told``."""
    name: str
    email: str
    language: Literal["nl", "en"]
    age: timedelta
    """By the database's clock: a worker's may be wrong."""
    until: float
    """On ``clock.boottime``: nothing is sent after it, because somebody else may be about to."""
    repeat: bool
    """An earlier attempt is unknown: the mail may have gone out already."""


_DUE = """
SELECT n.notice_id, n.attempts, now() - n.created_at AS age,
       coalesce(n.to_name, a.name) AS name, coalesce(n.to_email, a.email) AS email,
       coalesce(n.to_language, a.language) AS language,
       EXISTS (SELECT FROM notice_attempt t WHERE t.notice_id = n.notice_id AND t.result IS NULL) AS repeat,
       (SELECT count(*) FROM notice m WHERE m.told_in = n.notice_id AND m.state IN ('due', 'joined')) AS all
  FROM notice n
  JOIN account a ON a.account_id = n.account_id
 WHERE n.state = 'due' AND n.told_in = n.notice_id AND n.due_at <= now()
 ORDER BY n.due_at LIMIT $1
   FOR UPDATE OF n SKIP LOCKED
"""

_INSIDE = """
SELECT m.told_in, m.notice_id, m.kind, m.invoice_id, m.axis, m.event_id, s.axes
  FROM unnest($1::uuid[]) AS l (lead)
 CROSS JOIN LATERAL (SELECT * FROM notice m WHERE m.told_in = l.lead AND m.state IN ('due', 'joined')
                      ORDER BY m.notice_id LIMIT $2) m
  JOIN status s ON s.invoice_id = m.invoice_id AND s.role = 'sender' AND s.account_id = m.account_id
 ORDER BY m.notice_id
"""

_BODIES = "SELECT event_id, body FROM fact WHERE event_id = ANY ($1::uuid[])"

_SUPERSEDE = "UPDATE notice SET state = 'superseded' WHERE notice_id = ANY ($1::uuid[])"

_START = """
WITH started AS (
    UPDATE notice SET attempts = attempts + 1, due_at = now() + $4 WHERE notice_id = ANY ($1::uuid[])
    RETURNING notice_id, attempts)
INSERT INTO notice_attempt (notice_id, attempt, address, repeat)
SELECT s.notice_id, s.attempts, lower(t.address), t.repeat
  FROM started s JOIN unnest($1::uuid[], $2::text[], $3::boolean[]) AS t (notice_id, address, repeat)
 USING (notice_id)
"""


async def claim(pool: Pool, most: int, lease: timedelta) -> list[Claimed]:
    """Take due mails in hand. Committed when this returns: whatever happens next, it is known that an
    attempt was made. What is no longer so is not told."""
    until = clock.boottime() + SAFE * lease.total_seconds()
    async with pool.acquire() as conn, conn.transaction():
        while rows := await conn.fetch(_DUE, most):
            inside = await _inside(conn, [row["notice_id"] for row in rows])
            live = [row for row in rows if inside.get(row["notice_id"])]
            if live:
                break
        if not rows:
            return []
        await conn.execute(
            _START,
            [row["notice_id"] for row in live],
            [row["email"] for row in live],
            [row["repeat"] for row in live],
            lease,
        )
    return [_claimed(row, inside[row["notice_id"]], until) for row in live]


async def _inside(conn: Connection, leads: Sequence[UUID]) -> dict[UUID, list[Told]]:
    """What each mail tells, by its lead; a lead that is no longer so itself still stands for the others."""
    mails: dict[UUID, list[Any]] = defaultdict(list)
    gone: list[UUID] = []
    for row in await conn.fetch(_INSIDE, leads, MOST):
        so = is_so(row["kind"], row["axis"], str(row["event_id"]), row["axes"])
        if so:
            mails[row["told_in"]].append(row)
        elif row["notice_id"] != row["told_in"]:
            gone.append(row["notice_id"])
    gone += [lead for lead in leads if not mails[lead]]
    await conn.execute(_SUPERSEDE, gone)
    for lead, rows in mails.items():
        # Who reads what is wrong with an invoice knows that it came; and one address may be two of ours.
        refused = {row["invoice_id"] for row in rows if row["kind"] not in RECEIPTS}
        kept = {(r["invoice_id"], r["kind"], r["event_id"]): r for r in rows}.values()
        mails[lead] = [r for r in kept if r["kind"] not in RECEIPTS or r["invoice_id"] not in refused]
    wanted = [
        r["event_id"] for rows in mails.values() for r in rows if len(rows) == 1 or r["kind"] in RECEIPTS
    ]
    bodies = {row["event_id"]: row["body"] for row in await conn.fetch(_BODIES, wanted)}
    return {
        lead: [
            Told(
                r["kind"],
                r["invoice_id"],
                show(r["axes"]),
                r["axes"].get(r["axis"]),
                bodies.get(r["event_id"]),
            )
            for r in rows
        ]
        for lead, rows in mails.items()
    }


def _claimed(row: Any, told: Sequence[Told], until: float) -> Claimed:
    return Claimed(
        notice_id=row["notice_id"],
        attempt=row["attempts"] + 1,
        told=told,
        more=max(row["all"] - MOST, 0),
        name=row["name"],
        email=row["email"],
        language=row["language"],
        age=row["age"],
        until=until,
        repeat=row["repeat"],
    )


Result = Literal["sent", "deferred", "refused"]

_END_ATTEMPT = """
UPDATE notice_attempt SET ended_at = now(), result = $3, detail = $4 WHERE notice_id = $1 AND attempt = $2
"""

_SETTLE = """
WITH settled AS (
    UPDATE notice SET state = $3, due_at = now() + $4 WHERE notice_id = $1 AND attempts = $2 AND state = 'due'
    RETURNING notice_id)
UPDATE notice n SET state = $3 FROM settled s
 WHERE n.told_in = s.notice_id AND n.state = 'joined' AND $3 <> 'due'
"""


async def settle(
    pool: Pool,
    claimed: Claimed,
    result: Result | None,
    detail: str,
    *,
    state: Literal["due", "sent", "failed"],
    again: timedelta = timedelta(0),
) -> None:
    """Write down how an attempt ended; ``result`` None: unknown. With state ``due`` it is tried ``again``
    after that long."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_END_ATTEMPT, claimed.notice_id, claimed.attempt, result, detail[:500])
        await conn.execute(_SETTLE, claimed.notice_id, claimed.attempt, state, again)
