"""What sync does with its own events: an approved plan is told to the runner, outcomes become history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from libs.contracts.envelope import Event
from libs.contracts.masterdata import PlanApproved, RecordSettled, RunEnded
from libs.db.types import Connection
from libs.errors import Park, Reject
from libs.messaging import PROMPT, Decided
from services.sync import history

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
        for each in decided:
            if isinstance(each.decision, PlanApproved):
                await conn.execute(_APPROVED, each.decision.plan_id, each.decision.hash)
        await history.keep(
            conn,
            [(each.event, each.decision) for each in decided if isinstance(each.decision, RecordSettled)],
        )
        self._look()
        return ()
