"""What is handed to a channel, and what comes back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs.contracts.envelope import Frozen
from libs.contracts.parts import DocumentRef, InvoiceSummary, Receiver, Words

Channel = Literal["folder", "smtp"]
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


class Parcel(Frozen):
    """One delivery as it was planned: later changes of the receiver's settings do not touch it."""

    receiver: Receiver
    original: DocumentRef
    pdf: DocumentRef | None = None
    summary: InvoiceSummary
    settings: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one delivery. ``unknown``: an earlier attempt began and nobody knows how it ended."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    channel: Channel
    number: int
    fence: int
    unknown: bool
    parcel: Parcel

    @property
    def base_name(self) -> str:
        """The name both files get: readable, safe, and no other delivery's (it ends in the id)."""
        summary = self.parcel.summary
        number = _UNSAFE.sub("-", summary.number or "zonder-nummer").strip("-.")[:60] or "factuur"
        date = summary.issue_date.isoformat() if summary.issue_date else "zonder-datum"
        return f"{date}_{number}_{self.delivery_id.hex}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A job with the bytes it delivers."""

    job: Job
    xml: bytes
    pdf: bytes | None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The other side took it. ``receipt`` is what it said, or the name it lies under."""

    receipt: str
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """Not this time; another attempt may help."""

    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No attempt will help."""

    code: str
    reason: Words


Outcome = HandedOver | Failed | Refused
