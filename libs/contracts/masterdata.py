"""Facts about the sync of Globe+ and Purchase to Pay: exchange ``masterdata.events``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from libs.contracts.envelope import Payload


class PlanApproved(Payload):
    """Somebody, or the schedule, wants exactly this plan applied."""

    exchange: ClassVar[str] = "masterdata.events"
    type: ClassVar[str] = "masterdata.plan_approved.v1"

    plan_id: UUID
    solution_id: UUID
    hash: str

    @property
    def subject(self) -> str:
        return str(self.plan_id)


class RecordSettled(Payload):
    """One record of a plan has its outcome (R300)."""

    exchange: ClassVar[str] = "masterdata.events"
    type: ClassVar[str] = "masterdata.record_settled.v1"

    plan_id: UUID
    administration: str
    kind: str
    external_id: str
    action: Literal["create", "update", "deactivate"]
    outcome: Literal["applied", "failed", "moved", "undone"]
    rule: str
    code: str
    payload_hash: str

    @property
    def subject(self) -> str:
        return str(self.plan_id)


class RunEnded(Payload):
    """A plan was applied, or is not going on."""

    exchange: ClassVar[str] = "masterdata.events"
    type: ClassVar[str] = "masterdata.run_ended.v1"

    plan_id: UUID
    solution_id: UUID
    state: Literal["applied", "stopped", "refused", "failed"]
    counts: dict[str, int]

    @property
    def subject(self) -> str:
        return str(self.plan_id)


ALL: tuple[type[Payload], ...] = (PlanApproved, RecordSettled, RunEnded)
