"""After a wrong delivery: what is under way between that sender and that receiver waits.

::

    invoice.recalled ─▶ the stop is noted; queued, parked ─▶ parked, attempting ─▶ parked if it fails or is cut short
    invoice.routed, decided before the stop was lifted ─▶ parked at once
    parked ── released by hand ─▶ queued      parked ── taken back, or waited too long ─▶ undeliverable
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.invoice import InvoiceRecalled
from libs.contracts.parts import Words
from libs.db.types import Connection
from services.deliver import facts
from services.deliver.parcel import Parked
from services.deliver.store import reason_of

STOPPED = Parked(
    "stopped",
    Words(
        nl="Facturen van u aan deze ontvanger zijn stilgelegd, omdat er een bij de verkeerde terecht was gekomen. Is deze "
        "factuur wel voor deze ontvanger, geef haar dan vrij; anders haalt u haar terug, verbetert u het nummer en "
        "stuurt u haar opnieuw.",
        en="Your invoices to this receiver were stopped, because one had gone to the wrong company. If this invoice is "
        "for this receiver, release it; otherwise take it back, mend the number and send it again.",
    ),
)

UNSURE = Parked(
    "stopped",
    Words(
        nl="Facturen van u aan deze ontvanger zijn stilgelegd, omdat er een bij de verkeerde terecht was gekomen. Een "
        "poging om deze te bezorgen werd toen afgebroken: misschien is zij aangekomen, vraag dat de ontvanger. Is deze "
        "factuur wel voor deze ontvanger, geef haar dan vrij; anders haalt u haar terug, verbetert u het nummer en "
        "stuurt u haar opnieuw.",
        en="Your invoices to this receiver were stopped, because one had gone to the wrong company. An attempt to deliver "
        "this one was cut short then: it may have arrived, ask the receiver. If this invoice is for this receiver, "
        "release it; otherwise take it back, mend the number and send it again.",
    ),
)

# Whoever enters a delivery looks for a stop, and whoever stops looks for deliveries: the lock makes one of them see the
# other. It waits for the writes under way, which are short.
_ALONE = "LOCK TABLE delivery IN SHARE ROW EXCLUSIVE MODE"
_STOP = """
INSERT INTO stop AS s (account_id, receiver_id, number)
SELECT account_id, receiver_id, max(number) FROM unnest($1::uuid[], $2::uuid[], $3::int[])
    AS t (account_id, receiver_id, number) GROUP BY account_id, receiver_id ORDER BY account_id, receiver_id
ON CONFLICT (account_id, receiver_id) DO UPDATE SET number = greatest(s.number, excluded.number)
RETURNING account_id, receiver_id
"""
# By the indexes of what is due, of what is leased and of what is parked. What waits for another package of the receiver
# would go when that company chooses one: it is parked anew, for this reason.
_MARK = """
WITH pairs AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS t (account_id, receiver_id)), under_way AS (
    SELECT delivery_id, account_id, receiver_id FROM delivery WHERE state = 'queued'
     UNION ALL
    SELECT delivery_id, account_id, receiver_id FROM delivery WHERE state = 'attempting'
     UNION ALL
    SELECT delivery_id, account_id, receiver_id FROM delivery WHERE state = 'parked' AND NOT stopped)
UPDATE delivery d SET stopped = true, state = CASE d.state WHEN 'parked' THEN 'queued' ELSE d.state END
  FROM under_way u JOIN pairs USING (account_id, receiver_id)
 WHERE d.delivery_id = u.delivery_id
"""


# Who got it by mistake is not shown it any longer.
_NOT_THEIRS = """
UPDATE delivery d SET recalled = true FROM unnest($1::uuid[], $2::uuid[]) AS t (invoice_id, receiver_id)
 WHERE d.invoice_id = t.invoice_id AND d.receiver_id = t.receiver_id
"""


async def stop(conn: Connection, recalls: Sequence[InvoiceRecalled], patience: timedelta) -> list[Event]:
    """Stop these senders and receivers; returns the events to emit. A recall that comes again changes nothing."""
    pairs = [(each.account_id, place, each.number) for each in recalls for place in each.places]
    await conn.execute(_ALONE)
    await conn.execute(
        _STOP,
        [account for account, _, _ in pairs],
        [place for _, place, _ in pairs],
        [number for _, _, number in pairs],
    )
    await conn.execute(
        _NOT_THEIRS, [each.invoice_id for each in recalls], [each.receiver.party_id for each in recalls]
    )
    await conn.execute(_MARK, [account for account, _, _ in pairs], [place for _, place, _ in pairs])
    return await park(conn, patience)


_MARK_NEW = """
UPDATE delivery d SET stopped = true
  FROM unnest($1::uuid[], $2::int[]) AS t (delivery_id, lifted), stop s
 WHERE d.delivery_id = t.delivery_id AND s.account_id = d.account_id AND s.receiver_id = d.receiver_id
   AND s.number > t.lifted AND d.state = 'queued'
RETURNING d.delivery_id
"""


async def look(conn: Connection, entered: Mapping[UUID, int], patience: timedelta) -> list[Event]:
    """Park those just entered between whom a stop is; by delivery, how many stops were lifted when its receiver was
    decided. Returns the events to emit."""
    if not entered or not await conn.fetch(_MARK_NEW, list(entered), list(entered.values())):
        return []
    return await park(conn, patience, entered)


_PARK = """
UPDATE delivery d
   SET state = 'parked', reason = CASE WHEN d.unresolved THEN $4::jsonb ELSE $1::jsonb END, findings = NULL,
       due_at = now() + $2::interval, sequence = d.sequence + 1
  FROM (SELECT delivery_id FROM delivery
         WHERE stopped AND state = 'queued' AND ($3::uuid[] IS NULL OR delivery_id = ANY ($3))
         ORDER BY delivery_id FOR NO KEY UPDATE) AS these
 WHERE d.delivery_id = these.delivery_id
RETURNING d.delivery_id, d.invoice_id, d.account_id, d.receiver_id, d.receiver_name, d.channel, d.attempts, d.sequence,
          d.correlation, d.traceparent, d.unresolved
"""


async def park(conn: Connection, patience: timedelta, these: Collection[UUID] | None = None) -> list[Event]:
    """Park what is stopped and not under an attempt; returns the events to emit."""
    only = None if these is None else list(these)
    rows = await conn.fetch(_PARK, reason_of(STOPPED), patience, only, reason_of(UNSURE))
    return [facts.stopped(row, UNSURE if row["unresolved"] else STOPPED) for row in rows]


# Nobody takes it over to find out what it did: to find out by mail is to send it again.
_CUT_SHORT = """
WITH cut AS (
    UPDATE delivery SET state = 'queued', lease_until = NULL, unresolved = true, failures = failures + 1
     WHERE stopped AND state = 'attempting' AND lease_until < now()
       AND pg_postmaster_start_time() < now() - make_interval(secs => $1)
    RETURNING delivery_id, attempts
)
UPDATE attempt a SET outcome = 'unknown', code = 'cut-short', detail = 'nobody came back with a result'
  FROM cut WHERE a.delivery_id = cut.delivery_id AND a.number = cut.attempts AND a.outcome IS NULL
"""


async def settle(conn: Connection, patience: timedelta, lease_seconds: float) -> list[Event]:
    """Park what was under an attempt when it was stopped, once that failed or outlived its lease; returns the events
    to emit. As for a claim, a server that has just come back counts no lease as outlived yet."""
    await conn.execute(_CUT_SHORT, lease_seconds)
    return await park(conn, patience)
