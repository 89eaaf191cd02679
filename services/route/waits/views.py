"""Parked invoices as people read them, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.parts import Difference, InvoiceSummary, ReceiverCandidate, Words
from services.route.waits.steps import Step, steps


class ParkedView(BaseModel):
    """One invoice that waits, why, and what to do."""

    invoice_id: UUID
    account_id: UUID = Field(description="whose it is")
    number: str | None
    receiver: str | None = Field(description="the buyer's name on the invoice")
    code: str
    reason: Words
    candidates: list[ReceiverCandidate] = Field(description="what the invoice says about its receiver")
    waits_for: list[str] = Field(description="scheme:value; it goes on when somebody has one of these")
    first: UUID | None = Field(description="the invoice that has its number already and says something else")
    differences: list[Difference] = Field(description="the first terms in which it differs from that one")
    steps: list[Step] = Field(description="who can do what about it; none once it waits no longer")
    state: str
    parked_at: datetime
    return_at: datetime | None = Field(description="when it is given back; null until you were reminded")
    closed_at: datetime | None


def view(row: Mapping[str, Any]) -> ParkedView:
    """A row of ``store`` as people read it."""
    summary = InvoiceSummary.model_validate(row["summary"])
    return ParkedView(
        invoice_id=row["invoice_id"],
        account_id=row["account_id"],
        number=summary.number,
        receiver=summary.buyer.name,
        code=row["code"],
        reason=Words.model_validate(row["reason"]),
        candidates=list(summary.candidates),
        waits_for=row["waits_for"],
        first=row["first_id"],
        differences=row["differences"],
        steps=steps(row["invoice_id"], row["code"], row["waits_for"]) if row["state"] == "open" else [],
        state=row["state"],
        parked_at=row["parked_at"],
        return_at=row["return_at"],
        closed_at=row["closed_at"],
    )
