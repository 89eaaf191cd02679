"""Which facts are worth a mail to the sender, and what makes two of them the same mail. Pure.

What came by mail is answered by mail: a receipt, or what is wrong with it. It goes to the address the account has
registered, and to the address in From as well where DMARC says that its domain answers for it (``reply_to``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from libs.contracts import invoice
from libs.contracts.invoice import InvoiceFact
from libs.contracts.sandbox import is_sandbox
from services.track.status import Status, stands

Kind = Literal[
    "rejected",
    "quarantined",
    "parked",
    "returned",
    "undeliverable",
    "recalled",
    "not-theirs",
    "answered",
    "receipt",
    "repeat",
]
RECEIPTS = ("receipt", "repeat")
"""They tell of the past, and are true whatever became of the invoice since."""

KINDS: Mapping[str, Kind] = {
    invoice.InvoiceRejected.type: "rejected",
    invoice.InvoiceQuarantined.type: "quarantined",
    invoice.InvoiceParked.type: "parked",
    invoice.InvoiceReturned.type: "returned",
    invoice.InvoiceDeliveryParked.type: "parked",
    invoice.InvoiceUndeliverable.type: "undeliverable",
    invoice.InvoiceRecalled.type: "recalled",
    invoice.InvoiceAnswered.type: "answered",
}


@dataclass(frozen=True, slots=True)
class To:
    """Somebody who is not the account. ``name``, ``language``: None: those of the account."""

    email: str
    name: str | None = None
    language: Literal["nl", "en"] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to come. There is at most one of a ``topic`` per invoice, ever."""

    invoice_id: UUID
    account_id: UUID
    kind: Kind
    topic: str
    axis: str
    event_id: UUID
    to: To | None = None
    """Whom it goes to when that is not the sender."""

    def is_so(self, status: Status) -> bool:
        """Whether what it tells is still how things are."""
        return is_so(self.kind, self.axis, str(self.event_id), status)


def is_so(kind: str, axis: str, event_id: str, status: Status) -> bool:
    return kind in RECEIPTS or stands(status, axis, event_id)


def notices_of(event_id: UUID, data: InvoiceFact) -> list[Notice]:
    """The mails a fact asks for: to the sender, and to whoever got an invoice by mistake and has an address.
    Nobody is mailed about what is tried out."""
    if is_sandbox(data.account_id):
        return []
    own = notice_of(event_id, data)
    found = [own] if own else []
    if own and isinstance(data, invoice.InvoiceRecalled) and data.not_theirs and data.receiver.email:
        receiver = To(data.receiver.email, data.receiver.name, data.receiver.language)
        found.append(replace(own, kind="not-theirs", topic=f"not-theirs:{data.sequence}", to=receiver))
    if own and isinstance(data, invoice.HandedIn) and data.reply_to:
        found.append(replace(own, topic=f"{own.topic}:from", to=To(data.reply_to)))
    return found


def notice_of(event_id: UUID, data: InvoiceFact) -> Notice | None:
    """The notice a fact asks for; None for good news, for what asks nothing, and for a mail that a program sent.
    What came by API had its answer there."""
    kind = KINDS.get(data.type)
    if isinstance(data, invoice.HandedIn):
        if data.silent:
            return None
        if data.channel == "mail" and kind is None:
            kind = "repeat" if isinstance(data, invoice.InvoiceDuplicate) else "receipt"
    if kind is None:
        return None
    if isinstance(data, invoice.InvoiceReturned) and data.first is not None:
        # The first one's answer is its answer, and nothing is asked of the sender.
        return None
    if isinstance(data, invoice.InvoiceAnswered) and data.answer == "accepted":
        return None
    if isinstance(data, invoice.InvoiceUndeliverable) and data.returned:
        kind = "returned"
    # Parked is told once per reason: an invoice that goes round and waits for the same thing is no news; when
    # it is given back, is.
    if isinstance(data, invoice.InvoiceParked):
        which = data.code if data.return_on is None else f"{data.code}:{data.return_on}"
    elif isinstance(data, invoice.InvoiceDeliveryParked):
        which = f"{data.axis}:{data.code}"
    else:
        which = f"{data.axis}:{data.sequence}"
    return Notice(data.invoice_id, data.account_id, kind, f"{kind}:{which}", data.axis, event_id)
