"""What became of a record in every run: told by events, and kept when plans are cleared away (R300)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.contracts.envelope import Event
from libs.contracts.masterdata import RecordSettled
from libs.db.types import Connection

_KEEP = """
INSERT INTO history (event_id, account_id, plan_id, administration, kind, external_id, action, outcome, rule, code,
                     payload_hash, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::timestamptz[])
ON CONFLICT DO NOTHING
"""


async def keep(conn: Connection, told: Sequence[tuple[Event, RecordSettled]]) -> None:
    """Note what was told."""
    if told:
        rows = [
            (
                event.id,
                event.account,
                data.plan_id,
                data.administration,
                data.kind,
                data.external_id,
                data.action,
                data.outcome,
                data.rule,
                data.code,
                data.payload_hash,
                event.time,
            )
            for event, data in told
        ]
        await conn.execute(_KEEP, *map(list, zip(*rows, strict=True)))


# What was not told yet (nobody listens while only the command line is used) stands in its plan.
_OF = """
SELECT plan_id, administration, kind, external_id, action, outcome, rule, code, at FROM history
 WHERE kind = $1 AND external_id = $2
UNION ALL
SELECT i.plan_id, i.administration, i.kind, i.external_id, i.action, i.state, i.rule, i.code, i.settled_at FROM item i
 WHERE i.account_id IN (SELECT account_id FROM plan) AND i.kind = $1 AND i.external_id = $2 AND i.settled_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM history h
                    WHERE h.account_id = i.account_id AND h.kind = i.kind AND h.external_id = i.external_id
                      AND h.plan_id = i.plan_id AND h.administration = i.administration AND h.outcome = i.state)
 ORDER BY at LIMIT 1000
"""


async def of(conn: Connection, kind: str, external_id: str) -> list[dict[str, Any]]:
    """What became of one record in every run ``conn`` may see, oldest first."""
    return [dict(row.items()) for row in await conn.fetch(_OF, kind, external_id)]
