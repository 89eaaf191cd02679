"""What is handed to a channel, and what comes back. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from uuid import UUID

from pydantic import Field

from libs import clock
from libs.contracts.envelope import Frozen
from libs.contracts.parts import Agreed, DocumentRef, Finding, Identifier, InvoiceSummary, Receiver, Words
from libs.einvoice.packages import ORIGINAL

Channel = Literal["folder", "sftp", "smtp", "https", "pull", "exact_online", "sandbox"]
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


class Parcel(Frozen):
    """One delivery as it was planned: later changes of the receiver's settings do not touch it, unless it is parked."""

    receiver: Receiver
    original: DocumentRef
    pdf: DocumentRef | None = None
    summary: InvoiceSummary
    settings: dict[str, str] = Field(default_factory=dict)
    connection_id: UUID | None = None
    """The connection it was planned by."""
    package: str | None = None
    """Of that connection."""
    warnings: tuple[Words, ...] = ()
    """What the receiver should know before it pays."""
    fields: dict[str, str] = Field(default_factory=dict)
    """Extra fields that the sender said beside it: its word, for whose books match them."""

    @property
    def agreed(self) -> Agreed:
        """How its receiver wants it, without where."""
        return Agreed(
            package=self.package,
            format=self.settings.get("format", ORIGINAL),
            page=self.settings.get("page") == "yes",
        )

    @property
    def fallback(self) -> bool:
        """Whether it goes by e-mail when its package does not take it."""
        return "fallback_email" in self.settings

    @property
    def size(self) -> int:
        """Bytes of its documents."""
        return self.original.size + (self.pdf.size if self.pdf else 0)


def unreadable(receiver_id: UUID, receiver_name: str) -> Parcel:
    """Stands in for a parcel that is gone or cannot be read, so that its delivery can come to an end: it knows the
    receiver, and nothing that could be delivered."""
    return Parcel(
        receiver=Receiver(
            party_id=receiver_id, name=receiver_name, identifier=Identifier(scheme="", value="")
        ),
        original=DocumentRef(document_id=UUID(int=0), sha256="0" * 64, size=0, media_type=""),
        summary=InvoiceSummary(),
    )


class Lease:
    """Whether an attempt may still act. ``until`` is on this process's own clock, well before the moment
    at which the database gives the delivery to somebody else."""

    __slots__ = ("_time", "until")

    def __init__(self, until: float, *, time: Callable[[], float] = clock.boottime) -> None:
        self.until = until
        self._time = time

    @property
    def held(self) -> bool:
        return self._time() < self.until


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one delivery."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    channel: Channel
    lane: str
    number: int
    """The fence: somebody else who takes the delivery over has a higher one."""
    unresolved: bool
    """An earlier attempt began and nobody knows how it ended."""
    failures: int
    age: timedelta
    """Since it was planned, or went on from being parked; by the database's clock, for workers' may be wrong."""
    parcel: Parcel
    lease: Lease = field(compare=False)
    broken: str = ""
    """Why its parcel cannot be delivered; then ``parcel`` only stands in."""
    prepared: bool = True
    """Folder channel: the folder was there before."""
    guarded: bool = False
    """Its receiver has a breaker with something in it: for this channel, some attempt failed before."""
    straight: bool = True
    """The first attempt at an invoice that never waited for a fact or a person."""
    correlation: str | None = None
    traceparent: str | None = None

    @property
    def base_name(self) -> str:
        """The name both files get: readable, safe everywhere, and no other delivery's (it ends in the id)."""
        return base_name(self.parcel.summary, self.delivery_id)


def base_name(summary: InvoiceSummary, delivery_id: UUID) -> str:
    """``2026-11-02_F1_<id>``: at most 105 characters of ``A-Za-z0-9._-``, never beginning with a dot."""
    number = _UNSAFE.sub("-", summary.number or "").strip("-.")[:60].rstrip("-.") or "factuur"
    date = summary.issue_date.isoformat() if summary.issue_date else "zonder-datum"
    return f"{date}_{number}_{delivery_id.hex}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A job with the bytes it delivers."""

    job: Job
    xml: bytes | None
    """The e-invoice; None for a receiver who takes nothing but a page."""
    pdf: bytes | None
    extension: str = "xml"
    """Of the e-invoice: ``xml``, ``json`` or ``csv``."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The other side took it. ``receipt`` is what it said, or the name it lies under. ``repeated``: an
    earlier attempt may have been taken as well, and it could not be found out. ``outward``: what its sender reads in
    place of the receipt, which stays inside."""

    receipt: str
    repeated: bool = False
    outward: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Surely not taken this time; another attempt may help. ``code`` is stable, ``detail`` for people.
    ``resolved``: it was found out that no earlier attempt was taken either. ``wait``: the receiver said not before."""

    code: str
    detail: str
    resolved: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Perhaps taken: the connection broke between the last word and the answer."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Nothing was done: the lease was gone, the hub stops, the lane is busy. No attempt is counted.
    ``trouble``: because of the receiver, which does not answer. ``fault``: because the hub stumbled. With either it
    does not go on for longer than failures may. ``wait``: until it is looked at again, if not at once."""

    detail: str
    trouble: bool = False
    fault: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """It lies ready for a receiver that fetches it; nothing more is done before ``until``."""

    until: timedelta


@dataclass(frozen=True, slots=True)
class Refused:
    """No attempt will help."""

    code: str
    reason: Words
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outward:
    """What a sender reads where its receiver has to act: that it waits for that, and nothing of the receiver's house."""

    code: str
    reason: Words


@dataclass(frozen=True, slots=True)
class Parked:
    """Nothing was taken, because what the receiver takes cannot be made of it, or it takes nothing there. It waits for
    another package of the receiver, or for a person. ``ends_connection``: nothing more is planned by the one it had.
    ``outward``: the receiver has to act; code and reason are what it alone reads (``held``), and this is for the sender."""

    code: str
    reason: Words
    detail: str = ""
    findings: tuple[Finding, ...] = ()
    ends_connection: bool = False
    outward: Outward | None = None


Outcome = HandedOver | Failed | Unknown | NotBegun | Offered | Refused | Parked


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parked delivery whose row is locked."""

    delivery_id: UUID
    invoice_id: UUID
    account_id: UUID
    channel: Channel
    lane: str
    attempts: int
    unresolved: bool
    correlation: str | None
    traceparent: str | None
    parcel: Parcel
    broken: str = ""
    """As with a job."""


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a parked delivery: it goes on by this way, ``how`` saying why, or not at all."""

    waiting: Waiting
    channel: Channel
    lane: str
    parcel: Parcel
    how: Words | Refused
    returned: bool = False
    """Given back to its sender."""
