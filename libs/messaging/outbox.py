"""The outbox: events leave a service only through a row committed with the state they tell about.

A row is one event. It waits here until the broker has it (``relay``); then it moves to ``outbox_sent``.
``append`` is what services call, inside their own transaction; a rollback takes the events with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from libs.contracts.envelope import Event
from libs.db.types import Connection
from libs.messaging import tracing

_APPEND = """
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[])
"""
_INSERT = """
INSERT INTO outbox (event_id, account, exchange, routing_key, subject, body, alone, not_before)
SELECT event_id, account, exchange, routing_key, subject, body, alone, now() + after
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::boolean[],
              $8::interval[])
       AS t (event_id, account, exchange, routing_key, subject, body, alone, after)
"""

MOVE = """
WITH gone AS (
    DELETE FROM outbox WHERE id = ANY ($1::bigint[])
    RETURNING id, event_id, account, exchange, routing_key, subject, body, created_at)
INSERT INTO outbox_sent (id, event_id, account, exchange, routing_key, subject, body, created_at)
SELECT * FROM gone
"""
"""What is said moves to what was said."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row to be: an event's bytes with an address."""

    event_id: UUID
    account: UUID
    exchange: str
    """Empty: straight to the queue called ``routing_key``."""
    routing_key: str
    subject: str
    body: bytes
    alone: bool = False
    """Never packed with others."""
    after: timedelta | None = None
    """Not before that much time has gone by, on the database's clock."""


async def append(conn: Connection, events: Sequence[Event]) -> None:
    """Add events to the outbox of this connection's schema, in one statement.

    Each goes to the exchange of its payload under its type. An event without a trace context gets that of
    the current span. An ``api`` connection may only add events of its own account.
    """
    if not events:
        return
    trace = tracing.current_traceparent()
    await conn.execute(
        _APPEND,
        [e.id for e in events],
        [e.account for e in events],
        [e.data.exchange for e in events],
        [e.type for e in events],
        [e.subject for e in events],
        [tracing.stamped(e, trace).encode() for e in events],
    )


async def append_rows(conn: Connection, rows: Sequence[Row]) -> None:
    """Add rows whose address is not simply that of their event: retries, parts of a pack, replays."""
    if rows:
        await conn.execute(
            _INSERT,
            [r.event_id for r in rows],
            [r.account for r in rows],
            [r.exchange for r in rows],
            [r.routing_key for r in rows],
            [r.subject for r in rows],
            [r.body for r in rows],
            [r.alone for r in rows],
            [r.after for r in rows],
        )
