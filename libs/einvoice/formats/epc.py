"""The EPC QR code (EPC069-12): scanned by a bank's app, it fills in a SEPA credit transfer."""

from __future__ import annotations

import io
from decimal import Decimal

import segno
from stdnum import iso11649

from libs.einvoice.model import Invoice, PaymentInstructions
from libs.identifiers import iban

_LEAST, _MOST = Decimal("0.01"), Decimal("999999999.99")
_NAME, _TEXT = 70, 140
"""Characters."""
_BYTES = 331
"""All of it; as many as a code of version 13 holds, the largest the standard allows."""
_TRANSFERS = frozenset({"30", "31", "42", "58"})
"""Means of payment (UNCL 4461) where the buyer makes a transfer. Whoever is debited, or paid with a card, must not pay
once more; 57 is an agreement that stands already."""


def payload(invoice: Invoice) -> str | None:
    """What the code says; None where nothing can be paid this way: no valid IBAN, no euros, nothing due, another means
    of payment than a transfer, shares for several accounts (g-account), more text than a transfer or a code holds."""
    due = invoice.totals.amount_due if invoice.totals is not None else None
    name = next(
        (
            party.name
            for party in (invoice.payee, invoice.seller)
            if party is not None and party.name is not None
        ),
        None,
    )
    means = next((each for each in invoice.payment_instructions if _pays(each.account_identifier)), None)
    if (
        due is None
        or name is None
        or means is None
        or invoice.is_credit_note
        or invoice.currency_code != "EUR"
        or not all(_transfer(each) for each in invoice.payment_instructions)
    ):
        return None
    if not _LEAST <= due.value <= _MOST or due.value != round(due.value, 2):
        return None
    # Each term is one line of the code.
    name = " ".join((means.account_name or name).split())[:_NAME]
    reference = " ".join((means.remittance_information or invoice.number or "").split())
    structured = reference.replace(" ", "") if iso11649.is_valid(reference) else ""
    number = "".join((means.account_identifier or "").split()).upper()
    text = "" if structured else reference
    code = "\n".join(
        ("BCD", "002", "1", "SCT", "", name, number, f"EUR{due.value:.2f}", "", structured, text)
    )
    # Half a reference is one the seller does not know.
    return code if len(text) <= _TEXT and len(code.encode()) <= _BYTES else None


def _transfer(means: PaymentInstructions) -> bool:
    """Whether the buyer pays the whole amount this way."""
    return (
        means.means_type_code in _TRANSFERS
        and means.mandate_reference_identifier is None
        and means.amount is None
    )


def _pays(account: str | None) -> bool:
    return account is not None and iban.read(account) is not None


def svg(invoice: Invoice) -> str | None:
    """The code as a picture; None where there is none. Error correction M, as the standard says."""
    text = payload(invoice)
    if text is None:
        return None
    out = io.BytesIO()
    segno.make(text, error="m", encoding="utf-8", micro=False).save(out, kind="svg", xmldecl=False, border=0)
    return out.getvalue().decode()
