"""What sync does with its own events: an approved plan is told to the runner, outcomes become history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.contracts.envelope import Event
from libs.contracts.masterdata import PlanApproved, RecordSettled, RunEnded
from libs.db.types import Connection
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Decided

_HISTORY = """
INSERT INTO history (event_id, account_id, plan_id, administration, kind, external_id, action, outcome, rule, code,
                     payload_hash, at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::timestamptz[])
ON CONFLICT DO NOTHING
"""
_APPROVED = (
    "UPDATE plan SET state = 'approved' WHERE plan_id = $1 AND hash = $2 AND state IN ('ready', 'asking')"
)


class Masterdata:
    """One queue for all of ``masterdata.*``."""

    queue = "sync.masterdata"
    pace = PROMPT
    heavy = False

    def __init__(self, look: Callable[[], None]) -> None:
        """``look``: wakes the runner."""
        self._look = look

    async def gather(self, events: Sequence[Event]) -> None:
        return None

    def decide(self, event: Event, known: None) -> PlanApproved | RecordSettled | RunEnded:
        if not isinstance(event.data, PlanApproved | RecordSettled | RunEnded):
            raise TypeError(f"{event.type} is nothing sync knows")
        return event.data

    def refused(self, event: Event, word: Reject | Park) -> PlanApproved | RecordSettled | RunEnded:
        raise word

    async def write(self, conn: Connection, decided: Sequence[Decided[Any]]) -> Sequence[Event]:
        settled: list[tuple[UUID, UUID, RecordSettled, datetime]] = []
        for each in decided:
            data = each.decision
            if isinstance(data, PlanApproved):
                await conn.execute(_APPROVED, data.plan_id, data.hash)
            elif isinstance(data, RecordSettled):
                settled.append((each.event.id, each.event.account, data, each.event.time))
        if settled:
            await conn.execute(
                _HISTORY,
                [event_id for event_id, *_ in settled],
                [account for _, account, *_ in settled],
                [data.plan_id for _, _, data, _ in settled],
                [data.administration for _, _, data, _ in settled],
                [data.kind for _, _, data, _ in settled],
                [data.external_id for _, _, data, _ in settled],
                [data.action for _, _, data, _ in settled],
                [data.outcome for _, _, data, _ in settled],
                [data.rule for _, _, data, _ in settled],
                [data.code for _, _, data, _ in settled],
                [data.payload_hash for _, _, data, _ in settled],
                [at for *_, at in settled],
            )
        self._look()
        return ()
