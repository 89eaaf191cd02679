"""Which facts are worth a mail to the sender, and what makes two of them the same mail. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from libs.contracts import invoice
from libs.contracts.invoice import InvoiceFact
from libs.contracts.parts import Receiver
from libs.contracts.sandbox import is_sandbox

Kind = Literal["rejected", "quarantined", "parked", "returned", "undeliverable", "recalled", "not-theirs"]

KINDS: Mapping[str, Kind] = {
    invoice.InvoiceRejected.type: "rejected",
    invoice.InvoiceQuarantined.type: "quarantined",
    invoice.InvoiceParked.type: "parked",
    invoice.InvoiceReturned.type: "returned",
    invoice.InvoiceDeliveryParked.type: "parked",
    invoice.InvoiceUndeliverable.type: "undeliverable",
    invoice.InvoiceRecalled.type: "recalled",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to come. There is at most one of a ``topic`` per invoice, ever."""

    invoice_id: UUID
    account_id: UUID
    kind: Kind
    topic: str
    axis: str
    event_id: UUID
    to: Receiver | None = None
    """Whom it goes to when that is not the sender."""


def notices_of(event_id: UUID, data: InvoiceFact) -> list[Notice]:
    """The mails a fact asks for: to the sender, and to whoever got an invoice by mistake and has an address.
    Nobody is mailed about what is tried out."""
    if is_sandbox(data.account_id):
        return []
    own = notice_of(event_id, data)
    found = [own] if own else []
    if own and isinstance(data, invoice.InvoiceRecalled) and data.not_theirs and data.receiver.email:
        topic = f"not-theirs:{data.sequence}"
        found.append(replace(own, kind="not-theirs", topic=topic, to=data.receiver))
    return found


def notice_of(event_id: UUID, data: InvoiceFact) -> Notice | None:
    """The notice a fact asks for; None for good news, for what asks nothing, and for a mail that a program sent."""
    kind = KINDS.get(data.type)
    if kind is None or (isinstance(data, invoice.InvoiceQuarantined) and data.silent):
        return None
    if isinstance(data, invoice.InvoiceReturned) and data.first is not None:
        # The first one's answer is its answer, and nothing is asked of the sender.
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
