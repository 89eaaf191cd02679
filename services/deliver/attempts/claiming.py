"""The claim: the SQL that leases what is due and writes down that its attempts start, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from libs.db.types import Pool
from services.deliver.attempts import turns
from services.deliver.attempts.turns import Key, Kind, Turns
from services.deliver.parcel import Channel, Job, Lease
from services.deliver.store import parcel_of

# What is due, and what outlived its lease: whoever had that is gone, or too slow to be trusted. Abandoned
# ones first: they are the oldest. A server that has just come back counts no lease as outlived yet: whoever
# has one could not renew it, and may have a result to write. What a recall stopped is about to be parked. What an operator
# holds back is put off, so that it does not stand before the rest; of a whole channel nothing is looked at. Each account's
# first come before anybody's second, also where documents are so large that not all can go. A probe is one when it is
# taken, by whoever is first.
#
# What an open breaker holds is put off once for each opening: one of them until the next probe, the others until its end is
# known, mostly. One that hangs is waited for as long as its lease.
#
# Looked at is twice what may be taken, by an array, which no plan reads the whole table for: whatever waits in a lane that
# is held up, the claim does not go through it.
_LOOK = """
    SELECT w.delivery_id FROM delivery w
     WHERE w.state = 'queued' AND NOT w.stopped AND w.channel = $1 AND w.due_at <= now() {of}
     ORDER BY w.due_at LIMIT 2 * {share}
"""
_DUE = """
    SELECT d.delivery_id, d.account_id, d.receiver_id, d.lane, d.size, d.due_at AS at, b.open_until, b.probing,
           EXISTS (SELECT FROM pause p WHERE p.account_id = d.account_id AND coalesce(p.channel, $1) = $1) AS paused
      FROM delivery d
      LEFT JOIN breaker b ON b.channel = d.channel AND b.receiver_id = d.receiver_id
       AND b.open_until IS NOT NULL AND coalesce(d.released_at, d.created_at) > now() - make_interval(secs => $6)
     WHERE d.delivery_id = ANY (ARRAY({look})) AND d.state = 'queued' AND NOT d.stopped AND d.lane <> ALL ($5::text[])
       AND NOT EXISTS (SELECT FROM pause WHERE channel = $1 AND account_id IS NULL)
     ORDER BY d.due_at LIMIT {share} FOR UPDATE OF d SKIP LOCKED
"""


_LOOKED = _LOOK.format(of="", share="$2::int")
_OLDEST = f"""
looked AS MATERIALIZED ({_LOOKED}), due AS MATERIALIZED (
    SELECT row.*, 0 AS turn FROM ({_DUE.format(look="SELECT delivery_id FROM looked", share="$2")}) row)
"""  # noqa: S608 - constants
_MORE = "(SELECT count(*) FROM due) >= $2 OR (SELECT count(*) FROM looked) >= 2 * $2"


def _of_each(key: str, kind: str) -> str:
    due = _DUE.format(look=_LOOK.format(of=f"AND w.{key} = line.key", share="$9::int"), share="$9")
    return f"""
due AS MATERIALIZED (
    SELECT row.*, line.place AS turn FROM unnest($8::{kind}[]) WITH ORDINALITY AS line (key, place), LATERAL ({due}) row)
"""  # noqa: S608 - constants


def _statement(due: str, key: str, more: str) -> str:
    return f"""
WITH abandoned AS MATERIALIZED (
    SELECT delivery_id, {key}::text AS key, size, true AS cut, lease_until AS at, 0 AS turn, NULL::uuid AS probes
      FROM delivery
     WHERE state = 'attempting' AND NOT stopped AND channel = $1 AND lease_until < now() AND lane <> ALL ($5::text[])
       AND $7::boolean AND pg_postmaster_start_time() < now() - make_interval(secs => $4)
       AND NOT EXISTS (SELECT FROM pause p WHERE coalesce(p.channel, $1) = $1
                          AND coalesce(p.account_id, delivery.account_id) = delivery.account_id)
     ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED
), {due}, probe AS MATERIALIZED (
    SELECT DISTINCT ON (receiver_id) delivery_id, open_until <= now() AS ready FROM due
     WHERE open_until IS NOT NULL AND NOT paused ORDER BY receiver_id, at, delivery_id
), ordered AS (
    SELECT delivery_id, key, cut, probes, nth, row_number() OVER line AS place, sum(size) OVER line - size AS ahead
      FROM (SELECT *, row_number() OVER (PARTITION BY cut, key ORDER BY at, delivery_id) AS nth
              FROM (SELECT * FROM abandoned
                    UNION ALL
                    SELECT delivery_id, {key}::text, size, false, at, turn,
                           CASE WHEN open_until IS NOT NULL THEN receiver_id END FROM due
                     WHERE NOT paused
                       AND (open_until IS NULL OR delivery_id IN (SELECT delivery_id FROM probe WHERE ready))
                    ) AS either) AS numbered
    WINDOW line AS (ORDER BY cut DESC, nth, turn, at, delivery_id)
), chosen AS (
    SELECT delivery_id, key, cut, probes, nth, place FROM ordered WHERE place <= $2 AND ahead < $3
), probing AS (
    UPDATE breaker b SET open_until = now() + make_interval(secs => $4), probing = true
      FROM chosen WHERE b.channel = $1 AND b.receiver_id = chosen.probes AND b.open_until <= now()
    RETURNING chosen.delivery_id
), put_off AS (
    UPDATE delivery d
       SET due_at = CASE WHEN due.paused THEN now() + interval '10 min'
                         WHEN due.probing AND due.open_until > now() + make_interval(secs => $4 - 2)
                         THEN now() + interval '2 s'
                         WHEN EXISTS (SELECT FROM probe WHERE probe.delivery_id = due.delivery_id)
                         THEN greatest(due.open_until, now() + interval '2 s')
                         ELSE greatest(due.open_until, now()) + interval '2 s' END
      FROM due
     WHERE d.delivery_id = due.delivery_id AND (due.paused OR due.open_until IS NOT NULL)
       AND NOT EXISTS (SELECT FROM probing WHERE probing.delivery_id = due.delivery_id)
    RETURNING d.delivery_id
), leased AS (
    UPDATE delivery d
       SET state = 'attempting', attempts = d.attempts + 1, lease_until = now() + make_interval(secs => $4),
           failures = d.failures + chosen.cut::int, unresolved = d.unresolved OR (chosen.cut AND $1 <> 'pull')
      FROM chosen
     WHERE d.delivery_id = chosen.delivery_id
       AND (chosen.probes IS NULL OR chosen.delivery_id IN (SELECT delivery_id FROM probing))
    RETURNING d.*, chosen.cut
), ended AS (
    UPDATE attempt a SET outcome = 'unknown', code = 'cut-short', detail = 'nobody came back with a result'
      FROM leased l
     WHERE l.cut AND a.delivery_id = l.delivery_id AND a.number = l.attempts - 1 AND a.outcome IS NULL
), started AS (
    INSERT INTO attempt (delivery_id, number, account_id, invoice_id)
    SELECT delivery_id, attempts, account_id, invoice_id FROM leased
)
SELECT l.delivery_id, l.invoice_id, l.account_id, l.receiver_id, l.receiver_name, l.channel, l.lane, l.attempts,
       l.unresolved, l.failures,
       now() - coalesce(l.released_at, l.created_at) AS age, l.correlation, l.traceparent, p.body,
       f.prepared_at IS NOT NULL AS prepared,
       b.receiver_id IS NOT NULL AS guarded, l.attempts = 1 AND l.routing = 1 AND l.released_at IS NULL AS straight,
       late.*
  FROM (SELECT (SELECT count(*) FROM put_off) AS put_off, {more} AS more,
               (SELECT count(*) FROM ordered) - (SELECT count(*) FROM chosen) AS behind,
               (SELECT key FROM chosen WHERE nth = 1 AND NOT cut
                   AND (SELECT count(*) FROM ordered WHERE nth = 1) > (SELECT count(*) FROM chosen WHERE nth = 1)
                 ORDER BY place DESC LIMIT 1) AS last) AS late
  LEFT JOIN (leased l LEFT JOIN parcel p USING (delivery_id)) ON true
  LEFT JOIN folder f ON l.channel = 'folder' AND f.name = l.lane
  LEFT JOIN breaker b ON b.channel = l.channel AND b.receiver_id = l.receiver_id
"""  # noqa: S608 - constants


_CLAIM: dict[Kind, str] = {
    "oldest": _statement(_OLDEST, "account_id", _MORE),
    "accounts": _statement(_of_each("account_id", "uuid"), "account_id", "true"),
    "lanes": _statement(_of_each("lane", "text"), "lane", "true"),
}


def _walk(key: str) -> str:
    """An index scan that skips: one look for each account or lane, whatever it has waiting; its first is due soonest."""
    return f"""
WITH RECURSIVE line AS (
    (SELECT {key} AS key, due_at FROM delivery WHERE state = 'queued' AND channel = $1 AND {key} > $2
      ORDER BY {key}, due_at LIMIT 1)
    UNION ALL
    SELECT following.key, following.due_at FROM line, LATERAL (
        SELECT d.{key} AS key, d.due_at FROM delivery d
         WHERE d.state = 'queued' AND d.channel = $1 AND d.{key} > line.key
         ORDER BY d.{key}, d.due_at LIMIT 1) following
)
SELECT key, due_at <= now() AS due FROM line LIMIT $3
"""  # noqa: S608 - constants


_WALK: dict[Kind, str] = {"accounts": _walk("account_id"), "lanes": _walk("lane")}


async def claim(
    pool: Pool,
    channel: Channel,
    most: int,
    most_bytes: int,
    seconds: float,
    lease: Lease,
    busy: Collection[str] = (),
    *,
    give_up_seconds: float = 259_200.0,
    abandoned: bool = True,
    turn: Turns | None = None,
) -> list[Job]:
    """Lease what is due, and write down that its attempts start, in one transaction: when this returns it is
    committed. It ends with the delivery whose documents reach ``most_bytes``. Lanes in ``busy`` are left
    alone; what an open breaker holds is put off, unless older than ``give_up_seconds``; what outlived
    its lease is taken over only if ``abandoned``. ``turn``: of this channel, what the claim before left behind; it is told
    what this one does, and whether there is more to look at where this one found nothing. The jobs share ``lease``."""
    turn = turn or Turns()
    kind = turn.kind

    async def walk(kind: Kind, after: Key, most_keys: int) -> Sequence[tuple[Key, bool]]:
        rows = await pool.fetch(_WALK[kind], channel, after, most_keys)
        return [(row["key"], row["due"] and row["key"] not in busy) for row in rows]

    keys = await turn.next(walk)
    of_each = () if kind == "oldest" else (keys, turns.share(most, len(keys)))
    given = (channel, most, most_bytes, seconds, list(busy), give_up_seconds, abandoned, *of_each)
    rows = await pool.fetch(_CLAIM[kind], *given)
    late = rows[0]
    jobs = [_job(row, lease) for row in rows if row["delivery_id"] is not None]
    turn.took(
        len(jobs),
        more=late["more"] or late["behind"] > 0,
        full=len(jobs) >= most or late["behind"] > 0,
        last=late["last"],
        put_off=late["put_off"] > 0,
    )
    return jobs


def _job(row: Any, lease: Lease) -> Job:
    parcel, broken = parcel_of(row)
    return Job(
        delivery_id=row["delivery_id"],
        invoice_id=row["invoice_id"],
        account_id=row["account_id"],
        channel=row["channel"],
        lane=row["lane"],
        number=row["attempts"],
        unresolved=row["unresolved"],
        failures=row["failures"],
        age=row["age"],
        parcel=parcel,
        lease=lease,
        broken=broken,
        prepared=row["prepared"],
        guarded=row["guarded"],
        straight=row["straight"],
        correlation=row["correlation"],
        traceparent=row["traceparent"],
    )
